"""Flax Linen modules: they own the parameters and call `dlx.nn`."""

from dlx.models.batch_norm import BatchNorm
from dlx.models.conv import Conv, ConvTranspose
from dlx.models.mlp import MLP, Linear
from dlx.models.prelu import PReLU
from dlx.models.weights import from_torch, load_weights, save_weights

__all__ = [
    "MLP",
    "BatchNorm",
    "Conv",
    "ConvTranspose",
    "Linear",
    "PReLU",
    "from_torch",
    "load_weights",
    "save_weights",
]
