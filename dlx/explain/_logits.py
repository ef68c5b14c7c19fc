"""The logit that is explained, and checks that all explanations share."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_class_numbers, check_integers


def check_labels(labels: Any, inputs: Array) -> None:
    """Refuse what is not one integer for each example."""
    check_integers("labels", labels)
    if labels.shape != inputs.shape[:1]:
        raise ValueError(f"labels: got shape {labels.shape}, wanted {inputs.shape[:1]}, a class for each example")


def chosen(logits: Array, labels: Any) -> Array:
    """(batch,): of each example the logit of its label."""
    if logits.ndim != 2 or logits.shape[:1] != labels.shape:
        raise ValueError(f"forward: got logits of shape {logits.shape}, wanted ({len(labels)}, classes)")
    check_class_numbers("labels", labels, logits.shape[-1])
    return jnp.take_along_axis(logits, jnp.asarray(labels)[:, None], axis=1)[:, 0]
