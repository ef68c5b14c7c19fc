"""Calibration from views of a plane (Zhang): homographies, closed form, then least squares of the reprojection."""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from dlx.checks import check_choice, check_count
from dlx.image._points import check_solvable
from dlx.image._solve import HIGHEST, isotropic, similarity, smallest_singular_vector
from dlx.image.camera import World
from dlx.image.distortion import distort_points, rotation_matrix, rotation_vector, to_pixels
from dlx.image.transforms import homography_of

__all__ = ["Calibration", "calibrate_planar", "project_distorted"]

MODELS = {"none": 0, "radial": 2, "full": 5}
"""Number of leading distortion coefficients (k1, k2, p1, p2, k3) that are estimated."""


class Calibration(NamedTuple):
    """A camera calibrated on views of a plane.

    Fields:
      intrinsics: (3, 3) K without skew.
      distortion: (5,) of (k1, k2, p1, p2, k3).
      rotations: (views, 3) rotation vectors, from the target to the camera.
      translations: (views, 3).
      error: root mean square distance between seen and projected points in pixels, as OpenCV's `calibrateCamera`
        returns it.
      view_errors: (views,) the same by view.
      valid: whether the views determine a camera; if not, the closed form had no solution and the rest is meaningless.
    """

    intrinsics: Float[Array, "3 3"]
    distortion: Float[Array, "5"]
    rotations: Float[Array, "views 3"]
    translations: Float[Array, "views 3"]
    error: Float[Array, ""]
    view_errors: Float[Array, "views"]
    valid: Bool[Array, ""]


def project_distorted(
    points: World,
    intrinsics: Float[Array | np.ndarray, "3 3"],
    distortion: Float[Array | np.ndarray, "5"],
    rotation: Float[Array | np.ndarray, "3"],
    translation: Float[Array | np.ndarray, "3"],
) -> Float[Array, "points 2"]:
    """Projection through a lens: K distort(X_c / Z_c), X_c = R X + t.

    Args:
      points: (points, 3) X.
      intrinsics: (3, 3) K.
      distortion: (5,) of (k1, k2, p1, p2, k3).
      rotation: (3,) rotation vector.
      translation: (3,) t.
    Returns: (points, 2) pixels; infinite or very large for points in the plane of the camera's centre.
    Source: Zhang 2000; OpenCV's `projectPoints`.
    """
    points = jnp.asarray(points)
    turned = jnp.matmul(points, rotation_matrix(rotation).T, precision=HIGHEST)
    seen = turned + jnp.broadcast_to(jnp.asarray(translation)[None], points.shape)
    return to_pixels(distort_points(seen[:, :2] / seen[:, 2:], distortion), jnp.asarray(intrinsics))


def calibrate_planar(
    target: Float[Array | np.ndarray, "points 2"],
    images: Float[Array | np.ndarray, "views points 2"],
    *,
    distortion: Literal["none", "radial", "full"] = "full",
    iterations: int = 100,
) -> Calibration:
    """Camera calibration from views of a flat target, such as a chessboard.

        H_v from target to view v;    h1^T B h2 = 0, h1^T B h1 = h2^T B h2, B ~ K^-T K^-1, solved for B;
        then min over K, distortion, poses of sum ||x - project(X)||^2 by Levenberg and Marquardt

    Poses are eliminated from the normal equations view by view (Schur complement). The last step is a Gauss-Newton
    step that carries the derivative with respect to `images`, exact where the residuals vanish.

    Args:
      target: (points, 2) of (X, Y) on the target's plane, Z = 0, in its own unit.
      images: (views, points, 2) of (x, y) in pixels, every point in every view.
      distortion: "none"; "radial" k1, k2; "full" k1, k2, p1, p2, k3 as OpenCV's default.
      iterations: at most so many steps; it stops when one gains nothing.
    Returns: `Calibration`; float64 is advised, float32 reaches about 1e-3 of the reprojection error. JAX turns float64
      arrays into float32 unless it is switched on: `with jax.enable_x64(True): calibrate_planar(target, images)`, or
      `jax.config.update("jax_enable_x64", True)` for the whole program.
    Raises: ValueError for less than three views or four points, or shapes that do not fit; TypeError if the arrays
      are not float32 or float64.
    Source: Zhang 2000; Hartley and Zisserman 2004, section A6.3; OpenCV's `calibrateCamera` has the same minimum.
    """
    check_choice("distortion", distortion, MODELS)
    check_count("iterations", iterations)
    check_solvable("target", target)
    check_solvable("images", images)
    images = jnp.asarray(images)
    target = jnp.asarray(target).astype(images.dtype)
    if target.ndim != 2 or target.shape[1] != 2 or target.shape[0] < 4:
        raise ValueError(f"target: got shape {target.shape}, wanted (points, 2) with at least 4 points, on the plane")
    if images.ndim != 3 or images.shape[1:] != target.shape:
        raise ValueError(f"images: got shape {images.shape}, wanted (views, {target.shape[0]}, 2)")
    if images.shape[0] < 3:
        raise ValueError(f"images: got {images.shape[0]} views, wanted at least 3")
    return _calibrate(target, images, count=MODELS[distortion], iterations=iterations)


