"""Pictures for a report: PNG bytes, matplotlib figures, and arrays of images laid out as a grid."""

import base64
import io
from typing import Any

import numpy as np

from dlx.run.grid import image_grid

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


def as_data_address(png: bytes) -> str:
    """The picture as a `data:` address, so that a page carries it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
