"""Losses of margins: how far a score lies on the right side. One value per example, the caller reduces."""

import math
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice, check_floating, check_range, check_same_shape, check_signs
from dlx.losses._features import Features, over_features
from dlx.losses._labels import label_columns
from dlx.nn.activations import relu

__all__ = ["hinge", "logistic", "multiclass_hinge", "squared_hinge"]


def hinge(
    scores: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"],
    *,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Hinge loss of the support vector machine.

        L = max(0, 1 - y s),    dL/ds = -y if y s < 1 else 0

    The notes add the penalty lambda / 2 ||w||^2 to its mean: that of the optimizer (`optim.weight_decay`).

    Args:
      scores: (batch, ...) s, signed distances from the hyperplane and not probabilities.
      labels: (batch, ...) y, -1 or 1. In a compiled function any other label gives NaN, in the gradient too.
      features: what is done over the axes after the first: several columns are as many one-against-all classifiers.
    Returns: (batch,), dtype of `scores`.
    Raises: ValueError if the shapes differ, a label is neither -1 nor 1, or `features` is unknown; TypeError if
      `scores` are not floating.
    Source: Cortes and Vapnik 1995; Bishop 2006, eq. 7.44; notes 004 "linear model".
    """
    return over_features("scores", relu(1 - _agreement(scores, labels)), features)


def squared_hinge(
    scores: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"],
    *,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Square of the hinge loss: differentiable, and harder on outliers.

        L = max(0, 1 - y s)^2,    dL/ds = -2 y max(0, 1 - y s)

    Args:
      scores: (batch, ...) s.
      labels: (batch, ...) y, -1 or 1. In a compiled function any other label gives NaN, in the gradient too.
      features: what is done over the axes after the first.
    Returns: (batch,), dtype of `scores`.
    Raises: ValueError if the shapes differ, a label is neither -1 nor 1, or `features` is unknown; TypeError if
      `scores` are not floating.
    Source: Chang et al. 2008, eq. 3.
    """
    missing = relu(1 - _agreement(scores, labels))
    return over_features("scores", missing * missing, features)


def logistic(
    scores: Float[Array, "batch *features"],
    labels: Float[Array, "batch *features"] | Integer[Array, "batch *features"],
    *,
    features: Features = "sum",
) -> Float[Array, "batch"]:
    """Logistic loss of labels -1 and 1.

        L = log(1 + exp(-y s)),    dL/ds = -y sigmoid(-y s)

    The binary cross entropy of the logit s and the label (y + 1) / 2 (`sigmoid_binary_cross_entropy`).

    Args:
      scores: (batch, ...) s.
      labels: (batch, ...) y, -1 or 1. In a compiled function any other label gives NaN, in the gradient too.
      features: what is done over the axes after the first.
    Returns: (batch,), dtype of `scores`.
    Raises: ValueError if the shapes differ, a label is neither -1 nor 1, or `features` is unknown; TypeError if
      `scores` are not floating.
    Source: Bishop 2006, eq. 7.47; notes 004 "linear model".
    """
    return over_features("scores", jnp.logaddexp(-_agreement(scores, labels), 0), features)


def _agreement(scores: Array, labels: Array) -> Array:
    """The products y s, positive where the sign is right."""
    check_floating("scores", scores)
    check_same_shape("labels", labels, "scores", scores)
    check_signs("labels", labels)
    labels = labels.astype(scores.dtype)
    # the label and not the product: a gradient of NaN where the loss is NaN
    return jnp.where(jnp.abs(labels) == 1, labels, jnp.nan) * scores


def multiclass_hinge(
    scores: Float[Array, "*batch classes"],
    labels: Integer[Array, "*batch"],
    *,
    kind: Literal["crammer_singer", "weston_watkins"] = "crammer_singer",
    margin: float = 1.0,
) -> Float[Array, "*batch"]:
    """Hinge loss of several classes: the label's score must lead by a margin.

        crammer_singer    L = max(0, m + max_{c != y} s_c - s_y)
        weston_watkins    L = sum_{c != y} max(0, m + s_c - s_y)

    The first is what scikit-learn and Keras compute; PyTorch's `multi_margin_loss` is the second divided by the number
    of classes. One hinge loss per class against all others is `hinge` of a column per class.

    Args:
      scores: (*batch, classes) s.
      labels: (*batch,) y. In a compiled function a class number outside 0..classes-1 gives NaN, in the gradient
        too.
      kind: the largest of the other classes, or all of them. Others that tie share the first one's gradient equally.
      margin: m.
    Returns: (*batch,), dtype of `scores`.
    Raises: ValueError if the shapes do not fit, a label is no class, `kind` is unknown or `margin` is negative;
      TypeError if `scores` are not floating or `labels` not integers.
    Source: Crammer and Singer 2001, eq. 7; Weston and Watkins 1999, eq. 4.
    """
    check_floating("scores", scores)
    check_choice("kind", kind, ("crammer_singer", "weston_watkins"))
    check_range("margin", margin, 0, math.inf, open_high=True)
    own, one = label_columns(scores, "scores", labels)
    scores = scores * one[..., None]
    lead = jnp.sum(jnp.where(own, scores, 0), axis=-1, keepdims=True) - scores
    missing = jnp.where(own, 0, relu(margin - lead))
    return (jnp.max if kind == "crammer_singer" else jnp.sum)(missing, axis=-1)
