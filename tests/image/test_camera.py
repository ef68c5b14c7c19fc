"""dlx.image: the camera matrix, its calibration and decomposition, lens distortion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image
from tests.proof import check_gradients, configurations
from tests.reference import image_descriptors as reference

INTRINSICS = np.array([[800, 2, 320], [0, 780, 240], [0, 0, 1.0]])
VECTOR, TRANSLATION = np.array([0.3, -0.2, 0.5]), np.array([0.1, -0.2, 5.0])
LENS = np.array([-0.27, 0.05, 1.5e-3, -8e-4, 0.01])


def camera():
    rotation = np.asarray(image.rotation_matrix(VECTOR))
    return np.asarray(image.camera_matrix(INTRINSICS, rotation, TRANSLATION)), rotation


@pytest.mark.row(343)
@pytest.mark.erratum("E85")
@pytest.mark.gap("U27")
@configurations()
def test_the_camera_is_recovered_from_exact_points(x64, rng):
    matrix, rotation = camera()
    world = rng.uniform(-1, 1, (12, 3))
    seen = np.asarray(image.project_points(matrix, world))
    for normalise in (True, False):
        found = jax.jit(lambda w, s, n=normalise: image.calibrate_camera(w, s, normalise=n))(world, seen)
        assert found.valid
        # up to scale
        np.testing.assert_allclose(found.matrix, matrix / np.linalg.norm(matrix), atol=1e-9)
        np.testing.assert_allclose(image.project_points(found.matrix, world), seen, atol=1e-6)
    # the null vector of P, by NumPy
    null = np.linalg.svd(matrix)[2][-1]
    np.testing.assert_allclose(image.camera_center(-3 * matrix), null * np.sign(null[3]), atol=1e-12)
    for scale in (1.0, -0.01):
        parts = image.decompose_camera(scale * found.matrix)
        assert parts.valid
        np.testing.assert_allclose(parts.intrinsics, INTRINSICS, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(parts.rotation, rotation, atol=1e-8)
        np.testing.assert_allclose(parts.translation, TRANSLATION, atol=1e-7)
        np.testing.assert_allclose(parts.center, -rotation.T @ TRANSLATION, atol=1e-7)


@pytest.mark.row(343)
def test_calibrate_camera_is_the_plain_direct_linear_transform(x64, rng):
    matrix, _ = camera()
    world = rng.uniform(-1, 1, (30, 3))
    exact = np.asarray(image.project_points(matrix, world))
    seen = exact + 0.5 * rng.standard_normal((30, 2))
    plain = image.calibrate_camera(world, seen, normalise=False)
    np.testing.assert_allclose(plain.matrix, reference.camera(world, seen), atol=1e-8)
    # about the noise's level: 11 of 60 parameters are fitted to it
    found = image.calibrate_camera(world, seen)
    error = np.sqrt(np.mean((image.project_points(found.matrix, world) - seen) ** 2))
    assert 0.35 < error < 0.6
    # a mask leaves points out, whatever they hold
    spoiled = seen.copy()
    spoiled[20:] = np.nan
    np.testing.assert_allclose(
        image.calibrate_camera(world, spoiled, np.arange(30) < 20).matrix,
        image.calibrate_camera(world[:20], seen[:20]).matrix,
        atol=1e-10,
    )


@pytest.mark.row(343)
def test_decomposition_beside_opencv(x64, rng):
    cv2 = pytest.importorskip("cv2")
    matrix, _ = camera()
    intrinsics, rotation, place, *_ = cv2.decomposeProjectionMatrix(matrix)
    parts = image.decompose_camera(matrix)
    np.testing.assert_allclose(parts.intrinsics, intrinsics / intrinsics[2, 2], atol=1e-9)
    np.testing.assert_allclose(parts.rotation, rotation, atol=1e-12)
    np.testing.assert_allclose(parts.center, (place[:3] / place[3])[:, 0], atol=1e-12)


@pytest.mark.row(343)
def test_degenerate_points_and_matrices_are_flagged(rng):
    matrix = camera()[0].astype(np.float32)
    world = rng.uniform(-1, 1, (12, 3)).astype(np.float32)
    plane = world.copy()
    plane[:, 2] = 0.5 * plane[:, 0] + 1
    for points, weights in ((plane, None), (world[:1].repeat(12, axis=0), None), (world, np.arange(12) < 5)):
        found = image.calibrate_camera(points, image.project_points(matrix, points), weights)
        assert not found.valid
        assert (found.matrix == 0).all()
    # an affine camera has no centre at a finite place
    affine = np.array([[1, 0, 0, 2], [0, 1, 0, 3], [0, 0, 0, 1]], np.float32)
    parts = image.decompose_camera(affine)
    assert not parts.valid
    assert all(np.isfinite(field).all() for field in parts)
    np.testing.assert_allclose(np.abs(image.camera_center(affine)), [0, 0, 1, 0], atol=1e-7)
    assert np.isinf(image.project_points(np.eye(3, 4, dtype=np.float32), np.zeros((1, 3), np.float32))).all()


@pytest.mark.row(343)
def test_camera_functions_differentiate(rng):
    matrix, _ = camera()
    world = rng.uniform(-1, 1, (8, 3))
    seen = np.asarray(image.project_points(matrix, world), float) + rng.standard_normal((8, 2))
    check_gradients(lambda w, s: image.calibrate_camera(w, 0.01 * s).matrix, [world, seen], [0, 1], modes=["rev"])
    small = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    check_gradients(lambda m: image.decompose_camera(m)[:4], [small], [0], modes=["rev"])


@pytest.mark.row(343)
@pytest.mark.parametrize("length", [0.0, 1e-6, 0.009, 0.011, 2.0, 3.1])
def test_rotation_matrix_and_rotation_vector(x64, length, rng):
    cv2 = pytest.importorskip("cv2")
    axis = rng.standard_normal(3)
    vector = length * axis / np.linalg.norm(axis)
    got = image.rotation_matrix(vector)
    np.testing.assert_allclose(got, cv2.Rodrigues(vector)[0], atol=1e-13)
    np.testing.assert_allclose(image.rotation_vector(got), vector, atol=1e-12)
    if length == 0:
        # the generators of the rotations
        slope = np.asarray(jax.jacfwd(image.rotation_matrix)(jnp.zeros(3)))
        assert slope[2, 1, 0] == slope[0, 2, 1] == slope[1, 0, 2] == 1
        assert np.isfinite(jax.jacrev(image.rotation_vector)(jnp.eye(3))).all()


@pytest.mark.row(343)
def test_a_half_turn_has_a_vector():
    for axis in range(3):
        turn = 2 * np.diag(np.eye(3)[axis]) - np.eye(3)
        np.testing.assert_allclose(np.abs(image.rotation_vector(turn.astype(np.float32))), np.pi * np.eye(3)[axis])


@pytest.mark.row(343)
def test_distort_points_undistort_points_and_project_distorted_beside_opencv(x64, rng):
    cv2 = pytest.importorskip("cv2")
    world = rng.uniform(-1, 1, (20, 3))
    upright = INTRINSICS * (1 - np.eye(3)[0][:, None] * np.eye(3)[1][None])  # OpenCV has no skew
    want = cv2.projectPoints(world, VECTOR, TRANSLATION, upright, LENS)[0][:, 0]
    got = image.project_distorted(world, upright, LENS, VECTOR, TRANSLATION)
    np.testing.assert_allclose(got, want, atol=1e-10)
    undistorted = jax.jit(image.undistort_points)(got, upright, LENS)
    ideal = image.project_points(image.camera_matrix(upright, image.rotation_matrix(VECTOR), TRANSLATION), world)
    np.testing.assert_allclose(undistorted, ideal, atol=1e-9)
    np.testing.assert_allclose(cv2.undistortPoints(want[:, None], upright, LENS, P=upright)[:, 0], ideal, atol=0.1)
    normal = rng.uniform(-0.3, 0.3, (5, 2))
    again = image.undistort_points(image.distort_points(normal, LENS), np.eye(3), LENS)
    np.testing.assert_allclose(again, normal, atol=1e-13)


@pytest.mark.row(343)
def test_points_behind_the_camera_are_told_by_their_depth(x64, rng):
    matrix, rotation = camera()
    before = np.array([2.0, 0.5, 0.0, -0.5, -3.0])  # Z of the points as the camera has them
    world = (np.stack([rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 5), before], 1) - TRANSLATION) @ rotation
    for scaled in (matrix, -0.2 * matrix):
        block = scaled[:, :3]
        # the formula of the docstring
        depth = np.sign(np.linalg.det(block)) * (world @ scaled[2, :3] + scaled[2, 3]) / np.linalg.norm(block[2])
        np.testing.assert_allclose(depth, before, atol=1e-12)
    np.testing.assert_allclose(world @ matrix[2, :3] + matrix[2, 3], before, atol=1e-12)
    seen = image.project_points(matrix, world)
    # x = K X / Z, whatever the sign of Z
    ends = (world @ rotation.T + TRANSLATION) @ INTRINSICS.T
    kept = before != 0
    np.testing.assert_allclose(seen[kept], ends[kept, :2] / before[kept, None], rtol=1e-9)
    # in the plane through the centre: exactly, for numbers without rounding
    flat = np.eye(3, 4)
    assert np.isinf(image.project_points(flat, np.array([[1.0, 2.0, 0.0]]))).all()
