"""Residual networks."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.models._normed import NormedLayers, check_images, scaled
from dlx.models._taps import tap
from dlx.models.mlp import Linear
from dlx.nn import global_avg_pool2d, max_pool2d

__all__ = ["ResNet", "ResidualBlock"]

PRESETS: dict[str, dict[str, Any]] = {
    "resnet18": {"blocks": (2, 2, 2, 2)},
    "resnet34": {"blocks": (3, 4, 6, 3)},
    "resnet50": {"blocks": (3, 4, 6, 3), "bottleneck": True},
    "notes": {"blocks": (2, 2, 2, 2), "conv_bias": True, "shortcut_norm": False},
}


class ResidualBlock(NormedLayers, kw_only=True):
    """Residual block: convolutions learn what is to be added to their input.

        f(x) = norm(conv3x3(activation(norm(conv3x3(x, stride s)))))
        y = activation(f(x) + x),    where shape or channels change activation(f(x) + norm(conv1x1(x, stride s)))

    A bottleneck has conv1x1, conv3x3 with the stride, conv1x1 to four times the channels. With f = 0 it is
    activation(x), the identity after a ReLU: deep stacks of it start from what shallow ones can do, which eases
    optimisation (He et al. 2015, section 1). The notes' reason, that inputs in (0, 1) shrink, is not theirs (E96).

    Layers: conv_0, norm_0, conv_1, norm_1, (conv_2, norm_2), shortcut_conv, shortcut_norm.

    Attributes:
      channels: of the convolutions; a bottleneck gives out four times as many.
      stride: of one convolution and of the shortcut.
      bottleneck: three convolutions in place of two.
      shortcut_norm: a batch norm after the 1x1 convolution of the shortcut.
      zero_residual: the last norm's scale starts at 0, so that training starts with f = 0.
      conv_bias: convolutions have biases, which the norms take out again: the notes' form.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: He et al. 2015, "Deep residual learning", figures 2 and 5; notes 001 section 7.
    """

    channels: int = 64
    stride: int = 1
    bottleneck: bool = False
    shortcut_norm: bool = True
    zero_residual: bool = False

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("channels", self.channels)
        check_count("stride", self.stride)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width in_channels"], train: bool = False
    ) -> Float[Array, "batch out_height out_width channels"]:
        """(batch, height, width, in_channels) -> (batch, height / stride, width / stride, channels), rounded up."""
        # (features, size, stride): the stride is the 3x3 convolution's, as torchvision has it; He et al. the first's
        layers = [(self.channels, 3, self.stride), (self.channels, 3, 1)]
        if self.bottleneck:
            layers = [(self.channels, 1, 1), (self.channels, 3, self.stride), (4 * self.channels, 1, 1)]
        outputs, last = inputs, len(layers) - 1
        for number, (features, size, stride) in enumerate(layers):
            outputs = self.conv(f"conv_{number}", features, size, stride=stride, padding=size // 2)(outputs)
            zero = self.zero_residual and number == last
            scale_init = nn.initializers.zeros if zero else nn.initializers.ones
            outputs = self.norm(f"norm_{number}", outputs, train=train, scale_init=scale_init)
            if number < last:
                outputs = self.activate(outputs)
        shortcut = inputs
        if self.stride != 1 or inputs.shape[-1] != outputs.shape[-1]:
            shortcut = self.conv("shortcut_conv", outputs.shape[-1], 1, stride=self.stride)(inputs)
            if self.shortcut_norm:
                shortcut = self.norm("shortcut_norm", shortcut, train=train)
        return self.activate(outputs + shortcut)


class ResNet(NormedLayers, kw_only=True):
    """Residual network.

        layer      output (224x224)   18-layer             34-layer    50-layer
        conv_0     112x112x64         7x7, 64, stride 2; norm; activation       CIFAR stem: 3x3, 64, stride 1
        max pool   56x56x64           3x3, stride 2                             none
        group_0    56x56              [3x3, 64] x 2, 2     x 2, 3      [1x1, 64; 3x3, 64; 1x1, 256] x 3
        group_1    28x28              [3x3, 128] x 2, 2    x 2, 4      [1x1, 128; 3x3, 128; 1x1, 512] x 4
        group_2    14x14              [3x3, 256] x 2, 2    x 2, 6      [1x1, 256; 3x3, 256; 1x1, 1024] x 6
        group_3    7x7                [3x3, 512] x 2, 2    x 2, 3      [1x1, 512; 3x3, 512; 1x1, 2048] x 3
        pooled     512 or 2048        mean of each channel
        output     classes            dense

    ResNet-18 is 17 convolutions and one dense layer; the 1x1 convolutions of shortcuts are not counted (E27). Groups 1
    to 3 begin with stride 2. Parameters: 11,689,512, 21,797,672 and 25,557,032 for 3 channels and 1,000 classes, as
    torchvision has them; the preset "notes" (ResNet-18 with biases in convolutions and no norm on shortcuts) 11,178,378
    for 1 channel and 10 classes. With the CIFAR stem ResNet-18 has 11,173,962 for 3 channels and 10 classes, and
    32x32 images are 4x4 in the last group.

    Layers: conv_0, norm_0, group_0_block_0 (see `ResidualBlock`), ..., output. Named activations: activation_0, pool_0,
    group_0 to group_3, pooled.

    Attributes:
      outputs: classes.
      blocks: blocks of each group.
      channels: of the stem and of the first group; each group has twice as many as the one before.
      bottleneck: blocks of three convolutions.
      stem: "imagenet", or "cifar" for small images.
      width: factor of all channels, for smaller versions.
      shortcut_norm: a batch norm after the 1x1 convolution of a shortcut.
      zero_residual: the last scale of a block starts at 0.
      remat: compute the activations inside of a block again for its gradient, in place of keeping them. On a CPU
        XLA (jax 0.10) merges both computations again, and nothing is gained.
      mirrored: predict the mean of the logits of an image and of its mirror image.
      conv_bias: convolutions have biases.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: He et al. 2015, "Deep residual learning", table 1 and section 4.2; notes 001 section 7 (E27, U26).
    """

    outputs: int = 10
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    channels: int = 64
    bottleneck: bool = False
    stem: str = "imagenet"
    width: float = 1.0
    shortcut_norm: bool = True
    zero_residual: bool = False
    remat: bool = False
    mirrored: bool = False

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "ResNet":
        """Of "resnet18", "resnet34", "resnet50" or "notes", with other attributes changed."""
        check_choice("name", name, PRESETS)
        return cls(**PRESETS[name] | changes)

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("outputs", self.outputs)
        check_count("channels", self.channels)
        check_choice("stem", self.stem, ("imagenet", "cifar"))
        check_range("width", self.width, 0, float("inf"), open_low=True, open_high=True)
        if not isinstance(self.blocks, tuple | list) or not self.blocks:
            raise ValueError(f"blocks: got {self.blocks!r}, wanted the blocks of one or more groups")
        for count in self.blocks:
            check_count("blocks", count)
        self.blocks = tuple(self.blocks)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs); `train` takes the moments of the batch."""
        check_images(self, inputs, first=("conv_0",))
        if self.mirrored and not train:
            both = self._logits(jnp.concatenate([inputs, inputs[:, :, ::-1]]), train=False)
            return jnp.mean(both.reshape(2, len(inputs), self.outputs), axis=0)
        return self._logits(inputs, train=train)

    def _logits(self, inputs: Array, *, train: bool) -> Array:
        outputs = self._stem(inputs, train)
        # the flag is Python's: checkpointing must not trace it
        block = nn.remat(ResidualBlock, static_argnums=(2,)) if self.remat else ResidualBlock
        for group, count in enumerate(self.blocks):
            for number in range(count):
                outputs = block(
                    channels=scaled(self.channels * 2**group, self.width),
                    stride=2 if group and not number else 1,
                    bottleneck=self.bottleneck,
                    shortcut_norm=self.shortcut_norm,
                    zero_residual=self.zero_residual,
                    name=f"group_{group}_block_{number}",
                    **self.shared(),
                )(outputs, train)
            outputs = tap(self, f"group_{group}", outputs)
        outputs = tap(self, "pooled", global_avg_pool2d(outputs))
        options = {"kernel_init": self.kernel_init, "dtype": self.dtype, "param_dtype": self.param_dtype}
        return Linear(self.outputs, name="output", **options)(outputs)

    def _stem(self, inputs: Array, train: bool) -> Array:
        large = self.stem == "imagenet"
        size, stride = (7, 2) if large else (3, 1)
        outputs = self.conv("conv_0", scaled(self.channels, self.width), size, stride=stride, padding=size // 2)(inputs)
        outputs = tap(self, "activation_0", self.activate(self.norm("norm_0", outputs, train=train)))
        return tap(self, "pool_0", max_pool2d(outputs, window=3, stride=2, padding=1)) if large else outputs
