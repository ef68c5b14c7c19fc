"""What losses of several outputs per example share."""

from typing import Literal

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_choice

Features = Literal["sum", "mean"]


def over_features(values: Array, features: Features) -> Array:
    """(batch, ...) -> (batch,): sum or mean over every axis but the first."""
    check_choice("features", features, ("sum", "mean"))
    if values.ndim == 0:
        raise ValueError("predictions: got a scalar, wanted (batch, ...): the first axis is the examples")
    return (jnp.sum if features == "sum" else jnp.mean)(values, axis=tuple(range(1, values.ndim)))
