"""Network in network."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.models._convnet import (
    activate,
    check_network,
    check_widths,
    conv_layer,
    drop,
    shared,
    smallest_size,
)
from dlx.models._normed import check_images, scaled
from dlx.models._taps import tap
from dlx.nn import global_avg_pool2d, max_pool2d

__all__ = ["NiN", "NiNBlock"]


class NiNBlock(nn.Module):
    """A convolution and two of 1x1, a multilayer perceptron on each pixel; a ReLU behind each, no pooling.

        conv k x k, stride s, pad p - activation - conv 1x1 - activation - conv 1x1 - activation

    The layers are `conv_0`, `conv_1`, `conv_2`, the activations by name `activation_0`, `activation_1`,
    `activation_2`.

    Attributes:
      channels: of each of the three.
      window: k.
      stride: s.
      padding: p.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Lin et al. 2014, section 3.1; notes 001 section 6.
    """

    channels: int
    window: int = 3
    stride: int = 1
    padding: int = 1
    activation: str | Callable[[Array], Array] = "relu"
    kernel_init: str | Callable[..., Array] = "he_normal"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("channels", self.channels)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns features"]:
        """(batch, height, width, channels) -> (batch, rows, columns, features)."""
        x = conv_layer(self, self.channels, self.window, "conv_0", stride=self.stride, padding=self.padding)(inputs)
        x = tap(self, "activation_0", activate(self, x))
        for number in (1, 2):
            x = conv_layer(self, self.channels, 1, f"conv_{number}")(x)
            x = tap(self, f"activation_{number}", activate(self, x))
        return x


class NiN(nn.Module):
    """Network in network: four blocks and the mean of each class's map; no dense layer.

        layer                                       224x224x3    parameters
        block_0   96, 11x11, stride 4               54x54x96         53,568    30,336 for 1 channel
        pool_0    3x3, stride 2                     26x26x96
        block_1   256, 5x5, pad 2                   26x26x256       746,240
        pool_1    3x3, stride 2                     12x12x256
        block_2   384, 3x3, pad 1                   12x12x384     1,180,800
        pool_2    3x3, stride 2, then dropout       5x5x384
        block_3   10, 3x3, pad 1                    5x5x10           34,790
        mean of each map                            10
                                                                  2,015,398    1,992,166 for 1 channel

    A ReLU follows every convolution, also the last: no logit is negative. The notes say that pooling follows every
    block and show it after three (E22). The activations have the names of `NiNBlock`, within `block_0`, ...; `pool_0`,
    `pool_1`, `pool_2`.

    Attributes:
      outputs: classes.
      channels: of the first three blocks.
      dropout: probability that a feature before the last block is off in training; the stream `dropout` then needs a
        key.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      stem: "imagenet", or "cifar" for images of 28 to 48 rows: the first convolution is 5x5 with stride 1 and pad 2.
      width: scale of the channels, rounded.
      remat: compute the activations of a block again for its gradient, to save memory.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Lin et al. 2014, section 3; notes 001 section 6 (E22).
    """

    outputs: int = 10
    channels: tuple[int, ...] = (96, 256, 384)
    dropout: float = 0.5
    activation: str | Callable[[Array], Array] = "relu"
    stem: Literal["imagenet", "cifar"] = "imagenet"
    width: float = 1.0
    remat: bool = False
    kernel_init: str | Callable[..., Array] = "he_normal"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_network(self)
        check_widths("channels", self.channels, 3)
        self.channels = tuple(self.channels)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs) logits; `train` switches dropout on."""
        first = (11, 4, 0) if self.stem == "imagenet" else (5, 1, 2)
        pool = (3, 2, 0)
        # the other blocks keep the size
        check_images(self, inputs, smallest=smallest_size(first, pool, pool, pool), first=("block_0", "conv_0"))
        x, windows = inputs, (first, (5, 1, 2), (3, 1, 1))
        for number, (channels, window) in enumerate(zip(self.channels, windows, strict=True)):
            x = self._block(number, scaled(channels, self.width), window)(x)
            x = tap(self, f"pool_{number}", max_pool2d(x, window=3, stride=2))
        return global_avg_pool2d(self._block(3, self.outputs, (3, 1, 1))(drop(self, x, train)))

    def _block(self, number: int, channels: int, window: tuple[int, int, int]) -> NiNBlock:
        return (nn.remat(NiNBlock) if self.remat else NiNBlock)(
            channels, *window, **shared(self), name=f"block_{number}"
        )
