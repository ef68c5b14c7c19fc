"""Networks for small colour images that train on a CPU: a plain one, and one for short training."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count, check_range
from dlx.models._normed import NormedLayers, check_images, scaled
from dlx.models._taps import tap
from dlx.models.mlp import Linear
from dlx.nn import conv2d, dropout, example_keys, get_initializer, global_avg_pool2d, global_max_pool2d, max_pool2d

__all__ = ["CIFARNet", "PlainCNN"]


class PlainCNN(NormedLayers, kw_only=True):
    """Convolutions, each with batch norm and pooling, and a mean over the plane before the classes.

        layer                  output (32x32x3)    parameters
        conv_0, norm_0, pool   16x16x32            864 + 64
        conv_1, norm_1, pool   8x8x64              18,432 + 128
        conv_2, norm_2, pool   4x4x128             73,728 + 256
        pooled                 128
        output                 10                  1,290
                                                   94,762

    Convolutions are 3x3 with padding 1, pooling takes maxima of 2x2. Without `use_norm` the convolutions have biases
    (94,538 parameters). With dropout as an option it is the network of the notes' comparison of batch norm and dropout
    (U15). Named activations: activation_0, pool_0, ..., pooled.

    Attributes:
      outputs: classes.
      channels: of the convolutions, as many as there are.
      width: factor of all channels, for smaller versions.
      use_norm: batch norm after each convolution.
      dropout: probability that a unit before the output, and in a pooled plane, is off in training; the stream
        `dropout` then needs a key.
      conv_bias: convolutions have biases also with norms.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, so that neither moments nor dropout masks depend on the cut.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Lin et al. 2013, section 3.2 (the mean over the plane); notes 004 part 3, 001 section 7.
    """

    outputs: int = 10
    channels: tuple[int, ...] = (32, 64, 128)
    width: float = 1.0
    use_norm: bool = True
    dropout: float = 0.0

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("outputs", self.outputs)
        self.channels = checked_channels(self.channels)
        check_range("width", self.width, 0, float("inf"), open_low=True, open_high=True)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs); `train` takes the moments of the batch."""
        check_images(self, inputs, smallest=2 ** len(self.channels), first=("conv_0",))
        outputs = inputs
        for number, channels in enumerate(self.channels):
            use_bias = self.conv_bias or not self.use_norm
            conv = self.conv(f"conv_{number}", scaled(channels, self.width), 3, padding=1, use_bias=use_bias)
            outputs = conv(outputs)
            if self.use_norm:
                outputs = self.norm(f"norm_{number}", outputs, train=train)
            outputs = tap(self, f"activation_{number}", self.activate(outputs))
            outputs = self._drop(tap(self, f"pool_{number}", max_pool2d(outputs)), train)
        outputs = tap(self, "pooled", global_avg_pool2d(outputs))
        options = {"kernel_init": self.kernel_init, "dtype": self.dtype, "param_dtype": self.param_dtype}
        return Linear(self.outputs, name="output", **options)(outputs)

    def _drop(self, inputs: Array, train: bool) -> Array:
        if not (train and self.dropout):
            return inputs
        keys = example_keys(self.make_rng("dropout"), len(inputs), axis_name=self.axis_name)
        return dropout(keys, inputs, rate=self.dropout, train=True)


