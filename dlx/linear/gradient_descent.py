"""Linear models by minibatch gradient descent: the update of the notes, and any loss in its place."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Shaped

from dlx.checks import check_count, check_range
from dlx.linear._checks import check_design
from dlx.linear.params import LinearParams, decision_function

__all__ = ["gradient_step", "minibatch_sgd", "squared_error_gradient"]


def squared_error_gradient(
    params: LinearParams, inputs: Float[Array, "features"], target: Float[Array, ""]
) -> LinearParams:
    """Gradient of half the squared error of one example.

        d/d(w, b) 1/2 (x . w + b - y)^2 = [x_1, ..., x_d, 1] (yhat - y)

    Args:
      params: kernel (features,) w and bias () b.
      inputs: (features,) x.
      target: y.
    Returns: the derivatives by w and by b.
    Raises: ValueError if the shapes do not fit.
    Source: Bishop 2006, eq. 3.22; notes 001 section 4.
    """
    error = decision_function(params, inputs) - target
    return LinearParams(inputs * error, error)


def gradient_step(
    params: LinearParams,
    inputs: Float[Array, "examples features"],
    targets: Float[Array, "examples"],
    *,
    learning_rate: float | Float[Array, ""],
    l2: float = 0.0,
) -> LinearParams:
    """One step of linear regression by minibatch gradient descent.

        w <- w - eta/|B| sum_{j in B} x_j (yhat_j - y_j) - eta l2 w
        b <- b - eta/|B| sum_{j in B} (yhat_j - y_j)

    The sum runs over the examples j of the minibatch, where the notes mix i and j.

    Args:
      params: kernel (features,) w and bias () b.
      inputs: (examples, features) x of the minibatch B.
      targets: (examples,) y.
      learning_rate: eta.
      l2: weight decay of w; b is left out.
    Returns: the parameters after the step.
    Raises: ValueError if the shapes do not fit or a rate is negative.
    Source: Goodfellow et al. 2016, section 5.9; notes 001 section 4.
    """
    check_range("learning_rate", learning_rate, 0, float("inf"), open_high=True)
    check_range("l2", l2, 0, float("inf"), open_high=True)
    check_design("inputs", inputs)
    if targets.shape != inputs.shape[:1]:
        raise ValueError(f"targets: got shape {targets.shape}, wanted {inputs.shape[:1]}, one for each example")
    error = decision_function(params, inputs) - targets
    return LinearParams(
        params.kernel - learning_rate * (error @ inputs / inputs.shape[0] + l2 * params.kernel),
        params.bias - learning_rate * jnp.mean(error),
    )


def minibatch_sgd(
    key: Key[Array, ""],
    params: LinearParams,
    inputs: Float[Array, "examples features"],
    targets: Shaped[Array, "examples *outputs"],
    *,
    loss: Callable[[Array, Array], Array],
    learning_rate: float | Float[Array, ""],
    batch_size: int,
    epochs: int,
    l2: float = 0.0,
) -> LinearParams:
    """Any linear model by stochastic gradient descent: the loss makes it least squares, an SVM or logistic regression.

        theta <- theta - eta d/dtheta [1/|B| sum_{j in B} L(x_j W + b, y_j) + l2/2 sum W^2]

    Each epoch draws a new order and leaves out the last, incomplete minibatch.

    Args:
      key: draws the orders.
      params: where to start.
      inputs: (examples, features) x.
      targets: (examples, ...) y, as `loss` wants them.
      loss: L, from outputs (batch, ...) and targets (batch, ...) to (batch,).
      learning_rate: eta.
      batch_size: |B|.
      epochs: passes over the examples.
      l2: weight of the penalty on W; b is left out.
    Returns: the parameters after the last step.
    Raises: ValueError if the shapes do not fit, a rate is negative or `batch_size` exceeds the examples.
    Source: Robbins and Monro 1951; Goodfellow et al. 2016, algorithm 8.1; notes 001 section 4, 004 "linear model".
    """
    check_design("inputs", inputs)
    check_range("learning_rate", learning_rate, 0, float("inf"), open_high=True)
    check_range("l2", l2, 0, float("inf"), open_high=True)
    check_count("batch_size", batch_size)
    check_count("epochs", epochs)
    if targets.shape[:1] != inputs.shape[:1]:
        raise ValueError(f"targets: got shape {targets.shape}, wanted ({inputs.shape[0]}, ...), one for each example")
    if batch_size > inputs.shape[0]:
        raise ValueError(f"batch_size: got {batch_size}, wanted at most {inputs.shape[0]}, the examples")
    sizes = {"batch_size": batch_size, "epochs": epochs}
    return _minibatch_sgd(key, params, inputs, targets, learning_rate, l2, loss=loss, **sizes)


@partial(jax.jit, static_argnames=("loss", "batch_size", "epochs"))
def _minibatch_sgd(key, params, inputs, targets, learning_rate, l2, *, loss, batch_size, epochs) -> LinearParams:
    batches = inputs.shape[0] // batch_size

    def cost(params, batch):
        value = jnp.mean(loss(decision_function(params, inputs[batch]), targets[batch]))
        return value + 0.5 * l2 * jnp.sum(params.kernel * params.kernel)

    def epoch(number, params):
        order = jax.random.permutation(jax.random.fold_in(key, number), inputs.shape[0])
        order = order[: batches * batch_size].reshape(batches, batch_size)

        def step(batch, params):
            gradient = jax.grad(cost)(params, order[batch])
            return jax.tree.map(lambda p, g: p - jnp.asarray(learning_rate, p.dtype) * g, params, gradient)

        return jax.lax.fori_loop(0, batches, step, params)

    return jax.lax.fori_loop(0, epochs, epoch, params)
