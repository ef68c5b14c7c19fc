"""Gradient descent, plain and with momentum, as optax transformations."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from dlx.checks import check_choice, check_range
from dlx.optim._checks import check_leaves, check_updates
from dlx.optim._schedule import LearningRate, Scalar, check_learning_rate, rate_at

__all__ = ["MomentumState", "SgdState", "momentum", "nesterov", "sgd"]


class SgdState(NamedTuple):
    """State of `sgd`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """Steps done."""


class MomentumState(NamedTuple):
    """State of `momentum`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """Steps done."""
    velocity: PyTree[Array]
    """v, shaped as the parameters."""


def sgd(learning_rate: LearningRate) -> optax.GradientTransformation:
    """Stochastic gradient descent.

        theta <- theta - eta g

    g is the gradient of a mean over one example or a minibatch; which, and drawn how, is the caller's.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
    Returns: a transformation with the state `SgdState`.
    Raises: ValueError if a number is negative or not finite, or updates have another tree or other shapes than the
      parameters, where these are given.
    Source: Robbins and Monro 1951; Bottou 2010; notes 001 section 9.
    """
    check_learning_rate(learning_rate)

    def init(params):
        check_leaves("params", params)
        return SgdState(jnp.zeros((), jnp.int32))

    def update(updates, state, params=None):
        if params is None:
            check_leaves("updates", updates)
        else:
            check_updates(updates, params)
        rate = rate_at(learning_rate, state.count)
        updates = jax.tree.map(lambda g: -jnp.asarray(rate, g.dtype) * g, updates)
        return updates, SgdState(optax.safe_increment(state.count))

    return optax.GradientTransformation(init, update)


def momentum(
    learning_rate: LearningRate,
    *,
    decay: Scalar = 0.9,
    kind: Literal["heavy_ball", "ema"] = "heavy_ball",
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """Gradient descent with a velocity, in the two forms that the notes have.

        heavy_ball   v <- gamma v + eta g               theta <- theta - v
        ema          v <- gamma v + (1 - gamma) g       theta <- theta - eta v

    With a constant eta, `ema` is `heavy_ball` with eta (1 - gamma). Nesterov's form takes one more look ahead: it
    subtracts gamma v + eta g, or eta (gamma v + (1 - gamma) g), with the new v. PyTorch and `optax.sgd` hold v without
    eta: the same path while eta is constant, another one under a schedule.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      decay: gamma in [0, 1).
      kind: which form.
      nesterov: look ahead.
    Returns: a transformation with the state `MomentumState`.
    Raises: ValueError if a number is out of its range, `kind` is unknown, or updates have another tree or other shapes
      than the state.
    Source: Polyak 1964; Sutskever et al. 2013, eq. 1-4; notes 001 section 9, 004 "momentum".
    """
    check_learning_rate(learning_rate)
    check_range("decay", decay, 0, 1, open_high=True)
    check_choice("kind", kind, ("heavy_ball", "ema"))

    def init(params):
        check_leaves("params", params)
        return MomentumState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates, state, params=None):
        del params
        check_updates(updates, state.velocity)
        rate = rate_at(learning_rate, state.count)
        scale_in, scale_out = (rate, 1.0) if kind == "heavy_ball" else (1 - decay, rate)

        def accelerate(g, v):
            return jnp.asarray(decay, g.dtype) * v + jnp.asarray(scale_in, g.dtype) * g

        velocity = jax.tree.map(accelerate, updates, state.velocity)
        ahead = jax.tree.map(accelerate, updates, velocity) if nesterov else velocity
        updates = jax.tree.map(lambda v: -jnp.asarray(scale_out, v.dtype) * v, ahead)
        return updates, MomentumState(optax.safe_increment(state.count), velocity)

    return optax.GradientTransformation(init, update)


def nesterov(
    learning_rate: LearningRate, *, decay: Scalar = 0.9, kind: Literal["heavy_ball", "ema"] = "heavy_ball"
) -> optax.GradientTransformation:
    """Nesterov's accelerated gradient: `momentum` with the look ahead.

        v <- gamma v + eta g               theta <- theta - (gamma v + eta g)

    theta is the point ahead, where g is taken: the paper's theta is ours plus gamma v.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      decay: gamma in [0, 1).
      kind: which form of `momentum`.
    Returns: a transformation with the state `MomentumState`.
    Raises: ValueError if a number is out of its range, `kind` is unknown, or updates have another tree or other shapes
      than the state.
    Source: Nesterov 1983; Sutskever et al. 2013, eq. 3-4.
    """
    return momentum(learning_rate, decay=decay, kind=kind, nesterov=True)
