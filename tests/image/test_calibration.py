"""dlx.image: calibration from views of a plane."""

import os
from pathlib import Path

import jax
import numpy as np
import pytest

from dlx import image

INTRINSICS = np.array([[540, 0, 330], [0, 535, 245], [0, 0, 1.0]])
LENS = np.array([-0.25, 0.08, 1e-3, -5e-4, 0.02])


def board(rng, views=5, noise=0.0):
    """A board of 6x5 corners and its views."""
    x, y = np.meshgrid(np.arange(6.0), np.arange(5.0))
    target = np.stack([x.ravel(), y.ravel()], axis=1)
    points = np.column_stack([target, np.zeros(30)])
    seen, poses = [], []
    for _ in range(views):
        rotation = rng.uniform(-0.5, 0.5, 3)
        translation = np.array([-2.5, -2.0, 7.0]) + rng.uniform(-0.5, 0.5, 3)
        seen.append(image.project_distorted(points, INTRINSICS, LENS, rotation, translation))
        poses.append(np.concatenate([rotation, translation]))
    images = np.stack(seen)
    return target, images + noise * rng.standard_normal(images.shape), np.stack(poses)


@pytest.mark.row(343)
def test_calibrate_planar_recovers_an_exact_camera(x64, rng):
    target, images, poses = board(rng)
    found = image.calibrate_planar(target, images)
    assert found.valid
    assert found.error < 1e-8
    np.testing.assert_allclose(found.intrinsics, INTRINSICS, atol=1e-5)
    np.testing.assert_allclose(found.distortion, LENS, atol=1e-6)
    np.testing.assert_allclose(np.column_stack([found.rotations, found.translations]), poses, atol=1e-6)


@pytest.mark.row(343)
@pytest.mark.slow
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("distortion", ["full", "radial", "none"])
@pytest.mark.real_data
def test_thirteen_chessboards_beside_opencv(x64, side, distortion):
    cv2 = pytest.importorskip("cv2")
    files = sorted(Path(os.environ.get("DLX_DATA_DIR", "")).rglob("calibration/corners.npz"))
    if not files:
        pytest.skip("real data: DLX_DATA_DIR has no calibration/corners.npz")
    corners = np.load(files[0])
    world, seen = corners["object_points"], corners[side]
    flags = {"full": 0, "radial": cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K3}
    flags["none"] = flags["radial"] | cv2.CALIB_FIX_K1 | cv2.CALIB_FIX_K2
    error, intrinsics, lens, rotations, translations = cv2.calibrateCamera(
        [world.astype(np.float32)] * len(seen), list(seen.astype(np.float32)), (640, 480), None, None,
        flags=flags[distortion],
    )  # fmt: skip
    found = image.calibrate_planar(
        world[:, :2].astype(np.float32).astype(float), seen.astype(np.float32).astype(float), distortion=distortion
    )
    assert found.valid
    # one minimum of one sum of squares
    np.testing.assert_allclose(found.error, error, rtol=1e-6)
    np.testing.assert_allclose(found.intrinsics, intrinsics, atol=1e-3)
    np.testing.assert_allclose(found.distortion, lens.ravel()[:5], atol=1e-5)
    np.testing.assert_allclose(found.rotations, np.stack(rotations)[..., 0], atol=1e-5)
    np.testing.assert_allclose(found.translations, np.stack(translations)[..., 0], atol=1e-5)


@pytest.mark.row(343)
@pytest.mark.slow
def test_noise_float32_and_the_derivative(x64, rng):
    target, images, _ = board(rng)
    noisy = images + 0.3 * rng.standard_normal(images.shape)
    found = image.calibrate_planar(target, noisy)
    # 300 numbers with noise of 0.3 a coordinate, 39 of them fitted away
    expected = 0.3 * np.sqrt(2) * np.sqrt(261 / 300)
    assert abs(found.error / expected - 1) < 0.15
    low = image.calibrate_planar(target.astype(np.float32), noisy.astype(np.float32))
    assert low.intrinsics.dtype == np.float32
    np.testing.assert_allclose(low.error, found.error, rtol=1e-3)
    # where the residuals vanish the derivative is exact
    direction = rng.standard_normal(images.shape)
    _, slope = jax.jvp(lambda i: image.calibrate_planar(target, i).intrinsics, (images,), (direction,))
    ends = [image.calibrate_planar(target, images + s * 1e-4 * direction).intrinsics for s in (1, -1)]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-4, rtol=1e-3, atol=0.05)


@pytest.mark.row(343)
def test_views_that_do_not_determine_a_camera_are_flagged(x64, rng):
    target, images, _ = board(rng)
    assert not image.calibrate_planar(target, images[:1].repeat(5, axis=0)).valid
    line = np.column_stack([target[:, 0], target[:, 0]])
    assert not image.calibrate_planar(line, images).valid
