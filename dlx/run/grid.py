"""Arrays of images as one image."""

import math

import numpy as np

__all__ = ["image_grid"]


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
