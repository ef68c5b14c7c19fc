"""Running moments and the division by their roots, which the adaptive methods share."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dlx.optim._schedule import Scalar


def blend(decay: Scalar, old: Array, new: Array) -> Array:
    """Decay old + (1 - decay) new, in the dtype of `new`."""
    return jnp.asarray(decay, new.dtype) * old + jnp.asarray(1 - decay, new.dtype) * new


def weight(decay: Scalar, count: Int[Array, ""]) -> Float[Array, ""]:
    """1 - decay^count: taken literally, float32 would leave five digits of it at decay = 0.999 and count = 1."""
    if not isinstance(decay, jax.Array):
        return -jnp.expm1(count * (math.log(decay) if decay else -math.inf))
    return -jnp.expm1(count * jnp.log(decay))


def over_root(numerator: Array, square: Array, eps: Scalar, eps_in_sqrt: bool) -> Array:
    """Numerator / sqrt(square + eps), or / (sqrt(square) + eps); 0 over 0, a parameter that never had a gradient."""
    eps = jnp.asarray(eps, square.dtype)
    root = jnp.sqrt(square + eps) if eps_in_sqrt else jnp.sqrt(square) + eps
    # not root > 0, which NaN would fail: a gradient that is NaN shows in the update
    return jnp.where(root == 0, 0, numerator / root)
