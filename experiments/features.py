"""SIFT and BRIEF: points of two pictures matched, and the map between them by RANSAC (notes 001 section 14).

    python -m experiments.features --dataset china --seeds 5
    python -m experiments.features --dataset graffiti --seeds 5
    python -m experiments.features --dataset box --seeds 5

CPU: about 60 s each. Graffiti: sift repeatability 0.533 +- 0.000 and sift matching score 0.266 +- 0.000 (graffiti, 5
seeds), of OpenCV's SIFT opencv sift repeatability 0.526 +- 0.000 (graffiti) and opencv sift matching score 0.249 +-
0.000 (graffiti); sift inlier ratio 0.805 +- 0.018 (graffiti), sift corner error, in pixels, 4.3 +- 0.7 (graffiti),
brief inlier ratio 0.312 +- 0.033 (graffiti). A photograph turned by 30 degrees and scaled by 0.8: sift matching score
0.501 +- 0.000 (china, 5 seeds), opencv sift matching score 0.484 +- 0.000 (china), sift corner error 0.051 +- 0.000
(china); BRIEF follows no rotation: brief matching score 0.0012 +- 0.0008 (china). Box in its scene: sift inlier ratio
0.895 +- 0.000 (box, 5 seeds). A map with 40 % outliers: corner error of outliers 0.204 +- 0.036 (china, 5 seeds).
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx import image
from dlx.errors import DatasetError
from dlx.run import Options, launch, open_run, require
from dlx.run.drawings import draw_keypoints, draw_matches, draw_segments


class Points(NamedTuple):
    """Places (count, 2), descriptors (count, ...), and which of them are there."""

    xy: Any
    vectors: Any
    valid: Any


@dataclass(frozen=True)
class Config(Options):
    """Options of the features."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["china", "graffiti", "box"] = "china"
    """china: a photograph, turned and scaled; graffiti: a wall from two sides; box: a box and a scene with it. The seed
    draws RANSAC's samples and BRIEF's pairs."""
    count: int = 1000
    """Keypoints of each picture, at most."""
    ratio: float = 0.8
    """A match is nearer than so many times the second nearest."""
    threshold: float = 3.0
    """Largest distance of an inlier from where the map puts it, in pixels."""
    angle: float = 30.0
    """By which the photograph is turned, in degrees."""
    scale: float = 0.8
    """By which the photograph is scaled."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "count", at_least=4, at_most=5000)
        require(self, "ratio", above=0, at_most=1)
        require(self, "threshold", above=0)
        require(self, "angle", at_least=-180, at_most=180)
        require(self, "scale", at_least=0.25, at_most=4)


def main(config: Config) -> dict:
    """Matches the pictures for each seed and reports; returns the result."""
    columns: dict[str, list[float]] = {}
    with open_run(config) as run:
        first, second, true = pictures(config)
        keypoints, vectors = image.sift(first, count=config.count)
        run.picture("SIFT: the 300 strongest keypoints, with scale and angle",
                    draw_keypoints(first, jax.tree.map(lambda field: field[:300], keypoints)))  # fmt: skip
        sift = Points(keypoints.xy, vectors, keypoints.valid), sift_points(config, second)
        theirs = opencv_points(config, first), opencv_points(config, second)
        for seed in config.seed_values:
            samples, pairs = jax.random.split(jax.random.key(seed))
            sides = {"sift": sift, "brief": (brief_points(config, first, pairs), brief_points(config, second, pairs))}
            if theirs[0] and theirs[1]:
                sides["opencv_sift"] = theirs[0], theirs[1]
            values = {}
            for name, (a, b) in sides.items():
                matches, found = fitted(config, a, b, samples)
                if true is not None:
                    values[f"{name}_corner_error"] = image.corner_error(found.model, true, **size(first))
                values[f"{name}_inlier_ratio"] = jnp.sum(found.inliers) / jnp.maximum(jnp.sum(matches.valid), 1)
                if true is not None:
                    both = repeated(config, a, b, true, first, second)
                    detector = "harris" if name == "brief" else name
                    values |= {f"{detector}_repeatability": both[0], f"{name}_matching_score": both[1]}
                if seed == config.seed and name != "opencv_sift":
                    show(run, name, first, second, a, b, matches, found, true)
            values["corner_error_of_outliers"] = planted(samples)
            for name, value in values.items():
                columns.setdefault(name, []).append(float(value))
        if config.dataset == "china":
            run.picture("Right matches when the photograph is turned", angle_figure(config, first, sift[0]))
        return run.finish({name: np.array(column) for name, column in columns.items()})


def size(picture: Any) -> dict[str, int]:
    """Height and width of a picture."""
    return dict(zip(("height", "width"), picture.shape, strict=True))


def pictures(config: Config) -> tuple[np.ndarray, np.ndarray, jnp.ndarray | None]:
    """Two grey pictures, and the true map from the first to the second if it is known."""
    try:
        arrays = dlx.data.load_images(config.dataset).arrays
    except DatasetError as error:
        raise DatasetError(f"{error}\nIn this experiment --dataset china needs no file.") from error
    names = {"china": ("china",), "graffiti": ("graf1", "graf3"), "box": ("box", "box_in_scene")}[config.dataset]
    grey = [arrays[name] if arrays[name].ndim == 2 else np.asarray(image.rgb_to_grey(arrays[name])) for name in names]
    if config.dataset != "china":
        true = arrays.get("homography")
        return grey[0], grey[1], None if true is None else jnp.asarray(true, jnp.float32)
    return grey[0], *turned(grey[0], config.angle, config.scale)


def turned(picture: np.ndarray, degrees: float, scale: float) -> tuple[np.ndarray, jnp.ndarray]:
    """A picture turned and scaled about its middle, and the map."""
    height, width = picture.shape
    x, y = (width - 1) / 2, (height - 1) / 2
    a, b = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    matrix = jnp.array([[a, -b, x - a * x + b * y], [b, a, y - b * x - a * y], [0, 0, 1]], jnp.float32)
    # a smaller picture shows less: without the blur its pixels would be drawn from between
    smooth = image.gaussian_filter(picture, sigma=0.5 * np.sqrt(scale**-2 - 1)) if scale < 1 else picture
    return np.asarray(image.warp(smooth, image.invert_transform(matrix).matrix, mode="constant", fill=0.5)), matrix


def sift_points(config: Config, picture: Any) -> Points:
    """Keypoints and descriptors of SIFT."""
    keypoints, vectors = image.sift(picture, count=config.count)
    return Points(keypoints.xy, vectors, keypoints.valid)


def brief_points(config: Config, picture: Any, key: Any) -> Points:
    """Harris's corners, and BRIEF descriptors of the key's pairs."""
    response = image.harris_response(image.structure_tensor(picture))
    corners = image.local_peaks(response, count=config.count, radius=3, border=16)
    vectors = image.brief_descriptor(picture, corners.xy, image.brief_pairs(key))
    return Points(corners.xy, vectors, corners.valid)


def opencv_points(config: Config, picture: np.ndarray) -> Points | None:
    """Keypoints and descriptors of OpenCV's SIFT, if it is installed."""
    try:
        import cv2
    except ImportError:
        return None
    pixels = picture if picture.dtype == np.uint8 else np.round(255 * picture).astype(np.uint8)
    detector: Any = cv2.SIFT.create(nfeatures=config.count)
    found, vectors = detector.detectAndCompute(pixels, None)
    # doubling the picture, it takes pixel 0 of the double for pixel 0 of the picture
    xy = np.array([point.pt for point in found], np.float32) - 0.25
    missing = max(0, config.count - len(found))
    # ties make a few more than were asked for
    padded = [jnp.asarray(np.pad(array, ((0, missing), (0, 0)))[: config.count]) for array in (xy, vectors)]
    return Points(padded[0], padded[1], jnp.arange(config.count) < len(found))


