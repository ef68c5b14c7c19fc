"""An image between its pixels: bilinear samples, warping by a flow or a homography, resizing.

Coordinates are (x, y), column and row, with the centre of the first pixel at (0, 0).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num

from dlx.checks import check_choice, check_count, check_entries
from dlx.image._images import grey

__all__ = ["bilinear_sample", "resize_bilinear", "warp"]

_MODES = ("nearest", "constant")


def bilinear_sample(
    image: Num[Array | np.ndarray, "height width"],
    points: Float[Array | np.ndarray, "*points 2"],
    *,
    mode: str = "nearest",
    fill: float = 0.0,
) -> Float[Array, "*points"]:
    """Values of an image at real coordinates.

        I(x, y) = (1 - a) (1 - b) I[j, i] + a (1 - b) I[j, i + 1] + (1 - a) b I[j + 1, i] + a b I[j + 1, i + 1]
        i = floor(x), a = x - i, j = floor(y), b = y - j

    The derivative by a point is that of the cell to its right and below, where the point lies on a grid line; on the
    last column and row that of the cell before. Outside, "nearest" has derivative 0.

    Args:
      image: one image; uint8 is taken into [0, 1] as `to_float` does.
      points: (x, y). In bfloat16 coordinates above 256 have no fraction: keep them in float32.
      mode: "nearest" goes on with the border's value; "constant" with pixels of the value `fill` outside, between which
        and the border it interpolates (SciPy's "grid-constant", OpenCV's BORDER_CONSTANT, PyTorch's padding "zeros").
      fill: value outside, for "constant".
    Returns: one value for each point, in the image's dtype; NaN where a coordinate is NaN.
    Raises: ValueError on a mode that does not exist, an image that is not (height, width), or points whose last axis
      has not two entries.
    Source: Szeliski 2022, Computer Vision, section 3.6.1; notes 001 section 14.
    """
    check_choice("mode", mode, _MODES)
    image = grey(image)
    points = jnp.asarray(points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"points: got shape {points.shape}, wanted (..., 2), the last axis (x, y)")
    x, y = points[..., 0], points[..., 1]
    if mode == "constant":
        image = jnp.pad(image, 1, constant_values=fill)
        x, y = x + 1, y + 1
    return _sample(image, x, y)


def _sample(image: Array, x: Array, y: Array) -> Array:
    """Bilinear samples of a floating image that goes on with its border's values."""
    height, width = image.shape
    left, right, a = _cell(x, width)
    above, below, b = _cell(y, height)
    a, b = a.astype(image.dtype), b.astype(image.dtype)
    # one index into the flat image: a gather of single values by one number is the fastest form XLA has on a CPU
    flat = image.reshape(-1)
    top, bottom = above * width, below * width
    upper = _take(flat, top + left) * (1 - a) + _take(flat, top + right) * a
    lower = _take(flat, bottom + left) * (1 - a) + _take(flat, bottom + right) * a
    return upper * (1 - b) + lower * b


def _cell(at: Array, size: int) -> tuple[Array, Array, Array]:
    """Both neighbours of a coordinate on an axis, and how far it is from the first."""
    # not a clip of `at` itself: that has half a derivative on the border, where an identity warp samples
    at = jnp.where((at >= 0) & (at <= size - 1), at, jnp.clip(jax.lax.stop_gradient(at), 0, size - 1))
    first = jnp.clip(jnp.floor(jax.lax.stop_gradient(at)), 0, max(size - 2, 0))
    number = first.astype(jnp.int32)  # NaN becomes any number, and its weight stays NaN
    number = jnp.clip(number, 0, max(size - 2, 0))
    return number, jnp.minimum(number + 1, size - 1), at - first


def _take(flat: Array, index: Array) -> Array:
    """Entries by numbers that are known to be inside."""
    return flat.at[index].get(mode="promise_in_bounds")


def warp(
    image: Num[Array | np.ndarray, "height width"],
    transform: Float[Array | np.ndarray, "rows columns 2"] | Float[Array | np.ndarray, "3 3"],
    *,
    shape: tuple[int, int] | None = None,
    mode: str = "nearest",
    fill: float = 0.0,
) -> Float[Array, "rows columns"]:
    """An image seen through a map of coordinates: each pixel of the result looks up where it comes from.

        flow (u, v):      out(x, y) = I(x + u(x, y), y + v(x, y))
        homography H:     out(x, y) = I(x' / w, y' / w), (x', y', w) = H (x, y, 1)

    With the flow from a first frame to a second, `warp(second, flow)` looks like the first. H maps coordinates of the
    result to coordinates of `image` (the inverse map; OpenCV's `warpPerspective` without WARP_INVERSE_MAP takes its
    inverse).

    Args:
      image: one image; uint8 is taken into [0, 1] as `to_float` does.
      transform: a flow (rows, columns, 2) of (u, v), or a 3x3 homography. A flow may hold NaN where it is not known; a
        homography with one is refused or, under `jit`, gives NaN everywhere.
      shape: (rows, columns) of the result for a homography, by default that of `image`; a flow has its own.
      mode: outside the image, see `bilinear_sample`.
      fill: value outside, for "constant".
    Returns: the warped image, in the image's dtype; NaN where the flow is NaN. A point that the homography sends to
      infinity lies outside.
    Raises: ValueError on a mode that does not exist, an image that is not (height, width), a transform of another shape
      or a homography that is not finite, or a `shape` that is not the flow's.
    Source: Szeliski 2022, Computer Vision, section 3.6; notes 001 section 14.
    """
    image, transform = grey(image), jnp.asarray(transform)
    if transform.shape != (3, 3) and not (transform.ndim == 3 and transform.shape[-1] == 2):
        raise ValueError(
            f"transform: got shape {transform.shape}, wanted a flow (rows, columns, 2) or a homography (3, 3); an"
            " affine map gets the last row (0, 0, 1)"
        )
    if transform.ndim == 2:
        check_entries("transform", transform)
        rows, columns = shape or image.shape
        check_count("shape[0]", rows)
        check_count("shape[1]", columns)
        points = _project(transform, _grid(rows, columns, transform.dtype))
    else:
        if shape is not None and tuple(shape) != transform.shape[:2]:
            raise ValueError(f"shape: got {tuple(shape)}, wanted {transform.shape[:2]}, the shape of the flow")
        points = _grid(transform.shape[0], transform.shape[1], transform.dtype) + transform
    return bilinear_sample(image, points, mode=mode, fill=fill)


def _grid(rows: int, columns: int, dtype: jnp.dtype) -> Array:
    """(rows, columns, 2) of the coordinates (x, y) of all pixels."""
    x, y = jnp.meshgrid(jnp.arange(columns, dtype=dtype), jnp.arange(rows, dtype=dtype))
    return jnp.stack([x, y], axis=-1)


def _project(homography: Array, points: Array) -> Array:
    """Points through a homography; those at infinity far outside, without a division by zero."""
    # not a matrix product: accelerators would make it of ten bits
    x, y = points[..., :1], points[..., 1:]
    columns = [column.reshape((1,) * (points.ndim - 1) + (3,)) for column in homography.T]
    mapped = columns[0] * x + columns[1] * y + columns[2]
    scale = mapped[..., 2:]
    finite = scale != 0
    far = jnp.asarray(1e6, points.dtype)
    return jnp.where(finite, mapped[..., :2] / jnp.where(finite, scale, 1), -far)


def resize_bilinear(
    image: Num[Array | np.ndarray, "height width"], *, shape: tuple[int, int], align_corners: bool = False
) -> Float[Array, "rows columns"]:
    """An image with another number of pixels, by bilinear interpolation without smoothing.

        x = (x' + 1/2) width / columns - 1/2,    or with `align_corners`  x = x' (width - 1) / (columns - 1)

    Smooth first (`gaussian_filter`) to make an image smaller without aliasing.

    Args:
      image: one image; uint8 is taken into [0, 1] as `to_float` does.
      shape: (rows, columns) of the result.
      align_corners: let the centres of the corner pixels stay where they are, instead of the image's edges.
    Returns: the resized image, in the image's dtype. Equal to OpenCV's INTER_LINEAR, PyTorch's "bilinear" and
      `jax.image.resize(..., antialias=False)`.
    Raises: ValueError or TypeError if `shape` is not two positive ints; ValueError on an image that is not
      (height, width).
    Source: Szeliski 2022, Computer Vision, section 3.5.1; notes 001 section 14.
    """
    image = grey(image)
    if len(shape) != 2:
        raise ValueError(f"shape: got {shape!r}, wanted (rows, columns)")
    for axis, size in enumerate(shape):
        check_count(f"shape[{axis}]", size)
        image = _resize_axis(image, axis, size, align_corners)
    return image


def _resize_axis(image: Array, axis: int, size: int, align_corners: bool) -> Array:
    """One axis of the resizing; where to look is known when it is compiled."""
    old = image.shape[axis]
    if old == size:
        return image
    at = np.arange(size, dtype=np.float64)
    at = at * ((old - 1) / max(size - 1, 1)) if align_corners else (at + 0.5) * (old / size) - 0.5
    at = np.clip(at, 0, old - 1)
    first = np.minimum(at.astype(np.int64), max(old - 2, 0))
    fraction = jnp.expand_dims(jnp.asarray(at - first, image.dtype), 1 - axis)
    second = np.minimum(first + 1, old - 1)
    return jnp.take(image, first, axis=axis) * (1 - fraction) + jnp.take(image, second, axis=axis) * fraction
