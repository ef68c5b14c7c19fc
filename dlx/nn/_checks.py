"""Static checks that layer 1 shares: each names the argument, what came and what was wanted."""

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp


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
