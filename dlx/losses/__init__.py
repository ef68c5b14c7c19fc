"""Losses: values per example, and their reduction.

NaN and infinity in logits, scores and predictions go through as in IEEE arithmetic, so that a run that diverges shows
it; probabilities, labels and weights that are none are refused where their numbers are known.
"""

from dlx.losses.classification import categorical_cross_entropy, negative_log_likelihood, softmax_cross_entropy
from dlx.losses.events import (
    binary_cross_entropy,
    masked_sigmoid_cross_entropy,
    multi_label_cross_entropy,
    sigmoid_binary_cross_entropy,
)
from dlx.losses.margin import hinge, logistic, multiclass_hinge, squared_hinge
from dlx.losses.reduction import reduce
from dlx.losses.regression import absolute_error, huber, smooth_l1, squared_error
from dlx.losses.sequence import sequence_cross_entropy

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "hinge",
    "huber",
    "logistic",
    "masked_sigmoid_cross_entropy",
    "multi_label_cross_entropy",
    "multiclass_hinge",
    "negative_log_likelihood",
    "reduce",
    "sequence_cross_entropy",
    "sigmoid_binary_cross_entropy",
    "smooth_l1",
    "softmax_cross_entropy",
    "squared_error",
    "squared_hinge",
]
