"""Adam, as an optax transformation."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from dlx.nn._checks import check_range
from dlx.optim._schedule import LearningRate, Scalar, check_learning_rate, rate_at

__all__ = ["AdamState", "adam"]


class AdamState(NamedTuple):
    """State of `adam`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """t, steps done."""
    mean: PyTree[Array]
    """v, running mean of the gradient, shaped as the parameters."""
    square: PyTree[Array]
    """s, running mean of the squared gradient, shaped as the parameters."""


def adam(
    learning_rate: LearningRate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    bias_correction: bool = True,
) -> optax.GradientTransformation:
    """Steps scaled by running moments of the gradient.

        v <- b1 v + (1 - b1) g             v' = v / (1 - b1^t)
        s <- b2 s + (1 - b2) g^2           s' = s / (1 - b2^t)
        theta <- theta - eta v' / (sqrt(s') + eps)

    Without bias correction v' = v and s' = s: the first step is (1 - b1) / sqrt(1 - b2) times as long. The notes bound
    b2 by 1 from below and leave the last line out; this is the paper's.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      b1: decay of the mean, in [0, 1).
      b2: decay of the square, in [0, 1).
      eps: added to the root, as the paper and PyTorch do.
      bias_correction: divide by the sum of the weights so far.
    Returns: a transformation with the state `AdamState`.
    Raises: ValueError if a number is out of its range.
    Source: Kingma and Ba 2015, algorithm 1; notes 001 section 9, 004 "Adam".
    """
    check_learning_rate(learning_rate)
    check_range("b1", b1, 0, 1, open_high=True)
    check_range("b2", b2, 0, 1, open_high=True)
    check_range("eps", eps, 0, math.inf, open_high=True)

    def init(params):
        return AdamState(
            jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
        )

    def update(updates, state, params=None):
        del params
        count = optax.safe_increment(state.count)
        rate = rate_at(learning_rate, state.count)
        mean = jax.tree.map(lambda g, v: _blend(b1, v, g), updates, state.mean)
        square = jax.tree.map(lambda g, s: _blend(b2, s, g * g), updates, state.square)
        mean_weight = _weight(b1, count) if bias_correction else 1.0
        square_weight = _weight(b2, count) if bias_correction else 1.0

        def step(v, s):
            v = v / jnp.asarray(mean_weight, v.dtype)
            s = s / jnp.asarray(square_weight, s.dtype)
            return -jnp.asarray(rate, v.dtype) * v / (jnp.sqrt(s) + jnp.asarray(eps, s.dtype))

        return jax.tree.map(step, mean, square), AdamState(count, mean, square)

    return optax.GradientTransformation(init, update)


def _weight(decay: Scalar, count: Int[Array, ""]) -> Float[Array, ""]:
    """1 - decay^count: taken literally, float32 would leave five digits of it at decay = 0.999 and count = 1."""
    if not isinstance(decay, jax.Array):
        return -jnp.expm1(count * (math.log(decay) if decay else -math.inf))
    return -jnp.expm1(count * jnp.log(decay))


def _blend(decay: Scalar, old: Array, new: Array) -> Array:
    return jnp.asarray(decay, new.dtype) * old + jnp.asarray(1 - decay, new.dtype) * new
