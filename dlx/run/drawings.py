"""What was found in an image, drawn over it: keypoints, matches, lines, circles. RGB arrays, as `as_png` takes them.

Coordinates are (x, y) in pixels of the image, the centre of the first pixel at (0, 0). Small images are enlarged by a
whole number, so that what is drawn stays finer than their pixels.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlx.run.grid import image_grid

__all__ = ["draw_circles", "draw_keypoints", "draw_lines", "draw_matches", "draw_points", "draw_segments"]

Colours = str | Sequence[str]

_SIDE = 640  # the longer one is enlarged to at least this
_SMOOTH = 3  # drawn so many times larger and averaged: Pillow's own lines have steps
_FOUND, _RIGHT, _WRONG, _EDGE = "#ff7a00", "#20e890", "#ff4a4a", "#00000090"


def draw_keypoints(
    image: Any, keypoints: Any, *, size: float = math.sqrt(2), colour: str = _FOUND, zoom: int | None = None
) -> np.ndarray:
    """Keypoints as circles of their scale, with a radius towards their angle if a detector has set one.

    Args:
      image: (h, w), (h, w, 1 or 3), uint8 or float in [0, 1].
      keypoints: `dlx.image.Keypoints`; those that are not valid are left out.
      size: radius of a circle / scale; a blob of scale sigma has the radius sigma sqrt(2).
      colour: as Pillow names it.
      zoom: factor of enlargement; None: so that the longer side has 640 pixels or more.
    Returns: (zoom h, zoom w, 3) uint8.
    """
    valid = np.asarray(keypoints.valid)
    xy, radii, angles = (np.asarray(field)[valid] for field in (keypoints.xy, keypoints.scale, keypoints.angle))
    canvas = _Canvas(image, zoom)
    canvas.circles(xy, size * radii, colour)
    if angles.any():
        canvas.segments(xy, xy + size * radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1), colour)
    return canvas.picture()


def draw_matches(
    left: Any, right: Any, points_left: Any, points_right: Any, inliers: Any = None, *, most: int = 120, gap: int = 8,
    zoom: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Two images side by side, in grey, and a segment for each pair of points: green for inliers, red for the others.

    Args:
      left, right: images as `draw_keypoints` takes them.
      points_left, points_right: (pairs, 2); take only the valid matches.
      inliers: (pairs,) bool; None: all.
      most: of more pairs every so-manieth is drawn.
      gap: pixels of white between the images.
      zoom: as for `draw_keypoints`, of both images together.
    Returns: (rows, columns, 3) uint8.
    Raises: ValueError if the points are not pairs.
    """
    first, second = _grey(left), _grey(right)
    a, b = _pairs(points_left, points_right)
    good = np.ones(len(a), bool) if inliers is None else np.asarray(inliers, bool)
    if good.shape != (len(a),):
        raise ValueError(f"inliers: got shape {good.shape}, wanted ({len(a)},), one for each pair.")
    sheet = np.full(
        (max(len(first), len(second)), first.shape[1] + gap + second.shape[1], 3), 255, np.uint8
    )  # fmt: skip
    sheet[: len(first), : first.shape[1]] = first
    sheet[: len(second), first.shape[1] + gap :] = second
    kept = np.arange(0, len(a), max(1, math.ceil(len(a) / most)))
    a, b, good = a[kept], b[kept] + [first.shape[1] + gap, 0], good[kept]
    canvas = _Canvas(sheet, zoom)
    for colour, some in ((_WRONG, ~good), (_RIGHT, good)):
        canvas.segments(a[some], b[some], colour, width=1.0)
        canvas.circles(np.concatenate([a[some], b[some]]), np.full(2 * some.sum(), 2 / canvas.zoom), colour)
    return canvas.picture()


def draw_lines(image: Any, theta: Any, rho: Any, *, colour: Colours = _FOUND, zoom: int | None = None) -> np.ndarray:
    """Straight lines x cos theta + y sin theta = rho, from border to border.

    Args:
      image: as `draw_keypoints` takes it.
      theta, rho: (lines,) radians and pixels; take only the valid ones.
      colour: one, or one for each line.
      zoom: as for `draw_keypoints`.
    Returns: (zoom h, zoom w, 3) uint8.
    """
    canvas = _Canvas(image, zoom)
    theta, rho = np.asarray(theta, float), np.asarray(rho, float)[:, None]
    normal = np.stack([np.cos(theta), np.sin(theta)], 1)
    along = np.stack([-normal[:, 1], normal[:, 0]], 1) * (abs(rho) + sum(canvas.shape))
    canvas.segments(rho * normal - along, rho * normal + along, colour)
    return canvas.picture()


def draw_circles(image: Any, xy: Any, radii: Any, *, colour: Colours = _FOUND, zoom: int | None = None) -> np.ndarray:
    """Circles and their centres.

    Args:
      image: as `draw_keypoints` takes it.
      xy: (circles, 2) centres.
      radii: (circles,) in pixels.
      colour: one, or one for each circle.
      zoom: as for `draw_keypoints`.
    Returns: (zoom h, zoom w, 3) uint8.
    """
    canvas = _Canvas(image, zoom)
    canvas.circles(xy, radii, colour)
    canvas.crosses(xy, 3.0, colour)
    return canvas.picture()


