"""Convolutional autoencoder with unpooling."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from dlx.checks import check_choice, check_count
from dlx.models._normed import check_images
from dlx.models._taps import tap
from dlx.models.conv import Conv, ConvTranspose
from dlx.models.mlp import Linear
from dlx.nn import (
    bed_of_nails,
    get_activation,
    get_initializer,
    max_pool2d_with_switches,
    max_unpool2d,
    nearest_unpool2d,
)

__all__ = ["ConvAutoencoder"]

UNPOOLINGS = ("nearest", "nails", "switches")


class ConvAutoencoder(nn.Module):
    """Convolutional autoencoder: images to a short code, and back by unpooling and transposed convolutions.

        layer                     output (28x28x1)    parameters
        conv_0, activation        28x28x32                   320
        max pool 2x2              14x14x32
        conv_1, activation        14x14x64                18,496
        max pool 2x2              7x7x64 = 3136
        code_dense                32                     100,384
        expand, activation        3136 = 7x7x64          103,488
        unpool 2x2                14x14x64
        deconv_1, activation      14x14x32                18,464
        unpool 2x2                28x28x32
        deconv_0                  28x28x1                    289
                                                         241,441

    Convolutions and transposed convolutions are 3x3 with padding 1. Unpooling makes planes larger in one of three ways:

        nearest    each number becomes a block of equal ones
        nails      each number stands in the first corner of a block of zeros
        switches   each number goes back to the place of the maximum in the same pooling of the encoder

    Switches are information beside the code: with them the code is not all that passes from encoder to decoder
    (14x14x32 + 7x7x64 places of four, for 28x28 images 18,816 bits). Reconstruction is then better than what the code
    alone can carry; a comparison with principal components of the same code size wants "nearest" or "nails".

    `apply(variables, images)` gives the reconstruction; `apply(variables, images, method="encode")` the code and the
    switches, `apply(variables, code, switches, method="decode")` images, for which only "switches" needs the second.
    Named activations: activation_0, pool_0, ..., expanded, unpool_1, deactivation_1, unpool_0.

    Attributes:
      shape: (height, width, channels) of the images; height and width are multiples of 2 to the number of poolings.
      code: numbers in the code.
      channels: of the convolutions of the encoder, each followed by a pooling.
      unpool: "nearest", "nails" or "switches".
      activation: name of `dlx.nn.ACTIVATIONS`, or a function of an array.
      output_activation: the same for the reconstruction, as "sigmoid" for pixels in (0, 1); None for none.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`. With "he_normal" the first
        reconstructions are larger than images, which costs hundreds of steps.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Masci et al. 2011; unpooling by Zeiler and Fergus 2014, section 2.1, and Noh et al. 2015, section 3.2; notes
      004 part 6 and "unpooling" (U21: the notes give no equations).
    """

    shape: tuple[int, int, int] = (28, 28, 1)
    code: int = 32
    channels: tuple[int, ...] = (32, 64)
    unpool: str = "nearest"
    activation: str | Callable[[Array], Array] = "relu"
    output_activation: str | Callable[[Array], Array] | None = None
    kernel_init: str | Callable[..., Array] = "glorot_uniform"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        for name, wanted in (("shape", "(height, width, channels)"), ("channels", "channels of one or more layers")):
            value = getattr(self, name)
            if not isinstance(value, tuple | list) or not value or (name == "shape" and len(value) != 3):
                raise ValueError(f"{name}: got {value!r}, wanted {wanted}")
            for count in value:
                check_count(name, count)
            setattr(self, name, tuple(value))
        factor = 2 ** len(self.channels)
        if self.shape[0] % factor or self.shape[1] % factor:
            raise ValueError(
                f"shape: got {self.shape}, wanted height and width that are multiples of {factor}, for"
                f" {len(self.channels)} poolings; jnp.pad makes images larger"
            )
        check_count("code", self.code)
        check_choice("unpool", self.unpool, UNPOOLINGS)
        get_activation(self.activation)
        if self.output_activation is not None:
            get_activation(self.output_activation)
        get_initializer(self.kernel_init)
        super().__post_init__()

    def setup(self):
        """Layers of both halves; those of the decoder go from the last to the first."""
        options = {"kernel_init": self.kernel_init, "dtype": self.dtype, "param_dtype": self.param_dtype}
        before = (self.shape[2], *self.channels)
        self.convs = [Conv(c, padding=1, name=f"conv_{i}", **options) for i, c in enumerate(self.channels)]
        self.deconvs = [
            ConvTranspose(before[i], 3, padding=1, name=f"deconv_{i}", **options) for i in range(len(self.channels))
        ]
        rows, columns = (size // 2 ** len(self.channels) for size in self.shape[:2])
        self.smallest = (rows, columns, self.channels[-1])
        self.to_code = Linear(self.code, name="code_dense", **options)
        self.from_code = Linear(rows * columns * self.channels[-1], name="expand", **options)

    def __call__(
        self, inputs: Float[Array, "batch height width channels"], *, train: bool = False
    ) -> Float[Array, "batch height width channels"]:
        """(batch, height, width, channels) -> the same; `train` changes nothing here."""
        return self.decode(*self.encode(inputs))

    def encode(
        self, inputs: Float[Array, "batch height width channels"]
    ) -> tuple[Float[Array, "batch code"], list[Int[Array, "batch rows columns features"]]]:
        """(batch, height, width, channels) -> code (batch, code) and the switches of each pooling."""
        check_images(self, inputs)
        if inputs.shape[1:] != self.shape:
            raise ValueError(f"inputs: got images of {inputs.shape[1:]}, wanted {self.shape}, the attribute shape")
        outputs, switches = inputs, []
        for number, conv in enumerate(self.convs):
            outputs = tap(self, f"activation_{number}", get_activation(self.activation)(conv(outputs)))
            outputs, places = max_pool2d_with_switches(outputs)
            outputs = tap(self, f"pool_{number}", outputs)
            switches.append(places)
        return self.to_code(outputs.reshape(len(outputs), -1)), switches

    def decode(
        self,
        code: Float[Array, "batch code"],
        switches: list[Int[Array, "batch rows columns features"]] | None = None,
    ) -> Float[Array, "batch height width channels"]:
        """Code (batch, code), and for unpool="switches" the switches -> (batch, height, width, channels)."""
        places = switches or []
        if self.unpool == "switches" and len(places) != len(self.channels):
            raise ValueError(
                f"switches: got {len(places)} arrays, wanted those of {len(self.channels)} poolings, as encode gives"
                " them"
            )
        if code.ndim != 2 or code.shape[1] != self.code:
            raise ValueError(f"code: got shape {code.shape}, wanted (batch, {self.code})")
        activate = get_activation(self.activation)
        outputs = activate(self.from_code(code)).reshape(len(code), *self.smallest)
        outputs = tap(self, "expanded", outputs)
        for number in reversed(range(len(self.channels))):
            if self.unpool == "switches":
                outputs = max_unpool2d(outputs, places[number])
            else:
                outputs = (nearest_unpool2d if self.unpool == "nearest" else bed_of_nails)(outputs)
            outputs = self.deconvs[number](tap(self, f"unpool_{number}", outputs))
            if number:
                outputs = tap(self, f"deactivation_{number}", activate(outputs))
        return outputs if self.output_activation is None else get_activation(self.output_activation)(outputs)
