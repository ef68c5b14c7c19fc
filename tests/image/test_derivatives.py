"""dlx.image: derivatives against loops, SciPy, scikit-image, OpenCV and ramps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as im
from tests.proof import configurations, prove
from tests.reference import image_filters as reference
from tests.tolerances import assert_close

MODES = ["reflect", "mirror", "nearest", "wrap", "constant"]
SHAPE = (11, 13)
INSIDE = (slice(1, -1), slice(1, -1))
X, Y = np.meshgrid(np.arange(13.0), np.arange(11.0))
KERNELS = {
    im.forward_difference: [[1, -1, 0]],
    im.backward_difference: [[0, 1, -1]],
    im.central_difference: [[0.5, 0, -0.5]],
    im.prewitt_x: [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    im.prewitt_y: [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    im.sobel_x: [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    im.sobel_y: [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
}


def photograph():
    data = pytest.importorskip("skimage.data")
    return data.camera()[::4, ::4] / 255


@pytest.mark.row(
    306, function="dlx.image.forward_difference, dlx.image.backward_difference, dlx.image.central_difference"
)
@pytest.mark.row(307, function="dlx.image.prewitt_x, dlx.image.prewitt_y")
@pytest.mark.row(308, function="dlx.image.sobel_x, dlx.image.sobel_y")
@pytest.mark.erratum("E72", "E73")
@pytest.mark.gap("U11")
@configurations()
@pytest.mark.parametrize("function", KERNELS, ids=lambda function: function.__name__)
def test_true_convolution_with_the_printed_kernel(function, rng):
    prove(
        function,
        [rng.random(SHAPE)],
        reference=lambda image: reference.convolve(image, np.array(KERNELS[function], float)),
        kind="contraction",
        vmap=function in (im.forward_difference, im.sobel_x),
    )


@pytest.mark.row(306)
@pytest.mark.erratum("E72")
@pytest.mark.parametrize("axis", ["x", "y"])
def test_differences_of_polynomials(x64, axis):
    t = X if axis == "x" else Y
    for function in (im.forward_difference, im.backward_difference, im.central_difference):
        assert_close(
            function(jnp.asarray(3 * X - 2 * Y), axis=axis)[INSIDE], np.full((9, 11), 3.0 if axis == "x" else -2)
        )
    square = jnp.asarray(t**2)
    assert_close(im.central_difference(square, axis=axis)[INSIDE], 2 * t[INSIDE])
    assert_close(im.forward_difference(square, axis=axis)[INSIDE], 2 * t[INSIDE] + 1)
    assert_close(im.backward_difference(square, axis=axis)[INSIDE], 2 * t[INSIDE] - 1)
    photo = jnp.asarray(photograph())
    want = jnp.gradient(photo, axis=1 if axis == "x" else 0)
    assert_close(im.central_difference(photo, axis=axis)[INSIDE], want[INSIDE])


@pytest.mark.row(307, function="dlx.image.prewitt_x, dlx.image.prewitt_y")
@pytest.mark.row(308, function="dlx.image.sobel_x, dlx.image.sobel_y")
@pytest.mark.erratum("E73")
@pytest.mark.parametrize("mode", MODES)
def test_scipys_and_scikit_images(x64, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    filters = pytest.importorskip("skimage.filters")
    photo = photograph()
    for axis, prewitt, sobel in ((1, im.prewitt_x, im.sobel_x), (0, im.prewitt_y, im.sobel_y)):
        assert_close(prewitt(photo, mode=mode), ndimage.prewitt(photo, axis, mode=mode))
        assert_close(sobel(photo, mode=mode), ndimage.sobel(photo, axis, mode=mode))
    if mode == "reflect":
        # scikit-image divides by the sum of the smoothing weights
        assert_close(im.prewitt_x(photo) / 3, filters.prewitt_v(photo))
        assert_close(im.prewitt_y(photo) / 3, filters.prewitt_h(photo))
        assert_close(im.sobel_x(photo) / 4, filters.sobel_v(photo))
        assert_close(im.sobel_y(photo) / 4, filters.sobel_h(photo))


@pytest.mark.row(308)
def test_opencvs_sobel():
    cv2 = pytest.importorskip("cv2")
    photo = photograph()
    with jax.enable_x64(True):
        assert_close(im.sobel_x(photo, mode="mirror"), cv2.Sobel(photo, cv2.CV_64F, 1, 0))
        assert_close(im.sobel_y(photo, mode="mirror"), cv2.Sobel(photo, cv2.CV_64F, 0, 1))


@pytest.mark.row(309, function="dlx.image.gradient_magnitude, dlx.image.gradient_angle")
@pytest.mark.erratum("E73")
@pytest.mark.parametrize("operator", ["sobel", "prewitt", "central", "forward", "backward"])
def test_ramps_of_known_angle(x64, operator):
    for theta in (0.0, 0.3, np.pi / 2, 2.5, -np.pi / 3, -3.0):
        ramp = jnp.asarray(0.7 * (X * np.cos(theta) + Y * np.sin(theta)))
        gx, gy = im.gradient(ramp, operator=operator, normalise=True)
        assert_close(im.gradient_magnitude(gx, gy)[INSIDE], np.full((9, 11), 0.7))
        assert_close(im.gradient_angle(gx, gy)[INSIDE], np.full((9, 11), theta))


@pytest.mark.row(309, function="dlx.image.gradient_magnitude, dlx.image.gradient_angle")
@configurations()
def test_magnitude_and_angle(rng):
    arrays = [rng.uniform(0.2, 1, SHAPE) * rng.choice([-1, 1], SHAPE) for _ in range(2)]
    prove(im.gradient_magnitude, arrays, reference=np.hypot)
    prove(im.gradient_angle, arrays, reference=lambda gx, gy: np.arctan2(gy, gx), dtypes=("float64", "float32"))


@pytest.mark.row(309, function="dlx.image.gradient_magnitude, dlx.image.gradient_angle")
def test_a_flat_image_has_no_nan():
    flat = jnp.full(SHAPE, 0.4)

    def total(image):
        gx, gy = im.gradient(image)
        return jnp.sum(im.gradient_magnitude(gx, gy) + im.gradient_angle(gx, gy))

    value, slope = jax.value_and_grad(total)(flat)
    assert value == 0
    assert (slope == 0).all()


@pytest.mark.row(307, function="dlx.image.prewitt_x, dlx.image.prewitt_y")
@pytest.mark.row(308, function="dlx.image.sobel_x, dlx.image.sobel_y")
def test_a_quarter_turn_exchanges_the_axes(rng):
    image = jnp.asarray(rng.random(SHAPE), jnp.float32)
    for along_x, along_y in ((im.prewitt_x, im.prewitt_y), (im.sobel_x, im.sobel_y)):
        assert_close(along_y(image.T), along_x(image).T)
        # counter-clockwise: what pointed right points up
        assert_close(along_y(jnp.rot90(image)), -jnp.rot90(along_x(image)))
