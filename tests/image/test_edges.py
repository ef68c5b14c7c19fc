"""dlx.image: edges against loops, scikit-image and OpenCV."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as im
from tests.proof import configurations
from tests.reference import image_filters as reference


def photograph(name):
    data = pytest.importorskip("skimage.data")
    return getattr(data, name)()


def f1(got, want):
    """Harmonic mean of precision and recall, pixel by pixel."""
    return 2 * np.sum(np.asarray(got) & want) / (np.sum(got) + np.sum(want))


@pytest.mark.row(310)
@pytest.mark.row(311, function="dlx.image.non_maximum_suppression")
@pytest.mark.parametrize("name", ["camera", "coins", "page"])
def test_canny_is_scikit_images(name):
    feature = pytest.importorskip("skimage.feature")
    photo = (photograph(name)[:190, :190] / 255).astype(np.float32)
    got = jax.jit(im.canny)(photo)
    want = feature.canny(photo, 1.0, mode="reflect")
    assert 300 < want.sum() < 0.5 * want.size
    assert f1(got, want) >= 0.999


@pytest.mark.row(310)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["camera", "coins", "page"])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("mode", ["constant", "nearest"])
def test_canny_is_scikit_images_on_whole_photographs(name, sigma, mode):
    feature = pytest.importorskip("skimage.feature")
    photo = (photograph(name) / 255).astype(np.float32)
    want = feature.canny(photo, sigma, 0.08, 0.2, mode=mode)
    # with "constant" scikit-image divides its blur by the weight that lies inside; SciPy's mode, ours, does not
    assert f1(im.canny(photo, sigma=sigma, low=0.08, mode=mode), want) >= (0.97 if mode == "constant" else 0.999)


@pytest.mark.row(310)
@pytest.mark.parametrize("name", ["camera", "coins", "page"])
def test_canny_with_sectors_is_nearly_opencvs(name):
    cv2 = pytest.importorskip("cv2")
    photo = np.ascontiguousarray(photograph(name)[:190, :190])
    want = cv2.Canny(photo, 100, 200, L2gradient=True) > 0
    options = {"sigma": None, "low": 100.001 / 255, "high": 200.001 / 255, "method": "sectors", "mode": "nearest"}
    # OpenCV has edges on the outermost pixels too; ties between integers are frequent, and it breaks those on the
    # diagonals in its own order
    assert f1(im.canny(photo, **options), want) >= 0.98
    assert f1(im.canny(photo, **{**options, "method": "interpolated"}), want) < 0.97


@pytest.mark.row(310)
@pytest.mark.row(311, function="dlx.image.non_maximum_suppression")
@pytest.mark.parametrize("angle", [0, 90, 30, -45])
def test_a_step_has_an_edge_of_one_pixel(angle):
    y, x = np.mgrid[:41, :41] - 20.0
    radians = np.deg2rad(angle)
    # soft over a pixel; the four here have their edge between pixels or on them
    image = np.clip(0.5 + x * np.cos(radians) + y * np.sin(radians), 0, 1).astype(np.float32)
    edges = np.asarray(im.canny(image, sigma=1.5))
    assert edges.any()
    apart = np.abs(x * np.cos(radians) + y * np.sin(radians))
    assert apart[edges].max() <= 1.0
    lines = (edges if abs(np.cos(radians)) >= np.sqrt(0.5) - 1e-9 else edges.T)[8:-8].sum(axis=1)
    # a slanted edge passes between pixels: two of a line may be nearest to it, each in its diagonal's direction
    assert (lines == 1).all() if angle % 90 == 0 else ((lines >= 1) & (lines <= 2)).all()


@pytest.mark.row(311, function="dlx.image.non_maximum_suppression")
@configurations()
def test_thinning_is_the_loop(x64, rng):
    gx, gy = rng.standard_normal((2, 12, 14))
    for method, loop in (("sectors", reference.thin_by_sectors), ("interpolated", reference.thin_by_interpolation)):
        got = im.non_maximum_suppression(jnp.asarray(gx), jnp.asarray(gy), method=method)
        np.testing.assert_allclose(got, loop(gx, gy), rtol=1e-12, err_msg=method)
        assert 0 < np.count_nonzero(got) < 0.5 * got.size


@pytest.mark.row(311, function="dlx.image.non_maximum_suppression")
@pytest.mark.parametrize(("ties", "columns"), [("one", [4]), ("both", [4, 5]), ("none", [])])
def test_ties_of_an_ideal_step(ties, columns):
    step = jnp.asarray(np.tile(np.arange(10) > 4, (9, 1)), jnp.float32)
    gx, gy = im.gradient(step)
    for method in ("sectors", "interpolated"):
        thin = im.non_maximum_suppression(gx, gy, method=method, ties=ties)
        assert sorted(set(np.nonzero(np.asarray(thin))[1].tolist())) == columns


@pytest.mark.row(312, function="dlx.image.hysteresis_threshold")
@configurations()
@pytest.mark.parametrize("connectivity", [4, 8])
def test_hysteresis_is_the_flood(rng, connectivity):
    for shape, share in (((40, 70), 0.45), ((33, 64), 0.62), ((5, 3), 0.5)):
        values = np.where(rng.random(shape) < share, 0.4, 0.0)
        values[rng.random(shape) < 0.01] = 0.9
        got = im.hysteresis_threshold(jnp.asarray(values), low=0.3, high=0.8, connectivity=connectivity)
        np.testing.assert_array_equal(got, reference.flood(values > 0.8, values > 0.3, connectivity))


@pytest.mark.row(312, function="dlx.image.hysteresis_threshold")
def test_hysteresis_is_scikit_images(rng):
    filters, measure = pytest.importorskip("skimage.filters"), pytest.importorskip("skimage.measure")
    photo = photograph("coins")[:190, :190] / 255
    values = np.asarray(im.gradient_magnitude(*im.gradient(jnp.asarray(photo, jnp.float32))))
    got = im.hysteresis_threshold(values, low=0.3, high=1.2, connectivity=4)
    np.testing.assert_array_equal(got, filters.apply_hysteresis_threshold(values, 0.3, 1.2))
    labels = measure.label(values >= 0.3, connectivity=2)
    want = np.isin(labels, np.unique(labels[values >= 1.2])) & (values >= 0.3)
    np.testing.assert_array_equal(im.hysteresis_threshold(values, low=0.3, high=1.2), want)


@pytest.mark.row(312, function="dlx.image.hysteresis_threshold")
@pytest.mark.parametrize("turned", [False, True])
def test_hysteresis_follows_a_path_to_its_end(turned):
    snake = np.zeros((66, 66), bool)
    snake[::4] = True
    snake[1::8, -1] = snake[2::8, -1] = snake[3::8, -1] = True
    snake[5::8, 0] = snake[6::8, 0] = snake[7::8, 0] = True
    snake = snake.T if turned else snake
    weak = np.where(snake, 0.4, 0.0)
    assert not im.hysteresis_threshold(weak, low=0.3, high=0.8).any()
    weak[0, 0] = 0.9
    got = jax.jit(im.hysteresis_threshold)(weak, low=0.3, high=0.8)
    np.testing.assert_array_equal(got, snake)


@pytest.mark.row(312, function="dlx.image.hysteresis_threshold")
def test_double_threshold():
    values = jnp.asarray([[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]])
    np.testing.assert_array_equal(im.double_threshold(values, low=0.2, high=0.4), [[0, 0, 0.5], [0.5, 1, 1]])
    # a weight of 0 was suppressed
    assert not im.hysteresis_threshold(jnp.zeros((3, 3)), low=0.0, high=0.0).any()


@pytest.mark.row(310)
def test_eager_jit_and_vmap():
    photos = np.stack([photograph("coins")[:64, :80], photograph("page")[:64, :80]])
    each = np.stack([im.canny(photo, sigma=1.2) for photo in photos])
    assert each.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(jax.jit(jax.vmap(lambda photo: im.canny(photo, sigma=1.2)))(photos), each)
    # thresholds may be arrays, and change without a compilation
    compiled = jax.jit(lambda photo, low, high: im.canny(photo, sigma=1.2, low=low, high=high))
    np.testing.assert_array_equal(compiled(photos[0], 0.1, 0.2), each[0])
    assert np.sum(compiled(photos[0], 0.3, 0.6)) < np.sum(each[0])


@pytest.mark.row(310)
def test_a_quarter_turn_turns_the_edges():
    photo = (photograph("coins")[:80, :80] / 255).astype(np.float32)
    edges = im.canny(photo, ties="both")
    assert f1(im.canny(np.rot90(photo).copy(), ties="both"), np.rot90(np.asarray(edges))) >= 0.99
