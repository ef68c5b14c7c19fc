"""Losses of events, one or several to an example: one value per example, the caller reduces.

Labels of events are 0 and 1 in any dtype, bool among them, or probabilities.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_entries, check_floating, check_not_scalar, check_range, check_same_shape
from dlx.losses._features import Features, over_features
from dlx.losses._labels import event_labels, per_column

__all__ = [
    "binary_cross_entropy",
    "masked_sigmoid_cross_entropy",
    "multi_label_cross_entropy",
    "sigmoid_binary_cross_entropy",
]


def binary_cross_entropy(
    probabilities: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"] | Bool[Array, "batch *features"],
    *,
    eps: float = 1e-7,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Cross entropy of events from their probabilities.

        L = -[y log p + (1 - y) log(1 - p)]

    The notes print the second sign wrong; this is the accepted form. From logits, `sigmoid_binary_cross_entropy` is
    exact.

    Args:
      probabilities: (batch, ...) p in [0, 1]; in a compiled function they are not looked at.
      labels: (batch, ...) y in [0, 1]; in a compiled function one outside gives NaN, in the gradient too.
      eps: p is clipped to [eps, 1 - eps]; outside, the gradient is 0. PyTorch clips the logarithms at -100 instead.
      features: what is done over the axes after the first.
    Returns: (batch,), dtype of `probabilities`.
    Raises: ValueError if the shapes differ, a probability or a label is outside [0, 1], `eps` is outside [0, 1/2] or
      `features` is unknown; TypeError if `probabilities` are not floating.
    Source: Bishop 2006, eq. 4.90; notes 001 section 1.
    """
    check_floating("probabilities", probabilities)
    check_same_shape("labels", labels, "probabilities", probabilities)
    check_entries("probabilities", probabilities, 0, 1)
    check_range("eps", eps, 0, 0.5)
    labels = event_labels(labels, probabilities.dtype)
    # a factor of NaN before the clip, which has the gradient 0 where it clips
    probabilities = jnp.clip(probabilities * jnp.where(jnp.isnan(labels), jnp.nan, 1), eps, 1 - eps)
    # log1p keeps the digits of a small p
    values = -(labels * jnp.log(probabilities) + (1 - labels) * jnp.log1p(-probabilities))
    return over_features("probabilities", values, features)


def sigmoid_binary_cross_entropy(
    logits: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"] | Bool[Array, "batch *features"],
    *,
    label_smoothing: float = 0.0,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Cross entropy of events from their logits, exact where the sigmoid saturates.

        L = -[y log sigmoid(x) + (1 - y) log sigmoid(-x)]
          = max(x, 0) - x y + log(1 + exp(-|x|)),    dL/dx = sigmoid(x) - y

    Label smoothing replaces y by (1 - a) y + a / 2.

    Args:
      logits: (batch, ...) x.
      labels: (batch, ...) y in [0, 1]; in a compiled function one outside gives NaN, in the gradient too.
      label_smoothing: a in [0, 1].
      features: what is done over the axes after the first.
    Returns: (batch,), dtype of `logits`.
    Raises: ValueError if the shapes differ, a label or `label_smoothing` is outside [0, 1] or `features` is unknown;
      TypeError if `logits` are not floating.
    Source: Bishop 2006, eq. 4.90; Goodfellow et al. 2016, section 6.2.2.2; notes 001 section 1.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    check_range("label_smoothing", label_smoothing, 0, 1)
    labels = event_labels(labels, logits.dtype)
    if label_smoothing != 0:
        labels = (1 - label_smoothing) * labels + label_smoothing / 2
    return over_features("logits", _of_events(logits, labels), features)


def _of_events(logits: Array, labels: Array) -> Array:
    # -log sigmoid(x) = log(1 + exp(-x)): no digits are lost when y = 1 and x is large
    return labels * jnp.logaddexp(-logits, 0) + (1 - labels) * jnp.logaddexp(logits, 0)


def multi_label_cross_entropy(
    logits: Float[Array, "*batch labels"],
    labels: Float[Array, "*batch labels"] | Integer[Array, "*batch labels"] | Bool[Array, "*batch labels"],
    *,
    label_weights: Float[Array, "labels"] | None = None,
    positive_weights: Float[Array, "labels"] | None = None,
) -> Float[Array, "*batch"]:
    """Cross entropy of several labels, each of which an example has or has not.

        L = -sum_j w_j [v_j y_j log sigmoid(x_j) + (1 - y_j) log sigmoid(-x_j)]

    One binary cross entropy per label, added. PyTorch's `BCEWithLogitsLoss` calls w `weight` and v `pos_weight`;
    its `MultiLabelSoftMarginLoss` divides by the number of labels.

    Args:
      logits: (*batch, labels) x.
      labels: (*batch, labels) y, 1 for a label that the example has, else 0; in a compiled function one outside [0, 1]
        gives NaN, in the gradient too.
      label_weights: (labels,) w, 1 if None.
      positive_weights: (labels,) v, 1 if None: above 1 for labels that are rare.
    Returns: (*batch,), dtype of `logits`.
    Raises: ValueError if the shapes do not fit, a label is outside [0, 1] or a weight is negative; TypeError if
      `logits` are not floating.
    Source: Bishop 2006, eq. 4.90, over labels; notes 001 section 1.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    check_not_scalar("logits", logits, "(..., labels)")
    labels = event_labels(labels, logits.dtype)
    has, has_not = labels * jnp.logaddexp(-logits, 0), (1 - labels) * jnp.logaddexp(logits, 0)
    if positive_weights is not None:
        has = has * per_column("positive_weights", positive_weights, logits, "label")
    values = has + has_not
    if label_weights is not None:
        values = values * per_column("label_weights", label_weights, logits, "label")
    return jnp.sum(values, axis=-1)


def masked_sigmoid_cross_entropy(
    logits: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"] | Bool[Array, "batch *features"],
    mask: Float[Array, "batch *features"] | Integer[Array, "batch *features"] | Bool[Array, "batch *features"],
) -> Float[Array, "batch"]:
    """Mean cross entropy of the events that the mask keeps: the loss of word2vec with negative sampling.

        L_i = -sum_j m_ij log sigmoid((2 y_ij - 1) x_ij) / sum_j m_ij

    The notes average the probabilities and leave the logarithm out; that number is
    `dlx.metrics.mean_label_probability`, this is the accepted form.

    Args:
      logits: (batch, ...) x, inner products of a centre word with its context and noise words.
      labels: (batch, ...) y, 1 for context, 0 for noise; in a compiled function one outside [0, 1] gives NaN, in the
        gradient too.
      mask: (batch, ...) m, 0 for padding, which is not looked at; an example of nothing else has the loss 0.
    Returns: (batch,), dtype of `logits`.
    Raises: ValueError if the shapes differ, a label is outside [0, 1] or the mask is negative; TypeError if `logits`
      are not floating.
    Source: Mikolov et al. 2013, eq. 4; notes 001 section 1.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    check_same_shape("mask", mask, "logits", logits)
    check_entries("mask", mask, 0)
    mask = mask.astype(logits.dtype)
    # padding may hold anything: replaced before the loss, so that its gradient is 0 and not 0 * NaN
    logits, labels = jnp.where(mask == 0, 0, logits), jnp.where(mask == 0, 0, labels)
    labels = event_labels(labels, logits.dtype)
    total, weight = (over_features("logits", a, "sum") for a in (mask * _of_events(logits, labels), mask))
    return total / jnp.where(weight == 0, 1, weight)
