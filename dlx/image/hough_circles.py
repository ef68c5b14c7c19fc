"""Hough transform of circles: every edge pixel votes for the centres that it could lie around."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from dlx.checks import check_choice, check_count
from dlx.image._images import FloatImage
from dlx.image._votes import count_votes, greedy_peaks
from dlx.image.hough import EdgeImage, _edges

__all__ = ["CirclePeaks", "hough_circle_peaks", "hough_circles", "hough_circles_gradient"]

CircleVotes = Int[Array, "radii height width"]


class CirclePeaks(NamedTuple):
    """The circles with most votes, and which of them are above the threshold."""

    x: Int[Array, "peaks"]
    y: Int[Array, "peaks"]
    radius: Int[Array, "peaks"]
    share: Float[Array, "peaks"]
    valid: Bool[Array, "peaks"]


def hough_circles(edges: EdgeImage, *, radii: Sequence[int]) -> CircleVotes:
    """Votes for circles, of pixels that could lie anywhere on them.

        (x - a)^2 + (y - b)^2 = r^2;    (x, y) votes for every (a, b, r) with |sqrt((x - a)^2 + (y - b)^2) - r| < 1/2

    Args:
      edges: (height, width); pixels that are not 0 vote.
      radii: r in pixels, each at least 1.
    Returns: (radii, height, width) counts for centres (a, b) inside the image. `skimage.transform.hough_circle` counts
      along Bresenham's circle, a subset of this ring, and divides by its length.
    Raises: ValueError for another shape, no radius or one below 1.
    Source: Duda and Hart 1972; notes 001 section 14.
    """
    image, (height, width) = _edges(edges), jnp.shape(edges)
    rings = [_ring(radius) for radius in _radii(radii)]
    x_steps, y_steps = (np.concatenate([ring[i] for ring in rings]) for i in (0, 1))
    layer = np.repeat(np.arange(len(rings)), [len(ring[0]) for ring in rings])
    bins = len(rings) * height * width

    def vote(x: jax.Array, y: jax.Array) -> jax.Array:
        return _index(x[:, None] + x_steps[None], y[:, None] + y_steps[None], layer[None], (height, width), bins)

    return count_votes(image, bins, vote, chunk=64).reshape(len(rings), height, width)


def hough_circles_gradient(
    edges: EdgeImage,
    angle: FloatImage,
    *,
    radii: Sequence[int],
    polarity: Literal["outward", "inward", "both"] = "both",
) -> CircleVotes:
    """Votes for circles, along the gradient only: one centre, or two, for each pixel and radius.

        outward:  a = x - r cos t,    b = y - r sin t
        inward:   a = x + r cos t,    b = y + r sin t

    The gradient of a dark disc on light ground points outward, which is the notes' form.

    Args:
      edges: (height, width); pixels that are not 0 vote.
      angle: (height, width) t in radians, as `gradient_angle` gives it.
      radii: r in pixels, each at least 1.
      polarity: "outward", "inward" or "both".
    Returns: (radii, height, width) counts for centres (a, b), rounded, inside the image.
    Raises: ValueError for other shapes, no radius, one below 1, or another polarity.
    Source: Kimme, Ballard and Sklansky 1975; notes 001 section 14.
    """
    check_choice("polarity", polarity, ("outward", "inward", "both"))
    image, (height, width) = _edges(edges), jnp.shape(edges)
    if jnp.shape(angle) != (height, width):
        raise ValueError(f"angle: got shape {jnp.shape(angle)}, wanted that of edges, {(height, width)}")
    sizes = np.array(_radii(radii))
    signs = {"outward": [-1], "inward": [1], "both": [-1, 1]}[polarity]
    reach = np.concatenate([sign * sizes for sign in signs])
    layer = np.tile(np.arange(len(sizes)), len(signs))
    bins = len(sizes) * height * width
    across, down = jnp.cos(angle), jnp.sin(angle)

    def vote(x: jax.Array, y: jax.Array) -> jax.Array:
        a = x[:, None] + jnp.round(across[y, x][:, None] * reach[None]).astype(jnp.int32)
        b = y[:, None] + jnp.round(down[y, x][:, None] * reach[None]).astype(jnp.int32)
        return _index(a, b, layer[None], (height, width), bins)

    return count_votes(image, bins, vote).reshape(len(sizes), height, width)


def hough_circle_peaks(
    votes: Num[Array, "radii height width"],
    *,
    radii: Sequence[int],
    num_peaks: int = 10,
    min_distance: int = 5,
    threshold: float | Num[Array, ""] | None = None,
) -> CirclePeaks:
    """The circles with most votes for their size.

        share = votes / (2 pi r)

    A drawn disc has a share of 0.9. What is not quite round, or has a gradient that does not point at its middle, votes
    for several centres and radii: the coins of a photograph (`skimage.data.coins`) have shares of 0.4 to 0.6 of plain
    votes, and of 0.1 to 0.2 of votes along the gradient. An image that may hold no circle wants a threshold of its own:
    without one, half of the greatest share is valid whatever that is.

    Args:
      votes: (radii, height, width), of `hough_circles` or `hough_circles_gradient`, which may be smoothed.
      radii: as given to it.
      num_peaks: how many.
      min_distance: of two centres in x or in y, in pixels, whatever their radii.
      threshold: a smaller share is not valid; None takes half of the greatest, as `hough_line_peaks` does
        of the votes.
    Returns: CirclePeaks with `num_peaks` circles, the greatest share first.
    Raises: ValueError if `radii` does not fit `votes` or a number is not positive.
    Source: Duda and Hart 1972; notes 001 section 14.
    """
    check_count("num_peaks", num_peaks)
    check_count("min_distance", min_distance)
    sizes = np.array(_radii(radii))
    if votes.ndim != 3 or votes.shape[0] != len(sizes):
        raise ValueError(f"votes: got shape {votes.shape}, wanted (radii, height, width) with {len(sizes)} radii")
    share = votes / jnp.asarray(2 * np.pi * sizes, float)[:, None, None]
    boxes = (len(sizes), min_distance, min_distance)
    bar = 0.5 * jnp.max(share) if threshold is None else jnp.asarray(threshold)
    places, found, valid = greedy_peaks(share, num_peaks, boxes, bar)
    return CirclePeaks(places[:, 2], places[:, 1], jnp.asarray(sizes)[places[:, 0]], found, valid)


def _radii(radii: Sequence[int]) -> list[int]:
    if not len(radii):
        raise ValueError("radii: got none, wanted at least one")
    for radius in radii:
        check_count("radii", int(radius))
    return [int(radius) for radius in radii]


def _ring(radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps to the pixels that are less than half a pixel from the circle."""
    y, x = np.mgrid[-radius - 1 : radius + 2, -radius - 1 : radius + 2]
    on = np.abs(np.hypot(x, y) - radius) < 0.5
    return x[on], y[on]


def _index(x: jax.Array, y: jax.Array, layer: np.ndarray, shape: tuple[int, int], outside: int) -> jax.Array:
    height, width = shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return jnp.where(inside, (layer * height + y) * width + x, outside)
