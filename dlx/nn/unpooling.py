"""Unpooling: planes made larger again, with and without the places of the maxima."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from dlx.nn._pool_forms import Pairs, Windows, as_pair, check_planes, make_windows
from dlx.nn.pooling import max_pool2d

__all__ = ["bed_of_nails", "max_pool2d_with_switches", "max_unpool2d", "nearest_unpool2d"]


def max_pool2d_with_switches(
    inputs: Float[Array, "*batch height width channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Pairs = 0,
    ceil_mode: bool = False,
) -> tuple[Float[Array, "*batch rows columns channels"], Int[Array, "*batch rows columns channels"]]:
    """The maximum of each window and the place where it was.

    A switch is the number `row * width + column` of the first maximum in the plane of its channel, as PyTorch's
    `return_indices` gives it.

    Args:
      inputs: (*batch, height, width, channels).
      window: as for `max_pool2d`.
      stride: as for `max_pool2d`.
      padding: as for `max_pool2d`.
      ceil_mode: as for `max_pool2d`.
    Returns: the maxima, (*batch, rows, columns, channels) and of the dtype of `inputs`; the switches, int32.
    Raises: ValueError if a window does not fit into the padded plane or the padding is as large as the window;
      TypeError if `inputs` are not floating.
    Source: Zeiler and Fergus 2014, section 2.1; notes 004 "unpooling" (U21).
    """
    windows = make_windows(inputs, window, stride, padding, ceil_mode)
    outputs = max_pool2d(inputs, window=window, stride=stride, padding=padding, ceil_mode=ceil_mode)
    return outputs, _switches(inputs, outputs, windows)


def max_unpool2d(
    inputs: Float[Array, "*batch rows columns channels"],
    switches: Int[Array, "*batch rows columns channels"],
    *,
    size: tuple[int, int],
) -> Float[Array, "*batch height width channels"]:
    """Each number at the place from which its maximum came, zeros elsewhere.

        y[switches_ijc, c] = x_ijc

    Pooling again with the same windows gives back what came, if it is not negative. Where windows overlap and several
    name one place, their mean stands there (PyTorch keeps one of them and does not say which).

    Args:
      inputs: (*batch, rows, columns, channels).
      switches: from `max_pool2d_with_switches`, each in 0..height * width - 1; others are left out under jit.
      size: height and width of the plane that was pooled.
    Returns: (*batch, height, width, channels), dtype of `inputs`.
    Raises: ValueError if the shapes differ, `size` is no pair of positive ints or a switch lies outside of the plane;
      TypeError if `inputs` are not floating or `switches` no integers.
    Source: Zeiler and Fergus 2014, section 2.1; Badrinarayanan et al. 2017, section 3; notes 004 "unpooling" (U21).
    """
    check_planes(inputs)
    height, width = as_pair("size", size)
    channels = inputs.shape[-1]
    flat = (-1, inputs.shape[-3] * inputs.shape[-2], channels)
    values, places = inputs.reshape(flat), switches.reshape(flat)
    examples = jnp.arange(len(values))[:, None, None]
    target = (examples, places, jnp.arange(channels)[None, None])
    zeros = jnp.zeros((len(values), height * width, channels), inputs.dtype)
    total, count = zeros.at[target].add(values), zeros.at[target].add(1)
    return (total / jnp.maximum(count, 1)).reshape(*inputs.shape[:-3], height, width, channels)


def nearest_unpool2d(
    inputs: Float[Array, "*batch height width channels"], *, window: int | tuple[int, int] = 2
) -> Float[Array, "*batch rows columns channels"]:
    """Each number becomes a block of equal ones.

        y_ijc = x[i // k, j // l, c]

    Args:
      inputs: (*batch, height, width, channels).
      window: k, l, rows and columns of a block, one int for both.
    Returns: (*batch, k height, l width, channels), dtype of `inputs`.
    Raises: ValueError if there is no plane or `window` is not positive; TypeError if `inputs` are not floating.
    Source: notes 004 "unpooling" (U21).
    """
    check_planes(inputs)
    rows, columns = as_pair("window", window)
    return jnp.repeat(jnp.repeat(inputs, rows, axis=-3), columns, axis=-2)


def bed_of_nails(
    inputs: Float[Array, "*batch height width channels"], *, window: int | tuple[int, int] = 2
) -> Float[Array, "*batch rows columns channels"]:
    """Each number becomes a block that holds it in its first corner and zeros elsewhere.

        y_ijc = x[i / k, j / l, c] where k divides i and l divides j, else 0

    Args:
      inputs: (*batch, height, width, channels).
      window: k, l, rows and columns of a block, one int for both.
    Returns: (*batch, k height, l width, channels), dtype of `inputs`.
    Raises: ValueError if there is no plane or `window` is not positive; TypeError if `inputs` are not floating.
    Source: Zeiler et al. 2011, section 2; notes 004 "unpooling" (U21).
    """
    check_planes(inputs)
    rows, columns = as_pair("window", window)
    padding = [(0, 0, 0)] * (inputs.ndim - 3) + [(0, rows - 1, rows - 1), (0, columns - 1, columns - 1), (0, 0, 0)]
    return lax.pad(inputs, jnp.zeros((), inputs.dtype), padding)


def _switches(inputs: Array, outputs: Array, windows: Windows) -> Array:
    """Number in the plane of the first entry of each window that is its maximum."""
    padding = [(0, 0, 0)] * (inputs.ndim - 3) + [
        (low, after, 0) for low, after in zip(windows.low, windows.after, strict=True)
    ]
    padding.append((0, 0, 0))
    height, width = windows.size
    numbers = jnp.broadcast_to(jnp.arange(height * width).reshape(height, width, 1), inputs.shape)
    numbers = lax.pad(numbers.astype(jnp.int32), jnp.int32(height * width), padding)
    padded = lax.pad(inputs, jnp.asarray(jnp.nan, inputs.dtype), padding)
    (height_k, width_k), (s, t), (rows, columns) = windows.window, windows.stride, windows.count
    found = jnp.full(outputs.shape, height * width, jnp.int32)
    for a in reversed(range(height_k)):
        for b in reversed(range(width_k)):
            view = (..., slice(a, a + (rows - 1) * s + 1, s), slice(b, b + (columns - 1) * t + 1, t), slice(None))
            found = jnp.where(padded[view] == outputs, numbers[view], found)
    return found
