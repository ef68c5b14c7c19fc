"""Filters of unchanged size. Each extends the image beyond its border by one of SciPy's modes, then slides a window."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from dlx.checks import check_count, check_range, is_known
from dlx.image._borders import check_mode, pad
from dlx.image._images import FloatImage, Image, Mode, check_covers, check_odd, check_positive, grey, wide
from dlx.image._median import median
from dlx.image._shifts import correlate1d, correlate2d, separable

__all__ = ["average_filter", "filter2d", "gaussian_filter", "high_pass", "median_filter", "sharpen"]


def filter2d(
    image: Image,
    kernel: Num[Array | np.ndarray, "rows columns"],
    *,
    correlation: bool = False,
    mode: Mode = "reflect",
    fill: float = 0.0,
) -> FloatImage:
    """Filter with any kernel: stride 1, size unchanged.

        convolution  out(y, x) = sum_ij h(i, j) f(y - i, x - j)
        correlation  out(y, x) = sum_ij h(i, j) f(y + i, x + j),    i, j from the middle of the kernel

    The true convolution flips the kernel, as `scipy.ndimage.convolve` does; OpenCV's `filter2D` and a convolutional
    layer compute the correlation.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      kernel: (rows, columns), both odd. Taps of 0 are left out, and an outer product is done in two passes, if its
        numbers are known (a NumPy array, or not traced).
      correlation: do not flip.
      mode: what stands beyond the border, by SciPy's names.
      fill: the value beyond the border with "constant"; the notes pad with 0.
    Returns: (height, width).
    Raises: ValueError for another shape, an even kernel, an image smaller than the kernel, or another mode; TypeError
      for other integers.
    Source: notes 001 section 14.
    """
    check_mode(mode)
    values = grey(image)
    if jnp.ndim(kernel) != 2:
        raise ValueError(f"kernel: got shape {jnp.shape(kernel)}, wanted (rows, columns)")
    for name, size in zip(("kernel rows", "kernel columns"), kernel.shape, strict=True):
        check_odd(name, size)
    check_covers(values, (kernel.shape[0], kernel.shape[1]))
    taps = np.asarray(kernel, np.float64) if is_known(kernel) else jnp.asarray(kernel)
    return correlate2d(wide(values), taps if correlation else taps[::-1, ::-1], mode=mode, fill=fill).astype(
        values.dtype
    )


def average_filter(image: Image, *, size: int = 3, mode: Mode = "reflect", fill: float = 0.0) -> FloatImage:
    """Mean of a square window.

        out = 1 / size^2 sum of size x size pixels

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      size: pixels a side, odd.
      mode: what stands beyond the border, by SciPy's names; OpenCV's `blur` has "mirror".
      fill: the value beyond the border with "constant".
    Returns: (height, width).
    Raises: ValueError for another shape, an even size, an image smaller than the window, or another mode; TypeError for
      other integers.
    Source: notes 001 section 14.
    """
    check_mode(mode)
    check_odd("size", size)
    values = grey(image)
    check_covers(values, (size, size))
    ones = np.ones(size)
    # the sum over a column outside is size times the value outside
    sums = correlate1d(wide(values), ones, 0, mode=mode, fill=fill)
    return (correlate1d(sums, ones, 1, mode=mode, fill=size * fill) / size**2).astype(values.dtype)


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
            raise TypeError(
                "radius: got None for a sigma that is an array, wanted the size of the kernel as an int; under jax.jit"
                " give one or make sigma static, jax.jit(f, static_argnames='sigma')"
            )
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


def median_filter(image: Image, *, size: int = 3, mode: Mode = "reflect", fill: float = 0.0) -> FloatImage:
    """Median of a square window: takes single wrong pixels away and leaves edges.

        out = the middle one of size x size pixels in order of brightness

    Not linear.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      size: pixels a side, odd. A network of comparisons up to 7, a sort beyond.
      mode: what stands beyond the border, by SciPy's names; OpenCV's `medianBlur` has "nearest".
      fill: the value beyond the border with "constant".
    Returns: (height, width). A window with NaN gives NaN up to size 7.
    Raises: ValueError for another shape, an even size, an image smaller than the window, or another mode; TypeError for
      other integers.
    Source: Tukey 1977; notes 001 section 14.
    """
    check_mode(mode)
    check_odd("size", size)
    values = grey(image)
    check_covers(values, (size, size))
    extended = pad(values, [(size // 2, size // 2)] * 2, mode=mode, fill=fill)
    return median(extended, size)


def sharpen(
    image: Image, *, size: int = 3, amount: float = 1.0, mode: Mode = "reflect", fill: float = 0.0
) -> FloatImage:
    """The image and its high frequencies once more; also named `high_pass`, as the notes do.

        out = f + amount (f - mean of f over size x size)

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      size: pixels a side of the mean, odd, at least 3.
      amount: of the high frequencies that are added.
      mode: what stands beyond the border, by SciPy's names.
      fill: the value beyond the border with "constant".
    Returns: (height, width), not clipped; a flat image is unchanged.
    Raises: ValueError for another shape, an even size, an image smaller than the window, or another mode; TypeError for
      other integers.
    Source: notes 001 section 14.
    """
    check_odd("size", size)
    if size == 1:
        raise ValueError("size: got 1, wanted at least 3: a mean over one pixel takes nothing away")
    values = wide(grey(image))
    low = average_filter(values, size=size, mode=mode, fill=fill)
    return (values + amount * (values - low)).astype(grey(image).dtype)


high_pass = sharpen


def _gaussian_taps(sigma: float | jax.Array, radius: int, order: int) -> np.ndarray | jax.Array:
    """Taps to slide (not to flip): q(i) h(i), where h^(n)(i) = (-1)^n He_n(i / sigma) / sigma^n h(i)."""
    numpy = jnp if isinstance(sigma, jax.Array) else np
    i = numpy.arange(-radius, radius + 1) / sigma
    bell = numpy.exp(-0.5 * i**2)
    hermite = {0: 1, 1: i, 2: i**2 - 1, 3: i**3 - 3 * i}[order]
    return hermite * bell / numpy.sum(bell) / sigma**order
