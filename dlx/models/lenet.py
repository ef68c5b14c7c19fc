"""LeNet."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_choice
from dlx.models._convnet import (
    activate,
    check_features,
    check_network,
    conv_layer,
    dense_layer,
    drop,
    from_preset,
    smallest_size,
)
from dlx.models._normed import check_images, scaled
from dlx.models._taps import tap
from dlx.nn import avg_pool2d, conv2d, flatten, get_initializer, max_pool2d

__all__ = ["LeNet"]

# C3 of the paper, table I: the maps of S2 that each of its 16 maps sees, 60 kernels in all
_CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


def _squash(inputs: Array) -> Array:
    """The paper's 1.7159 tanh(2 x / 3), which is 1 at 1."""
    return 1.7159 * jnp.tanh(2 / 3 * inputs)


_PRESETS: dict[str, dict[str, Any]] = {
    "seed001": {},
    "seed000": {"pad": 0},
    "d2l-v2": {"pool": "avg"},
    "lecun98": {"pad": 0, "pool": "trainable", "activation": _squash, "partial": True, "codes": True},
}


class LeNet(nn.Module):
    """LeNet: two convolutions, three dense layers.

        layer                     28x28x1, pad 2   parameters    28x28x1, pad 0   parameters
        conv_0    6 of 5x5        28x28x6                 156    24x24x6                 156
        pool_0    2x2, stride 2   14x14x6                        12x12x6
        conv_1    16 of 5x5       10x10x16              2,416    8x8x16                2,416
        pool_1    2x2, stride 2   5x5x16 = 400                   4x4x16 = 256
        dense_0                   120                  48,120    120                  30,840
        dense_1                   84                   10,164    84                   10,164
        output                    10                      850    10                      850
                                                       61,706                         44,426

    The activation follows all convolutions and dense layers but the output. Versions, `LeNet.preset(name)`:

        seed001   the default: padding, maxima
        seed000   no padding, maxima
        d2l-v2    padding, means
        lecun98   the paper's, 32x32x1, 60,000 parameters: conv_1 has 60 kernels of 96, each map of pool_0 and pool_1 a
                  factor and a bias and then the activation, which is 1.7159 tanh(2 x / 3); the logits are minus the
                  squared distances of the last activations from fixed codes of -1 and 1

    The paper's codes are drawings of the ten digits; here they are rows of a Hadamard matrix, which differ from one
    another in 40 or 42 of 84 places. Activations by name: `activation_0`, `pool_0`, `activation_1`, `pool_1`,
    `activation_2`, `activation_3`.

    Attributes:
      outputs: classes.
      pad: zeros around the image.
      pool: "max", "avg" or "trainable" (the paper's).
      activation: name of `dlx.nn.ACTIVATIONS`, or a function.
      dense: units of the two hidden dense layers.
      dropout: probability that one of those is off in training; the stream `dropout` then needs a key.
      partial: conv_1 has the paper's table of connections.
      codes: the output is the distance from fixed codes; no parameters.
      width: scale of all hidden channels and units, rounded.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: LeCun et al. 1998, section II.B; notes 001 section 6, 000 section 3 (E21).
    """

    outputs: int = 10
    pad: int = 2
    pool: Literal["max", "avg", "trainable"] = "max"
    activation: str | Callable[[Array], Array] = "sigmoid"
    dense: tuple[int, ...] = (120, 84)
    dropout: float = 0.0
    partial: bool = False
    codes: bool = False
    width: float = 1.0
    kernel_init: str | Callable[..., Array] = "glorot_uniform"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "LeNet":
        """A version of the literature by its name."""
        return from_preset(cls, _PRESETS, name, changes)

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_network(self)
        check_choice("pool", self.pool, ("max", "avg", "trainable"))
        if self.partial and self.width != 1:
            raise ValueError(f"width: got {self.width!r}, wanted 1, as the connections of 6 to 16 maps are fixed")
        if self.codes and self.outputs > 64:
            raise ValueError(f"outputs: got {self.outputs}, wanted at most 64 with fixed codes")
        self.dense = tuple(self.dense)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs) logits; `train` switches dropout on."""
        smallest = smallest_size((5, 1, self.pad), (2, 2, 0), (5, 1, 0), (2, 2, 0))
        check_images(self, inputs, smallest=smallest, first=("conv_0",))
        x = conv_layer(self, scaled(6, self.width), 5, "conv_0", padding=self.pad)(inputs)
        x = self._pool(tap(self, "activation_0", activate(self, x)), "pool_0")
        x = self._second()(x)
        x = flatten(self._pool(tap(self, "activation_1", activate(self, x)), "pool_1"))
        check_features(self, "dense_0", inputs, x.shape[-1])
        for number, units in enumerate(self.dense):
            x = activate(self, dense_layer(self, scaled(units, self.width), f"dense_{number}")(x))
            x = drop(self, tap(self, f"activation_{number + 2}", x), train)
        return _logits_by_codes(x, self.outputs) if self.codes else dense_layer(self, self.outputs, "output")(x)

    def _second(self) -> nn.Module:
        if self.partial:
            return _PartialConv(self.kernel_init, self.dtype, self.param_dtype, name="conv_1")
        return conv_layer(self, scaled(16, self.width), 5, "conv_1")

    def _pool(self, inputs: Array, name: str) -> Array:
        if self.pool == "trainable":
            layer = _Subsampling(self.dtype, self.param_dtype, name=name.replace("pool", "subsampling"))
            return tap(self, name, activate(self, layer(inputs)))
        return tap(self, name, (max_pool2d if self.pool == "max" else avg_pool2d)(inputs))


class _PartialConv(nn.Module):
    """The second convolution of the paper: of 96 kernels between 6 and 16 maps there are 60."""

    kernel_init: Any
    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """(batch, height, width, 6) -> (batch, height - 4, width - 4, 16)."""
        sources = np.array([source for seen in _CONNECTIONS for source in seen])
        maps = np.array([number for number, seen in enumerate(_CONNECTIONS) for _ in seen])
        init = get_initializer(self.kernel_init)

        def draw(key, shape, dtype):
            return init(key, (*shape[:2], 6, 16), dtype)[:, :, sources, maps]

        present = self.param("kernel", draw, (5, 5, len(maps)), self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, (16,), self.param_dtype)
        inputs, present, bias = nn.dtypes.promote_dtype(inputs, present, bias, dtype=self.dtype)
        kernel = jnp.zeros((5, 5, 6, 16), present.dtype).at[:, :, sources, maps].set(present)
        return conv2d(inputs, kernel, bias)


class _Subsampling(nn.Module):
    """The paper's pooling: the sum of 2x2 times a factor, plus a bias, for each map."""

    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """(batch, height, width, channels) -> (batch, height / 2, width / 2, channels)."""
        shape = inputs.shape[-1:]
        # a quarter of the sum is the mean
        scale = self.param("scale", nn.initializers.constant(0.25), shape, self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, self.param_dtype)
        inputs, scale, bias = nn.dtypes.promote_dtype(inputs, scale, bias, dtype=self.dtype)
        return 4 * avg_pool2d(inputs) * scale.reshape(1, 1, 1, -1) + bias.reshape(1, 1, 1, -1)


def _logits_by_codes(units: Array, outputs: int) -> Array:
    """Minus the squared distances from rows 1, 2, ... of a Hadamard matrix: (-1)^(number of ones in i & j)."""
    both = np.arange(1, outputs + 1)[:, None] & np.arange(units.shape[-1])
    codes = jnp.asarray(1 - 2 * (np.bitwise_count(both) % 2).astype(np.int8), units.dtype)
    return -jnp.sum((units[:, None] - codes[None]) ** 2, axis=-1)
