"""Optical flow: the equation it obeys, and how far an estimate lies from the truth."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from dlx.checks import check_choice, check_same_shape
from dlx.image._images import FloatImage, Image
from dlx.image._motion import Derivatives, check_derivatives, derivatives_of, frames
from dlx.image._solve import root

__all__ = ["angular_error", "end_point_error", "flow_constraint", "flow_derivatives"]

Flow = Float[Array | np.ndarray, "*points 2"]
Reduction = Literal["mean", "none"]


def flow_derivatives(
    first: Image, second: Image, *, derivatives: Derivatives = "both"
) -> tuple[FloatImage, FloatImage, FloatImage]:
    """Derivatives of the brightness in space and time between two frames.

        It = I2 - I1,    Ix, Iy = (1, -8, 0, 8, -1) / 12 of (I1 + I2) / 2, or of I1

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame.
      derivatives: "both" takes the gradient of the frames' mean, which makes the flow constraint right to the third
        order in the shift; "first", as the notes write it, to the second.
    Returns: (Ix, Iy, It), each (height, width), change per pixel and per frame.
    Raises: ValueError if the shapes differ or are not those of an image, or on an unknown `derivatives`; TypeError for
      integers other than uint8 and uint16.
    Source: Horn and Schunck 1981, section 7, whose cube of eight pixels is "both" with other taps; notes 001
      section 14.
    """
    check_derivatives(derivatives)
    first, second, dtype = frames(first, second)
    x, y, t = derivatives_of(first, second, derivatives)
    return x.astype(dtype), y.astype(dtype), t.astype(dtype)


def flow_constraint(
    first: Image, second: Image, flow: Float[Array | np.ndarray, "height width 2"], *, derivatives: Derivatives = "both"
) -> FloatImage:
    """What the flow leaves of the optical-flow constraint.

        r = Ix u + Iy v + It,    which vanishes where I2(x + u, y + v) = I1(x, y) and (u, v) is small

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame.
      flow: (height, width, 2) of (u, v), in pixels to the right and downwards.
      derivatives: see `flow_derivatives`.
    Returns: (height, width), in units of brightness.
    Raises: ValueError if the shapes do not fit or on an unknown `derivatives`; TypeError for integers other than uint8
      and uint16.
    Source: Horn and Schunck 1981, eq. 2; notes 001 section 14.
    """
    x, y, t = flow_derivatives(first, second, derivatives=derivatives)
    flow = jnp.asarray(flow)
    if flow.shape != (*x.shape, 2):
        raise ValueError(f"flow: got shape {flow.shape}, wanted {(*x.shape, 2)}")
    return x * flow[..., 0].astype(x.dtype) + y * flow[..., 1].astype(x.dtype) + t


def end_point_error(
    flow: Flow, truth: Flow, known: Bool[Array | np.ndarray, "*points"] | None = None, *, reduction: Reduction = "mean"
) -> Float[Array, "..."]:
    """Distance between the end points of an estimated and the true flow.

        sqrt((u - u')^2 + (v - v')^2)

    Args:
      flow: (..., 2) estimate.
      truth: (..., 2) true flow; what stands where it is not known does not matter, be it NaN.
      known: (...) where the truth is known; None: everywhere.
      reduction: "mean" over the known points, "none" for each point, 0 where the truth is not known.
    Returns: pixels; NaN for the mean of no points, and where the estimate of a known point is NaN.
    Raises: ValueError if the shapes differ or on an unknown `reduction`.
    Source: Otte and Nagel 1994; Baker et al. 2011, A database and evaluation methodology for optical flow.
    """
    flow, truth, known = _pair(flow, truth, known)
    squares = jnp.sum((flow - truth) ** 2, axis=-1)
    return _reduce(root(squares), known, reduction)


def angular_error(
    flow: Flow, truth: Flow, known: Bool[Array | np.ndarray, "*points"] | None = None, *, reduction: Reduction = "mean"
) -> Float[Array, "..."]:
    """Angle in space and time between an estimated and the true flow.

        angle between (u, v, 1) and (u', v', 1) = atan2(|a x b|, a . b)

    Args:
      flow: (..., 2) estimate.
      truth: (..., 2) true flow; what stands where it is not known does not matter, be it NaN.
      known: (...) where the truth is known; None: everywhere.
      reduction: "mean" over the known points, "none" for each point, 0 where the truth is not known.
    Returns: degrees; NaN for the mean of no points, and where the estimate of a known point is NaN.
    Raises: ValueError if the shapes differ or on an unknown `reduction`.
    Source: Barron, Fleet and Beauchemin 1994, section 4.2, whose arc cosine loses half its digits at small angles.
    """
    flow, truth, known = _pair(flow, truth, known)
    (u, v), (p, q) = jnp.moveaxis(flow, -1, 0), jnp.moveaxis(truth, -1, 0)
    squares = (u * q - v * p) ** 2 + (u - p) ** 2 + (v - q) ** 2
    return _reduce(jnp.rad2deg(jnp.arctan2(root(squares), u * p + v * q + 1)), known, reduction)


def _pair(flow: Flow, truth: Flow, known: Array | np.ndarray | None) -> tuple[Array, Array, Array]:
    """Both flows, the truth where it is known and the estimate elsewhere."""
    check_same_shape("truth", truth, "flow", flow)
    flow, truth = jnp.asarray(flow), jnp.asarray(truth)
    if flow.ndim < 1 or flow.shape[-1] != 2:
        raise ValueError(f"flow: got shape {flow.shape}, wanted (..., 2)")
    if known is None:
        known = np.ones(flow.shape[:-1], bool)
    elif known.shape != flow.shape[:-1]:
        raise ValueError(f"known: got shape {known.shape}, wanted {flow.shape[:-1]}")
    known = jnp.asarray(known)
    # what is not known may be NaN, or so large that its square is infinite, on either side
    return jnp.where(known[..., None], flow, 0), jnp.where(known[..., None], truth, 0), known


def _reduce(error: Array, known: Array, reduction: Reduction) -> Array:
    check_choice("reduction", reduction, ("mean", "none"))
    if reduction == "none":
        return error
    return jnp.sum(error) / jnp.sum(known).astype(error.dtype)
