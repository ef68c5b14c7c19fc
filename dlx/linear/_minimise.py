"""Smooth minimisation in compiled loops: Newton's method and L-BFGS, both with a backtracking line search."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.linalg import cho_factor, cho_solve

_ARMIJO = 1e-4
_HALVINGS = 30
_MEMORY = 10


class Minimum(NamedTuple):
    """Where a method stopped; `residual` is the largest entry of the gradient."""

    point: Array
    value: Array
    gradient: Array
    residual: Array
    iterations: Array


def newton(cost: Callable, hessian: Callable, start: Array, *, tolerance: Array, max_iterations: Array) -> Minimum:
    """Newton's method: quadratic convergence, a (size, size) Hessian."""

    def direction(point, gradient, memory):
        return -cho_solve(cho_factor(hessian(point)), gradient), memory

    return _descend(cost, direction, None, lambda memory, *_: memory, start, tolerance, max_iterations)


def lbfgs(cost: Callable, start: Array, *, tolerance: Array, max_iterations: Array) -> Minimum:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4 and 7.5) with the last ten pairs."""
    zeros = jnp.zeros((_MEMORY, start.size), start.dtype)
    # rho = 1 / (s.y), and 0 for a pair that is not there: such a pair changes nothing
    memory = (zeros, zeros, jnp.zeros(_MEMORY, start.dtype), jnp.asarray(0, jnp.int32), jnp.ones((), start.dtype))

    def direction(_, gradient, memory):
        steps, changes, rho, count, scale = memory

        def backwards(i, carry):
            vector, alphas = carry
            slot = (count - 1 - i) % _MEMORY
            alpha = rho[slot] * (steps[slot] @ vector)
            return vector - alpha * changes[slot], alphas.at[slot].set(alpha)

        vector, alphas = jax.lax.fori_loop(0, _MEMORY, backwards, (gradient, jnp.zeros_like(rho)))

        def forwards(i, vector):
            slot = (count + i) % _MEMORY
            return vector + (alphas[slot] - rho[slot] * (changes[slot] @ vector)) * steps[slot]

        return -jax.lax.fori_loop(0, _MEMORY, forwards, scale * vector), memory

    def learn(memory, step, change):
        steps, changes, rho, count, _ = memory
        curvature, square = step @ change, change @ change
        slot = count % _MEMORY
        learnt = (
            steps.at[slot].set(step),
            changes.at[slot].set(change),
            rho.at[slot].set(1 / curvature),
            count + 1,
            curvature / square,
        )
        # a pair without curvature would make the direction point uphill
        useful = curvature > jnp.finfo(square.dtype).eps * square
        return jax.tree.map(lambda new, old: jnp.where(useful, new, old), learnt, memory)

    return _descend(cost, direction, memory, learn, start, tolerance, max_iterations)


def _descend(cost, direction, memory, learn, start, tolerance, max_iterations) -> Minimum:
    """Steps along `direction` until the gradient is small, the cost falls no more, or the iterations are used up."""
    value_and_gradient = jax.value_and_grad(cost)

    def unfinished(carry):
        minimum, _, stuck = carry
        return (minimum.residual > tolerance) & (minimum.iterations < max_iterations) & ~stuck

    def body(carry):
        minimum, memory, _ = carry
        point, value, gradient = minimum[:3]
        towards, memory = direction(point, gradient, memory)
        slope = gradient @ towards
        # near the minimum the cost's rounding is larger than its fall
        slack = 4 * jnp.finfo(value.dtype).eps * jnp.abs(value)

        def rejected(trial):
            length, _, (new, _), halvings = trial
            return ~(new <= value + _ARMIJO * length * slope + slack) & (halvings < _HALVINGS)

        def halve(trial):
            length = trial[0] / 2
            return length, point + length * towards, value_and_gradient(point + length * towards), trial[3] + 1

        one = jnp.ones((), point.dtype)
        trial = (one, point + towards, value_and_gradient(point + towards), jnp.asarray(0, jnp.int32))
        _, reached, (new, slopes), halvings = jax.lax.while_loop(rejected, halve, trial)
        stuck = halvings == _HALVINGS
        after = Minimum(reached, new, slopes, jnp.max(jnp.abs(slopes)), minimum.iterations)
        after = jax.tree.map(lambda a, b: jnp.where(stuck, b, a), after, minimum)
        after = after._replace(iterations=minimum.iterations + 1)
        return after, learn(memory, after.point - point, after.gradient - gradient), stuck

    value, gradient = value_and_gradient(start)
    first = Minimum(start, value, gradient, jnp.max(jnp.abs(gradient)), jnp.asarray(0, jnp.int32))
    return jax.lax.while_loop(unfinished, body, (first, memory, jnp.asarray(False)))[0]
