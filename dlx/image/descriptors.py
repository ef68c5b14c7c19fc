"""Simple descriptors of points: a pixel, a patch, histograms of the patch's intensities or gradient orientations."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dlx.checks import check_count, check_range
from dlx.image._images import Image, check_odd, grey, wide
from dlx.image._solve import root
from dlx.image.sampling import bilinear_sample

__all__ = ["inside_image", "intensity_histogram", "orientation_histogram", "patch_descriptor", "pixel_descriptor"]

Points = Float[Array | np.ndarray, "points 2"]


def inside_image(points: Points, *, height: int, width: int, margin: float = 0.0) -> Bool[Array, "points"]:
    """Which points lie inside an image, with room around them for a patch.

        margin <= x <= width - 1 - margin,    margin <= y <= height - 1 - margin

    Args:
      points: (points, 2) of (x, y).
      height: of the image in pixels.
      width: of the image in pixels.
      margin: half a patch; 0 is the image itself.
    Returns: (points,) mask; False for NaN.
    Raises: ValueError or TypeError if a size is not a positive int, or the margin negative.
    Source: convention of this package.
    """
    check_count("height", height)
    check_count("width", width)
    check_range("margin", margin, 0, float("inf"))
    x, y = jnp.asarray(points)[:, 0], jnp.asarray(points)[:, 1]
    return (x >= margin) & (x <= width - 1 - margin) & (y >= margin) & (y <= height - 1 - margin)


def pixel_descriptor(image: Image, points: Points) -> Float[Array, "points 1"]:
    """The intensity at a point: I(x, y), bilinear between pixels.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y).
    Returns: (points, 1) intensities, of the border outside.
    Raises: ValueError for another rank; TypeError for other integers.
    Source: notes 001 section 14, feature description.
    """
    return bilinear_sample(grey(image), jnp.asarray(points))[:, None]


def patch_descriptor(
    image: Image, points: Points, *, size: int = 11, normalise: bool = True
) -> Float[Array, "points features"]:
    """The intensities of a square patch around a point.

        p = I(x + i, y + j), |i|, |j| <= size // 2;    normalised (p - mean p) / ||p - mean p||

    The squared distance of two normalised patches is 2 (1 - normalised cross-correlation).

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y); bilinear between pixels.
      size: side of the patch in pixels, odd.
      normalise: take brightness and contrast out; a flat patch becomes 0.
    Returns: (points, size^2) row by row; outside the image its border goes on (see `inside_image`).
    Raises: ValueError for another rank, an even size or an image smaller than the patch; TypeError for other integers.
    Source: notes 001 section 14, feature description.
    """
    patches = _patches(image, points, size, size).reshape(-1, size * size)
    if not normalise:
        return patches
    centred = patches - jnp.broadcast_to(jnp.mean(patches, axis=1, keepdims=True), patches.shape)
    # what rounding leaves of a flat patch is no pattern
    noise = 4 * jnp.finfo(patches.dtype).eps * jnp.max(jnp.abs(patches), axis=1, keepdims=True, initial=0)
    norm = root(jnp.sum(centred**2, axis=1, keepdims=True))
    kept = norm > noise * size
    return jnp.where(kept, centred / jnp.where(kept, norm, 1), 0)


def intensity_histogram(
    image: Image,
    points: Points,
    *,
    size: int = 15,
    bins: int = 16,
    low: float = 0.0,
    high: float = 1.0,
    soft: bool = False,
) -> Float[Array, "points bins"]:
    """How often each intensity occurs in a patch; it does not change when the patch's pixels change places.

        h_k = part of the patch's pixels with (I - low) / (high - low) bins in [k, k + 1)

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y).
      size: side of the patch in pixels, odd.
      bins: number of bins.
      low: lower edge of the first bin.
      high: upper edge of the last bin; intensities outside count in the first and last bin.
      soft: share each pixel between the two nearest bin centres, which makes the histogram differentiable.
    Returns: (points, bins) with the sum 1.
    Raises: ValueError for another rank, an even size, an image smaller than the patch, or high <= low; TypeError for
      other integers.
    Source: notes 001 section 14, feature description.
    """
    check_count("bins", bins)
    if not high > low:
        raise ValueError(f"high: got {high}, wanted more than low, {low}")
    patches = _patches(image, points, size, size).reshape(-1, size * size)
    places = (patches - low) / (high - low) * bins
    if not soft:
        return _counts(jnp.clip(jnp.floor(places), 0, bins - 1), bins) / (size * size)
    places = jnp.clip(places - 0.5, 0, bins - 1)
    below = jnp.clip(jnp.floor(places), 0, max(bins - 2, 0))
    part = places - below
    return (_counts(below, bins, 1 - part) + _counts(jnp.minimum(below + 1, bins - 1), bins, part)) / (size * size)


def orientation_histogram(
    image: Image, points: Points, *, size: int = 15, bins: int = 8
) -> Float[Array, "points bins"]:
    """Histogram of the gradients' directions in a patch, weighted by their magnitude.

        g = (I(x + 1) - I(x - 1), I(y + 1) - I(y - 1)) / 2,    vote |g|, shared linearly between the two nearest of the
        directions 2 pi k / bins;    h / ||h||

    Follows changes of brightness and contrast; turning the patch by 2 pi / bins shifts the histogram by one.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y).
      size: side of the patch in pixels, odd.
      bins: number of directions over 2 pi, from +x towards +y.
    Returns: (points, bins) of unit length, 0 for a flat patch; differentiable.
    Raises: ValueError for another rank, an even size, or an image smaller than the patch with a pixel around it;
      TypeError for other integers.
    Source: notes 001 section 14, feature description; Lowe 2004, section 5.
    """
    check_count("bins", bins)
    patches = _patches(image, points, size, size + 2)
    count = patches.shape[0]
    gx = 0.5 * (patches[:, 1:-1, 2:] - patches[:, 1:-1, :-2]).reshape(count, -1)
    gy = 0.5 * (patches[:, 2:, 1:-1] - patches[:, :-2, 1:-1]).reshape(count, -1)
    square = gx**2 + gy**2
    there = square > 0
    angle = jnp.arctan2(jnp.where(there, gy, 0), jnp.where(there, gx, 1))
    places = angle * (bins / (2 * np.pi))
    below = jnp.floor(places)
    part, magnitude = places - below, root(square)
    votes = _counts(jnp.mod(below, bins), bins, magnitude * (1 - part))
    votes = votes + _counts(jnp.mod(below + 1, bins), bins, magnitude * part)
    norm = root(jnp.sum(votes**2, axis=1, keepdims=True))
    return votes / jnp.where(norm > 0, norm, 1)


def _patches(image: Image, points: Points, size: int, drawn: int) -> Array:
    """(points, drawn, drawn) intensities around the points."""
    check_odd("size", size)
    values, points = grey(image), jnp.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points: got shape {points.shape}, wanted (points, 2)")
    if min(values.shape) < drawn:
        raise ValueError(f"image: got shape {values.shape}, wanted at least the patch, {drawn}x{drawn} pixels")
    offset = np.arange(drawn) - drawn // 2
    grid = jnp.asarray(np.stack(np.meshgrid(offset, offset), axis=-1), points.dtype)
    shape = (points.shape[0], drawn, drawn, 2)
    places = jnp.broadcast_to(points[:, None, None], shape) + jnp.broadcast_to(grid[None], shape)
    return bilinear_sample(values, wide(places))


def _counts(places: Array, bins: int, weights: Array | None = None) -> Array:
    """Sums of weights by bin, one row for each row."""
    ones = jnp.ones_like(places) if weights is None else weights
    return jnp.stack([jnp.sum(jnp.where(places == k, ones, 0), axis=1) for k in range(bins)], axis=1)
