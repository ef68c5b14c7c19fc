"""What losses of classes share: the value at the label, and a weight per class."""

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_class_labels, check_not_negative


def label_columns(scores: Array, scores_name: str, labels: Array) -> tuple[Array, Array]:
    """(whether a column is that of the label, (*batch, classes); whether the label is a class, (*batch,))."""
    if scores.ndim == 0:
        raise ValueError(f"{scores_name}: got a scalar, wanted (..., classes)")
    classes = scores.shape[-1]
    check_class_labels("labels", labels, scores_name, scores.shape[:-1], classes)
    labels = labels.astype(jnp.int32)
    columns = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32), scores.shape)
    return columns == labels[..., None], (labels >= 0) & (labels < classes)


def pick(scores: Array, scores_name: str, labels: Array) -> Array:
    """The score of the label, NaN for a label that is no class.

    A comparison rather than a gather: its gradient is elementwise, a gather's is a scatter.
    """
    own, known = label_columns(scores, scores_name, labels)
    return jnp.where(known, jnp.sum(jnp.where(own, scores, 0), axis=-1), jnp.nan)


def per_class(class_weights: Array, scores: Array) -> Array:
    """Weights of the classes in the shape and dtype of the scores."""
    if class_weights.shape != scores.shape[-1:]:
        raise ValueError(
            f"class_weights: got shape {class_weights.shape}, wanted {scores.shape[-1:]}, one for each class"
        )
    check_not_negative("class_weights", class_weights)
    return jnp.broadcast_to(class_weights.astype(scores.dtype), scores.shape)
