"""Affine maps and homographies of the plane: fitted to pairs of points, applied, inverted, compared.

All are (3, 3) matrices that act on (x, y, 1), so that maps are composed by `@` and an affine one has the last row
(0, 0, 1).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dlx.checks import check_count, check_floating, check_same_shape
from dlx.image._points import Matrix, Points, Weights, check_matrix, check_pairs, check_points
from dlx.image._solve import (
    HIGHEST,
    homogeneous,
    inverse_similarity,
    isotropic,
    root,
    similarity,
    smallest_singular_vector,
)

__all__ = [
    "Transform",
    "apply_transform",
    "corner_error",
    "fit_affine",
    "fit_homography",
    "invert_transform",
    "transfer_distance",
]


class Transform(NamedTuple):
    """A fitted map of the plane; the identity where `valid` is False.

    Fields:
      matrix: (3, 3) acts on (x, y, 1).
      valid: whether the points determine the map: enough of them, not all on a line.
    """

    matrix: Float[Array, "3 3"]
    valid: Bool[Array, ""]


def fit_affine(source: Points, target: Points, weights: Weights = None) -> Transform:
    """The affine map that sends one set of points to another with the least squared error.

        (u, v)^T = M (x, y)^T + b,    min sum_i w_i ||M x_i + b - u_i||^2,    m = (A^T A)^-1 A^T b

    Solved about the means, where A^T A is a 2x2 matrix, with one correction by the residual. Differentiable.

    Args:
      source: (pairs, 2) points (x, y).
      target: (pairs, 2) points (u, v), paired by row.
      weights: (pairs,) w >= 0, or a mask of the pairs to use; None uses all.
    Returns: `Transform`, dtype of `source`. `valid` is False with less than three weights above 0 and where the source
      lies on a line (one of its variances below 8 eps of the other).
    Raises: ValueError for less than three pairs or shapes that differ; TypeError if the points are not float32
      or float64.
    Source: notes 001 section 14; Lowe 2004, section 7.4.
    """
    source, target, weights = check_pairs(source, target, weights, least=3)
    return keep_valid(*affine_of(source, target, weights))


def affine_of(source: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """The matrix, not finite or meaningless where the flag is False."""
    x, mean, scale = isotropic(source, weights)
    y, to_mean, to_scale = isotropic(target, weights)
    weighted = weights[:, None] * x
    gram, cross = jnp.matmul(weighted.T, x, precision=HIGHEST), jnp.matmul(weighted.T, y, precision=HIGHEST)
    determinant = gram[0, 0] * gram[1, 1] - gram[0, 1] * gram[1, 0]
    half = 0.5 * (gram[0, 0] + gram[1, 1])
    valid = (determinant > 32 * jnp.finfo(x.dtype).eps * half**2) & (jnp.sum(weights > 0) >= 3)
    adjugate = jnp.stack([jnp.stack([gram[1, 1], -gram[0, 1]]), jnp.stack([-gram[1, 0], gram[0, 0]])])
    inverse = adjugate / jnp.where(valid, determinant, 1)
    linear = jnp.matmul(inverse, cross, precision=HIGHEST)
    residual = y - jnp.matmul(x, linear, precision=HIGHEST)
    linear = linear + jnp.matmul(inverse, jnp.matmul(weighted.T, residual, precision=HIGHEST), precision=HIGHEST)
    linear = linear.T * (scale / to_scale)
    offset = to_mean - jnp.matmul(linear, mean, precision=HIGHEST)
    last = jnp.array([[0, 0, 1]], linear.dtype)
    return jnp.concatenate([jnp.concatenate([linear, offset[:, None]], axis=1), last]), valid


def fit_homography(source: Points, target: Points, weights: Weights = None, *, normalise: bool = True) -> Transform:
    """The homography of two sets of points by the direct linear transform.

        x_i^T h1 - u_i x_i^T h3 = 0,    x_i^T h2 - v_i x_i^T h3 = 0,    min ||A h|| over ||h|| = 1

    h is the right singular vector of the smallest singular value. With `normalise` both sets are first shifted to
    their means and scaled to the mean square distance 2, without which the digits of the result are lost (and the
    error minimised depends on where the origin lies). Differentiable.

    Args:
      source: (pairs, 2) points (x, y).
      target: (pairs, 2) points (u, v), paired by row.
      weights: (pairs,) w >= 0 of the squared error, or a mask of the pairs to use; None uses all.
      normalise: the normalised transform; False is the plain one.
    Returns: `Transform` with matrix[2, 2] = 1 (of unit norm if that entry is 0), dtype of `source`. `valid` is False
      with less than four weights above 0, and where the points do not determine a map that has an inverse.
    Raises: ValueError for less than four pairs or shapes that differ; TypeError if the points are not float32
      or float64.
    Source: Hartley and Zisserman 2004, algorithm 4.2; Hartley 1997.
    """
    source, target, weights = check_pairs(source, target, weights, least=4)
    return keep_valid(*homography_of(source, target, weights, normalise=normalise))


def homography_of(source: Array, target: Array, weights: Array, *, normalise: bool = True) -> tuple[Array, Array]:
    """The matrix, meaningless where the flag is False."""
    x, mean, scale = isotropic(source, weights)
    y, to_mean, to_scale = isotropic(target, weights)
    if not normalise:
        x, y = source, target
    ends = homogeneous(x)
    zero = jnp.zeros_like(ends)
    rows = jnp.concatenate(
        [
            jnp.concatenate([ends, zero, -y[:, :1] * ends], axis=1),
            jnp.concatenate([zero, ends, -y[:, 1:] * ends], axis=1),
        ]
    )
    vector, values = smallest_singular_vector(rows * jnp.tile(root(weights), 2)[:, None])
    matrix = vector.reshape(3, 3)
    tolerance = 100 * jnp.finfo(x.dtype).eps
    if normalise:
        # eight equations that do not depend on each other, and a map that keeps areas from 0
        valid = (values[7] > tolerance * values[0]) & (jnp.abs(determinant3(matrix)) > tolerance)
        matrix = jnp.matmul(matrix, similarity(mean, scale), precision=HIGHEST)
        matrix = jnp.matmul(inverse_similarity(to_mean, to_scale), matrix, precision=HIGHEST)
    else:
        valid = values[7] > jnp.finfo(x.dtype).eps * values[0]
    return _scaled(matrix), valid & (jnp.sum(weights > 0) >= 4)


def homography_of_four(source: Array, target: Array) -> tuple[Array, Array]:
    """The homography of four pairs in closed form, for many samples at once.

    p4 = sum_i a_i p_i and q4 = sum_i b_i q_i in homogeneous coordinates, so that H = sum_i (b_i / a_i) q_i p_i*^T with
    p_i* the dual of p_1..p_3. A sample with three of its points nearly on a line counts as not valid, as does one that
    turns its triangles over unequally: no camera sees that.
    """
    ones = jnp.ones(4, source.dtype)
    x, mean, scale = isotropic(source, ones)
    y, to_mean, to_scale = isotropic(target, ones)
    p, q = homogeneous(x), homogeneous(y)
    dual, areas = _basis(p)
    _, to_areas = _basis(q)
    signs = jnp.sign(areas) * jnp.sign(to_areas)
    flat = jnp.minimum(jnp.min(jnp.abs(areas)), jnp.min(jnp.abs(to_areas))) < 1e-3
    valid = ~flat & (jnp.all(signs > 0) | jnp.all(signs < 0))
    weights = to_areas[:3] / jnp.where(valid, areas[:3], 1)
    matrix = jnp.matmul((q[:3] * weights[:, None]).T, dual, precision=HIGHEST)
    matrix = jnp.matmul(matrix, similarity(mean, scale), precision=HIGHEST)
    return _scaled(jnp.matmul(inverse_similarity(to_mean, to_scale), matrix, precision=HIGHEST)), valid


def _basis(p: Array) -> tuple[Array, Array]:
    """Rows p_i* with p_i* . p_j = 0 for j != i, and (a_1, a_2, a_3, 1) times det(p_1, p_2, p_3)."""
    dual = jnp.stack([jnp.cross(p[1], p[2]), jnp.cross(p[2], p[0]), jnp.cross(p[0], p[1])])
    return dual, jnp.concatenate([jnp.sum(dual * p[3][None], axis=1), jnp.sum(dual[:1] * p[:1], axis=1)])


def apply_transform(matrix: Matrix, points: Float[Array | np.ndarray, "points 2"]) -> Float[Array, "points 2"]:
    """Points through an affine map or a homography.

        (x', y', w) = H (x, y, 1),    result (x' / w, y' / w)

    Args:
      matrix: (3, 3) H.
      points: (points, 2) of (x, y).
    Returns: (points, 2). A point that H sends to infinity (w = 0) becomes infinite, (inf, inf).
    Raises: ValueError for other shapes.
    Source: Hartley and Zisserman 2004, section 2.3.
    """
    check_matrix("matrix", matrix)
    check_points("points", points)
    mapped = jnp.matmul(homogeneous(jnp.asarray(points)), jnp.asarray(matrix).T, precision=HIGHEST)
    scale = mapped[:, 2:]
    finite = scale != 0
    # the inner where keeps 1 / 0 out of the gradient
    return jnp.where(finite, mapped[:, :2] / jnp.where(finite, scale, 1), jnp.inf)


def invert_transform(matrix: Matrix) -> Transform:
    """The inverse of an affine map or a homography, from its cofactors.

        H^-1 = adj(H) / det(H),    scaled to [2, 2] = 1

    Args:
      matrix: (3, 3) H.
    Returns: `Transform` with the inverse; the identity and `valid` False where H has none
      (|det H| <= 16 eps times the product of its rows' norms).
    Raises: ValueError for another shape; TypeError for a matrix of integers.
    Source: Hartley and Zisserman 2004, section 2.3.
    """
    check_matrix("matrix", matrix)
    matrix = jnp.asarray(matrix)
    check_floating("matrix", matrix)
    a, b, c = matrix
    cofactors = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)])
    bound = jnp.prod(jnp.sqrt(jnp.sum(matrix**2, axis=1)))
    valid = jnp.abs(jnp.sum(a * cofactors[0])) > 16 * jnp.finfo(matrix.dtype).eps * bound
    return keep_valid(_scaled(cofactors.T), valid)


def transfer_distance(matrix: Matrix, source: Points, target: Points) -> Float[Array, "pairs"]:
    """Distances between mapped points and those that they should meet: d_i = ||H x_i - u_i||.

    Args:
      matrix: (3, 3) H.
      source: (pairs, 2) points x.
      target: (pairs, 2) points u.
    Returns: (pairs,) distances in pixels; its derivative at distance 0 is 0.
    Raises: ValueError for other shapes.
    Source: Hartley and Zisserman 2004, section 4.2.2.
    """
    check_points("source", source)
    check_same_shape("target", target, "source", source)
    error = apply_transform(matrix, source) - jnp.asarray(target)
    return root(jnp.sum(error**2, axis=1))


def corner_error(matrix: Matrix, reference: Matrix, *, height: int, width: int) -> Float[Array, ""]:
    """Mean distance between the places where two maps put the corners of an image.

        1/4 sum_c ||H c - H_ref c||,    c in {0, width - 1} x {0, height - 1}

    Args:
      matrix: (3, 3) H.
      reference: (3, 3) H_ref.
      height: of the image in pixels.
      width: of the image in pixels.
    Returns: the distance in pixels.
    Raises: ValueError or TypeError if `height` or `width` is not a positive int; ValueError for other shapes; TypeError
      for matrices of integers.
    Source: DeTone, Malisiewicz and Rabinovich 2016; HPatches' measure of homographies.
    """
    check_count("height", height)
    check_count("width", width)
    for name, one in (("matrix", matrix), ("reference", reference)):
        check_matrix(name, one)
        check_floating(name, jnp.asarray(one))
    matrix = jnp.asarray(matrix)
    x, y = width - 1, height - 1
    corners = jnp.array([[0, 0], [x, 0], [x, y], [0, y]], matrix.dtype)
    return jnp.mean(transfer_distance(matrix, corners, apply_transform(reference, corners)))


def determinant3(matrix: Array) -> Array:
    """Determinant of a (3, 3) matrix without a factorisation."""
    return jnp.sum(matrix[0] * jnp.cross(matrix[1], matrix[2]))


def _scaled(matrix: Array) -> Array:
    """The last entry 1, or unit norm where the origin goes to infinity."""
    last = matrix[2, 2]
    size = jnp.sqrt(jnp.sum(jax.lax.stop_gradient(matrix) ** 2))
    tiny = jnp.abs(last) <= 16 * jnp.finfo(matrix.dtype).eps * size
    return matrix / jnp.where(tiny, jnp.where(size > 0, size, 1), jnp.where(tiny, 1, last))


def keep_valid(matrix: Array, valid: Array) -> Transform:
    """The identity where there is no map."""
    return Transform(jnp.where(valid, matrix, jnp.eye(3, dtype=matrix.dtype)), valid)
