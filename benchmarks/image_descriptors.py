"""dlx.image's descriptors, matching and RANSAC against scikit-image and OpenCV.

    python -m benchmarks.image_descriptors [--rounds 7] [--only hog ...]

Float32, one image. One process holds all sides; it is pinned to one processor and every library has one thread. Each
round runs all sides, in turn, the order reversed from round to round; a time is the process's own processor time, which
other programs hardly change. Compilation is not in it. The interval is that of the median of the rounds' ratios
(bootstrap).
"""

import argparse
import os
import time

NAMES = ("hog", "matching", "hamming", "brief", "homography", "calibration", "surf")


def cases():
    """{name: (what, ours, {library: theirs}, runs a round)}, each a function without arguments."""
    import cv2
    import jax
    import jax.numpy as jnp
    import numpy as np
    from skimage import data, feature, measure, transform

    from dlx import image

    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    picture = data.camera().astype(np.float32) / 255
    first, second = (rng.standard_normal((1000, 128)).astype(np.float32) for _ in range(2))
    words, other = (rng.integers(0, 2**32, (1000, 8), np.uint32) for _ in range(2))
    points = rng.uniform(20, 490, (1000, 2)).astype(np.float32)
    pairs = image.brief_pairs(jax.random.key(0))
    matrix = np.array([[0.9, 0.1, 20], [-0.05, 1.1, -10], [2e-4, -1e-4, 1]], np.float32)
    target = np.asarray(image.apply_transform(matrix, points)) + rng.standard_normal((1000, 2)).astype(np.float32)
    target[:450] = rng.uniform(0, 500, (450, 2))
    board = np.stack(np.meshgrid(np.arange(9.0), np.arange(6.0)), axis=-1).reshape(-1, 2)
    world = np.column_stack([board, np.zeros(54)])
    boards = [world.astype(np.float32)] * 13
    intrinsics, lens = np.array([[540, 0, 330], [0, 535, 245], [0, 0, 1.0]]), np.array([-0.25, 0.08, 0, 0, 0])
    views = np.stack(
        [
            np.asarray(
                image.project_distorted(
                    world, intrinsics, lens, rng.uniform(-0.5, 0.5, 3), np.array([-4, -2.5, 12 + i / 4])
                )
            )
            + 0.3 * rng.standard_normal((54, 2))
            for i in range(13)
        ]
    ).astype(np.float32)
    put = jnp.asarray

    def compiled(function, *arrays):
        arrays, run = [put(a) for a in arrays], jax.jit(function)
        return lambda: jax.block_until_ready(run(*arrays))

    brief = feature.BRIEF(descriptor_size=256, patch_size=31, sigma=2.0)
    bits = np.unpackbits(words.view(np.uint8), axis=1).astype(bool), np.unpackbits(other.view(np.uint8), axis=1) > 0
    return {
        "hog": (
            "HOG, 512x512, 9 bins, 8x8 cells, 2x2 blocks, L2",
            compiled(image.hog, picture),
            {"scikit-image": lambda: feature.hog(picture, cells_per_block=(2, 2), block_norm="L2")},
            5,
        ),
        "matching": (
            "matching 1000x1000, 128 floats, ratio test and mutual",
            compiled(lambda a, b: image.match_descriptors(a, b, ratio=0.8, mutual=True), first, second),
            {
                "scikit-image": lambda: feature.match_descriptors(first, second, max_ratio=0.8, cross_check=True),
                "OpenCV": lambda: (cv2.BFMatcher(cv2.NORM_L2).knnMatch(first, second, k=2),
                                   cv2.BFMatcher(cv2.NORM_L2).match(second, first)),
            },
            3,
        ),
        "hamming": (
            "matching 1000x1000, 256 bits, mutual",
            compiled(lambda a, b: image.match_descriptors(a, b, metric="hamming", mutual=True), words, other),
            {
                "scikit-image": lambda: feature.match_descriptors(*bits, cross_check=True),
                "OpenCV": lambda: cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(
                    words.view(np.uint8), other.view(np.uint8)
                ),
            },
            3,
        ),
        "brief": (
            "BRIEF, 512x512, 1000 points, 256 bits",
            compiled(lambda i, p: image.brief_descriptor(i, p, pairs), picture, points),
            {"scikit-image": lambda: brief.extract(picture, points[:, ::-1])},
            5,
        ),
        "homography": (
            "RANSAC of a homography, 1000 pairs, 45 % outliers, at most 1024 samples",
            compiled(lambda s, t: image.ransac_homography(jax.random.key(0), s, t, confidence=0.999), points, target),
            {
                "scikit-image": lambda: measure.ransac((points, target), transform.ProjectiveTransform, min_samples=4,
                                                       residual_threshold=3.0, max_trials=1024, rng=0,
                                                       stop_probability=0.999),
                "OpenCV": lambda: cv2.findHomography(points, target, cv2.RANSAC, 3.0, None, 1024, 0.999),
            },
            1,
        ),
        "calibration": (
            "calibration, 13 views of 54 corners, 5 distortion coefficients",
            compiled(image.calibrate_planar, board.astype(np.float32), views),
            {"OpenCV": lambda: cv2.calibrateCamera(boards, list(views), (640, 480), None, None)},
            1,
        ),
        "surf": ("SURF keypoints with angles and descriptors, 512x512, 500 points", _surf(compiled, picture), {}, 1),
    }  # fmt: skip


def _surf(compiled, picture):
    from dlx import image

    def run(picture):
        found = image.surf_keypoints(picture, count=500)
        return image.surf_descriptor(picture, found.xy, found.scale, found.angle)

    return compiled(run, picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES)
    options = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])

    import numpy as np

    from benchmarks.measure import median_interval

    print("| what | side | ms | its ms / dlx's (95 % interval) |\n|---|---|---|---|")
    for name, (what, ours, others, runs) in cases().items():
        if name not in options.only:
            continue
        sides = {"dlx": ours, **others}
        for side in sides.values():
            side()
        times = {side: np.empty(options.rounds) for side in sides}
        for number in range(options.rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                start = time.process_time()
                for _ in range(runs):
                    sides[side]()
                times[side][number] = (time.process_time() - start) / runs * 1e3
        for side, spent in times.items():
            ratio, low, high = median_interval(spent / times["dlx"])
            against = "" if side == "dlx" else f"{ratio:.2f} ({low:.2f} to {high:.2f})"
            print(f"| {what if side == 'dlx' else ''} | {side} | {np.median(spent):.2f} | {against} |", flush=True)


if __name__ == "__main__":
    main()
