"""dlx.image: integral images and sums over boxes."""

import jax
import numpy as np
import pytest

from dlx import image
from tests.proof import check_gradients
from tests.reference import image_descriptors as reference


@pytest.mark.row(335)
def test_integral_image_is_that_of_opencv_and_exact(rng):
    cv2 = pytest.importorskip("cv2")
    picture = rng.integers(0, 256, (37, 53), np.uint8)
    got = image.integral_image(picture)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, cv2.integral(picture))
    floats = (picture / 255).astype(np.float32)
    np.testing.assert_allclose(image.integral_image(floats), cv2.integral(floats), rtol=1e-5)


@pytest.mark.row(335)
@pytest.mark.gap("U12")
def test_box_sums(x64, rng):
    picture = rng.random((12, 15))
    integral = image.integral_image(picture)
    whole = np.array([[0, 0, 15, 12], [3, 2, 7, 9], [5, 5, 5, 9], [-4, -4, 3, 99]])
    want = [picture.sum(), picture[2:9, 3:7].sum(), 0, picture[:, :3].sum()]
    np.testing.assert_allclose(image.box_sums(integral, whole), want, atol=1e-12)
    parts = np.column_stack([rng.uniform(-2, 7, (20, 2)), rng.uniform(7, 16, (20, 2))])
    want = [reference.area_sum(picture, *box) for box in parts]
    np.testing.assert_allclose(jax.jit(image.box_sums)(integral, parts), want, atol=1e-12)
    check_gradients(image.box_sums, [np.asarray(integral), parts[:4]], [0, 1], modes=["rev"])
