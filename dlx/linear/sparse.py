"""The lasso: linear regression with an L1 penalty, by two methods that end in the same place."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.linear._checks import check_design, check_targets
from dlx.linear.closed_form import centred, with_bias
from dlx.linear.params import Solution

__all__ = ["lasso", "soft_threshold"]

# passes between two looks at the duality gap, which costs as much as a pass
_EVERY = 10


def soft_threshold(values: Float[Array, "*shape"], threshold: float | Float[Array, ""]) -> Float[Array, "*shape"]:
    """Shrink towards zero: the proximal map of the absolute value.

        S(v, t) = sign(v) max(|v| - t, 0) = argmin_w 1/2 (w - v)^2 + t |w|

    Args:
      values: any shape, v.
      threshold: t, not negative.
    Returns: the shape and dtype of `values`; exactly 0 where |v| <= t, with derivative 0.
    Raises: ValueError if `threshold` is negative.
    Source: Donoho 1995; Parikh and Boyd 2014, section 6.5.2; notes 001 section 4.
    """
    check_range("threshold", threshold, 0, float("inf"))
    # sign(v) times a difference would leave signed zeros
    return values - jnp.clip(values, -threshold, threshold)


def lasso(
    inputs: Float[Array, "examples features"],
    targets: Float[Array, "examples"],
    *,
    l1: float | Float[Array, ""],
    method: Literal["coordinate", "fista"] = "coordinate",
    use_bias: bool = True,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Solution:
    """Linear regression with an L1 penalty: many weights become exactly zero.

        J(w, b) = 1/(2n) ||X w + b - y||^2 + l1 sum |w|

    "coordinate": cyclic coordinate descent, w_j <- S(x_j.(y - sum_{k != j} w_k x_k), n l1) / ||x_j||^2.
    "fista": accelerated proximal gradient with step 1/L, L the largest eigenvalue of X^T X / n, and a restart
    wherever the momentum points uphill. Both hold X^T X in memory, (features, features). The cost is scikit-learn's,
    with alpha = l1. The optimum is not unique if columns depend on each other; its cost is. The loops have no reverse
    derivative.

    Args:
      inputs: (examples, features) X.
      targets: (examples,) y.
      l1: weight of the penalty, positive. From max |X^T y| / n on (X, y centred) every weight is 0.
      method: coordinate descent or FISTA.
      use_bias: fit b, which is not penalised; otherwise it is 0.
      tolerance: stop when the duality gap is at most this part of the cost at w = 0. Float32 does not get below 1e-7.
      max_iterations: passes over the coordinates, or proximal steps, at most.
    Returns: the solution; `residual` is the duality gap, and the cost is at most that far above the optimum.
    Raises: ValueError if the shapes do not fit, a number is not finite or an option is outside its range; TypeError if
      the dtype is not float32 or float64.
    Source: Tibshirani 1996; Friedman et al. 2010, eq. 5; Beck and Teboulle 2009, section 4; O'Donoghue and Candes
      2015, section 3.2; Kim et al. 2007, section III; notes 001 section 4.
    """
    check_design("inputs", inputs)
    check_targets("targets", targets, inputs.shape[0], outputs=False)
    check_range("l1", l1, 0, float("inf"), open_low=True, open_high=True)
    check_choice("method", method, ("coordinate", "fista"))
    check_range("tolerance", tolerance, 0, 1)
    check_count("max_iterations", max_iterations)
    l1 = jnp.asarray(l1, inputs.dtype)
    return _lasso(inputs, targets.astype(inputs.dtype), l1, tolerance, max_iterations, method=method, use_bias=use_bias)


@partial(jax.jit, static_argnames=("method", "use_bias"))
def _lasso(inputs: Array, targets: Array, l1, tolerance, max_iterations, *, method: str, use_bias: bool) -> Solution:
    design, wanted, means = centred(inputs, targets, use_bias)
    examples, features = design.shape
    gram, moment = design.T @ design / examples, wanted @ design / examples

    def costs(kernel):
        """Cost, and its distance to the dual cost of the residual, scaled into the feasible set."""
        residual = wanted - design @ kernel
        square = residual @ residual / examples
        cost = square / 2 + l1 * jnp.sum(jnp.abs(kernel))
        largest = jnp.max(jnp.abs(residual @ design)) / examples
        scale = jnp.minimum(1, l1 / jnp.where(largest == 0, 1, largest))
        dual = scale * (wanted @ residual) / examples - scale**2 * square / 2
        return cost, cost - dual

    start, step = (_coordinate if method == "coordinate" else _fista)(gram, moment, l1)
    state = start(jnp.zeros(features, design.dtype))
    enough = tolerance * costs(state[0])[0]

    def unfinished(carry):
        _, (_, gap), iterations = carry
        return (gap > enough) & (iterations < max_iterations)

    def body(carry):
        state, _, iterations = carry
        passes = jnp.minimum(_EVERY, max_iterations - iterations)
        state = jax.lax.fori_loop(0, passes, lambda _, state: step(state), state)
        return state, costs(state[0]), iterations + passes

    first = (state, costs(state[0]), jnp.asarray(0, jnp.int32))
    state, (cost, gap), iterations = jax.lax.while_loop(unfinished, body, first)
    return Solution(with_bias(state[0], means), cost, gap, iterations)


def _coordinate(gram: Array, moment: Array, l1: Array) -> tuple[Callable, Callable]:
    """A pass over the coordinates; the state is w and X^T X w / n."""
    squares = jnp.diag(gram)

    def one(j, state):
        kernel, product = state
        square = jnp.where(squares[j] == 0, 1, squares[j])
        new = soft_threshold(moment[j] - product[j] + squares[j] * kernel[j], l1) / square
        return kernel.at[j].set(new), product + (new - kernel[j]) * gram[j]

    return lambda kernel: (kernel, gram @ kernel), lambda state: jax.lax.fori_loop(0, moment.size, one, state)


def _fista(gram: Array, moment: Array, l1: Array) -> tuple[Callable, Callable]:
    """A proximal step; the state is w, the point with momentum, and the momentum's t."""
    largest = jnp.linalg.eigvalsh(gram)[-1]
    rate = 1 / jnp.where(largest > 0, largest, 1)

    def step(state):
        kernel, ahead, t = state
        new = soft_threshold(ahead - rate * (gram @ ahead - moment), rate * l1)
        t = jnp.where((ahead - new) @ (new - kernel) > 0, 1, t)
        following = (1 + jnp.sqrt(1 + 4 * t**2)) / 2
        return new, new + (t - 1) / following * (new - kernel), following

    return lambda kernel: (kernel, kernel, jnp.ones((), kernel.dtype)), step
