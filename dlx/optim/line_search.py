"""How far to go along a direction."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from dlx.checks import check_count, check_range
from dlx.optim._checks import check_descent, check_same_tree
from dlx.optim._schedule import Scalar
from dlx.optim._tree import add, dot

__all__ = ["LineSearch", "armijo", "wolfe_conditions"]

Point = PyTree[Float[Array, "..."]]
Function = Callable[[PyTree], Float[Array, ""]]


class LineSearch(NamedTuple):
    """What a line search found."""

    step: Float[Array, ""]
    """alpha, 0 if none was accepted."""
    value: Float[Array, ""]
    """f there."""
    accepted: Bool[Array, ""]
    """Whether the condition was met."""
    evaluations: Int[Array, ""]
    """How often f was looked at beside the starting point."""


def armijo(
    function: Function,
    point: Point,
    direction: Point,
    *,
    initial_step: Scalar = 1.0,
    factor: Scalar = 0.5,
    decrease: Scalar = 1e-4,
    max_steps: int = 40,
) -> LineSearch:
    """Backtracking: the first of alpha_0, alpha_0 rho, alpha_0 rho^2, ... that brings enough.

        f(x + alpha d) <= f(x) + c alpha g^T d        (sufficient decrease)

    No lower bound on the slope (curvature condition) is asked for: the step before the accepted one was refused, and
    that keeps steps from being too short. A step to where f is NaN is refused. A direction that does not descend,
    g^T d >= 0, gives step 0, not accepted.

    Args:
      function: f, from a point to a scalar.
      point: x.
      direction: d, shaped as x.
      initial_step: alpha_0.
      factor: rho in (0, 1).
      decrease: c in (0, 1).
      max_steps: how often f may be looked at.
    Returns: `LineSearch`.
    Raises: ValueError if a number is out of its range, d is not shaped as x or f is no scalar; TypeError if x or d is
      not floating or f no function.
    Source: Armijo 1966; Nocedal and Wright 2006, algorithm 3.1; notes 003 "gradient descent".
    """
    check_descent(function, "point", point)
    check_same_tree("direction", direction, "point", point)
    check_range("initial_step", initial_step, 0, math.inf, open_low=True, open_high=True)
    check_range("factor", factor, 0, 1, open_low=True, open_high=True)
    check_range("decrease", decrease, 0, 1, open_low=True, open_high=True)
    check_count("max_steps", max_steps)
    value, slope = jax.jvp(function, (point,), (direction,))

    def enough(step, trial):
        return (trial <= value + decrease * step * slope) & (slope < 0)

    def refused(carry):
        step, trial, evaluations = carry
        return ~enough(step, trial) & (evaluations < max_steps) & (slope < 0)

    def shorten(carry):
        step, _, evaluations = carry
        step = step * jnp.asarray(factor, step.dtype)
        return step, function(add(point, step, direction)), evaluations + 1

    step = jnp.asarray(initial_step, value.dtype)
    first = (step, function(add(point, step, direction)), jnp.ones((), jnp.int32))
    step, trial, evaluations = jax.lax.while_loop(refused, shorten, first)
    accepted = enough(step, trial)
    return LineSearch(jnp.where(accepted, step, 0), jnp.where(accepted, trial, value), accepted, evaluations)


def wolfe_conditions(
    function: Function,
    point: Point,
    direction: Point,
    step: Float[Array, ""],
    *,
    decrease: Scalar = 1e-4,
    curvature: Scalar = 0.9,
) -> tuple[Bool[Array, ""], Bool[Array, ""]]:
    """Whether a step is short enough, and long enough: the strong Wolfe conditions.

        f(x + alpha d) <= f(x) + c_1 alpha g^T d        |g(x + alpha d)^T d| <= c_2 |g^T d|

    Args:
      function: f, from a point to a scalar.
      point: x.
      direction: d, shaped as x.
      step: alpha.
      decrease: c_1 in (0, 1).
      curvature: c_2 in (0, 1).
    Returns: (sufficient decrease holds, curvature holds).
    Raises: ValueError if a number is out of its range, d is not shaped as x or f is no scalar; TypeError if x or d is
      not floating or f no function.
    Source: Wolfe 1969; Nocedal and Wright 2006, eq. 3.7.
    """
    check_descent(function, "point", point)
    check_same_tree("direction", direction, "point", point)
    check_range("step", step, -math.inf, math.inf, open_low=True, open_high=True)
    check_range("decrease", decrease, 0, 1, open_low=True, open_high=True)
    check_range("curvature", curvature, 0, 1, open_low=True, open_high=True)
    value, slope = jax.jvp(function, (point,), (direction,))
    trial, gradient = jax.value_and_grad(function)(add(point, step, direction))
    short = trial <= value + decrease * step * slope
    return short, jnp.abs(dot(gradient, direction)) <= curvature * jnp.abs(slope)
