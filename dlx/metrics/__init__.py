"""Metrics: values per example, and what is read from a confusion matrix.

NaN and infinity in predictions go through as in IEEE arithmetic; a decision on NaN counts as wrong. Labels, counts and
weights that are none are refused where their numbers are known.
"""

from dlx.metrics.classification import accuracy, binary_accuracy, mean_label_probability
from dlx.metrics.confusion import confusion_matrix, f1_score, precision, recall
from dlx.metrics.perplexity import perplexity
from dlx.metrics.regression import r_squared

__all__ = [
    "accuracy",
    "binary_accuracy",
    "confusion_matrix",
    "f1_score",
    "mean_label_probability",
    "perplexity",
    "precision",
    "r_squared",
    "recall",
]
