"""Checks of data sets that the linear models and the kernel machines share; what is general is in `dlx.checks`.

A shape or dtype is always looked at. Values are, where there are any: under jit and vmap the numbers are not known,
and what is not finite comes out as NaN.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from dlx.checks import check_array, check_entries, check_integers, is_known


def check_real(name: str, value: Array) -> None:
    """Refuse what LAPACK does not solve in: anything but float32 and float64, and numbers that are not finite."""
    check_array(name, value)
    if value.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"{name}: got dtype {value.dtype}, wanted float32 or float64")
    check_entries(name, value)


def check_design(name: str, value: Array) -> None:
    """Refuse anything but a table (examples, features) with something in it."""
    check_real(name, value)
    if value.ndim != 2 or 0 in value.shape:
        raise ValueError(f"{name}: got shape {value.shape}, wanted (examples, features), neither of them 0")


def check_targets(name: str, value: Array, examples: int, *, outputs: bool = True) -> None:
    """Refuse targets that are not one number, or with `outputs` one row of numbers, per example."""
    check_real(name, value)
    if value.ndim not in ((1, 2) if outputs else (1,)) or value.shape[0] != examples:
        wanted = f"({examples},) or ({examples}, outputs)" if outputs else f"({examples},)"
        raise ValueError(f"{name}: got shape {value.shape}, wanted {wanted}, one for each example")


def check_binary(name: str, value: Array, examples: int) -> None:
    """Refuse labels that are not one of 0 and 1, or of -1 and 1, per example."""
    check_integers(name, value)
    if value.shape != (examples,):
        raise ValueError(f"{name}: got shape {value.shape}, wanted ({examples},), one for each example")
    if is_known(value):
        found = set(np.unique(np.asarray(value)).tolist())
        if not (found <= {0, 1} or found <= {-1, 1}):
            raise ValueError(f"{name}: got the values {sorted(found)[:5]}, wanted 0 and 1, or -1 and 1")


def signs(labels: Array, dtype: jnp.dtype) -> Array:
    """1 for the positive class, -1 for the other, whether that is called 0 or -1."""
    return jnp.where(labels > 0, 1, -1).astype(dtype)