def matched(config: Config, a: Points, b: Points, a_valid: Any, b_valid: Any) -> image.Matches:
    """Mutual nearest neighbours that pass the ratio test."""
    metric: Literal["hamming", "euclidean"] = "hamming" if a.vectors.dtype == jnp.uint32 else "euclidean"
    return image.match_descriptors(
        a.vectors, b.vectors, a_valid, b_valid, metric=metric, ratio=config.ratio, mutual=True
    )


def fitted(config: Config, a: Points, b: Points, key: Any) -> tuple[image.Matches, image.Ransac]:
    """Matches and the homography of most of them."""
    matches = matched(config, a, b, a.valid, b.valid)
    target = b.xy[matches.partner]
    return matches, image.ransac_homography(key, a.xy, target, matches.valid, threshold=config.threshold)


def repeated(config: Config, a: Points, b: Points, true: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Repeatability and matching score: of the points that both pictures see, those found and those matched again."""
    there, back = image.apply_transform(true, a.xy), image.apply_transform(image.invert_transform(true).matrix, b.xy)
    seen = a.valid & image.inside_image(there, **size(second)), b.valid & image.inside_image(back, **size(first))
    near = image.squared_distances(there, b.xy) < config.threshold**2
    near &= seen[0][:, None] & seen[1][None]
    # a point answers for one of the other picture only
    again = jnp.minimum(jnp.sum(jnp.any(near, 0)), jnp.sum(jnp.any(near, 1)))
    matches = matched(config, a, b, *seen)
    right = matches.valid & near[jnp.arange(len(matches.valid)), matches.partner]
    fewer = jnp.maximum(jnp.minimum(jnp.sum(seen[0]), jnp.sum(seen[1])), 1)
    return again / fewer, jnp.sum(right) / fewer


def planted(key: Any) -> Any:
    """Corner error of a known map by 200 pairs with half a pixel of noise, 40 % of which are drawn at random."""
    size = jnp.array([[640.0, 480.0]])
    places, noise, wrong, samples = jax.random.split(key, 4)
    source = size * jax.random.uniform(places, (200, 2))
    true = jnp.array([[0.9, -0.2, 60.0], [0.25, 0.8, -20.0], [2e-4, -1e-4, 1.0]])
    target = image.apply_transform(true, source) + 0.5 * jax.random.normal(noise, source.shape)
    target = target.at[:80].set(size * jax.random.uniform(wrong, (80, 2)))
    found = image.ransac_homography(samples, source, target, threshold=2.0)
    return image.corner_error(found.model, true, height=480, width=640)


def show(
    run: Any, name: str, first: Any, second: Any, a: Points, b: Points, matches: image.Matches, found: Any, true: Any
) -> None:
    """Adds the matches, and for SIFT the first picture's outline in the second."""
    kept = np.flatnonzero(matches.valid)
    pairs = np.asarray(a.xy)[kept], np.asarray(b.xy)[np.asarray(matches.partner)[kept]]
    run.picture(f"{name.upper()}: {len(kept)} matches, those that RANSAC keeps in green",
                draw_matches(first, second, *pairs, np.asarray(found.inliers)[kept]))  # fmt: skip
    if name != "sift":
        return
    height, width = first.shape
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    drawn, caption = second, "The first picture's outline in the second"
    for matrix, colour in ((true, "#1c7ed6"), (found.model, "#ff7a00")):
        if matrix is not None:
            ends = np.asarray(image.apply_transform(matrix, corners))
            drawn = draw_segments(drawn, ends, np.roll(ends, -1, 0), colour=colour, zoom=1)
    run.picture(caption + (": found orange, true blue" if true is not None else ""), drawn)


def angle_figure(config: Config, first: Any, sift: Points) -> Any:
    """Matching score of both descriptors against the angle."""
    from matplotlib.figure import Figure

    degrees = list(range(0, 91, 15))
    scores: dict[str, list[float]] = {"SIFT": [], "BRIEF": []}
    pairs = jax.random.split(jax.random.key(config.seed))[1]
    brief = brief_points(config, first, pairs)
    for angle in degrees:
        second, true = turned(first, angle, 1.0)
        for name, a, b in (("SIFT", sift, sift_points(config, second)),
                           ("BRIEF", brief, brief_points(config, second, pairs))):  # fmt: skip
            scores[name].append(float(repeated(config, a, b, true, first, second)[1]))
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    for (name, values), marker in zip(scores.items(), "o^", strict=True):
        axes.plot(degrees, values, marker=marker, label=name)
    axes.set(xlabel="degrees", ylabel="matching score", ylim=(0, None), xticks=degrees)
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    launch(Config, main)
