"""Kernels as constants: NumPy arrays, so that a filter sees their zeros and symmetries before it is compiled."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from dlx.checks import check_choice, check_count
from dlx.image._images import check_odd, check_positive

__all__ = [
    "average_kernel",
    "gaussian_kernel",
    "high_frequency_kernel",
    "identity_kernel",
    "sharpen_kernel",
]

Kernel = Float[np.ndarray, "size size"]
Form = Literal["identity_minus_average", "unit_centre"]


def average_kernel(*, size: int = 3) -> Kernel:
    """Kernel of the mean filter.

        h(i, j) = 1 / size^2,    sum 1

    Args:
      size: pixels a side, odd.
    Returns: (size, size) float64.
    Raises: ValueError for an even size.
    Source: notes 001 section 14.
    """
    check_odd("size", size)
    return np.full((size, size), 1.0 / size**2)


def gaussian_kernel(
    *, sigma: float = 1.0, truncate: float = 4.0, radius: int | None = None, normalise: bool = True
) -> Kernel:
    """Kernel of the Gaussian filter, two-dimensional.

        h(i, j) = 1 / (2 pi sigma^2) exp(-(i^2 + j^2) / (2 sigma^2))

    Args:
      sigma: standard deviation in pixels, > 0.
      truncate: the kernel ends at round(truncate sigma).
      radius: pixels on each side of the middle; None takes `truncate`.
      normalise: divide by the sum, which is not 1 on a cut grid; False keeps the formula.
    Returns: (2 radius + 1, 2 radius + 1) float64.
    Raises: ValueError for sigma <= 0.
    Source: notes 001 section 14.
    """
    check_positive("sigma", sigma)
    check_positive("truncate", truncate)
    if radius is None:
        radius = int(truncate * sigma + 0.5)
    else:
        check_count("radius", radius)
    bell = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    bell = bell / (bell.sum() if normalise else np.sqrt(2 * np.pi) * sigma)
    return np.outer(bell, bell)


def identity_kernel(*, size: int = 3) -> Kernel:
    """Kernel that changes nothing.

        h(0, 0) = 1, all others 0

    Args:
      size: pixels a side, odd.
    Returns: (size, size) float64.
    Raises: ValueError for an even size.
    Source: notes 001 section 14.
    """
    check_odd("size", size)
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2] = 1
    return kernel


def high_frequency_kernel(*, size: int = 3, form: Form = "identity_minus_average") -> Kernel:
    """Kernel of what the mean filter takes away.

        identity_minus_average:  centre 1 - 1 / size^2,  others -1 / size^2
        unit_centre:             centre 1,               others -1 / (size^2 - 1)

    Both sum to 0: a flat image becomes 0. The second is the first times size^2 / (size^2 - 1). The notes lost the
    minus sign of the second.

    Args:
      size: pixels a side, odd, at least 3.
      form: which of the two.
    Returns: (size, size) float64.
    Raises: ValueError for an even size, size 1 or another form.
    Source: notes 001 section 14.
    """
    check_choice("form", form, ("identity_minus_average", "unit_centre"))
    check_odd("size", size)
    if size == 1:
        raise ValueError("size: got 1, wanted at least 3: one pixel has no frequency but 0")
    if form == "identity_minus_average":
        return identity_kernel(size=size) - average_kernel(size=size)
    kernel = np.full((size, size), -1.0 / (size**2 - 1))
    kernel[size // 2, size // 2] = 1
    return kernel


def sharpen_kernel(*, size: int = 3, amount: float = 1.0, form: Form = "identity_minus_average") -> Kernel:
    """Kernel that adds the high frequencies once more.

        identity + amount high_frequency,    sum 1

    The notes call it high-pass; it passes the low frequencies too, and is known as sharpening or high boost.

    Args:
      size: pixels a side, odd, at least 3.
      amount: of the high frequencies that are added, >= 0.
      form: of the high-frequency kernel.
    Returns: (size, size) float64; the centre is above 1, the others equal and negative.
    Raises: ValueError for an even size, size 1 or another form.
    Source: notes 001 section 14.
    """
    return identity_kernel(size=size) + amount * high_frequency_kernel(size=size, form=form)
