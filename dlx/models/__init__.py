"""Flax Linen modules: they own the parameters and call `dlx.nn`."""

from dlx.models.mlp import MLP, Linear

__all__ = ["MLP", "Linear"]
