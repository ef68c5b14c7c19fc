"""Optical flow at 512x512 against OpenCV and scikit-image: processor milliseconds of one thread.

    taskset -c 0 env OMP_NUM_THREADS=1 XLA_FLAGS=--xla_cpu_multi_thread_eigen=false python -m benchmarks.image_flow

Sides take turns in one process; compilation is apart. The motion is a shift of scikit-image's camera by (2.3, -1.6).
"""

import time
from collections.abc import Callable
from typing import Any

import cv2
import jax
import numpy as np
import skimage.data
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

from dlx import image

ROUNDS = 5


def sides() -> dict[str, Callable[[], Any]]:
    """Name -> what is measured."""
    first = skimage.data.camera()
    motion = np.array([[1, 0, 2.3], [0, 1, -1.6]], np.float32)
    second = cv2.warpAffine(first, motion, (512, 512), borderMode=cv2.BORDER_REFLECT)
    frames = [np.float32(frame) / 255 for frame in (first, second)]
    points = cv2.goodFeaturesToTrack(first, 200, 0.01, 7).reshape(-1, 2)
    track, dense = jax.jit(image.track_points), jax.jit(image.pyramid_lucas_kanade)
    single, coarse_to_fine = jax.jit(image.horn_schunck), jax.jit(image.pyramid_horn_schunck)
    return {
        "dlx track_points, 200 points": lambda: track(*frames, points),
        "OpenCV calcOpticalFlowPyrLK, 200 points": lambda: cv2.calcOpticalFlowPyrLK(
            first, second, points, None, winSize=(21, 21), maxLevel=3
        ),
        "dlx pyramid_lucas_kanade, dense": lambda: dense(*frames),
        "dlx horn_schunck, 100 iterations": lambda: single(*frames),
        "dlx pyramid_horn_schunck": lambda: coarse_to_fine(*frames),
        "scikit-image optical_flow_ilk": lambda: optical_flow_ilk(*frames),
        "scikit-image optical_flow_tvl1": lambda: optical_flow_tvl1(*frames),
    }


def main() -> None:
    """Prints median, least and largest of the rounds, and the seconds of the first call."""
    cv2.setNumThreads(1)
    measured: dict[str, list[float]] = {}
    functions = sides()
    for _ in range(ROUNDS + 1):
        for name, function in functions.items():
            started = time.process_time()
            jax.block_until_ready(function())
            measured.setdefault(name, []).append(time.process_time() - started)
    for name, (first, *rest) in measured.items():
        spread = f"{1e3 * min(rest):.1f} to {1e3 * max(rest):.1f}"
        print(f"{name:42s} {1e3 * float(np.median(rest)):8.1f} ms ({spread}), first call {first:.2f} s")


if __name__ == "__main__":
    main()