class CIFARNet(NormedLayers, kw_only=True):
    """Network for training in minutes: a whitening first layer, groups of two convolutions, a scaled output.

        layer          output (32x32x3)   (24x24x3)
        whitening      31x31x24           23x23x24     2x2, fixed, from `whitening_kernel(..., both_signs=True)`
        conv_0         31x31xc_0          23x23xc_0    3x3; 2x2 maxima; norm; activation
        conv_1         15x15xc_0          11x11xc_0    3x3; norm; activation
        conv_2, 3      7x7xc_1            5x5xc_1      the same
        conv_4, 5      3x3xc_2            2x2xc_2      the same
        pooled         c_2                c_2          maximum of each channel
        output         10                 10           dense without bias, times `output_scale`

    With c = (64, 256, 256) it has 1,972,504 parameters and 288 fixed numbers, for images of any size: it can train on
    small ones first and on larger ones later.

    The kernel of the whitening layer is no parameter: it stands in the collection `constants`, so that no optimizer
    moves it and it is saved with the weights. Its bias is trained. Without `whitening` the first layer is a convolution
    to as many channels, of the same size. With `identity_init` the first channels of a convolution begin as a copy
    of its inputs.

    Layers: whitening, conv_0, norm_0, ..., output. Named activations: activation_0 (of the whitening layer),
    activation_1, ..., features (the last plane), pooled.

    Attributes:
      outputs: classes.
      channels: of the groups, as many as there are.
      width: factor of all channels.
      whitening: kernel and bias of the first layer, from `dlx.nn.whitening_kernel`; None to train it.
      identity_init: convolutions begin as the identity, as far as they have outputs.
      output_scale: factor of the logits.
      mirrored: predict the mean of the logits of an image and of its mirror image.
      conv_bias: convolutions have biases.
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      momentum: of the running statistics, the share of the old: small, as there are few steps.
      unbiased_running: running variances as PyTorch has them, see `BatchNorm`.
      axis_name: mapped axis over which a batch is cut, see `BatchNorm`.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Page 2019, "How to train your ResNet"; Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU",
      section 3; notes 004 part 3.
    """

    outputs: int = 10
    channels: tuple[int, ...] = (64, 256, 256)
    width: float = 1.0
    whitening: tuple[Any, Any] | None = None
    identity_init: bool = True
    output_scale: float = 1 / 9
    mirrored: bool = False
    momentum: float = 0.6

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("outputs", self.outputs)
        self.channels = checked_channels(self.channels)
        check_range("width", self.width, 0, float("inf"), open_low=True, open_high=True)
        check_range("output_scale", self.output_scale, 0, float("inf"), open_low=True, open_high=True)
        if self.whitening is not None:
            self.whitening = checked_whitening(self.whitening)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, height, width, channels) -> (batch, outputs); `train` takes the moments of the batch."""
        window = 2 if self.whitening is None else max(self.whitening[0].shape[:2])
        check_images(self, inputs, smallest=2 ** len(self.channels) + window - 1, first=("whitening",))
        if self.mirrored and not train:
            both = self._logits(jnp.concatenate([inputs, inputs[:, :, ::-1]]), train=False)
            return jnp.mean(both.reshape(2, len(inputs), self.outputs), axis=0)
        return self._logits(inputs, train=train)

    def _logits(self, inputs: Array, *, train: bool) -> Array:
        first: nn.Module
        if self.whitening is None:
            first = self.conv("whitening", 2 * 4 * inputs.shape[-1], 2, use_bias=True)
        else:
            first = FixedConv(*self.whitening, dtype=self.dtype, param_dtype=self.param_dtype, name="whitening")
        outputs = tap(self, "activation_0", self.activate(first(inputs)))
        for number in range(2 * len(self.channels)):
            features = scaled(self.channels[number // 2], self.width)
            outputs = self.conv(f"conv_{number}", features, 3, padding=1, kernel_init=self._init())(outputs)
            if number % 2 == 0:
                outputs = max_pool2d(outputs)  # before the norm, which then has a quarter of the work
            outputs = self.activate(self.norm(f"norm_{number}", outputs, train=train))
            last = number == 2 * len(self.channels) - 1
            outputs = tap(self, "features" if last else f"activation_{number + 1}", outputs)
        outputs = tap(self, "pooled", global_max_pool2d(outputs))
        options = {"use_bias": False, "dtype": self.dtype, "param_dtype": self.param_dtype}
        outputs = Linear(self.outputs, kernel_init=self.kernel_init, name="output", **options)(outputs)
        return outputs * self.output_scale

    def _init(self) -> Callable[..., Array]:
        init = get_initializer(self.kernel_init)
        return begin_as_identity(init) if self.identity_init else init


class FixedConv(nn.Module):
    """Convolution with a given kernel, which is kept in the collection `constants`, and a bias that is trained."""

    kernel: Any
    bias: Any
    dtype: Any = None
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """(batch, height, width, channels) -> (batch, height - rows + 1, width - columns + 1, filters)."""
        kernel = self.variable("constants", "kernel", lambda: jnp.asarray(self.kernel, self.param_dtype)).value
        bias = self.param("bias", lambda key: jnp.asarray(self.bias, self.param_dtype))
        return conv2d(*nn.dtypes.promote_dtype(inputs, kernel, bias, dtype=self.dtype))


def begin_as_identity(init: Callable[..., Array]) -> Callable[..., Array]:
    """An initializer whose first output channels copy the input channels; the others are drawn by `init`."""

    def draw(key: Array, shape: Sequence[int], dtype: Any) -> Array:
        rows, columns, channels, features = shape
        count = min(channels, features)
        identity = np.zeros((rows, columns, channels, count))
        identity[rows // 2, columns // 2, range(count), range(count)] = 1
        return init(key, tuple(shape), dtype).at[..., :count].set(jnp.asarray(identity, dtype))

    return draw


def checked_channels(channels: Any) -> tuple[int, ...]:
    """The channels of one or more layers."""
    if not isinstance(channels, tuple | list) or not channels:
        raise ValueError(f"channels: got {channels!r}, wanted the channels of one or more layers")
    for count in channels:
        check_count("channels", count)
    return tuple(channels)


def checked_whitening(whitening: Any) -> tuple[Any, Any]:
    """A kernel and a bias that fit each other."""
    shapes = [np.shape(array) for array in whitening] if isinstance(whitening, tuple | list) else []
    if len(shapes) != 2 or len(shapes[0]) != 4 or shapes[1] != shapes[0][-1:]:
        raise ValueError(
            f"whitening: got shapes {shapes}, wanted a kernel (rows, columns, channels, filters) and a bias (filters,),"
            " as dlx.nn.whitening_kernel gives them"
        )
    return tuple(whitening)
