"""The pointing game: whether the strongest place of a map lies on the object."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num

from dlx.checks import check_array, check_floating, check_range

__all__ = ["pointing_game"]


def pointing_game(
    maps: Float[Array | np.ndarray, "batch height width"],
    boxes: Num[Array | np.ndarray, "batch 4"],
    *,
    tolerance: float = 0.0,
) -> Float[Array, "batch"]:
    """Whether the maximum of each map lies in the box of the object.

        hit = [x_min - t <= x + 1/2 < x_max + t] [y_min - t <= y + 1/2 < y_max + t],    (y, x) = argmax map

    The mean over examples is the score.

    Args:
      maps: (batch, height, width), the size of the image; of equal maxima the first counts. A map with NaN misses.
      boxes: (batch, 4) as (x_min, y_min, x_max, y_max) in pixels, edges: a box around the first pixel ends at 1.
      tolerance: t, pixels around the box that count as hits (the paper: 15 in large photographs).
    Returns: (batch,) 1 or 0, dtype of `maps`.
    Raises: ValueError if shapes do not fit or `tolerance` is negative; TypeError if `maps` are not floating.
    Source: Zhang et al. 2018, Top-down neural attention by excitation backprop, section 4.1.
    """
    check_floating("maps", maps)
    check_array("boxes", boxes)
    check_range("tolerance", tolerance, 0, float("inf"), open_high=True)
    if len(maps.shape) != 3 or 0 in maps.shape:
        raise ValueError(f"maps: got shape {maps.shape}, wanted (batch, height, width)")
    if boxes.shape != (len(maps), 4):
        raise ValueError(f"boxes: got shape {boxes.shape}, wanted {(len(maps), 4)}, one for each map")
    maps = jnp.asarray(maps)
    flat = maps.reshape(len(maps), -1)
    at = jnp.argmax(flat, axis=1)
    rows, columns = at // maps.shape[2] + 0.5, at % maps.shape[2] + 0.5
    x_min, y_min, x_max, y_max = jnp.asarray(boxes).astype(rows.dtype).T
    inside = (x_min - tolerance <= columns) & (columns < x_max + tolerance)
    inside &= (y_min - tolerance <= rows) & (rows < y_max + tolerance)
    return (inside & ~jnp.any(jnp.isnan(flat), axis=1)).astype(maps.dtype)
