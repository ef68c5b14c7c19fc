"""Lucas-Kanade: the flow that fits the constraint best in a window about each pixel."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from dlx.image._images import Image
from dlx.image._motion import (
    Derivatives,
    Weights,
    check_derivatives,
    check_threshold,
    check_window,
    derivatives_of,
    frames,
    smaller_eigenvalue,
    solve_two,
    window_means,
    window_taps,
)

__all__ = ["LucasKanade", "lucas_kanade"]


class LucasKanade(NamedTuple):
    """A flow with its trust.

    Fields:
      flow: (height, width, 2) of (u, v) in pixels; 0 where it is not valid.
      eigenvalue: (height, width) the smaller eigenvalue of the window's mean of [[Ix^2, Ix Iy], [Ix Iy, Iy^2]].
      valid: (height, width) whether the window has structure in two directions.
    """

    flow: Float[Array, "height width 2"]
    eigenvalue: Float[Array, "height width"]
    valid: Bool[Array, "height width"]


def lucas_kanade(
    first: Image,
    second: Image,
    *,
    window: int = 15,
    weights: Weights = "uniform",
    derivatives: Derivatives = "both",
    min_eigenvalue: float = 1e-6,
) -> LucasKanade:
    """Optical flow of every pixel by least squares over a window.

        (u, v) = (A^T W A)^-1 A^T W b,    rows of A: (Ix, Iy),  b: -It,  W: weights, for the pixels of the window

    One linear step: right for motion of up to about a pixel, or the blur of the image. `pyramid_lucas_kanade` takes
    larger ones. A window that reaches over the border has the equations of the pixels inside.

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame: I2(x + u, y + v) = I1(x, y).
      window: odd number of pixels a side.
      weights: "uniform", or "gaussian" with standard deviation window / 5.
      derivatives: see `flow_derivatives`; the notes take "first".
      min_eigenvalue: the flow is valid where the smaller eigenvalue of A^T W A, the weights' sum being 1, exceeds it;
        squared brightness per squared pixel, for images in [0, 1].
    Returns: `LucasKanade`: flow, eigenvalue, valid. A flat or one-dimensional window is not valid and has flow 0.
    Raises: ValueError if the shapes differ or are not those of an image, on a window that is even, below 3 or larger
      than the image, unknown weights or derivatives, or a negative `min_eigenvalue`; TypeError for integers other than
      uint8 and uint16.
    Source: Lucas and Kanade 1981; notes 001 section 14.
    """
    first, second, dtype = frames(first, second)
    check_window(window, first.shape)
    check_derivatives(derivatives)
    check_threshold("min_eigenvalue", min_eigenvalue)
    x, y, t = derivatives_of(first, second, derivatives)
    taps = window_taps(window, weights)
    xx, xy, yy, xt, yt = (window_means(product, taps) for product in (x * x, x * y, y * y, x * t, y * t))
    eigenvalue = smaller_eigenvalue(xx, xy, yy)
    valid = eigenvalue > min_eigenvalue
    flow = jnp.stack(solve_two(xx, xy, yy, -xt, -yt, valid), axis=-1)
    return LucasKanade(flow.astype(dtype), eigenvalue.astype(dtype), valid)
