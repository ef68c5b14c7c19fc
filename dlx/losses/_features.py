"""What losses of several outputs per example share."""

from typing import Literal

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_choice, check_not_scalar

Features = Literal["sum", "mean"]


def over_features(name: str, values: Array, features: Features) -> Array:
    """(batch, ...) -> (batch,): sum or mean over every axis but the first; `name` is the argument of that shape."""
    check_choice("features", features, ("sum", "mean"))
    check_not_scalar(name, values, "(batch, ...): the first axis is the examples")
    return (jnp.sum if features == "sum" else jnp.mean)(values, axis=tuple(range(1, values.ndim)))
