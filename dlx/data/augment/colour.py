"""Brightness, contrast, saturation and hue, by a given and by a random amount.

Floats are in [0, 1] and come out in [0, 1]; uint8 and uint16 are computed as floats and rounded back (torchvision cuts
the fraction off).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num

from dlx.checks import check_array, check_range
from dlx.data.augment._batch import Images, Keys, along, as_floats, as_stored, check_images, draw, keys_of
from dlx.image import hsv_to_rgb, rgb_to_hsv

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "random_brightness",
    "random_contrast",
    "random_hue",
    "random_saturation",
]

Amounts = Float[Array | np.ndarray, "batch"] | float
Changed = Num[Array, "batch height width channels"]

_GREY = (0.2989, 0.587, 0.114)
"""torchvision's; they add up to 0.9999, so that white and its grey differ by 1e-4."""


def adjust_brightness(images: Images, factor: Amounts) -> Changed:
    """Images with another brightness.

        out = clip(f x, 0, 1)

    Args:
      images: (batch, height, width, channels), uint8, uint16 or floats in [0, 1].
      factor: f, not negative: one number, or one for each image. 0 makes black, 1 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape or a negative factor; TypeError on integers without a known white.
    Source: torchvision, adjust_brightness; notes 001 section 10.
    """
    check_images(images)
    values = as_floats(images)
    return as_stored(blend(values, jnp.zeros((), values.dtype), _factors("factor", factor, values)), images)


def adjust_contrast(images: Images, factor: Amounts) -> Changed:
    """Images with another contrast.

        out = clip(f x + (1 - f) m, 0, 1),    m the mean of the image's grey

    Args:
      images: (batch, height, width, 1 or 3), uint8, uint16 or floats in [0, 1].
      factor: f, not negative: one number, or one for each image. 0 makes grey of one level, 1 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape or a negative factor; TypeError on integers without a known white.
    Source: torchvision, adjust_contrast; notes 001 section 10.
    """
    check_images(images, "1 or 3")
    values = as_floats(images)
    return as_stored(blend(values, mean_of(grey_of(values)), _factors("factor", factor, values)), images)


def adjust_saturation(images: Images, factor: Amounts) -> Changed:
    """Images with another saturation.

        out = clip(f x + (1 - f) g, 0, 1),    g = 0.2989 R + 0.587 G + 0.114 B

    Args:
      images: (batch, height, width, 3), uint8, uint16 or floats in [0, 1].
      factor: f, not negative: one number, or one for each image. 0 makes a grey image, 1 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape or a negative factor; TypeError on integers without a known white.
    Source: torchvision, adjust_saturation; notes 001 section 10.
    """
    check_images(images, "3")
    values = as_floats(images)
    return as_stored(blend(values, grey_of(values), _factors("factor", factor, values)), images)


def adjust_hue(images: Images, shift: Amounts) -> Changed:
    """Images with every hue turned by the same angle.

        out = rgb(H + shift mod 1, S, V)

    Args:
      images: (batch, height, width, 3), uint8, uint16 or floats in [0, 1].
      shift: in turns, in [-0.5, 0.5]: one number, or one for each image. 0 changes nothing, 0.5 makes the opposite.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape or shift; TypeError on integers without a known white.
    Source: torchvision, adjust_hue; Smith 1978; notes 001 section 10.
    """
    check_images(images, "3")
    values = as_floats(images)
    return as_stored(turn_hue(values, _factors("shift", shift, values, -0.5, 0.5)), images)


def random_brightness(key: Keys, images: Images, *, strength: float = 0.5) -> Changed:
    """Images with another brightness, each with a factor of its own.

        f ~ U(max(0, 1 - strength), 1 + strength)

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, channels), uint8, uint16 or floats in [0, 1].
      strength: largest change; 0 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, keys of another number or a negative strength; TypeError on integers without a
      known white.
    Source: torchvision, ColorJitter; notes 001 section 10.
    """
    check_images(images)
    return adjust_brightness(images, factors(draw(keys_of(key, "images", images)), "strength", strength))


