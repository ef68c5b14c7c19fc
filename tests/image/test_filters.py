"""dlx.image: filters against loops, SciPy and OpenCV."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx import image as im
from tests.proof import configurations, prove
from tests.reference import image_filters as reference
from tests.tolerances import assert_close

MODES = ["reflect", "mirror", "nearest", "wrap", "constant"]
SHAPE = (11, 13)


def photograph(name="camera", step=4):
    data = pytest.importorskip("skimage.data")
    return getattr(data, name)()[::step, ::step]


@pytest.mark.row(299)
@configurations()
def test_filter2d(rng):
    kernel = rng.standard_normal((3, 5))
    for mode in MODES[:1] + MODES[4:]:
        prove(
            lambda image, kernel, mode=mode: im.filter2d(image, kernel, mode=mode, fill=0.3),
            [rng.random(SHAPE), kernel],
            reference=lambda image, kernel, mode=mode: reference.convolve(image, kernel, mode, 0.3),
            kind="contraction",
            dtypes=("float64", "float32"),
        )


@pytest.mark.row(299)
@pytest.mark.parametrize("mode", MODES)
def test_filter2d_is_scipys(x64, rng, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    photo = photograph() / 255
    kernels = [rng.standard_normal((3, 5)), np.outer([1.0, 2, 3], [4.0, 5, 7]), rng.standard_normal((11, 9)), np.eye(3)]
    for number, kernel in enumerate(kernels if mode in ("reflect", "constant") else kernels[:2]):
        for fill in (0.0, 0.7):
            got = im.filter2d(photo, kernel, mode=mode, fill=fill, correlation=bool(number % 2))
            want = (ndimage.correlate if number % 2 else ndimage.convolve)(photo, kernel, mode=mode, cval=fill)
            assert_close(got, want, factor=10)  # sums of up to 99 terms in another order


@pytest.mark.row(299)
def test_a_traced_large_kernel(x64, rng):
    image, kernel = jnp.asarray(rng.random((24, 20))), jnp.asarray(rng.standard_normal((11, 9)))
    got = jax.jit(im.filter2d)(image, kernel)
    assert_close(got, im.filter2d(image, np.asarray(kernel)))
    # the derivative by the kernel of sum(w out) is the correlation of w with the image
    weights = rng.standard_normal(image.shape)
    gradient = jax.grad(lambda k: jnp.sum(weights * im.filter2d(image, k, mode="constant")))(kernel)
    padded = np.pad(np.asarray(image), ((5, 5), (4, 4)))
    want = [[np.sum(weights * padded[10 - i : 34 - i, 8 - j : 28 - j]) for j in range(9)] for i in range(11)]
    assert_close(gradient, np.array(want), factor=10)  # sums of 480 terms


@pytest.mark.row(300)
@configurations()
def test_average_filter(rng):
    prove(
        lambda image: im.average_filter(image, size=3, mode="constant", fill=0.5),
        [rng.random(SHAPE)],
        reference=lambda image: reference.convolve(image, np.full((3, 3), 1 / 9), "constant", 0.5),
    )


@pytest.mark.row(300)
def test_average_filter_is_opencvs_blur():
    cv2 = pytest.importorskip("cv2")
    photo = (photograph() / 255).astype(np.float32)
    for size in (3, 7):
        assert_close(im.average_filter(photo, size=size, mode="mirror"), cv2.blur(photo, (size, size)))
        nearest = cv2.blur(photo, (size, size), borderType=cv2.BORDER_REPLICATE)
        assert_close(im.average_filter(photo, size=size, mode="nearest"), nearest)


@pytest.mark.row(301)
@configurations()
def test_gaussian_filter(rng):
    sigma = float(rng.uniform(0.5, 1.2))
    kernel = reference.gaussian(sigma, int(4 * sigma + 0.5))
    prove(
        lambda image: im.gaussian_filter(image, sigma=sigma),
        [rng.random(SHAPE)],
        reference=lambda image: reference.convolve(image, kernel),
    )
    assert_close(im.gaussian_kernel(sigma=sigma), kernel)


@pytest.mark.row(301)
@pytest.mark.parametrize("mode", MODES)
def test_gaussian_filter_is_scipys(x64, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    photo = photograph() / 255
    for order in (0, (0, 1), (2, 1), 3) if mode == "reflect" else (0, 1):
        got = im.gaussian_filter(photo, sigma=1.7, order=order, mode=mode, fill=0.2)
        assert_close(got, ndimage.gaussian_filter(photo, 1.7, order=order, mode=mode, cval=0.2))
    assert_close(
        im.gaussian_filter(photo, sigma=2.0, radius=3, mode=mode),
        ndimage.gaussian_filter(photo, 2.0, radius=3, mode=mode),
    )


@pytest.mark.row(301)
def test_gaussian_filter_can_be_differentiated_by_sigma(x64, rng):
    image = jnp.asarray(rng.random(SHAPE))

    def smooth(sigma):
        return im.gaussian_filter(image, sigma=sigma, radius=5)

    value, slope = jax.jit(lambda sigma: jax.jvp(smooth, (sigma,), (jnp.ones(()),)))(jnp.asarray(1.1))
    assert_close(value, im.gaussian_filter(image, sigma=1.1, radius=5))
    difference = (np.asarray(smooth(1.1 + 1e-5)) - np.asarray(smooth(1.1 - 1e-5))) / 2e-5
    np.testing.assert_allclose(slope, difference, atol=1e-9)


@pytest.mark.row(303)
@configurations()
def test_median_filter(rng):
    prove(
        im.median_filter,
        [rng.permutation(np.linspace(0, 1, 143)).reshape(SHAPE)],
        reference=lambda image: reference.median(image, 3),
    )


@pytest.mark.row(303)
@pytest.mark.parametrize("mode", MODES)
def test_median_filter_is_scipys(mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    photo = (photograph() / 255).astype(np.float32)
    for size in (1, 3, 5, 7, 9) if mode == "reflect" else (3,):
        got = im.median_filter(photo, size=size, mode=mode, fill=0.5)
        np.testing.assert_array_equal(got, ndimage.median_filter(photo, size, mode=mode, cval=0.5))
    cv2 = pytest.importorskip("cv2")
    if mode == "nearest":
        np.testing.assert_array_equal(im.median_filter(photo, size=5, mode=mode), cv2.medianBlur(photo, 5))


@pytest.mark.row(303)
def test_the_median_takes_salt_and_pepper_away(rng):
    clean = jnp.asarray(np.tile(np.where(np.arange(20) < 10, 0.3, 0.7), (16, 1)), jnp.float32)
    noisy = clean.at[3, 4].set(1.0).at[3, 12].set(0.0).at[9, 9].set(1.0).at[12, 16].set(0.0)
    assert (im.median_filter(noisy) == clean).all()
    assert np.abs(im.average_filter(noisy) - clean).max() > 0.05


@pytest.mark.row(302)
@pytest.mark.erratum("E71")
@configurations()
def test_sharpen(rng):
    assert im.high_pass is im.sharpen
    prove(
        lambda image: im.sharpen(image, size=3, amount=0.8),
        [rng.random(SHAPE)],
        reference=lambda image: image + 0.8 * (image - reference.convolve(image, np.full((3, 3), 1 / 9))),
    )


FILTERS = {
    "filter2d": lambda x: im.filter2d(x, np.arange(9.0).reshape(3, 3), mode="wrap"),
    "average_filter": lambda x: im.average_filter(x, mode="wrap"),
    "gaussian_filter": lambda x: im.gaussian_filter(x, sigma=0.8, mode="wrap"),
    "sharpen": lambda x: im.sharpen(x, mode="wrap"),
    "median_filter": lambda x: im.median_filter(x, mode="wrap"),
}
COMPILED = {name: jax.jit(function) for name, function in FILTERS.items()}
numbers = st.integers(0, 2**31 - 1)


@pytest.mark.row(305)
@pytest.mark.erratum("E75")
@settings(max_examples=10, deadline=None)
@given(seed=numbers, alpha=st.floats(-3, 3), beta=st.floats(-3, 3))
def test_linearity(seed, alpha, beta):
    rng = np.random.default_rng(seed)
    first, second = (jnp.asarray(rng.random(SHAPE), jnp.float32) for _ in range(2))
    for name, function in COMPILED.items():
        if name != "median_filter":
            apart = im.linearity_deviation(function, first, second, alpha=alpha, beta=beta)
            assert apart < 1e-5 * 40 * (1 + abs(alpha) + abs(beta)), name  # the sum of the kernel of filter2d is 36
    broken = im.linearity_deviation(COMPILED["median_filter"], first, second, alpha=1.0, beta=-1.0)
    assert broken > 1e-2


@pytest.mark.row(305)
@settings(max_examples=10, deadline=None)
@given(seed=numbers, x=st.integers(-5, 5), y=st.integers(-5, 5))
def test_shifts_and_turns(seed, x, y):
    image = jnp.asarray(np.random.default_rng(seed).random(SHAPE), jnp.float32)
    for name, function in COMPILED.items():
        assert im.shift_deviation(function, image, x=x, y=y) <= 2e-5, name
    for name in ("average_filter", "gaussian_filter", "sharpen", "median_filter"):
        turned = FILTERS[name](jnp.rot90(image))
        assert_close(turned, jnp.rot90(COMPILED[name](image)))
    # what does not follow shifts is seen
    assert im.shift_deviation(lambda f: f * jnp.arange(13.0)[None], image, x=1, y=0) > 0.1


@pytest.mark.row(304)
@pytest.mark.parametrize("size", [3, 5])
def test_the_impulse_response_is_the_kernel(size, rng):
    kernel = rng.standard_normal((size, size))
    for correlation in (False, True):
        got = im.impulse_response(lambda f, c=correlation: im.filter2d(f, kernel, correlation=c), size=2 * size + 1)
        inner = slice(size // 2 + 1, size // 2 + 1 + size)
        assert_close(got[inner, inner], kernel[::-1, ::-1] if correlation else kernel)
        assert_close(jnp.sum(jnp.abs(got)), np.abs(kernel).sum(), factor=10)  # a sum
    got = im.impulse_response(lambda f: im.gaussian_filter(f, sigma=0.7), size=13)
    assert_close(got[3:10, 3:10], im.gaussian_kernel(sigma=0.7))


@pytest.mark.row(299)
@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_become_floats(dtype, white, rng):
    image = rng.integers(0, white, SHAPE, dtype=dtype, endpoint=True)
    as_float = im.to_float(image)
    assert as_float.dtype == jnp.float32
    assert_close(as_float, image / white)
    for name, function in FILTERS.items():
        np.testing.assert_array_equal(function(image), function(as_float), err_msg=name)
    assert im.to_float(jnp.ones((2, 2), jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.row(299)
def test_borders_of_one_pixel():
    ndimage = pytest.importorskip("scipy.ndimage")
    row = np.arange(5.0, dtype=np.float32)[None]
    for mode in MODES:
        got = im.central_difference(row, axis="y", mode=mode)
        assert_close(got, ndimage.correlate1d(row, [-0.5, 0, 0.5], axis=0, mode=mode))


def test_colour_channel_by_channel(rng):
    # as the message for a colour image advises
    image = rng.random((12, 13, 3), np.float32)
    blur = jax.jit(lambda image: im.gaussian_filter(image, sigma=1.0))
    got = jax.jit(jax.vmap(lambda image: im.gaussian_filter(image, sigma=1.0), in_axes=-1, out_axes=-1))(image)
    for channel in range(3):
        assert_close(got[..., channel], blur(image[..., channel]))
