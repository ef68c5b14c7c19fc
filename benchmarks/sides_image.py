"""The sides of classical vision: one operation on a photograph of 512 x 512, by dlx, scikit-image (SciPy) or OpenCV.

An item is an image, or one call where the operation is about points. Each library gets what it takes best: float32 in
[0, 1], or bytes where it reads bytes (OpenCV's Canny, median of 5 x 5, SIFT and flow).
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.worker import Port

Operations = dict[str, Callable[..., Any]]


class Scene(NamedTuple):
    """What the operations work on, the same for every library."""

    floats: np.ndarray
    bytes: np.ndarray
    edges: np.ndarray
    moved: np.ndarray
    moved_bytes: np.ndarray
    corners: np.ndarray
    first: np.ndarray
    second: np.ndarray
    words: np.ndarray
    other_words: np.ndarray
    points: np.ndarray
    targets: np.ndarray


def scene() -> Scene:
    """scikit-image's camera, its edges, itself moved by (2.3, -1.6), and pairs of points with 45 % outliers."""
    from scipy import ndimage
    from skimage import data, feature

    random = np.random.default_rng(0)
    picture = data.camera()
    floats = (picture / 255).astype(np.float32)
    moved = ndimage.shift(floats, (-1.6, 2.3), order=1, mode="reflect").astype(np.float32)
    peaks = feature.corner_peaks(feature.corner_shi_tomasi(floats), min_distance=7, num_peaks=200)
    points = random.uniform(20, 490, (1000, 2)).astype(np.float32)
    matrix = np.array([[0.9, 0.1, 20], [-0.05, 1.1, -10], [2e-4, -1e-4, 1]])
    mapped = np.column_stack([points, np.ones(1000)]) @ matrix.T
    targets = (mapped[:, :2] / mapped[:, 2:] + random.standard_normal((1000, 2))).astype(np.float32)
    targets[:450] = random.uniform(0, 500, (450, 2))
    return Scene(
        floats, picture, feature.canny(floats, 2.0), moved, np.uint8(np.rint(255 * moved)),
        peaks[:, ::-1].astype(np.float32).copy(), *random.standard_normal((2, 1000, 128)).astype(np.float32),
        *random.integers(0, 2**32, (2, 1000, 8), np.uint32), points, targets,
    )  # fmt: skip


IMAGES = ("gaussian", "sobel", "average", "median 3x3", "median 5x5", "harris", "canny", "hog", "sift")
"""Operations that are also measured on a batch of images."""


def dlx_operations(scene: Scene) -> Operations:
    """Compiled functions; of IMAGES each takes the image."""
    import jax
    import jax.numpy as jnp

    from dlx import image as im

    def on(function: Callable[..., Any], *arrays: Any) -> Callable[[], Any]:
        placed, compiled = [jnp.asarray(array) for array in arrays], jax.jit(function)
        return lambda: compiled(*placed)

    pairs, key = im.brief_pairs(jax.random.key(0)), jax.random.key(0)
    return {
        "gaussian": lambda x: im.gaussian_filter(x, sigma=2.0),
        "sobel": lambda x: im.gradient_magnitude(*im.gradient(x)),
        "average": lambda x: im.average_filter(x, size=5),
        "median 3x3": im.median_filter,
        "median 5x5": lambda x: im.median_filter(x, size=5),
        "harris": lambda x: im.harris(x, window="box", mode="mirror"),
        "canny": im.canny,
        "hog": im.hog,
        "sift": lambda x: im.sift(x, count=1000),
        "hough lines": on(lambda e: im.hough_lines(e).votes, scene.edges),
        "gaussian pyramid": on(lambda x: im.gaussian_pyramid(x, levels=5), scene.floats),
        "matching": on(lambda a, b: im.match_descriptors(a, b, ratio=0.8, mutual=True), scene.first, scene.second),
        "hamming": on(
            lambda a, b: im.match_descriptors(a, b, metric="hamming", mutual=True), scene.words, scene.other_words
        ),
        "brief": on(lambda x, p: im.brief_descriptor(x, p, pairs), scene.floats, scene.points),
        "homography": on(lambda s, t: im.ransac_homography(key, s, t, confidence=0.999), scene.points, scene.targets),
        "flow of points": on(im.track_points, scene.floats, scene.moved, scene.corners),
        "dense flow": on(im.pyramid_lucas_kanade, scene.floats, scene.moved),
        "horn-schunck": on(im.pyramid_horn_schunck, scene.floats, scene.moved),
    }


