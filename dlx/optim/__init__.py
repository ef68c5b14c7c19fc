"""Optimizers and penalties, as optax transformations."""

from dlx.optim.adam import AdamState, adam
from dlx.optim.create import create
from dlx.optim.gradient_descent import MomentumState, SgdState, momentum, sgd
from dlx.optim.regularisation import weight_decay

__all__ = ["AdamState", "MomentumState", "SgdState", "adam", "create", "momentum", "sgd", "weight_decay"]
