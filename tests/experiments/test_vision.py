"""What the experiments of classical vision make themselves: pictures in known motion, scores of matches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image
from experiments import calibration, features, optical_flow
from tests.image.matching import scores


def test_scores_of_matches_are_those_of_a_loop(rng):
    count, shape = 60, (90, 120)
    xy = rng.uniform(0, [120, 90], (count, 2)).astype(np.float32)
    true = np.array([[0.9, -0.2, 12.0], [0.1, 1.1, -6.0], [1e-4, 2e-4, 1.0]], np.float32)
    there = np.asarray(image.apply_transform(true, xy)) + rng.normal(size=(count, 2)).astype(np.float32)
    vectors = rng.normal(size=(count, 8)).astype(np.float32)
    others = vectors + 0.4 * rng.normal(size=vectors.shape).astype(np.float32)
    config = features.Config(count=count)
    sides = [
        features.Points(jnp.asarray(a), jnp.asarray(b), jnp.ones(count, bool))
        for a, b in ((xy, vectors), (there, others))
    ]
    got = features.repeated(config, *sides, jnp.asarray(true), np.zeros(shape), np.zeros(shape))
    want = scores((xy, vectors), (there, others), true, (shape, shape))
    assert 0.1 < want[1] < want[0] < 1
    np.testing.assert_allclose(got, want, rtol=1e-6)
    # points that are not there count for nothing
    half = jnp.arange(count) < count // 2
    got = features.repeated(config, *(side._replace(valid=half) for side in sides), jnp.asarray(true),
                            np.zeros(shape), np.zeros(shape))  # fmt: skip
    few = slice(count // 2)
    want = scores((xy[few], vectors[few]), (there[few], others[few]), true, (shape, shape))
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_a_turned_photograph_lies_where_its_map_says(scale):
    y, x = np.mgrid[:80, :100].astype(np.float32)
    first = 0.5 + 0.3 * np.sin(0.11 * x + 0.2) * np.cos(0.09 * y)
    second, true = features.turned(first, 25.0, scale)
    places = np.float32([[50, 40], [40, 35], [61, 44], [55, 28]])
    seen = image.bilinear_sample(second, image.apply_transform(true, places))
    np.testing.assert_allclose(seen, image.bilinear_sample(first, places), atol=0.01)
    assert np.abs(np.asarray(image.bilinear_sample(second, places)) - seen).max() > 0.02


@pytest.mark.slow
def test_a_map_is_found_among_outliers():
    errors = [float(features.planted(jax.random.key(seed))) for seed in range(3)]
    assert max(errors) < 1


@pytest.mark.parametrize(("shift", "angle"), [((3.0, -2.0), 0.0), ((0.0, 0.0), 0.05)])
def test_waves_move_as_their_flow_says(rng, shift, angle):
    scene = optical_flow.moved(rng, np.array(shift), angle)
    rows, columns = np.nonzero(scene.known)
    places = np.stack([columns, rows], 1).astype(np.float32)
    seen = image.bilinear_sample(scene.second, places + scene.truth[rows, columns])
    # bilinear interpolation cuts the crests of the shortest waves
    np.testing.assert_allclose(seen, scene.first[rows, columns], atol=0.03)
    assert np.abs(scene.second - scene.first).max() > 0.1


@pytest.mark.slow
def test_a_rendered_board_has_its_corners_where_the_camera_sees_them(x64):
    views = calibration.generated(calibration.Config(noise=0.0), 0)
    picture = next(iter(views.pictures.values()))
    fitted = image.calibrate_planar(views.board, views.corners)
    np.testing.assert_allclose(fitted.intrinsics, calibration.CAMERA, rtol=1e-6)
    # about a corner two squares are dark and two bright: along the squares' middles, a third of a square away
    for number in (0, 30, 53):
        steps = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]]) * calibration.SQUARE / 3
        world = np.c_[views.board[number] + steps, np.zeros(4)]
        pose = fitted.rotations[0], fitted.translations[0]
        at = image.project_distorted(world, fitted.intrinsics, fitted.distortion, *pose)
        shades = np.asarray(image.bilinear_sample(picture, at)).reshape(2, 2)
        assert abs(shades.mean(1) @ [1, -1]) > 0.5
        assert np.ptp(shades, axis=1).max() < 0.2


def test_a_cube_without_noise_gives_its_camera(x64):
    assert max(calibration.cube(0.0, seed) for seed in range(3)) < 1e-6
    # what is left of the noise: 2 * 75 equations for 11 unknowns
    left = np.mean([calibration.cube(0.5, seed) for seed in range(10)])
    np.testing.assert_allclose(left, 0.5 * np.sqrt(2 * (1 - 11 / 150)), rtol=0.05)
