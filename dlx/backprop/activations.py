"""Backward rules of activations: the incoming gradient times the derivative, elementwise.

At a knee the derivative is that of the branch below it, as in `dlx.nn`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from dlx import nn
from dlx.backprop.softmax import softmax_backward
from dlx.checks import check_choice, check_count, check_floating, check_not_scalar, check_range, check_same_shape

__all__ = [
    "ACTIVATION_RULES",
    "ActivationRule",
    "abs_rectifier_backward",
    "elu_backward",
    "generalised_relu_backward",
    "get_activation_rule",
    "leaky_relu_backward",
    "maxout_backward",
    "prelu_backward",
    "relu_backward",
    "sigmoid_backward",
    "softplus_backward",
    "tanh_backward",
]


def _check(output_gradient: Array, name: str, other: Array) -> None:
    check_floating("output_gradient", output_gradient)
    check_floating(name, other)
    check_same_shape("output_gradient", output_gradient, name, other)


def sigmoid_backward(
    output_gradient: Float[Array, "*shape"], outputs: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Backward rule of the sigmoid, from its output.

        dL/dx = dL/dg g (1 - g),    g = sigmoid(x)

    Where g rounds to 1 the gradient is 0: the output alone does not tell how far x lies out. The gradient of
    `dlx.nn.sigmoid` keeps it.

    Args:
      output_gradient: dL/dg, any shape.
      outputs: g, the same shape.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ; TypeError if an array is not floating.
    Source: notes 001 section 3.
    """
    _check(output_gradient, "outputs", outputs)
    return output_gradient * outputs * (1 - outputs)


