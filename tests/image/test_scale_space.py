"""dlx.image: pyramids, Laplacian and difference of Gaussians, extrema over scales, blobs."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dlx import image
from tests.tolerances import assert_close


@pytest.fixture(scope="module")
def photograph():
    data = pytest.importorskip("skimage.data")
    return data.camera()[180:244, 180:244] / 255


def disc(radius, size=65):
    y, x = np.mgrid[:size, :size] - size // 2
    return (x**2 + y**2 <= radius**2).astype(np.float64)


def test_pyramids_equal_opencv(photograph):
    cv2 = pytest.importorskip("cv2")
    single = photograph.astype(np.float32)
    down = cv2.pyrDown(single)
    np.testing.assert_allclose(image.pyramid_down(single), down, atol=1e-6)
    np.testing.assert_allclose(image.pyramid_up(down), cv2.pyrUp(down), atol=1e-6)


def test_laplacian_pyramid_gives_the_image_again(x64, photograph):
    odd = photograph[:53, :38]
    pyramid = image.laplacian_pyramid(odd, levels=4)
    assert [level.shape for level in pyramid] == [(53, 38), (27, 19), (14, 10), (7, 5)]
    assert_close(image.reconstruct_from_laplacian(pyramid), odd)
    assert_close(pyramid[3], image.gaussian_pyramid(odd, levels=4)[3])
    flat = image.laplacian_pyramid(np.full((16, 16), 0.5), levels=3)
    assert_close(flat[0][2:-2, 2:-2], np.zeros((12, 12)))


@pytest.mark.row(325)
@pytest.mark.gap("U14")
def test_laplacian_of_gaussian_equals_scipy_and_its_kernel(x64, photograph):
    ndimage = pytest.importorskip("scipy.ndimage")
    want = ndimage.gaussian_laplace(photograph, 1.7)
    assert_close(image.laplacian_of_gaussian(photograph, sigma=1.7), want)
    kernel = image.laplacian_of_gaussian_kernel(sigma=2.5, radius=15)
    second = jax.hessian(lambda p: jnp.exp(-jnp.sum(p**2) / (2 * 2.5**2)) / (2 * math.pi * 2.5**2))
    assert_close(kernel[15 + 2, 15 - 3], jnp.trace(second(jnp.array([2.0, -3.0]))))
    assert abs(float(kernel.sum())) < 1e-6
    # Lap (f * g) = f * Lap g: twice sampled, so to the discretisation of a Gaussian of 2.5 pixels
    by_kernel = ndimage.convolve(photograph, np.asarray(kernel))
    by_passes = jax.jit(partial(image.laplacian_of_gaussian, sigma=2.5, truncate=6.0))(photograph)
    np.testing.assert_allclose(by_passes, by_kernel, atol=1e-5)


@pytest.mark.row(326)
@pytest.mark.gap("U14")
def test_normalised_laplacian_of_a_disc_peaks_at_its_radius_over_root_two(x64):
    radius, sigmas = 12, np.linspace(6, 11, 26)
    picture = disc(radius, 131)
    # sigma as an array: one program for all scales
    respond = jax.jit(lambda s: image.laplacian_of_gaussian(picture, sigma=s, radius=44, normalise=True)[65, 65])
    middle = [float(respond(sigma)) for sigma in sigmas]
    # pixels make the disc a little larger or smaller than pi r^2: half a pixel of the radius at most
    assert sigmas[np.argmin(middle)] == pytest.approx(radius / math.sqrt(2), abs=0.36)
    assert min(middle) == pytest.approx(-2 / math.e, rel=5e-3)


@pytest.mark.row(327)
@pytest.mark.gap("U14")
def test_difference_of_gaussians_comes_near_the_laplacian(x64, photograph):
    laplacian = partial(image.laplacian_of_gaussian, sigma=3.0, normalise=True, truncate=7.0)
    want = np.asarray(jax.jit(laplacian)(photograph))
    errors = []
    for ratio in (1.4, 1.2, 1.1, 1.05):
        difference = partial(image.difference_of_gaussians, sigma=3.0, ratio=ratio, normalise=True, truncate=7.0)
        got = jax.jit(difference)(photograph)
        errors.append(np.linalg.norm(got - want) / np.linalg.norm(want))
    # an error of the first order in k - 1
    assert errors[0] > 1.7 * errors[1] > 3 * errors[2] > 5 * errors[3]
    assert errors[3] < 0.05


@pytest.mark.row(327)
def test_difference_of_gaussians_equals_scikit_image(x64, photograph):
    filters = pytest.importorskip("skimage.filters")
    theirs = filters.difference_of_gaussians(photograph, 1.5, 3.0, mode="reflect")
    assert_close(image.difference_of_gaussians(photograph, sigma=1.5, ratio=2.0), -theirs)


def naive_extrema(stack, variant):
    found = np.zeros(stack.shape, bool)
    scales, height, width = stack.shape
    for s, y, x in np.ndindex(scales, height, width):
        if not (0 < y < height - 1 and 0 < x < width - 1):
            continue
        value = stack[s, y, x]
        if variant == "notes":
            around = stack[s, y - 1 : y + 2, x - 1 : x + 2]
            found[s, y, x] = value >= around.max() and value >= stack[:, y, x].max() and value > 0
        elif 0 < s < scales - 1:
            cube = stack[s - 1 : s + 2, y - 1 : y + 2, x - 1 : x + 2]
            found[s, y, x] = (value >= cube.max() and value > 0) or (value <= cube.min() and value < 0)
    return found


@pytest.mark.row(323)
@pytest.mark.erratum("E77")
@pytest.mark.parametrize("variant", ["accepted", "notes"])
def test_extrema_equal_a_loop(rng, variant):
    stack = rng.standard_normal((4, 12, 13)).astype(np.float32)
    got = image.scale_space_extrema(stack, variant=variant)
    assert got.any()
    assert (np.asarray(got) == naive_extrema(stack, variant)).all()
    assert not image.scale_space_extrema(np.zeros((4, 12, 13), np.float32), variant=variant).any()


@pytest.mark.row(323, 326)
@pytest.mark.parametrize("method", ["log", "dog"])
@pytest.mark.parametrize("variant", ["accepted", "notes"])
def test_blobs_are_found_at_their_scales(method, variant):
    sigmas = tuple(2.0 * 2 ** (i / 4) for i in range(9))
    y, x = np.mgrid[:97, :97]
    picture = np.zeros((97, 97), np.float32)
    for cx, cy, s in ((25, 30, 4.0), (70, 60, 5.7)):
        picture += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s**2))
    find = partial(image.blobs, sigmas=sigmas, count=4, method=method, variant=variant)
    points = jax.jit(find)(picture)
    order = np.argsort(np.asarray(points.xy)[:2, 0])
    assert np.asarray(points.valid).tolist() == [True, True, False, False]
    assert np.asarray(points.xy)[:2][order].tolist() == [[25, 30], [70, 60]]
    # sigma^2 |Lap| of a Gaussian blob is largest at its own sigma; a difference's peak lies at the geometric mean
    factor = 2**0.125 if method == "dog" else 1.0
    np.testing.assert_allclose(np.asarray(points.scale)[:2][order] * factor, [4.0, 5.7], rtol=0.13)
    dark = jax.jit(partial(find, polarity="dark"))(-picture)
    np.testing.assert_allclose(dark.xy, points.xy)


@pytest.mark.row(323)
def test_blobs_equal_scikit_image(x64):
    feature = pytest.importorskip("skimage.feature")
    data = pytest.importorskip("skimage.data")
    crop = data.hubble_deep_field()[200:320, 300:440].mean(-1) / 255
    sigmas = np.linspace(1, 7, 7)
    theirs = feature.blob_log(crop, min_sigma=1, max_sigma=7, num_sigma=7, threshold=0.02, overlap=1.0)
    theirs = {tuple(row[[1, 0, 2]]) for row in theirs if 1 < row[2] < 7 and 1 < row[0] < 118 and 1 < row[1] < 138}
    ours = jax.jit(partial(image.blobs, sigmas=tuple(sigmas), count=400, threshold=0.02))(crop)
    mine = {(*map(float, p), float(s)) for p, s, v in zip(ours.xy, ours.scale, ours.valid, strict=True) if v}
    assert len(theirs) > 5
    assert theirs <= mine


@pytest.mark.row(325, 327)
def test_scale_space_differentiates_and_batches(x64, photograph):
    crop = jnp.asarray(photograph[:14, :14])
    log = jax.jit(partial(image.laplacian_of_gaussian, sigma=1.2))
    check_grads(log, [crop], 1, atol=1e-6, rtol=1e-6)
    check_grads(jax.jit(partial(image.laplacian_pyramid, levels=2)), [crop], 1, atol=1e-6, rtol=1e-6)
    assert_close(jax.jit(jax.vmap(log))(jnp.stack([crop, crop.T]))[1], log(crop.T))
    assert image.difference_of_gaussians(np.zeros((32, 32), np.uint8), sigma=1.0).dtype == jnp.float32
