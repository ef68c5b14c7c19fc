"""What an image is, (height, width) or (height, width, channels), and the checks that all functions share."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from dlx.checks import check_count, check_range

Image = Num[Array | np.ndarray, "height width"]
FloatImage = Float[Array, "height width"]
ColourImage = Num[Array | np.ndarray, "height width 3"]
FloatColourImage = Float[Array, "height width 3"]
Mode = Literal["reflect", "mirror", "nearest", "wrap", "constant"]


def to_float(image: Num[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Numbers of an image as floats.

        uint8: v / 255,    uint16: v / 65535,    floating: v

    Every function of this package begins with it, so that nothing overflows: 200 + 100 of uint8 is not 44.

    Args:
      image: any shape; uint8, uint16 or floating. Other integers have no known white, and bool is no brightness.
    Returns: uint8 and uint16 as float32 in [0, 1]; a floating image as it is, its dtype kept.
    Raises: TypeError for another dtype.
    Source: convention of this package; `skimage.util.img_as_float` has the same range.
    """
    dtype = jnp.result_type(image)
    if jnp.issubdtype(dtype, jnp.floating):
        return jnp.asarray(image)
    if dtype not in (jnp.uint8, jnp.uint16):
        raise TypeError(
            f"image: got dtype {dtype}, wanted uint8, uint16 (which become float32 in [0, 1]) or a floating dtype"
        )
    return jnp.asarray(image, jnp.float32) / (255 if dtype == jnp.uint8 else 65535)


def grey(image: Any, name: str = "image") -> jax.Array:
    """A float image of one channel; refuses another rank."""
    shape = jnp.shape(image)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"{name}: got shape {shape}, wanted (height, width), not empty; `rgb_to_grey` makes one channel of three,"
            " `jax.vmap(f, in_axes=-1, out_axes=-1)` takes the channels one by one, `jax.vmap(f)` a batch"
        )
    return to_float(image)


def colour(image: Any, name: str = "image", channels: int = 3) -> jax.Array:
    """A float image with this number of channels in its last axis; refuses another."""
    shape = jnp.shape(image)
    if len(shape) != 3 or 0 in shape or shape[-1] != channels:
        raise ValueError(
            f"{name}: got shape {shape}, wanted (height, width, {channels}), not empty; `jax.vmap` takes a batch"
        )
    return to_float(image)


def wide(image: jax.Array) -> jax.Array:
    """At least float32: sums of half precision lose their digits."""
    return image.astype(jnp.promote_types(image.dtype, jnp.float32))


def check_odd(name: str, size: Any) -> None:
    """Refuse a window that has no middle pixel."""
    check_count(name, size)
    if size % 2 == 0:
        raise ValueError(f"{name}: got {size}, wanted an odd number: an even window has no middle pixel")


def check_covers(image: jax.Array, kernel: tuple[int, int]) -> None:
    """Refuse an image smaller than the kernel, whose border would be most of the result."""
    if image.shape[0] < kernel[0] or image.shape[1] < kernel[1]:
        raise ValueError(
            f"image: got shape {image.shape}, wanted at least that of the kernel, {kernel}"
            " (SciPy goes on extending the image until the kernel is covered)"
        )


def check_static(name: str, value: Any) -> None:
    """Refuse an array, traced ones first of all, for a number that decides a shape."""
    if isinstance(value, jax.Array):
        raise TypeError(
            f"{name}: got an array, wanted a Python number: the kernel's size depends on it and is fixed when it is"
            f" compiled; under jax.jit make {name} static, jax.jit(f, static_argnames={name!r}), or bind it by"
            " functools.partial"
        )


def check_positive(name: str, value: Any) -> None:
    """Refuse a Python number that is not above 0 or not finite; a traced value cannot be looked at and passes."""
    check_range(name, value, 0.0, float("inf"), open_low=True, open_high=True)
