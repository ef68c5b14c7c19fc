"""Costs as negative log likelihoods: a Gaussian's is the squared error, a Bernoulli's the cross entropy."""

import math

from jaxtyping import Array, Float, Integer

from dlx.checks import check_floating, check_range, check_same_shape
from dlx.losses.regression import squared_error
from dlx.nn.activations import sigmoid

__all__ = ["bernoulli_probability", "gaussian_negative_log_likelihood"]


def gaussian_negative_log_likelihood(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    *,
    variance: float = 1.0,
) -> Float[Array, "batch"]:
    """Cost of maximum likelihood for targets with Gaussian noise around the prediction.

        -log N(y; f, v I) = ||y - f||^2 / (2 v) + d/2 log(2 pi v),    d numbers per example

    With v = 1 the mean over examples is half the squared error plus a constant, so both have the same minimum. The
    notes print -(y - f)^2 without the half; the sign and the factor here follow the likelihood.

    Args:
      predictions: (batch, ...) f, the mean that the model gives.
      targets: (batch, ...) y.
      variance: v, positive.
    Returns: (batch,).
    Raises: ValueError if the shapes differ or `variance` is not positive.
    Source: Goodfellow et al. 2016, eq. 6.12 and 6.13; notes 001 section 15.
    """
    check_same_shape("targets", targets, "predictions", predictions)
    check_range("variance", variance, 0, float("inf"), open_low=True, open_high=True)
    size = math.prod(predictions.shape[1:])
    return squared_error(predictions, targets, half=True) / variance + 0.5 * size * math.log(2 * math.pi * variance)


def bernoulli_probability(logits: Float[Array, "*batch"], labels: Integer[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Probability of an event that a linear output unit gives: the softmax of the two numbers 0 and z.

        P(y | x) = exp(y z) / sum_{y' in 0, 1} exp(y' z) = sigmoid((2 y - 1) z)

    The notes leave out the exp in the denominator.

    Args:
      logits: (*batch,) z.
      labels: (*batch,) integers y, 0 or 1.
    Returns: (*batch,) in (0, 1), dtype of `logits`.
    Raises: ValueError if the shapes differ; TypeError if `logits` are not floating.
    Source: Goodfellow et al. 2016, eq. 6.20 to 6.23; notes 001 section 15.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    return sigmoid((2 * labels - 1).astype(logits.dtype) * logits)
