"""Sampling and optical flow: bad input as a user meets it."""

import numpy as np
import pytest

from dlx import image as images

A = np.random.default_rng(0).random((32, 40), np.float32)
POINTS = np.float32([[10, 10]])


@pytest.mark.parametrize(
    "function", [images.lucas_kanade, images.pyramid_lucas_kanade, images.horn_schunck, images.pyramid_horn_schunck]
)
def test_two_frames(function):
    with pytest.raises(ValueError, match=r"second: got shape \(32, 39\), wanted \(32, 40\), the shape of first"):
        function(A, A[:, 1:])
    with pytest.raises(ValueError, match=r"first: got shape \(2, 32, 40\), wanted \(height, width\)"):
        function(np.stack([A, A]), np.stack([A, A]))
    with pytest.raises(TypeError, match="got dtype int32, wanted uint8"):
        function(A.astype(np.int32), A)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: images.lucas_kanade(A, A, window=4), "window: got 4, wanted an odd number"),
        (lambda: images.lucas_kanade(A, A, window=1), "window: got 1, wanted 3 to 32"),
        (lambda: images.lucas_kanade(A, A, window=33), "window: got 33, wanted 3 to 32"),
        (lambda: images.lucas_kanade(A, A, weights="box"), "weights: got 'box'"),
        (lambda: images.lucas_kanade(A, A, derivatives="last"), "derivatives: got 'last'"),
        (lambda: images.lucas_kanade(A, A, min_eigenvalue=-1.0), "min_eigenvalue: got -1.0"),
        (lambda: images.pyramid_lucas_kanade(A, A, levels=3), "levels: got 3, wanted 1 to 2"),
        (lambda: images.pyramid_lucas_kanade(A, A, levels=0), "levels: got 0"),
        (lambda: images.pyramid_lucas_kanade(A, A, levels=1, iterations=0), "iterations: got 0"),
        (lambda: images.track_points(A, A, POINTS, levels=4), "levels: got 4, wanted 1 to 3"),
        (lambda: images.track_points(A, A, POINTS[0], levels=1), r"points: got shape \(2,\), wanted \(count, 2\)"),
        (lambda: images.klt_track(A, POINTS), r"images: got shape \(32, 40\)"),
        (lambda: images.klt_track(A[None], POINTS), "two frames or more"),
        (lambda: images.klt_track(np.stack([A, A]), POINTS, np.ones(2, bool)), r"valid: got shape \(2,\)"),
        (lambda: images.klt_track(np.stack([A, A]), POINTS, max_residual=-1.0), "max_residual: got -1.0"),
        (lambda: images.trackable_points(A, window=6), "window: got 6"),
        (lambda: images.horn_schunck(A, A, alpha=0.0), "alpha: got 0.0"),
        (lambda: images.horn_schunck(A, A, alpha=-1.0), "alpha: got -1.0"),
        (lambda: images.horn_schunck(A, A, iterations=0), "iterations: got 0"),
        (lambda: images.horn_schunck(A, A, neighbours=6), "neighbours: got 6"),
        (lambda: images.horn_schunck(A, A, initial=np.zeros((32, 40))), r"initial: got shape \(32, 40\)"),
        (lambda: images.pyramid_horn_schunck(A, A, levels=9), "levels: got 9, wanted 1 to 3"),
        (
            lambda: images.pyramid_horn_schunck(A[:4, :4], A[:4, :4]),
            r"levels: got 4, wanted 1: .*\(4, 4\) and must hold 8",
        ),
        (lambda: images.pyramid_horn_schunck(A, A, levels=1, alpha=0.0), "alpha: got 0.0"),
        (lambda: images.pyramid_horn_schunck(A, A, levels=1, warps=0), "warps: got 0"),
        (lambda: images.neighbour_mean(A, neighbours=5), "neighbours: got 5"),
        (lambda: images.flow_energy(A, A, np.zeros((32, 40, 2)), alpha=0.0), "alpha: got 0.0"),
        (lambda: images.flow_constraint(A, A, np.zeros((32, 40))), r"flow: got shape \(32, 40\)"),
        (lambda: images.end_point_error(np.zeros((3, 2)), np.zeros((4, 2))), r"truth: got shape \(4, 2\)"),
        (lambda: images.end_point_error(np.zeros((3, 3)), np.zeros((3, 3))), r"flow: got shape \(3, 3\)"),
        (lambda: images.angular_error(POINTS, POINTS, np.ones(3, bool)), r"known: got shape \(3,\)"),
        (lambda: images.angular_error(POINTS, POINTS, reduction="sum"), "reduction: got 'sum'"),
        (lambda: images.flow_colours(np.zeros((3, 3))), r"flow: got shape \(3, 3\)"),
        (lambda: images.flow_colours(POINTS, np.ones(3, bool)), r"known: got shape \(3,\)"),
        (lambda: images.flow_colours(POINTS, max_length=0.0), "max_length: got 0.0"),
        (lambda: images.bilinear_sample(A, POINTS, mode="mirror"), "mode: got 'mirror'"),
        (
            lambda: images.bilinear_sample(A, np.ones((4, 3), np.float32)),
            r"points: got shape \(4, 3\), wanted \(..., 2\)",
        ),
        (lambda: images.bilinear_sample(A, np.float32(1)), r"points: got shape \(\), wanted \(..., 2\)"),
        (lambda: images.bilinear_sample(A[:0], POINTS), r"image: got shape \(0, 40\)"),
        (lambda: images.warp(A, np.zeros((8, 9, 2), np.float32), shape=(9, 8)), r"shape: got \(9, 8\)"),
        (
            lambda: images.warp(A, np.eye(2)),
            r"transform: got shape \(2, 2\), wanted a flow .* or a homography \(3, 3\)",
        ),
        (lambda: images.warp(A, np.eye(3)[:2]), r"transform: got shape \(2, 3\), .* the last row \(0, 0, 1\)"),
        (lambda: images.warp(A, np.zeros((8, 9, 3))), r"transform: got shape \(8, 9, 3\), wanted a flow"),
        (lambda: images.warp(A, np.diag([1, np.nan, 1])), r"transform: got nan at \[1, 1\], wanted finite numbers"),
        (lambda: images.warp(A, np.diag([1, 1, np.inf])), r"transform: got inf at \[2, 2\], wanted finite numbers"),
        (lambda: images.warp(A, np.eye(3, dtype=np.float32), shape=(0, 4)), r"shape\[0\]: got 0"),
        (lambda: images.resize_bilinear(A, shape=(4,)), r"shape: got \(4,\)"),
        (lambda: images.resize_bilinear(A, shape=(4, 0)), r"shape\[1\]: got 0"),
    ],
)
def test_values(call, words):
    with pytest.raises(ValueError, match=words):
        call()
