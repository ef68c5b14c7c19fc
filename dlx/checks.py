"""Checks that layer 1 shares: each names the argument, what came and what was wanted.

Shapes, dtypes and Python numbers are always looked at. The numbers of an array are, where there are any: under `jit`
and `vmap` they are not known, and each function says what then comes out.
"""

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def check_range(
    name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Refuse a Python number outside the range; a traced or array value cannot be looked at and passes."""
    if isinstance(value, jax.Array):
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: got {value!r} of type {type(value).__name__}, wanted a number")
    number = float(value)
    if not ((low < number if open_low else low <= number) and (number < high if open_high else number <= high)):
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{name}: got {value!r}, wanted a number in {interval}")


def check_count(name: str, value: Any) -> None:
    """Refuse anything but a positive Python int."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: got {value!r} of type {type(value).__name__}, wanted a positive int")
    if value < 1:
        raise ValueError(f"{name}: got {value}, wanted a positive int")


def check_floating(name: str, value: jax.Array) -> None:
    """Refuse an array that is not of a floating dtype."""
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise TypeError(f"{name}: got dtype {jnp.result_type(value)}, wanted a floating dtype")


def check_same_shape(name: str, value: jax.Array, other_name: str, other: jax.Array) -> None:
    """Refuse two arrays that NumPy would broadcast against each other."""
    if jnp.shape(value) != jnp.shape(other):
        raise ValueError(
            f"{name}: got shape {jnp.shape(value)}, wanted {jnp.shape(other)}, the shape of {other_name}:"
            " nothing is broadcast"
        )


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse a word that is not one of the choices, and name the nearest."""
    choices = list(choices)
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(choices)}{hint}")


def is_known(value: Any) -> bool:
    """Whether the numbers of an array can be looked at."""
    return not isinstance(value, jax.core.Tracer) and getattr(value, "is_fully_addressable", True)


def check_class_labels(name: str, labels: jax.Array, other_name: str, shape: tuple[int, ...], classes: int) -> None:
    """Refuse what is not one class number for each row of another array."""
    if not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise TypeError(f"{name}: got dtype {jnp.result_type(labels)}, wanted integers")
    if jnp.shape(labels) != shape:
        raise ValueError(
            f"{name}: got integers of shape {jnp.shape(labels)}, wanted {shape}, one for each row of {other_name}"
        )
    if is_known(labels):
        found = np.asarray(labels)
        outside = found[(found < 0) | (found >= classes)]
        if outside.size:
            raise ValueError(f"{name}: got {outside[0]}, wanted class numbers in 0..{classes - 1}")


def check_signs(name: str, labels: jax.Array) -> None:
    """Refuse labels that are neither -1 nor 1."""
    if is_known(labels):
        found = np.asarray(labels)
        other = found[np.abs(found) != 1]
        if other.size:
            raise ValueError(f"{name}: got {other[0]}, wanted -1 and 1; 2 y - 1 makes them of 0 and 1")


def check_unit_interval(name: str, values: jax.Array) -> None:
    """Refuse numbers outside [0, 1]."""
    if is_known(values):
        found = np.asarray(values, np.float64)
        outside = found[~((found >= 0) & (found <= 1))]
        if outside.size:
            raise ValueError(f"{name}: got {outside[0]:g}, wanted numbers in [0, 1]")


def check_not_negative(name: str, values: jax.Array) -> None:
    """Refuse negative numbers and NaN."""
    if is_known(values):
        found = np.asarray(values, np.float64)
        other = found[~(found >= 0)]
        if other.size:
            raise ValueError(f"{name}: got {other[0]:g}, wanted no negative number")


def check_distributions(name: str, values: jax.Array) -> None:
    """Refuse rows that are no probabilities: below 0, or with a sum that is not 1."""
    check_not_negative(name, values)
    if is_known(values):
        sums = np.asarray(values, np.float64).sum(axis=-1)
        # rounded by the dtype in which they came, and by whatever made them
        off = sums[~(np.abs(sums - 1) <= max(1e-3, 4 * float(jnp.finfo(jnp.result_type(values)).eps)))]
        if off.size:
            raise ValueError(f"{name}: got a row with the sum {off[0]:g}, wanted probabilities with the sum 1")