def random_contrast(key: Keys, images: Images, *, strength: float = 0.5) -> Changed:
    """Images with another contrast, each with a factor of its own.

        f ~ U(max(0, 1 - strength), 1 + strength)

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, 1 or 3), uint8, uint16 or floats in [0, 1].
      strength: largest change; 0 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, keys of another number or a negative strength; TypeError on integers without a
      known white.
    Source: torchvision, ColorJitter; notes 001 section 10.
    """
    check_images(images)
    return adjust_contrast(images, factors(draw(keys_of(key, "images", images)), "strength", strength))


def random_saturation(key: Keys, images: Images, *, strength: float = 0.5) -> Changed:
    """Images with another saturation, each with a factor of its own.

        f ~ U(max(0, 1 - strength), 1 + strength)

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, 3), uint8, uint16 or floats in [0, 1].
      strength: largest change; 0 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, keys of another number or a negative strength; TypeError on integers without a
      known white.
    Source: torchvision, ColorJitter; notes 001 section 10.
    """
    check_images(images)
    return adjust_saturation(images, factors(draw(keys_of(key, "images", images)), "strength", strength))


def random_hue(key: Keys, images: Images, *, strength: float = 0.5) -> Changed:
    """Images with other hues, each turned by an angle of its own.

        shift ~ U(-strength, strength)

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, 3), uint8, uint16 or floats in [0, 1].
      strength: largest turn, in [0, 0.5]; 0 changes nothing.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, keys of another number or another strength; TypeError on integers without a
      known white.
    Source: torchvision, ColorJitter; notes 001 section 10.
    """
    check_images(images)
    return adjust_hue(images, shifts(draw(keys_of(key, "images", images)), "strength", strength))


def factors(uniform: Array, name: str, strength: float) -> Array:
    """Uniform numbers of [0, 1) taken into [max(0, 1 - strength), 1 + strength)."""
    check_range(name, strength, 0, float("inf"), open_high=True)
    low = max(0.0, 1.0 - strength)
    return low + (1.0 + strength - low) * uniform


def shifts(uniform: Array, name: str, strength: float) -> Array:
    """Uniform numbers of [0, 1) taken into [-strength, strength)."""
    check_range(name, strength, 0, 0.5)
    return strength * (2 * uniform - 1)


def blend(values: Array, other: Array, factor: Array) -> Array:
    """Weighted mean f x + (1 - f) other, cut to [0, 1]."""
    return jnp.clip(factor * values + (1 - factor) * other, 0, 1).astype(values.dtype)


def grey_of(values: Array) -> Array:
    """(batch, height, width, 1); an image of one channel is its own grey."""
    if values.shape[-1] == 1:
        return values
    red, green, blue = (values[..., channel : channel + 1] for channel in range(3))
    return _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue


def mean_of(grey: Array) -> Array:
    """(batch, 1, 1, 1)."""
    return jnp.mean(grey, axis=(1, 2, 3), keepdims=True)


def turn_hue(values: Array, shift: Array) -> Array:
    """Floats with their hue turned; `shift` broadcasts."""
    hue, saturation, value = jnp.moveaxis(jax.vmap(rgb_to_hsv)(values), -1, 0)
    turned = jnp.mod(hue + shift[..., 0].astype(hue.dtype), 1.0)
    return jax.vmap(hsv_to_rgb)(jnp.stack([turned, saturation, value], axis=-1))


def _factors(name: str, amount: Amounts, values: Array, low: float = 0.0, high: float = float("inf")) -> Array:
    """(batch, 1, 1, 1) or (1, 1, 1, 1), at least float32."""
    wide = jnp.promote_types(values.dtype, jnp.float32)
    if np.ndim(amount) == 0:
        check_range(name, amount, low, high)
        return jnp.asarray(amount, wide).reshape(1, 1, 1, 1)
    check_array(name, amount)
    amounts = jnp.asarray(amount, wide)
    if amounts.shape != values.shape[:1]:
        raise ValueError(f"{name}: got shape {amounts.shape}, wanted () or {values.shape[:1]}, one for each image")
    return along(amounts, values)
