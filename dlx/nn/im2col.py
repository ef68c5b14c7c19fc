"""Images as the matrix of their windows, the adjoint of that, and convolution as one matrix product."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating
from dlx.nn._windows import Padding, as_pads, as_pair, padded_output_size

__all__ = ["col2im", "conv2d_im2col", "im2col"]

Pair = int | Sequence[int]


def im2col(
    inputs: Float[Array, "batch height width channels"],
    kernel_size: Pair,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
) -> Float[Array, "windows entries"]:
    """Every window of every image as a row.

        row (n, i, j), column (c, u, v) = X[n, i s + u d - p, j s + v d - p, c],    X = 0 outside
        oh = floor((height + 2 p - d (k - 1) - 1) / s) + 1

    Rows go by image, then from the top, then from the left; columns by channel first, then through the window: the
    order of PyTorch's `unfold`, whose two last axes are exchanged.

    Args:
      inputs: (batch, height, width, channels).
      kernel_size: k, an int or (rows, columns).
      stride: s, an int or (rows, columns).
      padding: p: an int, (rows, columns), ((top, bottom), (left, right)), "same" or "valid".
      dilation: d, an int or (rows, columns).
    Returns: (batch * oh * ow, channels * k * k).
    Raises: ValueError if the window is larger than the padded image or an option is out of range; TypeError if the
      images are not floating or an option is no int.
    Source: Chellapilla et al. 2006, section 3; notes 004 "im2col".
    """
    check_floating("inputs", inputs)
    if inputs.ndim != 4:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, height, width, channels)")
    window, strides, pads, dilations, (rows, columns) = _geometry(inputs.shape, kernel_size, stride, padding, dilation)
    inputs = jnp.pad(inputs, ((0, 0), *pads, (0, 0)))
    entries = [inputs[:, r, c] for r, c in _slices(window, strides, dilations, rows, columns)]
    # (k * k, batch, oh, ow, channels)
    return (
        jnp.stack(entries)
        .transpose(1, 2, 3, 4, 0)
        .reshape(len(inputs) * rows * columns, inputs.shape[-1] * len(entries))
    )


def col2im(
    windows: Float[Array, "windows entries"],
    input_shape: Sequence[int],
    kernel_size: Pair,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
) -> Float[Array, "batch height width channels"]:
    """Windows put back on their places; where they overlap, added. The adjoint of `im2col`.

        <im2col(x), c> = <x, col2im(c)>

    Args:
      windows: (batch * oh * ow, channels * k * k), ordered as `im2col` has it.
      input_shape: (batch, height, width, channels) of the images.
      kernel_size: k, as for `im2col`.
      stride: s, as for `im2col`.
      padding: p, as for `im2col`.
      dilation: d, as for `im2col`.
    Returns: (batch, height, width, channels). Not an inverse: a pixel comes back as often as windows hold it.
    Raises: ValueError if the shapes do not fit or an option is out of range; TypeError if the windows are not floating
      or an option is no int.
    Source: Chellapilla et al. 2006, section 3; notes 004 "col2im".
    """
    check_floating("windows", windows)
    if not isinstance(input_shape, list | tuple) or not all(type(size) is int for size in input_shape):
        raise TypeError(f"input_shape: got {input_shape!r}, wanted ints (batch, height, width, channels)")
    if len(input_shape) != 4:
        raise ValueError(f"input_shape: got {tuple(input_shape)}, wanted (batch, height, width, channels)")
    batch, height, width, channels = input_shape
    window, strides, pads, dilations, (rows, columns) = _geometry(input_shape, kernel_size, stride, padding, dilation)
    wanted = (batch * rows * columns, channels * window[0] * window[1])
    if windows.shape != wanted:
        raise ValueError(f"windows: got shape {windows.shape}, wanted {wanted} for images of {tuple(input_shape)}")
    entries = windows.reshape(batch, rows, columns, channels, window[0] * window[1])
    (top, bottom), (left, right) = pads
    images = jnp.zeros((batch, height + top + bottom, width + left + right, channels), windows.dtype)
    for number, (r, c) in enumerate(_slices(window, strides, dilations, rows, columns)):
        images = images.at[:, r, c].add(entries[..., number])
    return images[:, top : top + height, left : left + width]


def conv2d_im2col(
    inputs: Float[Array, "batch height width in_channels"],
    kernel: Float[Array, "kernel_height kernel_width in_channels out_channels"],
    bias: Float[Array, "out_channels"] | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
) -> Float[Array, "batch out_height out_width out_channels"]:
    """`conv2d` as one matrix product with the windows, to be read; slower and larger than `conv2d`.

        Y = im2col(X) K + b

    Args:
      inputs: (batch, height, width, in_channels).
      kernel: (kernel_height, kernel_width, in_channels, out_channels).
      bias: (out_channels,), or None for none.
      stride: as for `conv2d`.
      padding: as for `conv2d`.
      dilation: as for `conv2d`.
    Returns: (batch, out_height, out_width, out_channels).
    Raises: ValueError if the shapes do not fit or an option is out of range; TypeError if an array is not floating or
      an option is no int.
    Source: Chellapilla et al. 2006, section 3; notes 004 "convolution".
    """
    check_floating("inputs", inputs)
    check_floating("kernel", kernel)
    if kernel.ndim != 4 or inputs.ndim != 4 or kernel.shape[2] != inputs.shape[-1]:
        raise ValueError(
            f"kernel: got shape {kernel.shape} for inputs of shape {inputs.shape}, wanted (height, width, in_channels,"
            " out_channels) with the last axis of inputs"
        )
    if bias is not None:
        check_floating("bias", bias)
    if bias is not None and bias.shape != kernel.shape[3:]:
        raise ValueError(f"bias: got shape {bias.shape}, wanted {kernel.shape[3:]}, the output channels of kernel")
    window = kernel.shape[:2]
    *_, (rows, columns) = _geometry(inputs.shape, window, stride, padding, dilation)
    windows = im2col(inputs, window, stride=stride, padding=padding, dilation=dilation)
    outputs = windows @ kernel.transpose(2, 0, 1, 3).reshape(-1, kernel.shape[3])
    outputs = outputs.reshape(len(inputs), rows, columns, kernel.shape[3])
    return outputs if bias is None else outputs + jnp.broadcast_to(bias, outputs.shape)


def _geometry(shape: Sequence[int], kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair) -> tuple:
    """Everything as pairs, and the number of windows in rows and columns."""
    window, stride, dilation = (
        as_pair("kernel_size", kernel_size),
        as_pair("stride", stride),
        as_pair("dilation", dilation),
    )
    size = (shape[1], shape[2])
    pads = as_pads(padding, size, window, stride, dilation)
    return window, stride, pads, dilation, padded_output_size("kernel_size", size, window, stride, pads, dilation)


def _slices(
    window: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], rows: int, columns: int
) -> list[tuple[slice, slice]]:
    """For each entry of the window, where it lies in the padded images."""

    def along(axis: int, entry: int, count: int) -> slice:
        start = entry * dilation[axis]
        return slice(start, start + (count - 1) * stride[axis] + 1, stride[axis])

    return [(along(0, u, rows), along(1, v, columns)) for u in range(window[0]) for v in range(window[1])]
