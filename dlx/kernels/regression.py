"""Kernel ridge regression, and the output of a kernel machine."""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from dlx.checks import check_range
from dlx.kernels._checks import check_gram
from dlx.linear._checks import check_targets

__all__ = ["kernel_predict", "kernel_ridge"]


def kernel_ridge(
    gram: Float[Array, "examples examples"],
    targets: Float[Array, "examples *outputs"],
    *,
    l2: float | Float[Array, ""],
) -> Float[Array, "examples *outputs"]:
    """Ridge regression in the features of a kernel, in closed form.

        J(w) = 1/(2n) ||Phi w - y||^2 + l2/2 ||w||^2,    w = Phi^T a
        a = (K + n l2 I)^-1 y,    f(x) = sum_i a_i k(x, x_i)

    No bias: take the mean off the targets, and `centre` the kernel, for a free one. scikit-learn's alpha is n l2.
    Differentiable.

    Args:
      gram: (examples, examples) K, symmetric and positive semidefinite; NaN comes out if it is far from that.
      targets: (examples,) or (examples, outputs) y.
      l2: weight of the penalty, positive.
    Returns: coefficients a, the shape of `targets`, for `kernel_predict`.
    Raises: ValueError if the shapes do not fit, a number is not finite or `l2` is not positive; TypeError if the dtype
      is not float32 or float64.
    Source: Saunders et al. 1998; Bishop 2006, eq. 6.8; notes 001 section 15.
    """
    check_gram("gram", gram)
    check_targets("targets", targets, gram.shape[0])
    check_range("l2", l2, 0, float("inf"), open_low=True, open_high=True)
    return _kernel_ridge(gram, targets.astype(gram.dtype), jnp.asarray(l2, gram.dtype))


@jax.jit
def _kernel_ridge(gram: Array, targets: Array, l2: Array) -> Array:
    return cho_solve(cho_factor(gram + gram.shape[0] * l2 * jnp.eye(gram.shape[0], dtype=gram.dtype)), targets)


def kernel_predict(
    gram: Float[Array, "points examples"],
    coefficients: Float[Array, "examples *outputs"],
    bias: Float[Array, ""] | None = None,
) -> Float[Array, "points *outputs"]:
    """Output of a kernel machine: ridge regression's prediction, an SVM's decision function.

        f(x) = b + sum_i a_i k(x, x_i)

    Args:
      gram: (points, examples), the kernel of each point with each training example.
      coefficients: (examples,) or (examples, outputs) a.
      bias: b, or None for 0.
    Returns: (points,) or (points, outputs); of an SVM the sign is the class.
    Raises: ValueError if the shapes do not fit.
    Source: Goodfellow et al. 2016, eq. 5.83; notes 001 section 15.
    """
    if gram.ndim != 2 or coefficients.ndim == 0 or gram.shape[1] != coefficients.shape[0]:
        raise ValueError(
            f"coefficients: got shape {coefficients.shape} for gram of shape {gram.shape}, wanted a row for each of its"
            " columns"
        )
    outputs = gram @ coefficients
    return outputs if bias is None else outputs + jnp.broadcast_to(bias, outputs.shape)
