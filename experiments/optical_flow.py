"""Optical flow: Lucas-Kanade and Horn-Schunck, alone and from coarse to fine, against the truth (notes 001 section 14).

    python -m experiments.optical_flow --dataset waves --seeds 5
    python -m experiments.optical_flow --dataset rubber_whale

CPU: about 30 s each. Errors in pixels, of RubberWhale: pyramid horn schunck error 0.2028 +- 0.0000 (rubber_whale),
pyramid lucas kanade error 0.2549 +- 0.0000 (rubber_whale), beside scikit-image's ilk error 0.2704 +- 0.0000
(rubber_whale) and tvl1 error 0.2560 +- 0.0000 (rubber_whale). It is the coarse-to-fine form of Horn and Schunck that
stays below ilk; the plain one of one level, for motion of up to a pixel, misses it: horn schunck error 0.3808 +- 0.0000
(rubber_whale). Of 400 points, points error 0.1914 +- 0.0000 (rubber_whale) and opencv points error 0.2014 +- 0.0000
(rubber_whale). Waves, wanted below 0.05: shift lucas kanade error 0.013 +- 0.004 (waves, 5 seeds); 10 pixels, wanted
below 0.2: large shift pyramid lucas kanade error 0.022 +- 0.010 (waves, 5 seeds), large shift pyramid horn schunck
error 0.006 +- 0.002 (waves, 5 seeds); degrees, wanted below 5: rotation horn schunck angle 0.227 +- 0.021 (waves, 5
seeds).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import numpy as np

import dlx
from dlx import image
from dlx.errors import DatasetError, UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.drawings import draw_segments

TITLES = {
    "pyramid_horn_schunck": "Horn-Schunck, coarse to fine",
    "pyramid_lucas_kanade": "Lucas-Kanade, coarse to fine",
    "horn_schunck": "Horn-Schunck, one level",
    "lucas_kanade": "Lucas-Kanade, one step",
    "ilk": "scikit-image optical_flow_ilk",
    "tvl1": "scikit-image optical_flow_tvl1",
}
# what each scene of waves is for; the report has a table of all
KEPT = {
    "shift": ("lucas_kanade_error", "points_error"),
    "large_shift": ("pyramid_lucas_kanade_error", "pyramid_horn_schunck_error", "points_error"),
    "rotation": ("horn_schunck_angle", "pyramid_horn_schunck_angle"),
}
HEIGHT, WIDTH = 144, 176


class Scene(NamedTuple):
    """Two frames, the flow (height, width, 2) from one to the other, and where it is known."""

    first: np.ndarray
    second: np.ndarray
    truth: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Config(Options):
    """Options of the optical flow."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["waves", "rubber_whale"] = "waves"
    """waves: brightness that is known between the pixels, shifted and turned, drawn by the seed; rubber_whale: two
    frames of the Middlebury benchmark with their true flow."""
    points: int = 400
    """Points that are tracked, at most."""
    window: int = 21
    """Side of the window in which a point's motion is one, in pixels."""
    alpha: float = 3e-3
    """Weight of smoothness of Horn and Schunck."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "points", at_least=1)
        require(self, "window", at_least=3, at_most=99)
        require(self, "alpha", above=0)
        if self.window % 2 == 0:
            raise UsageError(f"--window wants an odd number; got {self.window}.")


def main(config: Config) -> dict:
    """Estimates every scene's flow for each seed and reports; returns the result."""
    columns: dict[str, list[float]] = {}
    functions = estimators(config)
    with open_run(config) as run:
        for seed in config.seed_values:
            for name, scene in scenes(config, seed).items():
                flows = {key: np.asarray(function(scene.first, scene.second)) for key, function in functions.items()}
                values = {}
                for key, flow in flows.items():
                    values[f"{key}_error"] = float(image.end_point_error(flow, scene.truth, scene.known))
                    values[f"{key}_angle"] = float(image.angular_error(flow, scene.truth, scene.known))
                starts, ends, errors = track(config, scene)
                values |= errors
                for key in KEPT.get(name, values):
                    column = key if name == "rubber_whale" else f"{name}_{key}"
                    columns.setdefault(column, []).append(values[key])
                if seed == config.seed:
                    title = name.replace("_", " ").capitalize() + ("" if name == "rubber_whale" else f" (seed {seed})")
                    run.table(title, table(values))
                    if name in ("rubber_whale", "rotation"):
                        show(run, scene, flows, starts, ends)
        return run.finish({name: np.array(column) for name, column in columns.items()})


def scenes(config: Config, seed: int) -> dict[str, Scene]:
    """The frames of the Middlebury benchmark, or waves in motion."""
    if config.dataset == "rubber_whale":
        try:
            arrays = dlx.data.load_images("rubber_whale").arrays
        except DatasetError as error:
            raise DatasetError(f"{error}\nIn this experiment --dataset waves is generated.") from error
        first, second = (np.asarray(image.rgb_to_grey(arrays[name])) for name in ("frame10", "frame11"))
        truth = np.where(arrays["known"][..., None], arrays["flow"], 0)
        return {"rubber_whale": Scene(first, second, truth, arrays["known"])}
    rng = np.random.default_rng(seed)
    way = rng.uniform(0, 2 * np.pi)
    unit = np.array([np.cos(way), np.sin(way)])
    return {
        "shift": moved(rng, 0.7 * unit, 0.0),
        "large_shift": moved(rng, 10 * unit, 0.0),
        "rotation": moved(rng, 0 * unit, 0.01),
    }


