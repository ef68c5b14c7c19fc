"""AlexNet."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.models._convnet import (
    activate,
    check_features,
    check_network,
    check_widths,
    conv_layer,
    dense_layer,
    drop,
    from_preset,
    smallest_size,
)
from dlx.models._normed import check_images, scaled
from dlx.models._taps import tap
from dlx.nn import flatten, max_pool2d

__all__ = ["AlexNet"]

_PRESETS: dict[str, dict[str, Any]] = {
    "d2l": {},
    "paper": {"outputs": 1000, "groups": 2},
    "torchvision": {"outputs": 1000, "pad": 2, "channels": (64, 192, 384, 256, 256)},
}
# of the five convolutions: size of the window, padding, whether pooling follows
_CONVOLUTIONS = ((11, 0, True), (5, 2, True), (3, 1, False), (3, 1, False), (3, 1, True))


class AlexNet(nn.Module):
    """AlexNet: five convolutions, three dense layers with dropout.

        layer                                  224x224x3       parameters
        conv_0    96 of 11x11, stride 4        54x54x96            34,944    11,712 for 1 channel
        pool_0    3x3, stride 2                26x26x96
        conv_1    256 of 5x5, pad 2            26x26x256          614,656
        pool_1    3x3, stride 2                12x12x256
        conv_2    384 of 3x3, pad 1            12x12x384          885,120
        conv_3    384 of 3x3, pad 1            12x12x384        1,327,488
        conv_4    256 of 3x3, pad 1            12x12x256          884,992
        pool_4    3x3, stride 2                5x5x256 = 6,400
        dense_0   dropout                      4,096           26,218,496
        dense_1   dropout                      4,096           16,781,312
        output                                 10                  40,970    4,097,000 for 1,000 classes

    46,764,746 parameters for 1 channel and 10 classes, 46,787,978 for 3 channels, 50,844,008 for 3 and 1,000 classes.
    A ReLU follows all but the output. Versions, `AlexNet.preset(name)`:

        d2l           the default, as the notes have it
        paper         1,000 classes, conv_1, conv_3 and conv_4 in 2 groups: at 227x227x3 60,965,224 parameters; without
                      the paper's normalisation between channels, which VGG's authors found to gain nothing
        torchvision   1,000 classes, pad 2 before conv_0, channels 64, 192, 384, 256, 256: 61,100,840 parameters; its
                      dropout stands before the dense layers instead of behind them

    Activations by name: `activation_0` to `activation_4` of the convolutions, `pool_0`, `pool_1`, `pool_4`,
    `activation_5` and `activation_6` of the dense layers.

    Attributes:
      outputs: classes.
      channels: of the five convolutions.
      dense: units of the two hidden dense layers.
      dropout: probability that one of those is off in training; the stream `dropout` then needs a key.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      stem: "imagenet", or "cifar" for images of 28 to 48 rows: conv_0 is 5x5 with stride 1 and pad 2.
      pad: zeros around the image before conv_0 of "imagenet".
      groups: of conv_1, conv_3 and conv_4.
      width: scale of all hidden channels and units, rounded.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Krizhevsky et al. 2012, section 3; notes 001 section 6.
    """

    outputs: int = 10
    channels: tuple[int, ...] = (96, 256, 384, 384, 256)
    dense: tuple[int, ...] = (4096, 4096)
    dropout: float = 0.5
    activation: str | Callable[[Array], Array] = "relu"
    stem: Literal["imagenet", "cifar"] = "imagenet"
    pad: int = 0
    groups: int = 1
    width: float = 1.0
    kernel_init: str | Callable[..., Array] = "he_normal"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "AlexNet":
        """A version of the literature by its name."""
        return from_preset(cls, _PRESETS, name, changes)

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_network(self)
        check_widths("channels", self.channels, 5)
        check_count("groups", self.groups)
        self.channels, self.dense = tuple(self.channels), tuple(self.dense)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs) logits; `train` switches dropout on."""
        first = (11, 4, self.pad) if self.stem == "imagenet" else (5, 1, 2)
        pool = (3, 2, 0)
        # the other convolutions keep the size
        check_images(self, inputs, smallest=smallest_size(first, pool, pool, pool), first=("conv_0",))
        x, channels = inputs, [scaled(channels, self.width) for channels in self.channels]
        for number, (window, padding, pooled) in enumerate(_CONVOLUTIONS):
            options = {"padding": padding, "groups": self.groups if number in (1, 3, 4) else 1}
            if number == 0:
                window, options["stride"], options["padding"] = first
            x = activate(self, conv_layer(self, channels[number], window, f"conv_{number}", **options)(x))
            x = tap(self, f"activation_{number}", x)
            if pooled:
                x = tap(self, f"pool_{number}", max_pool2d(x, window=3, stride=2))
        x = flatten(x)
        check_features(self, "dense_0", inputs, x.shape[-1])
        for number, units in enumerate(self.dense):
            x = activate(self, dense_layer(self, scaled(units, self.width), f"dense_{number}")(x))
            x = drop(self, tap(self, f"activation_{number + 5}", x), train)
        return dense_layer(self, self.outputs, "output")(x)
