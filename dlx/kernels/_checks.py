"""Checks of Gram matrices."""

from jax import Array

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
    """Refuse anything but a square matrix with something in it."""
    check_real(name, value)
    if value.ndim != 2 or value.shape[0] != value.shape[1] or value.shape[0] == 0:
        raise ValueError(f"{name}: got shape {value.shape}, wanted (examples, examples), the kernel of each pair")
