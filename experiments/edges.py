"""Edges, lines and circles: Canny and Hough on drawn scenes, coins and a page (Canny 1986; notes 001 section 14).

    python -m experiments.edges --dataset drawn --seeds 8
    python -m experiments.edges --dataset coins --seeds 8
    python -m experiments.edges --dataset page --seeds 8

CPU: about 20 s each. Bars and discs of known place, in pixels and degrees, where 1 of both is asked for:
line distance error 0.171 +- 0.047 (drawn, 8 seeds), line angle error 0.097 +- 0.034 (drawn, 8 seeds), centre error
0.419 +- 0.037 (drawn, 8 seeds), radius error 0.283 +- 0.084 (drawn, 8 seeds). All 24 coins and nothing else, against
the centroids and areas of regions that need no edges, in pixels: centre error 0.545 +- 0.044 (coins, 8 seeds), radius
error 0.382 +- 0.024 (coins, 8 seeds). A page turned by up to 5 degrees: skew error 0.27 +- 0.16 (page, 8 seeds).
Edge pixels shared with the libraries: f1 scikit image 0.9984 +- 0.0001 (coins, 8 seeds), f1 opencv 0.976 +- 0.006
(coins, 8 seeds), which rounds the smoothed image to 8 bits.
"""

import contextlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

import dlx
from dlx import image as vision
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.drawings import draw_circles, draw_lines
from dlx.run.scenes import circle_errors, line_errors, paint_bars, paint_discs, place_discs

CIRCLES = "Circles found (orange) and those that there are (green)"
THETAS = 720
FOUND, TRUE = "#ff7a00", "#20e890"
OVERLAY = np.array([[255, 255, 255], [255, 122, 0], [30, 90, 255], [0, 0, 0]], np.uint8)


@dataclass(frozen=True)
class Config(Options):
    """Options of the edges."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["drawn", "coins", "page"] = "coins"
    """Bars and discs drawn at random; a photograph of 24 coins; one of a printed page, turned at random."""
    noise: float = 0.02
    """Standard deviation of the noise that each seed adds, for brightness in [0, 1]."""
    sigma: float = 1.5
    """Of Canny's Gaussian filter, in pixels."""
    low: float = 0.2
    """Gradient from which on a pixel may belong to an edge."""
    high: float = 0.5
    """Gradient that begins an edge."""
    radii: tuple[int, int] = (15, 35)
    """Smallest and largest circle that is looked for, and drawn."""
    share: float = 0.24
    """Part of a circle's length that must have voted for it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "noise", at_least=0)
        for field in ("sigma", "low", "high"):
            require(self, field, above=0, at_most=20)
        require(self, "share", above=0, at_most=1)
        require(self, "radii", at_least=1, at_most=100)
        require(self, "low", at_most=self.high)
        if self.radii[0] > self.radii[1]:
            raise UsageError(f"--radii wants the smaller one first; got {self.radii[0]} {self.radii[1]}.")


def main(config: Config) -> dict:
    """Finds edges and what they are edges of, for each seed, and reports; returns the result."""
    look = {"drawn": drawn, "coins": coins, "page": page}[config.dataset]
    measured: dict[str, list[float]] = {}
    with open_run(config) as run:
        for seed in config.seed_values:
            metrics, image, pictures = look(config, np.random.default_rng(seed))
            others = libraries(config, image)
            if not others:
                pictures["Edges"] = ~canny(config, image)
            for name, (theirs, method) in others.items():
                edges = canny(config, image, method=method)
                metrics[f"f1_{name.lower().replace('-', '_')}"] = f1(theirs, edges)
                pictures[f"Edges: black dlx's and {name}'s, orange only dlx's, blue only {name}'s"] = OVERLAY[
                    edges + 2 * theirs
                ].repeat(2, 0).repeat(2, 1)  # fmt: skip
            for name, value in metrics.items():
                measured.setdefault(name, []).append(value)
            if seed == config.seed:
                for caption, picture in pictures.items():
                    run.picture(f"{caption} (seed {seed})", picture)
        return run.finish({name: np.array(values) for name, values in measured.items()})


def canny(config: Config, image: Any, **options: Any) -> np.ndarray:
    """Edges with the thresholds of the configuration."""
    return np.asarray(vision.canny(image, sigma=config.sigma, low=config.low, high=config.high, **options))


def libraries(config: Config, image: np.ndarray) -> dict[str, tuple[np.ndarray, str]]:
    """The edges that the installed ones of scikit-image and OpenCV find, and how these thin them."""
    found = {}
    with contextlib.suppress(ImportError):
        from skimage.feature import canny as scikit_canny

        found["scikit-image"] = scikit_canny(image, config.sigma, config.low, config.high), "interpolated"
    with contextlib.suppress(ImportError):
        import cv2

        # it neither smooths nor takes floats
        smooth = np.asarray(vision.gaussian_filter(image, sigma=config.sigma))
        levels = np.round(255 * np.clip(smooth, 0, 1)).astype(np.uint8)
        found["OpenCV"] = cv2.Canny(levels, 255 * config.low, 255 * config.high, L2gradient=True) > 0, "sectors"
    return found


def f1(labels: np.ndarray, answers: np.ndarray) -> float:
    """F1 of the pixels that are edges."""
    matrix = dlx.metrics.confusion_matrix(
        jnp.asarray(labels.ravel(), int), jnp.asarray(answers.ravel(), int), classes=2
    )
    return float(dlx.metrics.f1_score(matrix)[1])


def circles_in(config: Config, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii of the circles with most votes."""
    radii = range(config.radii[0], config.radii[1] + 1)
    votes = vision.hough_circles(canny(config, image), radii=radii)
    # what is not quite round votes for several centres and radii next to each other
    smooth = jax.vmap(lambda layer: vision.gaussian_filter(layer, sigma=1.0))(votes.astype(jnp.float32))
    peaks = vision.hough_circle_peaks(
        smooth, radii=radii, num_peaks=40, min_distance=config.radii[0], threshold=config.share
    )
    kept = np.asarray(peaks.valid)
    return np.stack([peaks.x, peaks.y], 1)[kept].astype(float), np.asarray(peaks.radius)[kept].astype(float)


