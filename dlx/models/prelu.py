"""The rectifier with a trained slope."""

import math
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_range
from dlx.nn import prelu

__all__ = ["PReLU"]


class PReLU(nn.Module):
    """Rectifier whose slope below zero is a parameter.

        f(x) = x if x > 0 else alpha x,    df/dalpha = x 1[x <= 0]

    `{"alpha": (channels,)}`, or `{"alpha": ()}` if all channels share one. He et al. leave it out of weight decay,
    which would pull it towards the ReLU: `dlx.optim` decays kernels only.

    Attributes:
      per_channel: a slope for each entry of the last axis, as in the paper; PyTorch's default is one for all.
      slope: alpha at the start.
      param_dtype: of the new parameter.
    Source: He et al. 2015, eq. 1; notes 001 section 1.
    """

    per_channel: bool = True
    slope: float = 0.25
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_range("slope", self.slope, -math.inf, math.inf, open_low=True, open_high=True)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Float[Array, "*batch channels"]) -> Float[Array, "*batch channels"]:
        """(..., channels) -> (..., channels)."""
        check_floating("inputs", inputs)
        shape = inputs.shape[-1:] if self.per_channel else ()
        alpha = self.param("alpha", nn.initializers.constant(self.slope), shape, self.param_dtype)
        return prelu(inputs, alpha.astype(inputs.dtype))
