"""Checks of Gram matrices."""

import numpy as np
from jax import Array

from dlx.checks import check_symmetric, is_known
from dlx.linear._checks import check_real


def check_points(first: Array, second: Array) -> None:
    """Refuse two sets of points that do not have the same number of features."""
    check_real("first", first)
    check_real("second", second)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"second: got shape {second.shape} for first of shape {first.shape}, wanted two tables"
            " (points, features) with equal features"
        )


def check_gram(name: str, value: Array) -> None:
    """Refuse anything but a square matrix with something in it, symmetric and with no negative diagonal entry."""
    check_real(name, value)
    if value.ndim != 2 or value.shape[0] != value.shape[1] or value.shape[0] == 0:
        raise ValueError(f"{name}: got shape {value.shape}, wanted (examples, examples), the kernel of each pair")
    check_symmetric(name, value)
    if is_known(value):
        squares = np.diagonal(np.asarray(value, np.float64))
        place = int(squares.argmin())
        # of a centred matrix a zero may be rounded to either side
        if squares[place] < -1e-3 * np.abs(squares).max():
            raise ValueError(
                f"{name}: got {squares[place]:g} at [{place}, {place}], wanted a kernel of each point with itself >= 0"
            )
