"""The confusion matrix, and what is read from it per class."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import check_array, check_class_labels, check_count, check_entries, check_range, check_same_shape

__all__ = ["confusion_matrix", "f1_score", "precision", "recall"]


def confusion_matrix(
    predictions: Integer[Array, "*batch"],
    labels: Integer[Array, "*batch"],
    classes: int,
    weights: Float[Array, "*batch"] | None = None,
) -> Float[Array, "{classes} {classes}"] | Integer[Array, "{classes} {classes}"]:
    """How often each class is taken for each.

        C_ab = sum_i w_i [label_i = a] [prediction_i = b]

    Rows are labels, columns predictions, as in scikit-learn. Matrices of parts of the data add up.

    Args:
      predictions: (*batch,) class numbers, such as `jnp.argmax(logits, -1)`.
      labels: (*batch,) class numbers. In a compiled function an example with a number outside 0..classes-1 is left out.
      classes: number of classes.
      weights: (*batch,) w, 0 for padding; None counts every example once.
    Returns: (classes, classes), int32 counts, or sums in the dtype of `weights`.
    Raises: ValueError if the shapes differ, a number is no class or a weight is negative; TypeError if `predictions` or
      `labels` are not integers.
    Source: Manning et al. 2008, section 8.3.
    """
    check_count("classes", classes)
    check_array("predictions", predictions)
    check_class_labels("labels", labels, "predictions", predictions.shape, classes)
    check_class_labels("predictions", predictions, "labels", labels.shape, classes)
    if weights is None:
        weights = jnp.ones(labels.shape, jnp.int32)
    else:
        check_same_shape("weights", weights, "labels", labels)
        check_entries("weights", weights, 0)
    labels, predictions = labels.astype(jnp.int32), predictions.astype(jnp.int32)
    known = (labels >= 0) & (labels < classes) & (predictions >= 0) & (predictions < classes)
    # a number beyond the last cell is dropped; a negative one would count from the end
    cells = jnp.where(known, labels * classes + predictions, classes * classes)
    counts = jnp.zeros(classes * classes, weights.dtype).at[cells.ravel()].add(weights.ravel(), mode="drop")
    return counts.reshape(classes, classes)


def precision(
    confusion: Float[Array, "classes classes"] | Integer[Array, "classes classes"], *, zero_division: float = 0.0
) -> Float[Array, "classes"]:
    """Share of the predictions of a class that are right.

        P_c = C_cc / sum_a C_ac

    Args:
      confusion: (classes, classes), rows labels, columns predictions.
      zero_division: the value for a class that is never predicted.
    Returns: (classes,); the mean over classes is the macro average.
    Raises: ValueError if `confusion` is not square or has a negative entry, or `zero_division` is neither in [0, 1] nor
      NaN.
    Source: Manning et al. 2008, section 8.3.
    """
    confusion = _counts(confusion, zero_division)
    return _share(jnp.diagonal(confusion), jnp.sum(confusion, axis=0), zero_division)


def recall(
    confusion: Float[Array, "classes classes"] | Integer[Array, "classes classes"], *, zero_division: float = 0.0
) -> Float[Array, "classes"]:
    """Share of the examples of a class that are found.

        R_c = C_cc / sum_b C_cb

    Args:
      confusion: (classes, classes), rows labels, columns predictions.
      zero_division: the value for a class without examples.
    Returns: (classes,); the mean over classes is the balanced accuracy.
    Raises: ValueError if `confusion` is not square or has a negative entry, or `zero_division` is neither in [0, 1] nor
      NaN.
    Source: Manning et al. 2008, section 8.3.
    """
    confusion = _counts(confusion, zero_division)
    return _share(jnp.diagonal(confusion), jnp.sum(confusion, axis=1), zero_division)


def f1_score(
    confusion: Float[Array, "classes classes"] | Integer[Array, "classes classes"], *, zero_division: float = 0.0
) -> Float[Array, "classes"]:
    """Harmonic mean of precision and recall.

        F_c = 2 C_cc / (sum_a C_ac + sum_b C_cb) = 2 P_c R_c / (P_c + R_c)

    Args:
      confusion: (classes, classes), rows labels, columns predictions.
      zero_division: the value for a class that has no examples and is never predicted.
    Returns: (classes,).
    Raises: ValueError if `confusion` is not square or has a negative entry, or `zero_division` is neither in [0, 1] nor
      NaN.
    Source: van Rijsbergen 1979, chapter 7; Manning et al. 2008, section 8.3.
    """
    confusion = _counts(confusion, zero_division)
    both = jnp.sum(confusion, axis=0) + jnp.sum(confusion, axis=1)
    return _share(2 * jnp.diagonal(confusion), both, zero_division)


def _counts(confusion: Array, zero_division: float) -> Array:
    """The matrix as floating numbers."""
    check_array("confusion", confusion)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise ValueError(f"confusion: got shape {confusion.shape}, wanted (classes, classes)")
    check_entries("confusion", confusion, 0)
    # NaN is what some take for the value of a class without examples
    if not isinstance(zero_division, float) or not math.isnan(zero_division):
        check_range("zero_division", zero_division, 0, 1)
    return confusion if jnp.issubdtype(confusion.dtype, jnp.floating) else confusion.astype(jnp.float32)


def _share(part: Array, whole: Array, zero_division: float) -> Array:
    return jnp.where(whole == 0, zero_division, part / jnp.where(whole == 0, 1, whole))
