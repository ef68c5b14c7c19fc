"""The delta recursion of a fully connected network with squared error, and gradient descent with it.

Layer l has s_l units. `params[l]` is {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}: W_ij leads from unit j of one
layer to unit i of the next. Examples are columns.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from dlx import losses, nn
from dlx.backprop._network import Activation, Params, check_network
from dlx.backprop.activations import ACTIVATION_RULES
from dlx.backprop.layers import column_affine_backward
from dlx.checks import check_count, check_range

__all__ = ["cost", "delta_gradients", "gradient_descent", "gradient_descent_step"]


def _forward(params: Params, inputs: Array, activation: str) -> list[Array]:
    layers = [inputs]
    for layer in params:
        layers.append(ACTIVATION_RULES[activation].forward(layer["weights"] @ layers[-1] + layer["bias"][:, None]))
    return layers


def cost(
    params: Params,
    inputs: Float[Array, "features samples"],
    targets: Float[Array, "outputs samples"],
    *,
    activation: Activation = "sigmoid",
    weight_decay: float = 0.0,
) -> Float[Array, ""]:
    """Mean squared error of a network with weight decay.

        J(W, b) = 1/m sum_i 1/2 ||h(x_i) - y_i||^2 + lambda/2 sum_l sum_ij (W_ij^(l))^2

    Args:
      params: layers {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}.
      inputs: (features, samples) x.
      targets: (outputs, samples) y.
      activation: f of every layer, the last one too.
      weight_decay: lambda; biases are not decayed.
    Returns: scalar J.
    Raises: ValueError if the shapes do not fit, `activation` is unknown or `weight_decay` is negative; TypeError if
      `params` are no layers or an array is not floating.
    Source: notes 003 "cost".
    """
    check_network(params, inputs, targets, activation, weight_decay)
    outputs = _forward(params, inputs, activation)[-1]
    return _cost(params, outputs, targets, weight_decay)


def _cost(params: Params, outputs: Array, targets: Array, weight_decay: Any) -> Array:
    penalty = sum(nn.squared_l2_norm(layer["weights"].reshape(-1)) for layer in params)
    return jnp.mean(losses.squared_error(outputs.T, targets.T, half=True)) + 0.5 * weight_decay * penalty


def delta_gradients(
    params: Params,
    inputs: Float[Array, "features samples"],
    targets: Float[Array, "outputs samples"],
    *,
    activation: Activation = "sigmoid",
    weight_decay: float = 0.0,
) -> list[dict[str, Array]]:
    """Gradient of `cost` by the delta recursion, all samples at once.

        Delta^(n_l) = -(Y - A^(n_l)) * f'(Z^(n_l)),    Delta^(l) = (W^(l)T Delta^(l+1)) * f'(Z^(l))
        dJ/dW^(l) = 1/m Delta^(l+1) A^(l)T + lambda W^(l),    dJ/db^(l) = 1/m Delta^(l+1) 1

    Args:
      params: layers {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}.
      inputs: (features, samples) X, a column for each sample.
      targets: (outputs, samples) Y.
      activation: f of every layer, the last one too.
      weight_decay: lambda; biases are not decayed.
    Returns: the layers of `params` with gradients.
    Raises: ValueError if the shapes do not fit, `activation` is unknown or `weight_decay` is negative; TypeError if
      `params` are no layers or an array is not floating.
    Source: notes 003 "vectorised programming of the network".
    """
    check_network(params, inputs, targets, activation, weight_decay)
    return _delta_gradients(params, _forward(params, inputs, activation), targets, activation, weight_decay)


def _delta_gradients(
    params: Params, activations: list[Array], targets: Array, activation: str, weight_decay: Any
) -> list[dict[str, Array]]:
    rule, samples = ACTIVATION_RULES[activation], targets.shape[1]
    by_outputs = -(targets - activations[-1]) / samples
    gradients = []
    for level in range(len(params) - 1, -1, -1):
        # both activations know their derivative from the output alone
        delta = rule.backward(by_outputs, activations[level + 1], activations[level + 1])
        by_outputs, by_weights, by_bias = column_affine_backward(delta, activations[level], params[level]["weights"])
        gradients.append({"weights": by_weights + weight_decay * params[level]["weights"], "bias": by_bias})
    return gradients[::-1]


def gradient_descent_step(
    params: Params,
    inputs: Float[Array, "features samples"],
    targets: Float[Array, "outputs samples"],
    *,
    learning_rate: float,
    activation: Activation = "sigmoid",
    weight_decay: float = 0.0,
) -> tuple[list[dict[str, Array]], Float[Array, ""]]:
    """One step of batch gradient descent with weight decay: the notes' steps 1 to 6.

        W^(l) <- W^(l) - alpha dJ/dW^(l),    b^(l) <- b^(l) - alpha dJ/db^(l)

    Args:
      params: layers {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}.
      inputs: (features, samples) X.
      targets: (outputs, samples) Y.
      learning_rate: alpha.
      activation: f of every layer, the last one too.
      weight_decay: lambda; biases are not decayed.
    Returns: the layers after the step, and J before it.
    Raises: ValueError if the shapes do not fit, `activation` is unknown or a rate is negative; TypeError if `params`
      are no layers or an array is not floating.
    Source: notes 003 "gradient descent", steps 1 to 6.
    """
    check_network(params, inputs, targets, activation, weight_decay)
    check_range("learning_rate", learning_rate, 0, np.inf, open_high=True)
    activations = _forward(params, inputs, activation)
    gradients = _delta_gradients(params, activations, targets, activation, weight_decay)
    updated = [
        {name: layer[name] - learning_rate * gradient[name] for name in gradient}
        for layer, gradient in zip(params, gradients, strict=True)
    ]
    return updated, _cost(params, activations[-1], targets, weight_decay)


def gradient_descent(
    params: Params,
    inputs: Float[Array, "features samples"],
    targets: Float[Array, "outputs samples"],
    *,
    learning_rate: float,
    steps: int,
    small_enough: float = 0.0,
    activation: Activation = "sigmoid",
    weight_decay: float = 0.0,
) -> tuple[list[dict[str, Array]], Float[Array, "{steps}"]]:
    """Batch gradient descent until the cost is small enough: the notes' seven steps.

        repeat: (W, b) <- (W, b) - alpha dJ/d(W, b)    until J <= small_enough or `steps` are done

    Args:
      params: layers {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}.
      inputs: (features, samples) X.
      targets: (outputs, samples) Y.
      learning_rate: alpha.
      steps: most steps that are done.
      small_enough: the cost that ends the loop; the step at which it is reached is the last.
      activation: f of every layer, the last one too.
      weight_decay: lambda; biases are not decayed.
    Returns: the layers at the end, and (steps,) J before each step, NaN for steps that were not needed.
    Raises: ValueError if the shapes do not fit, `activation` is unknown, `steps` is not positive or a rate is negative;
      TypeError if `params` are no layers or an array is not floating.
    Source: notes 003 "gradient descent", steps 1 to 7.
    """
    check_network(params, inputs, targets, activation, weight_decay)
    check_range("learning_rate", learning_rate, 0, np.inf, open_high=True)
    check_count("steps", steps)
    check_range("small_enough", small_enough, 0, np.inf)

    def unfinished(carry: tuple) -> Array:
        done, _, costs = carry
        last = jnp.where(done == 0, jnp.inf, costs[jnp.maximum(done - 1, 0)])
        # a NaN is not small: it goes on to the end, and is seen in the costs
        return (done < steps) & ~(last <= small_enough)

    def body(carry: tuple) -> tuple:
        done, layers, costs = carry
        layers, value = gradient_descent_step(
            layers, inputs, targets, learning_rate=learning_rate, activation=activation, weight_decay=weight_decay
        )
        return done + 1, layers, costs.at[done].set(value)

    start = [{"weights": jnp.asarray(layer["weights"]), "bias": jnp.asarray(layer["bias"])} for layer in params]
    of_layers = partial(cost, activation=activation, weight_decay=weight_decay)
    dtype = jax.eval_shape(of_layers, start, inputs, targets).dtype
    costs = jnp.full(steps, jnp.nan, dtype)
    _, updated, costs = lax.while_loop(unfinished, body, (jnp.zeros((), jnp.int32), start, costs))
    return updated, costs
