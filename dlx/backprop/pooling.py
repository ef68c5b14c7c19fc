"""Backward rules of pooling, window entry by window entry."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_floating
from dlx.nn import max_pool2d
from dlx.nn._pool_windows import Windows, check_planes, make_windows
from dlx.nn._windows import Padding

__all__ = ["avg_pool2d_backward", "global_avg_pool2d_backward", "global_max_pool2d_backward", "max_pool2d_backward"]


def max_pool2d_backward(
    output_gradient: Float[Array, "*batch rows columns channels"],
    inputs: Float[Array, "*batch height width channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> Float[Array, "*batch height width channels"]:
    """Backward rule of max pooling: the gradient of a window goes to its first maximum.

        dL/dx_uv = sum over windows (i, j) of dL/dy_ij [(u, v) is the first maximum of window (i, j)]

    Args:
      output_gradient: (*batch, rows, columns, channels) dL/dy.
      inputs: (*batch, height, width, channels) x.
      window: as in the forward function `dlx.nn.max_pool2d`.
      stride: as there.
      padding: as there.
      ceil_mode: as there.
    Returns: dL/dx.
    Raises: ValueError if the shapes or the windows do not fit; TypeError if `inputs` are not floating.
    Source: Goodfellow et al. 2016, section 9.3; notes 004 "pooling".
    """
    windows = make_windows(check_planes(inputs), window, stride, padding, ceil_mode)
    _check_gradient(output_gradient, inputs, windows)
    maxima = max_pool2d(inputs, window=window, stride=stride, padding=padding, ceil_mode=ceil_mode)
    open_windows = jnp.ones(maxima.shape, bool)
    padded = _padded(inputs, windows, -np.inf)
    by_padded = jnp.zeros(padded.shape, inputs.dtype)
    for entry in _entries(windows):
        first = (padded[entry] == maxima) & open_windows
        by_padded = by_padded.at[entry].add(jnp.where(first, output_gradient, 0))
        open_windows &= ~first
    return _plane(by_padded, windows)


def avg_pool2d_backward(
    output_gradient: Float[Array, "*batch rows columns channels"],
    inputs: Float[Array, "*batch height width channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Float[Array, "*batch height width channels"]:
    """Backward rule of average pooling: every entry of a window gets an equal share of its gradient.

        dL/dx_uv = sum over windows (i, j) that hold (u, v) of dL/dy_ij / n_ij

    Args:
      output_gradient: (*batch, rows, columns, channels) dL/dy.
      inputs: (*batch, height, width, channels) x; only its shape and dtype matter.
      window: as in the forward function `dlx.nn.avg_pool2d`.
      stride: as there.
      padding: as there.
      ceil_mode: as there.
      count_include_pad: as there.
    Returns: dL/dx.
    Raises: ValueError if the shapes or the windows do not fit; TypeError if `inputs` are not floating.
    Source: Goodfellow et al. 2016, section 9.3; notes 001 section 6.
    """
    windows = make_windows(check_planes(inputs), window, stride, padding, ceil_mode)
    _check_gradient(output_gradient, inputs, windows)
    counts = windows.entries(padded=count_include_pad).astype(inputs.dtype)
    share = output_gradient / jnp.broadcast_to(counts, output_gradient.shape)
    by_padded = _padded(jnp.zeros_like(inputs), windows, 0)
    for entry in _entries(windows):
        by_padded = by_padded.at[entry].add(share)
    return _plane(by_padded, windows)


def global_avg_pool2d_backward(
    output_gradient: Float[Array, "*batch channels"], inputs: Float[Array, "*batch height width channels"]
) -> Float[Array, "*batch height width channels"]:
    """Backward rule of global average pooling.

        dL/dx_uvc = dL/dy_c / (H W)

    Args:
      output_gradient: (*batch, channels) dL/dy.
      inputs: (*batch, height, width, channels) x.
    Returns: dL/dx.
    Raises: ValueError if the shapes do not fit; TypeError if `inputs` are not floating.
    Source: Lin et al. 2013, section 3.2; notes 001 section 10.
    """
    height, width = _check_global(output_gradient, inputs)
    return jnp.broadcast_to(output_gradient[..., None, None, :] / (height * width), inputs.shape)


def global_max_pool2d_backward(
    output_gradient: Float[Array, "*batch channels"], inputs: Float[Array, "*batch height width channels"]
) -> Float[Array, "*batch height width channels"]:
    """Backward rule of global max pooling: the gradient goes to the first maximum of the plane, by rows.

        dL/dx_uvc = dL/dy_c [(u, v) is the first maximum of channel c]

    Args:
      output_gradient: (*batch, channels) dL/dy.
      inputs: (*batch, height, width, channels) x.
    Returns: dL/dx.
    Raises: ValueError if the shapes do not fit; TypeError if `inputs` are not floating.
    Source: notes 001 section 6.
    """
    size = _check_global(output_gradient, inputs)
    return max_pool2d_backward(output_gradient[..., None, None, :], inputs, window=size)


def _check_gradient(output_gradient: Array, inputs: Array, windows: Windows) -> None:
    check_floating("output_gradient", output_gradient)
    wanted = (*inputs.shape[:-3], *windows.counts, inputs.shape[-1])
    if output_gradient.shape != wanted:
        raise ValueError(f"output_gradient: got shape {output_gradient.shape}, wanted {wanted}, that of the outputs")


def _check_global(output_gradient: Array, inputs: Array) -> tuple[int, int]:
    size = check_planes(inputs)
    check_floating("output_gradient", output_gradient)
    wanted = (*inputs.shape[:-3], inputs.shape[-1])
    if output_gradient.shape != wanted:
        raise ValueError(f"output_gradient: got shape {output_gradient.shape}, wanted {wanted}, that of the outputs")
    return size


def _padded(inputs: Array, windows: Windows, value: float) -> Array:
    sides = []
    for size, k, s, low, _, n in zip(*windows, strict=True):
        sides.append((low, max(0, (n - 1) * s + k - size - low)))
    return jnp.pad(inputs, [(0, 0)] * (inputs.ndim - 3) + [*sides, (0, 0)], constant_values=value)


def _entries(windows: Windows) -> list[tuple]:
    """One index for each entry of a window, by rows: it reads that entry of every window."""
    (height, width), (s, t), (rows, columns) = windows.window, windows.stride, windows.counts
    return [
        (..., slice(a, a + (rows - 1) * s + 1, s), slice(b, b + (columns - 1) * t + 1, t), slice(None))
        for a in range(height)
        for b in range(width)
    ]


def _plane(padded: Array, windows: Windows) -> Array:
    (top, left), (height, width) = windows.low, windows.size
    return padded[..., top : top + height, left : left + width, :]
