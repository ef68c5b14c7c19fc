"""The perceptron: its output, its learning rule, and the bound on its mistakes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_count, check_range
from dlx.linear._checks import check_binary, check_design, signs
from dlx.linear.params import LinearParams, decision_function
from dlx.nn.linear import l2_norm, squared_l2_norm

__all__ = ["PerceptronFit", "novikoff_bound", "perceptron", "perceptron_output", "perceptron_step"]


class PerceptronFit(NamedTuple):
    """A trained perceptron: its weights, and how it came to them."""

    params: LinearParams
    mistakes: Integer[Array, ""]
    """Updates over all epochs."""
    epochs: Integer[Array, ""]
    """Passes over the examples, the last one without a mistake if it converged."""
    converged: Bool[Array, ""]


def perceptron_output(params: LinearParams, inputs: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Output of a perceptron: the step function of a linear model.

        yhat = h(w.x + b),    h(z) = 1 if z > 0, otherwise 0

    Args:
      params: kernel (features,) w and bias () b.
      inputs: (*batch, features) x.
    Returns: (*batch,) 0 or 1, dtype of `inputs`; the derivative is 0.
    Raises: ValueError if the shapes do not fit.
    Source: Rosenblatt 1958; notes 001 section 2.
    """
    return (decision_function(params, inputs) > 0).astype(inputs.dtype)


def perceptron_step(
    params: LinearParams,
    inputs: Float[Array, "features"],
    label: Integer[Array, ""],
    *,
    learning_rate: float | Float[Array, ""] = 1.0,
) -> LinearParams:
    """The learning rule of the perceptron for one example: nothing happens to what is right.

        w <- w + eta (y - yhat) x,    b <- b + eta (y - yhat)

    Args:
      params: kernel (features,) w and bias () b.
      inputs: (features,) x.
      label: y; 1 is one class, 0 or -1 the other.
      learning_rate: eta.
    Returns: the parameters after the update.
    Raises: ValueError if the shapes do not fit or `learning_rate` is not positive.
    Source: Rosenblatt 1962; Bishop 2006, eq. 4.55; notes 001 section 2 (whose heading has no text).
    """
    check_range("learning_rate", learning_rate, 0, float("inf"), open_low=True, open_high=True)
    error = (label > 0).astype(inputs.dtype) - perceptron_output(params, inputs)
    change = learning_rate * error
    return LinearParams(params.kernel + change * inputs, params.bias + change)


def perceptron(
    inputs: Float[Array, "examples features"],
    labels: Integer[Array, "examples"],
    *,
    learning_rate: float | Float[Array, ""] = 1.0,
    max_epochs: int = 1000,
) -> PerceptronFit:
    """Train a perceptron: the rule of `perceptron_step` over the examples in order, until a pass has no mistake.

    Starts at zero, so that the learning rate scales w and b and changes no decision. Classes that a plane separates
    are learnt after at most `novikoff_bound` mistakes; others (XOR) never, and `max_epochs` ends the training.

    Args:
      inputs: (examples, features) x.
      labels: (examples,) 0 and 1, or -1 and 1.
      learning_rate: eta.
      max_epochs: passes over the examples at most.
    Returns: weights, number of mistakes, number of passes, and whether the last pass was without a mistake.
    Raises: ValueError if the shapes do not fit, a number is not finite, labels are not of two classes or an option is
      outside its range; TypeError if the dtype is not float32 or float64 or labels are not integers.
    Source: Rosenblatt 1962; Novikoff 1962; notes 001 section 2 (whose heading has no text).
    """
    check_design("inputs", inputs)
    check_binary("labels", labels, inputs.shape[0])
    check_range("learning_rate", learning_rate, 0, float("inf"), open_low=True, open_high=True)
    check_count("max_epochs", max_epochs)
    return _perceptron(inputs, labels, jnp.asarray(learning_rate, inputs.dtype), max_epochs)


@jax.jit
def _perceptron(inputs, labels, learning_rate, max_epochs) -> PerceptronFit:
    def one(state, example):
        params, mistakes = state
        wrong = perceptron_output(params, example[0]) != (example[1] > 0)
        return (perceptron_step(params, *example, learning_rate=learning_rate), mistakes + wrong), None

    def epoch(fit):
        (params, mistakes), _ = jax.lax.scan(one, (fit.params, fit.mistakes), (inputs, labels))
        return PerceptronFit(params, mistakes, fit.epochs + 1, mistakes == fit.mistakes)

    zeros = LinearParams(jnp.zeros_like(inputs[0]), jnp.zeros((), inputs.dtype))
    zero = jnp.asarray(0, jnp.int32)
    first = PerceptronFit(zeros, zero, zero, jnp.asarray(False))
    return jax.lax.while_loop(lambda fit: ~fit.converged & (fit.epochs < max_epochs), epoch, first)


def novikoff_bound(
    params: LinearParams, inputs: Float[Array, "examples features"], labels: Integer[Array, "examples"]
) -> Float[Array, ""]:
    """Most mistakes that a perceptron makes on examples which a known plane separates, in any order.

        (R / gamma)^2,    R = max_i ||[x_i, 1]||,    gamma = min_i s_i [x_i, 1].[w, b] / ||[w, b]||

    The bias counts as the weight of a feature that is always 1. The better the plane, the tighter the bound.

    Args:
      params: kernel (features,) w and bias () b of the plane.
      inputs: (examples, features) x.
      labels: (examples,) 0 and 1, or -1 and 1.
    Returns: a scalar; infinite if the plane does not separate the classes.
    Raises: ValueError if the shapes do not fit, a number is not finite or labels are not of two classes; TypeError if
      the dtype is not float32 or float64 or labels are not integers.
    Source: Novikoff 1962; Shalev-Shwartz and Ben-David 2014, theorem 9.1; notes 001 section 2.
    """
    check_design("inputs", inputs)
    check_binary("labels", labels, inputs.shape[0])
    radius = jnp.max(squared_l2_norm(inputs)) + 1
    sides = signs(labels, inputs.dtype) * decision_function(params, inputs)
    margin = jnp.min(sides) / l2_norm(jnp.append(params.kernel, params.bias))
    separates = margin > 0
    return jnp.where(separates, radius / jnp.where(separates, margin, 1) ** 2, jnp.inf)
