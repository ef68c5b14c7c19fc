"""Hough transform of lines: every edge pixel votes for all lines through it. The pixel's centre is (x, y), y
downwards.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num, Shaped

from dlx.checks import check_count, check_range, is_known
from dlx.image._votes import count_votes, greedy_peaks

__all__ = ["LinePeaks", "LineVotes", "hough_line_peaks", "hough_lines", "hough_lines_slope"]

EdgeImage = Shaped[Array | np.ndarray, "height width"]


class LineVotes(NamedTuple):
    """Votes for lines in normal form."""

    votes: Int[Array, "rhos thetas"]
    theta: Float[Array, "thetas"]
    rho: Float[Array, "rhos"]


class LinePeaks(NamedTuple):
    """The lines with most votes, and which of them are above the threshold."""

    theta: Float[Array, "peaks"]
    rho: Float[Array, "peaks"]
    votes: Int[Array, "peaks"]
    valid: Bool[Array, "peaks"]


def hough_lines(
    edges: EdgeImage, *, thetas: int | Num[Array | np.ndarray, "thetas"] = 180, resolution: float = 1.0
) -> LineVotes:
    """Votes for lines in normal form, whose parameters are bounded.

        x cos t + y sin t = rho;    each pixel votes once for each t

    Args:
      edges: (height, width); pixels that are not 0 vote.
      thetas: angles t in radians; a number takes as many from -pi / 2 to pi / 2, the end left out.
      resolution: width of a bin of rho in pixels.
    Returns: LineVotes; the bins of rho reach from minus the diagonal to the diagonal, as in
      `skimage.transform.hough_line`, 0 in the middle. A rho between two bins is rounded to even (there: away from 0).
    Raises: ValueError for another shape, no angle or resolution <= 0.
    Source: Duda and Hart 1972; notes 001 section 14.
    """
    image = _edges(edges)
    check_range("resolution", resolution, 0, float("inf"), open_low=True, open_high=True)
    angles: Array | np.ndarray
    if isinstance(thetas, int):
        check_count("thetas", thetas)
        angles = np.linspace(-np.pi / 2, np.pi / 2, thetas, endpoint=False)
    else:
        angles = thetas
        if np.ndim(thetas) != 1 or not len(thetas):
            raise ValueError(f"thetas: got shape {np.shape(thetas)}, wanted (thetas,), not empty")
    half = int(np.ceil(np.hypot(image.shape[0], image.shape[1]) / resolution))
    theta, columns = jnp.asarray(angles, float), len(angles)
    size = 2 * half + 1
    # float64 where the angles are known: cos(pi / 2) of float32 is not 0
    numpy = np if isinstance(angles, np.ndarray) else jnp
    across, down = (jnp.asarray(f(angles) / resolution, float) for f in (numpy.cos, numpy.sin))

    def vote(x: jax.Array, y: jax.Array) -> jax.Array:
        distance = jnp.round(x[:, None] * across[None] + y[:, None] * down[None]).astype(jnp.int32)
        return (distance + half) * columns + jnp.arange(columns)[None]

    votes = count_votes(image, size * columns, vote).reshape(size, columns)
    return LineVotes(votes, theta, jnp.asarray(resolution * np.arange(-half, half + 1), float))


def hough_lines_slope(
    edges: EdgeImage, slopes: Num[Array | np.ndarray, "slopes"], intercepts: Num[Array | np.ndarray, "intercepts"]
) -> Int[Array, "intercepts slopes"]:
    """Votes for lines in slope and intercept.

        q = m p + b;    the pixel (p, q) votes, for each m, for the bin of b = q - m p, if there is one

    Upright lines have no slope; see `hough_lines`.

    Args:
      edges: (height, width); pixels that are not 0 vote.
      slopes: m of the grid.
      intercepts: b of the grid, evenly spaced and rising, at least 2; a bin reaches half a step to both sides.
    Returns: (intercepts, slopes) counts.
    Raises: ValueError for another shape or a grid that is not evenly spaced.
    Source: Hough 1962; notes 001 section 14.
    """
    image = _edges(edges)
    for name, grid, least in (("slopes", slopes, 1), ("intercepts", intercepts, 2)):
        if np.ndim(grid) != 1 or len(grid) < least:
            raise ValueError(f"{name}: got shape {np.shape(grid)}, wanted one axis with at least {least}")
    if is_known(intercepts):
        steps = np.diff(np.asarray(intercepts, np.float64))
        if not (steps > 0).all() or np.ptp(steps) > 1e-3 * steps.mean():
            raise ValueError("intercepts: got uneven steps, wanted an evenly spaced, rising grid")
    m, b = jnp.asarray(slopes, float), jnp.asarray(intercepts, float)
    rows, columns = len(b), len(m)
    step = (b[-1] - b[0]) / (rows - 1)

    def vote(x: jax.Array, y: jax.Array) -> jax.Array:
        place = jnp.round((y[:, None] - m[None] * x[:, None] - b[0]) / step)
        inside = (place >= 0) & (place < rows)
        index = jnp.where(inside, place, 0).astype(jnp.int32) * columns + jnp.arange(columns)[None]
        return jnp.where(inside, index, rows * columns)

    return count_votes(image, rows * columns, vote).reshape(rows, columns)


def hough_line_peaks(
    lines: LineVotes,
    *,
    num_peaks: int = 10,
    min_distance: int = 9,
    min_angle: int = 10,
    threshold: float | Num[Array, ""] | None = None,
) -> LinePeaks:
    """The lines with most votes.

    The bin with most votes, then the one with most outside a box around it, and so on; the box goes over the end of the
    angles, where a line comes again with rho of the other sign.

    Args:
      lines: as `hough_lines` makes it of a number of angles; for other angles the boxes end at the first and the last.
      num_peaks: how many.
      min_distance: half the box along rho, in bins.
      min_angle: half the box along theta, in bins.
      threshold: fewer votes are not valid; None takes half of the most, as scikit-image does. A straight line has
        as many votes as edge pixels where these fall into one bin of rho, and about half of them where they lie between
        two; in an image without lines half of the most is valid all the same.
    Returns: LinePeaks with `num_peaks` lines, most votes first, and `valid` False for what is below the threshold.
    Raises: ValueError if a number is not positive.
    Source: Duda and Hart 1972; notes 001 section 14.
    """
    check_count("num_peaks", num_peaks)
    check_count("min_distance", min_distance)
    check_count("min_angle", min_angle)
    bar = 0.5 * jnp.max(lines.votes) if threshold is None else jnp.asarray(threshold)
    places, votes, valid = greedy_peaks(lines.votes, num_peaks, (min_distance, min_angle), bar, twisted=True)
    return LinePeaks(lines.theta[places[:, 1]], lines.rho[places[:, 0]], votes, valid)


def _edges(edges: EdgeImage) -> jax.Array:
    if jnp.ndim(edges) != 2 or 0 in jnp.shape(edges):
        raise ValueError(f"edges: got shape {jnp.shape(edges)}, wanted (height, width), not empty")
    return jnp.asarray(edges) != 0
