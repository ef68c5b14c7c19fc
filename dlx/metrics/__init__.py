"""Metrics: values per example."""

from dlx.metrics.classification import accuracy, binary_accuracy

__all__ = ["accuracy", "binary_accuracy"]
