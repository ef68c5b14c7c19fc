"""Unpooling: planes made larger again, with and without the places of the maxima."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from dlx.checks import check_same_shape, is_known
from dlx.nn._pool_forms import first_maxima, spread, window_max
from dlx.nn._pool_windows import Windows, check_planes, make_windows
from dlx.nn._windows import Padding, as_pair

__all__ = ["bed_of_nails", "max_pool2d_with_switches", "max_unpool2d", "nearest_unpool2d"]


def max_pool2d_with_switches(
    inputs: Float[Array, "*batch height width channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
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
    windows = make_windows(check_planes(inputs), window, stride, padding, ceil_mode)
    shape = (*inputs.shape[:-3], *windows.counts, inputs.shape[-1])
    planes = inputs.reshape(-1, *inputs.shape[-3:])
    outputs = window_max(planes, windows)
    numbers = first_maxima(planes, outputs, windows).astype(jnp.int32)
    rows, columns = (jnp.broadcast_to(corner, numbers.shape) for corner in _corners(windows))
    switches = (rows + numbers // windows.window[1]) * windows.size[1] + columns + numbers % windows.window[1]
    return outputs.reshape(shape), switches.reshape(shape)


def max_unpool2d(
    inputs: Float[Array, "*batch rows columns channels"],
    switches: Int[Array, "*batch rows columns channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    size: tuple[int, int] | None = None,
) -> Float[Array, "*batch height width channels"]:
    """Each number at the place from which its maximum came, zeros elsewhere.

        y[switches_ijc, c] = x_ijc

    Pooling again with the same windows gives back what came, if it is not negative. Where windows overlap and several
    name one place, their mean stands there (PyTorch keeps one of them and does not say which).

    Args:
      inputs: (*batch, rows, columns, channels).
      switches: from `max_pool2d_with_switches`; under jit one that lies outside of its window is left out.
      window: of the pooling.
      stride: of the pooling.
      padding: of the pooling.
      size: height and width of the plane that was pooled; None for the smallest that has so many windows.
    Returns: (*batch, height, width, channels), dtype of `inputs`.
    Raises: ValueError if the shapes differ, windows over planes of `size` are not as many as `inputs` has, or a switch
      lies outside of its window; TypeError if `inputs` are not floating or `switches` no integers.
    Source: Zeiler and Fergus 2014, section 2.1; Badrinarayanan et al. 2017, section 3; notes 004 "unpooling" (U21).
    """
    windows = _unpool_windows(check_planes(inputs), window, stride, padding, size)
    check_same_shape("switches", switches, "inputs", inputs)
    if not jnp.issubdtype(jnp.result_type(switches), jnp.integer):
        raise TypeError(f"switches: got dtype {jnp.result_type(switches)}, wanted integers")
    values, places = (array.reshape(-1, *inputs.shape[-3:]) for array in (inputs, switches))
    corners = (jnp.broadcast_to(corner, places.shape) for corner in _corners(windows))
    row, column = (place - corner for place, corner in zip(jnp.divmod(places, windows.size[1]), corners, strict=True))
    fits = (row >= 0) & (row < windows.window[0]) & (column >= 0) & (column < windows.window[1])
    fits &= (places >= 0) & (places < windows.size[0] * windows.size[1])
    if is_known(fits) and not fits.all():
        raise ValueError(
            f"switches: got {places[~fits][0]} outside of its window, wanted the switches of a pooling of planes of"
            f" {windows.size} with window {windows.window}, stride {windows.stride}"
        )
    numbers = jnp.where(fits, row * windows.window[1] + column, windows.area)
    outputs = spread(values, numbers, windows)
    if any(k > s for k, s in zip(windows.window, windows.stride, strict=True)):
        outputs = outputs / jnp.maximum(spread(jnp.ones_like(values), numbers, windows), 1)
    return outputs.reshape(*inputs.shape[:-3], *windows.size, inputs.shape[-1])


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


def _corners(windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns at which windows begin, (rows, 1, 1) and (columns, 1)."""
    rows, columns = (windows.first(axis).astype(np.int32) for axis in (0, 1))
    return rows[:, None, None], columns[:, None]


def _unpool_windows(
    count: tuple[int, int],
    window: int | tuple[int, int],
    stride: int | tuple[int, int] | None,
    padding: Padding,
    size: tuple[int, int] | None,
) -> Windows:
    # a plane large enough for any padding: only the checked options are read
    options = make_windows((2**30, 2**30), window, stride, padding, False)
    if size is None:
        smallest = [
            (n - 1) * s + k - low - high
            for n, s, k, low, high in zip(count, options.stride, options.window, options.low, options.high, strict=True)
        ]
        size = (max(1, smallest[0]), max(1, smallest[1]))
    for ceil_mode in (False, True):
        windows = make_windows(as_pair("size", size), window, stride, padding, ceil_mode)
        if windows.counts == count:
            return windows
    raise ValueError(
        f"size: got {size}, which has {windows.counts} windows of {windows.window} with stride {windows.stride}, wanted"
        f" planes with {count}, the rows and columns of inputs"
    )
