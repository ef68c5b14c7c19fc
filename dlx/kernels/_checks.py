"""Checks of Gram matrices."""

import jax.numpy as jnp
from jax import Array

from dlx.linear._checks import check_real


def check_points(first: Array, second: Array) -> None:
    """Refuse two sets of points that do not have the same number of features."""
    check_real("first", first)
    check_real("second", second)
    if jnp.ndim(first) != 2 or jnp.ndim(second) != 2 or jnp.shape(first)[1] != jnp.shape(second)[1]:
        raise ValueError(
            f"second: got shape {jnp.shape(second)} for first of shape {jnp.shape(first)}, wanted two tables"
            " (points, features) with equal features"
        )


def check_gram(name: str, value: Array) -> None:
    """Refuse anything but a square matrix with something in it."""
    check_real(name, value)
    shape = jnp.shape(value)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise ValueError(f"{name}: got shape {shape}, wanted (examples, examples), the kernel of each pair")
