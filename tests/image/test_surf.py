"""dlx.image: SURF."""

import jax
import numpy as np
import pytest

from dlx import image
from tests.proof import check_gradients, check_transformations, configurations
from tests.reference import image_descriptors as reference

Y, X = np.mgrid[:60, :60].astype(np.float32)
MIDDLE = np.array([[29.5, 30.0]], np.float32)
TWO = np.array([2.0], np.float32)


@pytest.mark.row(335)
@pytest.mark.erratum("E80")
def test_flat_stripes_and_ramp(rng):
    def sums(patch):
        return np.asarray(image.haar_descriptor(patch)).reshape(16, 4)

    assert (sums(np.full((16, 16), 0.7, np.float32)) == 0).all()
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (16, 8))
    # three steps up, down, up in each of four rows of a cell
    np.testing.assert_array_equal(sums(stripes), np.tile([4, 0, 12, 0], (16, 1)))
    np.testing.assert_array_equal(sums(stripes.T), np.tile([0, 4, 0, 12], (16, 1)))
    np.testing.assert_array_equal(sums(X[:16, :16]), np.tile([12, 0, 12, 0], (16, 1)))
    patch = rng.random((17, 19)).astype(np.float32)
    np.testing.assert_allclose(
        image.haar_descriptor(patch, cells=3), reference.haar_descriptor(patch.astype(float), 3), atol=1e-5
    )


@pytest.mark.row(335)
@pytest.mark.erratum("E80")
def test_surf_descriptor_of_flat_stripes_and_ramp():
    describe = jax.jit(image.surf_descriptor)

    def cells(picture):
        return np.asarray(describe(picture, MIDDLE, TWO)).reshape(16, 4)

    assert (cells(np.full((60, 60), 0.7, np.float32)) == 0).all()
    # the wavelets lie on the edges of stripes as wide as their halves, rising and falling in turn: of five, one is left
    stripes = cells(((X + 1) // 2 % 2).astype(np.float32))
    assert (stripes[:, 2] > 2 * np.abs(stripes[:, 0])).all()
    np.testing.assert_allclose(stripes[:, [1, 3]], 0, atol=1e-5)
    ramp = cells(X / 60)
    # equal responses everywhere: the Gaussian's weights of each cell are what is left
    side = np.exp(-((np.arange(20) - 9.5) ** 2) / (2 * 3.3**2)).reshape(4, 5).sum(1)
    weights = np.outer(side, side).ravel() / (np.sqrt(2) * (side**2).sum())
    np.testing.assert_allclose(ramp[:, 0], weights, atol=1e-4)
    np.testing.assert_allclose(ramp[:, 2], weights, atol=1e-4)
    np.testing.assert_allclose(ramp[:, [1, 3]], 0, atol=1e-4)


@pytest.mark.row(335)
@pytest.mark.gap("U12")
@configurations(1, 4)
def test_surf_descriptor_is_the_reference(x64, rng):
    picture = rng.random((60, 60))
    angle, point, scale = 0.7, np.array([[28.3, 31.6]]), np.array([1.9])
    got = jax.jit(image.surf_descriptor)(picture, point, scale, np.array([angle]))
    np.testing.assert_allclose(got[0], reference.surf_descriptor(picture, *point[0], scale[0], angle), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(got[0]), 1)
    wavelets = image.haar_responses(picture, point, np.array([5.3]))
    np.testing.assert_allclose(wavelets[0], reference.haar(picture, *point[0], 5.3), atol=1e-12)


@pytest.mark.row(335)
@pytest.mark.gap("U12")
def test_surf_orientation_and_descriptor_follow_a_quarter_turn(rng):
    picture = np.asarray(image.gaussian_filter(rng.random((61, 61)).astype(np.float32), sigma=2.0))
    middle = np.array([[30.0, 30.0]], np.float32)
    orient = jax.jit(image.surf_orientation)
    before, after = orient(picture, middle, TWO), orient(np.rot90(picture, -1).copy(), middle, TWO)
    # a quarter turn clockwise on the screen takes +x to +y
    assert abs((after - before - np.pi / 2 + np.pi) % (2 * np.pi) - np.pi)[0] < 1e-3
    describe = jax.jit(image.surf_descriptor)
    first = describe(picture, middle, TWO, before)
    np.testing.assert_allclose(describe(np.rot90(picture, -1).copy(), middle, TWO, after), first, atol=2e-3)
    assert np.linalg.norm(describe(np.rot90(picture, -1).copy(), middle, TWO) - first) > 0.3
    for angle in (0.0, 1.0, 3.0, 5.0):
        ramp = np.cos(angle) * X + np.sin(angle) * Y
        np.testing.assert_allclose(orient(ramp[:60, :60].astype(np.float32), MIDDLE, TWO), angle, atol=1e-3)
    assert orient(np.ones((60, 60), np.float32), MIDDLE, TWO)[0] == 0


@pytest.mark.row(335)
@pytest.mark.gap("U12")
def test_hessian_response_is_the_reference(x64, rng):
    picture = rng.random((60, 60))
    for size in (9, 27):
        got = image.hessian_response(picture, size=size)
        want = [reference.hessian(picture, size, x, y) for x, y in ((30, 30), (20, 41), (17, 16))]
        np.testing.assert_allclose([got[30, 30], got[41, 20], got[16, 17]], want, atol=1e-12)


@pytest.mark.row(335)
@pytest.mark.gap("U12")
def test_surf_keypoints_find_blobs_in_place_and_scale():
    y, x = np.mgrid[:160, :220]
    blobs = [(40.3, 60.6, 3.0), (100.7, 80.2, 5.0), (165.4, 78.5, 7.0)]
    picture = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * s * s)) for a, b, s in blobs).astype(np.float32)
    found = jax.jit(lambda i: image.surf_keypoints(i, count=8, threshold=5e-3))(picture)
    assert found.valid.sum() >= 3
    factors = []
    for a, b, s in blobs:
        near = np.hypot(*(np.asarray(found.xy) - np.array([[a, b]])).T)
        best = int(np.argmin(np.where(found.valid, near, np.inf)))
        assert near[best] < 0.1 + 0.02 * s
        factors.append(float(found.scale[best]) / s)
    # boxes answer most to a Gaussian blob at some fixed part of its size: layers are up to a factor of 1.4 apart
    assert max(factors) / min(factors) < 1.15
    flat = image.surf_keypoints(np.full((120, 120), 0.4, np.float32), count=5)
    assert not flat.valid.any()


