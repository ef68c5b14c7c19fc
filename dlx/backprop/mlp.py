"""Back-propagation through a multilayer perceptron, layer by layer, examples in rows.

`params[k]` is {"kernel": (features, units), "bias": (units,)}, as Flax lays a dense layer out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num

from dlx import nn
from dlx.backprop._checks import check_layers
from dlx.backprop.activations import ActivationRule, get_activation_rule
from dlx.backprop.layers import affine_backward
from dlx.backprop.losses import softmax_cross_entropy_backward
from dlx.checks import came, check_choice, check_floating, check_function, check_range

__all__ = [
    "PENALTIES",
    "ForwardPass",
    "backpropagation",
    "forward_propagation",
    "l1_penalty_gradient",
    "l2_penalty_gradient",
]

Params = Sequence[Mapping[str, Array]]


class ForwardPass(NamedTuple):
    """What the forward pass keeps: `layers[k]` enters layer k, the last are the outputs; a_k comes before f."""

    layers: list[Array]
    preactivations: list[Array]


def l2_penalty_gradient(params: Params) -> list[dict[str, Array]]:
    """Gradient of the squared Euclidean norm of the kernels.

        Omega = 1/2 sum_k ||W_k||_2^2,    dOmega/dW_k = W_k,    dOmega/db_k = 0

    A weight's penalty enters its own gradient and no other's; the notes say otherwise.

    Args:
      params: layers {"kernel", "bias"}.
    Returns: the layers of `params` with gradients.
    Raises: ValueError if there is no layer, or one has other names; TypeError if they are no layers or not floating.
    Source: Goodfellow et al. 2016, eq. 7.2; notes 001 section 4 (E15).
    """
    check_layers(params, "kernel")
    return [{"kernel": layer["kernel"], "bias": jnp.zeros_like(layer["bias"])} for layer in params]


def l1_penalty_gradient(params: Params) -> list[dict[str, Array]]:
    """Gradient of the absolute values of the kernels.

        Omega = sum_k ||W_k||_1,    dOmega/dW_k = sign(W_k), 0 at 0,    dOmega/db_k = 0

    Args:
      params: layers {"kernel", "bias"}.
    Returns: the layers of `params` with gradients.
    Raises: ValueError if there is no layer, or one has other names; TypeError if they are no layers or not floating.
    Source: Goodfellow et al. 2016, eq. 7.20; notes 001 section 15.
    """
    check_layers(params, "kernel")
    return [{"kernel": jnp.sign(layer["kernel"]), "bias": jnp.zeros_like(layer["bias"])} for layer in params]


PENALTIES: dict[str, Callable[[Params], list[dict[str, Array]]]] = {
    "l1": l1_penalty_gradient,
    "l2": l2_penalty_gradient,
}
"""Gradients of norm penalties, by name."""


def _rules(params: Params, activation: Any, output_activation: Any) -> list[ActivationRule]:
    hidden = get_activation_rule(activation)
    return [*([hidden] * (len(params) - 1)), get_activation_rule(output_activation)]


def forward_propagation(
    params: Params,
    inputs: Float[Array, "batch features"],
    *,
    activation: str | ActivationRule = "relu",
    output_activation: str | ActivationRule = "identity",
) -> ForwardPass:
    """Forward pass of a multilayer perceptron.

        h_0 = x,    a_k = h_{k-1} W_k + b_k,    h_k = f(a_k),    yhat = h_l

    Args:
      params: l layers {"kernel": (features, units), "bias": (units,)}.
      inputs: (batch, features) x.
      activation: f of the hidden layers, a name of `ACTIVATION_RULES` or a rule.
      output_activation: f of the last layer.
    Returns: h_0 to h_l and a_1 to a_l, each (batch, units).
    Raises: ValueError if the shapes do not fit or an activation is unknown; TypeError if `params` are no layers
      or an array is not floating.
    Source: Goodfellow et al. 2016, algorithm 6.3; notes 001 section 15.
    """
    check_floating("inputs", inputs)
    check_layers(params, "kernel")
    layers, preactivations = [inputs], []
    for layer, rule in zip(params, _rules(params, activation, output_activation), strict=True):
        preactivations.append(nn.affine(layers[-1], layer["kernel"], layer["bias"]))
        layers.append(rule.forward(preactivations[-1]))
    return ForwardPass(layers, preactivations)


def backpropagation(
    params: Params,
    inputs: Float[Array, "batch features"],
    labels: Num[Array, "batch *shape"],
    *,
    activation: str | ActivationRule = "relu",
    output_activation: str | ActivationRule = "identity",
    loss_gradient: Callable[[Array, Array], Array] = softmax_cross_entropy_backward,
    penalty: str | Callable[[Params], Any] | None = None,
    penalty_rate: float = 0.0,
) -> list[dict[str, Array]]:
    """Gradient of a regularised loss of a multilayer perceptron.

        g <- dL/dyhat
        for k = l, ..., 1:
            g <- g * f'(a_k)                                    # J_f^T g where f is not elementwise
            dJ/db_k = sum over the batch of g + lambda dOmega/db_k
            dJ/dW_k = h_{k-1}^T g + lambda dOmega/dW_k
            g <- g W_k^T

    Args:
      params: l layers {"kernel": (features, units), "bias": (units,)}.
      inputs: (batch, features) x.
      labels: (batch, ...) y, handed to `loss_gradient`.
      activation: f of the hidden layers, a name of `ACTIVATION_RULES` or a rule.
      output_activation: f of the last layer. With the default loss it stays "identity": that gradient contains the
        softmax.
      loss_gradient: (yhat, y) -> dL/dyhat of a loss that is reduced to a scalar; it divides by the batch for a mean.
      penalty: Omega, "l1" or "l2" of the kernels, or a function that gives dOmega/dparams for `params`.
      penalty_rate: lambda.
    Returns: the layers of `params` with the gradients of J = L + lambda Omega.
    Raises: ValueError if the shapes do not fit, a name is unknown or `penalty_rate` is negative; TypeError if `params`
      are no layers, an array is not floating, or what should be a function is none.
    Source: Goodfellow et al. 2016, algorithm 6.4; notes 001 section 15.
    """
    check_range("penalty_rate", penalty_rate, 0, np.inf, open_high=True)
    if isinstance(penalty, str):
        check_choice("penalty", penalty, PENALTIES)
        penalty = PENALTIES[penalty]
    elif penalty is not None and not callable(penalty):
        raise TypeError(f"penalty: got {came(penalty)}, wanted l1, l2, None or a function params -> dOmega/dparams")
    check_function("loss_gradient", loss_gradient, "(outputs, labels) -> gradient by the outputs")
    forward = forward_propagation(params, inputs, activation=activation, output_activation=output_activation)
    rules = _rules(params, activation, output_activation)
    outputs = forward.layers[-1]
    gradient = loss_gradient(outputs, labels)
    if jnp.shape(gradient) != outputs.shape:
        raise ValueError(
            f"loss_gradient: got a gradient of shape {jnp.shape(gradient)}, wanted {outputs.shape}, the shape of the"
            " outputs"
        )
    gradients = []
    for k in range(len(params) - 1, -1, -1):
        gradient = rules[k].backward(gradient, forward.preactivations[k], forward.layers[k + 1])
        gradient, by_kernel, by_bias = affine_backward(gradient, forward.layers[k], params[k]["kernel"])
        gradients.append({"kernel": by_kernel, "bias": by_bias})
    gradients.reverse()
    if penalty is None:
        return gradients
    by_penalty = penalty(params)
    check_layers(by_penalty, "kernel", "penalty")
    shapes, wanted = (
        [{name: layer[name].shape for name in sorted(layer)} for layer in one] for one in (by_penalty, params)
    )
    if shapes != wanted:
        raise ValueError(f"penalty: got gradients of shapes {shapes}, wanted {wanted}, those of params")
    return [
        {name: gradient[name] + penalty_rate * more[name] for name in gradient}
        for gradient, more in zip(gradients, by_penalty, strict=True)
    ]