def draw_points(
    image: Any, xy: Any, *, size: float = 4.0, colour: Colours = _FOUND, zoom: int | None = None
) -> np.ndarray:
    """Points as crosses.

    Args:
      image: as `draw_keypoints` takes it.
      xy: (points, 2).
      size: half the width of a cross, in pixels of the picture.
      colour: one, or one for each point.
      zoom: as for `draw_keypoints`.
    Returns: (zoom h, zoom w, 3) uint8.
    """
    canvas = _Canvas(image, zoom)
    canvas.crosses(xy, size, colour)
    return canvas.picture()


def draw_segments(
    image: Any, starts: Any, ends: Any, *, colour: Colours = _FOUND, zoom: int | None = None
) -> np.ndarray:
    """Segments with a dot at their end: tracks of points, residuals, outlines.

    Args:
      image: as `draw_keypoints` takes it.
      starts, ends: (segments, 2).
      colour: one, or one for each segment.
      zoom: as for `draw_keypoints`.
    Returns: (zoom h, zoom w, 3) uint8.
    Raises: ValueError if the points are not pairs.
    """
    canvas = _Canvas(image, zoom)
    canvas.segments(*_pairs(starts, ends), colour)
    canvas.circles(ends, np.full(len(np.asarray(ends)), 1.5 / canvas.zoom), colour)
    return canvas.picture()


class _Canvas:
    """An enlarged image under a transparent layer; every stroke has a dark edge, to be seen on any ground."""

    def __init__(self, image: Any, zoom: int | None) -> None:
        from PIL import Image, ImageDraw

        pixels = _rgb(image)
        self.shape = pixels.shape[:2]
        self.zoom = zoom or math.ceil(_SIDE / max(self.shape))
        self._factor = self.zoom * _SMOOTH
        height, width = self.shape
        self._below = Image.fromarray(pixels.repeat(self.zoom, 0).repeat(self.zoom, 1))
        self._layer = Image.new("RGBA", (width * self._factor, height * self._factor))
        self._pen = ImageDraw.Draw(self._layer)

    def segments(self, starts: Any, ends: Any, colour: Colours, *, width: float = 1.6) -> None:
        a, b = self._place(starts), self._place(ends)
        for stroke, start, end in self._strokes(np.concatenate([a, b], 1), colour, width):
            self._pen.line([*start, *end], **stroke)

    def circles(self, xy: Any, radii: Any, colour: Colours, *, width: float = 1.6) -> None:
        centres, sizes = self._place(xy), np.asarray(radii, float)[:, None] * self._factor
        for stroke, low, high in self._strokes(np.concatenate([centres - sizes, centres + sizes], 1), colour, width):
            # Pillow draws inwards from the box
            out = stroke["width"] / 2
            self._pen.ellipse([*(low - out), *(high + out)], outline=stroke["fill"], width=stroke["width"])

    def crosses(self, xy: Any, size: float, colour: Colours) -> None:
        points, reach = np.asarray(xy, float).reshape(-1, 2), size / self.zoom
        both = np.concatenate([points, points])
        ways = np.repeat([[reach, 0.0], [0.0, reach]], len(points), axis=0)
        self.segments(both - ways, both + ways, [*_each(colour, len(points))] * 2)

    def picture(self) -> np.ndarray:
        self._below.paste(layer := self._layer.reduce(_SMOOTH), mask=layer)
        return np.asarray(self._below)

    def _place(self, xy: Any) -> np.ndarray:
        return (np.asarray(xy, float).reshape(-1, 2) + 0.5) * self._factor

    def _strokes(self, corners: np.ndarray, colour: Colours, width: float) -> Any:
        """Each stroke twice, all dark and wider ones below; what is not finite is left out."""
        pairs = [pair for pair in zip(corners, _each(colour, len(corners)), strict=True) if np.isfinite(pair[0]).all()]
        for dark in (True, False):
            for ends, own in pairs:
                stroke = {"fill": _EDGE if dark else own, "width": round((width + 1.4 * dark) * _SMOOTH)}
                yield stroke, ends[:2], ends[2:]


def _rgb(image: Any) -> np.ndarray:
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3):
        raise ValueError(f"image: got shape {pixels.shape}, wanted (h, w), (h, w, 1) or (h, w, 3).")
    pixels = image_grid(pixels)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _grey(image: Any) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(_rgb(image)).convert("L").convert("RGB"))


def _each(colour: Colours, count: int) -> Sequence[str]:
    return [colour] * count if isinstance(colour, str) else colour


def _pairs(first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(first, float), np.asarray(second, float)
    if a.ndim != 2 or a.shape[1] != 2 or a.shape != b.shape:
        raise ValueError(f"points: got shapes {a.shape} and {b.shape}, wanted (pairs, 2) twice.")
    return a, b
