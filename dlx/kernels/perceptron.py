"""The perceptron in the features of a kernel."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_count
from dlx.kernels._checks import check_gram
from dlx.linear._checks import check_binary, signs

__all__ = ["KernelPerceptronFit", "kernel_perceptron"]


class KernelPerceptronFit(NamedTuple):
    """A trained kernel perceptron: f(x) = sum_i coefficients_i k(x, x_i), class 1 where it is positive."""

    coefficients: Float[Array, "examples"]
    """Mistakes on each example, with the sign of its class."""
    mistakes: Integer[Array, ""]
    epochs: Integer[Array, ""]
    converged: Bool[Array, ""]


def kernel_perceptron(
    gram: Float[Array, "examples examples"], labels: Integer[Array, "examples"], *, max_epochs: int = 1000
) -> KernelPerceptronFit:
    """The perceptron's rule in the dual: each mistake on an example adds the example's features to the weights.

        a_i <- a_i + s_i if h(sum_j a_j k(x_i, x_j)) is not the label,    s = 1 or -1

    With the kernel x.z + 1 it is `dlx.linear.perceptron`, mistake by mistake; with a kernel that separates XOR it
    learns XOR.

    Args:
      gram: (examples, examples) K.
      labels: (examples,) 0 and 1, or -1 and 1.
      max_epochs: passes over the examples at most.
    Returns: coefficients a, number of mistakes, number of passes, and whether the last pass was without a mistake.
    Raises: ValueError if the shapes do not fit, a number is not finite or labels are not of two classes; TypeError if
      the dtype is not float32 or float64 or labels are not integers.
    Source: Aizerman et al. 1964; Freund and Schapire 1999; notes 001 sections 2 and 15.
    """
    check_gram("gram", gram)
    check_binary("labels", labels, gram.shape[0])
    check_count("max_epochs", max_epochs)
    return _kernel_perceptron(gram, labels, max_epochs)


@jax.jit
def _kernel_perceptron(gram, labels, max_epochs) -> KernelPerceptronFit:
    side = signs(labels, gram.dtype)

    def one(i, coefficients):
        wrong = (gram[i] @ coefficients > 0) != (side[i] > 0)
        return coefficients.at[i].add(jnp.where(wrong, side[i], 0))

    def epoch(fit):
        coefficients = jax.lax.fori_loop(0, side.size, one, fit.coefficients)
        new = jnp.sum(jnp.abs(coefficients - fit.coefficients)).astype(jnp.int32)
        return KernelPerceptronFit(coefficients, fit.mistakes + new, fit.epochs + 1, new == 0)

    zero = jnp.asarray(0, jnp.int32)
    first = KernelPerceptronFit(jnp.zeros_like(side), zero, zero, jnp.asarray(False))
    return jax.lax.while_loop(lambda fit: ~fit.converged & (fit.epochs < max_epochs), epoch, first)