@partial(jax.jit, static_argnames=("count", "iterations"))
def _calibrate(target: Array, images: Array, *, count: int, iterations: int) -> Calibration:
    fixed, fixed_target = lax.stop_gradient(images), lax.stop_gradient(target)
    shared, poses, valid = _closed_form(fixed_target, fixed, count)
    shared, poses = _minimise(shared, poses, fixed_target, fixed, iterations)
    # a step from the minimum changes nothing but brings the derivative
    (shared, poses), _ = _step(lax.stop_gradient(shared), lax.stop_gradient(poses), target, images, 0.0)
    squares = jnp.sum(_residuals(shared, poses, target, images) ** 2, axis=(1, 2)) / target.shape[0]
    intrinsics, coefficients = _unpacked(shared)
    error = jnp.sqrt(jnp.mean(squares))
    finite = jnp.all(jnp.isfinite(shared)) & jnp.isfinite(error)
    return Calibration(intrinsics, coefficients, poses[:, :3], poses[:, 3:], error, jnp.sqrt(squares), valid & finite)


def _closed_form(target: Array, images: Array, count: int) -> tuple[Array, Array, Array]:
    """Zhang's first guess: shared (fx, fy, cx, cy, distortion = 0), poses (views, 6), and whether it has a solution."""
    views = images.shape[0]
    # pixels about their mean, that the equations of B have like sizes
    _, mean, scale = isotropic(images.reshape(-1, 2), jnp.ones(images.shape[0] * images.shape[1], images.dtype))
    ones = jnp.ones(target.shape[0], target.dtype)
    maps, fitted = jax.vmap(lambda seen: homography_of(target, seen, ones))(images)
    scaled = jnp.einsum("ij,vjk->vik", similarity(mean, scale), maps, precision=HIGHEST)
    norms = jnp.sqrt(jnp.sum(scaled[:, :, :2] ** 2, axis=(1, 2)))
    scaled = scaled / norms[:, None, None]
    h1, h2 = scaled[:, :, 0], scaled[:, :, 1]

    def pair(a: Array, b: Array) -> Array:
        """a^T B b = pair . (B11, B22, B13, B23, B33), without skew."""
        return jnp.stack(
            [a[:, 0] * b[:, 0], a[:, 1] * b[:, 1], a[:, 0] * b[:, 2] + a[:, 2] * b[:, 0],
             a[:, 1] * b[:, 2] + a[:, 2] * b[:, 1], a[:, 2] * b[:, 2]], axis=1
        )  # fmt: skip

    vector, values = smallest_singular_vector(jnp.concatenate([pair(h1, h2), pair(h1, h1) - pair(h2, h2)]))
    b11, b22, b13, b23, b33 = vector * jnp.where(vector[0] < 0, -1, 1)
    positive = (b11 > 0) & (b22 > 0)
    b11, b22 = jnp.where(positive, b11, 1), jnp.where(positive, b22, 1)
    cx, cy = -b13 / b11, -b23 / b22
    depth = b33 - b13**2 / b11 - b23**2 / b22
    positive = positive & (depth > 0)
    depth = jnp.where(positive, depth, b11)
    valid = jnp.all(fitted) & positive & (values[3] > 100 * jnp.finfo(images.dtype).eps * values[0])
    focal = jnp.sqrt(jnp.stack([depth / b11, depth / b22])) / scale
    center = jnp.stack([cx, cy]) / scale + mean
    shared = jnp.concatenate([focal, center, jnp.zeros(count, images.dtype)])
    # the pose of each view from K^-1 H = (r1, r2, t) up to scale
    rays = (maps[:, :2] - center[None, :, None] * maps[:, 2:]) / focal[None, :, None]
    rays = jnp.concatenate([rays, maps[:, 2:]], axis=1)
    length = 0.5 * (jnp.linalg.norm(rays[:, :, 0], axis=1) + jnp.linalg.norm(rays[:, :, 1], axis=1))
    length = jnp.where(rays[:, 2, 2] < 0, -length, length)
    rays = rays / jnp.where(length == 0, 1, length)[:, None, None]
    r1, r2 = rays[:, :, 0], rays[:, :, 1]
    u, _, v = jnp.linalg.svd(jnp.stack([r1, r2, jnp.cross(r1, r2)], axis=2))
    vectors = jax.vmap(rotation_vector)(jnp.matmul(u, v, precision=HIGHEST))
    poses = jnp.concatenate([vectors, rays[:, :, 2]], axis=1).reshape(views, 6)
    return shared, poses, valid


