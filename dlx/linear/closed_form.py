"""Linear regression in closed form, plain and with an L2 penalty, and the cost that it minimises."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from dlx.checks import check_range, check_same_shape
from dlx.linear._checks import check_design, check_targets
from dlx.linear.params import LinearParams, decision_function
from dlx.losses.regression import squared_error
from dlx.nn.linear import l1_norm, squared_l2_norm

__all__ = ["least_squares", "regularised_cost", "ridge"]


def least_squares(
    inputs: Float[Array, "examples features"],
    targets: Float[Array, "examples *outputs"],
    *,
    use_bias: bool = True,
) -> LinearParams:
    """Linear regression by least squares.

        min over w, b of ||X w + b - y||^2,    w = pinv(X - mean X) (y - mean y),    b = mean y - w . mean X

    By QR and the singular values of R. Where the columns of X do not have full rank (more features than examples,
    a column twice) the solution is not unique: this is the one of smallest ||w||, the bias not counted, as
    scikit-learn's; singular values below eps max(examples, features) times the largest count as 0. Equal singular
    values (an orthonormal design) have no derivative here; `ridge` has.

    Args:
      inputs: (examples, features) X.
      targets: (examples,) or (examples, outputs) y.
      use_bias: fit b; otherwise it is 0.
    Returns: kernel (features, *outputs) and bias (*outputs,), dtype of `inputs`.
    Raises: ValueError if the shapes do not fit or a number is not finite; TypeError if the dtype is not float32 or
      float64.
    Source: Bishop 2006, eq. 3.15; Golub and Van Loan 2013, section 5.5; notes 001 section 4.
    """
    check_design("inputs", inputs)
    check_targets("targets", targets, inputs.shape[0])
    return _least_squares(inputs, targets.astype(inputs.dtype), use_bias=use_bias)


@partial(jax.jit, static_argnames="use_bias")
def _least_squares(inputs: Array, targets: Array, *, use_bias: bool) -> LinearParams:
    design, wanted, means = centred(inputs, targets, use_bias)
    # R has the singular values of X, and is small where there are many examples
    q, r = jnp.linalg.qr(design)
    u, s, vt = jnp.linalg.svd(r, full_matrices=False)
    kept = s > jnp.finfo(s.dtype).eps * max(design.shape) * s[0]
    # the inner where keeps 1 / 0 out of the gradient
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)
    kernel = (vt.T * jnp.broadcast_to(inverse, vt.T.shape)) @ (u.T @ (q.T @ wanted))
    return with_bias(kernel, means)


def ridge(
    inputs: Float[Array, "examples features"],
    targets: Float[Array, "examples *outputs"],
    *,
    l2: float | Float[Array, ""],
    use_bias: bool = True,
    penalise_bias: bool = False,
) -> LinearParams:
    """Linear regression with an L2 penalty (weight decay), in closed form.

        J(w, b) = 1/(2n) ||X w + b - y||^2 + l2/2 ||w||^2,    w = (X^T X + n l2 I)^-1 X^T y    (X, y centred)

    The penalty is that of the notes, on the mean of the examples' costs: scikit-learn's alpha is n l2. With more
    features than examples the same w is X^T (X X^T + n l2 I)^-1 y. Differentiable, also with respect to `l2`.

    Args:
      inputs: (examples, features) X.
      targets: (examples,) or (examples, outputs) y.
      l2: weight of the penalty, positive; `least_squares` is its limit at 0.
      use_bias: fit b; otherwise it is 0.
      penalise_bias: b^2 is in the penalty too, as if X had a column of ones.
    Returns: kernel (features, *outputs) and bias (*outputs,), dtype of `inputs`.
    Raises: ValueError if the shapes do not fit, a number is not finite, `l2` is not positive or `penalise_bias` comes
      without `use_bias`; TypeError if the dtype is not float32 or float64.
    Source: Hoerl and Kennard 1970; Bishop 2006, eq. 3.28; notes 001 section 4, 003 "cost".
    """
    check_design("inputs", inputs)
    check_targets("targets", targets, inputs.shape[0])
    check_range("l2", l2, 0, float("inf"), open_low=True, open_high=True)
    if penalise_bias and not use_bias:
        raise ValueError("penalise_bias: got True with use_bias=False, wanted a bias to penalise")
    return _ridge(inputs, targets.astype(inputs.dtype), l2, use_bias=use_bias, penalise_bias=penalise_bias)


@partial(jax.jit, static_argnames=("use_bias", "penalise_bias"))
def _ridge(inputs: Array, targets: Array, l2: Array, *, use_bias: bool, penalise_bias: bool) -> LinearParams:
    examples, features = inputs.shape
    decay = jnp.asarray(examples * l2, inputs.dtype)
    if penalise_bias:
        extended = _solve(jnp.concatenate([inputs, jnp.ones_like(inputs[:, :1])], axis=1), targets, decay)
        return LinearParams(extended[:features], extended[features])
    design, wanted, means = centred(inputs, targets, use_bias)
    return with_bias(_solve(design, wanted, decay), means)


def _solve(design: Array, targets: Array, decay: Array) -> Array:
    """(X^T X + decay I)^-1 X^T y, by the smaller of the two Gram matrices."""
    wide = design.shape[1] > design.shape[0]
    gram = design @ design.T if wide else design.T @ design
    factor = cho_factor(gram + decay * jnp.eye(gram.shape[0], dtype=gram.dtype))
    if wide:
        dual = cho_solve(factor, targets)
        return design.T @ (dual + cho_solve(factor, targets - gram @ dual - decay * dual))
    kernel = cho_solve(factor, design.T @ targets)
    # X^T X has the square of X's condition: one correction by the residual of X itself brings the lost digits back
    return kernel + cho_solve(factor, design.T @ (targets - design @ kernel) - decay * kernel)


def centred(inputs: Array, targets: Array, use_bias: bool) -> tuple[Array, Array, tuple[Array, Array]]:
    """Inputs and targets without their means, and the means: a free bias is the same as centred data."""
    if not use_bias:
        return inputs, targets, (jnp.zeros_like(inputs[0]), jnp.zeros_like(targets[0]))
    means = jnp.mean(inputs, axis=0), jnp.mean(targets, axis=0)
    return (
        inputs - jnp.broadcast_to(means[0], inputs.shape),
        targets - jnp.broadcast_to(means[1], targets.shape),
        means,
    )


def with_bias(kernel: Array, means: tuple[Array, Array]) -> LinearParams:
    """The bias that goes with a kernel fitted to centred data."""
    return LinearParams(kernel, means[1] - means[0] @ kernel)


def regularised_cost(
    params: LinearParams,
    inputs: Float[Array, "examples features"],
    targets: Float[Array, "examples *outputs"],
    *,
    l2: float | Float[Array, ""] = 0.0,
    l1: float | Float[Array, ""] = 0.0,
) -> Float[Array, ""]:
    """Cost of linear regression with weight decay and an L1 penalty.

        J(W, b) = 1/n sum_i 1/2 ||x_i W + b - y_i||^2 + l2/2 sum W^2 + l1 sum |W|
        dJ/dw_i = (gradient of the first term)_i + l2 w_i + l1 sign(w_i)

    The penalty of one weight enters the derivative of that weight alone, and biases are not penalised. The notes'
    words give the L1 penalty a factor 1/2, their formula none; this is the formula.

    Args:
      params: kernel W and bias b.
      inputs: (examples, features) x.
      targets: (examples, *outputs) y.
      l2: weight of the squared penalty.
      l1: weight of the absolute penalty; its derivative at 0 is 0.
    Returns: a scalar.
    Raises: ValueError if the shapes do not fit or a weight is negative or infinite.
    Source: Goodfellow et al. 2016, section 7.1; notes 001 section 4, 003 "cost".
    """
    check_range("l2", l2, 0, float("inf"), open_high=True)
    check_range("l1", l1, 0, float("inf"), open_high=True)
    outputs = decision_function(params, inputs)
    check_same_shape("targets", targets, "the model's output", outputs)
    weights = params.kernel.ravel()
    error = jnp.mean(squared_error(outputs, targets, half=True))
    return error + 0.5 * l2 * squared_l2_norm(weights) + l1 * l1_norm(weights)
