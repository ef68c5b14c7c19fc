"""Normalisation of the activations of a layer."""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_not_scalar, check_range

__all__ = ["layer_norm"]


def layer_norm(
    inputs: Float[Array, "*batch features"],
    scale: Float[Array, "features"] | None = None,
    bias: Float[Array, "features"] | None = None,
    *,
    eps: float = 1e-5,
) -> Float[Array, "*batch features"]:
    """Each example to mean 0 and variance 1 over its features, then scale and shift.

        y = g (x - mean(x)) / sqrt(var(x) + eps) + b,    var(x) = mean((x - mean(x))^2)

    Nothing is shared between examples, so training and test do the same. `eps` is PyTorch's; Flax takes 1e-6, Keras
    1e-3. The variance is that of the centred numbers, Flax's default E[x^2] - E[x]^2 loses digits where the mean is
    large. Below float32 the moments are computed in float32.

    Args:
      inputs: (*batch, features).
      scale: g, None for 1.
      bias: b, None for 0.
      eps: keeps a row of equal numbers at 0.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if `inputs` are a scalar, `scale` or `bias` is not (features,) or `eps` is not positive;
      TypeError if an array is not floating.
    Source: Ba et al. 2016, eq. 4; the norm of Vaswani et al. 2017, section 5.4.
    """
    check_floating("inputs", inputs)
    check_range("eps", eps, 0, math.inf, open_low=True, open_high=True)
    check_not_scalar("inputs", inputs, "(..., features)")
    wide = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    centred = wide - jnp.mean(wide, axis=-1, keepdims=True)
    outputs = centred * lax.rsqrt(jnp.mean(centred * centred, axis=-1, keepdims=True) + eps)
    if scale is not None:
        outputs = outputs * _per_feature("scale", scale, outputs)
    if bias is not None:
        outputs = outputs + _per_feature("bias", bias, outputs)
    return outputs.astype(inputs.dtype)


def _per_feature(name: str, values: Array, outputs: Array) -> Array:
    check_floating(name, values)
    if values.shape != outputs.shape[-1:]:
        raise ValueError(f"{name}: got shape {values.shape}, wanted {outputs.shape[-1:]}, the last axis of inputs")
    return jnp.broadcast_to(values.astype(outputs.dtype), outputs.shape)
