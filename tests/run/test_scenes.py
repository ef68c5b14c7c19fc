"""Drawn scenes and the errors measured in them, by cases that are known without them."""

import math

import numpy as np
import pytest

from dlx.run.scenes import circle_errors, line_errors, paint_bars, paint_discs, place_discs


def test_discs_keep_apart_from_each_other_and_from_the_border():
    xy, radii = place_discs(np.random.default_rng(0), (120, 200), 9, (6, 12), gap=5)
    assert 6 <= radii.min() <= radii.max() <= 12
    assert len(radii) == 9
    assert ((xy - radii[:, None]) >= 5).all()
    assert ((xy + radii[:, None]) <= np.array([199, 119]) - 5).all()
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) - radii[:, None] - radii[None]
    assert (apart[~np.eye(9, dtype=bool)] >= 5).all()


def test_a_disc_without_room_is_refused():
    with pytest.raises(ValueError, match=r"none has room in an image of \(20, 20\)"):
        place_discs(np.random.default_rng(0), (20, 20), 1, (30, 40))


def test_a_disc_has_its_area_and_centroid():
    image = paint_discs((60, 80), np.array([[41.3, 30.8]]), np.array([12.4]))
    y, x = np.mgrid[:60, :80]
    assert image.dtype == np.float32
    assert abs(image.sum() / (math.pi * 12.4**2) - 1) < 2e-3
    assert abs((image * x).sum() / image.sum() - 41.3) < 0.01
    assert abs((image * y).sum() / image.sum() - 30.8) < 0.01


def test_a_bar_has_its_width_and_edges():
    image = paint_bars((50, 50), np.array([0.0]), np.array([20.0]), width=10)
    assert image.sum(1).tolist() == [10.0] * 50
    assert np.flatnonzero(image[0] == 0.5).tolist() == [15, 25]  # the edges lie at 20 -+ 5


def test_circles_that_are_found_missed_and_invented():
    true = np.array([[20.0, 20.0], [60.0, 20.0], [20.0, 60.0]]), np.array([8.0, 8.0, 8.0])
    found = np.array([[23.0, 24.0], [60.0, 20.0], [90.0, 90.0]]), np.array([8.0, 16.0, 8.0])
    # the first has a centre 5 > 8 / 2 away, the second twice the radius
    errors = circle_errors(*true, *found)
    assert (errors["circles_found"], errors["false_circles"]) == (0, 3)
    assert math.isnan(errors["centre_error"])
    found = np.array([[20.0, 23.0], [60.0, 20.0], [61.0, 20.0]]), np.array([9.0, 8.0, 8.0])
    assert circle_errors(*true, *found) == pytest.approx(
        {"circles_found": 2 / 3, "false_circles": 0, "centre_error": 1.5, "radius_error": 0.5}
    )
    nothing = circle_errors(*true, np.zeros((0, 2)), np.zeros(0))
    assert (nothing["circles_found"], nothing["false_circles"]) == (0, 0)


def test_lines_are_compared_in_the_middle_and_whatever_their_sign():
    shape = (101, 201)
    errors = line_errors(np.array([0.3]), np.array([50.0]), np.array([0.3 - math.pi]), np.array([-50.5]), shape=shape)
    assert errors == pytest.approx({"lines_found": 1, "line_distance_error": 0.5, "line_angle_error": 0}, abs=1e-9)
    # two lines through the middle (100, 50) that cross there at half a degree, far apart at the first pixel
    angles = np.array([0.3, 0.3 + np.deg2rad(0.5)])
    rhos = 100 * np.cos(angles) + 50 * np.sin(angles)
    errors = line_errors(angles[:1], rhos[:1], angles[1:], rhos[1:], shape=shape)
    assert errors == pytest.approx({"lines_found": 1, "line_distance_error": 0, "line_angle_error": 0.5}, abs=1e-9)
    errors = line_errors(np.array([0.3, 1.2]), np.array([50.0, 50.0]), np.array([0.3]), np.array([50.0]), shape=shape)
    assert errors["lines_found"] == 0.5
    nothing = line_errors(angles, rhos, np.zeros(0), np.zeros(0), shape=shape)
    assert nothing["lines_found"] == 0
    assert math.isnan(nothing["line_angle_error"])
