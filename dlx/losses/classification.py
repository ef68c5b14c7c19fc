"""Losses of classes: one value per example, the caller reduces."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import (
    check_distributions,
    check_floating,
    check_log_distributions,
    check_not_scalar,
    check_range,
    check_same_shape,
)
from dlx.losses._labels import check_kind, label_columns, per_column, pick
from dlx.nn.softmax import log_softmax, logsumexp

__all__ = ["categorical_cross_entropy", "negative_log_likelihood", "softmax_cross_entropy"]


def softmax_cross_entropy(
    logits: Float[Array, "*batch classes"],
    labels: Integer[Array, "*batch"] | Float[Array, "*batch classes"],
    *,
    class_weights: Float[Array, "classes"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Array, "*batch"]:
    """Cross entropy of the softmax of logits, from class numbers or from probabilities.

        L = -log softmax(z)_y                           integer labels;      dL/dz = softmax(z) - onehot(y)
        L = -sum_c w_c y_c log softmax(z)_c             probabilities, one-hot vectors

    Label smoothing replaces y by (1 - a) y + a / classes. With class weights, PyTorch's mean is
    sum_i L_i / sum_i w_{y_i}: the sum of these values over the sum of `class_weights[labels]`.

    Args:
      logits: (*batch, classes).
      labels: (*batch,) integers, or (*batch, classes) floating probabilities. In a compiled function, where labels
        cannot be looked at, a class number outside 0..classes-1 gives NaN, in the gradient too, and probabilities
        are taken as they are: with the sum s they give the gradient s softmax(z) - y.
      class_weights: (classes,) w, 1 if None.
      label_smoothing: a in [0, 1].
    Returns: (*batch,), dtype of `logits`.
    Raises: ValueError if the shapes do not fit, a label is no class, a row of probabilities does not sum to 1, a weight
      is negative or `label_smoothing` is outside [0, 1]; TypeError if an array is of another kind.
    Source: Goodfellow et al. 2016, section 6.2.2.3; Szegedy et al. 2016, section 7; notes 001 section 1, 004
      "multi-class".
    """
    check_floating("logits", logits)
    check_not_scalar("logits", logits, "(..., classes)")
    check_kind(labels, logits)
    check_range("label_smoothing", label_smoothing, 0, 1)
    if jnp.issubdtype(labels.dtype, jnp.integer):
        if class_weights is None:
            return _of_classes(logits, labels, label_smoothing)
        own, one = label_columns(logits, "logits", labels)
        labels = jnp.where(own, 1, 0) * one[..., None]
    else:
        check_same_shape("labels", labels, "logits", logits)
        check_floating("labels", labels)
        check_distributions("labels", labels)
        labels = labels.astype(logits.dtype)
    if label_smoothing != 0:
        labels = (1 - label_smoothing) * labels + label_smoothing / logits.shape[-1]
    if class_weights is not None:
        labels = per_column("class_weights", class_weights, logits, "class") * labels
    # 0 log 0 = 0, also where a logit is -inf
    return -jnp.sum(jnp.where(labels == 0, 0, labels * log_softmax(logits)), axis=-1)


def _of_classes(logits: Array, labels: Array, label_smoothing: float) -> Array:
    picked = pick(logits, "logits", labels)
    normaliser = logsumexp(logits)
    if label_smoothing == 0:
        return normaliser - picked
    return normaliser - (1 - label_smoothing) * picked - label_smoothing * jnp.mean(logits, axis=-1)


def categorical_cross_entropy(
    probabilities: Float[Array, "*batch classes"],
    labels: Float[Array, "*batch classes"],
    *,
    class_mean: bool = False,
    eps: float = 1e-7,
) -> Float[Array, "*batch"]:
    """Cross entropy of two distributions.

        H(y, p) = -sum_c y_c log p_c

    The notes divide by the number of classes (`class_mean`); the field does not.

    Args:
      probabilities: (*batch, classes) p; values below `eps` are raised to it. In a compiled function neither they nor
        `labels` are looked at.
      labels: (*batch, classes) y, probabilities or one-hot vectors.
      class_mean: divide by the number of classes.
      eps: smallest probability; below it the gradient is 0.
    Returns: (*batch,), dtype of `probabilities`.
    Raises: ValueError if the shapes differ, a row of either does not sum to 1 or `eps` is not in [0, 1]; TypeError if
      an array is not floating.
    Source: Goodfellow et al. 2016, eq. 3.51; notes 001 section 1.
    """
    check_floating("probabilities", probabilities)
    check_floating("labels", labels)
    check_same_shape("labels", labels, "probabilities", probabilities)
    check_not_scalar("probabilities", probabilities, "(..., classes)")
    check_distributions("probabilities", probabilities)
    check_distributions("labels", labels)
    check_range("eps", eps, 0, 1)
    labels = labels.astype(probabilities.dtype)
    # 0 log 0 = 0, with gradient 0
    terms = labels * jnp.log(jnp.where(labels == 0, 1, jnp.maximum(probabilities, eps)))
    return -(jnp.mean if class_mean else jnp.sum)(terms, axis=-1)


def negative_log_likelihood(
    log_probabilities: Float[Array, "*batch classes"],
    labels: Integer[Array, "*batch"],
    *,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "*batch"]:
    """Negative log likelihood of class numbers, from log-probabilities.

        L_i = -w_{y_i} log p_{i, y_i}

    The notes sum: `reduce(L, how="sum")`. PyTorch's mean divides by the sum of the weights: leave `class_weights` out
    here and give them to the reduction, `reduce(L, class_weights[labels])`. After `log_softmax` it is
    `softmax_cross_entropy`.

    Args:
      log_probabilities: (*batch, classes) log p, as `log_softmax` makes them of logits. In a compiled function they are
        not looked at.
      labels: (*batch,) y. In a compiled function a class number outside 0..classes-1 gives NaN, in the gradient too.
      class_weights: (classes,) w, 1 if None; a class of weight 0 counts 0 also where its probability is 0.
    Returns: (*batch,), dtype of `log_probabilities`.
    Raises: ValueError if the shapes do not fit, a row of probabilities does not sum to 1, a label is no class or a
      weight is negative; TypeError if `log_probabilities` are not floating or `labels` not integers.
    Source: Goodfellow et al. 2016, section 5.5; notes 001 section 1.
    """
    check_floating("log_probabilities", log_probabilities)
    check_not_scalar("log_probabilities", log_probabilities, "(..., classes)")
    check_log_distributions("log_probabilities", log_probabilities)
    values = -pick(log_probabilities, "log_probabilities", labels)
    if class_weights is None:
        return values
    weights = per_column("class_weights", class_weights, log_probabilities, "class")
    weights = pick(weights, "log_probabilities", labels)
    return jnp.where(weights == 0, 0, weights * values)
