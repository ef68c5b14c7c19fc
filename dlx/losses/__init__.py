"""Losses: values per example, and their reduction."""

from dlx.losses.classification import (
    binary_cross_entropy,
    categorical_cross_entropy,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
)
from dlx.losses.reduction import reduce
from dlx.losses.regression import absolute_error, squared_error

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "reduce",
    "sigmoid_binary_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
]
