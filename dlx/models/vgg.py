"""VGG."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.models._convnet import (
    activate,
    check_features,
    check_network,
    conv_layer,
    dense_layer,
    drop,
    from_preset,
    shared,
)
from dlx.models._normed import check_images, scaled
from dlx.models._taps import tap
from dlx.models.batch_norm import BatchNorm
from dlx.nn import flatten, max_pool2d

__all__ = ["VGG", "VGGBlock"]


def _blocks(*convolutions: int) -> tuple[tuple[int, int], ...]:
    return tuple(zip(convolutions, (64, 128, 256, 512, 512), strict=True))


_PRESETS: dict[str, dict[str, Any]] = {
    "vgg11": {"blocks": _blocks(1, 1, 2, 2, 2)},
    "vgg13": {"blocks": _blocks(2, 2, 2, 2, 2)},
    "vgg16": {"blocks": _blocks(2, 2, 3, 3, 3)},
    "vgg19": {"blocks": _blocks(2, 2, 4, 4, 4)},
}


class VGGBlock(nn.Module):
    """Convolutions of 3x3 with pad 1, a ReLU behind each, then the maximum of 2x2 with stride 2.

        n x (conv - activation) - pool    h x w x c -> h x w x m -> floor(h / 2) x floor(w / 2) x m

    The layers are `conv_0`, `conv_1`, ..., with batch normalisation `norm_0`, ...; the activations by name
    `activation_0`, ... and `pool`.

    Attributes:
      convolutions: n.
      channels: m of each of them.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      batch_norm: between convolution and activation.
      conv_bias: add a constant for each channel; None: where no batch normalisation follows.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Simonyan and Zisserman 2015, section 2.1; notes 001 section 6 (E22).
    """

    convolutions: int
    channels: int
    activation: str | Callable[[Array], Array] = "relu"
    batch_norm: bool = False
    conv_bias: bool | None = None
    unbiased_running: bool = False
    kernel_init: str | Callable[..., Array] = "he_normal"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("convolutions", self.convolutions)
        check_count("channels", self.channels)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], train: bool = False
    ) -> Float[Array, "batch rows columns features"]:
        """(batch, height, width, channels) -> (batch, height / 2, width / 2, features)."""
        x, bias = inputs, not self.batch_norm if self.conv_bias is None else self.conv_bias
        for number in range(self.convolutions):
            x = conv_layer(self, self.channels, 3, f"conv_{number}", padding=1, use_bias=bias)(x)
            if self.batch_norm:
                norm = BatchNorm(
                    unbiased_running=self.unbiased_running,
                    axis_name=self.axis_name,
                    dtype=self.dtype,
                    param_dtype=self.param_dtype,
                    name=f"norm_{number}",
                )
                x = norm(x, train=train)
            x = tap(self, f"activation_{number}", activate(self, x))
        return tap(self, "pool", max_pool2d(x))


class VGG(nn.Module):
    """VGG: five blocks of 3x3 convolutions, three dense layers with dropout.

        layer     224x224x3             vgg11        vgg13        vgg16        vgg19   convolutions of 3x3, pad 1
        block_0   112x112x64              1            2            2            2
        block_1   56x56x128               1            2            2            2
        block_2   28x28x256               2            2            3            4
        block_3   14x14x512               2            2            3            4
        block_4   7x7x512                 2            2            3            4
        dense_0   4,096, dropout
        dense_1   4,096, dropout
        output    1,000
        parameters              132,863,336  133,047,848  138,357,544  143,667,240
        of them convolutions      9,220,480    9,404,992   14,714,688   20,024,384

    VGG-11 for 1 channel and 10 classes has 128,806,154 parameters. Versions: `VGG.preset("vgg19", outputs=1000)`;
    VGG-11 is the default. Images of 32x32 leave 1x1x512 to the dense layers. The activations have the names of
    `VGGBlock`, within `block_0`, ...; `activation_0` and `activation_1` are those of the dense layers.

    Attributes:
      outputs: classes.
      blocks: (convolutions, channels) of each block.
      dense: units of the two hidden dense layers.
      dropout: probability that one of those is off in training; the stream `dropout` then needs a key.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      head: have the dense layers; without them the result is (batch, rows, columns, features) of images of any size.
      batch_norm: between convolutions and activations.
      conv_bias: add a constant for each channel; None: where no batch normalisation follows. True with `batch_norm` is
        torchvision's vgg11_bn and so on.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      width: scale of all hidden channels and units, rounded.
      remat: compute the activations of a block again for its gradient, to save memory.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut: masks and moments are those of the whole batch.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Simonyan and Zisserman 2015, table 1 (A, B, D, E); notes 001 sections 6 and 10 (E22).
    """

    outputs: int = 10
    blocks: tuple[tuple[int, int], ...] = _PRESETS["vgg11"]["blocks"]
    dense: tuple[int, ...] = (4096, 4096)
    dropout: float = 0.5
    activation: str | Callable[[Array], Array] = "relu"
    head: bool = True
    batch_norm: bool = False
    conv_bias: bool | None = None
    unbiased_running: bool = False
    width: float = 1.0
    remat: bool = False
    kernel_init: str | Callable[..., Array] = "he_normal"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "VGG":
        """A version of the literature by its name."""
        return from_preset(cls, _PRESETS, name, changes)

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_network(self)
        if not self.blocks or not all(isinstance(block, tuple | list) and len(block) == 2 for block in self.blocks):
            raise ValueError(f"blocks: got {self.blocks!r}, wanted (convolutions, channels) of one or more blocks")
        for convolutions, channels in self.blocks:
            check_count("blocks", convolutions)
            check_count("blocks", channels)
        self.blocks, self.dense = tuple((n, m) for n, m in self.blocks), tuple(self.dense)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"] | Float[Array, "batch rows columns features"]:
        """(batch, height, width, channels) -> (batch, outputs) logits; `train` switches dropout on."""
        check_images(self, inputs, smallest=2 ** len(self.blocks), first=("block_0", "conv_0"))
        block = nn.remat(VGGBlock, static_argnums=(2,)) if self.remat else VGGBlock
        x = inputs
        for number, (convolutions, channels) in enumerate(self.blocks):
            x = block(
                convolutions,
                scaled(channels, self.width),
                batch_norm=self.batch_norm,
                conv_bias=self.conv_bias,
                unbiased_running=self.unbiased_running,
                axis_name=self.axis_name,
                **shared(self),
                name=f"block_{number}",
            )(x, train)
        if not self.head:
            return x
        x = flatten(x)
        check_features(self, "dense_0", inputs, x.shape[-1])
        for number, units in enumerate(self.dense):
            x = activate(self, dense_layer(self, scaled(units, self.width), f"dense_{number}")(x))
            x = drop(self, tap(self, f"activation_{number}", x), train)
        return dense_layer(self, self.outputs, "output")(x)
