"""Metrics of classes: one value per example, the caller averages."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import (
    check_class_labels,
    check_count,
    check_distributions,
    check_entries,
    check_floating,
    check_not_scalar,
    check_range,
    check_same_shape,
)
from dlx.losses._labels import check_kind, event_labels
from dlx.nn.activations import sigmoid

__all__ = ["accuracy", "binary_accuracy", "mean_label_probability"]


def accuracy(
    logits: Float[Array, "*batch classes"],
    labels: Integer[Array, "*batch"] | Float[Array, "*batch classes"],
    *,
    top_k: int = 1,
) -> Float[Array, "*batch"]:
    """Whether the label is among the k classes with the largest logits.

        a = 1 if fewer than k classes stand before the label, else 0

    Of equal logits the lower class stands first, as in argmax. A row with NaN is wrong.

    Args:
      logits: (*batch, classes) logits or probabilities.
      labels: (*batch,) integers, or (*batch, classes) probabilities, of which the largest counts. In a compiled
        function a class number outside 0..classes-1 is wrong.
      top_k: k.
    Returns: (*batch,) of 0.0 and 1.0, float32.
    Raises: ValueError if the shapes do not fit, a label is no class, a row of probabilities does not sum to 1 or
      `top_k` is not in 1..classes; TypeError if `logits` are not floating, one-hot `labels` are integers or class
      numbers are not.
    Source: notes 004 "accuracy".
    """
    check_floating("logits", logits)
    check_not_scalar("logits", logits, "(..., classes)")
    check_kind(labels, logits)
    check_count("top_k", top_k)
    classes = logits.shape[-1]
    if top_k > classes:
        raise ValueError(f"top_k: got {top_k}, wanted at most {classes}, the classes of logits")
    if jnp.issubdtype(labels.dtype, jnp.floating):
        check_same_shape("labels", labels, "logits", logits)
        check_distributions("labels", labels)
        labels = jnp.argmax(labels, axis=-1)
    else:
        check_class_labels("labels", labels, "logits", logits.shape[:-1], classes)
    labels = labels.astype(jnp.int32)[..., None]
    columns = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32), logits.shape)
    # counting needs no sort
    own = jnp.sum(jnp.where(columns == labels, logits, 0), axis=-1, keepdims=True)
    before = (logits > own) | ((logits == own) & (columns < labels))
    rank = jnp.sum(before, axis=-1)
    valid = ((labels >= 0) & (labels < classes))[..., 0] & ~jnp.any(jnp.isnan(logits), axis=-1)
    return (valid & (rank < top_k)).astype(jnp.float32)


def binary_accuracy(
    logits: Float[Array, "*shape"], labels: Integer[Array, "*shape"] | Float[Array, "*shape"], *, threshold: float = 0.0
) -> Float[Array, "*shape"]:
    """Whether the sign of the logit tells the event.

        a = 1 if [x > threshold] = [y > 1/2], else 0

    Args:
      logits: any shape. With probabilities, `threshold=0.5`.
      labels: the same shape, 0 or 1, or probabilities. In a compiled function one outside [0, 1] is wrong.
      threshold: what an event's logit exceeds.
    Returns: 0.0 and 1.0 in the shape of `logits`, float32. NaN is wrong.
    Raises: ValueError if the shapes differ, a label is outside [0, 1] or `threshold` is not finite; TypeError if
      `logits` are not floating.
    Source: Bishop 2006, section 4.3.2.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    check_entries("labels", labels, 0, 1)
    check_range("threshold", threshold, -math.inf, math.inf, open_low=True, open_high=True)
    right = (logits > threshold) == (labels > 0.5)
    return (right & (labels >= 0) & (labels <= 1) & ~jnp.isnan(logits)).astype(jnp.float32)


def mean_label_probability(
    logits: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"],
    mask: Float[Array, "batch *features"] | Integer[Array, "batch *features"] | Bool[Array, "batch *features"],
) -> Float[Array, "batch"]:
    """Mean probability that a model of events gives to what happened, over the events that the mask keeps.

        a_i = sum_j m_ij sigmoid((2 y_ij - 1) x_ij) / sum_j m_ij

    The notes print it as the loss of word2vec: minimised, it would teach the opposite. The loss is
    `dlx.losses.masked_sigmoid_cross_entropy`; this is a number to look at.

    Args:
      logits: (batch, ...) x.
      labels: (batch, ...) y in [0, 1]. In a compiled function one outside gives NaN.
      mask: (batch, ...) m, 0 for padding, which is not looked at; an example of nothing else has the value 0.
    Returns: (batch,), dtype of `logits`, in [0, 1].
    Raises: ValueError if the shapes differ, a label is outside [0, 1] or the mask is negative; TypeError if `logits`
      are not floating.
    Source: notes 001 section 1.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    check_same_shape("mask", mask, "logits", logits)
    check_not_scalar("logits", logits, "(batch, ...): the first axis is the examples")
    check_entries("mask", mask, 0)
    mask = mask.astype(logits.dtype)
    labels = event_labels(jnp.where(mask == 0, 0, labels), logits.dtype)
    right = sigmoid((2 * labels - 1) * logits)
    axes = tuple(range(1, logits.ndim))
    weight = jnp.sum(mask, axis=axes)
    return jnp.sum(jnp.where(mask == 0, 0, mask * right), axis=axes) / jnp.where(weight == 0, 1, weight)
