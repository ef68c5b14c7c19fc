"""Adam and AdamW, as optax transformations."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from dlx.checks import check_range
from dlx.optim._checks import check_leaves, check_updates
from dlx.optim._moments import blend, weight
from dlx.optim._schedule import LearningRate, Scalar, check_learning_rate, rate_at
from dlx.optim.regularisation import Mask, check_mask, selected

__all__ = ["AdamState", "adam", "adamw"]


class AdamState(NamedTuple):
    """State of `adam` and `adamw`."""

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    """t, steps done."""
    mean: PyTree[Array]
    """v, running mean of the gradient, shaped as the parameters."""
    square: PyTree[Array]
    """s, running mean of the squared gradient, shaped as the parameters."""
    largest: PyTree[Array] = ()
    """With `amsgrad` the largest s' so far, shaped as the parameters; else empty."""


def adam(
    learning_rate: LearningRate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    bias_correction: bool = True,
    amsgrad: bool = False,
) -> optax.GradientTransformation:
    """Steps scaled by running moments of the gradient.

        v <- b1 v + (1 - b1) g             v' = v / (1 - b1^t)
        s <- b2 s + (1 - b2) g^2           s' = s / (1 - b2^t)
        theta <- theta - eta v' / (sqrt(s') + eps)

    Without bias correction v' = v and s' = s: the first step is (1 - b1) / sqrt(1 - b2) times as long. The notes bound
    b2 by 1 from below and leave the last line out; this is the paper's. With `amsgrad` the root is of the largest s' so
    far, so that the rate of a parameter never rises, as in optax; PyTorch takes the largest s and corrects it
    afterwards, the paper corrects nothing.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      b1: decay of the mean, in [0, 1).
      b2: decay of the square, in [0, 1).
      eps: added to the root, as the paper and PyTorch do.
      bias_correction: divide by the sum of the weights so far.
      amsgrad: divide by the root of the largest square.
    Returns: a transformation with the state `AdamState`.
    Raises: ValueError if a number is out of its range, or updates have another tree or other shapes than the state.
    Source: Kingma and Ba 2015, algorithm 1; Reddi et al. 2018, algorithm 2; notes 001 section 9, 004 "Adam".
    """
    check_learning_rate(learning_rate)
    check_range("b1", b1, 0, 1, open_high=True)
    check_range("b2", b2, 0, 1, open_high=True)
    check_range("eps", eps, 0, math.inf, open_high=True)

    def init(params):
        check_leaves("params", params)
        zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(3 if amsgrad else 2)]
        return AdamState(jnp.zeros((), jnp.int32), *zeros)

    def update(updates, state, params=None):
        del params
        check_updates(updates, state.mean)
        count = optax.safe_increment(state.count)
        rate = rate_at(learning_rate, state.count)
        mean = jax.tree.map(lambda g, v: blend(b1, v, g), updates, state.mean)
        square = jax.tree.map(lambda g, s: blend(b2, s, g * g), updates, state.square)
        # both corrections are factors, taken once and not for every entry: a division is what costs
        length = -rate / weight(b1, count) if bias_correction else -rate
        factor = 1 / weight(b2, count) if bias_correction else 1.0
        corrected = jax.tree.map(lambda s: s * jnp.asarray(factor, s.dtype), square)
        if amsgrad:
            corrected = jax.tree.map(jnp.maximum, state.largest, corrected)

        def step(v, s):
            return jnp.asarray(length, v.dtype) * v / (jnp.sqrt(s) + jnp.asarray(eps, s.dtype))

        state = AdamState(count, mean, square, corrected if amsgrad else ())
        return jax.tree.map(step, mean, corrected), state

    return optax.GradientTransformation(init, update)


def adamw(
    learning_rate: LearningRate,
    *,
    weight_decay: Scalar = 0.01,
    mask: Mask = "kernels",
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    bias_correction: bool = True,
    amsgrad: bool = False,
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay: the weights shrink apart from the scaled gradient.

        theta <- theta - eta (v' / (sqrt(s') + eps) + lambda theta)

    v' and s' are those of `adam` and never see lambda. As in PyTorch, optax and Keras the decay is multiplied by eta,
    in the paper only by its schedule's factor. Those three decay every parameter, which is mask="all" here.

    Args:
      learning_rate: eta, a number or a schedule (steps done -> eta).
      weight_decay: lambda.
      mask: which leaves decay: those named `kernel` or `..._kernel`, all, or a function from the parameters to a tree
        of bools.
      b1: decay of the mean, in [0, 1).
      b2: decay of the square, in [0, 1).
      eps: added to the root.
      bias_correction: divide by the sum of the weights so far.
      amsgrad: divide by the root of the largest square.
    Returns: a transformation with the state `AdamState`; its update needs the parameters.
    Raises: ValueError if a number is out of its range, `mask` is unknown or selects no leaf, the parameters are
      missing, or updates have another tree or other shapes than the state.
    Source: Loshchilov and Hutter 2019, algorithm 2.
    """
    inner = adam(learning_rate, b1=b1, b2=b2, eps=eps, bias_correction=bias_correction, amsgrad=amsgrad)
    check_range("weight_decay", weight_decay, 0, math.inf, open_high=True)
    check_mask(mask)

    def init(params):
        selected(mask, params, required=True)
        return inner.init(params)

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("params: got None, wanted the parameters: adamw takes a part of them away")
        rate = rate_at(learning_rate, state.count)
        updates, state = inner.update(updates, state)
        check_updates(params, updates, name="params")

        def decay(use, update, w):
            return update - jnp.asarray(rate * weight_decay, update.dtype) * w if use else update

        return jax.tree.map(decay, selected(mask, params), updates, params), state

    return optax.GradientTransformation(init, update)
