"""Descent on a function that is known in full: no sampling, no noise."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dlx.checks import check_choice, check_count, check_function
from dlx.optim._checks import check_descent, check_scalar, check_tree
from dlx.optim._schedule import LearningRate, check_learning_rate, rate_at
from dlx.optim._tree import add, choose, dot
from dlx.optim.line_search import Function, Point, armijo

__all__ = ["best_restart", "gradient_descent", "nonlinear_conjugate_gradient", "steepest_descent"]

Search = Literal["armijo", "exact"]


def gradient_descent(function: Function, start: Point, *, learning_rate: LearningRate, steps: int) -> Point:
    """Full-batch gradient descent, with the way that it took.

        x_(t+1) = x_t - eta grad f(x_t)

    On a quadratic every eigenvector's share goes as (1 - eta lambda)^t: it converges for eta < 2 / lambda_max, without
    any decay of eta, since the true gradient dies out by itself.

    Args:
      function: f, from a point to a scalar.
      start: x_0, an array or a tree of them.
      learning_rate: eta, a number or a schedule (steps done -> eta).
      steps: T.
    Returns: x_0, ..., x_T, stacked along a new leading axis.
    Raises: ValueError if eta is negative or not finite, or T not positive, or f is no scalar; TypeError if x_0 is not
      floating or f no function.
    Source: Cauchy 1847; notes 002 section 2, 003 "gradient descent".
    """
    check_descent(function, "start", start)
    check_learning_rate(learning_rate)
    check_count("steps", steps)

    def step(point, count):
        return add(point, -rate_at(learning_rate, count), jax.grad(function)(point))

    return _path(step, start, start, lambda point: point, steps)


def steepest_descent(function: Function, start: Point, *, steps: int, search: Search = "armijo") -> Point:
    """Gradient descent with a line search at each step.

        x_(t+1) = x_t - alpha_t g_t

    `exact` takes alpha = g^T g / g^T H g: the minimum along the line where f is a quadratic, a Newton step along it
    elsewhere, which may climb; where the curvature g^T H g is not positive it backtracks. After an exact search the
    next gradient is at right angles to this one, hence the zig-zag in narrow valleys: from the worst start on a
    quadratic of condition kappa each step leaves the part ((kappa - 1) / (kappa + 1))^2 of f.

    Args:
      function: f, from a point to a scalar.
      start: x_0, an array or a tree of them.
      steps: T.
      search: "armijo" (backtracking from alpha = 1) or "exact".
    Returns: x_0, ..., x_T, stacked along a new leading axis.
    Raises: ValueError if T is not positive or `search` is unknown, or f is no scalar; TypeError if x_0 is
      not floating or f no function.
    Source: Cauchy 1847; Nocedal and Wright 2006, theorem 3.3; notes 003 "gradient descent".
    """
    check_descent(function, "start", start)
    check_count("steps", steps)
    check_choice("search", search, ("armijo", "exact"))

    def step(point, _):
        direction = jax.tree.map(jnp.negative, jax.grad(function)(point))
        return add(point, _length(function, point, direction, search), direction)

    return _path(step, start, start, lambda point: point, steps)


def nonlinear_conjugate_gradient(
    function: Function,
    start: Point,
    *,
    steps: int,
    kind: Literal["polak_ribiere", "fletcher_reeves"] = "polak_ribiere",
    search: Search = "exact",
) -> Point:
    """Descent along directions that remember the ones before.

        d_t = -g_t + beta_t d_(t-1)
        beta_t = max(0, g_t^T (g_t - g_(t-1)) / g_(t-1)^T g_(t-1))    Polak and Ribiere
        beta_t = g_t^T g_t / g_(t-1)^T g_(t-1)                        Fletcher and Reeves

    Momentum is the same recursion with a fixed beta. A direction that does not descend is replaced by -g_t. On a
    quadratic with an exact search the points are those of `conjugate_gradient`.

    Args:
      function: f, from a point to a scalar.
      start: x_0, an array or a tree of them.
      steps: T.
      kind: which beta.
      search: "exact" or "armijo", as in `steepest_descent`.
    Returns: x_0, ..., x_T, stacked along a new leading axis.
    Raises: ValueError if T is not positive or a word is unknown, or f is no scalar; TypeError if x_0 is not
      floating or f no function.
    Source: Fletcher and Reeves 1964; Polak and Ribiere 1969; notes 004 "momentum".
    """
    check_descent(function, "start", start)
    check_count("steps", steps)
    check_choice("kind", kind, ("polak_ribiere", "fletcher_reeves"))
    check_choice("search", search, ("armijo", "exact"))
    slope = jax.grad(function)

    def step(carry, _):
        point, gradient, direction = carry
        point = add(point, _length(function, point, direction, search), direction)
        new = slope(point)
        change = add(new, -1.0, gradient) if kind == "polak_ribiere" else new
        square = dot(gradient, gradient)
        beta = jnp.where(square > 0, jnp.maximum(dot(new, change), 0) / jnp.where(square > 0, square, 1), 0)
        downhill = jax.tree.map(jnp.negative, new)
        turned = add(downhill, beta, direction)
        return point, new, choose(dot(turned, new) < 0, turned, downhill)

    gradient = slope(start)
    return _path(step, (start, gradient, jax.tree.map(jnp.negative, gradient)), start, lambda carry: carry[0], steps)


def best_restart(function: Function, method: Callable[[Point], Point], starts: Point) -> tuple[Point, Float[Array, ""]]:
    """The lowest of the points that a method reaches from several starts: what descent alone cannot do, leave a valley.

        x* = argmin_i f(method(x_i))

    Args:
      function: f, from a point to a scalar.
      method: from a start to a point, for example the last of `gradient_descent`'s.
      starts: x_i, stacked along a leading axis.
    Returns: (x*, f(x*)); a start that ends in NaN is left out, and all of them give NaN.
    Raises: ValueError if the starts are not stacked or f is no scalar; TypeError if they are not floating, or f or the
      method is no function.
    Source: notes 003 "gradient descent" (several initial weights).
    """
    check_function("function", function, "from a point to a scalar")
    check_function("method", method, "from a start to a point")
    check_tree("starts", starts)
    sizes = {leaf.shape[:1] for leaf in jax.tree.leaves(starts)}
    if len(sizes) != 1 or () in sizes:
        shapes = jax.tree.map(jnp.shape, starts)
        raise ValueError(f"starts: got shape {shapes}, wanted starts stacked along one leading axis")
    ends = jax.vmap(method)(starts)
    values = jax.vmap(function)(ends)
    check_scalar("function", values.shape[1:])
    best = jnp.argmin(jnp.where(jnp.isnan(values), jnp.inf, values))
    return jax.tree.map(lambda leaf: leaf[best], ends), values[best]


def _length(function: Function, point: Point, direction: Point, search: Search) -> Array:
    if search == "armijo":
        return armijo(function, point, direction).step
    gradient, bend = jax.jvp(jax.grad(function), (point,), (direction,))
    slope, curvature = dot(gradient, direction), dot(bend, direction)
    return jax.lax.cond(
        (curvature > 0) | (slope == 0),
        lambda: jnp.where(slope == 0, 0, -slope / jnp.where(curvature > 0, curvature, 1)),
        lambda: armijo(function, point, direction).step,
    )


def _path(step: Callable, carry: PyTree, start: Point, point_of: Callable, steps: int) -> Point:
    def body(carry, count):
        carry = step(carry, count)
        return carry, point_of(carry)

    _, points = jax.lax.scan(body, carry, jnp.arange(steps))
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), start, points)
