"""Laplacian and difference of Gaussians, extrema over place and scale, and the blobs that they find."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from dlx.checks import check_choice, check_count, check_floating, check_range
from dlx.image._images import FloatImage, Image, Mode, check_covers, check_positive, grey
from dlx.image.filters import gaussian_filter
from dlx.image.keypoints import Keypoints, clear_invalid, pad_keypoints

__all__ = [
    "blobs",
    "difference_of_gaussians",
    "laplacian_of_gaussian",
    "laplacian_of_gaussian_kernel",
    "scale_space_extrema",
]

Variant = Literal["accepted", "notes"]
Polarity = Literal["bright", "dark", "both"]


def laplacian_of_gaussian_kernel(*, sigma: float = 1.0, radius: int | None = None) -> Float[Array, "size size"]:
    """The Laplacian of a Gaussian, sampled ("Mexican hat", Marr's wavelet).

        Lap g(x, y) = -1 / (pi sigma^4) (1 - r^2 / (2 sigma^2)) exp(-r^2 / (2 sigma^2)),   r^2 = x^2 + y^2

    Args:
      sigma: standard deviation of the Gaussian in pixels, > 0.
      radius: the kernel has 2 radius + 1 pixels a side; None: 4 sigma.
    Returns: (size, size), its sum 0 up to the cut. `laplacian_of_gaussian` makes two passes in one dimension of it.
    Raises: ValueError if `sigma` or `radius` is not positive.
    Source: Marr and Hildreth 1980; notes 001 section 14.
    """
    check_positive("sigma", sigma)
    if radius is None:
        radius = int(4 * sigma + 0.5)
    check_count("radius", radius)
    x = np.arange(-radius, radius + 1) / sigma
    half = (x[:, None] ** 2 + x[None] ** 2) / 2
    return jnp.asarray(-(1 - half) * np.exp(-half) / (np.pi * sigma**4))


def laplacian_of_gaussian(
    image: Image,
    *,
    sigma: float | jax.Array,
    normalise: bool = False,
    truncate: float = 4.0,
    radius: int | None = None,
    mode: Mode = "reflect",
) -> FloatImage:
    """Laplacian of the image blurred by a Gaussian.

        Lap (I * g) = I * Lap g = I_xx(sigma) + I_yy(sigma),     normalised: sigma^2 (I_xx(sigma) + I_yy(sigma))

    The normalised one of a disc of radius r is strongest, in its middle, at sigma = r / sqrt(2); bright is negative.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigma: standard deviation in pixels, > 0; an array, to differentiate by, wants `radius`.
      normalise: multiply by sigma^2, so that responses of different scales compare.
      truncate: the kernel ends at round(truncate sigma).
      radius: the kernel has 2 radius + 1 taps a side; None takes `truncate`.
      mode: what stands beyond the border, by SciPy's names.
    Returns: (height, width). Not normalised it is `scipy.ndimage.gaussian_laplace`, to rounding.
    Raises: ValueError for another shape, sigma <= 0, an image smaller than the kernel, or another mode; TypeError for
      other integers.
    Source: Marr and Hildreth 1980; Lindeberg 1998; notes 001 section 14.
    """
    blur = partial(gaussian_filter, sigma=sigma, truncate=truncate, radius=radius, mode=mode)
    total = blur(image, order=(2, 0)) + blur(image, order=(0, 2))
    return total * sigma**2 if normalise else total


def difference_of_gaussians(
    image: Image,
    *,
    sigma: float,
    ratio: float = math.sqrt(2),
    normalise: bool = False,
    truncate: float = 4.0,
    mode: Mode = "reflect",
) -> FloatImage:
    """Difference of the image blurred by two Gaussians.

        D = I * g(k sigma) - I * g(sigma)  ~  (k - 1) sigma^2 Lap (I * g(sigma)),     normalised: D / (k - 1)

    The approximation follows from the heat equation dg/dsigma = sigma Lap g; its error goes to 0 with k - 1.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigma: the smaller standard deviation in pixels, > 0.
      ratio: k > 1.
      normalise: divide by k - 1.
      truncate: the kernels end at round(truncate sigma) and round(truncate k sigma).
      mode: what stands beyond the border, by SciPy's names.
    Returns: (height, width). Scikit-image's `difference_of_gaussians` subtracts the wider one, the sign changed.
    Raises: ValueError for another shape, sigma <= 0, ratio <= 1, an image smaller than the kernel, or another mode;
      TypeError for other integers.
    Source: Lowe 2004, section 3; notes 001 section 14.
    """
    check_range("ratio", ratio, 1, math.inf, open_low=True, open_high=True)
    check_positive("sigma", sigma)
    narrow = gaussian_filter(image, sigma=sigma, truncate=truncate, mode=mode)
    wide = gaussian_filter(image, sigma=ratio * sigma, truncate=truncate, mode=mode)
    return (wide - narrow) / (ratio - 1) if normalise else wide - narrow


def scale_space_extrema(
    responses: Float[Array | np.ndarray, "scales height width"],
    *,
    variant: Variant = "accepted",
    polarity: Polarity = "both",
    threshold: float = 0.0,
) -> Bool[Array, "scales height width"]:
    """Extrema of a response over place and scale.

        accepted   R >= the 26 neighbours in a cube of 3 x 3 x 3 (a maximum), or <= all of them (a minimum)
        notes      R >= the responses of all scales at its place, and >= its 8 neighbours at its scale; maxima only

    A maximum is also > `threshold`, a minimum < -`threshold`: a flat response has neither. In the accepted form the
    first and last scale and the pixels on the edge lack neighbours and have no extrema; in the notes' form only the
    latter.

    Args:
      responses: (scales, height, width), floating.
      variant: "accepted" or "notes".
      polarity: "bright" for maxima, "dark" for minima, "both"; the notes' form has maxima only, whatever is given.
      threshold: how strong an extremum must be, >= 0.
    Returns: (scales, height, width), True at extrema.
    Raises: ValueError for another rank, fewer than 3 scales (accepted), a side under 3, an unknown variant or polarity,
      or a negative threshold; TypeError if `responses` are not floating.
    Source: Lowe 2004, section 3.1; notes 001 section 14.
    """
    responses = jnp.asarray(responses)
    check_floating("responses", responses)
    check_choice("variant", variant, ("accepted", "notes"))
    check_choice("polarity", polarity, ("bright", "dark", "both"))
    check_range("threshold", threshold, 0, math.inf)
    if responses.ndim != 3 or min(responses.shape[1:]) < 3:
        raise ValueError(f"responses: got shape {responses.shape}, wanted (scales, height, width), sides of 3 or more")
    if variant == "notes":
        inner = responses[:, 1:-1, 1:-1]
        top = jnp.maximum(_around(responses, jnp.maximum), jnp.max(inner, axis=0, keepdims=True))
        return jnp.pad((inner >= top) & (inner > threshold), ((0, 0), (1, 1), (1, 1)))
    if len(responses) < 3:
        raise ValueError(f"responses: got {len(responses)} scales, wanted at least 3: an extremum lies between two")
    inner, found = responses[1:-1, 1:-1, 1:-1], jnp.zeros((), bool)
    if polarity != "dark":
        found |= (inner >= _cube(responses, jnp.maximum)) & (inner > threshold)
    if polarity != "bright":
        found |= (inner <= _cube(responses, jnp.minimum)) & (inner < -threshold)
    return jnp.pad(found, 1)


def _around(stack: Array, extreme) -> Array:
    """Largest or smallest of the 3 x 3 pixels about each inner pixel."""
    rows = extreme(extreme(stack[..., :-2], stack[..., 1:-1]), stack[..., 2:])
    return extreme(extreme(rows[..., :-2, :], rows[..., 1:-1, :]), rows[..., 2:, :])


def _cube(stack: Array, extreme) -> Array:
    layers = _around(stack, extreme)
    return extreme(extreme(layers[:-2], layers[1:-1]), layers[2:])


def difference_extrema(stack: Array, threshold: float, border: int) -> Array:
    """|D| at the extrema of the differences of a stack of Gaussians, -inf elsewhere; inner layers and pixels."""
    differences = [wider - finer for finer, wider in pairwise(stack)]
    highs = [_around(one, jnp.maximum) for one in differences]
    lows = [_around(one, jnp.minimum) for one in differences]
    scores, cut = [], slice(border - 1, 1 - border)
    for i in range(1, len(differences) - 1):
        inner = differences[i][border:-border, border:-border]
        high = jnp.maximum(jnp.maximum(highs[i - 1], highs[i]), highs[i + 1])[cut, cut]
        low = jnp.minimum(jnp.minimum(lows[i - 1], lows[i]), lows[i + 1])[cut, cut]
        extreme = ((inner >= high) & (inner > 0)) | ((inner <= low) & (inner < 0))
        scores.append(jnp.where(extreme & (jnp.abs(inner) > threshold), jnp.abs(inner), -jnp.inf))
    return jnp.stack(scores)


def blobs(
    image: Image,
    *,
    sigmas: Sequence[float] = tuple(1.6 * 2 ** (i / 3) for i in range(10)),
    count: int = 100,
    threshold: float = 0.1,
    method: Literal["log", "dog"] = "log",
    variant: Variant = "accepted",
    polarity: Polarity = "bright",
    mode: Mode = "reflect",
) -> Keypoints:
    """Blobs: extrema over place and scale of the normalised Laplacian, or of the difference of Gaussians.

        log   R(x, y, sigma) = -sigma^2 Lap (I * g(sigma))
        dog   R(x, y, sigma_i) = (I * g(sigma_i) - I * g(sigma_{i+1})) / (sigma_{i+1} / sigma_i - 1)

    A disc of radius r is found at sigma = r / sqrt(2), as near as `sigmas` come to it.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigmas: scales, growing; the first and last are not found themselves in the accepted form. "dog" has one less.
      count: how many blobs to return.
      threshold: of |R|; a bright disc on black has R = 2 / e = 0.74.
      method: "log" or "dog".
      variant: of `scale_space_extrema`.
      polarity: "bright" blobs on dark ground, "dark" ones, or "both".
      mode: what stands beyond the border, by SciPy's names.
    Returns: `Keypoints` with `scale` sigma and `response` |R|. Scikit-image's `blob_log` and `blob_dog` also drop blobs
      that overlap and count the first and last scale.
    Raises: ValueError for another shape, `sigmas` that do not grow or are too few, an image smaller than the largest
      kernel, a negative threshold, `count` below 1, or an unknown word; TypeError for other integers.
    Source: Lindeberg 1998; Lowe 2004; notes 001 section 14.
    """
    check_choice("method", method, ("log", "dog"))
    check_count("count", count)
    values, sigmas = grey(image), [float(sigma) for sigma in sigmas]
    least = (3 if variant == "accepted" else 1) + (method == "dog")
    if len(sigmas) < least or sigmas[0] <= 0 or any(a >= b for a, b in pairwise(sigmas)):
        raise ValueError(f"sigmas: got {sigmas}, wanted at least {least} positive numbers that grow")
    side = 2 * int(4 * sigmas[-1] + 0.5) + 1
    check_covers(values, (side, side))
    if method == "log":
        layers = [-laplacian_of_gaussian(values, sigma=sigma, normalise=True, mode=mode) for sigma in sigmas]
    else:
        blurred = [gaussian_filter(values, sigma=sigma, mode=mode) for sigma in sigmas]
        pairs = zip(sigmas, sigmas[1:], blurred, blurred[1:], strict=False)
        layers = [(fine - coarse) / (b / a - 1) for a, b, fine, coarse in pairs]
    responses = jnp.stack(layers)
    if polarity == "dark":
        responses = -responses
    seen = "bright" if polarity == "dark" else polarity
    found = scale_space_extrema(lax.stop_gradient(responses), variant=variant, polarity=seen, threshold=threshold)
    return strongest(jnp.abs(responses), found, jnp.asarray(sigmas[: len(layers)], responses.dtype), count)


def strongest(responses: Array, found: Array, sigmas: Array, count: int) -> Keypoints:
    """The strongest of the extrema that were found in a stack of responses."""
    _, height, width = responses.shape
    score = jnp.where(found, lax.stop_gradient(responses), -jnp.inf).ravel()
    best, index = lax.top_k(score, min(count, score.size))
    layer, place = index // (height * width), index % (height * width)
    points = Keypoints(
        xy=jnp.stack([place % width, place // width], axis=1).astype(responses.dtype),
        scale=sigmas[layer],
        angle=jnp.zeros_like(best),
        response=responses.ravel()[index],
        octave=jnp.zeros_like(index),
        valid=best > -jnp.inf,
    )
    return pad_keypoints(clear_invalid(points), count)
