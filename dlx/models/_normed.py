"""What convolutional networks share: the options of their layers, and what they say of inputs that do not fit."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from dlx.checks import check_floating, check_range
from dlx.models.batch_norm import BatchNorm
from dlx.models.conv import Conv
from dlx.nn import get_activation, get_initializer

__all__ = ["NormedLayers", "check_images", "scaled"]


class NormedLayers(nn.Module, kw_only=True):
    """Convolutions, batch norms and their options, which a network hands on to its blocks by `shared()`."""

    activation: str | Callable[[Array], Array] = "relu"
    conv_bias: bool = False
    momentum: float = 0.9
    unbiased_running: bool = False
    axis_name: str | None = None
    kernel_init: str | Callable[..., Array] = "he_normal"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        get_activation(self.activation)
        get_initializer(self.kernel_init)
        check_range("momentum", self.momentum, 0, 1)
        super().__post_init__()

    def shared(self) -> dict[str, Any]:
        """The options, for a block of the same kind."""
        return {name: getattr(self, name) for name in NormedLayers.__annotations__ if name not in ("parent", "name")}

    def conv(self, name: str, features: int, size: int, **changes: Any) -> Conv:
        """A convolution with these options."""
        options = {
            "use_bias": self.conv_bias,
            "kernel_init": self.kernel_init,
            "dtype": self.dtype,
            "param_dtype": self.param_dtype,
        }
        return Conv(features, size, name=name, **options | changes)

    def norm(self, name: str, inputs: Array, *, train: bool, scale_init: Any = nn.initializers.ones) -> Array:
        """Batch normalisation with these options."""
        layer = BatchNorm(
            momentum=self.momentum,
            unbiased_running=self.unbiased_running,
            axis_name=self.axis_name,
            scale_init=scale_init,
            dtype=self.dtype,
            param_dtype=self.param_dtype,
            name=name,
        )
        return layer(inputs, train=train)

    def activate(self, inputs: Array) -> Array:
        """The activation."""
        return get_activation(self.activation)(inputs)


def scaled(channels: int, width: float) -> int:
    """Channels times a width, rounded, at least 1."""
    return max(1, round(channels * width))


def check_images(module: nn.Module, inputs: Array, *, smallest: int = 1, first: Sequence[str] = ()) -> None:
    """Refuse what is no batch of floating NHWC images, too small, or of other channels than the weights of `first`."""
    check_floating("inputs", inputs)
    if inputs.ndim != 4:
        hint = "; inputs[None] is a batch of one image" if inputs.ndim == 3 else ""
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, height, width, channels){hint}")
    _, height, width, channels = inputs.shape
    if height in (1, 3) and width > 4 and channels > 4:
        raise ValueError(
            f"inputs: got shape {inputs.shape}, wanted (batch, height, width, channels); looks like NCHW:"
            " jnp.moveaxis(inputs, 1, -1) makes NHWC"
        )
    if min(height, width) < smallest:
        raise ValueError(
            f"inputs: got images of {height}x{width} in shape {inputs.shape}, wanted at least {smallest}x{smallest}"
        )
    kernel = module.variables.get("params", {})
    for name in (*first, "kernel"):
        kernel = kernel.get(name, {})
    if hasattr(kernel, "shape") and kernel.shape[2] != channels:
        raise ValueError(
            f"inputs: got {channels} channels in shape {inputs.shape}, wanted {kernel.shape[2]}, as the weights have"
        )
