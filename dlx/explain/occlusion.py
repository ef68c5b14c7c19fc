"""What a logit loses when a part of the image is covered."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int

from dlx.checks import check_count, check_floating
from dlx.explain._logits import check_forward, check_labels, chosen

__all__ = ["occlusion"]


def occlusion(
    forward: Callable[[Array], Array],
    inputs: Float[Array | np.ndarray, "batch height width channels"],
    labels: Int[Array | np.ndarray, "batch"],
    *,
    window: int = 8,
    stride: int = 4,
    value: float = 0.0,
    places_at_once: int = 8,
) -> Float[Array, "batch height width"]:
    """How much covering a pixel lowers the logit of a class.

        out_ij = mean over windows that cover (i, j) of  logit(x) - logit(x with the window set to value)

    Windows begin at every `stride`-th row and column; the last ones are cut off at the border, so that each pixel is
    covered.

    Args:
      forward: inputs -> logits (batch, classes).
      inputs: (batch, height, width, channels).
      labels: (batch,), the class that is explained.
      window: side of the square that is covered, at most the longer side of the image.
      stride: steps between squares, at most `window`.
      value: what covers, the same in all channels.
      places_at_once: squares that go through the model together; more are faster and need more memory.
    Returns: (batch, height, width), of both signs, dtype of the logits.
    Raises: ValueError if shapes do not fit, a label is no class, or a number is out of range; TypeError if `inputs` are
      not floating.
    Source: Zeiler and Fergus 2014, section 4.2.
    """
    check_forward(forward, "inputs")
    check_floating("inputs", inputs)
    if inputs.ndim != 4 or 0 in inputs.shape:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, height, width, channels)")
    for name, number in (("window", window), ("stride", stride), ("places_at_once", places_at_once)):
        check_count(name, number)
    if stride > window:
        raise ValueError(f"stride: got {stride} for a window of {window}: pixels between would never be covered")
    side = max(inputs.shape[1:3])
    if window > side:
        raise ValueError(f"window: got {window}, wanted at most {side}, the image's size")
    inputs = jnp.asarray(inputs)
    check_labels(labels, inputs)
    height, width = inputs.shape[1:3]
    down, across = (_covered(size, window, stride) for size in (height, width))
    # (places, height, width): only the sides are kept, not a mask for each place
    places = np.stack(np.meshgrid(np.arange(len(down)), np.arange(len(across)), indexing="ij"), -1).reshape(-1, 2)
    whole = chosen(forward(inputs), labels)
    rows, columns = jnp.asarray(down), jnp.asarray(across)

    def drop(place: Array) -> Array:
        mask = rows[place[0]][:, None] & columns[place[1]][None, :]
        covered = jnp.where(mask[None, :, :, None], jnp.asarray(value, inputs.dtype), inputs)
        return whole - chosen(forward(covered), labels)

    drops = lax.map(drop, jnp.asarray(places), batch_size=min(places_at_once, len(places)))
    drops = drops.reshape(len(down), len(across), len(inputs))
    sums = jnp.einsum("rh,cw,rcb->bhw", rows.astype(drops.dtype), columns.astype(drops.dtype), drops)
    return sums / jnp.asarray(np.outer(down.sum(0), across.sum(0))[None], drops.dtype)


def _covered(size: int, window: int, stride: int) -> np.ndarray:
    """(windows, size) bool: the rows that each window covers, none beyond what covers the last row."""
    starts = np.arange(0, max(size - window, 0) + stride, stride)
    pixels = np.arange(size)
    return (pixels >= starts[:, None]) & (pixels < starts[:, None] + window)
