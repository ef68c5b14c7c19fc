"""The linear support vector machine, and many classes out of two."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import check_class_labels, check_count, check_range
from dlx.linear._checks import check_binary, check_design, signs
from dlx.linear.params import LinearParams, Solution

__all__ = ["linear_svm", "one_vs_all"]


def linear_svm(
    inputs: Float[Array, "examples features"],
    labels: Integer[Array, "examples"],
    *,
    l2: float | Float[Array, ""],
    use_bias: bool = True,
    tolerance: float = 1e-4,
    max_iterations: int = 1000,
) -> Solution:
    """Linear support vector machine by coordinate ascent in the dual.

        J(w) = 1/n sum_i max(0, 1 - s_i (x_i.w + b)) + l2/2 (||w||^2 + b^2),    s = 1 or -1
        D(a) = 1/n sum_i a_i - l2/2 ||w(a)||^2,    w(a) = 1/(n l2) sum_i a_i s_i x_i,    0 <= a_i <= 1
        a_i <- clip(a_i + n l2 (1 - s_i x_i.w) / ||x_i||^2, 0, 1), i in a new random order each pass

    The bias is the weight of a feature that is always 1, and penalised as such, as LIBLINEAR does; `kernels.kernel_svm`
    has a free one. This is scikit-learn's LinearSVC(loss="hinge", C=1 / (n l2)). The loop has no reverse derivative. It
    is sequential, one example after another, each a few small operations that XLA dispatches one by one: about 7 times
    LIBLINEAR's time, whose loop is C++ (docs/benchmarks.md).

    Args:
      inputs: (examples, features) x.
      labels: (examples,) 0 and 1, or -1 and 1.
      l2: weight of the penalty, positive.
      use_bias: fit b; otherwise it is 0.
      tolerance: stop when J - D, an upper bound of the distance to the least J, is no larger; J is 1 at w = 0.
      max_iterations: passes over the examples at most. The smaller `l2`, and the more the scales of the features
        differ, the more are needed.
    Returns: the solution; `residual` is J - D.
    Raises: ValueError if the shapes do not fit, a number is not finite, labels are not of two classes or an option is
      outside its range; TypeError if the dtype is not float32 or float64 or labels are not integers.
    Source: Hsieh et al. 2008, algorithm 1; Shalev-Shwartz and Zhang 2013, section 6.2; notes 004 "linear model", 001
      section 15.
    """
    check_design("inputs", inputs)
    check_binary("labels", labels, inputs.shape[0])
    check_range("l2", l2, 0, float("inf"), open_low=True, open_high=True)
    check_range("tolerance", tolerance, 0, float("inf"))
    check_count("max_iterations", max_iterations)
    l2 = jnp.asarray(l2, inputs.dtype)
    return _linear_svm(inputs, labels, l2, tolerance, max_iterations, use_bias=use_bias)


@partial(jax.jit, static_argnames="use_bias")
def _linear_svm(inputs, labels, l2, tolerance, max_iterations, *, use_bias: bool) -> Solution:
    examples, features = inputs.shape
    design = jnp.concatenate([inputs, jnp.ones_like(inputs[:, :1])], axis=1) if use_bias else inputs
    design = design * jnp.broadcast_to(signs(labels, inputs.dtype)[:, None], design.shape)
    scale = examples * l2
    squares = jnp.sum(design * design, axis=1)
    # an example of nothing but zeros is on neither side: its multiplier is 1 from the start
    rates = jnp.where(squares == 0, 1, scale / jnp.where(squares == 0, 1, squares))

    def costs(alphas, weights):
        penalty = 0.5 * l2 * (weights @ weights)
        primal = jnp.mean(jnp.maximum(1 - design @ weights, 0)) + penalty
        return primal, primal - jnp.mean(alphas) + penalty

    def one(weights, example):
        signed, rate, alpha = example
        new = jnp.clip(alpha + rate * (1 - signed @ weights), 0, 1)
        return weights + (new - alpha) / scale * signed, new

    def unfinished(carry):
        _, (_, gap), iterations = carry
        return (gap > tolerance) & (iterations < max_iterations)

    def body(carry):
        (alphas, _), _, iterations = carry
        # the optimum is unique: the order, and so its fixed key, only sets the way there
        order = jax.random.permutation(jax.random.fold_in(jax.random.key(0), iterations), examples)
        # w drifts by rounding from the multipliers that it stands for
        # unrolled, a pass takes half the time on a CPU
        weights, changed = jax.lax.scan(
            one, alphas @ design / scale, (design[order], rates[order], alphas[order]), unroll=8
        )
        state = alphas.at[order].set(changed), weights
        return state, costs(*state), iterations + 1

    state = jnp.zeros(examples, design.dtype), jnp.zeros(design.shape[1], design.dtype)
    first = (state, costs(*state), jnp.asarray(0, jnp.int32))
    (_, weights), (cost, gap), iterations = jax.lax.while_loop(unfinished, body, first)
    bias = weights[features] if use_bias else jnp.zeros((), inputs.dtype)
    return Solution(LinearParams(weights[:features], bias), cost, gap, iterations)


def one_vs_all(
    fit: Callable[[Array, Array], LinearParams],
    inputs: Float[Array, "examples features"],
    labels: Integer[Array, "examples"],
    *,
    classes: int,
) -> LinearParams:
    """Many classes by as many classifiers of two: each class against all the others, fitted at once by vmap.

        column c of W = fit(X, y == c);    the class of x is argmax_c (x W + b)_c

    Args:
      fit: from inputs (examples, features) and labels (examples,) 0 and 1 to the params of one output; for instance
        lambda x, y: linear_svm(x, y, l2=1e-3).params.
      inputs: (examples, features) X.
      labels: (examples,) class numbers y.
      classes: how many there are.
    Returns: kernel (features, classes) and bias (classes,), for `classify`.
    Raises: ValueError if the shapes do not fit or a label is no class; TypeError if labels are not integers.
    Source: Bishop 2006, section 4.1.2; notes 001 section 15.
    """
    check_count("classes", classes)
    check_design("inputs", inputs)
    check_class_labels("labels", labels, "inputs", inputs.shape[:1], classes)
    numbers = jnp.arange(classes, dtype=labels.dtype)
    params = jax.vmap(lambda number: fit(inputs, (labels == number).astype(jnp.int32)))(numbers)
    return LinearParams(params.kernel.T, params.bias)
