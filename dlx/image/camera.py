"""The pinhole camera as a (3, 4) matrix: projection, calibration by the direct linear transform, decomposition."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from dlx.image._points import check_points, check_solvable
from dlx.image._solve import (
    HIGHEST,
    homogeneous,
    inverse_similarity,
    isotropic,
    root,
    similarity,
    smallest_singular_vector,
)
from dlx.image.transforms import determinant3

__all__ = [
    "CameraFit",
    "CameraParts",
    "calibrate_camera",
    "camera_center",
    "camera_matrix",
    "decompose_camera",
    "project_points",
]

Camera = Float[Array | np.ndarray, "3 4"]
World = Float[Array | np.ndarray, "points 3"]
Points = Float[Array | np.ndarray, "points 2"]


class CameraFit(NamedTuple):
    """A fitted camera matrix; zeros where `valid` is False.

    Fields:
      matrix: (3, 4) P of unit norm, signed so that points in front have a positive third coordinate.
      valid: whether the points determine the matrix: at least six, not on one plane or another degenerate surface.
    """

    matrix: Float[Array, "3 4"]
    valid: Bool[Array, ""]


class CameraParts(NamedTuple):
    """P = K [R | t] up to scale; where `valid` is False the rotation is no rotation.

    Fields:
      intrinsics: (3, 3) K, upper triangular, positive diagonal, K[2, 2] = 1.
      rotation: (3, 3) R, from world to camera.
      translation: (3,) t = -R C.
      center: (3,) C, the camera's centre in the world.
      valid: whether the left 3x3 block of P has an inverse (a camera at a finite place).
    """

    intrinsics: Float[Array, "3 3"]
    rotation: Float[Array, "3 3"]
    translation: Float[Array, "3"]
    center: Float[Array, "3"]
    valid: Bool[Array, ""]


def project_points(matrix: Camera, points: World) -> Points:
    """Perspective projection.

        x = p1 . X / p3 . X,    y = p2 . X / p3 . X,    X = (x, y, z, 1)

    A point behind the camera has an image too, which no camera sees. How far in front of it a point lies is

        depth = sign(det M) p3 . X / |m3|,    M the first three columns of P, m3 the last row of M

    in the unit of the world, whatever the scale and the sign of P; of `camera_matrix` it is p3 . X itself.
    `(points @ P[2, :3] + P[2, 3]) > 0` are then the points that are seen.

    Args:
      matrix: (3, 4) P with the rows p1, p2, p3.
      points: (points, 3) in the world.
    Returns: (points, 2) of (x, y) in pixels; (inf, inf) in the plane through the camera's centre, where the depth is 0.
    Raises: ValueError for other shapes.
    Source: Hartley and Zisserman 2004, section 6.1; notes 001 section 14.
    """
    if jnp.shape(matrix) != (3, 4):
        raise ValueError(
            f"matrix: got shape {jnp.shape(matrix)}, wanted (3, 4); `camera_matrix` makes it of intrinsics,"
            " rotation and translation"
        )
    check_points("points", points, 3)
    mapped = jnp.matmul(homogeneous(jnp.asarray(points)), jnp.asarray(matrix).T, precision=HIGHEST)
    depth = mapped[:, 2:]
    finite = depth != 0
    return jnp.where(finite, mapped[:, :2] / jnp.where(finite, depth, 1), jnp.inf)


def camera_matrix(
    intrinsics: Float[Array | np.ndarray, "3 3"],
    rotation: Float[Array | np.ndarray, "3 3"],
    translation: Float[Array | np.ndarray, "3"],
) -> Float[Array, "3 4"]:
    """The camera matrix P = K [R | t].

    Args:
      intrinsics: (3, 3) K.
      rotation: (3, 3) R from world to camera.
      translation: (3,) t.
    Returns: (3, 4) P.
    Source: Hartley and Zisserman 2004, eq. 6.8.
    """
    pose = jnp.concatenate([jnp.asarray(rotation), jnp.asarray(translation)[:, None]], axis=1)
    return jnp.matmul(jnp.asarray(intrinsics), pose, precision=HIGHEST)


def calibrate_camera(
    world: World,
    image: Points,
    weights: Num[Array | np.ndarray, "points"] | Bool[Array | np.ndarray, "points"] | None = None,
    *,
    normalise: bool = True,
) -> CameraFit:
    """The camera matrix of points in the world and their images, by the direct linear transform.

        X^T p1 - x X^T p3 = 0,    X^T p2 - y X^T p3 = 0,    min ||A p|| over ||p|| = 1

    p is the right singular vector of the smallest singular value. With `normalise` points and images are first shifted
    to their means and scaled. Differentiable. Targets on one plane need `calibrate_planar`.

    Args:
      world: (points, 3) X.
      image: (points, 2) of (x, y) in pixels.
      weights: (points,) w >= 0 of the squared error, or a mask; None uses all.
      normalise: the normalised transform; False is the notes' plain one.
    Returns: `CameraFit`, dtype of `world`. The degenerate case is told from the singular values: `valid` is False where
      the second smallest is below 1e-6 (float32: 1e-4) times the largest, of the normalised points.
    Raises: ValueError for less than six points or shapes that do not fit; TypeError if they are not float32 or float64.
    Source: Hartley and Zisserman 2004, algorithm 7.1; notes 001 section 14.
    """
    check_solvable("world", world)
    check_solvable("image", image)
    world, image = jnp.asarray(world), jnp.asarray(image).astype(jnp.result_type(world))
    count = world.shape[0] if world.ndim else 0
    if world.ndim != 2 or world.shape[1] != 3:
        raise ValueError(f"world: got shape {world.shape}, wanted (points, 3)")
    if image.shape != (count, 2):
        raise ValueError(f"image: got shape {image.shape}, wanted {(count, 2)}, one for each point of the world")
    if count < 6:
        raise ValueError(f"world: got {count} points, wanted at least 6: each gives two of eleven equations")
    if weights is not None and jnp.shape(weights) != (count,):
        raise ValueError(f"weights: got shape {jnp.shape(weights)}, wanted ({count},)")
    weighting = jnp.ones(count, world.dtype) if weights is None else jnp.asarray(weights).astype(world.dtype)
    kept = weighting > 0
    world, image = jnp.where(kept[:, None], world, 0), jnp.where(kept[:, None], image, 0)
    scaled = isotropic(world, weighting), isotropic(image, weighting)
    system = _system(scaled[0][0], scaled[1][0], weighting)
    vector, values = smallest_singular_vector(system)
    # the smallest counts against the scale of the others: a plane leaves two of them 0
    valid = (values[10] > (1e-6 if world.dtype == jnp.float64 else 1e-4) * values[0]) & (jnp.sum(kept) >= 6)
    if normalise:
        matrix = jnp.matmul(vector.reshape(3, 4), similarity(*scaled[0][1:]), precision=HIGHEST)
        matrix = jnp.matmul(inverse_similarity(*scaled[1][1:]), matrix, precision=HIGHEST)
    else:
        matrix = smallest_singular_vector(_system(world, image, weighting))[0].reshape(3, 4)
    sign = jnp.where(determinant3(matrix[:, :3]) < 0, -1, 1)
    norm = root(jnp.sum(matrix**2))
    return CameraFit(jnp.where(valid, sign * matrix / jnp.where(norm > 0, norm, 1), 0), valid)


def _system(world: Array, image: Array, weights: Array) -> Array:
    ends = homogeneous(world)
    zero = jnp.zeros_like(ends)
    rows = [
        jnp.concatenate([ends, zero, -image[:, :1] * ends], axis=1),
        jnp.concatenate([zero, ends, -image[:, 1:] * ends], axis=1),
    ]
    return jnp.concatenate(rows) * jnp.tile(root(weights), 2)[:, None]


def camera_center(matrix: Camera) -> Float[Array, "4"]:
    """Where a camera stands: the null vector of P, from its 3x3 minors.

        P C = 0,    C_i = (-1)^i det(P without column i)

    Args:
      matrix: (3, 4) P.
    Returns: (4,) homogeneous C, of unit norm with C_3 >= 0: C[:3] / C[3] is the place. A camera at infinity has
      C[3] = 0, a P of rank below 3 gives zeros.
    Source: Hartley and Zisserman 2004, section 6.2.4.
    """
    matrix = jnp.asarray(matrix)
    # of a matrix of unit norm, that products of small entries do not vanish
    size = root(jnp.sum(matrix**2))
    matrix = matrix / jnp.where(size > 0, size, 1)
    a, b, c, d = matrix.T
    minors = jnp.stack(
        [jnp.sum(b * jnp.cross(c, d)), -jnp.sum(a * jnp.cross(c, d)),
         jnp.sum(a * jnp.cross(b, d)), -jnp.sum(a * jnp.cross(b, c))]
    )  # fmt: skip
    norm = root(jnp.sum(minors**2))
    sign = jnp.where(minors[3] < 0, -1, 1)
    return sign * minors / jnp.where(norm > 0, norm, 1)


def decompose_camera(matrix: Camera) -> CameraParts:
    """Intrinsics, rotation, translation and centre of a camera matrix.

        P ~ K [R | t],    M = P[:, :3] = K R with K upper triangular (RQ),    C = null(P),    t = -R C

    The rows of R come by Gram-Schmidt from the last row of M upwards, which makes the diagonal of K positive.
    Differentiable.

    Args:
      matrix: (3, 4) P; its scale and sign do not matter.
    Returns: `CameraParts`; `valid` is False where |det M| <= 100 eps times the product of its rows' norms, with finite
      numbers in the other fields.
    Source: Hartley and Zisserman 2004, section 6.2.4.
    """
    matrix = jnp.asarray(matrix)
    left = matrix[:, :3]
    determinant = determinant3(left)
    bound = jnp.prod(root(jnp.sum(left**2, axis=1)))
    valid = jnp.abs(determinant) > 100 * jnp.finfo(matrix.dtype).eps * bound
    m1, m2, m3 = jnp.where(valid, left, jnp.eye(3, dtype=left.dtype)) * jnp.where(determinant < 0, -1, 1)
    k33 = root(jnp.sum(m3**2))
    r3 = m3 / k33
    k23 = jnp.sum(m2 * r3)
    m2 = m2 - k23 * r3
    k22 = root(jnp.sum(m2**2))
    r2 = m2 / k22
    k13 = jnp.sum(m1 * r3)
    m1 = m1 - k13 * r3
    k12 = jnp.sum(m1 * r2)
    m1 = m1 - k12 * r2
    k11 = root(jnp.sum(m1**2))
    rotation = jnp.stack([m1 / k11, r2, r3])
    zero = jnp.zeros_like(k11)
    intrinsics = jnp.stack([k11, k12, k13, zero, k22, k23, zero, zero, k33]).reshape(3, 3) / k33
    place = camera_center(matrix)
    center = jnp.where(valid, place[:3] / jnp.where(valid, place[3], 1), 0)
    return CameraParts(intrinsics, rotation, -jnp.matmul(rotation, center, precision=HIGHEST), center, valid)
