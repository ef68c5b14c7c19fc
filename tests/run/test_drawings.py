"""Drawings over images: each stroke lies where its numbers say, and nowhere else."""

import numpy as np
import pytest

from dlx.image import Keypoints
from dlx.run.drawings import draw_circles, draw_keypoints, draw_lines, draw_matches, draw_points, draw_segments

GREY = np.full((60, 80), 128, np.uint8)
ORANGE = (255, 122, 0)


def drawn(picture: np.ndarray, background: int = 128) -> np.ndarray:
    """(x, y) in the picture of all pixels that are not the ground."""
    rows, columns = np.nonzero((picture != background).any(-1))
    return np.stack([columns, rows], 1)


def keypoints(xy, scale, angle=None, valid=None) -> Keypoints:
    count = len(xy)
    zeros = np.zeros(count)
    return Keypoints(
        np.array(xy, float),
        np.array(scale, float),
        zeros if angle is None else np.array(angle, float),
        zeros,
        zeros.astype(int),
        np.ones(count, bool) if valid is None else np.array(valid),
    )


def test_images_of_all_kinds_become_enlarged_colours():
    for image in (GREY, GREY[..., None], np.repeat(GREY[..., None], 3, -1), GREY / 255, GREY > 100):
        picture = draw_points(image, np.zeros((0, 2)))
        assert picture.dtype == np.uint8
        assert picture.shape == (480, 640, 3)  # 8 times as large
    assert draw_points(GREY, np.zeros((0, 2)), zoom=1).tolist() == np.repeat(GREY[..., None], 3, -1).tolist()


@pytest.mark.parametrize("zoom", [1, 4])
def test_a_circle_has_its_centre_and_radius(zoom):
    at = drawn(draw_circles(GREY, [[30, 20]], [12], zoom=zoom))
    # the centre of pixel i lies at (i + 1/2) zoom - 1/2 of the picture
    distance = np.hypot(*(at - (np.array([30, 20]) + 0.5) * zoom + 0.5).T) / zoom
    ring = distance[distance > 6]
    assert abs(ring.mean() - 12) < 0.4 / zoom  # a ring has more pixels outside than inside
    assert abs(ring - 12).max() < 2.5 / zoom
    assert distance.min() < 1  # the cross in the middle


def test_a_line_runs_from_border_to_border_at_its_distance():
    for theta, rho in ((0.0, 30.0), (np.pi / 2, 20.0), (0.5, 45.0), (-0.7, -5.0)):
        at = drawn(draw_lines(GREY, [theta], [rho], zoom=1))
        assert abs(at @ [np.cos(theta), np.sin(theta)] - rho).max() < 3
        assert (at.min(0) == 0).any()
        assert ((at.max(0) == 79) | (at.max(0) == 59)).any()


def test_keypoints_are_circles_of_their_scale_with_a_radius_to_their_angle():
    plain = drawn(draw_keypoints(GREY, keypoints([[40, 30]], [5]), size=2, zoom=4))
    turned = drawn(draw_keypoints(GREY, keypoints([[40, 30]], [5], angle=[np.pi / 2]), size=2, zoom=4))
    middle = (np.array([40, 30]) + 0.5) * 4 - 0.5
    assert np.hypot(*(plain - middle).T).min() > 36
    spoke = turned[np.hypot(*(turned - middle).T) < 34]
    assert (spoke[:, 1] > middle[1] - 3).all()  # y points downwards
    assert abs(spoke[:, 0] - middle[0]).max() < 8
    assert spoke[:, 1].max() > middle[1] + 30


def test_keypoints_that_are_not_there_are_not_drawn():
    assert not len(drawn(draw_keypoints(GREY, keypoints([[40, 30]], [5], valid=[False]))))
    assert not len(drawn(draw_keypoints(GREY, keypoints([[np.nan, 30]], [5]))))
    assert not len(drawn(draw_circles(GREY, [[40, np.inf]], [5])))


def test_matches_join_both_images_and_show_who_is_right():
    right = np.full((40, 50, 3), 128, np.uint8)
    left_xy, right_xy = np.array([[10.0, 10.0], [10.0, 50.0]]), np.array([[20.0, 10.0], [20.0, 35.0]])
    picture = draw_matches(GREY, right, left_xy, right_xy, [True, False], gap=8, zoom=2)
    assert picture.shape == (120, 2 * (80 + 8 + 50), 3)
    assert (picture[90:, 2 * 88 :] == 255).all(-1).any()  # white below the lower image
    red, green, _ = picture[21, 2 * 60].astype(int)
    assert green > red + 50
    row = 2 * 50 - 2 * 15 * 50 // 98
    assert (picture[row - 4 : row + 4, 2 * 60, 0].astype(int) - picture[row - 4 : row + 4, 2 * 60, 1]).max() > 50


def test_of_many_matches_only_so_many_are_drawn():
    points = np.stack([np.full(40, 5.0), np.arange(10.0, 50.0)], 1)
    few, all_of_them = (drawn(draw_matches(GREY, GREY, points, points, most=m, zoom=4, gap=0)) for m in (4, 40))
    assert 0 < len(few) < len(all_of_them) / 3


def test_points_and_segments():
    at = drawn(draw_points(GREY, [[40, 30]], zoom=1, size=4))
    assert abs(at - [40, 30]).max() in (4, 5, 6)
    at = drawn(draw_segments(GREY, [[10, 10]], [[50, 40]], zoom=1))
    along = (at - [10, 10]) @ [0.8, 0.6]
    across = (at - [10, 10]) @ [-0.6, 0.8]
    assert -2 < along.min() < 1
    assert 49 < along.max() < 54  # with the dot
    assert abs(across).max() < 4


def test_each_circle_may_have_its_colour():
    picture = draw_circles(GREY, [[20, 30], [60, 30]], [10, 10], colour=["#ff0000", "#0000ff"], zoom=4)
    left, right = picture[:, :160].astype(int), picture[:, 160:].astype(int)
    assert (left[..., 0] - left[..., 2]).max() == 255
    assert (right[..., 2] - right[..., 0]).max() == 255
    assert (picture == ORANGE).all(-1).sum() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_points(np.zeros((2, 3, 4, 3)), []), r"image: got shape \(2, 3, 4, 3\)"),
        (lambda: draw_segments(GREY, np.zeros((3, 2)), np.zeros((2, 2))), r"got shapes \(3, 2\) and \(2, 2\)"),
        (lambda: draw_matches(GREY, GREY, np.zeros((3, 2)), np.zeros((3, 2)), [True]), r"inliers: got shape \(1,\)"),
        (lambda: draw_circles(GREY, np.zeros((2, 2)), [1, 1], colour=["red"]), "shorter|longer"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
