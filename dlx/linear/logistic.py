"""Logistic regression for two classes by Newton's method, softmax regression for many by L-BFGS."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import check_class_labels, check_count, check_range
from dlx.linear._checks import check_binary, check_design, signs
from dlx.linear._minimise import Minimum, lbfgs, newton
from dlx.linear.params import LinearParams, Solution, decision_function
from dlx.losses.classification import softmax_cross_entropy
from dlx.nn.activations import sigmoid

__all__ = ["logistic_regression", "softmax_regression"]


def logistic_regression(
    inputs: Float[Array, "examples features"],
    labels: Integer[Array, "examples"],
    *,
    l2: float | Float[Array, ""],
    use_bias: bool = True,
    tolerance: float = 1e-6,
    max_iterations: int = 100,
) -> Solution:
    """Logistic regression by Newton's method (iteratively reweighted least squares).

        J(w, b) = 1/n sum_i log(1 + exp(-s_i (x_i.w + b))) + l2/2 ||w||^2,    s = 1 or -1
        w <- w - H^-1 dJ/dw,    H = 1/n X^T diag(p (1 - p)) X + l2 I,    p = sigmoid(X w + b)

    A step that raises J is halved. scikit-learn's C is 1 / (n l2). The loop has no reverse derivative.

    Args:
      inputs: (examples, features) X.
      labels: (examples,) 0 and 1, or -1 and 1; 1 is the event whose probability is sigmoid(x.w + b).
      l2: weight of the penalty. With 0 and separable classes no minimum exists, and w grows until it stops.
      use_bias: fit b, which is not penalised; otherwise it is 0.
      tolerance: stop when no entry of the gradient is larger.
      max_iterations: Newton steps at most.
    Returns: the solution; `residual` is the largest entry of the gradient. It stays above `tolerance` where rounding
      lets the cost fall no further.
    Raises: ValueError if the shapes do not fit, a number is not finite, labels are not of two classes or an option is
      outside its range; TypeError if the dtype is not float32 or float64 or labels are not integers.
    Source: Bishop 2006, section 4.3.3; Boyd and Vandenberghe 2004, algorithm 9.5; notes 001 section 1, 004 "linear
      model".
    """
    check_design("inputs", inputs)
    check_binary("labels", labels, inputs.shape[0])
    _check_options(l2, tolerance, max_iterations)
    l2 = jnp.asarray(l2, inputs.dtype)
    return _logistic_regression(inputs, labels, l2, tolerance, max_iterations, use_bias=use_bias)


def _check_options(l2, tolerance, max_iterations) -> None:
    check_range("l2", l2, 0, float("inf"), open_high=True)
    check_range("tolerance", tolerance, 0, float("inf"))
    check_count("max_iterations", max_iterations)


@partial(jax.jit, static_argnames="use_bias")
def _logistic_regression(inputs, labels, l2, tolerance, max_iterations, *, use_bias: bool) -> Solution:
    examples, features = inputs.shape
    design = jnp.concatenate([inputs, jnp.ones_like(inputs[:, :1])], axis=1) if use_bias else inputs
    signed = design * jnp.broadcast_to(signs(labels, inputs.dtype)[:, None], design.shape)
    decay = jnp.where(jnp.arange(design.shape[1]) < features, l2, 0)

    def cost(weights):
        return jnp.mean(jnp.logaddexp(-(signed @ weights), 0)) + 0.5 * jnp.sum(decay * weights * weights)

    def hessian(weights):
        outputs = design @ weights
        # 1 - sigmoid(z) = sigmoid(-z)
        variance = sigmoid(outputs) * sigmoid(-outputs)
        return (design * jnp.broadcast_to(variance[:, None], design.shape)).T @ design / examples + jnp.diag(decay)

    start = jnp.zeros(design.shape[1], design.dtype)
    minimum = newton(cost, hessian, start, tolerance=tolerance, max_iterations=max_iterations)
    bias = minimum.point[features] if use_bias else jnp.zeros((), inputs.dtype)
    return _solution(minimum, LinearParams(minimum.point[:features], bias))


def softmax_regression(
    inputs: Float[Array, "examples features"],
    labels: Integer[Array, "examples"],
    *,
    classes: int,
    l2: float | Float[Array, ""],
    use_bias: bool = True,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> Solution:
    """Softmax (multinomial logistic) regression by L-BFGS: one layer, softmax and cross entropy.

        J(W, b) = 1/n sum_i -log softmax(x_i W + b)_{y_i} + l2/2 sum W^2

    scikit-learn's C is 1 / (n l2). The same number added to every bias changes nothing; starting from 0 they sum to 0.
    The loop has no reverse derivative.

    Args:
      inputs: (examples, features) X.
      labels: (examples,) class numbers.
      classes: how many there are.
      l2: weight of the penalty. With 0 and separable classes no minimum exists.
      use_bias: fit b, which is not penalised; otherwise it is 0.
      tolerance: stop when no entry of the gradient is larger.
      max_iterations: steps at most.
    Returns: the solution, kernel (features, classes) and bias (classes,); `residual` is the largest entry of the
      gradient. It stays above `tolerance` where rounding lets the cost fall no further.
    Raises: ValueError if the shapes do not fit, a number is not finite, a label is no class or an option is outside
      its range; TypeError if the dtype is not float32 or float64 or labels are not integers.
    Source: Bishop 2006, section 4.3.4; Nocedal and Wright 2006, algorithm 7.5; notes 001 section 4.
    """
    check_count("classes", classes)
    check_design("inputs", inputs)
    check_class_labels("labels", labels, "inputs", inputs.shape[:1], classes)
    _check_options(l2, tolerance, max_iterations)
    l2 = jnp.asarray(l2, inputs.dtype)
    sizes = {"classes": classes, "use_bias": use_bias}
    return _softmax_regression(inputs, labels, l2, tolerance, max_iterations, **sizes)


@partial(jax.jit, static_argnames=("classes", "use_bias"))
def _softmax_regression(inputs, labels, l2, tolerance, max_iterations, *, classes: int, use_bias: bool) -> Solution:
    features = inputs.shape[1]

    def unpack(flat):
        rows = flat.reshape(-1, classes)
        return LinearParams(rows[:features], rows[features] if use_bias else jnp.zeros(classes, inputs.dtype))

    def cost(flat):
        params = unpack(flat)
        loss = softmax_cross_entropy(decision_function(params, inputs), labels)
        return jnp.mean(loss) + 0.5 * l2 * jnp.sum(params.kernel * params.kernel)

    start = jnp.zeros((features + use_bias) * classes, inputs.dtype)
    minimum = lbfgs(cost, start, tolerance=tolerance, max_iterations=max_iterations)
    return _solution(minimum, unpack(minimum.point))


def _solution(minimum: Minimum, params: LinearParams) -> Solution:
    return Solution(params, minimum.value, minimum.residual, minimum.iterations)
