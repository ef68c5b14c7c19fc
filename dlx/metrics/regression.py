"""Metrics of real-valued predictions."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_entries, check_floating, check_not_scalar, check_same_shape

__all__ = ["r_squared"]


def r_squared(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    weights: Float[Array, "batch"] | None = None,
) -> Float[Array, "*features"]:
    """Coefficient of determination: the share of the targets' variance that the predictions explain.

        R^2 = 1 - sum_i w_i (h_i - y_i)^2 / sum_i w_i (y_i - mean(y))^2,    mean(y) = sum_i w_i y_i / sum_i w_i

    1 for exact predictions, 0 for the mean, negative for worse. It is not a mean over examples: give it all of them.
    The mean squared error is, `dlx.losses.squared_error(..., features="mean")`.

    Args:
      predictions: (batch, ...) h.
      targets: (batch, ...) y, the same shape. Where they are all equal the result is 1 for exact predictions, else 0,
        as in scikit-learn.
      weights: (batch,) w, 1 if None.
    Returns: (...,), one for each output.
    Raises: ValueError if the shapes do not fit or a weight is negative; TypeError if an array is not floating.
    Source: Wright 1921; Hastie et al. 2009, section 3.2.
    """
    check_floating("predictions", predictions)
    check_floating("targets", targets)
    check_same_shape("targets", targets, "predictions", predictions)
    check_not_scalar("targets", targets, "(batch, ...): the first axis is the examples")
    if weights is None:
        weights = jnp.ones(len(targets), targets.dtype)
    check_floating("weights", weights)
    if weights.shape != targets.shape[:1]:
        raise ValueError(f"weights: got shape {weights.shape}, wanted {targets.shape[:1]}, one for each example")
    check_entries("weights", weights, 0)

    def over_examples(values: Array) -> Array:
        return jnp.tensordot(weights.astype(values.dtype), values, axes=1)

    mean = over_examples(targets) / jnp.sum(weights)
    left = over_examples((predictions - targets) ** 2)
    spread = over_examples((targets - jnp.broadcast_to(mean, targets.shape)) ** 2)
    constant = spread == 0
    return jnp.where(constant, (left == 0).astype(left.dtype), 1 - left / jnp.where(constant, 1, spread))
