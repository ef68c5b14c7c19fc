"""Gaussian and Laplacian pyramids, and an image from its Laplacian pyramid."""

from collections.abc import Sequence
from itertools import pairwise

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.image._images import FloatImage, Image, grey, wide
from dlx.image._shifts import separable

__all__ = ["gaussian_pyramid", "laplacian_pyramid", "pyramid_down", "pyramid_up", "reconstruct_from_laplacian"]

TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def pyramid_down(image: Image) -> Float[Array, "_ _"]:
    """An image blurred by five binomial taps, and every second pixel of it.

        I'(x, y) = (I * h h^T)(2x, 2y),   h = [1, 4, 6, 4, 1] / 16

    Args:
      image: (height, width), sides of 2 or more; uint8 and uint16 become floats in [0, 1].
    Returns: (ceil(height / 2), ceil(width / 2)); OpenCV's `pyrDown`, which mirrors at the border about the last pixel.
    Raises: ValueError for another shape or a side under 2; TypeError for other integers.
    Source: Burt and Adelson 1983; notes 001 section 14.
    """
    values = grey(image)
    if min(values.shape) < 2:
        raise ValueError(f"image: got shape {values.shape}, wanted sides of at least 2 pixels")
    return separable(wide(values), TAPS, TAPS, mode="mirror").astype(values.dtype)[::2, ::2]


def pyramid_up(image: Image, *, shape: tuple[int, int] | None = None) -> Float[Array, "_ _"]:
    """An image of twice the size: zeros between its pixels, then four times the blur of `pyramid_down`.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      shape: of the result, each side twice that of the image or one less; None: twice.
    Returns: `shape`; with twice the size OpenCV's `pyrUp`.
    Raises: ValueError for another shape; TypeError for other integers.
    Source: Burt and Adelson 1983; notes 001 section 14.
    """
    values = grey(image)
    shape = shape or (2 * values.shape[0], 2 * values.shape[1])
    if any(new not in (2 * old, 2 * old - 1) for new, old in zip(shape, values.shape, strict=True)):
        raise ValueError(f"shape: got {shape} for an image of shape {values.shape}, wanted twice a side or one less")
    sparse = jnp.zeros(shape, values.dtype).at[::2, ::2].set(values)
    taps = [2 * tap for tap in TAPS]
    return separable(wide(sparse), taps, taps, mode="mirror").astype(values.dtype)


def gaussian_pyramid(image: Image, *, levels: int = 4) -> list[Float[Array, "_ _"]]:
    """An image, and smaller and smaller ones.

        G_0 = I,   G_{l+1} = down(G_l)

    Pyramids go down: the notes call theirs an up-sampling.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      levels: how many images, the first included.
    Returns: `levels` images, the largest first.
    Raises: ValueError for another shape, `levels` below 1, or an image too small for them;
      TypeError for other integers.
    Source: Burt and Adelson 1983; notes 001 section 14.
    """
    check_count("levels", levels)
    values = grey(image)
    if min(values.shape) < 2 ** (levels - 1):
        # 2^(levels - 1) pixels a side make that many levels
        raise ValueError(
            f"levels: got {levels} for an image of shape {values.shape}, wanted 1 to {min(values.shape).bit_length()}:"
            " each level halves the one before"
        )
    pyramid = [values]
    for _ in range(levels - 1):
        pyramid.append(pyramid_down(pyramid[-1]))
    return pyramid


def laplacian_pyramid(image: Image, *, levels: int = 4) -> list[Float[Array, "_ _"]]:
    """What each level of the Gaussian pyramid has more than the next, and the last level itself.

        L_l = G_l - up(G_{l+1}),   L_last = G_last

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      levels: how many images, the last one of the Gaussian pyramid included.
    Returns: `levels` images, the largest first; `reconstruct_from_laplacian` gives the image again.
    Raises: ValueError for another shape, `levels` below 1, or an image too small for them;
      TypeError for other integers.
    Source: Burt and Adelson 1983; notes 001 section 14.
    """
    gaussian = gaussian_pyramid(image, levels=levels)
    return [fine - _up_to(coarse, fine) for fine, coarse in pairwise(gaussian)] + gaussian[-1:]


def reconstruct_from_laplacian(pyramid: Sequence[Float[Array, "_ _"]]) -> FloatImage:
    """The image of a Laplacian pyramid.

        G_last = L_last,   G_l = L_l + up(G_{l+1}),   I = G_0

    Args:
      pyramid: of `laplacian_pyramid`, the largest first; it may have been changed.
    Returns: the image, exact up to rounding for a pyramid as it was made.
    Raises: ValueError if there are no levels or a level has not twice the size of the next (or one less).
    Source: Burt and Adelson 1983; notes 001 section 14.
    """
    if not len(pyramid):
        raise ValueError("pyramid: got no levels, wanted at least one")
    image = grey(pyramid[-1], "pyramid")
    for level in reversed(pyramid[:-1]):
        image = level + _up_to(image, level)
    return image


def _up_to(coarse: Array, fine: Array) -> Array:
    height, width = fine.shape
    return pyramid_up(coarse, shape=(height, width))
