"""dlx.image: Hough transforms against loops and scikit-image, and the forms of a line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as im
from tests.proof import configurations, prove
from tests.reference import image_filters as reference
from tests.tolerances import assert_close

LINES = jax.jit(im.hough_lines, static_argnames=("thetas", "resolution"))


@pytest.mark.row(314, function="dlx.image.hough_lines, dlx.image.hough_line_peaks")
@configurations()
def test_lines_are_the_loop(rng):
    edges = rng.random((20, 25)) < 0.2
    # angles at which no sum of whole numbers is half way between two bins
    thetas = rng.uniform(-1.5, 1.5, 7)
    with jax.enable_x64(True):
        got = im.hough_lines(edges, thetas=thetas)
    half = int(np.ceil(np.hypot(20, 25)))
    np.testing.assert_array_equal(got.votes, reference.hough_lines(edges, thetas, half))
    assert_close(got.rho, np.arange(-half, half + 1))
    assert (got.votes.sum(axis=0) == edges.sum()).all()


@pytest.mark.row(314, function="dlx.image.hough_lines, dlx.image.hough_line_peaks")
def test_lines_are_scikit_images():
    transform = pytest.importorskip("skimage.transform")
    feature, data = pytest.importorskip("skimage.feature"), pytest.importorskip("skimage.data")
    edges = feature.canny(data.page()[:, :191] / 255, 2.0)
    votes, theta, rho = transform.hough_line(edges)
    got = LINES(edges)
    assert_close(got.theta, theta)
    assert_close(got.rho, rho)
    # only sums that lie half way between two bins may go to the other
    difference = np.abs(np.asarray(got.votes) - votes.astype(int)).sum()
    assert difference <= 1e-4 * votes.sum()
    assert edges.sum() > 500
    _, want_theta, want_rho = transform.hough_line_peaks(votes, theta, rho, num_peaks=4)
    peaks = im.hough_line_peaks(got, num_peaks=4)
    assert_close(peaks.theta[: len(want_theta)], want_theta)
    assert_close(peaks.rho[: len(want_rho)], want_rho)


@pytest.mark.row(314, function="dlx.image.hough_lines, dlx.image.hough_line_peaks")
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_known_line_is_found(number):
    theta, rho = [(np.deg2rad(30), 40.0), (np.deg2rad(-70), -20.0), (0.0, 17.0)][number]
    y, x = np.mgrid[:64, :80]
    edges = np.abs(x * np.cos(theta) + y * np.sin(theta) - rho) < 0.5
    peaks = im.hough_line_peaks(LINES(edges), num_peaks=3)
    assert abs(peaks.theta[0] - theta) <= np.deg2rad(1.01)
    assert abs(peaks.rho[0] - rho) <= 1
    np.testing.assert_array_equal(peaks.valid, [True, False, False])
    none = im.hough_line_peaks(LINES(np.zeros_like(edges)), num_peaks=3)
    assert not none.valid.any()


@pytest.mark.row(314, function="dlx.image.hough_lines, dlx.image.hough_line_peaks")
def test_a_line_is_one_peak_over_the_end_of_the_angles():
    edges = np.zeros((64, 80), bool)
    edges[31] = True  # t = -pi / 2, rho = -31; nearly as many votes for 89 degrees and rho = 31
    peaks = im.hough_line_peaks(LINES(edges), num_peaks=2, threshold=30)
    assert_close(peaks.theta[0], -np.pi / 2)
    assert_close(peaks.rho[0], -31.0)
    np.testing.assert_array_equal(peaks.valid, [True, False])


@pytest.mark.row(313, function="dlx.image.hough_lines_slope")
def test_slope_and_intercept():
    slopes, intercepts = np.linspace(-2, 2, 41), np.linspace(-50, 100, 151)
    x = np.arange(60)
    edges = np.zeros((64, 80), bool)
    edges[np.round(0.5 * x + 12).astype(int), x] = True
    votes = np.asarray(jax.jit(im.hough_lines_slope)(edges, slopes, intercepts))
    want = np.zeros_like(votes)
    for q, p in zip(*np.nonzero(edges), strict=True):
        for i, m in enumerate(slopes):
            place = round(q - m * p + 50)
            if 0 <= place < 151:
                want[place, i] += 1
    # votes half way between two bins are rounded as float32 has them
    assert np.abs(votes - want).sum() <= 0.05 * want.sum()
    assert votes.sum() == want.sum()
    b, m = np.unravel_index(np.argmax(votes), votes.shape)
    assert abs(slopes[m] - 0.5) < 0.11
    assert abs(intercepts[b] - 12) <= 1


@pytest.mark.row(315, function="dlx.image.normal_to_slope_intercept, dlx.image.double_intercept_to_normal")
@pytest.mark.erratum("E74")
@configurations()
def test_forms_of_a_line(x64, rng):
    slope, intercept = jnp.asarray(rng.uniform(0.2, 2, 5)), jnp.asarray(rng.uniform(0.5, 3, 5))
    theta, rho = im.slope_intercept_to_normal(slope, intercept)
    t = np.linspace(-3, 3, 7)
    for i in range(5):
        x, y = t, slope[i] * t + intercept[i]
        assert_close(x * np.cos(theta[i]) + y * np.sin(theta[i]), np.full(7, rho[i]))
        a, b = im.normal_to_double_intercept(theta[i], rho[i])
        # a straight line: the points of an ellipse with these axes do not fulfil it
        assert_close(x / a + y / b, np.ones(7))
        assert_close(y[t == 0] / b, [1.0])
    assert_close(jnp.stack(im.normal_to_slope_intercept(theta, rho)), jnp.stack([slope, intercept]))
    back = im.double_intercept_to_normal(*im.normal_to_double_intercept(theta, rho))
    assert_close(jnp.stack(back), jnp.stack([theta, rho]))
    for function in (im.normal_to_slope_intercept, im.slope_intercept_to_normal):
        prove(function, [np.asarray(theta), np.asarray(rho)], dtypes=())
    flat = im.double_intercept_to_normal(jnp.asarray(jnp.inf), jnp.asarray(2.0))
    assert_close(jnp.stack(flat), [np.pi / 2, 2.0])


def ring(radius, x, y, shape=(60, 70)):
    i, j = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(j - x, i - y) - radius


@pytest.mark.row(
    316, function="dlx.image.hough_circles, dlx.image.hough_circles_gradient, dlx.image.hough_circle_peaks"
)
@configurations()
def test_circles_are_the_loop(rng):
    edges = rng.random((16, 18)) < 0.1
    np.testing.assert_array_equal(im.hough_circles(edges, radii=[3, 5]), reference.hough_circles(edges, [3, 5]))


@pytest.mark.row(
    316, function="dlx.image.hough_circles, dlx.image.hough_circles_gradient, dlx.image.hough_circle_peaks"
)
def test_known_circles_are_found_by_both_forms():
    radii = [9, 11, 13, 15]
    discs = np.clip(np.minimum(ring(15, 25, 30), ring(9, 55, 20)) + 0.5, 0, 1).astype(np.float32)  # dark on light
    gx, gy = im.gradient(im.gaussian_filter(discs, sigma=1.0))
    edges = im.canny(discs)
    angle = im.gradient_angle(gx, gy)
    outward = im.hough_circles_gradient(edges, angle, radii=radii, polarity="outward")
    inward = im.hough_circles_gradient(edges, angle, radii=radii, polarity="inward")
    both = im.hough_circles_gradient(edges, angle, radii=radii)
    np.testing.assert_array_equal(both, outward + inward)
    assert inward.max() < 0.3 * outward.max()
    plain = im.hough_circle_peaks(im.hough_circles(edges, radii=radii), radii=radii, num_peaks=3)
    # the votes of one pixel meet in a few places, not in one: a third of them in the fullest
    directed = im.hough_circle_peaks(
        im.average_filter(outward.max(axis=0).astype(jnp.float32))[None] * 9, radii=[12], num_peaks=2
    )
    want = {(25, 30), (55, 20)}
    for peaks in (plain, directed):
        for x, y in want:
            apart = [max(abs(int(a) - x), abs(int(b) - y)) for a, b in zip(peaks.x[:2], peaks.y[:2], strict=True)]
            assert min(apart) <= 1
    assert {int(r) for r in plain.radius[:2]} == {15, 9}
    np.testing.assert_array_equal(plain.valid, [True, True, False])


@pytest.mark.row(
    316, function="dlx.image.hough_circles, dlx.image.hough_circles_gradient, dlx.image.hough_circle_peaks"
)
def test_circles_are_where_scikit_image_has_them():
    transform = pytest.importorskip("skimage.transform")
    feature, data = pytest.importorskip("skimage.feature"), pytest.importorskip("skimage.data")
    edges = feature.canny(data.coins()[160:, :150] / 255, 2.0)
    radii = [22, 24, 26, 28]
    _, xs, ys, sizes = transform.hough_circle_peaks(
        transform.hough_circle(edges, radii), radii, min_xdistance=5, min_ydistance=5, total_num_peaks=1
    )
    got = im.hough_circle_peaks(im.hough_circles(edges, radii=radii), radii=radii, num_peaks=1)
    assert abs(int(got.x[0]) - xs[0]) <= 1
    assert abs(int(got.y[0]) - ys[0]) <= 1
    assert int(got.radius[0]) == sizes[0]


@pytest.mark.row(
    316, function="dlx.image.hough_circles, dlx.image.hough_circles_gradient, dlx.image.hough_circle_peaks"
)
def test_the_coins_of_a_photograph_are_valid_by_default():
    # six coins, their middles read off the picture
    coins = pytest.importorskip("skimage.data").coins()[:160, :200]
    middles = {(45, 125), (102, 125), (155, 51), (100, 57), (155, 127), (47, 54)}
    radii = range(18, 31)

    @jax.jit
    def votes(image):
        edges = im.canny(image, sigma=2.0)
        angle = im.gradient_angle(*im.gradient(im.gaussian_filter(image, sigma=2.0)))
        return im.hough_circles(edges, radii=radii), im.hough_circles_gradient(edges, angle, radii=radii)

    peaks_of = jax.jit(lambda votes: im.hough_circle_peaks(votes, radii=radii, num_peaks=10, min_distance=15))
    for peaks, low, high in zip(map(peaks_of, votes(coins)), (0.4, 0.1), (0.6, 0.21), strict=True):
        np.testing.assert_array_equal(peaks.valid, [True] * 6 + [False] * 4)
        # as the docstring says
        assert low < peaks.share[5] <= peaks.share[0] < high
        places = [(int(x), int(y)) for x, y in zip(peaks.x[:6], peaks.y[:6], strict=True)]
        apart = [[max(abs(x - a), abs(y - b)) for x, y in places] for a, b in middles]
        assert max(map(min, apart)) <= 2


@pytest.mark.row(314, function="dlx.image.hough_lines, dlx.image.hough_line_peaks")
@pytest.mark.row(
    316, function="dlx.image.hough_circles, dlx.image.hough_circles_gradient, dlx.image.hough_circle_peaks"
)
def test_vmap(rng):
    batch = rng.random((2, 16, 18)) < np.array([0.05, 0.9])[:, None, None]
    lines = jax.vmap(lambda edges: im.hough_lines(edges, thetas=6).votes)(batch)
    circles = jax.vmap(lambda edges: im.hough_circles(edges, radii=[3]))(batch)
    for i in range(2):
        np.testing.assert_array_equal(lines[i], im.hough_lines(batch[i], thetas=6).votes)
        np.testing.assert_array_equal(circles[i], im.hough_circles(batch[i], radii=[3]))
