"""The logit that is explained, and checks that all explanations share."""

import inspect
from typing import Any

import jax.numpy as jnp
from jax import Array

from dlx.checks import check_class_numbers, check_function, check_integers


def check_forward(forward: Any, arguments: str, returned: str = "logits") -> None:
    """Refuse what cannot be called with so many arguments, as far as its signature tells; "inputs, activation"."""
    wanted = f"({arguments}) -> {returned}"
    check_function("forward", forward, wanted)
    try:
        signature = inspect.signature(forward)
    except (TypeError, ValueError):  # some functions of C have none
        return
    try:
        signature.bind(*arguments.split(", "))
    except TypeError:
        raise TypeError(f"forward: got a function of ({', '.join(signature.parameters)}), wanted {wanted}") from None


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
