"""Pictures for a report: PNG bytes, matplotlib figures, and arrays of images laid out as a grid."""

import base64
import io
import math
from typing import Any

import numpy as np

__all__ = ["as_data_address", "as_png", "image_grid"]

_SMALLEST_SIDE = 480


def as_png(picture: Any) -> bytes:
    """PNG bytes of a picture.

    Args:
      picture: PNG bytes; a matplotlib Figure; or an array (h, w), (h, w, 1 or 3), (n, h, w, 1 or 3) or a grid
        (rows, columns, h, w, 1 or 3), uint8 or float in [0, 1].
    Raises: TypeError for anything else, ValueError for other shapes.
    """
    if isinstance(picture, bytes):
        return picture
    buffer = io.BytesIO()
    if hasattr(picture, "savefig"):
        picture.savefig(buffer, format="png", dpi=160, bbox_inches="tight")
        return buffer.getvalue()
    if not hasattr(picture, "__array__"):
        raise TypeError(f"picture wants PNG bytes, a matplotlib Figure or an array; got {type(picture).__name__}.")
    from PIL import Image

    pixels = image_grid(np.asarray(picture))
    # small images are enlarged pixel by pixel: a browser would blur them
    zoom = max(1, min(24, _SMALLEST_SIDE // max(pixels.shape[:2])))
    pixels = pixels.repeat(zoom, 0).repeat(zoom, 1)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def image_grid(images: np.ndarray, *, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """One image (h, w, channels) uint8 of one image, of n, or of rows x columns of them.

    Args:
      images: (h, w), (h, w, c), (n, h, w, c) or (rows, columns, h, w, c) with c = 1 or 3; uint8, or float in [0, 1].
      columns: of n images; by default about a square.
      gap: pixels of white between images.
    Raises: ValueError for another shape or channel count.
    """
    if images.ndim == 2:
        images = images[..., None]
    if images.ndim not in (3, 4, 5) or images.shape[-1] not in (1, 3):
        raise ValueError(
            "images wants (h, w), (h, w, c), (n, h, w, c) or (rows, columns, h, w, c), c = 1 or 3;"
            f" got shape {images.shape}."
        )
    if images.dtype != np.uint8:
        images = np.round(np.clip(np.nan_to_num(images.astype(np.float32)), 0, 1) * 255).astype(np.uint8)
    if images.ndim == 3:
        return images
    if images.ndim == 5:
        columns = images.shape[1]
        images = images.reshape(-1, *images.shape[2:])
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    for at, image in enumerate(images):
        top, left = at // columns * (height + gap), at % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def as_data_address(png: bytes) -> str:
    """The picture as a `data:` address, so that a page carries it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
