"""dlx.image: affine maps and homographies of the plane."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image
from tests.proof import check_gradients, check_transformations, configurations
from tests.reference import image_descriptors as reference
from tests.tolerances import assert_close

AFFINE = np.array([[0.9, 0.2, 12.0], [-0.3, 1.1, -7.0], [0, 0, 1]])
HOMOGRAPHY = np.array([[0.9, 0.1, 20], [-0.05, 1.1, -10], [2e-4, -1e-4, 1]])
SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def mapped(matrix, points):
    ends = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return ends[:, :2] / ends[:, 2:]


def pairs(rng, matrix=HOMOGRAPHY, count=20, noise=0.0):
    source = rng.uniform(0, 640, (count, 2))
    return source, mapped(matrix, source) + noise * rng.standard_normal((count, 2))


@pytest.mark.row(333)
@configurations()
def test_affine_is_the_least_squares_solution(x64, rng):
    source, target = pairs(rng, AFFINE, noise=3.0)
    weights = rng.uniform(0.1, 2, len(source))
    fitted = jax.jit(image.fit_affine)(source, target, weights)
    assert fitted.valid
    # pixels of a few hundred
    assert_close(fitted.matrix, reference.affine(source, target, weights), kind="contraction", factor=10)
    exact = jax.jit(image.fit_affine)(*pairs(rng, AFFINE), np.ones(20))
    assert_close(exact.matrix, AFFINE, kind="contraction", factor=10)


@pytest.mark.row(333)
def test_affine_and_homography_beside_scikit_image(x64, rng):
    transform = pytest.importorskip("skimage.transform")
    # its affine fit is a total least-squares one: the same without noise only
    for kind, fit, matrix, noise in (
        ("affine", image.fit_affine, AFFINE, 0.0),
        ("projective", image.fit_homography, HOMOGRAPHY, 1.0),
    ):
        source, target = pairs(rng, matrix, noise=noise)
        want = transform.estimate_transform(kind, source, target).params
        got = jax.jit(fit)(source, target).matrix
        # of a least-squares problem with the square root of its rounding; measured 1e-13 of pixels
        np.testing.assert_allclose(mapped(np.asarray(got), source), mapped(want, source), rtol=0, atol=1e-9)


@pytest.mark.row(333)
def test_homography_beside_opencv(x64, rng):
    cv2 = pytest.importorskip("cv2")
    source, target = pairs(rng, count=4)
    want = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    rounded = source.astype(np.float32).astype(float), target.astype(np.float32).astype(float)
    got = image.fit_homography(*rounded).matrix
    # OpenCV solves eight equations in pixels, with a condition of 1e8; ours meets the points
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(mapped(np.asarray(got), rounded[0]), rounded[1], atol=1e-9)


@pytest.mark.row(333)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_exact_pairs_are_recovered(dtype, rng):
    source, target = pairs(rng)
    with jax.enable_x64(dtype == "float64"):
        fitted = image.fit_homography(source.astype(dtype), target.astype(dtype))
        plain = image.fit_homography(source.astype(dtype), target.astype(dtype), normalise=False)
        wanted = jnp.asarray(HOMOGRAPHY, dtype)
        error = [float(image.corner_error(f.matrix, wanted, height=480, width=640)) for f in (fitted, plain)]
    assert fitted.matrix.dtype == dtype
    assert fitted.valid
    assert error[0] < (1e-10 if dtype == "float64" else 1e-2)
    assert error[1] > error[0]  # what the normalisation is for


@pytest.mark.row(333)
def test_four_pairs_determine_a_homography(x64, rng):
    source, target = pairs(rng, count=4)
    np.testing.assert_allclose(image.fit_homography(source, target).matrix, HOMOGRAPHY, rtol=1e-8, atol=1e-8)
    through_infinity = np.array([[1.0, 0, 1], [0, 1, 0], [1, 0, 0]])  # the origin itself goes to infinity
    points = np.array([[1.0, 1], [2, 1], [2, 3], [1, 4], [3, 2]])
    got = image.fit_homography(points, mapped(through_infinity, points))
    assert got.valid
    np.testing.assert_allclose(image.apply_transform(got.matrix, points), mapped(through_infinity, points), atol=1e-9)


@pytest.mark.row(333)
def test_degenerate_points_are_flagged_and_nothing_is_nan(rng):
    line = np.stack([np.arange(8.0), 3 * np.arange(8.0) + 1], axis=1).astype(np.float32)
    good = rng.uniform(0, 9, (8, 2)).astype(np.float32)
    for fit, least in ((image.fit_affine, 3), (image.fit_homography, 4)):
        fit = jax.jit(fit)
        for source, target, weights in [
            (line, line, None),
            (line, good, None),
            (np.ones_like(line), good, None),
            (good, good, np.arange(8) < least - 1),
            (np.full_like(good, np.nan), good, None),
        ]:
            got = fit(source, target, weights)
            assert not got.valid
            assert_close(got.matrix, np.eye(3), dtype=np.float32)
    # what has no weight may hold anything
    garbage = good.copy()
    garbage[6:] = np.nan
    assert image.fit_affine(garbage, good, np.arange(8) < 6).valid


@pytest.mark.row(333)
def test_transforms_differentiate_jit_and_vmap(rng):
    source, target = rng.uniform(0, 1, (5, 2)), rng.uniform(0, 1, (5, 2)) * 0.1
    target = source + target
    check_gradients(lambda s, t: image.fit_affine(s, t).matrix, [source, target], [0, 1], modes=["rev"])
    check_gradients(lambda s, t: image.fit_homography(s, t).matrix, [source, target], [0, 1], modes=["rev"])
    check_transformations(
        lambda s, t: image.fit_homography(s, t).matrix, [source, target], kind="contraction", another=lambda a: a + 0.5
    )
    # equal singular values, at which the derivative of an SVD is NaN
    check_gradients(lambda t: image.fit_homography(SQUARE, t).matrix, [SQUARE + 0.1], [0], modes=["rev"])


@pytest.mark.row(333)
def test_apply_transform_invert_transform_and_transfer_distance(x64, rng):
    source, target = pairs(rng)
    assert_close(image.apply_transform(HOMOGRAPHY, source), target)
    inverse = image.invert_transform(HOMOGRAPHY)
    assert inverse.valid
    want = np.linalg.inv(HOMOGRAPHY)
    assert_close(inverse.matrix, want / want[2, 2], factor=100)
    assert not image.invert_transform(np.ones((3, 3))).valid
    distance = image.transfer_distance(HOMOGRAPHY, source, target + np.array([[3.0, 4.0]]))
    assert_close(distance, np.full(20, 5.0), factor=100)
    slope = jax.grad(lambda t: jnp.sum(image.transfer_distance(np.eye(3), t, SQUARE)))(SQUARE)
    assert (slope == 0).all()
    vanishing = np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0]])
    assert np.isinf(image.apply_transform(vanishing, np.zeros((1, 2)))).all()


@pytest.mark.row(333)
def test_corner_error_of_a_shift_is_its_length(x64):
    shift = np.array([[1.0, 0, 3], [0, 1, 4], [0, 0, 1]])
    assert_close(image.corner_error(shift, np.eye(3), height=10, width=20), 5.0)
