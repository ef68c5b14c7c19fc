"""Camera calibration: a chessboard by Zhang's method, a cube by the direct linear transform (notes 001 section 14).

    python -m experiments.calibration --dataset views --seeds 5
    python -m experiments.calibration --dataset chessboard_corners --seeds 5

CPU: about 25 s each. Chessboard: reprojection error 0.4088 +- 0.0000 (chessboard_corners, 5 seeds), root mean square
in pixels of all 13 views; opencv reprojection error 0.4088 +- 0.0000 (chessboard_corners, 5 seeds), with equal
numbers of the camera. Generated, with noise of 0.2 along each axis, of which 0.274 is to be left: reprojection error
0.275 +- 0.004 (views, 5 seeds). Without two views the focal length moves: focal length of fewer views 535.9 +- 1.4
(chessboard_corners, 5 seeds). Points of a cube: 1e-13 without noise, cube error with noise 0.263 +- 0.016 (views, 5
seeds), of which 0.272 is to be left.
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

CAMERA = np.array([[540.0, 0, 322], [0, 545, 238], [0, 0, 1]])
LENS = np.array([-0.28, 0.09, 1e-3, -5e-4, 0.01])
NAMES = ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3")
WIDTH, HEIGHT, SQUARE = 640, 480, 0.025


class Views(NamedTuple):
    """Corners (points, 2) of a board in metres, where the views show them (views, points, 2), and some pictures."""

    board: np.ndarray
    corners: np.ndarray
    names: list[str]
    pictures: dict[str, np.ndarray]


@dataclass(frozen=True)
class Config(Options):
    """Options of the calibration."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["views", "chessboard_corners"] = "views"
    """views: made by a known camera, poses and noise drawn by the seed; chessboard_corners: of 13 photographs."""
    distortion: Literal["none", "radial", "full"] = "full"
    """Coefficients of the lens: none; k1 and k2; k1, k2, p1, p2 and k3."""
    noise: float = 0.2
    """Standard deviation of generated corners along each axis, in pixels."""
    left_out: int = 2
    """Views that each seed leaves out, to see how far the focal length follows from the rest."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "noise", at_least=0)
        require(self, "left_out", at_least=0, at_most=10)


def main(config: Config) -> dict:
    """Calibrates for each seed and reports; returns the result."""
    columns: dict[str, list[float]] = {}
    with open_run(config) as run, jax.enable_x64(True):
        for seed in config.seed_values:
            views = generated(config, seed) if config.dataset == "views" else photographed()
            found = image.calibrate_planar(views.board, views.corners, distortion=config.distortion)
            theirs = opencv(config, views)
            values = {"reprojection_error": float(found.error)}
            if theirs:
                values["opencv_reprojection_error"] = theirs[0]
            kept = np.random.default_rng(seed).permutation(len(views.corners))[config.left_out :]
            part = image.calibrate_planar(views.board, views.corners[kept], distortion=config.distortion)
            values["focal_length_of_fewer_views"] = float(part.intrinsics[0, 0])
            values["cube_error"], values["cube_error_with_noise"] = cube(0.0, seed), cube(config.noise, seed)
            for name, value in values.items():
                columns.setdefault(name, []).append(value)
            if seed == config.seed:
                run.table(f"The camera (seed {seed})", parameters(config, found, theirs))
                for caption, figure in figures(views, found).items():
                    run.picture(caption, figure)
        return run.finish({name: np.array(column) for name, column in columns.items()})


def photographed() -> Views:
    """The left camera's views of OpenCV's chessboard, with pictures if they are there."""
    try:
        arrays = dlx.data.load_images("chessboard_corners").arrays
    except DatasetError as error:
        raise DatasetError(f"{error}\nIn this experiment --dataset views is generated.") from error
    names = [f"left{number}" for number in arrays["frames"]]
    try:
        pictures = dlx.data.load_images("chessboard").arrays
    except DatasetError:
        pictures = {}
    return Views(arrays["object_points"][:, :2].astype(float), arrays["left"].astype(float), names, pictures)


def generated(config: Config, seed: int, count: int = 13) -> Views:
    """Views of a board by a known camera, with noise; the whole board lies inside of each."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(9), np.arange(6))
    board = SQUARE * np.stack([x.ravel(), y.ravel()], 1)
    corners: list[np.ndarray] = []
    pictures: dict[str, np.ndarray | None] = {}
    while len(corners) < count:
        vector = rng.uniform(-0.6, 0.6, 3)
        turned = board.mean(0) @ np.asarray(image.rotation_matrix(vector)).T[:2]
        place = np.array([*rng.uniform([-0.1, -0.07], [0.1, 0.07]), rng.uniform(0.3, 0.5)]) - turned
        seen = image.project_distorted(np.c_[board, np.zeros(len(board))], CAMERA, LENS, vector, place)
        if image.inside_image(seen, height=HEIGHT, width=WIDTH, margin=20).all():
            pictures[f"view {len(corners) + 1}"] = rendered(vector, place) if len(corners) < 2 else None
            corners.append(np.asarray(seen) + config.noise * rng.normal(size=board.shape))
    return Views(board, np.array(corners), list(pictures), {k: v for k, v in pictures.items() if v is not None})


def rendered(vector: np.ndarray, place: np.ndarray) -> np.ndarray:
    """What the known camera sees of the board: each pixel's ray, met with the plane."""
    pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).reshape(-1, 2).astype(float)
    ideal = image.undistort_points(pixels, CAMERA, LENS)
    plane = np.c_[np.asarray(image.rotation_matrix(vector))[:, :2], place]
    at = np.floor(image.apply_transform(np.linalg.inv(CAMERA @ plane), ideal) / SQUARE).astype(int)
    on = (at[:, 0] >= -1) & (at[:, 0] < 9) & (at[:, 1] >= -1) & (at[:, 1] < 6)
    shade = np.where(on & (at.sum(1) % 2 == 0), 0.15, 0.85).reshape(HEIGHT, WIDTH)
    return np.asarray(image.gaussian_filter(shade, sigma=0.7))


