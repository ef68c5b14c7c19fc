"""dlx.image: RANSAC and what it fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image
from tests.image.test_transforms import AFFINE, HOMOGRAPHY, mapped
from tests.proof import configurations

KEY = jax.random.key(3)


def spoiled(rng, matrix, *, count=100, outliers=45, noise=0.5):
    """Pairs with noise and outliers, and the mask of the good ones."""
    source = rng.uniform(0, 640, (count, 2))
    target = mapped(matrix, source) + noise * rng.standard_normal((count, 2))
    good = np.ones(count, bool)
    good[rng.permutation(count)[:outliers]] = False
    target[~good] = rng.uniform(0, 640, (outliers, 2))
    return source.astype(np.float32), target.astype(np.float32), good


@pytest.mark.row(334)
@configurations()
def test_ransac_homography_and_affine_with_45_percent_outliers(rng):
    for matrix, run in ((HOMOGRAPHY, image.ransac_homography), (AFFINE, image.ransac_affine)):
        source, target, good = spoiled(rng, matrix)
        found = run(KEY, source, target)
        assert found.valid
        assert found.inliers[good].all()  # six standard deviations of noise
        assert found.inliers[~good].sum() <= 2  # 28 pixels^2 of 400,000 each
        # the mean of 55 pairs with half a pixel of noise, at the corners
        assert image.corner_error(found.model, jnp.asarray(matrix, jnp.float32), height=480, width=640) < 1


@pytest.mark.row(334)
def test_beside_scikit_image(rng):
    measure = pytest.importorskip("skimage.measure")
    transform = pytest.importorskip("skimage.transform")
    source, target, good = spoiled(rng, HOMOGRAPHY)
    model, inliers = measure.ransac(
        (source.astype(float), target.astype(float)), transform.ProjectiveTransform,
        min_samples=4, residual_threshold=3.0, max_trials=1024, rng=0,
    )  # fmt: skip
    found = image.ransac_homography(KEY, source, target)
    assert found.inliers.sum() >= inliers.sum() >= good.sum() - 1
    error = float(image.corner_error(jnp.asarray(model.params, jnp.float32), found.model, height=480, width=640))
    assert error < 0.5


@pytest.mark.row(334)
@pytest.mark.parametrize("residual", ["orthogonal", "vertical"])
def test_ransac_line_with_half_of_the_points_away(residual, rng):
    x = np.linspace(0, 100, 80)
    points = np.stack([x, 2 * x + 3], axis=1)
    points[::2] = rng.uniform(0, 200, (40, 2))
    found = image.ransac_line(KEY, points.astype(np.float32), residual=residual, threshold=0.5)
    assert found.valid
    assert found.inliers[1::2].all()
    # 2 x - y + 3 = 0 of unit normal with b > 0; a chance inlier may move it by its threshold
    np.testing.assert_allclose(found.model, np.array([-2, 1, -3]) / np.sqrt(5), atol=0.02)


@pytest.mark.row(334)
def test_line_distance_and_a_vertical_line(x64, rng):
    line = np.array([0.6, 0.8, -2.0])
    points = np.array([[1.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(image.line_distance(line, points), [0.6, 2.0])
    # y - f(x) with f(x) = (2 - 0.6 x) / 0.8
    np.testing.assert_allclose(image.line_distance(line, points, residual="vertical"), [0.75, 2.5])
    upright = np.stack([np.full(20, 7.0), np.arange(20.0)], axis=1)
    np.testing.assert_allclose(image.ransac_line(KEY, upright).model, [1, 0, -7], atol=1e-12)
    assert not image.ransac_line(KEY, upright, residual="vertical").valid


@pytest.mark.row(334)
def test_a_refit_is_the_least_squares_of_the_inliers(x64, rng):
    source, target, _ = spoiled(rng, AFFINE)
    found = image.ransac_affine(KEY, source.astype(float), target.astype(float))
    want = image.fit_affine(source.astype(float), target.astype(float), found.inliers)
    np.testing.assert_allclose(found.model, want.matrix, atol=1e-9)
    # of a line: the smallest principal axis
    points = rng.standard_normal((60, 2)) * np.array([[10, 0.1]]) + 4
    got = image.ransac_line(KEY, points, threshold=2.0)
    assert got.inliers.all()
    axis = np.linalg.svd(points - points.mean(0))[2][1]
    np.testing.assert_allclose(got.model[:2], axis * np.sign(axis[1]), atol=1e-10)


@pytest.mark.row(334)
def test_stops(rng):
    source, target, _ = spoiled(rng, AFFINE, outliers=10)
    every = image.ransac_affine(KEY, source, target, iterations=1000)
    assert every.iterations == 1024
    # with 90 of 100 inliers, log(0.01) / log(1 - 0.729) = 3.5 samples: the first batch
    early = image.ransac_affine(KEY, source, target, confidence=0.99)
    assert early.iterations == 64
    assert (early.inliers == every.inliers).all()
    line = np.stack([np.arange(50.0), np.arange(50.0)], axis=1).astype(np.float32)
    assert image.ransac_line(KEY, line, stop_inliers=30).iterations == 64


@pytest.mark.row(334)
def test_masked_degenerate_and_hopeless_data_are_flagged(rng):
    source, target, _ = spoiled(rng, HOMOGRAPHY)
    masked = image.ransac_homography(KEY, source, target, np.arange(100) < 60)
    assert masked.valid
    assert not masked.inliers[60:].any()
    assert np.isinf(masked.residuals[60:]).all()
    cases = [
        image.ransac_homography(KEY, source, target, np.arange(100) < 3),
        image.ransac_homography(KEY, source, target, min_inliers=90),
        image.ransac_homography(KEY, np.stack([source[:, 0], source[:, 0]], axis=1), target),
        image.ransac_affine(KEY, np.ones_like(source), target),
        image.ransac_affine(KEY, source * np.nan, target),
        image.ransac_line(KEY, np.ones((9, 2), np.float32)),
    ]
    for found in cases:
        assert not found.valid
        assert not found.inliers.any()
        assert np.isfinite(found.model).all()


@pytest.mark.row(334)
def test_samples_have_no_datum_twice():
    from dlx.image.ransac import _draw

    valid = np.array([True, False, True, True, False, True, True])
    samples = np.asarray(_draw(KEY, jnp.asarray(valid), 4, 4000))
    assert valid[samples].all()
    assert (np.diff(np.sort(samples, axis=1), axis=1) > 0).all()
    # every valid datum is in 4 of 5 samples; five standard deviations
    counts = np.bincount(samples.ravel(), minlength=7)[valid] / 4000
    np.testing.assert_allclose(counts, 0.8, atol=5 * np.sqrt(0.16 / 4000))


@pytest.mark.row(334)
def test_generic_ransac_takes_any_model_vmaps_and_differentiates(rng):
    values = np.concatenate([rng.uniform(4.9, 5.1, 30), rng.uniform(-50, 50, 20)]).astype(np.float32)

    def run(values):
        return image.ransac(
            KEY, values, fit=_value, residual=_away, refit=_mean, sample_size=1, threshold=0.3, iterations=64
        )

    found = run(values)
    inside = np.abs(values - found.model) <= 0.3
    assert (np.asarray(found.inliers) == inside).all()
    np.testing.assert_allclose(found.model, values[inside].mean(), rtol=1e-6)
    # the model is the mean of the inliers, and so is its derivative
    np.testing.assert_allclose(jax.grad(lambda v: run(v).model)(values), inside / inside.sum(), atol=1e-6)
    both = jax.vmap(run)(np.stack([values, values + 1]))
    np.testing.assert_allclose(both.model, [found.model, found.model + 1], rtol=1e-6)


def _value(sample):
    return sample[0], True


def _away(model, values):
    return jnp.abs(values - model)


def _mean(values, inliers):
    return jnp.sum(values * inliers) / jnp.sum(inliers), True


@pytest.mark.row(334)
def test_pairs_with_nan_never_vote(rng):
    source = rng.uniform(0, 640, (40, 2)).astype(np.float32)
    for matrix, run in ((HOMOGRAPHY, image.ransac_homography), (AFFINE, image.ransac_affine)):
        target = mapped(matrix, source).astype(np.float32)
        some = source.copy()
        some[:8, 0], target[8:16, 1] = np.nan, np.nan
        found = run(KEY, some, target, threshold=1.0)
        assert found.valid
        np.testing.assert_array_equal(found.inliers, np.arange(40) >= 16)
        np.testing.assert_array_equal(np.isnan(found.residuals), np.arange(40) < 16)
        assert image.corner_error(found.model, jnp.asarray(matrix, jnp.float32), height=480, width=640) < 0.1
        # nothing but NaN is no map, and says so
        none = run(KEY, np.full_like(source, np.nan), target)
        assert not none.valid
        assert not none.inliers.any()
        np.testing.assert_array_equal(none.model, np.eye(3))


@pytest.mark.row(334)
def test_points_with_nan_never_vote():
    x = np.linspace(0, 100, 40, dtype=np.float32)
    points = np.stack([x, 2 * x + 3], axis=1)
    points[::2, 1] = np.nan
    found = image.ransac_line(KEY, points, threshold=0.5)
    np.testing.assert_array_equal(found.inliers, np.arange(40) % 2 == 1)
    np.testing.assert_allclose(found.model, np.array([-2, 1, -3]) / np.sqrt(5), atol=1e-4)
