"""Optical flow on Middlebury's RubberWhale, beside OpenCV and scikit-image."""

import jax
import numpy as np
import pytest

import dlx.data
from dlx import image as images

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


@pytest.fixture(scope="module")
def whale():
    arrays = {}

    def get():
        if not arrays:
            arrays.update(dlx.data.load_images("rubber_whale").arrays)
            cv2 = pytest.importorskip("cv2")
            for name in ("frame10", "frame11"):
                arrays[name] = cv2.cvtColor(arrays[name], cv2.COLOR_RGB2GRAY)
        return arrays

    return get


@pytest.mark.row(340, function="dlx.image.track_points", references="opencv")
@pytest.mark.parametrize("where", ["corners", "grid"])
def test_points_are_not_worse_than_opencv(whale, where):
    cv2, data = pytest.importorskip("cv2"), whale()
    first, second, truth, known = (data[name] for name in ("frame10", "frame11", "flow", "known"))
    if where == "corners":
        points = cv2.goodFeaturesToTrack(first, 500, 0.01, 7).reshape(-1, 2)
    else:
        points = np.stack(np.meshgrid(np.arange(10, 574, 10), np.arange(10, 378, 10)), -1).reshape(-1, 2)
    points = np.float32(points)
    rows, columns = points[:, 1].astype(int), points[:, 0].astype(int)
    points, want = points[known[rows, columns]], truth[rows, columns][known[rows, columns]]
    for window in (15, 21, 31):
        theirs, status, _ = cv2.calcOpticalFlowPyrLK(
            first, second, points[:, None], None, winSize=(window, window), maxLevel=3
        )
        ours = jax.jit(lambda *a, w=window: images.track_points(*a, window=w))(first, second, points)
        both = (status.ravel() > 0) & np.asarray(ours.valid)
        assert both.mean() > 0.99
        errors = [images.end_point_error(p - points, want, both) for p in (ours.points, theirs[:, 0])]
        # measured: 0.15 to 0.17 against 0.17 to 0.19 (corners), 0.25 to 0.32 against 0.28 to 0.38 (grid)
        assert errors[0] <= errors[1]


@pytest.mark.row(341, function="dlx.image.pyramid_horn_schunck", references="scikit-image")
def test_horn_schunck_is_not_worse_than_ilk(whale):
    registration, data = pytest.importorskip("skimage.registration"), whale()
    first, second, truth, known = (data[name] for name in ("frame10", "frame11", "flow", "known"))
    theirs = registration.optical_flow_ilk(np.float32(first) / 255, np.float32(second) / 255)
    ours = jax.jit(images.pyramid_horn_schunck)(first, second)
    error = float(images.end_point_error(ours, truth, known))
    # measured: 0.203 on greys of floats, against 0.2704 (and 0.2560 of optical_flow_tvl1)
    assert error <= float(images.end_point_error(np.stack(theirs[::-1], -1).astype(np.float32), truth, known))
    assert error < 0.25
