"""Real data that scikit-learn carries, standardised, in float64."""

import functools

import numpy as np
import pytest


@functools.cache
def carried(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs with mean 0 and deviation 1 (digits: in [0, 1]), and targets or int32 labels."""
    datasets = pytest.importorskip("sklearn.datasets")
    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "digits":
        return inputs / 16, targets.astype(np.int32)
    inputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    return inputs, targets if name == "diabetes" else targets.astype(np.int32)
