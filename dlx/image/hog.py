"""HOG: histograms of oriented gradients on a grid of cells, normalised in overlapping blocks."""

import math
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.image._images import Image, grey, wide
from dlx.image._solve import root

__all__ = ["hog", "hog_cells", "hog_length"]

Norm = Literal["l1", "l1-sqrt", "l2", "l2-hys"]
NORMS = ("l1", "l1-sqrt", "l2", "l2-hys")


def hog_cells(image: Image, *, orientations: int = 9, cell_size: int = 8) -> Float[Array, "rows columns orientations"]:
    """Histograms of the gradients' orientations, one for each cell.

        gx = I(x + 1) - I(x - 1), gy likewise (0 on the border),    h_k = 1 / cell^2 sum of |g| with
        180 k / K <= angle(g) mod 180 < 180 (k + 1) / K degrees

    Every pixel votes for one cell and one bin, as in scikit-image; Dalal and Triggs interpolate between them. The
    orientation is found by the signs of products with the bins' edges, without an arc tangent. Pixels that fill no
    whole cell, at the right and below, are left out.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      orientations: number K of bins over 180 degrees.
      cell_size: side of a cell in pixels.
    Returns: (height // cell_size, width // cell_size, K) histograms; differentiable but for jumps from bin to bin.
    Raises: ValueError if the image is smaller than a cell or an option is not positive; TypeError for other integers.
    Source: Dalal and Triggs 2005; `skimage.feature.hog`; notes 001 section 14.
    """
    check_count("orientations", orientations)
    check_count("cell_size", cell_size)
    values = grey(image)
    rows, columns = values.shape[0] // cell_size, values.shape[1] // cell_size
    if rows == 0 or columns == 0:
        raise ValueError(f"image: got shape {values.shape}, wanted at least one cell of {cell_size}x{cell_size} pixels")
    floats = wide(values)
    height, width = rows * cell_size, columns * cell_size
    gx, gy = _differences(floats, 1)[:height, :width], _differences(floats, 0)[:height, :width]
    # the upper half plane, where the angle is in [0, 180)
    turn = jnp.where((gy < 0) | ((gy == 0) & (gx < 0)), -1, 1).astype(gx.dtype)
    gx, gy = turn * gx, turn * gy
    number = jnp.zeros(gx.shape, jnp.int32)
    for k in range(1, orientations):
        cosine, sine = _direction(180 * k / orientations)
        number = number + (cosine * gy >= sine * gx)
    magnitude = root(gx**2 + gy**2)
    bins = []
    for k in range(orientations):
        votes = jnp.where(number == k, magnitude, 0).reshape(rows, cell_size, width)
        bins.append(jnp.sum(jnp.sum(votes, axis=1).reshape(rows, columns, cell_size), axis=2))
    return (jnp.stack(bins, axis=-1) / cell_size**2).astype(values.dtype)


def _differences(values: Array, axis: int) -> Array:
    """I(x + 1) - I(x - 1), 0 on the border."""
    size = values.shape[axis]
    if size < 3:
        return jnp.zeros_like(values)
    ends = [(1, 1) if i == axis else (0, 0) for i in range(2)]
    later, earlier = (jnp.take(values, np.arange(s, size - 2 + s), axis=axis) for s in (2, 0))
    return jnp.pad(later - earlier, ends)


def _direction(degrees: float) -> tuple[float, float]:
    """Cosine and sine, with equal numbers at 45 degrees and 0 at 90: a gradient on such an edge belongs to one side."""
    folded = min(degrees, 180 - degrees)
    if folded <= 45:
        cosine, sine = math.cos(math.radians(folded)), math.sin(math.radians(folded))
    else:
        cosine, sine = math.sin(math.radians(90 - folded)), math.cos(math.radians(90 - folded))
    if folded == 45:
        sine = cosine
    return (cosine if degrees <= 90 else -cosine), sine


def hog(
    image: Image,
    *,
    orientations: int = 9,
    cell_size: int = 8,
    block_size: int = 2,
    norm: Norm = "l2",
    epsilon: float = 1e-5,
    power_law: bool = False,
) -> Float[Array, "features"]:
    """Histogram of oriented gradients of a whole image.

        blocks of block_size x block_size cells at every cell, v their histograms one after the other:
        l2       v / sqrt(||v||_2^2 + eps^2)          l2-hys   l2, cut at 0.2, l2 again
        l1       v / (||v||_1 + eps)                  l1-sqrt  sqrt of l1

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      orientations: bins over 180 degrees.
      cell_size: side of a cell in pixels.
      block_size: side of a block in cells.
      norm: of a block, see above; the notes' is "l2".
      epsilon: eps.
      power_law: take the square root of the image first (values >= 0).
    Returns: (features,) all blocks row by row, in each its cells row by row, in each the bins; as many as `hog_length`
      says. Equal to scikit-image's (whose default is blocks of 3x3 and "L2-Hys"; of uint8 it takes 0..255).
    Raises: ValueError if the image is smaller than a block or an option is out of range; TypeError for other integers.
    Source: Dalal and Triggs 2005, section 6; notes 001 section 14.
    """
    check_choice("norm", norm, NORMS)
    check_range("epsilon", epsilon, 0, float("inf"), open_low=True, open_high=True)
    height, width = jnp.shape(grey(image))
    hog_length(height, width, orientations=orientations, cell_size=cell_size, block_size=block_size)
    values = root(grey(image)) if power_law else image
    cells = hog_cells(values, orientations=orientations, cell_size=cell_size)
    down, across = cells.shape[0] - block_size + 1, cells.shape[1] - block_size + 1
    shifted = [
        cells[row : row + down, column : column + across] for row in range(block_size) for column in range(block_size)
    ]
    return _normalised(jnp.concatenate(shifted, axis=-1), norm, epsilon).ravel()


def _normalised(blocks: Array, norm: Norm, epsilon: float) -> Array:
    # the entries are not negative
    if norm in ("l1", "l1-sqrt"):
        scaled = blocks / (jnp.sum(blocks, axis=-1, keepdims=True) + epsilon)
        return root(scaled) if norm == "l1-sqrt" else scaled
    scaled = blocks / jnp.sqrt(jnp.sum(blocks**2, axis=-1, keepdims=True) + epsilon**2)
    if norm == "l2":
        return scaled
    cut = jnp.minimum(scaled, 0.2)
    return cut / jnp.sqrt(jnp.sum(cut**2, axis=-1, keepdims=True) + epsilon**2)


def hog_length(height: int, width: int, *, orientations: int = 9, cell_size: int = 8, block_size: int = 2) -> int:
    """Number of features of `hog`.

        (height // c - b + 1) (width // c - b + 1) b^2 K

    Args:
      height: of the image in pixels.
      width: of the image in pixels.
      orientations: K.
      cell_size: c.
      block_size: b.
    Returns: the length of the descriptor; 3780 for 128x64 and the defaults.
    Raises: ValueError if the image is smaller than a block or a number is not positive.
    Source: Dalal and Triggs 2005; notes 001 section 14.
    """
    for name, number in (("orientations", orientations), ("cell_size", cell_size), ("block_size", block_size)):
        check_count(name, number)
    down, across = height // cell_size - block_size + 1, width // cell_size - block_size + 1
    if down < 1 or across < 1:
        least = cell_size * block_size
        raise ValueError(f"image: got shape {(height, width)}, wanted at least {least}x{least} pixels, one block")
    return down * across * block_size**2 * orientations
