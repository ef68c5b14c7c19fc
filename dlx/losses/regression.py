"""Losses of real-valued predictions: one value per example, the caller reduces."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_range, check_same_shape
from dlx.losses._features import Features, over_features

__all__ = ["absolute_error", "huber", "smooth_l1", "squared_error"]


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
    Raises: ValueError if the shapes differ or `features` is unknown; TypeError if an array is not floating.
    Source: Bishop 2006, eq. 3.12; notes 000 section 2, 003 "cost", 004 "linear model" (without the half).
    """
    error = _error(predictions, targets)
    values = over_features("predictions", error * error, features)
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
    Raises: ValueError if the shapes differ or `features` is unknown; TypeError if an array is not floating.
    Source: notes 001 section 10.
    """
    error = _error(predictions, targets)
    # the derivative of jnp.abs at 0 is 1
    return over_features("predictions", error * jnp.sign(error), features)


def smooth_l1(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    *,
    alpha: float = 0.5,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Squared error near the target, absolute error away from it.

        l(d) = alpha d^2 if |d| < 1 else |d| - alpha,    d = h - y

    Continuous, with a continuous derivative, for alpha = 1/2 only, Girshick's form. The notes leave alpha free: any
    other value jumps at |d| = 1 by 1 - 2 alpha. To move the transition take `huber`.

    Args:
      predictions: (batch, ...) h.
      targets: (batch, ...) y, the same shape.
      alpha: factor of the square.
      features: what is done over the axes after the first; "mean" as the notes have it.
    Returns: (batch,).
    Raises: ValueError if the shapes differ, `alpha` is negative or `features` is unknown; TypeError if an array is not
      floating.
    Source: Girshick 2015, eq. 3; notes 001 section 1.
    """
    check_range("alpha", alpha, 0, math.inf, open_high=True)
    error = _error(predictions, targets)
    size = jnp.abs(error)
    return over_features("predictions", jnp.where(size < 1, alpha * error * error, size - alpha), features)


def huber(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    *,
    beta: float = 1.0,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Smooth L1 with a transition at beta: the gradient is clipped to [-1, 1].

        l(d) = d^2 / (2 beta) if |d| < beta else |d| - beta / 2,    d = h - y

    The scale of PyTorch's `smooth_l1_loss(beta)`. Huber's own function, PyTorch's `huber_loss(delta)` and Optax's, is
    beta times this.

    Args:
      predictions: (batch, ...) h.
      targets: (batch, ...) y, the same shape.
      beta: the distance from which the error counts linearly.
      features: what is done over the axes after the first.
    Returns: (batch,).
    Raises: ValueError if the shapes differ, `beta` is not positive or `features` is unknown; TypeError if an array is
      not floating.
    Source: Huber 1964; Girshick 2015, eq. 3; notes 001 section 1.
    """
    check_range("beta", beta, 0, math.inf, open_low=True, open_high=True)
    error = _error(predictions, targets)
    size = jnp.abs(error)
    return over_features("predictions", jnp.where(size < beta, error * error / (2 * beta), size - beta / 2), features)


def _error(predictions: Array, targets: Array) -> Array:
    check_floating("predictions", predictions)
    check_floating("targets", targets)
    check_same_shape("targets", targets, "predictions", predictions)
    return predictions - targets
