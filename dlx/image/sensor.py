"""From light to numbers: colour filters before the pixels, and discrete levels."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, UInt

from dlx.checks import check_choice, check_count, check_range, is_known
from dlx.image._images import (
    ColourImage,
    FloatColourImage,
    FloatImage,
    Image,
    colour,
    grey,
    to_float,
    wide,
)
from dlx.image._shifts import correlate2d

__all__ = ["bayer_mosaic", "demosaic", "dequantise", "quantise"]

Pattern = Literal["RGGB", "BGGR", "GRBG", "GBRG"]
_PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
# a pixel of the colour has no other one of it under these, and the others have equal weights
_CORNERS = np.outer((0.5, 1.0, 0.5), (0.5, 1.0, 0.5))
_SIDES = np.array([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])


def bayer_mosaic(image: ColourImage, *, pattern: Pattern = "RGGB") -> FloatImage:
    """What a sensor behind a Bayer filter sees: one colour for each pixel.

        RGGB:  R G R G ..
               G B G B ..    half of the pixels green, on one diagonal of each 2 x 2 tile

    The notes put R on the diagonal; Bayer's filter has green there.

    Args:
      image: (height, width, 3) RGB; uint8 and uint16 become floats in [0, 1].
      pattern: the tile at the upper left corner, row by row.
    Returns: (height, width).
    Raises: ValueError for another shape or pattern; TypeError for other integers.
    Source: Bayer 1976 (US patent 3,971,065); notes 001 section 14.
    """
    check_choice("pattern", pattern, _PATTERNS)
    values = colour(image)
    masks = _masks(values.shape[:2], pattern)
    return sum((jnp.where(masks[c], values[..., c], 0) for c in range(1, 3)), jnp.where(masks[0], values[..., 0], 0))


def demosaic(mosaic: Image, *, pattern: Pattern = "RGGB") -> FloatColourImage:
    """All three colours of every pixel, bilinear.

        a missing colour is the mean of the pixels of that colour among the eight neighbours

    Two or four neighbours inside, one to three on the border. There OpenCV copies the next row or column instead.

    Args:
      mosaic: (height, width), at least 2 x 2; uint8 and uint16 become floats in [0, 1].
      pattern: the tile at the upper left corner, row by row. OpenCV names a pattern by its second row and column:
        "RGGB" is COLOR_BayerBG2RGB or, in newer names, COLOR_BayerRGGB2RGB.
    Returns: (height, width, 3) RGB; exact where each colour is constant.
    Raises: ValueError for another shape or pattern; TypeError for other integers.
    Source: notes 001 section 14.
    """
    check_choice("pattern", pattern, _PATTERNS)
    values = grey(mosaic, "mosaic")
    if min(values.shape) < 2:
        raise ValueError(f"mosaic: got shape {values.shape}, wanted at least one tile, (2, 2)")
    masks, light = _masks(values.shape, pattern), wide(values)
    near = {"R": _CORNERS, "G": _SIDES, "B": _CORNERS}
    planes = []
    for name, mask in zip("RGB", masks, strict=True):
        total = correlate2d(jnp.where(mask, light, 0), near[name], mode="constant")
        planes.append(total / _correlate_constant(mask, near[name]))
    return jnp.stack(planes, axis=-1).astype(values.dtype)


def quantise(
    values: Num[Array | np.ndarray, "*shape"], *, bits: int = 8, low: float = 0.0, high: float = 1.0
) -> UInt[Array, "*shape"]:
    """Numbers of the nearest of 2^bits levels.

        code = round((v - low) / step),    step = (high - low) / (2^bits - 1),    |error| <= step / 2 in [low, high]

    Args:
      values: any shape; uint8 and uint16 become floats in [0, 1]. Outside [low, high] they are clipped, infinite ones
        too.
      bits: 1 to 16.
      low: the value of code 0.
      high: the value of the last code.
    Returns: uint8 for up to 8 bits, else uint16; halves go to the even code, and NaN, where it is not known when it
      is compiled, to code 0. `dequantise` is the way back.
    Raises: ValueError if bits is outside 1..16, low >= high, or a value is NaN; TypeError for other integers.
    Source: notes 001 section 14.
    """
    step, top = _step(bits, low, high)
    if is_known(values) and np.isnan(np.asarray(values, np.float32)).any():
        raise ValueError("values: got NaN, wanted numbers: no code stands for NaN; jax.numpy.nan_to_num replaces it")
    codes = jnp.clip(jnp.round((wide(to_float(values)) - low) / step), 0, top)
    codes = jnp.where(jnp.isnan(codes), 0, codes)  # else each device has a number of its own
    return codes.astype(jnp.uint8 if bits <= 8 else jnp.uint16)


def dequantise(
    codes: UInt[Array | np.ndarray, "*shape"], *, bits: int = 8, low: float = 0.0, high: float = 1.0
) -> Float[Array, "*shape"]:
    """Values of codes.

        v = low + step code

    Args:
      codes: any shape, as `quantise` makes them.
      bits: as given to `quantise`.
      low: as given to `quantise`.
      high: as given to `quantise`.
    Returns: floats in [low, high].
    Raises: ValueError if bits is outside 1..16 or low >= high; TypeError for codes that are no unsigned integers.
    Source: notes 001 section 14.
    """
    if not jnp.issubdtype(jnp.result_type(codes), jnp.unsignedinteger):
        raise TypeError(f"codes: got dtype {jnp.result_type(codes)}, wanted unsigned integers")
    step, _ = _step(bits, low, high)
    return low + step * jnp.asarray(codes, float)


def _step(bits: int, low: float, high: float) -> tuple[float, int]:
    check_count("bits", bits)
    check_range("bits", bits, 1, 16)
    if not low < high:
        raise ValueError(f"low: got {low} with high {high}, wanted low < high")
    top = 2**bits - 1
    return (high - low) / top, top


def _masks(shape: tuple[int, ...], pattern: str) -> list[np.ndarray]:
    """Where red, green and blue are."""
    tile = np.array(list(pattern)).reshape(2, 2)
    where = tile[np.arange(shape[0])[:, None] % 2, np.arange(shape[1])[None] % 2]
    return [where == name for name in "RGB"]


def _correlate_constant(mask: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """The weights that fall on `mask`, 0 outside the image; known before anything is compiled."""
    height, width = mask.shape
    extended = np.pad(mask, 1)
    return sum(taps[i, j] * extended[i : i + height, j : j + width] for i in range(3) for j in range(3))