def _unpacked(shared: Array) -> tuple[Array, Array]:
    """K and the five coefficients."""
    fx, fy, cx, cy = shared[:4]
    zero, one = jnp.zeros_like(fx), jnp.ones_like(fx)
    coefficients = jnp.zeros(5, shared.dtype).at[: len(shared) - 4].set(shared[4:])
    return jnp.stack([fx, zero, cx, zero, fy, cy, zero, zero, one]).reshape(3, 3), coefficients


def _view_residuals(shared: Array, pose: Array, target: Array, seen: Array) -> Array:
    points = jnp.concatenate([target, jnp.zeros_like(target[:, :1])], axis=1)
    return project_distorted(points, *_unpacked(shared), pose[:3], pose[3:]) - seen


def _residuals(shared: Array, poses: Array, target: Array, images: Array) -> Array:
    return jax.vmap(_view_residuals, in_axes=(None, 0, None, 0))(shared, poses, target, images)


def _step(shared: Array, poses: Array, target: Array, images: Array, damping) -> tuple[tuple[Array, Array], Array]:
    """One step of Levenberg and Marquardt, and the sum of squares before it."""
    views = images.shape[0]

    def linear(pose: Array, seen: Array) -> tuple[Array, Array, Array]:
        by_shared, by_pose = jax.jacfwd(_view_residuals, argnums=(0, 1))(shared, pose, target, seen)
        residual = _view_residuals(shared, pose, target, seen)
        return by_shared.reshape(-1, len(shared)), by_pose.reshape(-1, 6), residual.ravel()

    a, b, r = jax.vmap(linear)(poses, images)  # (v, 2n, s), (v, 2n, 6), (v, 2n)
    # columns of unit norm: focal lengths and coefficients differ by 1e5
    a_size = jnp.sqrt(jnp.sum(a**2, axis=(0, 1)) + jnp.finfo(a.dtype).tiny)
    b_size = jnp.sqrt(jnp.sum(b**2, axis=1) + jnp.finfo(b.dtype).tiny)
    a = a / jnp.broadcast_to(a_size[None, None], a.shape)
    b = b / jnp.broadcast_to(b_size[:, None], b.shape)
    product = partial(jnp.einsum, precision=HIGHEST)
    aa = product("vns,vnt->st", a, a) + damping * jnp.eye(len(shared), dtype=a.dtype)
    bb = product("vnp,vnq->vpq", b, b)
    bb = bb + jnp.broadcast_to((damping * jnp.eye(6, dtype=b.dtype))[None], bb.shape)
    ab, ar, br = product("vns,vnp->vsp", a, b), product("vns,vn->s", a, r), product("vnp,vn->vp", b, r)
    solved = jnp.linalg.solve(bb, jnp.concatenate([jnp.swapaxes(ab, 1, 2), br[:, :, None]], axis=2))
    left, right = solved[:, :, :-1], solved[:, :, -1]
    change = jnp.linalg.solve(aa - product("vsp,vpt->st", ab, left), product("vsp,vp->s", ab, right) - ar)
    moves = -right - product("vps,s->vp", left, change)
    return (shared + change / a_size, poses + (moves / b_size).reshape(views, 6)), jnp.sum(r**2)


def _minimise(shared: Array, poses: Array, target: Array, images: Array, iterations: int) -> tuple[Array, Array]:
    """Steps that are taken only if they lessen the sum of squares; the damping follows."""
    enough = 4 * jnp.finfo(shared.dtype).eps

    def going(carry):
        number, _, _, _, _, gain = carry
        return (number < iterations) & (gain > enough)

    def body(carry):
        number, shared, poses, damping, cost, _ = carry
        (new_shared, new_poses), _ = _step(shared, poses, target, images, damping)
        new_cost = jnp.sum(_residuals(new_shared, new_poses, target, images) ** 2)
        better = new_cost < cost  # False for NaN
        gain = jnp.where(better, (cost - new_cost) / jnp.where(cost > 0, cost, 1), jnp.where(damping < 1e6, 1, 0))
        return (
            number + 1,
            jnp.where(better, new_shared, shared),
            jnp.where(better, new_poses, poses),
            jnp.where(better, 0.1 * damping, 10 * damping),
            jnp.where(better, new_cost, cost),
            gain.astype(shared.dtype),
        )

    cost = jnp.sum(_residuals(shared, poses, target, images) ** 2)
    one = jnp.ones((), shared.dtype)
    return lax.while_loop(going, body, (jnp.int32(0), shared, poses, 1e-3 * one, cost, one))[1:3]