def moved(rng: np.random.Generator, shift: np.ndarray, angle: float) -> Scene:
    """A sum of waves and the same turned about the middle and shifted, both known without interpolation."""
    ways, phases = rng.uniform(0, 2 * np.pi, (2, 12))
    lengths = np.geomspace(8, 80, 12)
    waves = 2 * np.pi / lengths[:, None] * np.stack([np.cos(ways), np.sin(ways)], 1)

    def brightness(points: np.ndarray) -> np.ndarray:
        return (0.5 + 0.3 * np.sin(points @ waves.T + phases).mean(-1) * np.sqrt(12) / 2).astype(np.float32)

    points = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(float)
    middle = np.array([WIDTH - 1, HEIGHT - 1]) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # the row vector (p - m - shift) times R is R^-1 of it
    first, second = brightness(points), brightness((points - middle - shift) @ turn + middle)
    truth = ((points - middle) @ turn.T + middle + shift - points).astype(np.float32)
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[24:-24, 24:-24] = True  # what both frames show
    return Scene(first, second, truth, known)


def estimators(config: Config) -> dict[str, Callable]:
    """Name -> the flow (height, width, 2) of two frames; scikit-image's where it is installed."""
    functions: dict[str, Callable] = {
        "pyramid_horn_schunck": jax.jit(lambda *frames: image.pyramid_horn_schunck(*frames, alpha=config.alpha)),
        "pyramid_lucas_kanade": jax.jit(lambda *frames: image.pyramid_lucas_kanade(*frames).flow),
        "horn_schunck": jax.jit(lambda *frames: image.horn_schunck(*frames, alpha=config.alpha, iterations=400)),
        "lucas_kanade": jax.jit(lambda *frames: image.lucas_kanade(*frames).flow),
    }
    try:
        from skimage import registration
    except ImportError:
        return functions
    # they give (v, u)
    functions["ilk"] = lambda *frames: np.stack(registration.optical_flow_ilk(*frames)[::-1], -1)
    functions["tvl1"] = lambda *frames: np.stack(registration.optical_flow_tvl1(*frames)[::-1], -1)
    return functions


def track(config: Config, scene: Scene) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Points with structure where the flow is known, where they were found again, and the mean errors."""
    found = image.trackable_points(scene.first, count=config.points)
    starts = np.asarray(found.xy)[np.asarray(found.valid)]
    columns, rows = np.round(starts).astype(int).T
    starts, truth = (array[scene.known[rows, columns]] for array in (starts, scene.truth[rows, columns]))
    ours = image.track_points(scene.first, scene.second, starts, window=config.window)
    kept, theirs = np.array(ours.valid), None
    try:
        import cv2

        track_theirs: Any = cv2.calcOpticalFlowPyrLK  # its types know no None for the guess
        frames = [np.round(255 * frame).astype(np.uint8) for frame in (scene.first, scene.second)]
        size = (config.window, config.window)
        theirs, status, _ = track_theirs(*frames, starts[:, None], None, winSize=size, maxLevel=3)
        # the same points for both
        kept &= status.ravel() > 0
    except ImportError:
        pass
    errors = {"points_error": float(image.end_point_error(ours.points - starts, truth, kept))}
    if theirs is not None:
        errors["opencv_points_error"] = float(image.end_point_error(theirs[:, 0] - starts, truth, kept))
    return starts[kept], np.asarray(ours.points)[kept], errors


def table(values: dict[str, float]) -> list[list[str]]:
    """Rows of the report's table."""
    rows = [["", "end-point error, px", "angular error, degrees"]]
    for key, title in {**TITLES, "points": "Lucas-Kanade, points", "opencv_points": "OpenCV, the same points"}.items():
        numbers = [values.get(f"{key}_{kind}") for kind in ("error", "angle")]
        if numbers[0] is not None:
            rows.append([title, *("" if number is None else f"{number:.4f}" for number in numbers)])
    return rows


def show(run: Any, scene: Scene, flows: dict[str, np.ndarray], starts: np.ndarray, ends: np.ndarray) -> None:
    """Adds the frame with its tracks, the true flow with the wheel of colours, and each flow with its errors."""
    longest = float(np.linalg.norm(scene.truth[scene.known], axis=-1).max())
    run.picture(
        "Tracked points: ten times their way", draw_segments(scene.first, starts, starts + 10 * (ends - starts))
    )
    true = np.array(image.flow_colours(scene.truth, scene.known, max_length=longest))
    side = min(true.shape[:2]) // 5
    at = np.linspace(-1, 1, side, dtype=np.float32)
    disc = np.stack(np.meshgrid(at, at), -1)
    inside = np.linalg.norm(disc, axis=-1) <= 1
    true[:side, :side][inside] = np.asarray(image.flow_colours(disc, max_length=1.0))[inside]
    run.picture(
        f"True flow (black: not judged) and the colours of directions; full at {longest:.1f} pixels", enlarged(true)
    )
    for key, flow in flows.items():
        colours = np.asarray(image.flow_colours(flow, max_length=longest))
        error = np.asarray(image.end_point_error(flow, scene.truth, scene.known, reduction="none"))
        grey = np.broadcast_to(error[..., None].clip(0, 1), colours.shape)
        caption = f"{TITLES[key]}: flow, and its error from 0 (black) to 1 pixel (white)"
        run.picture(caption, enlarged(np.concatenate([colours, grey], 1)))


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A picture at least as wide as a column of the report."""
    zoom = -(-600 // picture.shape[1])
    return picture.repeat(zoom, 0).repeat(zoom, 1)


if __name__ == "__main__":
    launch(Config, main)
