"""dlx.image: bilinear samples, warping, resizing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dlx import image as images
from tests.image.scenes import brightness, grid
from tests.proof import configurations, prove
from tests.reference import optical_flow as reference
from tests.tolerances import assert_close

HOMOGRAPHY = np.array([[0.9, 0.15, 0.4], [-0.1, 1.1, 0.3], [0.004, 0.006, 1.0]])


def generic(rng, shape, low, high):
    """Points away from the grid lines, where the derivative jumps."""
    return rng.integers(low, high, shape) + rng.uniform(0.05, 0.95, shape)


@pytest.mark.row(339, 340, function="dlx.image.bilinear_sample", references="scipy")
@pytest.mark.parametrize("mode", ["nearest", pytest.param("constant", marks=pytest.mark.slow)])
@configurations(1)
def test_bilinear_sample(rng, mode):
    image, points = rng.random((6, 7)), generic(rng, (2, 5, 2), -3, 9)

    def loop(image, points):
        values = [reference.bilinear(image, x, y, mode, 0.25) for x, y in points.reshape(-1, 2)]
        return np.array(values).reshape(points.shape[:-1])

    prove(
        lambda image, points: images.bilinear_sample(image, points, mode=mode, fill=0.25),
        [image, points], reference=loop, dtypes=("float64", "float32"), another=lambda array: array + 0.01,
    )  # fmt: skip


def test_bilinear_sample_against_scipy(x64, rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    image, points = rng.random((6, 7)), rng.uniform(-3, 9, (50, 2))
    for mode, name in (("nearest", "nearest"), ("constant", "grid-constant")):
        want = ndimage.map_coordinates(image, [points[:, 1], points[:, 0]], order=1, mode=name, cval=0.25)
        assert_close(images.bilinear_sample(image, points, mode=mode, fill=0.25), want)


def test_bilinear_sample_in_low_precision_and_bytes(rng):
    image, points = rng.integers(0, 256, (6, 7), np.uint8), rng.uniform(0, 5, (9, 2)).astype(np.float32)
    got = images.bilinear_sample(image, points)
    assert got.dtype == jnp.float32
    want = images.bilinear_sample(image.astype(np.float32) / 255, points)
    assert_close(got, want)
    low = images.bilinear_sample(jnp.asarray(image / 255, jnp.bfloat16), points)
    assert low.dtype == jnp.bfloat16
    assert_close(low, want)


def test_derivatives_on_the_grid_are_those_of_the_cell_to_the_right(x64, rng):
    image = rng.random((4, 5))

    def slope(x, y):
        return jax.grad(lambda x: images.bilinear_sample(image, jnp.stack([x, jnp.float64(y)])))(jnp.float64(x))

    assert_close(slope(0, 1), image[1, 1] - image[1, 0])
    assert_close(slope(2, 3), image[3, 3] - image[3, 2])
    assert_close(slope(4, 2), image[2, 4] - image[2, 3])  # the last column
    assert slope(4.5, 2) == 0


def test_a_point_that_is_not_a_number_gives_nan(rng):
    points = np.array([[np.nan, 1], [1, np.nan], [1, 1]], np.float32)
    got = images.bilinear_sample(rng.random((4, 5), np.float32), points)
    assert np.isnan(got).tolist() == [True, True, False]


def test_images_of_one_pixel_or_one_row():
    assert images.bilinear_sample(np.full((1, 1), 0.3, np.float32), np.array([0.2, -0.4], np.float32)) == np.float32(
        0.3
    )
    got = images.bilinear_sample(np.array([[0.0, 1.0]], np.float32), np.array([0.25, 0.5], np.float32))
    assert_close(got, np.float32(0.25))


@pytest.mark.row(340, function="dlx.image.warp", references="opencv")
@configurations(1)
def test_warp_by_a_flow(rng):
    image, flow = rng.random((5, 6)), generic(rng, (5, 6, 2), -2, 2)

    def loop(image, flow):
        out = np.zeros(flow.shape[:2])
        for j, i in np.ndindex(*out.shape):
            out[j, i] = reference.bilinear(image, i + flow[j, i, 0], j + flow[j, i, 1])
        return out

    prove(images.warp, [image, flow], reference=loop, dtypes=("float64", "float32"), another=lambda a: a + 0.01)


def between_pixels(rng, shape):
    """A homography that sends no pixel so near to a grid line, where the derivative jumps, that a step crosses it."""
    x, y = (axis.ravel() for axis in grid(shape))
    while True:
        homography = HOMOGRAPHY + 0.01 * rng.uniform(-1, 1, (3, 3))
        a, b, c = homography @ np.stack([x, y, np.ones_like(x)])
        places = np.stack([a, b]) / c
        if np.abs(places - np.round(places)).min() > 2e-3:
            return homography


def test_warp_undoes_a_shift(x64):
    x, y = grid((20, 24))
    flow = np.broadcast_to([1.0, -2.0], (20, 24, 2))
    second = brightness(x - 1, y + 2)
    got = images.warp(second, flow)
    assert_close(got[3:-3, 3:-3], brightness(x, y)[3:-3, 3:-3])


@pytest.mark.row(335, function="dlx.image.warp", references="opencv")
@configurations(1)
def test_warp_by_a_homography(rng):
    image, homography = rng.random((5, 6)), between_pixels(rng, (4, 7))

    def loop(image, homography):
        out = np.zeros((4, 7))
        for j, i in np.ndindex(*out.shape):
            a, b, c = homography @ [i, j, 1]
            out[j, i] = reference.bilinear(image, a / c, b / c, "constant", 0.5)
        return out

    def warped(image, homography):
        return images.warp(image, homography, shape=(4, 7), mode="constant", fill=0.5)

    prove(
        warped, [image, homography], reference=loop, dtypes=("float64",), gradients=(),
        another=lambda array: 0.99 * array,
    )  # fmt: skip
    with jax.enable_x64(True):
        # the last row moves a pixel by its coordinates squared: the third derivative leaves 1e-6 of the slope
        check_grads(jax.jit(warped), [image, homography], 1, atol=2e-5, rtol=2e-5, eps=1e-5)


def test_warp_against_opencv(rng):
    cv2 = pytest.importorskip("cv2")
    x, y = grid((30, 40))
    image = brightness(x, y).astype(np.float32)
    matrix = HOMOGRAPHY.astype(np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    want = cv2.warpPerspective(image, matrix, (40, 30), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0.5)
    # OpenCV may round the fraction to 1/32 of a pixel, on slopes below 0.2
    np.testing.assert_allclose(images.warp(image, matrix, mode="constant", fill=0.5), want, atol=0.2 / 32)


def test_a_point_at_infinity_lies_outside():
    matrix = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 2]], np.float32)  # the column 2 goes to infinity
    got = images.warp(np.ones((4, 4), np.float32), matrix, mode="constant", fill=0.25)
    assert np.isfinite(got).all()
    assert (got[:, 2] == 0.25).all()
    slope = jax.jit(jax.grad(lambda m: images.warp(np.ones((4, 4), np.float32), m).sum()))(jnp.asarray(matrix))
    assert np.isfinite(slope).all()


@pytest.mark.row(340, function="dlx.image.resize_bilinear", references="opencv, torch")
@pytest.mark.parametrize("shape", [(5, 20), pytest.param((14, 4), marks=pytest.mark.slow)])
def test_resize(rng, shape):
    torch, cv2 = pytest.importorskip("torch"), pytest.importorskip("cv2")
    image = rng.random((7, 9), np.float32)
    got = jax.jit(lambda image: images.resize_bilinear(image, shape=shape))(image)
    assert_close(got, cv2.resize(image, shape[::-1], interpolation=cv2.INTER_LINEAR))
    assert_close(got, jax.image.resize(image, shape, "bilinear", antialias=False))
    for corners in (False, True):
        want = torch.nn.functional.interpolate(
            torch.from_numpy(image)[None, None], shape, mode="bilinear", align_corners=corners
        )[0, 0].numpy()
        assert_close(images.resize_bilinear(image, shape=shape, align_corners=corners), want)


def test_resize_to_the_same_or_of_one_pixel(rng):
    image = rng.random((3, 4), np.float32)
    assert (images.resize_bilinear(image, shape=(3, 4)) == image).all()
    assert (images.resize_bilinear(np.float32([[0.5]]), shape=(2, 3)) == 0.5).all()
    assert images.resize_bilinear(image, shape=(1, 1), align_corners=True) == image[0, 0]


def test_what_is_not_known_stays_not_known():
    picture = np.ones((4, 5), np.float32)
    flow = np.zeros((4, 5, 2), np.float32)
    flow[1, 2, 0] = np.nan
    np.testing.assert_array_equal(np.isnan(images.warp(picture, flow)), np.isnan(flow[..., 0]))
    # a homography that cannot be looked at
    for place in np.ndindex(3, 3):
        matrix = np.eye(3, dtype=np.float32)
        matrix[place] = np.nan
        assert np.isnan(WARP(picture, matrix)).all()


WARP = jax.jit(images.warp)
