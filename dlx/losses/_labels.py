"""What losses of labels share: the value at the label, a weight per class, and what a wrong label gives.

A wrong label that cannot be looked at, in a compiled function, gives a loss that is NaN and a gradient that is NaN: a
finite gradient beside it would train on, unseen.
"""

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_array, check_class_labels, check_entries, check_floating, check_not_scalar


def check_kind(labels: Array, logits: Array) -> None:
    """Refuse one-hot vectors of integers and class numbers that are floating: dtype and shape belong together."""
    check_array("labels", labels)
    integers, floating = (jnp.issubdtype(labels.dtype, kind) for kind in (jnp.integer, jnp.floating))
    if integers and labels.shape == logits.shape:
        raise TypeError(
            f"labels: got {labels.dtype} of shape {labels.shape}, the shape of logits, wanted floating one-hot vectors,"
            f" or class numbers of shape {logits.shape[:-1]}"
        )
    if floating and labels.shape == logits.shape[:-1]:
        raise TypeError(
            f"labels: got {labels.dtype} of shape {labels.shape}, wanted integers for class numbers, or probabilities"
            f" of shape {logits.shape}"
        )


def label_columns(scores: Array, scores_name: str, labels: Array) -> tuple[Array, Array]:
    """Whether a column is the label's, (*batch, classes), and 1 for a label that is a class, else NaN, (*batch,)."""
    check_not_scalar(scores_name, scores, "(..., classes)")
    classes = scores.shape[-1]
    check_class_labels("labels", labels, scores_name, scores.shape[:-1], classes)
    labels = labels.astype(jnp.int32)
    columns = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32), scores.shape)
    known = (labels >= 0) & (labels < classes)
    return columns == labels[..., None], jnp.where(known, 1, jnp.nan).astype(scores.dtype)


def pick(scores: Array, scores_name: str, labels: Array) -> Array:
    """The score of the label; NaN, with a gradient of NaN for the whole row, for a label that is no class.

    A comparison rather than a gather: its gradient is elementwise, a gather's is a scatter.
    """
    own, one = label_columns(scores, scores_name, labels)
    # a row without its own column takes part with all of them: each gets its share of the NaN
    taken = own | jnp.isnan(one)[..., None]
    return one * jnp.sum(jnp.where(taken, scores, 0), axis=-1)


def event_labels(labels: Array, dtype: jnp.dtype) -> Array:
    """Labels of events in the dtype of the loss, NaN for one outside [0, 1]."""
    check_entries("labels", labels, 0, 1)
    labels = labels.astype(dtype)
    return jnp.where((labels >= 0) & (labels <= 1), labels, jnp.nan)


def per_column(name: str, weights: Array, scores: Array, meaning: str) -> Array:
    """Weights of the last axis, of classes or labels, in the shape and dtype of the scores."""
    check_floating(name, weights)
    if weights.shape != scores.shape[-1:]:
        raise ValueError(f"{name}: got shape {weights.shape}, wanted {scores.shape[-1:]}, one for each {meaning}")
    check_entries(name, weights, 0)
    return jnp.broadcast_to(weights.astype(scores.dtype), scores.shape)
