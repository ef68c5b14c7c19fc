"""Brightness, contrast, saturation and hue in random order."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from dlx.data.augment._batch import Images, Keys, along, as_floats, as_stored, check_images, draw, keys_of
from dlx.data.augment.colour import blend, factors, grey_of, mean_of, shifts, turn_hue

__all__ = ["colour_jitter"]


def colour_jitter(
    key: Keys,
    images: Images,
    *,
    brightness: float = 0.5,
    contrast: float = 0.5,
    saturation: float = 0.5,
    hue: float = 0.5,
) -> Num[Array, "batch height width 3"]:
    """The four changes of colour one after the other, for each image by amounts and in an order of its own.

    Amounts are drawn as by `random_brightness`, `random_contrast`, `random_saturation` and `random_hue`; each of the
    24 orders is equally likely. Integers are rounded once, at the end.

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, 3), uint8, uint16 or floats in [0, 1].
      brightness: strength, 0 changes nothing.
      contrast: strength.
      saturation: strength.
      hue: largest turn, in [0, 0.5].
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, keys of another number or a strength out of range; TypeError on integers
      without a known white.
    Source: torchvision, ColorJitter; notes 001 section 10.
    """
    check_images(images, "3")
    values = as_floats(images)
    uniform = draw(keys_of(key, "images", images), (8,))
    amounts = jnp.stack(
        [
            factors(uniform[:, 0], "brightness", brightness),
            factors(uniform[:, 1], "contrast", contrast),
            factors(uniform[:, 2], "saturation", saturation),
        ],
        axis=-1,
    )
    shift = shifts(uniform[:, 3], "hue", hue)
    order = jnp.argsort(uniform[:, 4:7], axis=-1)
    turned_after = jnp.floor(4 * uniform[:, 7])
    # hue is the dear one: it is computed once, and the three blends before it and again after it, each as one that
    # changes nothing on the wrong side of it. In a compiled step all orders of a batch would be computed otherwise.
    for slot in range(3):
        values = _blend_one(values, order[:, slot], amounts, turned_after > slot)
    if hue:
        values = turn_hue(values, along(shift, values))
    for slot in range(3):
        values = _blend_one(values, order[:, slot], amounts, turned_after <= slot)
    return as_stored(values, images)


def _blend_one(values: Array, which: Array, amounts: Array, on: Array) -> Array:
    """One of brightness, contrast and saturation for each image, where it is on."""
    amount = jnp.take_along_axis(amounts, which[:, None], axis=1)[:, 0]
    grey = grey_of(values)
    number = along(which, values)
    other = jnp.where(number == 0, 0, jnp.where(number == 1, mean_of(grey), grey))
    return blend(values, other, along(jnp.where(on, amount, 1), values).astype(values.dtype))
