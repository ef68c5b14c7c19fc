"""Gradients of losses with respect to predictions: where the backward pass starts."""

from typing import Literal

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Integer

from dlx import nn
from dlx.checks import (
    check_array,
    check_choice,
    check_class_labels,
    check_distributions,
    check_floating,
    check_not_scalar,
    check_same_shape,
)
from dlx.losses._labels import event_labels

__all__ = ["sigmoid_binary_cross_entropy_backward", "softmax_cross_entropy_backward", "squared_error_backward"]

How = Literal["mean", "sum", "none"]


def _reduced(gradient: Array, examples: int, how: str) -> Array:
    """dJ/dz of the mean or the sum of the losses of examples; "none": each example's own."""
    check_choice("how", how, ("mean", "sum", "none"))
    return gradient / examples if how == "mean" else gradient


def softmax_cross_entropy_backward(
    logits: Float[Array, "*batch classes"],
    labels: Integer[Array, "*batch"] | Float[Array, "*batch classes"],
    *,
    how: How = "mean",
) -> Float[Array, "*batch classes"]:
    """Gradient of softmax with cross entropy with respect to the logits.

        dJ/dz = (softmax(z) - y) / N

    Args:
      logits: (*batch, classes) z.
      labels: (*batch,) integers, or (*batch, classes) floating probabilities y. In a compiled function, where labels
        cannot be looked at, a class number outside 0..classes-1 gives NaN, and probabilities that add to s instead of 1
        give (s softmax(z) - y) / N, the gradient of -sum_c y_c log p_c.
      how: reduction over the N examples of `batch`; "sum" and "none" leave the division out.
    Returns: (*batch, classes), dtype of `logits`.
    Raises: ValueError if the shapes do not fit, a label is no class, a row of probabilities does not sum to 1 or `how`
      is unknown; TypeError if an array is of another kind.
    Source: Goodfellow et al. 2016, section 6.2.2.3; notes 001 section 3, 004 "multi-class".
    """
    check_floating("logits", logits)
    check_not_scalar("logits", logits, "(..., classes)")
    check_array("labels", labels)
    probabilities = nn.softmax(logits)
    if jnp.issubdtype(labels.dtype, jnp.integer):
        check_class_labels("labels", labels, "logits", logits.shape[:-1], logits.shape[-1])
        known = (labels >= 0) & (labels < logits.shape[-1])
        error = probabilities - nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
        error = jnp.where(known[..., None], error, jnp.nan)
    else:
        check_same_shape("labels", labels, "logits", logits)
        check_floating("labels", labels)
        check_distributions("labels", labels)
        labels = labels.astype(logits.dtype)
        error = probabilities * jnp.sum(labels, axis=-1, keepdims=True) - labels
    return _reduced(error, max(1, logits.size // logits.shape[-1]), how)


def sigmoid_binary_cross_entropy_backward(
    logits: Float[Array, "batch *features"], labels: Float[Array, "batch *features"], *, how: How = "mean"
) -> Float[Array, "batch *features"]:
    """Gradient of sigmoid with binary cross entropy, added over the features, with respect to the logits.

        dJ/dx = (sigmoid(x) - y) / N

    Args:
      logits: (batch, ...) x.
      labels: (batch, ...) y in [0, 1]; in a compiled function one outside gives NaN.
      how: reduction over the N examples of the first axis; "sum" and "none" leave the division out.
    Returns: (batch, ...), dtype of `logits`.
    Raises: ValueError if the shapes differ, a label is outside [0, 1] or `how` is unknown; TypeError if `logits` are
      not floating.
    Source: Bishop 2006, eq. 4.91; notes 001 section 3.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    check_not_scalar("logits", logits, "(batch, ...): the first axis is the examples")
    return _reduced(nn.sigmoid(logits) - event_labels(labels, logits.dtype), max(1, logits.shape[0]), how)


def squared_error_backward(
    predictions: Float[Array, "batch *features"],
    targets: Float[Array, "batch *features"],
    *,
    half: bool = False,
    how: How = "mean",
) -> Float[Array, "batch *features"]:
    """Gradient of the squared distance, added over the features, with respect to the predictions.

        dJ/dh = 2 (h - y) / N,    with `half` (h - y) / N

    Args:
      predictions: (batch, ...) h.
      targets: (batch, ...) y, the same shape.
      half: of 1/2 ||h - y||_2^2, as the notes' cost has it.
      how: reduction over the N examples of the first axis; "sum" and "none" leave the division out.
    Returns: (batch, ...).
    Raises: ValueError if the shapes differ or `how` is unknown; TypeError if an array is not floating.
    Source: Bishop 2006, eq. 3.13; notes 003 "cost".
    """
    check_floating("predictions", predictions)
    check_floating("targets", targets)
    check_not_scalar("predictions", predictions, "(batch, ...): the first axis is the examples")
    check_same_shape("targets", targets, "predictions", predictions)
    error = predictions - targets
    return _reduced(error if half else 2 * error, max(1, predictions.shape[0]), how)
