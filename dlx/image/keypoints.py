"""Keypoints with static shapes: a fixed number of them, strongest first, and a mask of those that are there."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Num

from dlx.checks import check_count, check_floating, check_range

__all__ = ["Keypoints", "local_peaks"]


class Keypoints(NamedTuple):
    """Points of an image, strongest first; where `valid` is False the other fields are 0 (scale 1).

    Fields:
      xy: (count, 2) column and row, in pixels of the image; the centre of its first pixel is (0, 0).
      scale: (count,) standard deviation of the Gaussian at which the point was found, in pixels of the image.
      angle: (count,) radians from +x towards +y, in [0, 2 pi); 0 where a detector gives none.
      response: (count,) strength.
      octave: (count,) octave of a pyramid: -1 is the doubled image, 0 the image; 0 where there is no pyramid.
      valid: (count,) whether there is a point.
    """

    xy: Float[Array, "count 2"]
    scale: Float[Array, "count"]
    angle: Float[Array, "count"]
    response: Float[Array, "count"]
    octave: Int[Array, "count"]
    valid: Bool[Array, "count"]


def local_peaks(
    response: Num[Array | np.ndarray, "height width"],
    *,
    count: int = 500,
    radius: int = 1,
    threshold: float = 0.0,
    border: int = 0,
    scale: float = 1.0,
) -> Keypoints:
    """The strongest local maxima of a response.

        peaks = {p : R(p) = max_{|q - p|_inf <= radius} R(q),  R(p) > threshold}

    Of equal maxima within `radius` of each other the first, row by row, stays, so that a plateau is one peak and a
    constant response has none where it does not exceed `threshold`.

    Args:
      response: (height, width) R, floating.
      count: how many peaks to return.
      radius: half the width of the square in which a peak is the largest.
      threshold: a peak is larger than this.
      border: peaks nearer to an edge than so many pixels are left out.
      scale: the scale written into the keypoints.
    Returns: `Keypoints` with `count` entries; `response` carries the gradient.
    Raises: ValueError if the rank is not 2, `count` or `radius` is below 1 or `border` below 0; TypeError if
      `response` is not floating.
    Source: Neubeck and Van Gool 2006; notes 001 section 14, non-maximum suppression.
    """
    response = jnp.asarray(response)
    check_floating("response", response)
    if response.ndim != 2:
        raise ValueError(f"response: got shape {response.shape}, wanted (height, width)")
    check_count("count", count)
    check_count("radius", radius)
    check_range("border", border, 0, float("inf"), open_high=True)
    height, width = response.shape
    strength = lax.stop_gradient(response)
    number = jnp.arange(height * width).reshape(height, width)
    largest = (strength == _window_maximum(strength, radius, -jnp.inf)) & (strength > threshold)
    # of equal maxima, the one with the smallest number
    first = _window_maximum(jnp.where(largest, -number, -height * width), radius, -height * width) == -number
    inside = jnp.zeros((height, width), bool).at[border : height - border, border : width - border].set(True)
    score = jnp.where(largest & first & inside, strength, -jnp.inf).ravel()
    kept = min(count, score.size)
    best, index = lax.top_k(score, kept)
    valid = best > -jnp.inf
    dtype = response.dtype
    xy = jnp.stack([index % width, index // width], axis=1).astype(dtype)
    points = Keypoints(
        xy=xy,
        scale=jnp.full((kept,), scale, dtype),
        angle=jnp.zeros(kept, dtype),
        response=response.ravel()[index],
        octave=jnp.zeros(kept, jnp.int32),
        valid=valid,
    )
    return pad_keypoints(clear_invalid(points), count)


def clear_invalid(points: Keypoints) -> Keypoints:
    """Zeros, and the scale 1, where there is no point."""
    valid = points.valid
    return Keypoints(
        xy=jnp.where(valid[:, None], points.xy, 0),
        scale=jnp.where(valid, points.scale, 1),
        angle=jnp.where(valid, points.angle, 0),
        response=jnp.where(valid, points.response, 0),
        octave=jnp.where(valid, points.octave, 0),
        valid=valid,
    )


def pad_keypoints(points: Keypoints, count: int) -> Keypoints:
    """Entries that are not valid, up to `count`."""
    missing = count - len(points.valid)
    if missing <= 0:
        return points
    padded = [jnp.pad(field, ((0, missing),) + ((0, 0),) * (field.ndim - 1)) for field in points]
    return clear_invalid(Keypoints(*padded))


def _window_maximum(values: Array, radius: int, low: float) -> Array:
    # one axis after the other, by shifts: XLA's reduce_window on a CPU visits every window whole
    for axis in (0, 1):
        size = values.shape[axis]
        widths = [(0, 0), (0, 0)]
        widths[axis] = (radius, radius)
        padded = jnp.pad(values, widths, constant_values=low)
        values = lax.slice_in_dim(padded, 0, size, axis=axis)
        for start in range(1, 2 * radius + 1):
            values = jnp.maximum(values, lax.slice_in_dim(padded, start, start + size, axis=axis))
    return values
