"""dlx.image against scikit-image and OpenCV on a photograph of 512 x 512, float32.

    python -m benchmarks.image_filters [--rounds 11] [--batch 16]

One process holds all sides; it is pinned to one processor, and XLA and OpenCV have one thread. Each round runs every
side in turn, the order reversed from round to round; a time is the process's own processor time, which other programs
hardly change. Compilation is told apart. The intervals are those of the median of the rounds' ratios (bootstrap).
OpenCV's Canny and median read 8 bits, the others float32; its Canny has no interpolation.
"""

import argparse
import os
import time

NAMES = ("gaussian", "sobel", "average", "median 3x3", "median 5x5", "canny", "hough lines")


def cases():
    """{name: (ours, scikit-image's or SciPy's, OpenCV's)}: functions of (float32, uint8, edges)."""
    import cv2
    import jax
    import numpy as np
    from scipy import ndimage
    from skimage import feature, filters, transform

    from dlx import image as im

    cv2.setNumThreads(1)

    def ours(function):
        return lambda f, u, e: jax.block_until_ready(function(f))

    lines = jax.jit(lambda e: im.hough_lines(e).votes)
    return {
        "gaussian": (
            ours(jax.jit(lambda f: im.gaussian_filter(f, sigma=2.0))),
            lambda f, u, e: filters.gaussian(f, 2.0, mode="reflect"),
            lambda f, u, e: cv2.GaussianBlur(f, (17, 17), 2.0),
        ),
        "sobel": (
            ours(jax.jit(lambda f: im.gradient_magnitude(*im.gradient(f)))),
            lambda f, u, e: filters.sobel(f),
            lambda f, u, e: cv2.magnitude(cv2.Sobel(f, cv2.CV_32F, 1, 0), cv2.Sobel(f, cv2.CV_32F, 0, 1)),
        ),
        "average": (
            ours(jax.jit(lambda f: im.average_filter(f, size=5))),
            lambda f, u, e: ndimage.uniform_filter(f, 5),
            lambda f, u, e: cv2.blur(f, (5, 5)),
        ),
        "median 3x3": (
            ours(jax.jit(im.median_filter)),
            lambda f, u, e: filters.median(f, np.ones((3, 3))),
            lambda f, u, e: cv2.medianBlur(f, 3),
        ),
        "median 5x5": (
            ours(jax.jit(lambda f: im.median_filter(f, size=5))),
            lambda f, u, e: filters.median(f, np.ones((5, 5))),
            lambda f, u, e: cv2.medianBlur(f, 5),
        ),
        "canny": (
            ours(jax.jit(im.canny)),
            lambda f, u, e: feature.canny(f, 1.0, 0.1, 0.2, mode="reflect"),
            lambda f, u, e: cv2.Canny(cv2.GaussianBlur(u, (9, 9), 1.0), 25, 51, L2gradient=True),
        ),
        "hough lines": (
            lambda f, u, e: jax.block_until_ready(lines(e)),
            lambda f, u, e: transform.hough_line(e),
            lambda f, u, e: cv2.HoughLines(e.view("uint8"), 1, np.pi / 180, 100),
        ),
    }


def clock(function, inputs, seconds=0.05):
    """A function that gives the processor time of one call, over calls of about `seconds`."""
    start = time.process_time()
    function(*inputs)
    first = time.process_time() - start
    start = time.process_time()
    function(*inputs)
    calls = max(1, int(seconds / max(time.process_time() - start, 1e-6)))

    def run():
        start = time.process_time()
        for _ in range(calls):
            function(*inputs)
        return (time.process_time() - start) / calls

    return run, first


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--batch", type=int, default=16, help="images of the batch under vmap")
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES)
    options = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])

    import jax
    import numpy as np
    from skimage import data, feature

    from benchmarks.measure import median_interval
    from dlx import image as im

    bytes_ = data.camera()
    floats = (bytes_ / 255).astype(np.float32)
    inputs = (jax.device_put(floats), bytes_, feature.canny(floats, 2.0))
    on_host = (floats, *inputs[1:])
    print("| filter | dlx, ms | scikit-image / dlx | OpenCV / dlx | compiled in, s |\n|---|---:|---|---|---:|")
    for name, functions in cases().items():
        if name not in options.only:
            continue
        clocks = [clock(f, inputs if i == 0 else on_host) for i, f in enumerate(functions)]
        times = np.empty((options.rounds, 3))
        for number in range(options.rounds):
            for which in (0, 1, 2) if number % 2 == 0 else (2, 1, 0):
                times[number, which] = clocks[which][0]()
        cells = ["{:.2f} ({:.2f} to {:.2f})".format(*median_interval(times[:, i] / times[:, 0])) for i in (1, 2)]
        print(
            f"| {name} | {1e3 * np.median(times[:, 0]):.3f} | {cells[0]} | {cells[1]} | {clocks[0][1]:.1f} |",
            flush=True,
        )
    many = jax.device_put(np.stack([np.roll(floats, 7 * i, axis=1) for i in range(options.batch)]))
    for name, function in (("gaussian", lambda f: im.gaussian_filter(f, sigma=2.0)), ("canny", im.canny)):
        if name in options.only:
            batched = jax.jit(jax.vmap(function))
            run, compiled = clock(lambda f, b=batched: jax.block_until_ready(b(f)), (many,))
            each = 1e3 * np.median([run() for _ in range(options.rounds)]) / options.batch
            print(f"| {name}, each of {options.batch} under vmap | {each:.3f} | | | {compiled:.1f} |", flush=True)


if __name__ == "__main__":
    main()
