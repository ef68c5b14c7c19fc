"""The Kanade-Lucas-Tomasi tracker: points with structure, followed from frame to frame, and given up when lost."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Num

from dlx.checks import check_count
from dlx.image._images import Image, grey, wide
from dlx.image._motion import (
    Weights,
    check_threshold,
    check_window,
    gradients,
    smaller_eigenvalue,
    window_means,
    window_taps,
)
from dlx.image.keypoints import Keypoints, local_peaks
from dlx.image.pyramid_lucas_kanade import track_points

__all__ = ["Tracks", "klt_track", "trackable_points"]


class Tracks(NamedTuple):
    """Points over frames.

    Fields:
      points: (frames, count, 2) of (x, y); of a lost point, the last place.
      residual: (frames, count) mean of |I_t - I_(t-1)| over the window; 0 in the first frame.
      valid: (frames, count) whether the point is still tracked; False for good once it is lost.
    """

    points: Float[Array, "frames count 2"]
    residual: Float[Array, "frames count"]
    valid: Bool[Array, "frames count"]


def trackable_points(
    image: Image, *, count: int = 200, window: int = 15, radius: int = 5, quality: float = 0.01, border: int = 8
) -> Keypoints:
    """Points whose window can be tracked: local maxima of the smaller eigenvalue that the tracker itself divides by.

        R(p) = smaller eigenvalue of the mean over the window of [[Ix^2, Ix Iy], [Ix Iy, Iy^2]],  R(p) > quality max R

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      count: how many points to return.
      window: odd number of pixels a side, that of the tracker.
      radius: no two points are nearer than this in both x and y.
      quality: a point's eigenvalue exceeds this part of the largest one.
      border: points nearer to an edge than so many pixels are left out.
    Returns: `Keypoints` with `count` entries and a mask; a flat image has none.
    Raises: ValueError on another shape, a window that is even, below 3 or larger than the image, or a negative
      `quality`; TypeError for integers other than uint8 and uint16.
    Source: Shi and Tomasi 1994, Good features to track, section 4; notes 001 section 14.
    """
    values = grey(image)
    check_window(window, values.shape)
    check_threshold("quality", quality)
    x, y = gradients(wide(values))
    taps = window_taps(window, "gaussian")
    response = smaller_eigenvalue(*(window_means(product, taps) for product in (x * x, x * y, y * y)))
    largest = jnp.max(response)
    # relative to the largest, since local_peaks takes a number; of a flat image everything is 0
    relative = response / jnp.where(largest > 0, largest, 1)
    found = local_peaks(relative, count=count, radius=radius, threshold=quality, border=border)
    return found._replace(response=found.response * largest)


def klt_track(
    images: Num[Array | np.ndarray, "frames height width"],
    points: Float[Array | np.ndarray, "count 2"],
    valid: Bool[Array | np.ndarray, "count"] | None = None,
    *,
    levels: int = 3,
    iterations: int = 10,
    window: int = 15,
    weights: Weights = "gaussian",
    min_eigenvalue: float = 1e-6,
    max_residual: float = 0.1,
) -> Tracks:
    """Points followed over frames by `track_points` from each frame to the next.

        per point and frame: min over (u, v) of sum (I(x, y) - J(x + u, y + v))^2,  (u, v) = -M^-1 sum (Ix It, Iy It)

    A point is lost where its window has no structure in two directions, where it leaves the image, and where what is
    left of the difference between the windows exceeds `max_residual`.

    Args:
      images: (frames, height, width); uint8 and uint16 become floats in [0, 1].
      points: (count, 2) of (x, y) in the first frame.
      valid: (count,) which of them are points, `trackable_points` says so; None: all.
      levels: of the pyramid.
      iterations: Gauss-Newton steps on each level.
      window: odd number of pixels a side.
      weights: "uniform", or "gaussian" with standard deviation window / 5.
      min_eigenvalue: see `lucas_kanade`.
      max_residual: mean difference in brightness above which a point is lost.
    Returns: `Tracks`, the first frame with the points as they came.
    Raises: ValueError if the shapes do not fit, on fewer than two frames, a window that is even, below 3 or larger than
      the image, too many levels, unknown weights or a negative threshold; TypeError for integers other than uint8 and
      uint16.
    Source: Tomasi and Kanade 1991, Detection and tracking of point features; notes 001 section 14, with the sign that
      it lacks (E84).
    """
    check_threshold("max_residual", max_residual)
    check_count("iterations", iterations)
    if np.ndim(images) != 3 or np.shape(images)[0] < 2:
        raise ValueError(
            f"images: got shape {np.shape(images)}, wanted (frames, height, width) with two frames or more"
        )
    if np.ndim(points) != 2 or np.shape(points)[1] != 2:
        raise ValueError(f"points: got shape {np.shape(points)}, wanted (count, 2)")
    if valid is not None and np.shape(valid) != np.shape(points)[:1]:
        raise ValueError(f"valid: got shape {np.shape(valid)}, wanted {np.shape(points)[:1]}")
    images, start = jnp.asarray(images), jnp.asarray(points)
    alive = jnp.ones(start.shape[0], bool) if valid is None else jnp.asarray(valid)

    def step(carry: tuple[Array, Array], pair: tuple[Array, Array]) -> tuple[tuple[Array, Array], Tracks]:
        places, alive = carry
        found = track_points(
            *pair, places, levels=levels, iterations=iterations, window=window, weights=weights,
            min_eigenvalue=min_eigenvalue,
        )  # fmt: skip
        alive = alive & found.valid & (found.residual <= max_residual)
        places = jnp.where(alive[:, None], found.points, places)
        return (places, alive), Tracks(places, found.residual, alive)

    _, later = jax.lax.scan(step, (start, alive), (images[:-1], images[1:]))
    begin = Tracks(start, jnp.zeros(start.shape[0], later.residual.dtype), alive)
    return jax.tree.map(lambda one, rest: jnp.concatenate([one[None], rest]), begin, later)
