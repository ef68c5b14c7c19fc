"""Densely connected networks."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.models._normed import NormedLayers, check_images, scaled
from dlx.models._taps import tap
from dlx.models.mlp import Linear
from dlx.nn import avg_pool2d, global_avg_pool2d, max_pool2d

__all__ = ["DenseBlock", "DenseNet", "TransitionLayer"]

PRESETS: dict[str, dict[str, Any]] = {
    "notes": {"blocks": (4, 4, 4, 4), "conv_bias": True},
    "densenet121": {"blocks": (6, 12, 24, 16), "bottleneck": True},
    "densenet169": {"blocks": (6, 12, 32, 32), "bottleneck": True},
    "densenet201": {"blocks": (6, 12, 48, 32), "bottleneck": True},
}


class DenseBlock(NormedLayers, kw_only=True):
    """Dense block: each layer sees what came in and the outputs of all layers before it.

        x_i = [x_{i-1}, conv3x3(activation(norm(x_{i-1})))],    channels: c_in + n k for n layers of growth rate k

    The growth rate is the channels of one convolution (E28: not what the whole block adds, n k): 3 channels become 23
    by 2 layers of growth rate 10. A bottleneck puts conv1x1 to 4 k channels, norm and activation before the 3x3.

    Layers: norm_0, conv_0, norm_1, ...; of a bottleneck also bottleneck_norm_0, bottleneck_conv_0, ...

    Attributes:
      layers: n.
      growth_rate: k.
      bottleneck: with the 1x1 convolution.
      conv_bias: convolutions have biases: the notes' form.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Huang et al. 2017, section 3; notes 001 section 7 (E28).
    """

    layers: int = 4
    growth_rate: int = 32
    bottleneck: bool = False

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("layers", self.layers)
        check_count("growth_rate", self.growth_rate)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width in_channels"], train: bool = False
    ) -> Float[Array, "batch height width channels"]:
        """(batch, height, width, in_channels) -> (batch, height, width, in_channels + layers * growth_rate)."""
        outputs = inputs
        for number in range(self.layers):
            grown = outputs
            if self.bottleneck:
                grown = self.activate(self.norm(f"bottleneck_norm_{number}", grown, train=train))
                grown = self.conv(f"bottleneck_conv_{number}", 4 * self.growth_rate, 1)(grown)
            grown = self.activate(self.norm(f"norm_{number}", grown, train=train))
            grown = self.conv(f"conv_{number}", self.growth_rate, 3, padding=1)(grown)
            outputs = jnp.concatenate([outputs, grown], axis=-1)
        return outputs


class TransitionLayer(NormedLayers, kw_only=True):
    """Transition layer: fewer channels, half the height and width.

        y = avg_pool2x2(conv1x1(activation(norm(x))))

    Layers: norm_0, conv_0.

    Attributes:
      channels: that go out; None for half of those that come in.
      conv_bias: the convolution has a bias: the notes' form.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Huang et al. 2017, section 3; notes 001 section 7.
    """

    channels: int | None = None

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        if self.channels is not None:
            check_count("channels", self.channels)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width in_channels"], train: bool = False
    ) -> Float[Array, "batch out_height out_width channels"]:
        """(batch, height, width, in_channels) -> (batch, height // 2, width // 2, channels)."""
        outputs = self.activate(self.norm("norm_0", inputs, train=train))
        return avg_pool2d(self.conv("conv_0", self.channels or max(1, inputs.shape[-1] // 2), 1)(outputs))


class DenseNet(NormedLayers, kw_only=True):
    """Densely connected network.

        layer          output (224x224), preset "notes"   DenseNet-121
        conv_0         112x112x64   7x7, stride 2; norm; activation        CIFAR stem: 3x3, 64, stride 1
        max pool       56x56x64     3x3, stride 2                          none
        block_0        56x56x192    [3x3, 32] x 4          [1x1, 128; 3x3, 32] x 6     256 channels
        transition_0   28x28x96     1x1; mean of 2x2                                   128
        block_1        28x28x224    x 4                    x 12                        512
        transition_1   14x14x112                                                       256
        block_2        14x14x240    x 4                    x 24                        1024
        transition_2   7x7x120                                                         512
        block_3        7x7x248      x 4                    x 16                        1024
        final_norm     7x7x248      norm; activation
        pooled         248          mean of each channel
        output         classes      dense

    Parameters: 758,226 for the preset "notes", 1 channel and 10 classes; 7,978,856, 14,149,480 and 20,013,928 for
    DenseNet-121, -169 and -201 with 3 channels and 1,000 classes, as torchvision has them.

    Layers: conv_0, norm_0, block_0 (see `DenseBlock`), transition_0 (see `TransitionLayer`), ..., final_norm, output.
    Named activations: activation_0, pool_0, dense_0 and transition_activation_0 and so on behind blocks and
    transitions, features (what is averaged), pooled.

    Attributes:
      outputs: classes.
      blocks: layers of each dense block.
      growth_rate: channels that a layer adds.
      channels: of the stem.
      bottleneck: layers of two convolutions.
      stem: "imagenet", or "cifar" for small images.
      width: factor of stem and growth rate, for smaller versions.
      remat: compute the activations inside of a dense block again for its gradient, in place of keeping them. On a CPU
        XLA (jax 0.10) merges both computations again, and nothing is gained.
      conv_bias: convolutions have biases.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Huang et al. 2017, table 1; notes 001 section 7 (U26).
    """

    outputs: int = 10
    blocks: tuple[int, ...] = (4, 4, 4, 4)
    growth_rate: int = 32
    channels: int = 64
    bottleneck: bool = False
    stem: str = "imagenet"
    width: float = 1.0
    remat: bool = False

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "DenseNet":
        """Of "notes", "densenet121", "densenet169" or "densenet201", with other attributes changed."""
        check_choice("name", name, PRESETS)
        return cls(**PRESETS[name] | changes)

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        for name in ("outputs", "growth_rate", "channels"):
            check_count(name, getattr(self, name))
        check_choice("stem", self.stem, ("imagenet", "cifar"))
        check_range("width", self.width, 0, float("inf"), open_low=True, open_high=True)
        if not isinstance(self.blocks, tuple | list) or not self.blocks:
            raise ValueError(f"blocks: got {self.blocks!r}, wanted the layers of one or more dense blocks")
        for count in self.blocks:
            check_count("blocks", count)
        self.blocks = tuple(self.blocks)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs); `train` takes the moments of the batch."""
        large, halved = self.stem == "imagenet", 2 ** (len(self.blocks) - 1)
        # each transition needs two rows; the stem quarters them, rounded up
        check_images(self, inputs, smallest=4 * halved - 3 if large else halved, first=("conv_0",))
        size, stride = (7, 2) if large else (3, 1)
        outputs = self.conv("conv_0", scaled(self.channels, self.width), size, stride=stride, padding=size // 2)(inputs)
        outputs = tap(self, "activation_0", self.activate(self.norm("norm_0", outputs, train=train)))
        if large:
            outputs = tap(self, "pool_0", max_pool2d(outputs, window=3, stride=2, padding=1))
        # the flag is Python's: checkpointing must not trace it
        block = nn.remat(DenseBlock, static_argnums=(2,)) if self.remat else DenseBlock
        growth_rate, options = scaled(self.growth_rate, self.width), self.shared()
        for number, layers in enumerate(self.blocks):
            outputs = block(
                layers=layers,
                growth_rate=growth_rate,
                bottleneck=self.bottleneck,
                name=f"block_{number}",
                **options,
            )(outputs, train)
            outputs = tap(self, f"dense_{number}", outputs)
            if number < len(self.blocks) - 1:
                outputs = TransitionLayer(name=f"transition_{number}", **options)(outputs, train)
                outputs = tap(self, f"transition_activation_{number}", outputs)
        outputs = tap(self, "features", self.activate(self.norm("final_norm", outputs, train=train)))
        outputs = tap(self, "pooled", global_avg_pool2d(outputs))
        options = {"kernel_init": self.kernel_init, "dtype": self.dtype, "param_dtype": self.param_dtype}
        return Linear(self.outputs, name="output", **options)(outputs)
