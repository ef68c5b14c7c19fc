"""Panorama: two overlapping views of a photograph stitched by SIFT, RANSAC and warping (Brown and Lowe 2007).

    python -m experiments.panorama --dataset china --seeds 5

CPU: about 40 s. Each seed turns the second view by up to 15 degrees, scales, tilts and lights it differently. Its
corners against the known homography: corner error in pixels 0.53 +- 0.30 (china, 5 seeds), though matches lie in its
left half only; inlier ratio 0.895 +- 0.052 (china, 5 seeds). Root mean square of the panorama less the photograph:
photograph error 0.0244 +- 0.0072 (china, 5 seeds).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

import dlx
from dlx import image as vision
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.drawings import draw_matches, draw_segments
from dlx.run.figures import signed_colours

LEFT, HIGH, WIDE = 0.6, 0.55, 0.45  # of the photograph: the left view's width; height and width of the right view
warp = jax.vmap(vision.warp, in_axes=(2, None), out_axes=2)


@dataclass(frozen=True)
class Config(Options):
    """Options of the panorama."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["china", "flower", "coffee", "chelsea", "rocket"] = "china"
    """The photograph; its left part is the first view."""
    overlap: float = 0.25
    """Part of the photograph's width where the second view may overlap the first."""
    angle: float = 15.0
    """The second view is turned by at most so many degrees."""
    zoom: float = 0.15
    """It is larger or smaller by at most this part."""
    tilt: float = 0.05
    """Its corners are nearer or farther by at most about this part: a homography that is not affine."""
    gain: float = 0.3
    """It is brighter or darker by at most this part."""
    noise: float = 0.01
    """Standard deviation of the noise of both views, for brightness in [0, 1]."""
    count: int = 1000
    """Keypoints of a view."""
    ratio: float = 0.8
    """Largest distance of a match as a part of the second nearest's."""
    threshold: float = 1.5
    """Largest distance of an inlier in pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "overlap", at_least=0.1, at_most=0.3)
        require(self, "angle", at_least=0, at_most=20)
        for field in ("zoom", "gain"):
            require(self, field, at_least=0, at_most=0.5)
        require(self, "tilt", at_least=0, at_most=0.1)
        require(self, "noise", at_least=0)
        require(self, "count", at_least=4, at_most=5000)
        require(self, "ratio", above=0, at_most=1)
        require(self, "threshold", above=0)


class Views(NamedTuple):
    """Two views (h, w, 3) of a photograph; `homography` maps pixels of the right one to those of the left one."""

    left: np.ndarray
    right: np.ndarray
    homography: np.ndarray


def main(config: Config) -> dict:
    """Cuts, matches and stitches for each seed, and reports; returns the result."""
    photograph = dlx.data.load_images(config.dataset).arrays[config.dataset] / np.float32(255)
    measured: dict[str, list[float]] = {}
    with open_run(config) as run:
        for seed in config.seed_values:
            views = cut(config, photograph, np.random.default_rng(seed))
            points, inliers, found = align(config, views, jax.random.key(seed))
            height, width = views.right.shape[:2]
            stitched, covered = stitch(views, found, photograph.shape[:2])
            difference = np.where(covered[..., None], stitched - photograph, 0)
            if not inliers.any():
                run.note(f"seed {seed}: no homography has enough inliers")
            error = vision.corner_error(found, views.homography, height=height, width=width)
            metrics = {
                "corner_error": error if inliers.any() else np.nan,
                "inlier_ratio": inliers.sum() / max(len(inliers), 1), "matches": len(inliers),
                "photograph_error": np.sqrt(np.mean(difference[covered] ** 2)),
            }  # fmt: skip
            for name, value in metrics.items():
                measured.setdefault(name, []).append(float(value))
            if seed == config.seed:
                matched = draw_matches(views.left, views.right, points[0], points[1], inliers)
                run.picture(f"Matches: inliers green, outliers red (seed {seed})", matched)
                frame = vision.apply_transform(found, corners(height, width))
                run.picture(f"The panorama (seed {seed})", stitched)
                run.picture(f"Where the right view lies in it (seed {seed})",
                            draw_segments(stitched, frame, np.roll(frame, -1, 0)))  # fmt: skip
                run.picture(f"Panorama - photograph, full colour from 0.2 on (seed {seed})",
                            signed_colours(np.clip(difference.mean(-1), -0.2, 0.2)))  # fmt: skip
        return run.finish({name: np.array(values) for name, values in measured.items()})


def cut(config: Config, photograph: np.ndarray, rng: np.random.Generator) -> Views:
    """The left part as it is, and a view to the right of it that the draw has turned, scaled, tilted and lit."""
    height, width = photograph.shape[:2]
    shape = round(HIGH * height), round(WIDE * width)
    angle, zoom, tilt, gain = rng.uniform(-1, 1, 4) * [config.angle, config.zoom, config.tilt, config.gain]
    turn = np.deg2rad(angle)
    # the view's middle stays where it is
    middle = np.array([[1, 0, -(shape[1] - 1) / 2], [0, 1, -(shape[0] - 1) / 2], [0, 0, 1]])
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1 + zoom]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [2 * tilt / shape[1], 0, 1]])
    homography = turned @ tilted @ middle
    box = np.asarray(vision.apply_transform(homography, corners(*shape)))
    low, high = box.min(0), box.max(0)
    move = np.array([(LEFT - config.overlap) * width - low[0], (height - 1) / 2 - (low[1] + high[1]) / 2])
    if (low + move < 0).any() or (high + move > [width - 1, height - 1]).any():
        raise UsageError("--angle, --zoom, --tilt and --overlap together lead the second view out of the photograph.")
    homography = np.array([[1, 0, move[0]], [0, 1, move[1]], [0, 0, 1]]) @ homography
    homography = (homography / homography[2, 2]).astype(np.float32)
    seen = jax.vmap(partial(vision.warp, shape=shape), in_axes=(2, None), out_axes=2)(photograph, homography)
    views = photograph[:, : round(LEFT * width)], (1 + gain) * np.asarray(seen)
    left, right = (
        np.clip(view + config.noise * rng.normal(size=view.shape), 0, 1).astype(np.float32) for view in views
    )
    return Views(left, right, homography)


def corners(height: int, width: int) -> np.ndarray:
    """(4, 2) corners of an image, around it."""
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)


def align(config: Config, views: Views, key: Any) -> tuple[tuple, np.ndarray, Any]:
    """Matched points of the left and right view, which of them are inliers, and the map from right to left."""
    sift = jax.jit(partial(vision.sift, count=config.count))
    (left, left_vectors), (right, right_vectors) = (
        sift(vision.rgb_to_grey(view)) for view in (views.left, views.right)
    )
    matches = vision.match_descriptors(right_vectors, left_vectors, right.valid, left.valid, ratio=config.ratio)
    targets = left.xy[matches.partner]
    found = vision.ransac_homography(key, right.xy, targets, matches.valid, threshold=config.threshold)
    kept = np.asarray(matches.valid)
    points = np.asarray(targets)[kept], np.asarray(right.xy)[kept]
    return points, np.asarray(found.inliers)[kept], found.model


def stitch(views: Views, found: Any, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The panorama in the left view's frame, and which of its pixels are covered; as bright as the left view.

    Both views fade out towards their borders, so that no seam is where they end.
    """
    back = vision.invert_transform(found).matrix
    onto = partial(vision.warp, shape=shape, mode="constant")
    place = jnp.eye(3)
    layers, weights = [], []
    for view, matrix in ((views.left, place), (views.right, back)):
        layers.append(np.asarray(jax.vmap(onto, in_axes=(2, None), out_axes=2)(view, matrix)))
        fade = ndimage.distance_transform_cdt(np.pad(np.ones(view.shape[:2], np.int32), 1))[1:-1, 1:-1]
        weights.append(np.asarray(onto(fade.astype(np.float32), matrix)))
    # a pixel at white has lost its brightness
    both = (weights[0] > 2) & (weights[1] > 2) & (layers[1].max(-1) < 0.98) & (layers[0].max(-1) < 0.98)
    gain = np.sum(layers[0][both] * layers[1][both]) / max(np.sum(layers[1][both] ** 2), 1e-6)
    total = weights[0] + weights[1]
    mixed = weights[0][..., None] * layers[0] + gain * weights[1][..., None] * layers[1]
    stitched = np.clip(mixed / np.maximum(total, 1e-6)[..., None], 0, 1)
    covered = (weights[0] >= 1) | (weights[1] >= 1)
    return np.where(covered[..., None], stitched, 0), covered


if __name__ == "__main__":
    launch(Config, main)
