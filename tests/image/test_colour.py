"""dlx.image: colours, sensor, layers and lens."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as im
from tests.proof import configurations, prove
from tests.reference import image_filters as reference
from tests.tolerances import assert_close

SHAPE = (5, 6, 3)


def each(function):
    return lambda image: np.apply_along_axis(lambda v: function(*v), 2, image)


@pytest.mark.row(298)
@configurations()
def test_hsv_is_the_standard_librarys(rng):
    # where two channels meet, and at every sixth of the circle, the derivative jumps: differences must not step over it
    channels = rng.permuted(np.broadcast_to([0.1, 0.4, 0.7], SHAPE), axis=-1) + rng.uniform(0, 0.2, SHAPE)
    hues = (rng.integers(0, 6, SHAPE[:2]) + rng.uniform(0.1, 0.9, SHAPE[:2])) / 6
    hsv = np.concatenate([hues[..., None], rng.uniform(0.1, 0.9, (*SHAPE[:2], 2))], axis=-1)
    prove(im.rgb_to_hsv, [channels], reference=each(colorsys.rgb_to_hsv), dtypes=("float64", "float32"))
    prove(im.hsv_to_rgb, [hsv], reference=each(colorsys.hsv_to_rgb), dtypes=("float64", "float32"))


@pytest.mark.row(298)
def test_hsv_of_a_photograph_is_scikit_images():
    data, color = pytest.importorskip("skimage.data"), pytest.importorskip("skimage.color")
    photo = data.astronaut()[::8, ::8]
    hsv = im.rgb_to_hsv(photo)
    assert_close(hsv, color.rgb2hsv(photo))
    assert_close(im.hsv_to_rgb(hsv), photo / 255)
    special = np.array([[[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]]])
    special = special.astype(np.float32)
    assert_close(im.rgb_to_hsv(special), color.rgb2hsv(special))
    assert_close(im.hsv_to_rgb(im.rgb_to_hsv(special)), special)
    assert_close(im.rgb_to_grey(photo), color.rgb2gray(photo))
    cv2 = pytest.importorskip("cv2")
    grey = cv2.cvtColor((photo / 255).astype(np.float32), cv2.COLOR_RGB2GRAY)
    assert_close(im.rgb_to_grey(photo, weights="bt601"), grey)


@pytest.mark.row(298)
@pytest.mark.erratum("E75")
@configurations()
def test_inks(rng):
    def cmyk(r, g, b):
        k = 1 - max(r, g, b)
        return [*((1 - v - k) / (1 - k) for v in (r, g, b)), k]

    colours = rng.uniform(0.1, 0.9, SHAPE)
    prove(im.rgb_to_cmyk, [colours], reference=each(cmyk), dtypes=("float64", "float32"))
    prove(im.rgb_to_cmy, [colours], reference=lambda image: 1 - image)
    prove(
        im.cmyk_to_rgb,
        [rng.uniform(0.1, 0.9, (5, 6, 4))],
        reference=lambda image: (1 - image[..., :3]) * (1 - image[..., 3:]),
        dtypes=("float64", "float32"),
    )
    special = jnp.asarray([[[0.0, 0, 0], [1, 1, 1], [1, 0, 0]]])
    assert_close(im.rgb_to_cmyk(special), [[[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]]])
    for way, back in ((im.rgb_to_cmyk, im.cmyk_to_rgb), (im.rgb_to_cmy, im.cmy_to_rgb)):
        assert_close(back(way(jnp.asarray(colours, jnp.float32))), colours)
        assert_close(back(way(special)), special)


@pytest.mark.row(294, function="dlx.image.bayer_mosaic, dlx.image.demosaic")
@pytest.mark.erratum("E70")
@configurations()
@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_demosaic(rng, pattern):
    prove(
        lambda mosaic: im.demosaic(mosaic, pattern=pattern),
        [rng.random((6, 7))],
        reference=lambda mosaic: reference.demosaic(mosaic, pattern),
        dtypes=("float64", "float32"),
        vmap=pattern == "RGGB",
    )
    colours = jnp.asarray(rng.random((6, 7, 3)), jnp.float32)
    mosaic = im.bayer_mosaic(colours, pattern=pattern)
    for y in range(6):
        for x in range(7):
            assert mosaic[y, x] == colours[y, x, "RGB".index(pattern[2 * (y % 2) + x % 2])]
    flat = jnp.broadcast_to(jnp.asarray([0.2, 0.5, 0.8]), (6, 7, 3))
    assert_close(im.demosaic(im.bayer_mosaic(flat, pattern=pattern), pattern=pattern), flat)


@pytest.mark.row(294, function="dlx.image.bayer_mosaic, dlx.image.demosaic")
@pytest.mark.erratum("E70")
def test_demosaic_is_opencvs_inside():
    cv2, data = pytest.importorskip("cv2"), pytest.importorskip("skimage.data")
    mosaic = np.ascontiguousarray(data.camera()[::8, ::8])
    want = cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB)
    got = 255 * np.asarray(im.demosaic(mosaic))
    # OpenCV rounds to integers
    assert np.abs(got - want)[1:-1, 1:-1].max() <= 0.5001
    # green is on one diagonal of the tile
    masks = [np.asarray(im.bayer_mosaic(np.eye(3)[c] * np.ones((2, 2, 1)))) for c in range(3)]
    np.testing.assert_array_equal(masks[1], [[0, 1], [1, 0]])
    np.testing.assert_array_equal(masks[0] + masks[2], [[1, 0], [0, 1]])


@pytest.mark.row(296, function="dlx.image.quantise, dlx.image.dequantise")
@pytest.mark.parametrize("bits", [1, 4, 8, 12])
def test_quantisation(bits, rng):
    values = np.concatenate([np.linspace(-1, 3, 999), [-5, 7]])
    codes = im.quantise(jnp.asarray(values), bits=bits, low=-1.0, high=3.0)
    step = 4 / (2**bits - 1)
    assert codes.dtype == (jnp.uint8 if bits <= 8 else jnp.uint16)
    assert (codes.min(), codes.max()) == (0, 2**bits - 1)
    back = np.asarray(im.dequantise(codes, bits=bits, low=-1.0, high=3.0))
    assert np.abs(back - values)[:-2].max() <= step / 2 + 1e-6
    assert_close(back[-2:], [-1, 3])
    np.testing.assert_array_equal(im.quantise(jnp.asarray(back), bits=bits, low=-1.0, high=3.0), codes)
    image = rng.integers(0, 255, (4, 5), np.uint8, endpoint=True)
    np.testing.assert_array_equal(im.quantise(image), image)


@pytest.mark.row(296, function="dlx.image.quantise, dlx.image.dequantise")
def test_quantisation_of_what_is_not_finite():
    values = jnp.array([-jnp.inf, jnp.nan, jnp.inf])
    np.testing.assert_array_equal(im.quantise(values[::2]), [0, 255])
    # where it cannot be refused, NaN is code 0
    np.testing.assert_array_equal(jax.jit(im.quantise)(values), [0, 0, 255])


@pytest.mark.row(297, function="dlx.image.alpha_over, dlx.image.alpha_blend")
@pytest.mark.erratum("E75")
@configurations()
def test_layers(rng):
    layers = [rng.uniform(0.1, 0.9, (5, 6, 4)) for _ in range(3)]

    def over(front, back):
        out = np.empty_like(front)
        for y, x in np.ndindex(5, 6):
            (*c, a), (*d, b) = front[y, x], back[y, x]
            alpha = a + b * (1 - a)
            out[y, x] = [*((a * u + b * (1 - a) * v) / alpha for u, v in zip(c, d, strict=True)), alpha]
        return out

    prove(im.alpha_over, layers[:2], reference=over, dtypes=("float64", "float32"))
    a, b, c = (jnp.asarray(layer, jnp.float32) for layer in layers)
    assert_close(im.alpha_over(im.alpha_over(a, b), c), im.alpha_over(a, im.alpha_over(b, c)))
    opaque, clear = a.at[..., 3].set(1), a.at[..., 3].set(0)
    assert_close(im.alpha_over(opaque, b), opaque)
    assert_close(im.alpha_over(clear, b), b)
    assert_close(im.alpha_over(b, clear), b)
    assert (im.alpha_over(clear, clear) == 0).all()
    # over an opaque image the two functions are one
    assert_close(im.alpha_blend(a, opaque[..., :3]), im.alpha_over(a, opaque)[..., :3])


@pytest.mark.row(295, function="dlx.image.lens_image_distance")
@pytest.mark.erratum("E75")
def test_thin_lens():
    def a(*values):
        return jnp.asarray(values)

    focal, far = a(2.0, 2.0, 2.0, 2.0, -2.0), a(4.0, jnp.inf, 6.0, 1.0, 2.0)
    image = im.lens_image_distance(focal, far)
    assert_close(image, [4.0, 2.0, 3.0, -2.0, -1.0])
    assert im.lens_image_distance(a(2.0), a(2.0)) == jnp.inf
    # numbers as well
    assert im.lens_image_distance(2.0, 2.0) == jnp.inf
    assert im.lens_object_distance(2.0, 3.0) == im.lens_object_distance(a(2.0), a(3.0))
    assert im.lens_focal_length(4.0, 4.0) == 2
    assert im.lens_magnification(2.0, 3.0) == -2
    assert_close(im.lens_object_distance(focal, image), far)
    assert_close(im.lens_focal_length(far, image), focal)
    assert_close(im.lens_magnification(focal[jnp.array([0, 2, 3])], far[jnp.array([0, 2, 3])]), [-1.0, -0.5, 2.0])
    prove(
        im.lens_image_distance, [np.array([1.0, 2, 3]), np.array([2.5, 7, 2])], reference=lambda f, u: f * u / (u - f)
    )


@pytest.mark.row(302)
@pytest.mark.erratum("E71")
@pytest.mark.parametrize("size", [3, 5])
def test_kernels(size):
    n = size**2
    centre = (size // 2, size // 2)
    identity, average = im.identity_kernel(size=size), im.average_kernel(size=size)
    assert identity[centre] == 1
    assert identity.sum() == 1
    assert_close(average, np.full((size, size), 1 / n))
    high = im.high_frequency_kernel(size=size)
    unit = im.high_frequency_kernel(size=size, form="unit_centre")
    assert_close(high, identity - average)
    assert unit[centre] == 1
    assert_close(unit[0, 0], -1 / (n - 1))
    assert_close(unit, high * n / (n - 1))
    sharp = im.sharpen_kernel(size=size, amount=2.0)
    assert_close([high.sum(), unit.sum(), sharp.sum()], [0, 0, 1])
    assert sharp[centre] > 1
    assert_close(np.unique(np.delete(sharp.ravel(), n // 2).round(15)), [-2 / n])
    flat = np.full((9, 9), 0.4, np.float32)
    assert_close(im.filter2d(flat, high), np.zeros((9, 9)))
    assert_close(im.filter2d(flat, im.sharpen_kernel(size=size)), flat)
    assert_close(im.sharpen(flat, size=size), flat)
    assert_close(im.gaussian_kernel(sigma=1.0, radius=1, normalise=False)[1, 1], 1 / (2 * np.pi))
