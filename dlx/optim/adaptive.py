"""A learning rate for each parameter: AdaGrad, RMSProp, AdaDelta, as optax transformations."""

import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from dlx.checks import check_choice, check_range
from dlx.optim._checks import check_leaves, check_updates
from dlx.optim._moments import blend, over_root
from dlx.optim._schedule import LearningRate, Scalar, check_learning_rate, rate_at

__all__ = ["AdadeltaState", "AdagradState", "RmspropState", "adadelta", "adagrad", "rmsprop"]


class AdagradState(NamedTuple):
    """State of `adagrad`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """Steps done."""
    square: PyTree[Array]
    """s, sum of the squared gradients, shaped as the parameters."""


class RmspropState(NamedTuple):
    """State of `rmsprop`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """Steps done."""
    square: PyTree[Array]
    """s, running mean of the squared gradient, shaped as the parameters."""
    velocity: PyTree[Array] = ()
    """v, shaped as the parameters; empty without momentum."""


class AdadeltaState(NamedTuple):
    """State of `adadelta`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """Steps done."""
    square: PyTree[Array]
    """s, running mean of the squared gradient, shaped as the parameters."""
    change: PyTree[Array]
    """Delta x, running mean of the squared change, shaped as the parameters."""


def adagrad(
    learning_rate: LearningRate, *, eps: Scalar = 1e-6, initial: Scalar = 0.0, eps_in_sqrt: bool = True
) -> optax.GradientTransformation:
    """Steps divided by the root of the sum of all squared gradients so far.

        s <- s + g^2
        theta <- theta - eta g / sqrt(s + eps)

    The rate of a parameter only falls. PyTorch divides by sqrt(s) + eps (eps_in_sqrt=False); optax and Keras start s at
    0.1. Where s + eps = 0 nothing moves.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      eps: added under the root.
      initial: s before the first step.
      eps_in_sqrt: under the root, or to the root.
    Returns: a transformation with the state `AdagradState`.
    Raises: ValueError if a number is negative or not finite, or updates have another tree or other
      shapes than the state.
    Source: Duchi et al. 2011, section 1.2 (diagonal form); notes 001 section 9.
    """
    check_learning_rate(learning_rate)
    check_range("eps", eps, 0, math.inf, open_high=True)
    check_range("initial", initial, 0, math.inf, open_high=True)

    def init(params):
        check_leaves("params", params)
        square = jax.tree.map(lambda p: jnp.full_like(p, initial), params)
        return AdagradState(jnp.zeros((), jnp.int32), square)

    def update(updates, state, params=None):
        del params
        check_updates(updates, state.square)
        rate = rate_at(learning_rate, state.count)
        square = jax.tree.map(lambda g, s: s + g * g, updates, state.square)
        updates = jax.tree.map(
            lambda g, s: -jnp.asarray(rate, g.dtype) * over_root(g, s, eps, eps_in_sqrt), updates, square
        )
        return updates, AdagradState(optax.safe_increment(state.count), square)

    return optax.GradientTransformation(init, update)


def rmsprop(
    learning_rate: LearningRate,
    *,
    decay: Scalar = 0.9,
    eps: Scalar = 1e-6,
    eps_in_sqrt: bool = True,
    momentum: Scalar = 0.0,
    momentum_of: Literal["step", "gradient"] = "step",
) -> optax.GradientTransformation:
    """Steps divided by the root of a running mean of squared gradients.

        s <- gamma s + (1 - gamma) g^2
        theta <- theta - eta g / sqrt(s + eps)

    With a momentum mu > 0 one of two velocities takes the place of g:

        step         v <- mu v + eta g / sqrt(s + eps)      theta <- theta - v
        gradient     v <- mu v + (1 - mu) g                 theta <- theta - eta v / sqrt(s + eps)

    `step` is what optax, Keras and, at a constant eta, PyTorch compute; `gradient` with eps = 0 is the form of notes
    004 (their r is s, a vector and no scalar; their epsilon is the rate). PyTorch divides by sqrt(s) + eps
    (eps_in_sqrt=False) and has gamma = 0.99. Where s + eps = 0 nothing moves.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      decay: gamma in [0, 1).
      eps: added under the root.
      eps_in_sqrt: under the root, or to the root.
      momentum: mu in [0, 1), a Python number 0 for none.
      momentum_of: which velocity.
    Returns: a transformation with the state `RmspropState`.
    Raises: ValueError if a number is out of its range, `momentum_of` is unknown, or updates have another tree or other
      shapes than the state.
    Source: Hinton et al. 2012, lecture 6e; notes 001 section 9, 004 "RMSProp".
    """
    check_learning_rate(learning_rate)
    check_range("decay", decay, 0, 1, open_high=True)
    check_range("eps", eps, 0, math.inf, open_high=True)
    check_range("momentum", momentum, 0, 1, open_high=True)
    check_choice("momentum_of", momentum_of, ("step", "gradient"))
    # an array may be zero for some replicas only
    moves = isinstance(momentum, jax.Array) or momentum > 0

    def init(params):
        check_leaves("params", params)
        zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(2 if moves else 1)]
        return RmspropState(jnp.zeros((), jnp.int32), *zeros)

    def update(updates, state, params=None):
        del params
        check_updates(updates, state.square)
        rate = rate_at(learning_rate, state.count)
        square = jax.tree.map(lambda g, s: blend(decay, s, g * g), updates, state.square)

        def scaled(g, s):
            return jnp.asarray(rate, g.dtype) * over_root(g, s, eps, eps_in_sqrt)

        velocity: PyTree = ()
        if not moves:
            steps = jax.tree.map(scaled, updates, square)
        elif momentum_of == "gradient":
            velocity = jax.tree.map(lambda g, v: blend(momentum, v, g), updates, state.velocity)
            steps = jax.tree.map(scaled, velocity, square)
        else:
            steps = velocity = jax.tree.map(
                lambda g, s, v: jnp.asarray(momentum, g.dtype) * v + scaled(g, s), updates, square, state.velocity
            )
        state = RmspropState(optax.safe_increment(state.count), square, velocity)
        return jax.tree.map(jnp.negative, steps), state

    return optax.GradientTransformation(init, update)


def adadelta(
    *, learning_rate: LearningRate = 1.0, rho: Scalar = 0.9, eps: Scalar = 1e-6
) -> optax.GradientTransformation:
    """Steps in the units of the parameters: the root mean square of the changes over that of the gradients.

        s <- rho s + (1 - rho) g^2
        g' = sqrt(Delta x + eps) / sqrt(s + eps) g
        Delta x <- rho Delta x + (1 - rho) g'^2
        theta <- theta - eta g'

    g' stands on the Delta x of the step before. The notes mix gamma with rho, put the new Delta x into g', which goes
    in a circle, and count no hyperparameters; this is the paper's form. eps sets the first step, sqrt(eps) g /
    sqrt(s + eps), and so decides how fast things begin.

    Args:
      learning_rate: eta, 1 in the paper; a number or a schedule (steps done -> eta).
      rho: decay of both means, in [0, 1).
      eps: added under both roots, positive: with 0 nothing ever moves.
    Returns: a transformation with the state `AdadeltaState`.
    Raises: ValueError if a number is out of its range, or updates have another tree or other shapes than the state.
    Source: Zeiler 2012, algorithm 1; notes 001 section 9.
    """
    check_learning_rate(learning_rate)
    check_range("rho", rho, 0, 1, open_high=True)
    check_range("eps", eps, 0, math.inf, open_low=True, open_high=True)

    def init(params):
        check_leaves("params", params)
        return AdadeltaState(
            jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
        )

    def update(updates, state, params=None):
        del params
        check_updates(updates, state.square)
        rate = rate_at(learning_rate, state.count)
        square = jax.tree.map(lambda g, s: blend(rho, s, g * g), updates, state.square)

        def change(g, s, before):
            under = jnp.asarray(eps, g.dtype)
            return jnp.sqrt(before + under) / jnp.sqrt(s + under) * g

        changes = jax.tree.map(change, updates, square, state.change)
        state = AdadeltaState(
            optax.safe_increment(state.count),
            square,
            jax.tree.map(lambda c, old: blend(rho, old, c * c), changes, state.change),
        )
        return jax.tree.map(lambda c: -jnp.asarray(rate, c.dtype) * c, changes), state

    return optax.GradientTransformation(init, update)