def drawn(config: Config, rng: np.random.Generator) -> tuple[dict, np.ndarray, dict]:
    """Errors in a scene of bars, whose edges are known lines, and in one of discs."""
    shape, width = (256, 320), 12.0
    # 30 degrees or more apart, and not far from the middle
    theta = (np.arange(4) + rng.uniform(0, 0.33, 4)) * np.pi / 4 - np.pi / 2
    rho = 159.5 * np.cos(theta) + 127.5 * np.sin(theta) + rng.uniform(-60, 60, 4)
    bars = noisy(config, paint_bars(shape, theta, rho, width=width), rng)
    lines = lines_in(config, bars, count=8)
    edges = np.repeat(theta, 2), (rho[:, None] + [-width / 2, width / 2]).ravel()
    xy, radii = place_discs(rng, shape, 8, config.radii)
    discs = noisy(config, paint_discs(shape, xy, radii), rng)
    found = circles_in(config, discs)
    metrics = line_errors(*edges, *lines, shape=shape) | circle_errors(xy, radii, *found)
    pictures = {"Lines found": draw_lines(bars, *lines), CIRCLES: both_circles(discs, found, (xy, radii))}
    return metrics, np.concatenate([bars, discs], 1), pictures


def coins(config: Config, rng: np.random.Generator) -> tuple[dict, np.ndarray, dict]:
    """Errors of the circles on the photograph of coins; the truth are regions, found without edges or votes."""
    pixels = dlx.data.load_images("coins").arrays["coins"]
    image, true = noisy(config, pixels / 255, rng), regions(pixels)
    found = circles_in(config, image)
    return circle_errors(*true, *found), image, {CIRCLES: both_circles(image, found, true)}


def regions(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroids of the coins and radii of the discs of their areas, by a watershed from dark and bright pixels."""
    markers = np.where(pixels < 30, 1, np.where(pixels > 150, 2, 0)).astype(np.int16)
    bright = ndimage.watershed_ift(pixels, markers) == 2
    labels, count = ndimage.label(ndimage.binary_opening(ndimage.binary_fill_holes(bright), iterations=2))
    numbers = np.arange(1, count + 1)
    centres = np.array(ndimage.center_of_mass(bright, labels, numbers))[:, ::-1]
    return centres, np.sqrt(ndimage.sum_labels(np.ones_like(labels), labels, numbers) / np.pi)


def page(config: Config, rng: np.random.Generator) -> tuple[dict, np.ndarray, dict]:
    """By how much a page was turned, read from the strongest line before and after."""
    upright = dlx.data.load_images("page").arrays["page"] / np.float32(255)
    angle = rng.uniform(-5, 5)
    turned = noisy(config, ndimage.rotate(upright, -angle, reshape=False, order=1, mode="nearest"), rng)
    before, after = (np.rad2deg([*lines_in(config, view, count=1)[0], np.nan][0]) % 180 for view in (upright, turned))
    lines = lines_in(config, turned, count=8)
    return {"skew_error": abs(after - before - angle)}, turned, {"Lines found": draw_lines(turned, *lines)}


def noisy(config: Config, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image with normal noise, float32 in [0, 1]."""
    return np.clip(image + config.noise * rng.normal(size=image.shape), 0, 1).astype(np.float32)


def lines_in(config: Config, image: np.ndarray, *, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles and distances of the lines with most votes."""
    lines = vision.hough_lines(canny(config, image), thetas=THETAS)
    peaks = vision.hough_line_peaks(lines, num_peaks=count, threshold=0.3 * jnp.max(lines.votes))
    kept = np.asarray(peaks.valid)
    return np.asarray(peaks.theta)[kept], np.asarray(peaks.rho)[kept]


def both_circles(image: np.ndarray, found: tuple, true: tuple) -> np.ndarray:
    """Circles that there are, and over them those that were found."""
    colours = [TRUE] * len(true[1]) + [FOUND] * len(found[1])
    return draw_circles(image, np.concatenate([true[0], found[0]]), np.concatenate([true[1], found[1]]), colour=colours)


if __name__ == "__main__":
    launch(Config, main)
