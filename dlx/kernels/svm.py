"""The support vector machine in its dual, by sequential minimal optimisation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from dlx.checks import check_count, check_range, is_known
from dlx.kernels._checks import check_gram
from dlx.linear._checks import check_binary, signs

__all__ = ["KernelSVM", "kernel_svm"]


class KernelSVM(NamedTuple):
    """A support vector machine: f(x) = sum_i coefficients_i k(x, x_i) + bias, the class is its sign."""

    coefficients: Float[Array, "examples"]
    """s_i a_i; zero for every example that is no support vector."""
    bias: Float[Array, ""]
    objective: Float[Array, ""]
    """Primal cost, which is never below the dual's; both meet at the optimum."""
    dual_objective: Float[Array, ""]
    violation: Float[Array, ""]
    """By how much the most violating pair breaks the conditions of the optimum."""
    iterations: Integer[Array, ""]


def kernel_svm(
    gram: Float[Array, "examples examples"],
    labels: Integer[Array, "examples"],
    *,
    cost: float | Float[Array, ""],
    tolerance: float = 1e-3,
    max_iterations: int = 100_000,
) -> KernelSVM:
    """Support vector machine with any kernel and a free bias, by sequential minimal optimisation.

        primal:  1/2 ||w||^2 + C sum_i max(0, 1 - s_i (w.phi(x_i) + b)),    s = 1 or -1
        dual:    max over a of sum_i a_i - 1/2 sum_ij a_i a_j s_i s_j k(x_i, x_j),    0 <= a_i <= C,  sum_i s_i a_i = 0

    Each iteration moves two multipliers along the equality: the one that violates the conditions most, and the one
    that then gains most (second-order choice). The bias is the mean over the free support vectors, 0 < a_i < C, of
    s_i - sum_j s_j a_j k(x_i, x_j), or where none is free the middle of what the bounds allow. `linear_svm`'s l2 is
    1 / (n C). The loop has no reverse derivative.

    Args:
      gram: (examples, examples) K, symmetric and positive semidefinite.
      labels: (examples,) 0 and 1, or -1 and 1, both present.
      cost: C, positive, the price of a violated margin.
      tolerance: stop when the most violating pair violates the conditions by no more; LIBSVM's default.
      max_iterations: pairs at most.
    Returns: coefficients, bias, primal and dual cost, violation, iterations.
    Raises: ValueError if the shapes do not fit, a number is not finite, `gram` is not symmetric or has a negative
      diagonal entry, labels are not of two classes or an option is outside its range; TypeError if the dtype is not
      float32 or float64 or labels are not integers.
    Source: Cortes and Vapnik 1995; Platt 1998; Fan et al. 2005, algorithm 2; notes 001 section 15 (which gives no
      algorithm).
    """
    check_gram("gram", gram)
    check_binary("labels", labels, gram.shape[0])
    if is_known(labels) and len(set(np.asarray(labels).tolist())) != 2:
        raise ValueError("labels: got one class, wanted both")
    check_range("cost", cost, 0, float("inf"), open_low=True, open_high=True)
    check_range("tolerance", tolerance, 0, float("inf"), open_low=True, open_high=True)
    check_count("max_iterations", max_iterations)
    return _kernel_svm(gram, labels, jnp.asarray(cost, gram.dtype), tolerance, max_iterations)


@jax.jit
def _kernel_svm(gram: Array, labels: Array, cost: Array, tolerance, max_iterations) -> KernelSVM:
    side = signs(labels, gram.dtype)
    diagonal = jnp.diag(gram)

    # with b_i = s_i a_i a pair moves as b_i + t, b_j - t; error = s - K b is the slope of the dual along b
    def rising(alphas):
        return jnp.where(side > 0, alphas < cost, alphas > 0)

    def falling(alphas):
        return jnp.where(side > 0, alphas > 0, alphas < cost)

    def bounds(alphas, error):
        highest = jnp.max(jnp.where(rising(alphas), error, -jnp.inf))
        return highest, jnp.min(jnp.where(falling(alphas), error, jnp.inf))

    def unfinished(carry):
        alphas, error, iterations = carry
        highest, lowest = bounds(alphas, error)
        return (highest - lowest > tolerance) & (iterations < max_iterations)

    def body(carry):
        alphas, error, iterations = carry
        i = jnp.argmax(jnp.where(rising(alphas), error, -jnp.inf))
        gains, curvature = error[i] - error, diagonal[i] + diagonal - 2 * gram[i]
        # two equal points have no curvature: the step is then as long as the box allows
        curvature = jnp.maximum(curvature, jnp.finfo(gram.dtype).tiny ** 0.5)
        j = jnp.argmax(jnp.where(falling(alphas) & (gains > 0), gains**2 / curvature, -jnp.inf))
        room_i = jnp.where(side[i] > 0, cost - alphas[i], alphas[i])
        room_j = jnp.where(side[j] > 0, alphas[j], cost - alphas[j])
        step = jnp.minimum(gains[j] / curvature[j], jnp.minimum(room_i, room_j))
        # exactly on the bound where the box ends the step: a difference would miss it by its rounding
        new_i = jnp.where(step == room_i, jnp.where(side[i] > 0, cost, 0), alphas[i] + side[i] * step)
        new_j = jnp.where(step == room_j, jnp.where(side[j] > 0, 0, cost), alphas[j] - side[j] * step)
        return alphas.at[i].set(new_i).at[j].set(new_j), error - step * (gram[i] - gram[j]), iterations + 1

    first = (jnp.zeros_like(side), side, jnp.asarray(0, jnp.int32))
    alphas, _, iterations = jax.lax.while_loop(unfinished, body, first)
    coefficients = side * alphas
    outputs = gram @ coefficients
    # from the multipliers anew: the updates of the loop add up roundings
    error = side - outputs
    highest, lowest = bounds(alphas, error)
    free = (alphas > 0) & (alphas < cost)
    count = jnp.sum(free)
    mean = jnp.sum(jnp.where(free, error, 0)) / jnp.where(count == 0, 1, count)
    bias = jnp.where(count == 0, (highest + lowest) / 2, mean)
    square = coefficients @ outputs
    hinge = jnp.sum(jnp.maximum(1 - side * (outputs + bias), 0))
    violation = jnp.maximum(highest - lowest, 0)
    return KernelSVM(coefficients, bias, square / 2 + cost * hinge, jnp.sum(alphas) - square / 2, violation, iterations)
