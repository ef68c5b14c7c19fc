"""Integral images: the sum over any box from four numbers."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from dlx.image._images import Image, grey

__all__ = ["box_sums", "integral_image"]


def integral_image(image: Image) -> Num[Array, "height+1 width+1"]:
    """Sums over all boxes that begin in the first pixel.

        S(y, x) = sum_{j < y} sum_{i < x} I(j, i),    S(0, x) = S(y, 0) = 0

    With the row and column of zeros in front, as OpenCV has it; scikit-image leaves them out.

    Args:
      image: (height, width). uint8 is added up exactly, as int32 and not divided by 255: the one function of this
        package that keeps integers. Floats carry an error of about eps times the largest sum, which small boxes feel:
        take the mean of the image off first if the boxes' weights add up to 0.
    Returns: (height + 1, width + 1) S: int32 for uint8, otherwise float.
    Raises: ValueError for another rank, or a uint8 image of more than 8.4 million pixels, whose sum int32 may not hold;
      TypeError for a dtype of no image.
    Source: Viola and Jones 2001; Bay et al. 2006, section 3.1.
    """
    if jnp.result_type(image) == jnp.uint8 and jnp.ndim(image) == 2:
        if 255 * np.prod(jnp.shape(image)) > np.iinfo(np.int32).max:
            raise ValueError(f"image: got {jnp.shape(image)} pixels of uint8, wanted at most 8.4 million; pass floats")
        values = jnp.asarray(image).astype(jnp.int32)
    else:
        values = grey(image)
    return jnp.pad(jnp.cumsum(jnp.cumsum(values, axis=0), axis=1), ((1, 0), (1, 0)))


def box_sums(
    integral: Num[Array | np.ndarray, "rows columns"], boxes: Num[Array | np.ndarray, "*boxes 4"]
) -> Num[Array, "*boxes"]:
    """Sums of an image over boxes.

        sum = S(y1, x1) - S(y0, x1) - S(y1, x0) + S(y0, x0)

    Args:
      integral: S of `integral_image`.
      boxes: (..., 4) edges (x0, y0, x1, y1); pixel i covers [i, i + 1). Whole numbers give the sum over the pixels
        x0..x1 - 1, y0..y1 - 1; fractions the area integral, with S interpolated between its entries, which is
        differentiable. Outside the image there is 0.
    Returns: (...) sums, dtype of `integral`, of `boxes` if only these are floating.
    Raises: ValueError if a shape is wrong.
    Source: Viola and Jones 2001; Bay et al. 2006, section 3.1.
    """
    integral, boxes = jnp.asarray(integral), jnp.asarray(boxes)
    if integral.ndim != 2 or boxes.ndim < 1 or boxes.shape[-1] != 4:
        raise ValueError(f"boxes: got shape {boxes.shape} on {integral.shape}, wanted (..., 4) on (rows, columns)")
    x0, y0, x1, y1 = (boxes[..., i] for i in range(4))
    return (
        corner_sums(integral, x1, y1)
        - corner_sums(integral, x1, y0)
        - corner_sums(integral, x0, y1)
        + corner_sums(integral, x0, y0)
    )


def corner_sums(integral: Array, x: Array, y: Array) -> Array:
    """S at (x, y), edges of pixels; between them interpolated, outside that of the border."""
    height, width = integral.shape[0] - 1, integral.shape[1] - 1
    flat = integral.ravel()

    def take(row: Array, column: Array) -> Array:
        return flat.at[row * (width + 1) + column].get(mode="promise_in_bounds")

    if not jnp.issubdtype(x.dtype, jnp.floating):
        return take(jnp.clip(y, 0, height), jnp.clip(x, 0, width))
    x, y = jnp.clip(x, 0, width), jnp.clip(y, 0, height)
    left = jnp.clip(jnp.floor(jax.lax.stop_gradient(x)), 0, width - 1).astype(jnp.int32)
    above = jnp.clip(jnp.floor(jax.lax.stop_gradient(y)), 0, height - 1).astype(jnp.int32)
    left, above = jnp.clip(left, 0, width - 1), jnp.clip(above, 0, height - 1)  # where a NaN was
    dtype = jnp.result_type(integral, x)
    a, b = (x - left).astype(dtype), (y - above).astype(dtype)
    top = (1 - a) * take(above, left) + a * take(above, left + 1)
    bottom = (1 - a) * take(above + 1, left) + a * take(above + 1, left + 1)
    return (1 - b) * top + b * bottom
