"""RANSAC of lines, affine maps and homographies."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from dlx.checks import check_choice
from dlx.image._points import Points, check_pairs, check_solvable
from dlx.image._solve import isotropic, root
from dlx.image.ransac import Ransac, ransac
from dlx.image.transforms import (
    affine_of,
    homography_of,
    homography_of_four,
    keep_valid,
    transfer_distance,
)

__all__ = ["line_distance", "ransac_affine", "ransac_homography", "ransac_line"]

Residual = Literal["orthogonal", "vertical"]


def line_distance(
    line: Float[Array | np.ndarray, "3"],
    points: Float[Array | np.ndarray, "points 2"],
    *,
    residual: Residual = "orthogonal",
) -> Float[Array, "points"]:
    """Distances of points from a line.

        a x + b y + c = 0, a^2 + b^2 = 1:    orthogonal |a x + b y + c|,    vertical |a x + b y + c| / |b| = |y - f(x)|

    Args:
      line: (3,) of (a, b, c).
      points: (points, 2) of (x, y).
      residual: "orthogonal", or along y as the notes have it.
    Returns: (points,) distances; vertical ones from a vertical line are infinite.
    Raises: ValueError for another residual.
    Source: Hartley and Zisserman 2004, section 2.2; notes 001 section 14.
    """
    check_choice("residual", residual, ("orthogonal", "vertical"))
    line, points = jnp.asarray(line), jnp.asarray(points)
    distance = jnp.abs(line[0] * points[:, 0] + line[1] * points[:, 1] + line[2])
    if residual == "orthogonal":
        return distance
    upright = line[1] == 0
    return jnp.where(upright, jnp.inf, distance / jnp.where(upright, 1, jnp.abs(line[1])))


def ransac_line(
    key: Key[Array, ""],
    points: Float[Array | np.ndarray, "points 2"],
    points_valid: Bool[Array | np.ndarray, "points"] | None = None,
    *,
    threshold: float | Float[Array, ""] = 1.0,
    residual: Residual = "orthogonal",
    iterations: int = 1024,
    confidence: float | None = None,
    stop_inliers: int | None = None,
    min_inliers: int | None = None,
) -> Ransac:
    """The line that most points lie on.

        sample two points, count the points within the threshold of their line; least squares of the inliers

    The notes count |y - f(x)| <= eps ("vertical", refitted by least squares in y) and stop at a number of inliers
    (`stop_inliers`); "orthogonal", refitted by total least squares, finds vertical lines too.

    Args:
      key: of the samples.
      points: (points, 2) of (x, y). One with NaN never votes: a sample with it is skipped, it is no inlier, and its
        residual is NaN.
      points_valid: (points,) points that exist; None: all.
      threshold: largest distance of an inlier.
      residual: "orthogonal" or "vertical".
      iterations: largest number of samples.
      confidence: stop early, see `ransac`.
      stop_inliers: stop when a line has so many; None: never.
      min_inliers: fewer leave `valid` False; None: 2.
    Returns: `Ransac` with (a, b, c) of a x + b y + c = 0, a^2 + b^2 = 1, b > 0 (a > 0 for an upright line), as model;
      zeros where `valid` is False.
    Raises: ValueError for less than two points or options out of range; TypeError for what is no key, or if the points
      are not float32 or float64.
    Source: Fischler and Bolles 1981; notes 001 section 14.
    """
    check_choice("residual", residual, ("orthogonal", "vertical"))
    check_solvable("points", points)
    points = jnp.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points: got shape {points.shape}, wanted (points, 2)")
    vertical = residual == "vertical"
    found = ransac(
        key, points, points_valid, fit=_line_sample, residual=_vertical_distance if vertical else line_distance,
        refit=_vertical_refit if vertical else _orthogonal_refit, sample_size=2, threshold=threshold,
        iterations=iterations, confidence=confidence, stop_inliers=stop_inliers, min_inliers=min_inliers,
    )  # fmt: skip
    return found._replace(model=jnp.where(found.valid, found.model, 0))


def _line(normal: Array, through: Array) -> Array:
    """(a, b, c) of unit normal with b > 0, and a > 0 for an upright line."""
    length = root(jnp.sum(normal**2))
    # the sign of a rounding error must not turn an upright line over
    upright = jnp.abs(normal[1]) <= 8 * jnp.finfo(normal.dtype).eps * length
    turn = jnp.where(jnp.where(upright, normal[0], normal[1]) < 0, -1, 1)
    normal = turn * normal / jnp.where(length > 0, length, 1)
    return jnp.concatenate([normal, -jnp.sum(normal * through)[None]])


def _line_sample(points: Array) -> tuple[Array, Array]:
    step = points[1] - points[0]
    size = jnp.max(jnp.abs(points))
    valid = jnp.max(jnp.abs(step)) > 16 * jnp.finfo(points.dtype).eps * size
    return _line(jnp.stack([-step[1], step[0]]), points[0]), valid


def _vertical_distance(line: Array, points: Array) -> Array:
    return line_distance(line, points, residual="vertical")


def _orthogonal_refit(points: Array, inliers: Array) -> tuple[Array, Array]:
    """The direction of least variance, in closed form: half the angle of (s_xx - s_yy, 2 s_xy)."""
    weights = inliers.astype(points.dtype)
    kept = jnp.where(inliers[:, None], points, 0)
    centred, mean, _ = isotropic(kept, weights)
    x, y = centred[:, 0], centred[:, 1]
    along = jnp.sum(weights * (x**2 - y**2))
    cross = 2 * jnp.sum(weights * x * y)
    valid = (along**2 + cross**2 > 0) & (jnp.sum(inliers) >= 2)
    angle = 0.5 * jnp.arctan2(jnp.where(valid, cross, 0), jnp.where(valid, along, 1))
    return _line(jnp.stack([-jnp.sin(angle), jnp.cos(angle)]), mean), valid


def _vertical_refit(points: Array, inliers: Array) -> tuple[Array, Array]:
    weights = inliers.astype(points.dtype)
    kept = jnp.where(inliers[:, None], points, 0)
    centred, mean, _ = isotropic(kept, weights)
    x, y = centred[:, 0], centred[:, 1]
    spread = jnp.sum(weights * x**2)
    valid = (spread > 32 * jnp.finfo(points.dtype).eps * jnp.sum(weights)) & (jnp.sum(inliers) >= 2)
    slope = jnp.sum(weights * x * y) / jnp.where(valid, spread, 1)
    return _line(jnp.stack([-slope, jnp.ones_like(slope)]), mean), valid


def _affine_sample(pairs: tuple[Array, Array]) -> tuple[Array, Array]:
    return affine_of(*pairs, jnp.ones(3, pairs[0].dtype))


def _affine_refit(pairs: tuple[Array, Array], inliers: Array) -> tuple[Array, Array]:
    return affine_of(*_kept(pairs, inliers))


def _homography_sample(pairs: tuple[Array, Array]) -> tuple[Array, Array]:
    return homography_of_four(*pairs)


def _homography_refit(pairs: tuple[Array, Array], inliers: Array) -> tuple[Array, Array]:
    return homography_of(*_kept(pairs, inliers))


def _kept(pairs: tuple[Array, Array], inliers: Array) -> tuple[Array, Array, Array]:
    source, target = (jnp.where(inliers[:, None], points, 0) for points in pairs)
    return source, target, inliers.astype(source.dtype)


def _pair_distance(matrix: Array, pairs: tuple[Array, Array]) -> Array:
    return transfer_distance(matrix, *pairs)


def ransac_affine(
    key: Key[Array, ""],
    source: Points,
    target: Points,
    pairs_valid: Bool[Array | np.ndarray, "pairs"] | None = None,
    *,
    threshold: float | Float[Array, ""] = 3.0,
    iterations: int = 1024,
    confidence: float | None = None,
    min_inliers: int | None = None,
) -> Ransac:
    """The affine map that most pairs of points agree with.

        sample three pairs, fit M x + b, count ||M x_i + b - u_i|| <= threshold; least squares of the inliers

    Args:
      key: of the samples.
      source: (pairs, 2) points x. A pair with NaN in it never votes: a sample with one is skipped, it is no inlier, and
        its residual is NaN.
      target: (pairs, 2) points u.
      pairs_valid: (pairs,) pairs that exist; None: all.
      threshold: largest distance of an inlier in pixels.
      iterations: largest number of samples.
      confidence: stop early, see `ransac`.
      min_inliers: fewer leave `valid` False; None: 3.
    Returns: `Ransac` with the (3, 3) matrix as model, the identity where `valid` is False.
    Raises: ValueError for less than three pairs, shapes that differ or options out of range; TypeError for what is no
      key, or if the points are not float32 or float64.
    Source: Fischler and Bolles 1981; notes 001 section 14.
    """
    source, target, _ = check_pairs(source, target, None, least=3)
    found = ransac(
        key, (source, target), pairs_valid, fit=_affine_sample, residual=_pair_distance, refit=_affine_refit,
        sample_size=3, threshold=threshold, iterations=iterations, confidence=confidence, min_inliers=min_inliers,
    )  # fmt: skip
    return found._replace(model=keep_valid(found.model, found.valid).matrix)


def ransac_homography(
    key: Key[Array, ""],
    source: Points,
    target: Points,
    pairs_valid: Bool[Array | np.ndarray, "pairs"] | None = None,
    *,
    threshold: float | Float[Array, ""] = 3.0,
    iterations: int = 1024,
    confidence: float | None = None,
    min_inliers: int | None = None,
) -> Ransac:
    """The homography that most pairs of points agree with.

        sample four pairs, solve H, count ||H x_i - u_i|| <= threshold; normalised DLT of the inliers

    Samples with three points nearly on a line are skipped, as are those whose triangles are turned over unequally.

    Args:
      key: of the samples.
      source: (pairs, 2) points x. A pair with NaN in it never votes: a sample with one is skipped, it is no inlier, and
        its residual is NaN.
      target: (pairs, 2) points u.
      pairs_valid: (pairs,) pairs that exist; None: all.
      threshold: largest distance of an inlier in pixels, in the target.
      iterations: largest number of samples.
      confidence: stop early, see `ransac`.
      min_inliers: fewer leave `valid` False; None: 4.
    Returns: `Ransac` with the (3, 3) matrix as model, the identity where `valid` is False.
    Raises: ValueError for less than four pairs, shapes that differ or options out of range; TypeError for what is no
      key, or if the points are not float32 or float64.
    Source: Hartley and Zisserman 2004, algorithm 4.6.
    """
    source, target, _ = check_pairs(source, target, None, least=4)
    found = ransac(
        key, (source, target), pairs_valid, fit=_homography_sample, residual=_pair_distance, refit=_homography_refit,
        sample_size=4, threshold=threshold, iterations=iterations, confidence=confidence, min_inliers=min_inliers,
    )  # fmt: skip
    return found._replace(model=keep_valid(found.model, found.valid).matrix)
