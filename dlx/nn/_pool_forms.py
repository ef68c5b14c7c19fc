"""Sums and maxima of windows with gradients that are fast on a CPU.

The gradient of XLA's windowed maximum (`select_and_scatter`) was 10 to 30 times slower than its value; that of strided
slices is slow where windows overlap. Both values here are taken over slices, one for each entry of a window. Both
derivatives are one linear function, `_gather`, over planes cut into blocks of the stride: its transpose, which is the
gradient, reads each number once and writes each number once. Forward mode works as well.
"""

import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dlx.nn._pool_windows import Windows

LARGEST = 64
"""Entries of a window up to which slices are taken: compilation grows with them."""


def window_max(planes: jax.Array, windows: Windows) -> jax.Array:
    """(batch, height, width, channels) -> (batch, rows, columns, channels), the gradient to the first maximum."""
    return (_max if windows.area <= LARGEST else _built_in_max)(planes, windows)


def window_sum(planes: jax.Array, windows: Windows) -> jax.Array:
    """(batch, height, width, channels) -> (batch, rows, columns, channels); padding counts as zeros."""
    return (_sum if windows.area <= LARGEST else _built_in_sum)(planes, windows)


def first_maxima(planes: jax.Array, maxima: jax.Array, windows: Windows) -> jax.Array:
    """Which entry of its window, counted by rows, is the first maximum or NaN."""
    kind = _number_type(windows)
    found = jnp.zeros(maxima.shape, kind)
    for number, view in reversed(list(enumerate(_views(planes, windows, -np.inf)))):
        hit = (view == maxima) | (view != view)
        inside = windows.inside(*divmod(number, windows.window[1]))
        if not inside.all():
            hit &= jnp.broadcast_to(inside, hit.shape)
        found = jnp.where(hit, jnp.asarray(number, kind), found)
    return found


def spread(values: jax.Array, picked: jax.Array, windows: Windows) -> jax.Array:
    """Values of windows to the entries `picked` of them, added where windows overlap: the transpose of a gather."""
    planes = jax.ShapeDtypeStruct((len(values), *windows.size, values.shape[-1]), values.dtype)
    return jax.linear_transpose(lambda planes: _gather(planes, windows, picked), planes)(values)[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max(planes: jax.Array, windows: Windows) -> jax.Array:
    return functools.reduce(jnp.maximum, _views(planes, windows, -np.inf))


@_max.defjvp
def _max_jvp(windows: Windows, primals: tuple, tangents: tuple) -> tuple:
    # the barrier keeps XLA from taking the maxima again for every entry that is compared with them
    maxima = lax.optimization_barrier(_max(primals[0], windows))
    return maxima, _gather(tangents[0], windows, first_maxima(primals[0], maxima, windows))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _sum(planes: jax.Array, windows: Windows) -> jax.Array:
    return functools.reduce(jnp.add, _views(planes, windows, 0))


@_sum.defjvp
def _sum_jvp(windows: Windows, primals: tuple, tangents: tuple) -> tuple:
    return _sum(primals[0], windows), _gather(tangents[0], windows, None)


def _built_in_max(planes: jax.Array, windows: Windows) -> jax.Array:
    return _reduce_window(planes, windows, -np.inf, lax.max)


def _built_in_sum(planes: jax.Array, windows: Windows) -> jax.Array:
    return _reduce_window(planes, windows, 0, lax.add)


def _reduce_window(planes: jax.Array, windows: Windows, start: float, function: Callable) -> jax.Array:
    padding = [(0, 0), *((low, max(0, after)) for low, after in _reach(windows)), (0, 0)]
    first = np.asarray(start, planes.dtype)
    return lax.reduce_window(planes, first, function, (1, *windows.window, 1), (1, *windows.stride, 1), padding)


def _number_type(windows: Windows) -> type:
    # two numbers are kept for "no entry"
    return np.uint8 if windows.area < 254 else np.int32


def _reach(windows: Windows) -> list[tuple[int, int]]:
    """Padding before the plane, and after it up to the end of the last window: negative where none reaches the end."""
    return [(low, (n - 1) * s + k - size - low) for size, k, s, low, _, n in zip(*windows, strict=True)]


def _pad(planes: jax.Array, value: object, rows: tuple[int, int], columns: tuple[int, int]) -> jax.Array:
    return lax.pad(planes, np.asarray(value, planes.dtype), [(0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)])


def _views(planes: jax.Array, windows: Windows, value: float) -> Iterator[jax.Array]:
    """The same entry of every window, for one entry after the other, by rows; `value` stands in the padding."""
    padded = _pad(planes, value, *_reach(windows))
    (k, width), (s, t), (rows, columns) = windows.window, windows.stride, windows.counts
    for a in range(k):
        for b in range(width):
            yield padded[:, a : a + (rows - 1) * s + 1 : s, b : b + (columns - 1) * t + 1 : t]


def _gather(planes: jax.Array, windows: Windows, picked: jax.Array | None) -> jax.Array:
    """The sum of the entries of each window, or the entry that is picked.

    A plane in blocks of stride by stride: a window covers some blocks after each other. The sum over them goes from the
    last to the first, so that its transpose adds the windows of an entry in their order, as XLA's own gradient does.
    """
    (k, width), (s, t) = windows.window, windows.stride
    batch, channels = planes.shape[0], planes.shape[-1]
    blocks = [
        -(-(size + low) // step) for size, low, step in zip(windows.size, windows.low, windows.stride, strict=True)
    ]
    covered = [-(-extent // step) for extent, step in zip(windows.window, windows.stride, strict=True)]
    ends = [
        (low, n * step - size - low)
        for size, low, step, n in zip(windows.size, windows.low, windows.stride, blocks, strict=True)
    ]
    shape = (batch, blocks[0], s, blocks[1], t, channels)
    cut = _pad(planes, 0, *ends).reshape(shape)
    # the grid of windows, with those that begin before the first block
    grid = [(c - 1, n - have) for c, n, have in zip(covered, blocks, windows.counts, strict=True)]
    if picked is not None:
        none, never = np.iinfo(picked.dtype).max, np.iinfo(picked.dtype).max - 1
        picked = _pad(picked, none, *grid)
    total = jnp.zeros((batch, blocks[0] + covered[0] - 1, blocks[1] + covered[1] - 1, channels), planes.dtype)
    for i in range(covered[0]):
        for j in range(covered[1]):
            a, b = np.arange(i * s, i * s + s)[:, None, None, None], np.arange(j * t, j * t + t)[:, None]
            present, top, left = (a < k) & (b < width), covered[0] - 1 - i, covered[1] - 1 - j
            if picked is None:
                mask = jnp.broadcast_to(present, shape)
            else:
                wanted = np.where(present, a * width + b, never).astype(picked.dtype)
                numbers = picked[:, top : top + blocks[0], None, left : left + blocks[1], None]
                mask = jnp.broadcast_to(numbers, shape) == jnp.broadcast_to(wanted[None, None], shape)
            term = jnp.sum(jnp.where(mask, cut, 0), axis=(2, 4))
            total += _pad(term, 0, (top, i), (left, j))
    return _pad(total, 0, *((-before, -after) for before, after in grid))