@pytest.mark.row(335)
@pytest.mark.gap("U12")
@pytest.mark.slow
def test_surf_matches_a_turned_photograph():
    data = pytest.importorskip("skimage.data")
    picture = data.camera()[100:300, 150:350].astype(np.float32) / 255
    turned = np.rot90(picture, -1).copy()
    detect = jax.jit(lambda i: image.surf_keypoints(i, count=60, octaves=2))
    first, second = detect(picture), detect(turned)
    describe = jax.jit(image.surf_descriptor)
    matches = image.match_descriptors(
        describe(picture, first.xy, first.scale, first.angle), describe(turned, second.xy, second.scale, second.angle),
        first.valid, second.valid, mutual=True, ratio=0.8,
    )  # fmt: skip
    kept = np.flatnonzero(matches.valid)
    # (x, y) goes to (199 - y, x)
    x, y = np.asarray(first.xy)[kept].T
    error = np.hypot(*(np.asarray(second.xy)[matches.partner[kept]] - np.stack([199 - y, x], axis=1)).T)
    assert len(kept) >= 0.8 * first.valid.sum()
    assert (error < 1).mean() > 0.95


@pytest.mark.row(335)
@pytest.mark.slow
def test_surf_differentiates_and_vmaps(rng):
    picture = rng.random((24, 24))
    point, scale, angle = np.array([[11.3, 12.2]]), np.array([0.9]), np.array([0.4])
    check_transformations(
        image.surf_descriptor, [picture, point, scale, angle], kind="contraction", another=lambda a: 0.9 * a
    )
    check_gradients(image.haar_responses, [picture, point, np.array([5.1])], [0, 1, 2], modes=["rev"])
