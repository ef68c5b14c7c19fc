"""Losses: values per example, and their reduction."""

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
