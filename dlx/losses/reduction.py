"""From values per example to one number."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_entries, check_floating, check_same_shape

__all__ = ["reduce"]


def reduce(
    values: Float[Array, "*batch"],
    weights: Float[Array, "*batch"] | None = None,
    *,
    how: Literal["mean", "sum", "none"] = "mean",
) -> Float[Array, ""] | Float[Array, "*batch"]:
    """Mean, sum or weighted values of a loss.

        mean = sum_i w_i l_i / sum_i w_i,    sum = sum_i w_i l_i,    none = w_i l_i

    Weights that are all zero give the mean 0, with gradient 0: a batch of nothing but padding teaches nothing. A value
    of weight 0 is not looked at, so that NaN in the padding stays there.

    Args:
      values: (*batch,) l.
      weights: (*batch,) w, not negative; None weighs every value 1.
      how: the reduction.
    Returns: a scalar, or (*batch,) with "none".
    Raises: ValueError if the shapes differ, a weight is negative or `how` is unknown; TypeError if `values` are not
      floating.
    Source: notes 001 section 1 (sum), section 4 (mean).
    """
    check_floating("values", values)
    check_choice("how", how, ("mean", "sum", "none"))
    if weights is None:
        return values if how == "none" else (jnp.mean if how == "mean" else jnp.sum)(values)
    check_same_shape("weights", weights, "values", values)
    check_entries("weights", weights, 0)
    weights = weights.astype(values.dtype)
    weighted = jnp.where(weights == 0, 0, weights * values)
    if how == "none":
        return weighted
    total = jnp.sum(weighted)
    if how == "sum":
        return total
    weight = jnp.sum(weights)
    return total / jnp.where(weight == 0, 1, weight)
