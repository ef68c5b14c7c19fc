"""Growing strong pixels through weak ones, to the end: 32 pixels in one word.

A word holds 32 pixels of a row. The rows are cut into strips of 16 and all strips go at once: down their rows, then up,
and every row takes what the row before it found, then fills each run of weak pixels that holds a strong one. So a round
carries an edge over a whole strip and over two words along a row, where a dilation of pixels carries it by one; on
photographs about 20 rounds reach the fixed point, and a round costs less than a dilation of bytes.
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROWS, _BITS = 16, 32
_PLACES = np.arange(_BITS, dtype=np.uint32)[None, None]


def grow(strong: jax.Array, weak: jax.Array, connectivity: int = 8) -> jax.Array:
    """The pixels of `weak` that are joined to one of `strong`, through pixels of `weak`; bool images.

    A batch under vmap is one tall image with empty rows between: a loop over a batch of loops would select, at every
    round and for each image, between its new and its old state.
    """
    return _GROW[connectivity](strong, weak)


def _batched(connectivity: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
    @jax.custom_batching.custom_vmap
    def function(strong: jax.Array, weak: jax.Array) -> jax.Array:
        return _grow(strong, weak, connectivity)

    @function.def_vmap
    def _(size: int, batched: Sequence[bool], strong: jax.Array, weak: jax.Array) -> tuple[jax.Array, bool]:
        many = [x if is_many else jnp.stack([x] * size) for x, is_many in zip((strong, weak), batched, strict=True)]
        height, width = many[0].shape[1:]
        tall = [jnp.pad(x, ((0, 0), (0, 1), (0, 0))).reshape(size * (height + 1), width) for x in many]
        return function(*tall).reshape(size, height + 1, width)[:, :height], True

    return function


@partial(jax.jit, static_argnames="connectivity")
def _grow(strong: jax.Array, weak: jax.Array, connectivity: int) -> jax.Array:
    height, width = weak.shape
    margins = ((0, -height % _ROWS), (0, -width % _BITS))
    rows, seeds = _by_row(jnp.pad(weak, margins)), _by_row(jnp.pad(strong & weak, margins))
    runs = [_runs(row) for row in rows]
    none = jnp.zeros_like(rows[0][:1])

    def visit(number: int, found: list[jax.Array], before: jax.Array) -> None:
        here = found[number]
        if connectivity == 8:
            here = here | before
            touched = here | _right(here) | _left(here)
        else:
            touched = here | before | _right(here) | _left(here)
        found[number] = _fill(touched, runs[number])

    def sweep(carry: tuple[tuple[jax.Array, ...], jax.Array]) -> tuple[tuple[jax.Array, ...], jax.Array]:
        old, _ = carry
        found = list(old)
        for i in range(_ROWS):
            visit(i, found, found[i - 1] if i else jnp.concatenate([none, found[-1][:-1]]))
        for i in reversed(range(_ROWS)):
            visit(i, found, found[i + 1] if i + 1 < _ROWS else jnp.concatenate([found[0][1:], none]))
        return tuple(found), jnp.any(jnp.stack(found) != jnp.stack(old))

    found, _ = lax.while_loop(lambda carry: carry[1], sweep, (tuple(seeds), jnp.array(True)))
    words = jnp.stack(found, axis=1).reshape(height + margins[0][1], -1)
    bits = (words[..., None] >> _PLACES) & 1
    return bits.reshape(words.shape[0], -1)[:height, :width] != 0


def _by_row(image: jax.Array) -> list[jax.Array]:
    """Row i of all strips, for each i: (strips, words)."""
    height, width = image.shape
    bits = image.reshape(height, width // _BITS, _BITS).astype(jnp.uint32) << _PLACES
    words = jnp.sum(bits, axis=-1, dtype=jnp.uint32).reshape(height // _ROWS, _ROWS, width // _BITS)
    return [words[:, i] for i in range(_ROWS)]


def _right(words: jax.Array) -> jax.Array:
    """All pixels of a row one place further, over the words' ends."""
    return (words << 1) | jnp.pad(words >> (_BITS - 1), ((0, 0), (1, 0)))[:, :-1]


def _left(words: jax.Array) -> jax.Array:
    return (words >> 1) | jnp.pad(words << (_BITS - 1), ((0, 0), (0, 1)))[:, 1:]


def _runs(weak: jax.Array) -> list[jax.Array]:
    """Bits that begin at least 1, 2, 4, 8, 16 weak ones in a row."""
    runs = [weak]
    for distance in (1, 2, 4, 8):
        runs.append(runs[-1] & (runs[-1] >> distance))
    return runs


def _fill(touched: jax.Array, runs: list[jax.Array]) -> jax.Array:
    """Every run of weak bits of which one is touched."""
    weak = runs[0]
    found = touched & weak
    # an addition carries from a found bit through the ones above it to the end of the run
    found = found | (weak & ~(weak + found))
    # and downwards in five doublings
    for distance, run in zip((1, 2, 4, 8, 16), runs, strict=True):
        found = found | (run & (found >> distance))
    return found


_GROW = {connectivity: _batched(connectivity) for connectivity in (4, 8)}
