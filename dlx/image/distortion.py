"""Lens distortion (Brown and Conrady), and rotations as vectors."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.image._points import check_solvable

__all__ = ["distort_points", "rotation_matrix", "rotation_vector", "undistort_points"]

Points = Float[Array | np.ndarray, "points 2"]
Coefficients = Float[Array | np.ndarray, "5"]


def distort_points(points: Points, coefficients: Coefficients) -> Float[Array, "points 2"]:
    """Where a lens puts the points of an ideal camera, in coordinates of the image plane (before K).

        r^2 = x^2 + y^2,    f = 1 + k1 r^2 + k2 r^4 + k3 r^6
        x' = f x + 2 p1 x y + p2 (r^2 + 2 x^2),    y' = f y + p1 (r^2 + 2 y^2) + 2 p2 x y

    Args:
      points: (points, 2) of (x, y) = (X / Z, Y / Z).
      coefficients: (5,) of (k1, k2, p1, p2, k3), OpenCV's order.
    Returns: (points, 2) of (x', y').
    Source: Brown 1966; Conrady 1919; OpenCV's camera model.
    """
    points = jnp.asarray(points)
    k1, k2, p1, p2, k3 = jnp.asarray(coefficients)
    x, y = points[:, 0], points[:, 1]
    square = x**2 + y**2
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    return jnp.stack(
        [
            radial * x + 2 * p1 * x * y + p2 * (square + 2 * x**2),
            radial * y + p1 * (square + 2 * y**2) + 2 * p2 * x * y,
        ],
        axis=1,
    )


def undistort_points(
    points: Points,
    intrinsics: Float[Array | np.ndarray, "3 3"],
    coefficients: Coefficients,
    *,
    iterations: int = 10,
) -> Float[Array, "points 2"]:
    """Pixels as an ideal camera of the same intrinsics would have them.

        K distort(x) = pixel solved for x by Newton's method, from x = K^-1 pixel;    result K x

    Args:
      points: (points, 2) of (x, y) in pixels.
      intrinsics: (3, 3) K, upper triangular with K[2, 2] = 1.
      coefficients: (5,) of (k1, k2, p1, p2, k3).
      iterations: of Newton's method; OpenCV has 5 of a slower one.
    Returns: (points, 2) pixels. Beyond the radius at which a strong distortion folds the plane there is no answer, and
      what comes back is the last iterate.
    Raises: ValueError or TypeError if `iterations` is not a positive int.
    Source: Hartley and Zisserman 2004, section 7.4; OpenCV's `undistortPoints` with P = K.
    """
    check_count("iterations", iterations)
    points, intrinsics = jnp.asarray(points), jnp.asarray(intrinsics)
    coefficients = jnp.asarray(coefficients)
    wanted = from_pixels(points, intrinsics)

    def one(point: Array, target: Array) -> Array:
        def error(at: Array) -> Array:
            return distort_points(at[None], coefficients)[0] - target

        (a, b), (c, d) = jax.jacfwd(error)(point)
        determinant = a * d - b * c
        step = jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])]) @ error(point)
        return point - step / jnp.where(determinant == 0, 1, determinant)

    found = lax.fori_loop(0, iterations, lambda _, at: jax.vmap(one)(at, wanted), wanted)
    return to_pixels(found, intrinsics)


def to_pixels(points: Array, intrinsics: Array) -> Array:
    """K (x, y, 1)."""
    x, y = points[:, 0], points[:, 1]
    (fx, skew, cx), (_, fy, cy), _ = intrinsics
    return jnp.stack([fx * x + skew * y + cx, fy * y + cy], axis=1)


def from_pixels(points: Array, intrinsics: Array) -> Array:
    """K^-1 (u, v, 1)."""
    (fx, skew, cx), (_, fy, cy), _ = intrinsics
    y = (points[:, 1] - cy) / fy
    return jnp.stack([(points[:, 0] - cx - skew * y) / fx, y], axis=1)


def rotation_matrix(vector: Float[Array | np.ndarray, "3"]) -> Float[Array, "3 3"]:
    """The rotation by |v| radians about v.

        R = I + sin(a) / a [v]x + (1 - cos a) / a^2 [v]x^2,    a = |v|

    Args:
      vector: (3,) v.
    Returns: (3, 3) R; smooth, also at v = 0.
    Source: Rodrigues' formula; Hartley and Zisserman 2004, section A4.3.
    """
    vector = jnp.asarray(vector)
    square = jnp.sum(vector**2)
    small = square < 1e-4
    angle = jnp.sqrt(jnp.where(small, 1, square))
    # below 0.01 radians three terms of the series are exact to 1e-14
    first = jnp.where(small, 1 - square / 6 + square**2 / 120, jnp.sin(angle) / angle)
    half = jnp.sin(0.5 * angle) / angle
    second = jnp.where(small, 0.5 - square / 24 + square**2 / 720, 2 * half**2)
    x, y, z = vector
    zero = jnp.zeros_like(x)
    cross = jnp.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return jnp.eye(3, dtype=vector.dtype) + first * cross + second * (cross @ cross)


def rotation_vector(matrix: Float[Array | np.ndarray, "3 3"]) -> Float[Array, "3"]:
    """The vector of a rotation, with length in [0, pi]; the inverse of `rotation_matrix`.

        by the unit quaternion (w, q) with w >= 0:    v = 2 atan2(|q|, w) q / |q|

    Args:
      matrix: (3, 3) R.
    Returns: (3,) v; of a half turn one of the two.
    Raises: TypeError if the dtype is not float32 or float64.
    Source: Shepperd 1978; Hartley and Zisserman 2004, section A4.3.
    """
    check_solvable("matrix", matrix)
    r = jnp.asarray(matrix)
    trace = r[0, 0] + r[1, 1] + r[2, 2]
    # four forms of one quaternion, each times four times one of its entries: the largest of these is safe to divide by
    forms = jnp.stack(
        [
            jnp.stack([1 + trace, r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]]),
            jnp.stack([r[2, 1] - r[1, 2], 1 + 2 * r[0, 0] - trace, r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]]),
            jnp.stack([r[0, 2] - r[2, 0], r[0, 1] + r[1, 0], 1 + 2 * r[1, 1] - trace, r[1, 2] + r[2, 1]]),
            jnp.stack([r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], 1 + 2 * r[2, 2] - trace]),
        ]
    )
    quaternion = forms[jnp.argmax(jnp.diagonal(forms))]
    quaternion = quaternion / jnp.sqrt(jnp.sum(quaternion**2)) * jnp.where(quaternion[0] < 0, -1, 1)
    square = jnp.sum(quaternion[1:] ** 2)
    small = square < 1e-8
    length = jnp.sqrt(jnp.where(small, 1, square))
    factor = jnp.where(small, 2 / quaternion[0], 2 * jnp.arctan2(length, quaternion[0]) / length)
    return factor * quaternion[1:]
