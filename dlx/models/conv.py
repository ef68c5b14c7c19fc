"""Convolutional layers."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating
from dlx.nn import conv2d, conv_transpose2d, get_initializer
from dlx.nn._windows import Padding, as_pair

__all__ = ["Conv", "ConvTranspose"]


class Conv(nn.Module):
    """Convolutional layer: `dlx.nn.conv2d` with its parameters.

    `{"kernel": (height, width, in_channels / groups, features), "bias": (features,)}`: height * width * in_channels /
    groups * features + features parameters; 156 for 6 kernels of 5x5 on one channel.

    Attributes:
      features: output channels.
      kernel_size: an int or (rows, columns).
      stride: an int or (rows, columns).
      padding: zeros on each side: an int, (rows, columns), ((top, bottom), (left, right)), "same" or "valid".
      dilation: an int or (rows, columns).
      groups: a divisor of both channel counts.
      use_bias: add a constant for each output channel.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      bias_init: the same, for the bias.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Goodfellow et al. 2016, chapter 9; notes 001 section 6.
    """

    features: int
    kernel_size: int | Sequence[int] = 3
    stride: int | Sequence[int] = 1
    padding: Padding = 0
    dilation: int | Sequence[int] = 1
    groups: int = 1
    use_bias: bool = True
    kernel_init: str | Callable[..., Array] = "lecun_normal"
    bias_init: str | Callable[..., Array] = "zeros"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_configuration(self)
        if self.features % self.groups:
            raise ValueError(f"groups: got {self.groups}, wanted a divisor of features={self.features}")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "*batch height width in_channels"]
    ) -> Float[Array, "*batch out_height out_width features"]:
        """(..., height, width, in_channels) -> (..., out_height, out_width, features)."""
        check_images(inputs, self.groups)
        shape = (*as_pair("kernel_size", self.kernel_size), inputs.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", get_initializer(self.kernel_init), shape, self.param_dtype)
        return conv2d(
            *with_bias(self, inputs, kernel),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


class ConvTranspose(nn.Module):
    """Transposed convolution: `dlx.nn.conv_transpose2d` with its parameters.

    `{"kernel": (height, width, features / groups, in_channels), "bias": (features,)}`: the kernel of the convolution
    whose adjoint this is. Its initializer is given (height, width, in_channels / groups, features), so that fans count
    from what comes in to what goes out.

    Attributes:
      features: output channels.
      kernel_size: an int or (rows, columns).
      stride: an int or (rows, columns).
      padding: rows that are taken away on each side: an int, (rows, columns) or ((top, bottom), (left, right)).
      output_padding: rows added at the bottom and on the right: an int or (rows, columns).
      dilation: an int or (rows, columns).
      groups: a divisor of both channel counts.
      use_bias: add a constant for each output channel.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      bias_init: the same, for the bias.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Long et al. 2015, section 3.3; notes 001 section 10.
    """

    features: int
    kernel_size: int | Sequence[int] = 2
    stride: int | Sequence[int] = 1
    padding: int | Sequence[int] | Sequence[Sequence[int]] = 0
    output_padding: int | Sequence[int] = 0
    dilation: int | Sequence[int] = 1
    groups: int = 1
    use_bias: bool = True
    kernel_init: str | Callable[..., Array] = "lecun_normal"
    bias_init: str | Callable[..., Array] = "zeros"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_configuration(self)
        if self.features % self.groups:
            raise ValueError(f"groups: got {self.groups}, wanted a divisor of features={self.features}")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "*batch height width in_channels"]
    ) -> Float[Array, "*batch out_height out_width features"]:
        """(..., height, width, in_channels) -> (..., out_height, out_width, features)."""
        check_images(inputs, self.groups)
        window, channels = as_pair("kernel_size", self.kernel_size), inputs.shape[-1]
        shape = (*window, self.features // self.groups, channels)
        kernel = self.param("kernel", self._kernel_init, shape, self.param_dtype)
        return conv_transpose2d(
            *with_bias(self, inputs, kernel),
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    def _kernel_init(self, key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
        """Drawn as a convolution's kernel; within each group channels and features then change places."""
        *window, features, channels = shape
        forward = (*window, channels // self.groups, self.features)
        kernel = get_initializer(self.kernel_init)(key, forward, dtype)
        kernel = kernel.reshape(*window, channels // self.groups, self.groups, features)
        return kernel.transpose(0, 1, 4, 3, 2).reshape(shape)


def check_configuration(module: Conv | ConvTranspose) -> None:
    """What both kinds of layer refuse."""
    check_count("features", module.features)
    check_count("groups", module.groups)
    for name in ("kernel_size", "stride", "dilation"):
        as_pair(name, getattr(module, name))
    get_initializer(module.kernel_init)
    get_initializer(module.bias_init)


def check_images(inputs: Array, groups: int) -> None:
    """Refuse what is not floating, has no channels, or channels that the groups do not divide."""
    check_floating("inputs", inputs)
    if inputs.ndim < 3:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (..., height, width, channels)")
    if inputs.shape[-1] % groups:
        raise ValueError(f"groups: got {groups}, wanted a divisor of the {inputs.shape[-1]} channels of inputs")


def with_bias(module: Conv | ConvTranspose, inputs: Array, kernel: Array) -> list[Any]:
    """Inputs, kernel and bias in the dtype of the computation."""
    init = get_initializer(module.bias_init)
    bias = module.param("bias", init, (module.features,), module.param_dtype) if module.use_bias else None
    return nn.dtypes.promote_dtype(inputs, kernel, bias, dtype=module.dtype)
