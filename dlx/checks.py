"""Checks that layer 1 shares: each names the argument, what came and what was wanted.

Shapes, dtypes and Python numbers are always looked at. The numbers of an array are, where there are any: under `jit`,
`grad` and `vmap` they are not known, and each function says what then comes out.
"""

import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_known(value: Any) -> bool:
    """Whether the numbers of an array can be looked at."""
    return not isinstance(value, jax.core.Tracer) and getattr(value, "is_fully_addressable", True)


def check_array(name: str, value: Any) -> None:
    """Refuse what has no shape and no dtype: lists, Python numbers, None."""
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        came = repr(value)
        shown = came if len(came) <= 40 else f"{came[:37]}..."
        raise TypeError(
            f"{name}: got {shown} of type {type(value).__name__}, wanted an array; jax.numpy.asarray makes one"
        )


def check_floating(name: str, value: Any) -> None:
    """Refuse what is no array of a floating dtype."""
    check_array(name, value)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"{name}: got dtype {value.dtype}, wanted a floating dtype")


def check_integers(name: str, value: Any) -> None:
    """Refuse what is no array of an integer dtype."""
    check_array(name, value)
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise TypeError(f"{name}: got dtype {value.dtype}, wanted integers")


def check_same_shape(name: str, value: Any, other_name: str, other: Any) -> None:
    """Refuse two arrays that NumPy would broadcast against each other."""
    check_array(name, value)
    check_array(other_name, other)
    if value.shape != other.shape:
        raise ValueError(
            f"{name}: got shape {value.shape}, wanted {other.shape}, the shape of {other_name}: nothing is broadcast"
        )


def check_not_scalar(name: str, value: Any, wanted: str) -> None:
    """Refuse an array without axes."""
    if not value.shape:
        raise ValueError(f"{name}: got a scalar, wanted {wanted}")


def check_range(
    name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Refuse a number outside the range, and NaN; a traced one cannot be looked at and passes."""
    if not is_known(value):
        return
    if getattr(value, "shape", None) == ():
        value = value.item()
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


def came(value: Any) -> str:
    """What an argument was, short: an array by its shape, anything else as Python shows it."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array of shape {value.shape}"
    shown = repr(value)
    return f"{shown if len(shown) <= 40 else f'{shown[:37]}...'} of type {type(value).__name__}"


def check_function(name: str, value: Any, wanted: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name}: got {came(value)}, wanted a function {wanted}")


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuse what is not one of the choices, words mostly, and name the nearest."""
    choices = list(choices)
    # an array would be compared entry by entry
    if hasattr(value, "shape") or value not in choices:
        words = [str(choice) for choice in choices]
        near = difflib.get_close_matches(str(value), words, n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(words)}{hint}")


def check_key(name: str, key: Any) -> jax.Array:
    """Refuse what is no typed random key; give it back as what it is."""
    if not (hasattr(key, "dtype") and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)):
        came = f"dtype {key.dtype}" if hasattr(key, "dtype") else repr(key)
        raise TypeError(f"{name}: got {came}, wanted a key made by jax.random.key")
    return key


def check_entries(name: str, values: Any, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse NaN, infinity and numbers outside [low, high]; the first one found is shown with its place."""
    if is_known(values):
        found = np.asarray(values, np.float64)
        _refuse_first(name, found, np.isfinite(found) & (low <= found) & (found <= high), _finite_in(low, high))


def _finite_in(low: float, high: float) -> str:
    if math.isfinite(low) and math.isfinite(high):
        return f"finite numbers in [{low:g}, {high:g}]"
    return f"finite numbers >= {low:g}" if math.isfinite(low) else "finite numbers"


def _refuse_first(name: str, found: np.ndarray, right: np.ndarray, wanted: str) -> None:
    if not right.all():
        place = tuple(int(i) for i in np.argwhere(~right)[0])
        # nine digits tell 1.0000001 from 1
        came = f"{found[place]:.9g}" if found.dtype == np.float64 else str(found[place])
        raise ValueError(f"{name}: got {came}{f' at {list(place)}' if place else ''}, wanted {wanted}")


def check_distributions(name: str, values: Any, axes: Sequence[int] = (-1,)) -> None:
    """Refuse what are no probabilities over `axes`: numbers below 0, or a sum that is not 1."""
    needed = -min(axes)
    if len(values.shape) < needed:
        raise ValueError(f"{name}: got shape {values.shape}, wanted at least {needed} axes")
    check_entries(name, values, 0)
    if is_known(values):
        _check_sums(name, np.asarray(values, np.float64), values.dtype, axes, "probabilities with the sum 1")


def check_log_distributions(name: str, values: Any) -> None:
    """Refuse what are no logarithms of probabilities over the last axis: their exponentials do not add up to 1."""
    if is_known(values):
        with np.errstate(over="ignore"):
            weights = np.exp(np.asarray(values, np.float64))
        wanted = "logarithms of probabilities, whose exponentials have the sum 1: log_softmax makes them of logits"
        _check_sums(name, weights, values.dtype, (-1,), wanted)


def _check_sums(name: str, values: np.ndarray, dtype: Any, axes: Sequence[int], wanted: str) -> None:
    sums = values.sum(tuple(axes))
    # rounded by the dtype in which they came, and by whatever made them: a mistake is off by more
    slack = max(1e-3, 16 * float(jnp.finfo(dtype).eps))
    off = sums[~(np.abs(sums - 1) <= slack)]
    if off.size:
        raise ValueError(f"{name}: got the sum {off[0]:g}, wanted {wanted}")


def check_class_numbers(name: str, labels: Any, classes: int) -> None:
    """Refuse what are no integers in 0..classes-1."""
    check_integers(name, labels)
    if is_known(labels):
        found = np.asarray(labels)
        _refuse_first(name, found, (found >= 0) & (found < classes), f"class numbers in 0..{classes - 1}")


def check_class_labels(name: str, labels: Any, other_name: str, shape: tuple[int, ...], classes: int) -> None:
    """Refuse what is not one class number for each row of another array."""
    check_integers(name, labels)
    if labels.shape != shape:
        raise ValueError(
            f"{name}: got integers of shape {labels.shape}, wanted {shape}, one for each row of {other_name}"
        )
    check_class_numbers(name, labels, classes)


def check_signs(name: str, labels: Any) -> None:
    """Refuse labels that are neither -1 nor 1."""
    if is_known(labels):
        found = np.asarray(labels, np.float64)
        _refuse_first(name, found, np.abs(found) == 1, "-1 and 1; 2 y - 1 makes them of 0 and 1")


def check_symmetric(name: str, matrices: Any) -> None:
    """Refuse numbers that are not finite, and matrices that are not symmetric up to rounding."""
    check_entries(name, matrices)
    if is_known(matrices):
        values = np.asarray(matrices, np.float64)
        # both triangles are rounded by what made them: a mistake is off by more
        slack = 1e-3 * np.abs(values).max(initial=0)
        apart = np.abs(values - values.swapaxes(-1, -2))
        if (apart > slack).any():
            *_, row, column = (int(i) for i in np.unravel_index(apart.argmax(), apart.shape))
            raise ValueError(
                f"{name}: got entries ({row}, {column}) and ({column}, {row}) that differ, wanted symmetry"
            )
