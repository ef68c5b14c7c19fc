"""Checks of data sets that the linear models and the kernel machines share.

A shape or dtype is always looked at. Values are, where there are any: under jit and vmap the numbers are not known,
and what is not finite comes out as NaN.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def is_concrete(value: Array) -> bool:
    """Whether the numbers of an array can be looked at."""
    return not isinstance(value, jax.core.Tracer)


def check_real(name: str, value: Array) -> None:
    """Refuse what LAPACK does not solve in: anything but float32 and float64, and numbers that are not finite."""
    dtype = jnp.result_type(value)
    if dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"{name}: got dtype {dtype}, wanted float32 or float64")
    if is_concrete(value) and not np.isfinite(np.asarray(value)).all():
        raise ValueError(f"{name}: got NaN or infinity, wanted finite numbers")


def check_design(name: str, value: Array) -> None:
    """Refuse anything but a table (examples, features) with something in it."""
    check_real(name, value)
    if jnp.ndim(value) != 2 or 0 in jnp.shape(value):
        raise ValueError(f"{name}: got shape {jnp.shape(value)}, wanted (examples, features), neither of them 0")


def check_targets(name: str, value: Array, examples: int, *, outputs: bool = True) -> None:
    """Refuse targets that are not one number, or with `outputs` one row of numbers, per example."""
    check_real(name, value)
    shape = jnp.shape(value)
    if len(shape) not in ((1, 2) if outputs else (1,)) or shape[0] != examples:
        wanted = f"({examples},) or ({examples}, outputs)" if outputs else f"({examples},)"
        raise ValueError(f"{name}: got shape {shape}, wanted {wanted}, one for each example")


def check_classes(name: str, value: Array, examples: int, *, classes: int) -> None:
    """Refuse labels that are not one integer in 0..classes-1 per example."""
    _check_integers(name, value, examples)
    if is_concrete(value):
        found = np.asarray(value)
        outside = found[(found < 0) | (found >= classes)]
        if outside.size:
            raise ValueError(f"{name}: got {outside[0]}, wanted class numbers in 0..{classes - 1}")


def check_binary(name: str, value: Array, examples: int) -> None:
    """Refuse labels that are not one of 0 and 1, or of -1 and 1, per example."""
    _check_integers(name, value, examples)
    if is_concrete(value):
        found = set(np.unique(np.asarray(value)).tolist())
        if not (found <= {0, 1} or found <= {-1, 1}):
            raise ValueError(f"{name}: got the values {sorted(found)[:5]}, wanted 0 and 1, or -1 and 1")


def _check_integers(name: str, value: Array, examples: int) -> None:
    if not jnp.issubdtype(jnp.result_type(value), jnp.integer):
        raise TypeError(f"{name}: got dtype {jnp.result_type(value)}, wanted integers")
    if jnp.shape(value) != (examples,):
        raise ValueError(f"{name}: got shape {jnp.shape(value)}, wanted ({examples},), one for each example")


def signs(labels: Array, dtype: jnp.dtype) -> Array:
    """1 for the positive class, -1 for the other, whether that is called 0 or -1."""
    return jnp.where(labels > 0, 1, -1).astype(dtype)
