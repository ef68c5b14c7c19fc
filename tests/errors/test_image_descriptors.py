"""What descriptors, matching, RANSAC and cameras of dlx.image say when they are called wrongly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image

KEY = jax.random.key(0)
PICTURE = jnp.ones((40, 40))
POINTS = jnp.arange(20.0).reshape(10, 2)
WORLD = jnp.arange(30.0).reshape(10, 3)
PAIRS = np.zeros((32, 2, 2), np.int32)
WORDS = jnp.ones((4, 8), jnp.uint32)
FIT = {"fit": lambda s: (s[0], True), "residual": lambda m, d: abs(d - m), "threshold": 1.0}

CASES = [
    (lambda: image.patch_descriptor(PICTURE, POINTS, size=4), ValueError, "size: got 4, wanted an odd number"),
    (lambda: image.patch_descriptor(PICTURE, POINTS, size=41), ValueError, r"image: got shape \(40, 40\), .* 41x41"),
    (lambda: image.patch_descriptor(PICTURE[0], POINTS), ValueError, r"image: got shape \(40,\)"),
    (lambda: image.patch_descriptor(PICTURE, WORLD), ValueError, r"points: got shape \(10, 3\), wanted \(points, 2\)"),
    (lambda: image.intensity_histogram(PICTURE, POINTS, high=0.0), ValueError, "high: got 0.0, wanted more than low"),
    (lambda: image.intensity_histogram(PICTURE, POINTS, bins=0), ValueError, "bins: got 0"),
    (lambda: image.orientation_histogram(PICTURE, POINTS, bins=-1), ValueError, "bins: got -1"),
    (lambda: image.inside_image(POINTS, height=0, width=4), ValueError, "height: got 0"),
    (lambda: image.inside_image(POINTS, height=4, width=4, margin=-1.0), ValueError, "margin: got -1.0"),
    (lambda: image.hog(PICTURE[:7]), ValueError, r"image: got shape \(7, 40\), wanted at least 16x16 pixels"),
    (lambda: image.hog(PICTURE, norm="l3"), ValueError, "norm: got 'l3', wanted one of l1"),
    (lambda: image.hog(PICTURE, epsilon=0.0), ValueError, "epsilon: got 0.0"),
    (lambda: image.hog(PICTURE.astype(int)), TypeError, "image: got dtype int32"),
    (lambda: image.hog_cells(PICTURE[:7]), ValueError, "wanted at least one cell of 8x8"),
    (lambda: image.hog_length(15, 64), ValueError, r"image: got shape \(15, 64\)"),
    (lambda: image.integral_image(jnp.ones((2, 2, 3))), ValueError, r"image: got shape \(2, 2, 3\)"),
    (lambda: image.integral_image(np.broadcast_to(np.uint8(1), (3000, 3000))), ValueError, "at most 8.4 million"),
    (lambda: image.box_sums(PICTURE, POINTS), ValueError, r"boxes: got shape \(10, 2\)"),
    (lambda: image.haar_descriptor(PICTURE[:7]), ValueError, r"patch: got shape \(7, 40\), .* each of 4x4 cells"),
    (lambda: image.haar_responses(PICTURE, POINTS, POINTS[:3, 0]), ValueError, r"sizes: got shape \(3,\)"),
    (lambda: image.surf_descriptor(PICTURE, POINTS, POINTS[:3, 0]), ValueError, r"scales: got shape \(3,\)"),
    (lambda: image.surf_orientation(PICTURE, WORLD, WORLD[:, 0]), ValueError, r"points: got shape \(10, 3\)"),
    (lambda: image.surf_keypoints(PICTURE), ValueError, "wanted at least 99x99 pixels, the largest filter"),
    (lambda: image.surf_keypoints(PICTURE, octaves=0), ValueError, "octaves: got 0"),
    (lambda: image.hessian_response(PICTURE, size=12), ValueError, "size: got 12, wanted an odd multiple of 3"),
    (lambda: image.brief_pairs(KEY, bits=100), ValueError, "bits: got 100, wanted a multiple of 32"),
    (lambda: image.brief_pairs(KEY, size=30), ValueError, "size: got 30, wanted an odd number"),
    (lambda: image.brief_descriptor(PICTURE, POINTS, PAIRS[:5]), ValueError, r"pairs: got shape \(5, 2, 2\)"),
    (lambda: image.brief_descriptor(PICTURE, POINTS, PAIRS, sigma=-1.0), ValueError, "sigma: got -1.0"),
    (lambda: image.pack_bits(jnp.ones((2, 31), bool)), ValueError, "bits: got 31, wanted a multiple of 32"),
    (lambda: image.hamming_distances(WORDS, WORDS[:, :4]), ValueError, r"second: got shape \(4, 4\)"),
    (lambda: image.hamming_distances(WORDS, WORDS.astype(int)), TypeError, "second: got dtype int32, wanted uint32"),
    (lambda: image.squared_distances(POINTS, WORLD), ValueError, r"second: got shape \(10, 3\) for first"),
    (lambda: image.squared_distances(WORDS, POINTS), TypeError, "first: got dtype uint32"),
    (lambda: image.match_descriptors(POINTS, WORLD), ValueError, "wanted .* with as many features"),
    (lambda: image.match_descriptors(POINTS, POINTS[:0]), ValueError, r"distances: got shape \(10, 0\)"),
    (lambda: image.match_descriptors(POINTS, POINTS, metric="hamming"), TypeError, "first: got dtype float32"),
    (lambda: image.match_descriptors(POINTS, POINTS, metric="euclid"), ValueError, "nearest: euclidean"),
    (lambda: image.match_descriptors(POINTS, POINTS, ratio=1.2), ValueError, "ratio: got 1.2"),
    (lambda: image.nearest_matches(POINTS, jnp.ones(3, bool)), ValueError, r"first_valid: got shape \(3,\)"),
    (lambda: image.nearest_matches(POINTS, max_distance=-1.0), ValueError, "max_distance: got -1.0"),
    (lambda: image.fit_affine(POINTS[:2], POINTS[:2]), ValueError, "source: got 2 pairs of points, wanted at least 3"),
    (lambda: image.fit_homography(POINTS[:3], POINTS[:3]), ValueError, "source: got 3 pairs"),
    (lambda: image.fit_homography(POINTS, POINTS[:5]), ValueError, r"target: got shape \(5, 2\), wanted \(10, 2\)"),
    (lambda: image.fit_affine(WORLD, WORLD), ValueError, r"source: got shape \(10, 3\), wanted \(pairs, 2\)"),
    (lambda: image.fit_affine(POINTS, POINTS, POINTS[:3, 0]), ValueError, r"weights: got shape \(3,\)"),
    (lambda: image.fit_affine(POINTS.astype(int), POINTS), TypeError, "source: got dtype int32, wanted float32 or"),
    (
        lambda: image.apply_transform(jnp.eye(3), jnp.ones((4, 3))),
        ValueError,
        r"points: got shape \(4, 3\), wanted \(poi",
    ),
    (
        lambda: image.apply_transform(jnp.eye(3), jnp.ones(2)),
        ValueError,
        r"points: got shape \(2,\), .* is points\[None\]",
    ),
    (lambda: image.apply_transform(jnp.eye(2), POINTS), ValueError, r"matrix: got shape \(2, 2\), wanted \(3, 3\)"),
    (lambda: image.invert_transform(jnp.eye(3)[:2]), ValueError, r"matrix: got shape \(2, 3\), .* row \(0, 0, 1\)"),
    (lambda: image.invert_transform(jnp.eye(3, dtype=int)), TypeError, "matrix: got dtype int32, wanted a floating"),
    (lambda: image.transfer_distance(jnp.eye(3), POINTS, POINTS[:1]), ValueError, r"target: got shape \(1, 2\)"),
    (
        lambda: image.corner_error(jnp.eye(3), jnp.eye(2), height=4, width=4),
        ValueError,
        r"reference: got shape \(2, 2\)",
    ),
    (
        lambda: image.project_points(jnp.eye(3), WORLD),
        ValueError,
        r"matrix: got shape \(3, 3\), wanted \(3, 4\); `camera_",
    ),
    (
        lambda: image.project_points(jnp.eye(4)[:3], POINTS),
        ValueError,
        r"points: got shape \(10, 2\), wanted \(points, 3\)",
    ),
    (lambda: image.ransac_homography(0, POINTS, POINTS), TypeError, "key: got 0, wanted a key made by jax.random.key"),
    (lambda: image.ransac_line(jnp.ones(2), POINTS), TypeError, "key: got dtype float32, wanted a key"),
    (lambda: image.corner_error(jnp.eye(3), jnp.eye(3), height=0, width=4), ValueError, "height: got 0"),
    (lambda: image.ransac_homography(KEY, POINTS[:3], POINTS[:3]), ValueError, "source: got 3 pairs"),
    (lambda: image.ransac_affine(KEY, POINTS, POINTS, threshold=-1.0), ValueError, "threshold: got -1.0"),
    (lambda: image.ransac_affine(KEY, POINTS, POINTS, iterations=0), ValueError, "iterations: got 0"),
    (lambda: image.ransac_line(KEY, POINTS[:1]), ValueError, "data: got 1, wanted at least 2, the size of a sample"),
    (lambda: image.ransac_line(KEY, POINTS, residual="x"), ValueError, "residual: got 'x'"),
    (lambda: image.ransac_line(KEY, POINTS, confidence=1.0), ValueError, "confidence: got 1.0"),
    (lambda: image.line_distance(jnp.ones(3), POINTS, residual="x"), ValueError, "residual: got 'x'"),
    (lambda: image.ransac(KEY, (POINTS, POINTS[:3]), sample_size=2, **FIT), ValueError, r"data: got leading axes of"),
    (lambda: image.ransac(KEY, POINTS, POINTS[:3, 0] > 0, sample_size=1, **FIT), ValueError, r"data_valid: got shape"),
    (lambda: image.calibrate_camera(WORLD[:5], POINTS[:5]), ValueError, "world: got 5 points, wanted at least 6"),
    (lambda: image.calibrate_camera(WORLD, POINTS[:7]), ValueError, r"image: got shape \(7, 2\), wanted \(10, 2\)"),
    (lambda: image.calibrate_camera(POINTS, POINTS), ValueError, r"world: got shape \(10, 2\), wanted \(points, 3\)"),
    (lambda: image.calibrate_planar(POINTS, POINTS[None]), ValueError, "images: got 1 views, wanted at least 3"),
    (lambda: image.calibrate_planar(POINTS[:3], POINTS[None, :3]), ValueError, "with at least 4 points"),
    (lambda: image.calibrate_planar(POINTS, POINTS), ValueError, r"images: got shape \(10, 2\)"),
    (lambda: image.calibrate_planar(POINTS, POINTS[None], distortion="ful"), ValueError, "nearest: full"),
    (lambda: image.undistort_points(POINTS, jnp.eye(3), jnp.zeros(5), iterations=0), ValueError, "iterations: got 0"),
    (lambda: image.rotation_vector(jnp.eye(3, dtype=int)), TypeError, "matrix: got dtype int32"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
