"""Filters of unchanged size. Each extends the image beyond its border by one of SciPy's modes, then slides a window."""

import jax
import jax.numpy as jnp
import numpy as np

from dlx.checks import check_count, check_range
from dlx.image._borders import check_mode
from dlx.image._images import FloatImage, Image, Mode, check_covers, check_positive, grey, wide
from dlx.image._shifts import separable

__all__ = ["gaussian_filter"]


def gaussian_filter(
    image: Image,
    *,
    sigma: float | jax.Array,
    truncate: float = 4.0,
    radius: int | None = None,
    order: int | tuple[int, int] = 0,
    mode: Mode = "reflect",
    fill: float = 0.0,
) -> FloatImage:
    """Convolution with a Gaussian, or with its derivatives, as two passes in one dimension.

        h(i, j) = 1 / (2 pi sigma^2) exp(-(i^2 + j^2) / (2 sigma^2)) = h(i) h(j)

    cut at `radius` and divided by its sum, as SciPy does: a flat image stays as it is.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      sigma: standard deviation in pixels, > 0; an array, to differentiate by, wants `radius`.
      truncate: the kernel ends at round(truncate sigma).
      radius: the kernel has 2 radius + 1 taps a side; None takes `truncate`.
      order: of the derivative, 0 to 3, along both axes, or (y, x) as SciPy has them: (0, 1) is the derivative along x.
      mode: what stands beyond the border, by SciPy's names.
      fill: the value beyond the border with "constant".
    Returns: (height, width).
    Raises: ValueError for another shape, sigma <= 0, an image smaller than the kernel, or another mode; TypeError for
      other integers, or sigma an array and no `radius`.
    Source: notes 001 section 14; `scipy.ndimage.gaussian_filter`, equal to rounding.
    """
    check_mode(mode)
    check_positive("sigma", sigma)
    values = grey(image)
    if radius is None:
        if isinstance(sigma, jax.Array):
            raise TypeError("radius: got None for a sigma that is an array, wanted the size of the kernel as an int")
        check_positive("truncate", truncate)
        radius = int(truncate * float(sigma) + 0.5)
    elif radius != 0:
        check_count("radius", radius)
    orders = (order, order) if isinstance(order, int) else tuple(order)
    for one in orders:
        check_range("order", one, 0, 3)
    check_covers(values, (2 * radius + 1, 2 * radius + 1))
    taps = {one: _gaussian_taps(sigma, radius, one) for one in set(orders)}
    out = separable(wide(values), taps[orders[0]], taps[orders[1]], mode=mode, fill=fill)
    return out.astype(values.dtype)


def _gaussian_taps(sigma: float | jax.Array, radius: int, order: int) -> np.ndarray | jax.Array:
    """Taps to slide (not to flip): q(i) h(i), where h^(n)(i) = (-1)^n He_n(i / sigma) / sigma^n h(i)."""
    numpy = jnp if isinstance(sigma, jax.Array) else np
    i = numpy.arange(-radius, radius + 1) / sigma
    bell = numpy.exp(-0.5 * i**2)
    hermite = {0: 1, 1: i, 2: i**2 - 1, 3: i**3 - 3 * i}[order]
    return hermite * bell / numpy.sum(bell) / sigma**order
