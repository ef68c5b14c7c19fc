"""dlx.image: histograms of oriented gradients."""

import jax
import numpy as np
import pytest

from dlx import image
from tests.proof import check_gradients, configurations
from tests.reference import image_descriptors as reference


@pytest.mark.row(337)
@configurations()
def test_hog_is_the_reference(x64, rng):
    picture = rng.random((19, 22))
    got = jax.jit(lambda i: image.hog(i, orientations=8, cell_size=5))(picture)
    np.testing.assert_allclose(got, reference.hog(picture, 8, 5, 2), atol=1e-12)


@pytest.mark.row(337)
@pytest.mark.parametrize(("ours", "theirs"), [("l1", "L1"), ("l1-sqrt", "L1-sqrt"), ("l2", "L2"), ("l2-hys", "L2-Hys")])
def test_hog_is_that_of_scikit_image(ours, theirs):
    feature, data = pytest.importorskip("skimage.feature"), pytest.importorskip("skimage.data")
    picture = (data.camera()[:203, :150] / 255).astype(np.float32)
    for blocks, root in ((2, False), (3, True)):
        want = feature.hog(picture, block_norm=theirs, cells_per_block=(blocks, blocks), transform_sqrt=root)
        got = image.hog(picture, norm=ours, block_size=blocks, power_law=root)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.row(337)
def test_a_photograph_of_integers_falls_on_no_wrong_side_of_a_bin():
    feature, data = pytest.importorskip("skimage.feature"), pytest.importorskip("skimage.data")
    picture = data.camera()[:160, :160]
    # 4, 8 and 12 bins have edges at 45 and 90 degrees, where gradients of integers often lie
    for bins in (4, 8, 9, 12):
        want = feature.hog(picture.astype(float), orientations=bins, block_norm="L2", cells_per_block=(2, 2))
        got = image.hog(picture.astype(np.float32), orientations=bins)
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.row(337)
def test_hog_length():
    # Dalal and Triggs 2005: 15x7 blocks of 4 cells of 9 bins
    assert image.hog_length(128, 64) == 3780
    assert image.hog(np.zeros((128, 64), np.float32)).shape == (3780,)
    assert image.hog_length(100, 60, orientations=6, cell_size=10, block_size=3) == 8 * 4 * 9 * 6


@pytest.mark.row(337)
def test_hog_cells_of_a_ramp_vote_for_one_bin(x64):
    y, x = np.mgrid[:24, :24]
    for degrees, number in ((10, 0), (50, 2), (130, 6), (-50, 6)):
        angle = np.radians(degrees)
        cells = image.hog_cells(np.cos(angle) * x + np.sin(angle) * y)
        inner = np.asarray(cells[1, 1])
        # differences over two pixels of a slope of 1
        np.testing.assert_allclose(inner, 2 * np.eye(9)[number], atol=1e-12)
    assert (image.hog_cells(np.full((24, 24), 0.3)) == 0).all()


@pytest.mark.row(337)
def test_hog_keeps_dtype_vmaps_and_differentiates(rng):
    picture = rng.random((2, 12, 12)).astype(np.float32)
    function = jax.jit(lambda i: image.hog(i, cell_size=4, norm="l2-hys"))
    stacked = jax.vmap(function)(picture)
    assert stacked.dtype == np.float32
    np.testing.assert_allclose(stacked, [function(p) for p in picture], atol=1e-6)
    check_gradients(lambda i: image.hog(i, cell_size=4), [picture[0].astype(float)], [0], modes=["rev"])
    assert np.isfinite(jax.grad(lambda i: image.hog(i, cell_size=4, norm="l1-sqrt").sum())(0 * picture[0])).all()
    assert np.isfinite(function(0 * picture[0])).all()
    np.testing.assert_allclose(
        function((255 * picture[0]).astype(np.uint8)), function(np.floor(255 * picture[0]) / 255), atol=1e-6
    )
