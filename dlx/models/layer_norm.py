"""Layer normalisation with its scale and shift."""

import math
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_range
from dlx.nn import layer_norm

__all__ = ["LayerNorm"]


class LayerNorm(nn.Module):
    """Layer normalisation of the last axis, with its scale and shift.

        y = g (x - mean(x)) / sqrt(var(x) + eps) + b

    `{"scale": (features,), "bias": (features,)}`, 1 and 0 at the start.

    Attributes:
      eps: added to the variance.
      dtype: of the computation; None takes that of the inputs.
      param_dtype: of new parameters.
    Source: Ba et al. 2016, eq. 4.
    """

    eps: float = 1e-5
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_range("eps", self.eps, 0, math.inf, open_low=True, open_high=True)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Float[Array, "*batch features"]) -> Float[Array, "*batch features"]:
        """(..., features) -> (..., features)."""
        scale = self.param("scale", nn.initializers.ones, inputs.shape[-1:], self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, inputs.shape[-1:], self.param_dtype)
        return layer_norm(inputs if self.dtype is None else inputs.astype(self.dtype), scale, bias, eps=self.eps)
