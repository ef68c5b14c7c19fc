"""Losses of classes and events: one value per example, the caller reduces."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.losses._features import Features, over_features
from dlx.nn._checks import check_floating, check_range, check_same_shape
from dlx.nn.softmax import log_softmax, logsumexp

__all__ = ["binary_cross_entropy", "categorical_cross_entropy", "sigmoid_binary_cross_entropy", "softmax_cross_entropy"]


def softmax_cross_entropy(
    logits: Float[Array, "*batch classes"],
    labels: Integer[Array, "*batch"] | Float[Array, "*batch classes"],
    *,
    label_smoothing: float = 0.0,
) -> Float[Array, "*batch"]:
    """Cross entropy of the softmax of logits, from class numbers or from probabilities.

        L = -log softmax(z)_y                           integer labels;      dL/dz = softmax(z) - onehot(y)
        L = -sum_c y_c log softmax(z)_c                 probabilities, one-hot vectors

    Label smoothing replaces y by (1 - a) y + a / classes.

    Args:
      logits: (*batch, classes).
      labels: (*batch,) integers, or (*batch, classes) floating probabilities. A class number outside
        0..classes-1 gives NaN.
      label_smoothing: a in [0, 1].
    Returns: (*batch,), dtype of `logits`.
    Raises: ValueError if the shapes do not fit or `label_smoothing` is outside [0, 1]; TypeError if `logits` are not
      floating.
    Source: Goodfellow et al. 2016, section 6.2.2.3; Szegedy et al. 2016, section 7; notes 001 section 1, 004
      "multi-class".
    """
    check_floating("logits", logits)
    check_range("label_smoothing", label_smoothing, 0, 1)
    if jnp.issubdtype(labels.dtype, jnp.integer):
        picked = _pick(logits, labels)
        normaliser = logsumexp(logits)
        if label_smoothing == 0:
            return normaliser - picked
        return normaliser - (1 - label_smoothing) * picked - label_smoothing * jnp.mean(logits, axis=-1)
    check_same_shape("labels", labels, "logits", logits)
    labels = labels.astype(logits.dtype)
    if label_smoothing != 0:
        labels = (1 - label_smoothing) * labels + label_smoothing / logits.shape[-1]
    # 0 log 0 = 0, also where a logit is -inf
    return -jnp.sum(jnp.where(labels == 0, 0, labels * log_softmax(logits)), axis=-1)


def _pick(logits: Array, labels: Array) -> Array:
    """The logit of the label, NaN for a label that is no class.

    A comparison rather than a gather: its gradient is elementwise, a gather's is a scatter.
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"labels: got integers of shape {labels.shape}, wanted {logits.shape[:-1]}, one for each row of logits"
        )
    classes = logits.shape[-1]
    labels = labels.astype(jnp.int32)
    columns = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32), logits.shape)
    picked = jnp.sum(jnp.where(columns == labels[..., None], logits, 0), axis=-1)
    return jnp.where((labels >= 0) & (labels < classes), picked, jnp.nan)


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
      probabilities: (*batch, classes) p; values below `eps` are raised to it.
      labels: (*batch, classes) y, probabilities or one-hot vectors.
      class_mean: divide by the number of classes.
      eps: smallest probability; below it the gradient is 0.
    Returns: (*batch,), dtype of `probabilities`.
    Raises: ValueError if the shapes differ.
    Source: Goodfellow et al. 2016, eq. 3.51; notes 001 section 1.
    """
    check_same_shape("labels", labels, "probabilities", probabilities)
    check_range("eps", eps, 0, 1)
    terms = labels.astype(probabilities.dtype) * jnp.log(jnp.maximum(probabilities, eps))
    return -(jnp.mean if class_mean else jnp.sum)(terms, axis=-1)


def binary_cross_entropy(
    probabilities: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"],
    *,
    eps: float = 1e-7,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Cross entropy of events from their probabilities.

        L = -[y log p + (1 - y) log(1 - p)]

    The notes print the second sign wrong; this is the accepted form. From logits, `sigmoid_binary_cross_entropy` is
    exact.

    Args:
      probabilities: (batch, ...) p.
      labels: (batch, ...) y in [0, 1].
      eps: p is clipped to [eps, 1 - eps]; outside, the gradient is 0. PyTorch clips the logarithms at -100 instead.
      features: what is done over the axes after the first.
    Returns: (batch,), dtype of `probabilities`.
    Raises: ValueError if the shapes differ or `features` is unknown.
    Source: Bishop 2006, eq. 4.90; notes 001 section 1.
    """
    check_same_shape("labels", labels, "probabilities", probabilities)
    check_range("eps", eps, 0, 0.5)
    labels = labels.astype(probabilities.dtype)
    probabilities = jnp.clip(probabilities, eps, 1 - eps)
    # log1p keeps the digits of a small p
    return over_features(-(labels * jnp.log(probabilities) + (1 - labels) * jnp.log1p(-probabilities)), features)


def sigmoid_binary_cross_entropy(
    logits: Float[Array, "batch *features"], labels: Float[Array, "batch *features"], *, features: Features = "sum"
) -> Float[Array, "batch"]:
    """Cross entropy of events from their logits, exact where the sigmoid saturates.

        L = -[y log sigmoid(x) + (1 - y) log sigmoid(-x)]
          = max(x, 0) - x y + log(1 + exp(-|x|)),    dL/dx = sigmoid(x) - y

    Args:
      logits: (batch, ...) x.
      labels: (batch, ...) y in [0, 1].
      features: what is done over the axes after the first.
    Returns: (batch,), dtype of `logits`.
    Raises: ValueError if the shapes differ or `features` is unknown; TypeError if `logits` are not floating.
    Source: Bishop 2006, eq. 4.90; Goodfellow et al. 2016, section 6.2.2.2; notes 001 section 1.
    """
    check_floating("logits", logits)
    check_same_shape("labels", labels, "logits", logits)
    labels = labels.astype(logits.dtype)
    # -log sigmoid(x) = log(1 + exp(-x)): no digits are lost when y = 1 and x is large
    return over_features(labels * jnp.logaddexp(-logits, 0) + (1 - labels) * jnp.logaddexp(logits, 0), features)
