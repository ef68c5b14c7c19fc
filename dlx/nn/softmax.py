"""Softmax and its relatives, and one-hot vectors."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Integer

from dlx.checks import check_class_numbers, check_count, check_floating

__all__ = ["log_softmax", "logsumexp", "one_hot", "softmax"]


def _largest(logits: Array, axis: int) -> Array:
    """Largest logit, a constant: exp(x - largest) cannot overflow, and any constant gives the same result."""
    check_floating("logits", logits)
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise TypeError(f"axis: got {axis!r} of type {type(axis).__name__}, wanted an int")
    if not -logits.ndim <= axis < logits.ndim or logits.shape[axis] == 0:
        raise ValueError(f"axis: got {axis} for logits of shape {logits.shape}, wanted an axis with something on it")
    return lax.stop_gradient(jnp.max(logits, axis=axis, keepdims=True))


def logsumexp(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*reduced"]:
    """Logarithm of a sum of exponentials; its gradient is the softmax.

        lse(x) = log sum_j exp(x_j) = m + log sum_j exp(x_j - m),    m = max_j x_j

    Args:
      logits: any shape.
      axis: the axis that is summed.
    Returns: the shape of `logits` without `axis`.
    Raises: TypeError if `logits` are not floating; ValueError if they have no such axis, or nothing on it.
    Source: Goodfellow et al. 2016, section 4.1; notes 001 section 15.
    """
    largest = _largest(logits, axis)
    # where every logit is -inf their difference would be NaN
    shift = jnp.where(jnp.isneginf(largest), 0, largest)
    return jnp.squeeze(shift + jnp.log(jnp.sum(jnp.exp(logits - shift), axis=axis, keepdims=True)), axis=axis)


def softmax(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Positive numbers with the sum 1, in the proportions of exp(x).

        softmax(x)_i = exp(x_i) / sum_j exp(x_j)

    Args:
      logits: any shape; -inf gives 0.
      axis: the axis over which the result sums to 1.
    Returns: the shape and dtype of `logits`.
    Raises: TypeError if `logits` are not floating; ValueError if they have no such axis, or nothing on it.
    Source: Goodfellow et al. 2016, eq. 6.29; notes 001 section 1, 004 "multi-class".
    """
    weights = jnp.exp(logits - _largest(logits, axis))
    return weights / jnp.sum(weights, axis=axis, keepdims=True)


def log_softmax(logits: Float[Array, "*shape"], *, axis: int = -1) -> Float[Array, "*shape"]:
    """Logarithm of the softmax, finite where the softmax itself is 0.

        log_softmax(x)_i = x_i - log sum_j exp(x_j)

    Args:
      logits: any shape.
      axis: the axis over which the exponentials sum to 1.
    Returns: the shape and dtype of `logits`, at most 0.
    Raises: TypeError if `logits` are not floating; ValueError if they have no such axis, or nothing on it.
    Source: Goodfellow et al. 2016, eq. 6.30; notes 001 section 15.
    """
    shifted = logits - _largest(logits, axis)
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=axis, keepdims=True))


def one_hot(labels: Integer[Array, "*batch"], classes: int, *, dtype=jnp.float32) -> Float[Array, "*batch {classes}"]:
    """Indicator vectors.

        v_i = 1 if i = label else 0

    Args:
      labels: (*batch,) integers in 0..classes-1. In a compiled function, where labels cannot be looked at, one outside
        gives a row of zeros, as `jax.nn.one_hot` does.
      classes: length of a vector.
      dtype: of the result.
    Returns: (*batch, classes).
    Raises: TypeError if `labels` are not integers; ValueError if a label is no class or `classes` is not positive.
    Source: notes 001 section 8.
    """
    check_count("classes", classes)
    check_class_numbers("labels", labels, classes)
    columns = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32), (*labels.shape, classes))
    return (labels[..., None] == columns).astype(dtype)
