"""Losses of real-valued predictions: one value per example, the caller reduces."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.losses._features import Features, over_features
from dlx.nn._checks import check_same_shape

__all__ = ["absolute_error", "squared_error"]


def squared_error(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    *,
    half: bool = False,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Squared distance of prediction and target.

        L = ||h - y||_2^2,    with `half` L = 1/2 ||h - y||_2^2 and dL/dh = h - y

    Args:
      predictions: (batch, ...) h.
      targets: (batch, ...) y, the same shape: (batch, 1) against (batch,) is an error.
      half: multiply by 1/2.
      features: what is done over the axes after the first.
    Returns: (batch,).
    Raises: ValueError if the shapes differ or `features` is unknown.
    Source: Bishop 2006, eq. 3.12; notes 000 section 2, 003 "cost", 004 "linear model" (without the half).
    """
    check_same_shape("targets", targets, "predictions", predictions)
    error = predictions - targets
    values = over_features(error * error, features)
    return 0.5 * values if half else values


def absolute_error(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    *,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """L1 distance of prediction and target.

        L = sum_i |h_i - y_i|,    dL/dh = sign(h - y), 0 where they are equal

    Args:
      predictions: (batch, ...) h.
      targets: (batch, ...) y, the same shape.
      features: what is done over the axes after the first; "mean" as PyTorch has it.
    Returns: (batch,).
    Raises: ValueError if the shapes differ or `features` is unknown.
    Source: notes 001 section 10.
    """
    check_same_shape("targets", targets, "predictions", predictions)
    error = predictions - targets
    # the derivative of jnp.abs at 0 is 1
    return over_features(error * jnp.sign(error), features)
