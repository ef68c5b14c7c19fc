"""Convolution of images, its adjoint, and the kernel of bilinear upsampling."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating
from dlx.nn._conv_forms import Geometry, convolve, transpose
from dlx.nn._windows import Padding, as_pads, as_pair, effective_size, padded_output_size

__all__ = ["bilinear_kernel", "conv2d", "conv_transpose2d"]

Pair = int | Sequence[int]


def conv2d(
    inputs: Float[Array, "*batch height width in_channels"],
    kernel: Float[Array, "kernel_height kernel_width group_channels out_channels"],
    bias: Float[Array, "out_channels"] | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Float[Array, "*batch out_height out_width out_channels"]:
    """Convolutional layer: cross-correlation with a kernel, plus a constant for each output channel.

        Y[i, j, o] = b[o] + sum_{u, v, c} X[i s + u d - p, j s + v d - p, c] K[u, v, c, o],    X = 0 outside
        rows of Y = floor((n + 2 p - d (k - 1) - 1) / s) + 1

    The kernel is not flipped. Images are NHWC and kernels HWIO, as in Flax; PyTorch has NCHW and OIHW:
    `kernel.transpose(2, 3, 1, 0)`. The stride moves the window right and down. Padding of k // 2 keeps the size for an
    odd k; "same" gives ceil(n / s) rows for every k, the odd zero at the bottom and on the right. With `groups`, output
    channels of the g-th group see only the g-th group of input channels.

    On a CPU the gradients are those of a custom_vjp, for speed: forward mode (`jax.jvp`, `jax.jacfwd`) of this function
    is not defined there, but forward mode over its gradient (`jax.hessian`, Hessian times vector) is.

    Args:
      inputs: (*batch, height, width, in_channels), any number of batch axes.
      kernel: (kernel_height, kernel_width, in_channels / groups, out_channels).
      bias: (out_channels,), or None for none.
      stride: s, an int or (rows, columns).
      padding: zeros on each side: an int, (rows, columns), ((top, bottom), (left, right)), "same" or "valid".
      dilation: d, distance between the entries of the kernel: an int or (rows, columns).
      groups: number of groups; a divisor of both channel counts.
    Returns: (*batch, out_height, out_width, out_channels).
    Raises: ValueError if the shapes do not fit, the kernel is larger than the padded input, or an option is out of
      range; TypeError if an array is not floating or an option is no int.
    Source: Goodfellow et al. 2016, eq. 9.6 and section 9.5; notes 001 section 6 (E7, E19, E20).
    """
    inputs, kernel = _checked("inputs", inputs, kernel)
    check_count("groups", groups)
    _check_channels(inputs, kernel, groups)
    strides, dilations = as_pair("stride", stride), as_pair("dilation", dilation)
    size, window = inputs.shape[-3:-1], kernel.shape[:2]
    pads = as_pads(padding, size, window, strides, dilations)
    padded_output_size("kernel", size, window, strides, pads, dilations)
    images = inputs.reshape(math.prod(inputs.shape[:-3]), *inputs.shape[-3:])
    outputs = convolve(images, kernel, Geometry(strides, pads, dilations, groups))
    return _add_bias(outputs.reshape(*inputs.shape[:-3], *outputs.shape[1:]), bias)


def conv_transpose2d(
    inputs: Float[Array, "*batch height width in_channels"],
    kernel: Float[Array, "kernel_height kernel_width group_channels in_channels"],
    bias: Float[Array, "out_channels"] | None = None,
    *,
    stride: Pair = 1,
    padding: int | Sequence[int] | Sequence[Sequence[int]] = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Float[Array, "*batch out_height out_width out_channels"]:
    """Transposed convolution: the adjoint of `conv2d` with the same kernel, plus a constant for each output channel.

        <conv2d(x, K), y> = <x, conv_transpose2d(y, K)>
        rows = (n - 1) s - 2 p + d (k - 1) + 1 + output_padding

    The kernel is that of the convolution whose adjoint this is: its last axis counts the channels that come in here.
    It is PyTorch's (in, out / groups, height, width) after `transpose(2, 3, 1, 0)`; stride, padding, output_padding and
    dilation mean what they mean there. Of the s sizes that a convolution with stride s takes to one, `output_padding`
    chooses; it adds rows at the bottom and columns on the right. Forward mode as in `conv2d`.

    Args:
      inputs: (*batch, height, width, in_channels).
      kernel: (kernel_height, kernel_width, out_channels / groups, in_channels).
      bias: (out_channels,), or None for none.
      stride: s, an int or (rows, columns).
      padding: p of the convolution: an int, (rows, columns) or ((top, bottom), (left, right)); rows that it takes away.
      output_padding: an int or (rows, columns), below the stride or the dilation.
      dilation: d, an int or (rows, columns).
      groups: number of groups; a divisor of both channel counts.
    Returns: (*batch, out_height, out_width, out_channels).
    Raises: ValueError if the shapes do not fit, nothing would come out, or an option is out of range; TypeError if an
      array is not floating or an option is no int.
    Source: Dumoulin and Visin 2016, chapter 4; Long et al. 2015, section 3.3; notes 001 section 10.
    """
    inputs, kernel = _checked("inputs", inputs, kernel)
    check_count("groups", groups)
    _check_transposed_channels(inputs, kernel, groups)
    strides, dilations = as_pair("stride", stride), as_pair("dilation", dilation)
    extra = as_pair("output_padding", output_padding, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilations, strict=True)):
        raise ValueError(f"output_padding: got {output_padding!r}, wanted less than the stride or the dilation")
    if isinstance(padding, str):
        raise TypeError(f"padding: got {padding!r}, wanted an int, a pair or a pair of pairs")
    window = kernel.shape[:2]
    pads = as_pads(padding, inputs.shape[-3:-1], window)
    size = tuple(
        (n - 1) * s - sum(p) + effective_size(k, d) + e
        for n, s, p, k, d, e in zip(inputs.shape[-3:-1], strides, pads, window, dilations, extra, strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"padding: got {padding!r}, which leaves an output of {size}")
    images = inputs.reshape(math.prod(inputs.shape[:-3]), *inputs.shape[-3:])
    outputs = transpose(images, kernel, size, Geometry(strides, pads, dilations, groups))
    return _add_bias(outputs.reshape(*inputs.shape[:-3], *outputs.shape[1:]), bias)


def bilinear_kernel(
    kernel_size: int, channels: int, *, dtype=jnp.float32
) -> Float[Array, "kernel_size kernel_size channels channels"]:
    """Kernel with which `conv_transpose2d` interpolates bilinearly, each channel for itself.

        K[u, v, c, c] = t(u) t(v),    t(u) = 1 - |u - m| / f,    f = floor((k + 1) / 2),    m = (k - 1) / 2

    To enlarge f times take k = 2 f - f % 2, `stride=f` and `padding=(f - 1) // 2` or, for even f, f // 2. The border,
    where the image is continued by zeros, is darker than an interpolation of the image alone.

    Args:
      kernel_size: k.
      channels: that come in and go out.
      dtype: of the result.
    Returns: (k, k, channels, channels), zero between different channels.
    Raises: ValueError or TypeError if a size is no positive int.
    Source: Long et al. 2015, section 3.3; notes 001 section 10.
    """
    check_count("kernel_size", kernel_size)
    check_count("channels", channels)
    factor = (kernel_size + 1) // 2
    line = 1 - jnp.abs(jnp.arange(kernel_size) - (kernel_size - 1) / 2) / factor
    return jnp.einsum("u,v,co->uvco", line, line, jnp.eye(channels)).astype(dtype)


def _checked(name: str, inputs: Array, kernel: Array) -> tuple[Array, Array]:
    check_floating(name, inputs)
    check_floating("kernel", kernel)
    if inputs.ndim < 3:
        raise ValueError(f"{name}: got shape {inputs.shape}, wanted (..., height, width, channels)")
    if kernel.ndim != 4 or 0 in kernel.shape:
        raise ValueError(
            f"kernel: got shape {kernel.shape}, wanted (height, width, in_channels / groups, out_channels)"
        )
    dtype = jnp.result_type(inputs, kernel)
    return inputs.astype(dtype), kernel.astype(dtype)


def _check_channels(inputs: Array, kernel: Array, groups: int) -> None:
    channels, wanted = inputs.shape[-1], kernel.shape[2] * groups
    if channels != wanted:
        raise ValueError(
            f"inputs: got {channels} channels in shape {inputs.shape}, wanted {wanted} for a kernel of shape"
            f" {kernel.shape} and groups={groups}{_layout_hint(inputs, kernel, wanted, axis=2, groups=groups)}"
        )
    if kernel.shape[3] % groups:
        raise ValueError(f"groups: got {groups}, wanted a divisor of the {kernel.shape[3]} output channels of kernel")


def _check_transposed_channels(inputs: Array, kernel: Array, groups: int) -> None:
    channels, wanted = inputs.shape[-1], kernel.shape[3]
    if channels != wanted:
        raise ValueError(
            f"inputs: got {channels} channels in shape {inputs.shape}, wanted {wanted}, the last axis of a kernel of"
            f" shape {kernel.shape}{_layout_hint(inputs, kernel, wanted, axis=3)}"
        )
    if channels % groups:
        raise ValueError(f"groups: got {groups}, wanted a divisor of the {channels} channels of inputs")


def _layout_hint(inputs: Array, kernel: Array, wanted: int, *, axis: int, groups: int = 1) -> str:
    """What the axes look like, if in another order they would fit; `axis` of the kernel counts the inputs' channels."""
    if inputs.shape[-3] == wanted:
        return "; looks like NCHW: jnp.moveaxis(inputs, -3, -1) makes NHWC"

    def fits(order: tuple[int, ...]) -> bool:
        shape = tuple(kernel.shape[one] for one in order)
        small = axis == 3 or all(k <= n for k, n in zip(shape, inputs.shape[-3:-1], strict=False))
        return small and shape[axis] * groups == inputs.shape[-1] and shape[3] % groups == 0

    # a window is mostly square: where only the first two axes are equal, they are it
    is_hwio = kernel.shape[0] == kernel.shape[1] and kernel.shape[2] != kernel.shape[3]
    if not is_hwio and fits((2, 3, 1, 0)):
        return "; the kernel looks like OIHW: kernel.transpose(2, 3, 1, 0) makes HWIO"
    if fits((0, 1, 3, 2)):
        return "; with its last two axes swapped it would fit: kernel.transpose(0, 1, 3, 2)"
    return ""


def _add_bias(outputs: Array, bias: Array | None) -> Array:
    if bias is None:
        return outputs
    check_floating("bias", bias)
    if bias.shape != outputs.shape[-1:]:
        raise ValueError(f"bias: got shape {bias.shape}, wanted {outputs.shape[-1:]}, the output channels of kernel")
    return outputs + jnp.broadcast_to(bias, outputs.shape)
