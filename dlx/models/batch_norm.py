"""Batch normalisation with its scale, shift and running statistics."""

import math
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_range
from dlx.nn import batch_norm, batch_norm_inference, update_running_statistics

__all__ = ["BatchNorm"]


class BatchNorm(nn.Module):
    """Batch normalisation of the last axis, over all others.

        train: y = gamma (x - mu) / sqrt(v + eps) + beta with the moments of the batch, which move the running ones
        else:  the same with the running moments mu', v'

    Parameters `{"scale": (channels,), "bias": (channels,)}`; the collection `batch_stats` holds
    `{"mean": (channels,), "var": (channels,)}`, 0 and 1 at the start and float32 at least, which
    `apply(..., mutable=["batch_stats"])` gives back changed in training. No bias should stand before it: its gradient
    would be zero.

    Attributes:
      momentum: share of the old running statistics that stays; PyTorch's momentum is 1 minus this.
      eps: added to the variance.
      use_scale: have gamma.
      use_bias: have beta.
      unbiased_running: running variance from v m / (m - 1), as the paper and PyTorch have it; Flax takes v.
      axis_name: mapped axis over which a batch is cut: the moments are those of the whole batch. None: each part has
        its own; under `pmap` or `shard_map` their running statistics then differ between devices.
      scale_init: `init(key, shape, dtype)` of gamma.
      dtype: of the result; None keeps that of the inputs.
      param_dtype: of the new parameters.
    Source: Ioffe and Szegedy 2015; notes 001 section 7, 004 "batch norm" (E25, E26).
    """

    momentum: float = 0.9
    eps: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    unbiased_running: bool = False
    axis_name: str | None = None
    scale_init: Any = nn.initializers.ones
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_range("momentum", self.momentum, 0, 1)
        check_range("eps", self.eps, 0, math.inf, open_low=True, open_high=True)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Float[Array, "*batch channels"], *, train: bool) -> Float[Array, "*batch channels"]:
        """(..., channels) -> (..., channels); `train` takes the moments of the batch."""
        shape = inputs.shape[-1:]
        scale = self.param("scale", self.scale_init, shape, self.param_dtype) if self.use_scale else None
        bias = self.param("bias", nn.initializers.zeros, shape, self.param_dtype) if self.use_bias else None
        kept = jnp.promote_types(self.param_dtype, jnp.float32)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape, kept)
        variance = self.variable("batch_stats", "var", jnp.ones, shape, kept)
        # init makes shapes: its example is no batch, and the axis is not there yet
        if train and not self.is_initializing():
            outputs, m, v = batch_norm(inputs, scale, bias, eps=self.eps, axis_name=self.axis_name)
            count = math.prod(inputs.shape[:-1]) * (lax.axis_size(self.axis_name) if self.axis_name else 1)
            mean.value, variance.value = update_running_statistics(
                mean.value,
                variance.value,
                m,
                v,
                momentum=self.momentum,
                unbiased_count=count if self.unbiased_running else None,
            )
        else:
            outputs = batch_norm_inference(inputs, mean.value, variance.value, scale, bias, eps=self.eps)
        return outputs if self.dtype is None else outputs.astype(self.dtype)
