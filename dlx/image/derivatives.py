"""First derivatives of images: x to the right, y downwards. True convolution flips the kernels printed here."""

from typing import Literal

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_choice
from dlx.image._borders import check_mode
from dlx.image._images import FloatImage, Image, Mode, check_covers, grey, wide
from dlx.image._shifts import correlate1d, separable

__all__ = [
    "backward_difference",
    "central_difference",
    "forward_difference",
    "gradient",
    "gradient_angle",
    "gradient_magnitude",
    "prewitt_x",
    "prewitt_y",
    "sobel_x",
    "sobel_y",
]

Axis = Literal["x", "y"]
Operator = Literal["sobel", "prewitt", "central", "forward", "backward"]


def forward_difference(image: Image, *, axis: Axis = "x", mode: Mode = "reflect") -> FloatImage:
    """Forward difference.

        f'(x) = f(x + 1) - f(x),    kernel [1, -1, 0]

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      axis: "x" along a row, "y" down a column.
      mode: what stands beyond the border, by SciPy's names; with "reflect" the last difference is 0.
    Returns: (height, width), change per pixel; exact on linear images inside the border.
    Raises: ValueError for another shape, axis or mode; TypeError for other integers.
    Source: notes 001 section 14.
    """
    return _difference(image, (0.0, -1.0, 1.0), axis, mode)


def backward_difference(image: Image, *, axis: Axis = "x", mode: Mode = "reflect") -> FloatImage:
    """Backward difference.

        f'(x) = f(x) - f(x - 1),    kernel [0, 1, -1]

    The notes print the forward formula here; the kernel beside it is this one's.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      axis: "x" along a row, "y" down a column.
      mode: what stands beyond the border, by SciPy's names; with "reflect" the first difference is 0.
    Returns: (height, width), change per pixel; exact on linear images inside the border.
    Raises: ValueError for another shape, axis or mode; TypeError for other integers.
    Source: notes 001 section 14.
    """
    return _difference(image, (-1.0, 1.0, 0.0), axis, mode)


def central_difference(image: Image, *, axis: Axis = "x", mode: Mode = "reflect") -> FloatImage:
    """Central difference.

        f'(x) = (f(x + 1) - f(x - 1)) / 2,    kernel [1, 0, -1] / 2

    The notes' kernel lacks the half. Inside the border it is `jnp.gradient`, which is one-sided on it.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      axis: "x" along a row, "y" down a column.
      mode: what stands beyond the border, by SciPy's names.
    Returns: (height, width), change per pixel; exact on quadratic images inside the border.
    Raises: ValueError for another shape, axis or mode; TypeError for other integers.
    Source: notes 001 section 14.
    """
    return _difference(image, (-0.5, 0.0, 0.5), axis, mode)


def prewitt_x(image: Image, *, mode: Mode = "reflect", normalise: bool = False) -> FloatImage:
    """Prewitt's derivative along x, smoothed over three rows.

        [[1, 0, -1], [1, 0, -1], [1, 0, -1]]

    Named by the direction that it differentiates: the notes call this kernel vertical, after the edges that it finds,
    and its result once the vertical and once the horizontal slope.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      mode: what stands beyond the border, by SciPy's names.
      normalise: divide by 6, so that a ramp of slope s has the derivative s.
    Returns: (height, width). `scipy.ndimage.prewitt(axis=1)`; scikit-image's `prewitt_v` is a third of it.
    Raises: ValueError for another shape, an image smaller than 3 x 3, or another mode; TypeError for other integers.
    Source: Prewitt 1970; notes 001 section 14.
    """
    return _smoothed(image, (1.0, 1.0, 1.0), "x", mode, normalise)


def prewitt_y(image: Image, *, mode: Mode = "reflect", normalise: bool = False) -> FloatImage:
    """Prewitt's derivative along y, smoothed over three columns.

        [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      mode: what stands beyond the border, by SciPy's names.
      normalise: divide by 6, so that a ramp of slope s has the derivative s.
    Returns: (height, width). `scipy.ndimage.prewitt(axis=0)`; scikit-image's `prewitt_h` is a third of it.
    Raises: ValueError for another shape, an image smaller than 3 x 3, or another mode; TypeError for other integers.
    Source: Prewitt 1970; notes 001 section 14.
    """
    return _smoothed(image, (1.0, 1.0, 1.0), "y", mode, normalise)


def sobel_x(image: Image, *, mode: Mode = "reflect", normalise: bool = False) -> FloatImage:
    """Sobel's derivative along x, smoothed over three rows with more weight in the middle.

        [[1, 0, -1], [2, 0, -2], [1, 0, -1]]

    The notes name the filter and print no kernel; this is the usual one.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      mode: what stands beyond the border, by SciPy's names.
      normalise: divide by 8, so that a ramp of slope s has the derivative s.
    Returns: (height, width). `scipy.ndimage.sobel(axis=1)` and OpenCV's `Sobel(dx=1)`; scikit-image's `sobel_v` is a
      quarter of it.
    Raises: ValueError for another shape, an image smaller than 3 x 3, or another mode; TypeError for other integers.
    Source: Sobel and Feldman 1968; notes 001 section 14.
    """
    return _smoothed(image, (1.0, 2.0, 1.0), "x", mode, normalise)


