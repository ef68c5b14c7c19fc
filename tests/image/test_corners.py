"""dlx.image: shifted windows, the structure tensor, corner responses, peaks, corners over scales."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dlx import image
from tests.tolerances import assert_close

U, V = 0.3, -0.2


@pytest.fixture(scope="module")
def photograph():
    data = pytest.importorskip("skimage.data")
    return data.camera()[180:244, 180:244] / 255


@pytest.mark.row(317)
@pytest.mark.gap("U10", "U13")
@pytest.mark.parametrize("window", ["gaussian", "box"])
def test_shift_energy_of_a_plane_is_the_quadratic_form(x64, window):
    y, x = np.mgrid[:24, :24].astype(float)
    plane = 0.4 * x - 0.7 * y
    energy = image.shift_energy(plane, np.array([U, V]), window=window)
    xx, xy, yy = image.structure_tensor(plane, window=window)
    form = xx * U**2 + 2 * xy * U * V + yy * V**2
    inner = (slice(8, 16), slice(8, 16))
    assert_close(energy[inner], form[inner])
    total = 9 if window == "box" else 1
    assert_close(energy[inner], np.full((8, 8), total * (0.4 * U - 0.7 * V) ** 2))


@pytest.mark.row(317)
def test_shift_energy_by_whole_pixels_is_the_definition(x64, photograph):
    energy = np.asarray(image.shift_energy(photograph, np.array([2.0, 1.0]), window="box"))
    y, x = 30, 20
    rows, columns = slice(y - 1, y + 2), slice(x - 1, x + 2)
    moved = photograph[y : y + 3, x + 1 : x + 4]
    assert_close(energy[y, x], np.sum((moved - photograph[rows, columns]) ** 2))


@pytest.mark.row(318)
@pytest.mark.gap("U13")
def test_structure_tensor_equals_scikit_image(x64, photograph):
    feature = pytest.importorskip("skimage.feature")
    ours = image.structure_tensor(photograph, sigma=1.5, normalise=False, mode="nearest")
    theirs = feature.structure_tensor(photograph, sigma=1.5, mode="nearest", order="xy")
    assert_close(ours, np.stack(theirs))
    assert_close(image.tensor_eigenvalues(ours), feature.structure_tensor_eigenvalues(theirs))


@pytest.mark.row(318)
@pytest.mark.erratum("E76")
def test_eigenvalues_tell_flat_edge_and_corner(x64):
    picture = np.zeros((33, 33))
    picture[16:, 16:] = 1
    large, small = image.tensor_eigenvalues(image.structure_tensor(picture, sigma=1.0))
    assert large[5, 5] == small[5, 5] == 0
    assert large[28, 16] > 0.01
    assert small[28, 16] < 1e-9
    assert small[16, 16] > 0.01
    grad = jax.grad(lambda t: jnp.sum(image.tensor_eigenvalues(t)))(jnp.zeros((3, 2, 2)))
    assert np.isfinite(grad).all()


@pytest.mark.row(319)
@pytest.mark.erratum("E76")
def test_responses_equal_scikit_image(x64, photograph):
    feature = pytest.importorskip("skimage.feature")
    options = {"normalise": False, "mode": "constant"}
    assert_close(image.harris(photograph, k=0.05, **options), feature.corner_harris(photograph, k=0.05), factor=100)
    tensor = image.structure_tensor(photograph, **options)
    assert_close(image.harris_response(tensor, k=0.04), feature.corner_harris(photograph, k=0.04), factor=100)
    assert_close(image.shi_tomasi(photograph, **options), feature.corner_shi_tomasi(photograph))
    theirs = feature.corner_harris(photograph, method="eps", eps=1e-6)
    assert_close(2 * image.noble(photograph, **options), theirs)


@pytest.mark.row(319)
def test_harris_equals_opencv(photograph):
    cv2 = pytest.importorskip("cv2")
    single = photograph.astype(np.float32)
    ours = image.harris(single, window="box", size=3, mode="mirror") * (2 / 3) ** 4
    np.testing.assert_allclose(ours, cv2.cornerHarris(single, 3, 3, 0.05), atol=1e-7)


@pytest.mark.row(319)
def test_corners_of_a_checkerboard():
    board = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((12, 12))).astype(np.float32)
    peaks = image.local_peaks(image.harris(board), count=20, radius=3, threshold=1e-3, border=4)
    corners = {(x, y) for x in (12, 24, 36) for y in (12, 24, 36)}
    assert int(peaks.valid.sum()) == 9
    for x, y in np.asarray(peaks.xy)[:9]:
        assert min(abs(x + 0.5 - a) + abs(y + 0.5 - b) for a, b in corners) <= 1
    assert not image.local_peaks(jnp.zeros((8, 8)), count=3).valid.any()


@pytest.mark.row(319)
def test_local_peaks_are_strongest_first_and_one_for_a_plateau():
    response = np.zeros((12, 15), np.float32)
    response[3, 4] = response[3, 5] = 2
    response[8, 10], response[11, 0] = 5, 1
    peaks = jax.jit(lambda r: image.local_peaks(r, count=5, scale=2.0))(response)
    assert np.asarray(peaks.xy).tolist() == [[10, 8], [4, 3], [0, 11], [0, 0], [0, 0]]
    assert np.asarray(peaks.valid).tolist() == [True, True, True, False, False]
    assert np.asarray(peaks.response).tolist() == [5, 2, 1, 0, 0]
    assert np.asarray(peaks.scale).tolist() == [2, 2, 2, 1, 1]


@pytest.mark.row(320)
def test_corners_turn_with_the_image_and_do_not_follow_its_scale(x64, photograph):
    for response in (image.harris, image.shi_tomasi, image.noble):
        assert_close(np.rot90(response(photograph)), response(np.rot90(photograph).copy()))
    # the rounded corner of a small square, seen eight times as large, is an edge for the same window
    small, large = np.zeros((41, 41)), np.zeros((81, 81))
    y, x = np.mgrid[:41, :41]
    small[(x - 20) ** 2 + (y - 20) ** 2 <= 9] = 1
    y, x = np.mgrid[:81, :81]
    large[(x - 40) ** 2 + (y - 40) ** 2 <= 30**2] = 1
    assert image.harris(small, sigma=2.0).max() > 10 * image.harris(large, sigma=2.0).max()


@pytest.mark.row(319)
def test_responses_differentiate_and_batch(x64, photograph):
    crop = jnp.asarray(photograph[:12, :12])
    functions = [lambda i: image.harris(i), lambda i: image.noble(i), lambda i: image.shift_energy(i, jnp.ones(2) / 3)]
    for function in functions:
        check_grads(function, [crop], 1, atol=1e-6, rtol=1e-6)
        batch = jnp.stack([crop, crop.T])
        assert_close(jax.jit(jax.vmap(function))(batch)[1], function(crop.T))
    assert image.harris(np.zeros((12, 12), np.uint8)).dtype == jnp.float32


def tanh_corner(size, scale):
    y, x = (np.arange(size) - size // 2)[:, None] / scale, (np.arange(size) - size // 2)[None] / scale
    return np.exp(-(x**2 + y**2) / 2) * (1 + np.tanh(x) * np.tanh(y))


@pytest.mark.row(321, 322)
def test_scale_normalised_tensor_does_not_change_with_scale(x64):
    # f'(x) = s g'(s x) where g(s x) = f(x)
    s = 1.7
    f = lambda x: jnp.sin(x) + x**2  # noqa: E731
    g = lambda x: f(x / s)  # noqa: E731
    assert_close(jax.grad(f)(0.6), s * jax.grad(g)(s * 0.6))
    small = image.scale_normalised_tensor(tanh_corner(81, 6.0), sigma=3.0)
    large = image.scale_normalised_tensor(tanh_corner(161, 12.0), sigma=6.0)
    inner = np.asarray(large[:, ::2, ::2][:, 25:56, 25:56])
    # the same up to sampling: a Gaussian of 3 pixels cut at 4 of its deviations
    np.testing.assert_allclose(small[:, 25:56, 25:56], inner, atol=2e-3 * np.abs(inner).max())


@pytest.mark.row(324)
@pytest.mark.erratum("E77")
@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"variant": "notes"}, marks=pytest.mark.slow),
        pytest.param({"scale_by": "laplacian"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_scale_adapted_harris_follows_the_size(options):
    sigmas = tuple(2 ** (i / 2) for i in range(8))
    find = jax.jit(partial(image.scale_adapted_harris, sigmas=sigmas, count=4, threshold=1e-4, **options))
    found = []
    for radius in (4, 8):
        y, x = np.mgrid[:129, :129] - 64
        disc = (x**2 + y**2 <= radius**2).astype(np.float32)
        points = find(disc)
        assert points.valid[0]
        assert np.abs(np.asarray(points.xy[0]) - 64).max() <= radius
        found.append(float(points.scale[0]))
    assert found[1] / found[0] == pytest.approx(2, rel=1e-5)
    assert not find(np.zeros((129, 129), np.float32)).valid.any()
