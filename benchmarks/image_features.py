"""Corners, pyramids and SIFT of dlx.image against OpenCV and scikit-image, on a photograph of 512 x 512 in float32.

    python -m benchmarks.image_features [--rounds 7] [--only harris sift]

One process holds all sides; it is pinned to one processor and XLA and OpenCV have one thread each. Each round runs all
sides, in turn, the order reversed from round to round; a time is the process's own processor time, which other programs
hardly change. Compilation is told apart. The interval is that of the median of the rounds' ratios (bootstrap).
"""

import argparse
import os
import time

NAMES = ("harris", "harris box", "shi_tomasi", "laplacian_of_gaussian", "gaussian_pyramid", "sift")


def cases():
    """{name: (ours, {library: theirs})}; ours are functions of an array to be compiled."""
    import cv2
    import numpy as np
    from scipy import ndimage
    from skimage import data, feature

    from dlx import image

    cv2.setNumThreads(1)
    photograph = data.camera()
    floats = (photograph / 255).astype(np.float32)

    def pyramid():
        levels = [floats]
        for _ in range(4):
            levels.append(cv2.pyrDown(levels[-1]))

    sift = cv2.SIFT_create(nfeatures=1000)
    return floats, {
        "harris": (image.harris, {"scikit-image": lambda: feature.corner_harris(floats)}),
        "harris box": (
            lambda x: image.harris(x, window="box", mode="mirror"),
            {"OpenCV": lambda: cv2.cornerHarris(floats, 3, 3, 0.05)},
        ),
        "shi_tomasi": (image.shi_tomasi, {"scikit-image": lambda: feature.corner_shi_tomasi(floats)}),
        "laplacian_of_gaussian": (
            lambda x: image.laplacian_of_gaussian(x, sigma=2.0),
            {"SciPy": lambda: ndimage.gaussian_laplace(floats, 2.0)},
        ),
        "gaussian_pyramid": (lambda x: image.gaussian_pyramid(x, levels=5), {"OpenCV": pyramid}),
        "sift": (
            lambda x: image.sift(x, count=1000),
            {"OpenCV": lambda: sift.detectAndCompute(photograph, None)},
        ),
    }


def timed(function, seconds=0.05):
    """Processor time of a call, by as many calls as take `seconds`."""
    calls, start = 0, time.process_time()
    while calls == 0 or time.process_time() - start < seconds:
        function()
        calls += 1
    return (time.process_time() - start) / calls


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES)
    options = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])

    import jax
    import numpy as np

    from benchmarks.measure import median_interval

    photograph, every = cases()
    photograph = jax.numpy.asarray(photograph)
    print("| function | dlx, ms | library | its ms | ratio (95 % interval) | compile, s |\n|---|---|---|---|---|---|")
    for name in options.only:
        function, theirs = every[name]
        start = time.process_time()
        compiled = jax.jit(function).lower(photograph).compile()
        compile_seconds = time.process_time() - start

        sides = [lambda compiled=compiled: jax.block_until_ready(compiled(photograph)), *theirs.values()]
        for side in sides:
            side()
        times = np.empty((options.rounds, len(sides)))
        for number in range(options.rounds):
            order = range(len(sides))
            for which in order if number % 2 == 0 else reversed(order):
                times[number, which] = timed(sides[which])
        for which, library in enumerate(theirs, 1):
            ratio, low, high = median_interval(times[:, which] / times[:, 0])
            ours, other = np.median(times[:, [0, which]], axis=0) * 1e3
            print(
                f"| {name} | {ours:.2f} | {library} | {other:.2f} | {ratio:.2f} ({low:.2f} to {high:.2f}) "
                f"| {compile_seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