def opencv(config: Config, views: Views) -> tuple | None:
    """(error, K, distortion) of OpenCV on the same corners, if it is installed."""
    try:
        import cv2
    except ImportError:
        return None
    flags = {"none": ("K1", "K2", "K3"), "radial": ("K3",), "full": ()}[config.distortion]
    fixed = sum(getattr(cv2, f"CALIB_FIX_{name}") for name in flags)
    fixed += 0 if config.distortion == "full" else cv2.CALIB_ZERO_TANGENT_DIST
    world = np.c_[views.board, np.zeros(len(views.board))].astype(np.float32)
    worlds, seen = [world] * len(views.corners), list(views.corners.astype(np.float32))
    fit = cv2.calibrateCamera(worlds, seen, (WIDTH, HEIGHT), None, None, flags=fixed)
    return fit[0], fit[1], fit[2].ravel()[:5]


def parameters(config: Config, found: Any, theirs: tuple | None) -> list[list[str]]:
    """Rows of a table: the numbers of the camera, ours, OpenCV's, the true ones."""
    cameras = {"dlx": (found.intrinsics, found.distortion)}
    if theirs:
        cameras["OpenCV"] = theirs[1:]
    if config.dataset == "views":
        cameras["true"] = (CAMERA, LENS)
    columns = [[*np.asarray(k)[[0, 1, 0, 1], [0, 1, 2, 2]], *np.asarray(lens)] for k, lens in cameras.values()]
    rows = zip(NAMES, *columns, strict=True)
    return [["", *cameras], *([name, *(f"{value:.4f}" for value in row)] for name, *row in rows)]


def cube(noise: float, seed: int) -> float:
    """Root mean square distance between the points of a cube as seen and as the fitted camera projects them."""
    rng = np.random.default_rng(seed)
    a, b = (side.ravel() for side in np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)))
    world = np.concatenate([np.insert(np.stack([a, b], 1), axis, 0.0, axis=1) for axis in range(3)])
    rotation = np.asarray(image.rotation_matrix(rng.uniform(-0.5, 0.5, 3)))
    true = image.camera_matrix(CAMERA, rotation, np.array([0, 0, 4.0]) - rotation @ np.full(3, 0.5))
    seen = np.asarray(image.project_points(true, world)) + noise * rng.normal(size=(len(world), 2))
    fit = image.calibrate_camera(world, seen)
    return float(jnp.sqrt(jnp.mean(jnp.sum((image.project_points(fit.matrix, world) - seen) ** 2, 1))))


def figures(views: Views, found: Any) -> dict[str, Any]:
    """Caption -> picture: residuals in a view, the view without distortion, where the camera stood."""
    world = np.c_[views.board, np.zeros(len(views.board))]
    number, name = next(
        ((n, name) for n, name in enumerate(views.names) if name in views.pictures), (0, views.names[0])
    )
    picture = views.pictures.get(name)
    reached = image.project_distorted(
        world, found.intrinsics, found.distortion, found.rotations[number], found.translations[number]
    )
    shown = {
        f"{name}: corners, and 80 times the way to their reprojection": residual_figure(
            picture, views.corners[number], np.asarray(reached) - views.corners[number]
        )
    }
    if picture is not None:
        pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(float)
        # the ideal camera's pixels, and where the lens puts them
        focal, middle = np.asarray(found.intrinsics)[[0, 1], [0, 1]], np.asarray(found.intrinsics)[:2, 2]
        bent = image.distort_points(((pixels - middle) / focal).reshape(-1, 2), found.distortion)
        flow = np.asarray(bent).reshape(pixels.shape) * focal + middle - pixels
        shown[f"{name} without the lens's distortion"] = np.asarray(image.warp(picture, flow))
    shown["The board, and where the camera stood and looked"] = camera_figure(world, found)
    return shown


def residual_figure(picture: np.ndarray | None, corners: np.ndarray, apart: np.ndarray) -> Any:
    """The part of a view about its corners."""
    from matplotlib.figure import Figure

    (left, top), (right, bottom) = corners.min(0) - 25, corners.max(0) + 25
    figure = Figure(figsize=(6, max(3.0, 6 * (bottom - top) / (right - left))), layout="constrained")
    axes = figure.subplots()
    if picture is not None:
        axes.imshow(picture, cmap="gray", alpha=0.6)
    axes.plot(*corners.T, "o", mfc="none", color="#1c7ed6", ms=6)
    axes.quiver(*corners.T, *apart.T, color="#e8590c", angles="xy", scale_units="xy", scale=1 / 80, width=0.005)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.axis("off")
    return figure


def camera_figure(world: np.ndarray, found: Any) -> Any:
    """The camera's places in the coordinates of the board."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    axes.plot(*world.T, ".", color="black", ms=3)
    for vector, place in zip(found.rotations, found.translations, strict=True):
        turn = np.asarray(image.rotation_matrix(vector))
        centre = -turn.T @ np.asarray(place)
        axes.plot(*centre[:, None], "o", color="#1c7ed6", ms=4)
        axes.quiver(*centre, *(0.08 * turn[2]), color="#1c7ed6")
    axes.set(xlabel="x, m", ylabel="y, m", zlabel="z, m", aspect="equal")
    axes.locator_params(nbins=4)
    axes.invert_zaxis()
    return figure


if __name__ == "__main__":
    launch(Config, main)