def skimage_operations(scene: Scene) -> Operations:
    """scikit-image, and SciPy for the average."""
    from scipy import ndimage
    from skimage import feature, filters, measure, registration, transform

    sift, brief = feature.SIFT(), feature.BRIEF(descriptor_size=256, patch_size=31, sigma=2.0)
    bits = [np.unpackbits(words.view(np.uint8), axis=1) > 0 for words in (scene.words, scene.other_words)]
    return {
        "gaussian": lambda x: filters.gaussian(x, 2.0, mode="reflect"),
        "sobel": filters.sobel,
        "average": lambda x: ndimage.uniform_filter(x, 5),
        "median 3x3": lambda x: filters.median(x, np.ones((3, 3))),
        "median 5x5": lambda x: filters.median(x, np.ones((5, 5))),
        "harris": feature.corner_harris,
        "canny": lambda x: feature.canny(x, 1.0, 0.1, 0.2, mode="reflect"),
        "hog": lambda x: feature.hog(x, cells_per_block=(2, 2), block_norm="L2"),
        "sift": sift.detect_and_extract,
        "hough lines": lambda: transform.hough_line(scene.edges),
        "matching": lambda: feature.match_descriptors(scene.first, scene.second, max_ratio=0.8, cross_check=True),
        "hamming": lambda: feature.match_descriptors(*bits, cross_check=True),
        "brief": lambda: brief.extract(scene.floats, scene.points[:, ::-1]),
        "homography": lambda: measure.ransac(
            (scene.points, scene.targets), transform.ProjectiveTransform, min_samples=4, residual_threshold=3.0,
            max_trials=1024, rng=0, stop_probability=0.999,
        ),
        "dense flow": lambda: registration.optical_flow_ilk(scene.floats, scene.moved),
        "horn-schunck": lambda: registration.optical_flow_tvl1(scene.floats, scene.moved),
    }  # fmt: skip


def opencv_operations(scene: Scene) -> Operations:
    """OpenCV, with as many threads as the process has processors."""
    import cv2

    sift = cv2.SIFT_create(nfeatures=1000)

    def as_bytes(x: np.ndarray) -> np.ndarray:
        return np.uint8(np.rint(255 * x))

    def pyramid() -> None:
        level = scene.floats
        for _ in range(4):
            level = cv2.pyrDown(level)

    def match() -> Any:
        matcher = cv2.BFMatcher(cv2.NORM_L2)
        return matcher.knnMatch(scene.first, scene.second, k=2), matcher.match(scene.second, scene.first)

    words = [words.view(np.uint8) for words in (scene.words, scene.other_words)]
    return {
        "gaussian": lambda x: cv2.GaussianBlur(x, (17, 17), 2.0),
        "sobel": lambda x: cv2.magnitude(cv2.Sobel(x, cv2.CV_32F, 1, 0), cv2.Sobel(x, cv2.CV_32F, 0, 1)),
        "average": lambda x: cv2.blur(x, (5, 5)),
        "median 3x3": lambda x: cv2.medianBlur(x, 3),
        "median 5x5": lambda x: cv2.medianBlur(x, 5),
        "harris": lambda x: cv2.cornerHarris(x, 3, 3, 0.05),
        "canny": lambda x: cv2.Canny(cv2.GaussianBlur(as_bytes(x), (9, 9), 1.0), 25, 51, L2gradient=True),
        "sift": lambda x: sift.detectAndCompute(as_bytes(x), None),
        "hough lines": lambda: cv2.HoughLines(scene.edges.view(np.uint8), 1, np.pi / 180, 100),
        "gaussian pyramid": pyramid,
        "matching": match,
        "hamming": lambda: cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*words),
        "homography": lambda: cv2.findHomography(scene.points, scene.targets, cv2.RANSAC, 3.0, None, 1024, 0.999),
        "flow of points": lambda: cv2.calcOpticalFlowPyrLK(
            scene.bytes, scene.moved_bytes, scene.corners, None, winSize=(21, 21), maxLevel=3
        ),
    }


def dlx(port: Port, *, operation: str, batch: int = 0, seconds: float = 0.3, allocator: str = "keep") -> None:
    """`jit`, or `jit(vmap)` over a batch, as one call."""
    from dlx.run import Options, start

    start(Options(cache=False, allocator=allocator))
    import jax

    given = scene()
    function = dlx_operations(given)[operation]
    if operation in IMAGES:
        compiled = jax.jit(jax.vmap(function) if batch else function)
        placed = jax.device_put(images(given, batch) if batch else given.floats)
        _run(port, lambda: jax.block_until_ready(compiled(placed)), batch or 1, seconds)
    else:
        _run(port, lambda: jax.block_until_ready(function()), 1, seconds)


def peer(port: Port, *, library: str, operation: str, batch: int = 0, seconds: float = 0.3) -> None:
    """scikit-image or OpenCV; the images of a batch one after the other."""
    given = scene()
    function = {"scikit-image": skimage_operations, "OpenCV": opencv_operations}[library](given)[operation]
    pictures = images(given, batch) if batch else given.floats[None]

    def call() -> None:
        for picture in pictures:
            function(picture)

    _run(port, call if operation in IMAGES else function, batch or 1, seconds)


def images(given: Scene, batch: int) -> np.ndarray:
    """The photograph and copies of it, each moved on by seven columns."""
    return np.stack([np.roll(given.floats, 7 * number, axis=1) for number in range(batch)])


def _run(port: Port, call: Callable[[], Any], items: int, seconds: float) -> None:
    """Rounds of as many calls as take about `seconds`."""
    started = time.perf_counter()
    call()
    first = time.perf_counter() - started
    started = time.perf_counter()
    call()
    repeats = max(1, round(seconds / (time.perf_counter() - started)))
    port.ready(compile_seconds=first)
    while port.begin():
        for _ in range(repeats):
            call()
        port.end(repeats * items)