def sobel_y(image: Image, *, mode: Mode = "reflect", normalise: bool = False) -> FloatImage:
    """Sobel's derivative along y, smoothed over three columns with more weight in the middle.

        [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      mode: what stands beyond the border, by SciPy's names.
      normalise: divide by 8, so that a ramp of slope s has the derivative s.
    Returns: (height, width). `scipy.ndimage.sobel(axis=0)` and OpenCV's `Sobel(dy=1)`; scikit-image's `sobel_h` is a
      quarter of it.
    Raises: ValueError for another shape, an image smaller than 3 x 3, or another mode; TypeError for other integers.
    Source: Sobel and Feldman 1968; notes 001 section 14.
    """
    return _smoothed(image, (1.0, 2.0, 1.0), "y", mode, normalise)


def gradient(
    image: Image, *, operator: Operator = "sobel", mode: Mode = "reflect", normalise: bool = False
) -> tuple[FloatImage, FloatImage]:
    """Both derivatives of an image.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      operator: "sobel", "prewitt", "central", "forward" or "backward".
      mode: what stands beyond the border, by SciPy's names.
      normalise: divide Sobel's by 8 and Prewitt's by 6, so that a ramp of slope s has the derivative s; the others have
        it anyway.
    Returns: (gx, gy), each (height, width).
    Raises: ValueError for another shape, operator or mode; TypeError for other integers.
    Source: notes 001 section 14.
    """
    check_choice("operator", operator, ("sobel", "prewitt", "central", "forward", "backward"))
    if operator in ("sobel", "prewitt"):
        weights = (1.0, 2.0, 1.0) if operator == "sobel" else (1.0, 1.0, 1.0)
        return _smoothed(image, weights, "x", mode, normalise), _smoothed(image, weights, "y", mode, normalise)
    difference = {"central": central_difference, "forward": forward_difference, "backward": backward_difference}[
        operator
    ]
    return difference(image, axis="x", mode=mode), difference(image, axis="y", mode=mode)


def gradient_magnitude(gx: FloatImage, gy: FloatImage) -> FloatImage:
    """Length of the gradient.

        g = sqrt(gx^2 + gy^2)

    Args:
      gx: (height, width) derivative along x.
      gy: (height, width) derivative along y.
    Returns: (height, width), >= 0. Where both are 0 the derivative of the length is given as 0 (it has none there).
    Raises: ValueError if the shapes differ or are not those of an image.
    Source: notes 001 section 14.
    """
    gx, gy = _pair(gx, gy)
    squares = wide(gx) ** 2 + wide(gy) ** 2
    flat = squares == 0
    return jnp.where(flat, 0, jnp.sqrt(jnp.where(flat, 1, squares))).astype(gx.dtype)


def gradient_angle(gx: FloatImage, gy: FloatImage) -> FloatImage:
    """Direction in which the image grows.

        theta = atan2(gy, gx)

    The notes write tan^-1(gv, gh) with the names of the two exchanged between two places; this is the accepted form.

    Args:
      gx: (height, width) derivative along x.
      gy: (height, width) derivative along y.
    Returns: (height, width) radians in [-pi, pi] from +x towards +y, which points down; 0 where both are 0, and so is
      its derivative there.
    Raises: ValueError if the shapes differ or are not those of an image.
    Source: notes 001 section 14.
    """
    gx, gy = _pair(gx, gy)
    flat = (gx == 0) & (gy == 0)
    return jnp.arctan2(jnp.where(flat, 0, gy), jnp.where(flat, 1, gx))


def _pair(gx: Array, gy: Array) -> tuple[Array, Array]:
    gx, gy = grey(gx, "gx"), grey(gy, "gy")
    if gx.shape != gy.shape:
        raise ValueError(f"gy: got shape {gy.shape}, wanted that of gx, {gx.shape}")
    return gx, gy


def _difference(image: Image, taps: tuple[float, ...], axis: Axis, mode: Mode) -> Array:
    """`taps` slide as they stand: they are the docstring's kernel flipped."""
    check_choice("axis", axis, ("x", "y"))
    check_mode(mode)
    values = grey(image)
    return correlate1d(wide(values), taps, 1 if axis == "x" else 0, mode=mode).astype(values.dtype)


def _smoothed(image: Image, weights: tuple[float, ...], axis: Axis, mode: Mode, normalise: bool) -> Array:
    check_mode(mode)
    values = grey(image)
    check_covers(values, (3, 3))
    slope = (-1.0, 0.0, 1.0)
    taps = (weights, slope) if axis == "x" else (slope, weights)
    out = separable(wide(values), *taps, mode=mode)
    return (out / (2 * sum(weights)) if normalise else out).astype(values.dtype)