def tanh_backward(output_gradient: Float[Array, "*shape"], outputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Backward rule of the hyperbolic tangent, from its output.

        dL/dx = dL/dg (1 - g^2),    g = tanh(x)

    Where g rounds to -1 or 1 the gradient is 0, as in `sigmoid_backward`.

    Args:
      output_gradient: dL/dg, any shape.
      outputs: g, the same shape.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ; TypeError if an array is not floating.
    Source: notes 001 section 3.
    """
    _check(output_gradient, "outputs", outputs)
    # 1 - g^2 would lose the digits of g near 1
    return output_gradient * (1 - outputs) * (1 + outputs)


def relu_backward(output_gradient: Float[Array, "*shape"], inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Backward rule of the rectified linear unit.

        dL/dx = dL/dg if x > 0 else 0

    Args:
      output_gradient: dL/dg, any shape.
      inputs: x, the same shape; the output does as well, it is positive where x is.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ; TypeError if an array is not floating.
    Source: Goodfellow et al. 2016, section 6.3; notes 001 section 15, 004 "activations".
    """
    _check(output_gradient, "inputs", inputs)
    return jnp.where(inputs > 0, output_gradient, 0)


def generalised_relu_backward(
    output_gradient: Float[Array, "*shape"], inputs: Float[Array, "*shape"], *, negative_slope: float = 0.0
) -> Float[Array, "*shape"]:
    """Backward rule of the piecewise linear units with one knee.

        dL/dx = dL/dg if x > 0 else a dL/dg

    Args:
      output_gradient: dL/dg, any shape.
      inputs: x, the same shape.
      negative_slope: a, also the derivative at 0.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ or `negative_slope` is not finite; TypeError if an array is not floating.
    Source: Goodfellow et al. 2016, section 6.3.1; notes 001 section 15.
    """
    _check(output_gradient, "inputs", inputs)
    check_range("negative_slope", negative_slope, -math.inf, math.inf, open_low=True, open_high=True)
    return jnp.where(inputs > 0, output_gradient, negative_slope * output_gradient)


def abs_rectifier_backward(
    output_gradient: Float[Array, "*shape"], inputs: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Backward rule of the absolute value rectification.

        dL/dx = dL/dg if x > 0 else -dL/dg

    Args:
      output_gradient: dL/dg, any shape.
      inputs: x, the same shape.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ; TypeError if an array is not floating.
    Source: Jarrett et al. 2009; notes 001 section 15.
    """
    return generalised_relu_backward(output_gradient, inputs, negative_slope=-1.0)


def leaky_relu_backward(
    output_gradient: Float[Array, "*shape"], inputs: Float[Array, "*shape"], *, negative_slope: float = 0.01
) -> Float[Array, "*shape"]:
    """Backward rule of the leaky rectifier.

        dL/dx = dL/dg if x > 0 else alpha dL/dg

    Args:
      output_gradient: dL/dg, any shape.
      inputs: x, the same shape.
      negative_slope: alpha, not negative; also the derivative at 0.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ or `negative_slope` is negative or not finite; TypeError if an array is not
      floating.
    Source: Maas et al. 2013, eq. 1; notes 001 section 1.
    """
    check_range("negative_slope", negative_slope, 0, math.inf, open_high=True)
    return generalised_relu_backward(output_gradient, inputs, negative_slope=negative_slope)


def prelu_backward(
    output_gradient: Float[Array, "*batch channels"],
    inputs: Float[Array, "*batch channels"],
    alpha: Float[Array, ""] | Float[Array, "channels"],
) -> tuple[Float[Array, "*batch channels"], Float[Array, ""] | Float[Array, "channels"]]:
    """Backward rule of the rectifier whose slope is learnt.

        dL/dx = dL/dg if x > 0 else alpha dL/dg,    dL/dalpha = sum over its uses of dL/dg x 1[x <= 0]

    Args:
      output_gradient: dL/dg, (*batch, channels).
      inputs: x, the same shape.
      alpha: slope, one for all or one per channel.
    Returns: dL/dx and dL/dalpha, each in the shape of its array.
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: He et al. 2015, eq. 3 and 4; notes 001 section 1.
    """
    _check(output_gradient, "inputs", inputs)
    check_floating("alpha", alpha)
    if alpha.shape not in ((), inputs.shape[-1:]):
        raise ValueError(f"alpha: got shape {alpha.shape}, wanted () or {inputs.shape[-1:]}, the last axis of inputs")
    slope = jnp.broadcast_to(alpha, inputs.shape)
    by_slope = jnp.where(inputs > 0, 0, output_gradient * inputs)
    uses = tuple(range(inputs.ndim - alpha.ndim))
    return jnp.where(inputs > 0, output_gradient, slope * output_gradient), jnp.sum(by_slope, axis=uses)


def elu_backward(
    output_gradient: Float[Array, "*shape"], inputs: Float[Array, "*shape"], *, alpha: float = 1.0
) -> Float[Array, "*shape"]:
    """Backward rule of the exponential linear unit.

        dL/dx = dL/dg if x > 0 else alpha exp(x) dL/dg

    Args:
      output_gradient: dL/dg, any shape.
      inputs: x, the same shape.
      alpha: minus the limit at -infinity, and the derivative at 0, not negative.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ or `alpha` is negative or not finite; TypeError if an array is not floating.
    Source: Clevert et al. 2016, eq. 15; notes 001 section 1.
    """
    _check(output_gradient, "inputs", inputs)
    check_range("alpha", alpha, 0, math.inf, open_high=True)
    return output_gradient * jnp.where(inputs > 0, 1, alpha * jnp.exp(jnp.minimum(inputs, 0)))


def softplus_backward(
    output_gradient: Float[Array, "*shape"],
    inputs: Float[Array, "*shape"],
    *,
    beta: float = 1.0,
    threshold: float = 20.0,
) -> Float[Array, "*shape"]:
    """Backward rule of the softplus.

        dL/dx = dL/dg sigmoid(beta x),    dL/dg where beta x > threshold

    Args:
      output_gradient: dL/dg, any shape.
      inputs: x, the same shape.
      beta: sharpness.
      threshold: where the linear branch begins, not negative.
    Returns: dL/dx, the same shape.
    Raises: ValueError if the shapes differ, `beta` is not positive and finite or `threshold` is negative; TypeError if
      an array is not floating.
    Source: Dugas et al. 2001; notes 001 section 1.
    """
    _check(output_gradient, "inputs", inputs)
    check_range("beta", beta, 0, math.inf, open_low=True, open_high=True)
    check_range("threshold", threshold, 0, math.inf)
    scaled = beta * inputs
    return output_gradient * jnp.where(scaled > threshold, 1, nn.sigmoid(scaled))


def maxout_backward(
    output_gradient: Float[Array, "*batch groups"], inputs: Float[Array, "*batch features"], *, group_size: int = 2
) -> Float[Array, "*batch features"]:
    """Backward rule of maxout: the largest of a group takes the gradient.

        dL/dx_ij = dL/dh_i 1[x_ij = h_i] / |{j: x_ij = h_i}|

    Args:
      output_gradient: (*batch, groups) dL/dh.
      inputs: (*batch, groups * group_size) x.
      group_size: neighbouring features that compete.
    Returns: (*batch, groups * group_size) dL/dx; entries that tie share equally.
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Goodfellow et al. 2013, section 3; notes 001 section 15.
    """
    check_floating("output_gradient", output_gradient)
    check_floating("inputs", inputs)
    check_not_scalar("output_gradient", output_gradient, "(*batch, groups)")
    check_count("group_size", group_size)
    if inputs.shape != (*output_gradient.shape[:-1], group_size * output_gradient.shape[-1]):
        raise ValueError(
            f"output_gradient: got shape {output_gradient.shape} for inputs of shape {inputs.shape} in groups of"
            f" {group_size}, wanted (*batch, groups)"
        )
    groups = inputs.reshape(*output_gradient.shape, group_size)
    winners = (groups == jnp.max(groups, axis=-1, keepdims=True)).astype(output_gradient.dtype)
    share = winners / jnp.sum(winners, axis=-1, keepdims=True)
    return (output_gradient[..., None] * share).reshape(inputs.shape)


class ActivationRule(NamedTuple):
    """An activation and its backward rule: `backward(output_gradient, inputs, outputs)` takes what it needs."""

    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array, Array], Array]


ACTIVATION_RULES: dict[str, ActivationRule] = {
    "abs_rectifier": ActivationRule(nn.abs_rectifier, lambda g, x, _: abs_rectifier_backward(g, x)),
    "elu": ActivationRule(nn.elu, lambda g, x, _: elu_backward(g, x)),
    "identity": ActivationRule(lambda x: x, lambda g, x, _: g),
    "leaky_relu": ActivationRule(nn.leaky_relu, lambda g, x, _: leaky_relu_backward(g, x)),
    "relu": ActivationRule(nn.relu, lambda g, x, _: relu_backward(g, x)),
    "sigmoid": ActivationRule(nn.sigmoid, lambda g, _, y: sigmoid_backward(g, y)),
    "softmax": ActivationRule(nn.softmax, lambda g, _, y: softmax_backward(g, y)),
    "softplus": ActivationRule(nn.softplus, lambda g, x, _: softplus_backward(g, x)),
    "tanh": ActivationRule(nn.tanh, lambda g, _, y: tanh_backward(g, y)),
}
"""Activations with their rules, by name; the softmax is the one that is not elementwise."""


def get_activation_rule(activation: str | ActivationRule) -> ActivationRule:
    """An activation with its backward rule by name; a rule is given back.

    Args:
      activation: a name of `ACTIVATION_RULES`, or an `ActivationRule`.
    Returns: the rule.
    Raises: ValueError if the name is unknown; TypeError if it is neither a name nor a rule.
    """
    if isinstance(activation, ActivationRule):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"activation: got {activation!r}, wanted a name or an ActivationRule(forward, backward)")
    check_choice("activation", activation, ACTIVATION_RULES)
    return ACTIVATION_RULES[activation]
