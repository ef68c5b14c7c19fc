"""Corners over scales: a structure tensor that does not change with scale, and the detector that stands on it."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.image._images import Image, Mode, check_covers, check_positive, grey
from dlx.image.corners import harris_response
from dlx.image.filters import gaussian_filter
from dlx.image.keypoints import Keypoints
from dlx.image.scale_space import laplacian_of_gaussian, scale_space_extrema, strongest

__all__ = ["scale_adapted_harris", "scale_normalised_tensor"]


def scale_normalised_tensor(
    image: Image, *, sigma: float = 1.0, ratio: float = 1.4, mode: Mode = "reflect"
) -> Float[Array, "3 height width"]:
    """The structure tensor with derivatives at a scale, made independent of that scale.

        M = sigma^2 g(ratio sigma) * [[I_x(sigma)^2, I_x I_y], [I_x I_y, I_y(sigma)^2]]

    If g(s x) = f(x) then f'(x) = s g'(s x): an image seen s times as large has derivatives s times as small, and the
    factor sigma^2 with a sigma s times as large makes up for it.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigma: sigma_D, of the Gaussian whose derivatives are taken.
      ratio: sigma_I / sigma_D, of the window.
      mode: what stands beyond the border, by SciPy's names.
    Returns: (M_xx, M_xy, M_yy) at each pixel.
    Raises: ValueError for another shape, `sigma` or `ratio` not positive, an image smaller than the kernels, or another
      mode; TypeError for other integers.
    Source: Lindeberg 1998; Mikolajczyk and Schmid 2004, eq. 1; notes 001 section 14.
    """
    check_positive("sigma", sigma)
    check_positive("ratio", ratio)
    values = grey(image)
    gx = gaussian_filter(values, sigma=sigma, order=(0, 1), mode=mode)
    gy = gaussian_filter(values, sigma=sigma, order=(1, 0), mode=mode)
    products = (gx * gx, gx * gy, gy * gy)
    return sigma**2 * jnp.stack([gaussian_filter(one, sigma=ratio * sigma, mode=mode) for one in products])


def scale_adapted_harris(
    image: Image,
    *,
    sigmas: Sequence[float] = tuple(1.4**i for i in range(1, 8)),
    count: int = 200,
    k: float = 0.05,
    threshold: float = 1e-5,
    scale_by: Literal["harris", "laplacian"] = "harris",
    variant: Literal["accepted", "notes"] = "accepted",
    mode: Mode = "reflect",
) -> Keypoints:
    """Corners at their scales.

        R(x, y, sigma) = det M - k (tr M)^2 of the scale-normalised tensor, for each sigma
        harris     extrema of R over place and scale, R > threshold (the notes)
        laplacian  maxima of R over place, at scales where |normalised Laplacian| is largest (Harris-Laplace)

    A corner without a size (two straight edges) answers alike at all scales; only one with a size has a scale.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigmas: scales, growing.
      count: how many keypoints to return.
      k: of Harris's response.
      threshold: R is larger than this.
      scale_by: "harris", or "laplacian".
      variant: of `scale_space_extrema`, for "harris".
      mode: what stands beyond the border, by SciPy's names.
    Returns: `Keypoints` with `scale` sigma, strongest first by R.
    Raises: ValueError for another shape, `sigmas` that do not grow or fewer than 3, an image smaller than the largest
      kernel, a negative threshold, `count` below 1, or an unknown word; TypeError for other integers.
    Source: Mikolajczyk and Schmid 2001, 2004; notes 001 section 14.
    """
    check_choice("scale_by", scale_by, ("harris", "laplacian"))
    check_choice("variant", variant, ("accepted", "notes"))
    check_count("count", count)
    check_range("threshold", threshold, 0, math.inf)
    values, sigmas = grey(image), [float(sigma) for sigma in sigmas]
    if len(sigmas) < 3 or sigmas[0] <= 0 or any(a >= b for a, b in pairwise(sigmas)):
        raise ValueError(f"sigmas: got {sigmas}, wanted at least 3 positive numbers that grow")
    side = 2 * int(4 * 1.4 * sigmas[-1] + 0.5) + 1
    check_covers(values, (side, side))
    layers = [harris_response(scale_normalised_tensor(values, sigma=sigma, mode=mode), k=k) for sigma in sigmas]
    responses = jnp.stack(layers)
    still = lax.stop_gradient(responses)
    if scale_by == "harris":
        found = scale_space_extrema(still, variant=variant, polarity="bright", threshold=threshold)
    else:
        found = jax.vmap(lambda one: _is_peak(one, threshold))(still) & _best_scales(values, sigmas, mode)
    return strongest(responses, found, jnp.asarray(sigmas, responses.dtype), count)


def _is_peak(response: Array, threshold: float) -> Array:
    """Maxima over place of one scale."""
    # the notes' form of one scale alone
    return scale_space_extrema(response[None], variant="notes", threshold=threshold)[0]


def _best_scales(values: Array, sigmas: Sequence[float], mode: Mode) -> Array:
    """Where the normalised Laplacian is not smaller than at the scales before and after."""
    layers = [jnp.abs(laplacian_of_gaussian(values, sigma=sigma, normalise=True, mode=mode)) for sigma in sigmas]
    stack = lax.stop_gradient(jnp.stack(layers))
    inner = (stack[1:-1] >= stack[:-2]) & (stack[1:-1] >= stack[2:])
    return jnp.pad(inner, ((1, 1), (0, 0), (0, 0)))
