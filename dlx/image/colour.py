"""Colour spaces. RGB has its channels last; none of these undoes a display's gamma."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from dlx.checks import check_choice
from dlx.image._images import ColourImage, FloatColourImage, FloatImage, colour, wide

__all__ = ["cmy_to_rgb", "cmyk_to_rgb", "hsv_to_rgb", "rgb_to_cmy", "rgb_to_cmyk", "rgb_to_grey", "rgb_to_hsv"]

_WEIGHTS = {"bt709": (0.2125, 0.7154, 0.0721), "bt601": (0.299, 0.587, 0.114)}


def rgb_to_grey(image: ColourImage, *, weights: Literal["bt709", "bt601"] = "bt709") -> FloatImage:
    """Brightness of a colour image.

        bt709: 0.2125 R + 0.7154 G + 0.0721 B    (scikit-image)
        bt601: 0.299 R + 0.587 G + 0.114 B       (OpenCV, Pillow)

    Args:
      image: (height, width, 3) RGB; uint8 and uint16 become floats in [0, 1].
      weights: which of the two.
    Returns: (height, width).
    Raises: ValueError for another shape or other weights; TypeError for other integers.
    Source: ITU-R BT.709 and BT.601.
    """
    check_choice("weights", weights, tuple(_WEIGHTS))
    values = colour(image)
    red, green, blue = _WEIGHTS[weights]
    light = wide(values)
    return (red * light[..., 0] + green * light[..., 1] + blue * light[..., 2]).astype(values.dtype)


def rgb_to_hsv(image: ColourImage) -> FloatColourImage:
    """Hue, saturation and value.

        V = max,  S = (max - min) / max
        H = (G - B) / (max - min) / 6 mod 1 where R is max, 2 + (B - R) .. where G is, 4 + (R - G) .. where B is

    Args:
      image: (height, width, 3) RGB in [0, 1]; uint8 and uint16 become floats.
    Returns: (height, width, 3); hue in turns, [0, 1), as colorsys and scikit-image have it (OpenCV: degrees); hue of
      grey and saturation of black are 0.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: Smith 1978.
    """
    values = colour(image)
    light = wide(values)
    red, green, blue = light[..., 0], light[..., 1], light[..., 2]
    value = jnp.max(light, axis=-1)
    chroma = value - jnp.min(light, axis=-1)
    flat = chroma == 0
    over = 1 / jnp.where(flat, 1, chroma)
    sector = jnp.where(
        red == value,
        (green - blue) * over,
        jnp.where(green == value, 2 + (blue - red) * over, 4 + (red - green) * over),
    )
    turns = sector / 6
    hue = jnp.where(flat, 0, jnp.where(turns < 0, turns + 1, turns))
    black = value == 0
    saturation = jnp.where(black, 0, chroma / jnp.where(black, 1, value))
    return jnp.stack([hue, saturation, value], axis=-1).astype(values.dtype)


def hsv_to_rgb(image: ColourImage) -> FloatColourImage:
    """Back from hue, saturation and value.

        channel = V - V S clip(|((6 H + n) mod 6) - 3| .., 0, 1),    n = 0, 4, 2 for R, G, B

    Args:
      image: (height, width, 3); hue in turns, saturation and value in [0, 1].
    Returns: (height, width, 3) RGB.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: Smith 1978.
    """
    values = colour(image)
    light = wide(values)
    hue, saturation, value = light[..., 0], light[..., 1], light[..., 2]
    # 0 within one sector of the channel's own hue, 1 from two sectors on, linear between
    away = [jnp.clip(2 - jnp.abs((6 * hue + n) % 6 - 3), 0, 1) for n in (0, 4, 2)]
    return jnp.stack([value * (1 - saturation * part) for part in away], axis=-1).astype(values.dtype)


def rgb_to_cmy(image: ColourImage) -> FloatColourImage:
    """Inks that take light away from white.

        C, M, Y = 1 - (R, G, B)

    Args:
      image: (height, width, 3) RGB in [0, 1]; uint8 and uint16 become floats.
    Returns: (height, width, 3) cyan, magenta, yellow.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: notes 001 section 14.
    """
    return 1 - colour(image)


def cmy_to_rgb(image: ColourImage) -> FloatColourImage:
    """Light that three inks leave.

        R, G, B = 1 - (C, M, Y)

    Args:
      image: (height, width, 3) cyan, magenta, yellow in [0, 1]; uint8 and uint16 become floats.
    Returns: (height, width, 3) RGB.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: notes 001 section 14.
    """
    return 1 - colour(image)


def rgb_to_cmyk(image: ColourImage) -> Float[Array, "height width 4"]:
    """Four inks, with all the grey in black.

        K = 1 - max(R, G, B),    C = (1 - R - K) / (1 - K),    M, Y likewise

    The notes name CMYK and print no K.

    Args:
      image: (height, width, 3) RGB in [0, 1]; uint8 and uint16 become floats.
    Returns: (height, width, 4) cyan, magenta, yellow, black; black has no other ink, and one of the three is 0
      everywhere.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: notes 001 section 14.
    """
    values = colour(image)
    light = wide(values)
    brightest = jnp.max(light, axis=-1, keepdims=True)
    black = brightest == 0
    inks = jnp.where(black, 0, 1 - light / jnp.where(black, 1, brightest))
    return jnp.concatenate([inks, 1 - brightest], axis=-1).astype(values.dtype)


def cmyk_to_rgb(image: Num[Array | np.ndarray, "height width 4"]) -> FloatColourImage:
    """Light that four inks leave.

        R = (1 - C) (1 - K),    G, B likewise

    Args:
      image: (height, width, 4) cyan, magenta, yellow, black in [0, 1]; uint8 and uint16 become floats.
    Returns: (height, width, 3) RGB.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: notes 001 section 14.
    """
    values = colour(image, channels=4)
    return (1 - values[..., :3]) * (1 - values[..., 3:])
