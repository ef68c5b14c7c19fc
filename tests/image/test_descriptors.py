"""dlx.image: simple descriptors of points."""

import jax
import numpy as np
import pytest

from dlx import image
from tests.proof import check_gradients, configurations

POINTS = np.array([[20.0, 15.0], [12.0, 22.0], [30.0, 18.0]], np.float32)


@pytest.mark.row(328)
@configurations()
def test_a_shift_is_found_again_by_every_descriptor(rng):
    picture = np.asarray(image.gaussian_filter(rng.random((48, 56)).astype(np.float32), sigma=1.0))
    shifted = np.roll(picture, (3, 5), (0, 1))
    moved = POINTS + np.array([[5, 3]], np.float32)
    for describe in (
        image.pixel_descriptor,
        lambda i, p: image.patch_descriptor(i, p, size=9),
        lambda i, p: image.intensity_histogram(i, p, size=9),
        lambda i, p: image.orientation_histogram(i, p, size=9),
    ):
        first, second = describe(picture, POINTS), describe(shifted, moved)
        np.testing.assert_allclose(first, second, atol=1e-6)
        assert (image.match_descriptors(first, second).partner == np.arange(3)).all()


@pytest.mark.row(328)
def test_patch_and_pixel_descriptor(rng):
    picture = rng.random((40, 40)).astype(np.float32)
    patches = image.patch_descriptor(picture, POINTS, size=5, normalise=False)
    np.testing.assert_array_equal(patches[0], picture[13:18, 18:23].ravel())
    np.testing.assert_array_equal(image.pixel_descriptor(picture, POINTS)[:, 0], picture[[15, 22, 18], [20, 12, 30]])
    normal = image.patch_descriptor(picture, POINTS, size=5)
    centred = patches - np.mean(patches, axis=1, keepdims=True)
    np.testing.assert_allclose(normal, centred / np.linalg.norm(centred, axis=1, keepdims=True), atol=1e-6)
    # brightness and contrast do not matter
    np.testing.assert_allclose(image.patch_descriptor(0.3 * picture + 0.2, POINTS, size=5), normal, atol=1e-5)
    assert (image.patch_descriptor(np.full((9, 9), 0.1, np.float32), POINTS[:1] * 0 + 4, size=5) == 0).all()


@pytest.mark.row(328)
def test_intensity_histogram_is_that_of_numpy(rng):
    picture = rng.random((40, 40)).astype(np.float32)
    got = image.intensity_histogram(picture, POINTS, size=7, bins=10)
    want = np.histogram(picture[12:19, 17:24], bins=10, range=(0, 1))[0] / 49
    np.testing.assert_allclose(got[0], want, atol=1e-6)
    soft = image.intensity_histogram(picture, POINTS, size=7, bins=10, soft=True)
    np.testing.assert_allclose(np.sum(soft, axis=1), 1, rtol=1e-6)
    # 0.3 lies half way between the centres 0.25 and 0.35 of bins 2 and 3
    half = image.intensity_histogram(np.full((9, 9), 0.3, np.float32), POINTS[:1] * 0 + 4, size=7, bins=10, soft=True)
    np.testing.assert_allclose(half[0], 0.5 * (np.eye(10)[2] + np.eye(10)[3]), atol=1e-6)


@pytest.mark.row(328)
def test_orientation_histogram_of_ramps_and_of_a_quarter_turn(rng):
    y, x = np.mgrid[:25, :25]
    middle = np.array([[12.0, 12.0]], np.float32)
    for k in range(8):
        ramp = (np.cos(np.pi * k / 4) * x + np.sin(np.pi * k / 4) * y).astype(np.float32)
        got = image.orientation_histogram(ramp, middle, size=9)
        np.testing.assert_allclose(got[0], np.eye(8)[k], atol=1e-4)
    # half way between two directions
    between = (np.cos(np.pi / 8) * x + np.sin(np.pi / 8) * y).astype(np.float32)
    np.testing.assert_allclose(
        image.orientation_histogram(between, middle, size=9)[0, :2], np.sqrt([0.5, 0.5]), atol=1e-4
    )
    picture = rng.random((25, 25)).astype(np.float32)
    first, turned = (image.orientation_histogram(p, middle) for p in (picture, np.rot90(picture, -1).copy()))
    np.testing.assert_allclose(turned[0], np.roll(first[0], 2), atol=1e-5)
    assert (image.orientation_histogram(np.ones((25, 25), np.float32), middle) == 0).all()


@pytest.mark.row(328)
def test_descriptors_jit_vmap_and_differentiate(rng):
    pictures = rng.random((2, 20, 20)).astype(np.float32)
    points = np.array([[9.3, 8.6]], np.float32)

    def describe(picture):
        return image.orientation_histogram(picture, points, size=5)

    both = jax.jit(jax.vmap(describe))(pictures)
    np.testing.assert_allclose(both, [describe(p) for p in pictures], atol=1e-6)
    for function in (describe, lambda p: image.patch_descriptor(p, points, size=5)):
        check_gradients(function, [pictures[0].astype(float)], [0], modes=["rev"])
    assert np.isfinite(jax.grad(lambda p: describe(p).sum())(0 * pictures[0])).all()


@pytest.mark.row(328)
def test_inside_image():
    points = np.array([[0.0, 0], [9, 7], [9.1, 7], [2, 2], [np.nan, 1]], np.float32)
    assert image.inside_image(points, height=8, width=10).tolist() == [True, True, False, True, False]
    assert image.inside_image(points, height=8, width=10, margin=2).tolist() == [False, False, False, True, False]
