"""Backward rules of convolution by hand: through the matrix of windows, as notes 004 have it.

`dlx.nn.conv2d` computes the same gradients in faster forms.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating
from dlx.nn._windows import Padding
from dlx.nn.conv import conv2d
from dlx.nn.im2col import col2im, im2col

__all__ = ["conv2d_backward", "conv_transpose2d_backward"]

Pair = int | Sequence[int]


def conv2d_backward(
    output_gradient: Float[Array, "batch out_height out_width out_channels"],
    inputs: Float[Array, "batch height width in_channels"],
    kernel: Float[Array, "kernel_height kernel_width in_channels out_channels"],
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
) -> tuple[
    Float[Array, "batch height width in_channels"],
    Float[Array, "kernel_height kernel_width in_channels out_channels"],
    Float[Array, "out_channels"],
]:
    """Backward rule of the convolutional layer.

        Y = im2col(X) K + 1 b:    dL/dX = col2im(dL/dY K^T),    dL/dK = im2col(X)^T dL/dY,    dL/db = 1^T dL/dY

    Args:
      output_gradient: (batch, out_height, out_width, out_channels) dL/dY.
      inputs: (batch, height, width, in_channels) X.
      kernel: (kernel_height, kernel_width, in_channels, out_channels) K.
      stride: as for `dlx.nn.conv2d`.
      padding: as for `dlx.nn.conv2d`.
      dilation: as for `dlx.nn.conv2d`.
    Returns: dL/dX, dL/dK and dL/db.
    Raises: ValueError if the shapes do not fit or an option is out of range; TypeError if an array is not floating.
    Source: Goodfellow et al. 2016, eq. 9.11 to 9.13; notes 004 "convolution, backward".
    """
    check_floating("output_gradient", output_gradient)
    if kernel.ndim != 4 or inputs.ndim != 4 or inputs.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"kernel: got shape {kernel.shape} for inputs of shape {inputs.shape}, wanted (height, width, in_channels,"
            " out_channels) with the last axis of inputs"
        )
    window, outputs = kernel.shape[:2], kernel.shape[3]
    windows = im2col(inputs, window, stride=stride, padding=padding, dilation=dilation)
    _check_gradient(output_gradient, (len(inputs), outputs), len(windows))
    rows = output_gradient.reshape(len(windows), outputs)
    # columns of the windows go by channel first
    matrix = kernel.transpose(2, 0, 1, 3).reshape(-1, outputs)
    by_inputs = col2im(rows @ matrix.T, inputs.shape, window, stride=stride, padding=padding, dilation=dilation)
    by_kernel = (windows.T @ rows).reshape(kernel.shape[2], *window, outputs).transpose(1, 2, 0, 3)
    return by_inputs, by_kernel, jnp.sum(rows, axis=0)


def conv_transpose2d_backward(
    output_gradient: Float[Array, "batch out_height out_width out_channels"],
    inputs: Float[Array, "batch height width in_channels"],
    kernel: Float[Array, "kernel_height kernel_width out_channels in_channels"],
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
) -> tuple[
    Float[Array, "batch height width in_channels"],
    Float[Array, "kernel_height kernel_width out_channels in_channels"],
    Float[Array, "out_channels"],
]:
    """Backward rule of the transposed convolution, whose adjoint is the convolution.

        Y = convT(X, K) + 1 b:    dL/dX = conv(dL/dY, K),    dL/dK = im2col(dL/dY)^T X,    dL/db = 1^T dL/dY

    Args:
      output_gradient: (batch, out_height, out_width, out_channels) dL/dY; its size says what output_padding was.
      inputs: (batch, height, width, in_channels) X.
      kernel: (kernel_height, kernel_width, out_channels, in_channels) K, as for `dlx.nn.conv_transpose2d`.
      stride: as for `dlx.nn.conv_transpose2d`.
      padding: as for `dlx.nn.conv_transpose2d`.
      dilation: as for `dlx.nn.conv_transpose2d`.
    Returns: dL/dX, dL/dK and dL/db.
    Raises: ValueError if the shapes do not fit or an option is out of range; TypeError if an array is not floating.
    Source: Dumoulin and Visin 2016, section 4.1; notes 001 section 10.
    """
    check_floating("output_gradient", output_gradient)
    if kernel.ndim != 4 or inputs.ndim != 4 or inputs.shape[-1] != kernel.shape[3]:
        raise ValueError(
            f"kernel: got shape {kernel.shape} for inputs of shape {inputs.shape}, wanted (height, width, out_channels,"
            " in_channels) with the last axis of inputs"
        )
    if output_gradient.ndim != 4 or output_gradient.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"output_gradient: got shape {output_gradient.shape}, wanted (batch, height, width, {kernel.shape[2]})"
        )
    by_inputs = conv2d(output_gradient, kernel, stride=stride, padding=padding, dilation=dilation)
    if by_inputs.shape != inputs.shape:
        raise ValueError(
            f"output_gradient: got shape {output_gradient.shape}, which a convolution takes to {by_inputs.shape},"
            f" wanted one that it takes to {inputs.shape}, the shape of inputs"
        )
    windows = im2col(output_gradient, kernel.shape[:2], stride=stride, padding=padding, dilation=dilation)
    by_kernel = (windows.T @ inputs.reshape(len(windows), kernel.shape[3])).reshape(
        kernel.shape[2], *kernel.shape[:2], -1
    )
    return by_inputs, by_kernel.transpose(1, 2, 0, 3), jnp.sum(output_gradient, axis=(0, 1, 2))


def _check_gradient(gradient: Array, ends: tuple[int, int], rows: int) -> None:
    shape = gradient.shape
    if len(shape) != 4 or (shape[0], shape[3]) != ends or shape[0] * shape[1] * shape[2] != rows:
        raise ValueError(
            f"output_gradient: got shape {shape}, wanted ({ends[0]}, out_height, out_width, {ends[1]}) with"
            f" {rows} windows"
        )
