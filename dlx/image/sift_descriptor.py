"""Orientations of keypoints and the descriptor of SIFT, sampled on grids that grow with the keypoint's scale."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.image._images import check_positive
from dlx.image._octaves import flat_octaves, gradients
from dlx.image.keypoints import Keypoints, clear_invalid, pad_keypoints
from dlx.image.sift_detector import check_octaves, shift_of

__all__ = ["sift_descriptors", "sift_orientations"]

BINS = 36
RADIUS = 8
"""Of the grid for orientations: 17 x 17 samples, 0.5625 sigma apart, reach to 4.5 sigma, three deviations."""
CELLS = 4
DIRECTIONS = 8
TOGETHER = 64
"""Keypoints whose samples are read at once."""
PER_CELL = 4
"""Samples along a cell of the descriptor: 0.75 sigma apart, closer than what a blur of sigma leaves to be seen."""


def sift_orientations(
    octaves: tuple[Float[Array, "layers _ _"], ...],
    keypoints: Keypoints,
    *,
    count: int | None = None,
    peak_ratio: float = 0.8,
    peaks: int = 4,
    window: Literal["gaussian", "fixed"] = "gaussian",
    sigma: float = 1.6,
    upsample: bool = True,
) -> Keypoints:
    """Directions in which the image grows about each keypoint, from a histogram of 36 bins.

        h(b) = sum_samples w(d) |grad L| [angle in bin b],    w(d) = exp(-d^2 / (2 (1.5 sigma)^2))
        smoothed by [1, 4, 6, 4, 1] / 16;  every peak >= 0.8 of the largest gives a keypoint, placed by a parabola

    Samples lie on a grid about the keypoint with a spacing in proportion to its scale, between pixels by bilinear
    interpolation, and are shared between the two nearest bins; OpenCV takes every pixel and one bin. `window="fixed"`
    is the notes' form: 17 x 17 pixels of the octave, all alike, and the largest bin, not smoothed, without
    secondary peaks.

    Args:
      octaves: of `sift_scale_space`.
      keypoints: places and scales; the octave and layer read are those nearest to the scale.
      count: how many keypoints to return, None: as many as came. The strongest stay.
      peak_ratio: a secondary peak is at least this part of the largest, in (0, 1].
      peaks: at most so many for one keypoint.
      window: "gaussian" or "fixed".
      sigma: as given to `sift_scale_space`.
      upsample: as given to `sift_scale_space`.
    Returns: `Keypoints` with angles in [0, 2 pi); a keypoint without any gradient about it is not valid.
    Raises: ValueError if a number is out of range, `window` is unknown or `octaves` are no scale space.
    Source: Lowe 2004, section 5; notes 001 section 14.
    """
    check_octaves(octaves)
    check_positive("sigma", sigma)
    check_count("peaks", peaks)
    check_range("peak_ratio", peak_ratio, 0, 1, open_low=True)
    check_choice("window", window, ("gaussian", "fixed"))
    if count is None:
        count = len(keypoints.valid)
    check_count("count", count)
    return _orientations(octaves, keypoints, count, float(peak_ratio), peaks, window, float(sigma), upsample)


@partial(jax.jit, static_argnums=(2, 3, 4, 5, 6, 7))
def _orientations(
    octaves: tuple[Array, ...],
    points: Keypoints,
    count: int,
    peak_ratio: float,
    peaks: int,
    window: str,
    sigma: float,
    upsample: bool,
) -> Keypoints:
    reader = _Reader(octaves, sigma, upsample)
    fixed = window == "fixed"
    i = np.arange(-RADIUS, RADIUS + 1)
    x, y = (axis.ravel() for axis in np.meshgrid(i, i))
    weight = np.ones(x.size) if fixed else np.exp(-(x**2 + y**2) / (2 * (RADIUS / 3) ** 2))

    def turned(point: Keypoints) -> Array:
        return jnp.eye(2, dtype=point.xy.dtype) * (1.0 if fixed else 4.5 / RADIUS * reader.blur(point))

    length, angle = reader.polar_gradients(points, np.stack([x, y], 1), turned)
    weights = jnp.asarray(weight, length.dtype)

    def histogram(polar: tuple[Array, Array]) -> Array:
        return jnp.dot(_shared(polar[1] * (BINS / (2 * math.pi)), BINS), polar[0] * weights, precision="highest")

    raw = lax.map(histogram, (length, angle), batch_size=TOGETHER)
    smooth = raw
    if not fixed:
        near, far = _turn(raw, 1) + _turn(raw, -1), _turn(raw, 2) + _turn(raw, -2)
        smooth = (6 * raw + 4 * near + far) / 16
    left, right = _turn(smooth, 1), _turn(smooth, -1)
    highest = jnp.max(smooth, axis=1, keepdims=True)
    # of two equal neighbours the first is the peak
    is_peak = (smooth > left) & (smooth >= right) & (smooth >= (1.0 if fixed else peak_ratio) * highest)
    wanted = 1 if fixed else peaks
    height, bin_of = lax.top_k(jnp.where(is_peak & (smooth > 0), lax.stop_gradient(smooth), -1), wanted)
    here, before, after = (jnp.take_along_axis(one, bin_of, axis=1) for one in (smooth, left, right))
    bend = before - 2 * here + after
    shift = jnp.where(bend == 0, 0, 0.5 * (before - after) / jnp.where(bend == 0, 1, bend))
    angle = jnp.mod((bin_of + shift) * (2 * math.pi / BINS), 2 * math.pi)
    # rounding of a number just below 0 gives 2 pi itself
    angle = jnp.where(angle >= 2 * math.pi, 0, angle).astype(points.angle.dtype)
    valid = points.valid[:, None] & (height > 0)
    every = Keypoints(*(jnp.repeat(field, wanted, axis=0) for field in points))
    every = every._replace(angle=angle.ravel(), valid=valid.ravel())
    score = jnp.where(every.valid, lax.stop_gradient(every.response), -jnp.inf)
    _, best = lax.top_k(score, min(count, len(score)))
    return pad_keypoints(clear_invalid(Keypoints(*(field[best] for field in every))), count)


def sift_descriptors(
    octaves: tuple[Float[Array, "layers _ _"], ...],
    keypoints: Keypoints,
    *,
    clip: float = 0.2,
    sigma: float = 1.6,
    upsample: bool = True,
) -> Float[Array, "count 128"]:
    """Histograms of gradient directions in 4 x 4 cells about each keypoint, turned to its angle.

        a cell is 3 sigma wide; weight exp(-d^2 / (2 (6 sigma)^2)); a sample is shared by its 4 nearest cells and its 2
        nearest of 8 directions;  v / |v|, clipped at 0.2, and divided by its length again

    Samples lie on a turned grid of 20 x 20 with a spacing of 0.75 sigma: their number is the same at every scale, as
    the notes have it, and the shares of the cells are the same for all keypoints. OpenCV takes every pixel.

    Args:
      octaves: of `sift_scale_space`.
      keypoints: places, scales and angles; the octave and layer read are those nearest to the scale.
      clip: largest entry before the second division, in (0, 1].
      sigma: as given to `sift_scale_space`.
      upsample: as given to `sift_scale_space`.
    Returns: (count, 128) of length 1, rows of cells, cells, directions from the keypoint's towards +y; zeros where a
      keypoint is not valid or nothing about it changes. OpenCV's are 512 times as large, rounded to integers, and turn
      the other way: its order of directions is [0, 7, 6, 5, 4, 3, 2, 1].
    Raises: ValueError if a number is out of range or `octaves` are no scale space.
    Source: Lowe 2004, section 6; notes 001 section 14.
    """
    check_octaves(octaves)
    check_positive("sigma", sigma)
    check_range("clip", clip, 0, 1, open_low=True)
    return _descriptors(octaves, keypoints, float(clip), float(sigma), upsample)


@partial(jax.jit, static_argnums=(2, 3, 4))
def _descriptors(octaves: tuple[Array, ...], points: Keypoints, clip: float, sigma: float, upsample: bool) -> Array:
    reader = _Reader(octaves, sigma, upsample)
    size = (CELLS + 1) * PER_CELL
    place = (np.arange(size) + 0.5) / PER_CELL - (CELLS + 1) / 2
    share = np.maximum(0, 1 - np.abs(place[:, None] - (np.arange(CELLS) - (CELLS - 1) / 2)))
    share = jnp.asarray(share * np.exp(-(place[:, None] ** 2) / (CELLS**2 / 2)), reader.flat.dtype)
    along, across = (axis.ravel() for axis in np.meshgrid(place, place))

    def turned(point: Keypoints) -> Array:
        cos, sin = jnp.cos(point.angle), jnp.sin(point.angle)
        return jnp.stack([jnp.stack([cos, sin]), jnp.stack([-sin, cos])]) * 3 * reader.blur(point)

    length, angle = reader.polar_gradients(points, np.stack([along, across], 1), turned)

    def histograms(polar: tuple[Array, Array]) -> Array:
        votes = polar[0][None] * _shared(polar[1] * (DIRECTIONS / (2 * math.pi)), DIRECTIONS)
        votes = votes.reshape(DIRECTIONS, size, size)
        return jnp.einsum("dyx,yi,xj->ijd", votes, share, share, precision="highest").ravel()

    vectors = lax.map(histograms, (length, angle - points.angle[:, None]), batch_size=TOGETHER)
    return jnp.where(points.valid[:, None], _unit(jnp.minimum(_unit(vectors), clip)), 0)


class _Reader:
    """Gradients about keypoints, in the layer of the scale space nearest to their scale."""

    def __init__(self, octaves: tuple[Array, ...], sigma: float, upsample: bool) -> None:
        self.flat, self.shapes = flat_octaves(octaves)
        self.scales, self.sigma, self.first = octaves[0].shape[0] - 3, sigma, -int(upsample)
        self.shift = shift_of(upsample)

    def _layer(self, point: Keypoints) -> tuple[Array, Array]:
        number = jnp.round(jnp.log2(lax.stop_gradient(point.scale) / self.sigma) * self.scales).astype(jnp.int32)
        number = jnp.clip(number - 1 - self.first * self.scales, 0, len(self.shapes) * self.scales - 1)
        return number // self.scales, number % self.scales + 1

    def blur(self, point: Keypoints) -> Array:
        """The keypoint's scale in pixels of its octave."""
        octave, _ = self._layer(point)
        return point.scale * jnp.exp2(-(octave + self.first).astype(point.scale.dtype))

    def polar_gradients(
        self, points: Keypoints, grid: np.ndarray, turned: Callable[[Keypoints], Array]
    ) -> tuple[Array, Array]:
        """(count, samples) of lengths and angles on a grid (x, y) that a 2 x 2 matrix takes to pixels of the octave."""

        def one(point: Keypoints) -> tuple[Array, Array]:
            octave, layer = self._layer(point)
            start, height, width = jnp.asarray(self.shapes)[octave]
            centre = (point.xy + self.shift) * jnp.exp2(-(octave + self.first).astype(point.xy.dtype))
            # a product of matrices and a loop are where XLA stops fusing; else it computes the angle of a gradient
            # again for each bin that it is compared with, and the place of a sample for each pixel about it
            place = jnp.dot(jnp.asarray(grid, centre.dtype), turned(point), precision="highest") + centre[None]
            return _polar(
                *gradients(self.flat, start + layer * height * width, height, width, place[:, 0], place[:, 1])
            )

        return lax.map(one, points, batch_size=TOGETHER)


def _polar(gx: Array, gy: Array) -> tuple[Array, Array]:
    """Length and angle of gradients; both 0, and without derivatives, where there is none."""
    flat = (gx == 0) & (gy == 0)
    gx = jnp.where(flat, 1, gx)
    return jnp.where(flat, 0, jnp.sqrt(gx**2 + gy**2)), jnp.arctan2(gy, gx)


def _shared(place: Array, bins: int) -> Array:
    """(bins, samples): the shares of numbers on a circle of so many bins between the two nearest."""
    place = place - bins * jnp.floor(place / bins)
    distance = jnp.abs(place[None] - jnp.arange(bins, dtype=place.dtype)[:, None])
    return jnp.maximum(0, 1 - jnp.minimum(distance, bins - distance))


def _turn(histogram: Array, by: int) -> Array:
    return jnp.roll(histogram, by, axis=1)


def _unit(vectors: Array) -> Array:
    squares = jnp.sum(vectors**2, axis=1, keepdims=True)
    return vectors * lax.rsqrt(jnp.where(squares == 0, 1, squares))
