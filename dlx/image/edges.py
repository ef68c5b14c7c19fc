"""Edges of one pixel: thinning along the gradient, two thresholds, hysteresis, and Canny's detector made of them."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from dlx.checks import check_choice, is_known
from dlx.image._hysteresis import grow
from dlx.image._images import FloatImage, Image, Mode, check_static, grey, wide
from dlx.image.derivatives import gradient, gradient_magnitude
from dlx.image.filters import gaussian_filter

__all__ = ["canny", "double_threshold", "hysteresis_threshold", "non_maximum_suppression"]

Edges = Bool[Array, "height width"]
Threshold = float | Float[Array, ""]
Method = Literal["interpolated", "sectors"]
Ties = Literal["one", "none", "both"]


def non_maximum_suppression(
    gx: FloatImage, gy: FloatImage, *, method: Method = "interpolated", ties: Ties = "one"
) -> FloatImage:
    """Gradient magnitude where it is greatest along the gradient, 0 elsewhere.

        out = g if g > g_before and g >= g_after else 0,    g = sqrt(gx^2 + gy^2)

    sectors: eight sectors of 45 degrees, each around one neighbour; g_after and g_before are the neighbours in the
    gradient's sector and in the opposite one, as in the notes and in OpenCV. interpolated: g between the two neighbours
    that the gradient passes between, linear, as in scikit-image. This is not the suppression of boxes (detection).

    Args:
      gx: (height, width) derivative along x.
      gy: (height, width) derivative along y.
      method: "interpolated" or "sectors".
      ties: of two equal pixels across an edge keep "one", the left or upper, as OpenCV does; "none", so that both
        neighbours must be smaller as the notes say, which loses the edge of an ideal step; or "both", as scikit-image
        does.
    Returns: (height, width), >= 0; beyond the border the magnitude is 0.
    Raises: ValueError if the shapes differ or are not those of an image, or for another method.
    Source: Canny 1986; notes 001 section 14.
    """
    check_choice("method", method, ("interpolated", "sectors"))
    check_choice("ties", ties, ("one", "none", "both"))
    magnitude = gradient_magnitude(gx, gy)
    height, width = magnitude.shape
    extended = jnp.pad(magnitude, 1)

    def at(y: int, x: int) -> Array:
        return extended[1 + y : 1 + y + height, 1 + x : 1 + x + width]

    across, along = jnp.abs(gx), jnp.abs(gy)
    flat, falling = across >= along, gx * gy >= 0
    # "after" is to the right, or below where the gradient is steeper than 45 degrees
    straight = [jnp.where(flat, at(0, s), at(s, 0)) for s in (1, -1)]
    oblique = [jnp.where(falling, at(s, s), jnp.where(flat, at(-s, s), at(s, -s))) for s in (1, -1)]
    longer, shorter = jnp.maximum(across, along), jnp.minimum(across, along)
    if method == "sectors":
        straight_on = shorter < np.tan(np.pi / 8).astype(shorter.dtype) * longer
        after, before = (jnp.where(straight_on, s, o) for s, o in zip(straight, oblique, strict=True))
        here = magnitude
    else:
        # both sides times the longer derivative: no division
        after, before = (shorter * o + (longer - shorter) * s for s, o in zip(straight, oblique, strict=True))
        here = longer * magnitude
    above_before = here >= before if ties == "both" else here > before
    above_after = here > after if ties == "none" else here >= after
    return jnp.where(above_before & above_after, magnitude, 0)


def double_threshold(values: Image, *, low: Threshold, high: Threshold) -> FloatImage:
    """Three classes of pixels.

        1 if v >= high,  0.5 if low <= v < high,  else 0

    Args:
      values: (height, width) weights, as `non_maximum_suppression` gives them; a weight of 0 is never an edge.
      low: lower threshold.
      high: upper threshold, >= low.
    Returns: (height, width) of 0, 0.5 and 1.
    Raises: ValueError for another shape or low > high; TypeError for other integers.
    Source: Canny 1986; notes 001 section 14.
    """
    weak, strong = _classes(grey(values, "values"), low, high)
    return jnp.where(strong, 1.0, jnp.where(weak, 0.5, 0.0)).astype(grey(values, "values").dtype)


def hysteresis_threshold(values: Image, *, low: Threshold, high: Threshold, connectivity: Literal[4, 8] = 8) -> Edges:
    """Strong pixels, and the weak ones joined to them.

        repeat until nothing changes: 0.5 becomes 1 if a neighbour is 1;    then 0.5 becomes 0

    Args:
      values: (height, width) weights >= 0; a weight of 0 is never an edge.
      low: a pixel is weak from here on.
      high: and strong from here on, >= low.
      connectivity: 8 neighbours, or the 4 that share a side. `skimage.filters.apply_hysteresis_threshold` takes 4, and
        "above" for "at least"; its `canny` takes 8.
    Returns: (height, width) bool: the fixed point, whatever the length of the edges.
    Raises: ValueError for another shape, low > high or another connectivity; TypeError for other integers.
    Source: Canny 1986; notes 001 section 14.
    """
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity: got {connectivity!r}, wanted 4 or 8")
    weak, strong = _classes(grey(values, "values"), low, high)
    return grow(strong, weak, connectivity)


def canny(
    image: Image,
    *,
    sigma: float | None = 1.0,
    low: Threshold = 0.1,
    high: Threshold = 0.2,
    operator: Literal["sobel", "prewitt"] = "sobel",
    method: Method = "interpolated",
    ties: Ties = "one",
    mode: Mode = "reflect",
    fill: float = 0.0,
) -> Edges:
    """Canny's edge detector.

        Gaussian filter, derivatives, thinning along the gradient, two thresholds, hysteresis

    The thresholds are for the length of the gradient with unnormalised kernels, of an image in [0, 1], as in
    `skimage.feature.canny` of a floating image, whose default border is "constant". OpenCV's are 255 times as large,
    and it does not smooth (`sigma=None`), rounds to integers and takes "nearest" borders and `method="sectors"`.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigma: of the Gaussian filter in pixels, > 0, static under `jax.jit`; None leaves it out.
      low: pixels are edges from here on, if joined to stronger ones.
      high: pixels are edges from here on, >= low.
      operator: "sobel" or "prewitt".
      method: of the thinning, see `non_maximum_suppression`.
      ties: of the thinning, see `non_maximum_suppression`.
      mode: what stands beyond the border, by SciPy's names.
      fill: the value beyond the border of the Gaussian filter with "constant"; the derivatives' is 0.
    Returns: (height, width) bool; the outermost pixels are no edges, as they have no neighbours to be compared with.
    Raises: ValueError for another shape, an image smaller than the Gaussian's kernel, sigma <= 0, low > high or unknown
      words; TypeError for other integers or a sigma that is an array.
    Source: Canny 1986; notes 001 section 14.
    """
    check_choice("operator", operator, ("sobel", "prewitt"))
    values = wide(grey(image))
    if sigma is not None:
        check_static("sigma", sigma)
        values = gaussian_filter(values, sigma=sigma, mode=mode, fill=fill)
    gx, gy = gradient(values, operator=operator, mode=mode)
    thin = non_maximum_suppression(gx, gy, method=method, ties=ties)
    return hysteresis_threshold(jnp.pad(thin[1:-1, 1:-1], 1), low=low, high=high)


def _classes(values: Array, low: Threshold, high: Threshold) -> tuple[Array, Array]:
    if is_known(low) and is_known(high) and not float(low) <= float(high):
        raise ValueError(f"low: got {float(low):g} with high {float(high):g}, wanted low <= high")
    weak = (values >= low) & (values > 0)
    return weak, weak & (values >= high)
