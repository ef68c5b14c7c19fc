"""Images with an alpha channel, RGBA: 1 is opaque, 0 transparent. Colours are straight, not multiplied by alpha."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from dlx.image._images import ColourImage, FloatColourImage, colour, wide

__all__ = ["alpha_blend", "alpha_over"]

Layer = Num[Array | np.ndarray, "height width 4"]


def alpha_over(front: Layer, back: Layer) -> Float[Array, "height width 4"]:
    """One layer over another.

        a = a_f + a_b (1 - a_f),    c = (a_f c_f + a_b (1 - a_f) c_b) / a

    Associative; an opaque front hides the back, a transparent one leaves it.

    Args:
      front: (height, width, 4) RGBA in [0, 1]; uint8 and uint16 become floats.
      back: the same shape.
    Returns: (height, width, 4) RGBA; colour 0 where nothing is visible.
    Raises: ValueError if the shapes differ or are not those of RGBA images; TypeError for other integers.
    Source: Porter and Duff 1984; notes 001 section 14.
    """
    first, second = colour(front, "front", 4), colour(back, "back", 4)
    _check_equal("back", second.shape, first.shape)
    upper, lower = wide(first), wide(second)
    hidden = lower[..., 3:] * (1 - upper[..., 3:])
    alpha = upper[..., 3:] + hidden
    nothing = alpha == 0
    light = (upper[..., 3:] * upper[..., :3] + hidden * lower[..., :3]) / jnp.where(nothing, 1, alpha)
    return jnp.concatenate([jnp.where(nothing, 0, light), alpha], axis=-1).astype(first.dtype)


def alpha_blend(front: Layer, background: ColourImage) -> FloatColourImage:
    """One layer over an opaque image.

        c = a c_f + (1 - a) c_b

    Args:
      front: (height, width, 4) RGBA in [0, 1]; uint8 and uint16 become floats.
      background: (height, width, 3) RGB.
    Returns: (height, width, 3) RGB.
    Raises: ValueError if the shapes do not fit; TypeError for other integers.
    Source: Porter and Duff 1984; notes 001 section 14.
    """
    upper, lower = colour(front, "front", 4), colour(background, "background", 3)
    _check_equal("background", lower.shape[:2], upper.shape[:2])
    return (upper[..., 3:] * upper[..., :3] + (1 - upper[..., 3:]) * lower).astype(upper.dtype)


def _check_equal(name: str, got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if got != wanted:
        raise ValueError(f"{name}: got shape {got}, wanted {wanted} as front has: nothing is broadcast")
