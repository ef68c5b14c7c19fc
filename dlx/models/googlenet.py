"""GoogLeNet."""

import math
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count, check_range
from dlx.models._convnet import (
    activate,
    check_features,
    check_network,
    conv_layer,
    dense_layer,
    drop,
    from_preset,
    shared,
    smallest_size,
)
from dlx.models._normed import check_images, scaled
from dlx.models._taps import tap
from dlx.nn import avg_pool2d, flatten, global_avg_pool2d, max_pool2d

__all__ = ["GoogLeNet", "Inception", "with_auxiliary"]

Branches = tuple[int, tuple[int, int], tuple[int, int], int]
Logits = Float[Array, "batch outputs"]

_BLOCKS: dict[str, Branches] = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
_PRESETS: dict[str, dict[str, Any]] = {
    "d2l": {},
    "paper": {"outputs": 1000, "dropout": 0.4, "auxiliary": True},
}


class Inception(nn.Module):
    """Four ways through a block, side by side; their channels one after the other.

        conv 1x1, n1
        conv 1x1, n21 - conv 3x3, n22, pad 1
        conv 1x1, n31 - conv 5x5, n32, pad 2
        max pool 3x3, stride 1, pad 1 - conv 1x1, n4
        h x w x c -> h x w x (n1 + n22 + n32 + n4)

    A ReLU follows every convolution. The notes lost the figure with the sizes of the windows; they are the paper's
    (E24). The layers are `conv_1`, `conv_21`, `conv_22`, `conv_31`, `conv_32`, `conv_4`; the result by name `outputs`.

    Attributes:
      channels: (n1, (n21, n22), (n31, n32), n4).
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Szegedy et al. 2015, figure 2 (b); notes 001 section 6 (E24).
    """

    channels: Branches
    activation: str | Callable[[Array], Array] = "relu"
    kernel_init: str | Callable[..., Array] = "he_normal"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        try:
            n1, (n21, n22), (n31, n32), n4 = self.channels
        except (TypeError, ValueError):
            raise ValueError(f"channels: got {self.channels!r}, wanted (n1, (n21, n22), (n31, n32), n4)") from None
        for number in (n1, n21, n22, n31, n32, n4):
            check_count("channels", number)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch height width features"]:
        """(batch, height, width, channels) -> (batch, height, width, features)."""
        n1, (n21, n22), (n31, n32), n4 = self.channels

        def conv(name: str, inputs: Array, features: int, window: int = 1) -> Array:
            return activate(self, conv_layer(self, features, window, name, padding=window // 2)(inputs))

        ways = [
            conv("conv_1", inputs, n1),
            conv("conv_22", conv("conv_21", inputs, n21), n22, 3),
            conv("conv_32", conv("conv_31", inputs, n31), n32, 5),
            conv("conv_4", max_pool2d(inputs, window=3, stride=1, padding=1), n4),
        ]
        return tap(self, "outputs", jnp.concatenate(ways, axis=-1))


class GoogLeNet(nn.Module):
    """GoogLeNet: three convolutions, nine Inception blocks, the mean of each map, one dense layer.

        layer                                  96x96x3      224x224x3     parameters
        conv_0        64, 7x7, stride 2, pad 3 48x48x64     112x112x64         9,472    3,200 for 1 channel
        pool_0                                 24x24x64     56x56x64
        conv_1        64, 1x1                  24x24x64     56x56x64           4,160
        conv_2        192, 3x3, pad 1          24x24x192    56x56x192        110,784
        pool_1                                 12x12x192    28x28x192
        inception_3a  (64, (96, 128), (16, 32), 32)        ... x256          163,696    2:4:1:1
        inception_3b  (128, (128, 192), (32, 96), 64)      ... x480          388,736    4:6:3:2
        pool_2                                 6x6x480      14x14x480
        inception_4a  (192, (96, 208), (16, 48), 64)       ... x512          376,176
        inception_4b  (160, (112, 224), (24, 64), 64)      ... x512          449,160
        inception_4c  (128, (128, 256), (24, 64), 64)      ... x512          510,104
        inception_4d  (112, (144, 288), (32, 64), 64)      ... x528          605,376
        inception_4e  (256, (160, 320), (32, 128), 128)    ... x832          868,352
        pool_3                                 3x3x832      7x7x832
        inception_5a  (256, (160, 320), (32, 128), 128)    ... x832        1,043,456
        inception_5b  (384, (192, 384), (48, 128), 128)    ... x1024       1,444,080
        mean of each map, dropout              1024         1024
        output                                 10           10                10,250    1,025,000 for 1,000 classes

    5,977,530 parameters for 1 channel and 10 classes, 5,983,802 for 3 channels, 6,998,552 for 3 and 1,000 classes. All
    pooling is the maximum of 3x3 with stride 2 and pad 1; a ReLU follows every convolution. Versions,
    `GoogLeNet.preset(name)`:

        d2l     the default, as the notes have it: no dropout, no auxiliary heads
        paper   1,000 classes, dropout of 0.4, auxiliary heads (13,378,280 parameters at 224x224x3 with them); without
                its normalisation between channels (E23)

    An auxiliary head stands behind 4a and 4d in training: mean of 5x5 with stride 3, convolution 1x1 to 128, dense
    1,024 with dropout 0.7, output. With them the result of training is (logits, (logits of 4a, logits of 4d));
    `with_auxiliary` makes a loss of it. Activations by name: `activation_0` to `activation_2` of the first three
    convolutions, `pool_0` to `pool_3`, `outputs` within each `inception_...`, `pooled`.

    Attributes:
      outputs: classes.
      dropout: probability that one of the means is off in training; the stream `dropout` then needs a key.
      auxiliary: have the two auxiliary heads in training.
      auxiliary_dropout: the same, within them.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      stem: "imagenet", or "cifar" for images of 28 to 48 rows: conv_0 is 3x3 with stride 1 and pad 1, and no pooling
        follows it.
      width: scale of all hidden channels, rounded.
      remat: compute the activations of an Inception block again for its gradient, to save memory.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Szegedy et al. 2015, table 1 and section 5; notes 001 section 6 (E23, E24).
    """

    outputs: int = 10
    dropout: float = 0.0
    auxiliary: bool = False
    auxiliary_dropout: float = 0.7
    activation: str | Callable[[Array], Array] = "relu"
    stem: Literal["imagenet", "cifar"] = "imagenet"
    width: float = 1.0
    remat: bool = False
    kernel_init: str | Callable[..., Array] = "he_normal"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "GoogLeNet":
        """A version of the literature by its name."""
        return from_preset(cls, _PRESETS, name, changes)

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_network(self)
        check_range("auxiliary_dropout", self.auxiliary_dropout, 0, 1, open_high=True)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Logits | tuple[Logits, tuple[Logits, Logits]]:
        """(batch, height, width, channels) -> (batch, outputs) logits; `train` switches dropout and heads on."""
        x, heads = self._stem(inputs), []
        with_heads = self.auxiliary and (train or self.is_initializing())
        for stage, names in enumerate((("3a", "3b"), ("4a", "4b", "4c", "4d", "4e"), ("5a", "5b"))):
            if stage:
                x = tap(self, f"pool_{stage + 1}", _pool(x))
            for name in names:
                x = self._block(name)(x)
                if with_heads and name in ("4a", "4d"):
                    heads.append(self._head(name)(x, train))
        x = drop(self, tap(self, "pooled", global_avg_pool2d(x)), train)
        logits = dense_layer(self, self.outputs, "output")(x)
        return (logits, (heads[0], heads[1])) if heads and train else logits

    def _stem(self, inputs: Array) -> Array:
        large = self.stem == "imagenet"
        first = (7, 2, 3) if large else (3, 1, 1)
        pools = [(3, 2, 1)] * (3 if large else 2)
        behind = [(5, 3, 0)] if self.auxiliary else []
        check_images(self, inputs, smallest=smallest_size(first, *pools, *behind), first=("conv_0",))
        x, (window, stride, padding) = inputs, first
        x = conv_layer(self, scaled(64, self.width), window, "conv_0", stride=stride, padding=padding)(x)
        x = tap(self, "activation_0", activate(self, x))
        if large:
            x = tap(self, "pool_0", _pool(x))
        for number, (channels, window) in enumerate(((64, 1), (192, 3)), 1):
            x = conv_layer(self, scaled(channels, self.width), window, f"conv_{number}", padding=window // 2)(x)
            x = tap(self, f"activation_{number}", activate(self, x))
        return tap(self, "pool_1", _pool(x))

    def _block(self, name: str) -> Inception:
        channels = jax.tree.map(lambda number: scaled(number, self.width), _BLOCKS[name])
        return (nn.remat(Inception) if self.remat else Inception)(channels, **shared(self), name=f"inception_{name}")

    def _head(self, name: str) -> "_AuxiliaryHead":
        return _AuxiliaryHead(
            self.outputs,
            scaled(128, self.width),
            scaled(1024, self.width),
            self.auxiliary_dropout,
            self.axis_name,
            **shared(self),
            name=f"auxiliary_{name}",
        )


class _AuxiliaryHead(nn.Module):
    """Logits from the middle of the network."""

    outputs: int
    channels: int
    units: int
    dropout: float
    axis_name: str | None
    activation: Any
    kernel_init: Any
    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, inputs: Array, train: bool) -> Array:
        """(batch, height, width, channels) -> (batch, outputs)."""
        x = avg_pool2d(inputs, window=5, stride=3)
        x = flatten(activate(self, conv_layer(self, self.channels, 1, "conv_0")(x)))
        check_features(self, "dense_0", inputs, x.shape[-1])
        x = drop(self, activate(self, dense_layer(self, self.units, "dense_0")(x)), train)
        return dense_layer(self, self.outputs, "output")(x)


def _pool(inputs: Array) -> Array:
    return max_pool2d(inputs, window=3, stride=2, padding=1)


def with_auxiliary(function: Callable[..., Array], *, weight: float = 0.3) -> Callable[..., Array]:
    """A loss or a metric of what a network with auxiliary heads gives.

        f(logits, labels) + weight sum_h f(logits_h, labels)

    Args:
      function: function(logits, labels) -> (batch,), as `dlx.losses.softmax_cross_entropy`.
      weight: of each auxiliary head; 0 for a metric.
    Returns: function(outputs, labels) -> (batch,), where outputs are logits, or (logits, (logits of each head)).
    Raises: ValueError if `weight` is negative.
    Source: Szegedy et al. 2015, section 5.
    """
    check_range("weight", weight, 0, math.inf)

    def weighted(outputs: Any, labels: Array) -> Array:
        if not isinstance(outputs, tuple):
            return function(outputs, labels)
        logits, heads = outputs
        value = function(logits, labels)
        return value + weight * sum(function(head, labels) for head in heads) if weight else value

    return weighted
