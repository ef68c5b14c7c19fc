"""Digits at random places among pieces of other digits, with the box that holds the digit."""

import numpy as np

from dlx.data.cards import Split
from dlx.data.tables import digits_splits

__all__ = ["digits_on_canvas"]


def digits_on_canvas(
    images: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    *,
    examples: int = 1000,
    size: int = 48,
    zoom: int = 2,
    distractors: int = 6,
    seed: int = 0,
) -> Split:
    """A set where the truth of an explanation is known: what makes the class lies in a box.

    Each canvas is black and holds one whole digit at a random place, and distractors: pieces of half the digit's height
    and width, cut at random places out of random digits of the set, none of which touches the digit's box. They may
    overlap each other. A model has to look at the digit; that strokes are there tells nothing.

    Args:
      images: (N, height, width) or (N, height, width, 1) uint8, square; None for the training half of the embedded
        digits, brought to 0..255. Take other digits for a test set.
      labels: (N,) integers; None with `images` None.
      examples: canvases.
      size: side of a canvas in pixels.
      zoom: digits are enlarged by this whole number, pixel by pixel.
      distractors: on each canvas.
      seed: of everything that is random.
    Returns: {"inputs": (examples, size, size, 1) uint8, "labels": (examples,) int32, "boxes": (examples, 4) float32},
      boxes as (x_min, y_min, x_max, y_max) in pixels, edges, tight around the digit's ink.
    Raises: ValueError on images or labels of another shape, a count below its least, or a canvas that has no room:
      `size` has to be twice a digit's side at least.
    Source: in the manner of the cluttered MNIST of Mnih et al. 2014, section 4.2.
    """
    if images is None or labels is None:
        if images is not None or labels is not None:
            raise ValueError("images and labels come together, or neither")
        own = digits_splits()["train"]
        images, labels = (own["inputs"].astype(np.uint16) * 255 // 16).astype(np.uint8), own["labels"]
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.shape[1] != images.shape[2] or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images must be (N, side, side) uint8, not {images.shape} {images.dtype}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be {images.shape[:1]}, one for each image, not {labels.shape}")
    for name, count, least in (("examples", examples, 1), ("zoom", zoom, 1), ("distractors", distractors, 0)):
        if count < least:
            raise ValueError(f"{name} must be at least {least}, not {count}")
    digits = images.repeat(zoom, 1).repeat(zoom, 2)
    side = digits.shape[1]
    if size < 2 * side:
        raise ValueError(f"size must be at least {2 * side}, twice the side of a digit, not {size}")
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, len(digits), examples)
    places = generator.integers(0, size - side + 1, (examples, 2))
    canvases = np.zeros((examples, size, size), np.uint8)
    boxes = np.empty((examples, 4), np.float32)
    for canvas, box, number, (top, left) in zip(canvases, boxes, numbers, places, strict=True):
        ink = np.nonzero(digits[number])
        if not ink[0].size:
            raise ValueError(f"images: image {number} is black")
        low, high = [axis.min() for axis in ink], [axis.max() + 1 for axis in ink]
        box[:] = left + low[1], top + low[0], left + high[1], top + high[0]
        for _ in range(distractors):
            _add_piece(generator, canvas, digits, (top, left))
        region = canvas[top : top + side, left : left + side]
        region[:] = digits[number]
    return {"inputs": canvases[..., None], "labels": labels[numbers].astype(np.int32), "boxes": boxes}


def _add_piece(generator: np.random.Generator, canvas: np.ndarray, digits: np.ndarray, place: tuple[int, int]) -> None:
    """A piece of a digit on the canvas, outside of the square at `place`."""
    side, size = digits.shape[1], len(canvas)
    piece = max(1, side // 2)
    row, column = generator.integers(0, side - piece + 1, 2)
    cut = digits[generator.integers(len(digits)), row : row + piece, column : column + piece]
    # ends: on a canvas twice as wide as a digit the places at one border at least are outside
    while True:
        top, left = generator.integers(0, size - piece + 1, 2)
        if abs(top + piece / 2 - place[0] - side / 2) >= (piece + side) / 2:
            break
        if abs(left + piece / 2 - place[1] - side / 2) >= (piece + side) / 2:
            break
    region = canvas[top : top + piece, left : left + piece]
    np.maximum(region, cut, out=region)
