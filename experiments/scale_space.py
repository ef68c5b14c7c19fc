"""Scale space: blobs and corners with their size, on drawn discs and on photographs (Lindeberg 1998).

    python -m experiments.scale_space --dataset discs --seeds 8
    python -m experiments.scale_space --dataset china --seeds 4
    python -m experiments.scale_space --dataset hubble_deep_field --scales 1 8 --side 500 --seeds 4

CPU: about 40 s each, of which most is compilation. Every disc and nothing else; in pixels: log radius error
0.222 +- 0.038 (discs, 8 seeds), dog radius error 0.503 +- 0.089 (discs, 8 seeds), as a difference is ascribed to the
finer of its two scales; log centre error 0.409 +- 0.052 (discs, 8 seeds). Points found again at their place and size in
the photograph seen 0.7 times as large, both with noise: log repeatability 0.944 +- 0.031 (china, 4 seeds), dog
repeatability 0.910 +- 0.055 (china, 4 seeds), harris repeatability 0.813 +- 0.058 (china, 4 seeds); of galaxies log
repeatability 0.996 +- 0.008 (hubble_deep_field, 4 seeds).
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import jax
import numpy as np

import dlx
from dlx import image as vision
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.drawings import draw_circles, draw_keypoints
from dlx.run.scenes import circle_errors, paint_discs, place_discs

CORNER = 1e-6  # smallest response, for brightness in [0, 1]
TITLES = {
    "log": "Blobs, Laplacian of Gaussian",
    "dog": "Blobs, difference of Gaussians",
    "harris": "Scale-adapted Harris corners",
}


@dataclass(frozen=True)
class Config(Options):
    """Options of the scale space."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["discs", "china", "flower", "hubble_deep_field"] = "discs"
    """Discs drawn at random, whose size is known; or a photograph, also seen smaller."""
    scales: tuple[float, float] = (2.0, 12.0)
    """Smallest and largest sigma in pixels of what is looked at; corners are looked for up to half of the largest."""
    per_octave: int = 6
    """Scales in an octave."""
    count: int = 150
    """Points of each kind."""
    side: int = 320
    """Longer side to which a photograph is reduced."""
    threshold: float | None = None
    """Smallest response of a blob; a bright disc on black has 0.74. None: 0.2 for discs, 0.05 for a photograph."""
    noise: float = 0.02
    """Standard deviation of the noise that each seed adds, for brightness in [0, 1]."""
    discs: int = 10
    """How many are drawn, as far as there is room."""
    zoom: float = 0.7
    """Size of the smaller photograph, where the same points are looked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "scales", at_least=1, at_most=16)
        require(self, "per_octave", at_least=2, at_most=12)
        require(self, "side", at_least=300, at_most=1000)
        for field in ("count", "discs"):
            require(self, field, at_least=1, at_most=2000)
        require(self, "threshold", above=0)
        require(self, "noise", at_least=0)
        require(self, "zoom", at_least=0.6, at_most=1)
        if self.scales[1] < 4 * self.scales[0]:
            raise UsageError(f"--scales wants the largest at least 4 times the smallest; got {self.scales}.")

    def sigmas(self, most: float) -> tuple[float, ...]:
        """The scales up to `most`."""
        number = math.floor(self.per_octave * math.log2(most / self.scales[0]))
        return tuple(self.scales[0] * 2 ** (i / self.per_octave) for i in range(number + 1))


def main(config: Config) -> dict:
    """Looks for points with a size, for each seed, and reports; returns the result."""
    find = detectors(config)
    look = discs if config.dataset == "discs" else photograph
    measured: dict[str, list[float]] = {}
    with open_run(config) as run:
        for seed in config.seed_values:
            metrics, pictures = look(config, find, np.random.default_rng(seed))
            for name, value in metrics.items():
                measured.setdefault(name, []).append(value)
            if seed == config.seed:
                for caption, picture in pictures.items():
                    run.picture(f"{caption} (seed {seed})", picture)
        return run.finish({name: np.array(values) for name, values in measured.items()})


def detectors(config: Config) -> dict[str, Any]:
    """Functions from an image to keypoints."""
    threshold = config.threshold or (0.2 if config.dataset == "discs" else 0.05)
    options: dict[str, Any] = {"sigmas": config.sigmas(config.scales[1]), "count": config.count, "threshold": threshold}
    options["polarity"] = "bright" if config.dataset in ("discs", "hubble_deep_field") else "both"
    blobs = {m: jax.jit(partial(vision.blobs, method=m, **options)) for m in ("log", "dog")}
    corners = partial(
        vision.scale_adapted_harris, sigmas=config.sigmas(config.scales[1] / 2), count=config.count,
        threshold=CORNER, scale_by="laplacian",
    )  # fmt: skip
    return {**blobs, "harris": jax.jit(corners)}


def discs(config: Config, find: dict, rng: np.random.Generator) -> tuple[dict, dict]:
    """Places and radii that the blobs give discs; a disc of radius r answers most at sigma = r / sqrt(2)."""
    shape = (256, 320)
    # the first and last scale are no extrema, and the difference of Gaussians lies between two
    limits = 1.3 * math.sqrt(2) * config.scales[0], math.sqrt(2) / 1.3 * config.scales[1]
    xy, radii = place_discs(rng, shape, config.discs, limits, gap=limits[1] / 2)
    image = noisy(config, paint_discs(shape, xy, radii), rng)
    metrics: dict[str, float] = {}
    pictures: dict[str, Any] = {}
    for name in ("log", "dog"):
        found_xy, found_radii = circles(find[name](image))
        errors = circle_errors(xy, radii, found_xy, found_radii)
        metrics |= {f"{name}_{key}": value for key, value in errors.items()}
        colours = ["#20e890"] * len(radii) + ["#ff7a00"] * len(found_radii)
        pictures[f"{TITLES[name]}: found orange, drawn green"] = draw_circles(
            image, np.concatenate([xy, found_xy]), np.concatenate([radii, found_radii]), colour=colours
        )
    return metrics, pictures


def photograph(config: Config, find: dict, rng: np.random.Generator) -> tuple[dict, dict]:
    """Which points of a photograph are found again at their place and size when it is seen smaller."""
    picture = dlx.data.load_images(config.dataset).arrays[config.dataset]
    grey = np.asarray(vision.to_float(picture) if picture.ndim == 2 else vision.rgb_to_grey(picture))
    grey = reduced(grey, min(1.0, config.side / max(grey.shape)))
    small = reduced(grey, config.zoom)
    views = [noisy(config, view, rng) for view in (grey, small)]
    ratio = np.array(small.shape[::-1]) / grey.shape[::-1]
    metrics: dict[str, float] = {}
    pictures: dict[str, Any] = {}
    for name, detect in find.items():
        points, again = detect(views[0]), detect(views[1])
        (xy, radii), found = circles(points), circles(again)
        sigmas = config.sigmas(config.scales[1] / (2 if name == "harris" else 1))
        # what is smaller than the scales that are looked at cannot be found again
        kept = radii * config.zoom > math.sqrt(2) * sigmas[1]
        errors = circle_errors((xy[kept] + 0.5) * ratio - 0.5, config.zoom * radii[kept], *found)
        metrics |= {
            f"{name}_repeatability": errors["circles_found"], f"{name}_centre_error": errors["centre_error"],
            f"{name}_points": float(len(radii)),
        }  # fmt: skip
        pictures[f"{TITLES[name]}: circles of radius sigma sqrt(2)"] = draw_keypoints(views[0], points)
    return metrics, pictures


def reduced(image: np.ndarray, zoom: float) -> np.ndarray:
    """A smaller image, smoothed before so that nothing is finer than its pixels."""
    if zoom == 1:
        return image
    smooth = vision.gaussian_filter(image, sigma=0.5 * math.sqrt(zoom**-2 - 1))
    return np.asarray(vision.resize_bilinear(smooth, shape=tuple(round(zoom * n) for n in image.shape)))


def circles(points: Any) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii of the discs that keypoints of these scales are."""
    kept = np.asarray(points.valid)
    return np.asarray(points.xy)[kept], math.sqrt(2) * np.asarray(points.scale)[kept]


def noisy(config: Config, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image with normal noise, float32 in [0, 1]."""
    return np.clip(image + config.noise * rng.normal(size=image.shape), 0, 1).astype(np.float32)


if __name__ == "__main__":
    launch(Config, main)
