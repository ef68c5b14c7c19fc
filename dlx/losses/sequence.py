"""The loss of a language model: cross entropies by time, with padding left out."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_choice, check_floating, check_integers, check_same_shape, is_known
from dlx.losses.classification import softmax_cross_entropy

__all__ = ["sequence_cross_entropy"]


def sequence_cross_entropy(
    logits: Float[Array, "batch time vocabulary"],
    labels: Integer[Array, "batch time"],
    mask: Bool[Array, "batch time"] | None = None,
    *,
    how: Literal["mean", "sum", "sequence", "none"] = "mean",
    label_smoothing: float = 0.0,
) -> Float[Array, ""] | Float[Array, "batch"] | Float[Array, "batch time"]:
    """Softmax cross entropy of the next token, over the tokens that the mask keeps.

        l_bt = -log softmax(z_bt)_{y_bt}
        mean = sum m l / sum m      sum = sum m l      sequence = sum_t m_bt l_bt / sum_t m_bt      none = m l

    The mean is over tokens, so that each counts the same: its exponential is the perplexity, which itself is not
    trained on. PyTorch's `ignore_index` is a mask of `labels != ignore_index`.

    Args:
      logits: (batch, time, vocabulary).
      labels: (batch, time) integers, the inputs one step later. What stands where the mask is False is not looked at.
      mask: (batch, time) bool, as `dlx.nn.sequence_mask` makes it; None keeps all.
      how: what comes out.
      label_smoothing: as in `softmax_cross_entropy`.
    Returns: a scalar; (batch,) with "sequence"; (batch, time) with "none", 0 where the mask is False.
    Raises: ValueError if shapes do not fit, a label is no token, an option is unknown, or the mask keeps nothing. In a
      compiled function, where a mask cannot be looked at, a mean over no token is 0, with gradient 0, never 0 / 0; so
      is the mean of an empty sequence beside others. TypeError if an array is of another kind.
    Source: notes 001 section 8.
    """
    check_floating("logits", logits)
    check_integers("labels", labels)
    check_choice("how", how, ("mean", "sum", "sequence", "none"))
    if logits.ndim != 3:
        raise ValueError(f"logits: got shape {logits.shape}, wanted (batch, time, vocabulary)")
    if 0 in logits.shape:
        raise ValueError(f"logits: got shape {logits.shape}, without any token, wanted (batch, time, vocabulary)")
    if mask is None:
        mask = jnp.ones(logits.shape[:2], bool)
    else:
        check_same_shape("mask", mask, "labels", labels)
        if mask.dtype != bool:
            raise TypeError(f"mask: got dtype {mask.dtype}, wanted bool")
        if is_known(mask) and not np.asarray(mask).any():
            raise ValueError("mask: it keeps no token of this batch, wanted at least one target")
        # numbers that mean padding are no classes
        labels = jnp.where(mask, labels, 0) if labels.shape == logits.shape[:2] else labels
    values = softmax_cross_entropy(logits, labels, label_smoothing=label_smoothing)
    values = jnp.where(mask, values, 0)
    if how == "none":
        return values
    axes = 1 if how == "sequence" else None
    total = jnp.sum(values, axis=axes)
    if how == "sum":
        return total
    return total / jnp.maximum(jnp.sum(mask, axis=axes, dtype=values.dtype), 1)
