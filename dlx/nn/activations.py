"""Activation functions, elementwise unless said otherwise: values and gradients are finite to |x| = 1e4.

At a knee the derivative is that of the branch below it: f'(0) is the slope for x < 0.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating, check_not_scalar, check_range

__all__ = [
    "abs_rectifier",
    "elu",
    "generalised_relu",
    "heaviside",
    "leaky_relu",
    "maxout",
    "prelu",
    "relu",
    "sigmoid",
    "softplus",
    "tanh",
]


def sigmoid(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Logistic function.

        sigmoid(x) = 1 / (1 + exp(-x)) = softmax([x, 0])_0,    sigmoid'(x) = sigmoid(x) sigmoid(-x)

    The notes print sigmoid(-x) for the softmax form; this is the accepted one. The derivative keeps its digits where
    the value rounds to 1.

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`, in [0, 1].
    Raises: TypeError if `inputs` are no floating array.
    Source: Goodfellow et al. 2016, eq. 3.30 and 3.33; notes 001 section 1.
    """
    check_floating("inputs", inputs)
    return _sigmoid(inputs)


@jax.custom_jvp
def _sigmoid(inputs: Array) -> Array:
    return lax.logistic(inputs)


@_sigmoid.defjvp
def _sigmoid_jvp(primals, tangents):
    (inputs,), (tangent,) = primals, tangents
    # of sigmoid(x) and sigmoid(-x) = 1 - sigmoid(x) the smaller has its digits; value and derivative come of one
    # exponential. The derivative of abs at 0 is 1, which makes the second and third derivatives right there.
    smaller = lax.logistic(-jnp.abs(inputs))
    return jnp.where(inputs >= 0, 1 - smaller, smaller), tangent * (smaller * (1 - smaller))


def tanh(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Hyperbolic tangent.

        tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 sigmoid(2 x) - 1,    tanh' = 1 - tanh^2 = 1 / cosh^2

    The derivative keeps its digits where the value rounds to 1.

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`, in [-1, 1].
    Raises: TypeError if `inputs` are no floating array.
    Source: Goodfellow et al. 2016, section 6.3.2; notes 001 section 1.
    """
    check_floating("inputs", inputs)
    return _tanh(inputs)


@jax.custom_jvp
def _tanh(inputs: Array) -> Array:
    return lax.tanh(inputs)


@_tanh.defjvp
def _tanh_jvp(primals, tangents):
    (inputs,), (tangent,) = primals, tangents
    # 1 / cosh(x)^2 = 4 sigmoid(2 x) sigmoid(-2 x); 1 - tanh(x)^2 would be 0 from |x| = 9 on in float32
    smaller = lax.logistic(-2 * jnp.abs(inputs))
    return _tanh(inputs), tangent * (4 * smaller * (1 - smaller))


def relu(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rectified linear unit.

        relu(x) = max(0, x),    relu'(x) = 1 if x > 0 else 0

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`. NaN stays NaN.
    Raises: TypeError if `inputs` are no floating array.
    Source: Goodfellow et al. 2016, section 6.3; notes 001 section 15, 004 "activations".
    """
    check_floating("inputs", inputs)
    # jnp.maximum has the derivative 1/2 at 0; `x > 0` as the condition would turn NaN into 0
    return jnp.where(inputs <= 0, 0, inputs)


def leaky_relu(inputs: Float[Array, "*shape"], *, negative_slope: float = 0.01) -> Float[Array, "*shape"]:
    """Rectifier with a small fixed slope below zero.

        f(x) = x if x > 0 else alpha x

    Args:
      inputs: any shape.
      negative_slope: alpha, not negative.
    Returns: the shape and dtype of `inputs`. The derivative at 0 is alpha (JAX: 1).
    Raises: ValueError if `negative_slope` is negative or not finite.
    Source: Maas et al. 2013, eq. 1; notes 001 section 1.
    """
    check_range("negative_slope", negative_slope, 0, math.inf, open_high=True)
    return generalised_relu(inputs, negative_slope=negative_slope)


def prelu(
    inputs: Float[Array, "*batch channels"], alpha: Float[Array, ""] | Float[Array, "channels"]
) -> Float[Array, "*batch channels"]:
    """Rectifier whose slope below zero is learnt.

        f(x) = x if x > 0 else alpha x,    df/dalpha = x 1[x <= 0]

    Args:
      inputs: (*batch, channels).
      alpha: slope, one for all or one per channel (He et al. start at 0.25).
    Returns: (*batch, channels). The derivative at 0 is alpha.
    Raises: ValueError if `alpha` is neither a scalar nor (channels,); TypeError if `inputs` are no floating array.
    Source: He et al. 2015, eq. 1; notes 001 section 1.
    """
    check_floating("inputs", inputs)
    check_floating("alpha", alpha)
    if alpha.shape not in ((), inputs.shape[-1:]):
        raise ValueError(f"alpha: got shape {alpha.shape}, wanted () or {inputs.shape[-1:]}, the last axis of inputs")
    return jnp.where(inputs > 0, inputs, jnp.broadcast_to(alpha, inputs.shape) * inputs)


def elu(inputs: Float[Array, "*shape"], *, alpha: float = 1.0) -> Float[Array, "*shape"]:
    """Exponential linear unit.

        f(x) = x if x > 0 else alpha (exp(x) - 1)

    Args:
      inputs: any shape.
      alpha: minus the limit at -infinity, not negative.
    Returns: the shape and dtype of `inputs`. The derivative at 0 is alpha.
    Raises: ValueError if `alpha` is negative or not finite; TypeError if `inputs` are no floating array.
    Source: Clevert et al. 2016, eq. 15; notes 001 section 1.
    """
    check_floating("inputs", inputs)
    check_range("alpha", alpha, 0, math.inf, open_high=True)
    # exp(x) of a large x would put 0 * inf into the gradient of the branch that is not taken
    return jnp.where(inputs > 0, inputs, alpha * _expm1(jnp.where(inputs > 0, 0, inputs)))


@jax.custom_jvp
def _expm1(inputs: Array) -> Array:
    return jnp.expm1(inputs)


@_expm1.defjvp
def _expm1_jvp(primals, tangents):
    (inputs,), (tangent,) = primals, tangents
    # JAX adds 1 to the value, which is 0 where the value rounds to -1
    return _expm1(inputs), tangent * jnp.exp(inputs)


def softplus(inputs: Float[Array, "*shape"], *, beta: float = 1.0, threshold: float = 20.0) -> Float[Array, "*shape"]:
    """Smooth rectifier, linear where it would be so to rounding.

        f(x) = log(1 + exp(beta x)) / beta,    f(x) = x where beta x > threshold

    It lies above the ReLU by at most log(2) / beta.

    Args:
      inputs: any shape.
      beta: sharpness.
      threshold: where the linear branch begins, not negative; 20 as PyTorch has it leaves a gap of 2e-9 / beta there.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if `beta` is not positive and finite or `threshold` is negative; TypeError if
      `inputs` are no floating array.
    Source: Dugas et al. 2001; notes 001 section 1.
    """
    check_floating("inputs", inputs)
    check_range("beta", beta, 0, math.inf, open_low=True, open_high=True)
    check_range("threshold", threshold, 0, math.inf)
    scaled = beta * inputs
    return jnp.where(scaled > threshold, inputs, jnp.logaddexp(scaled, 0) / beta)


def generalised_relu(inputs: Float[Array, "*shape"], *, negative_slope: float = 0.0) -> Float[Array, "*shape"]:
    """The family of piecewise linear units with one knee.

        f(x) = max(0, x) + a min(0, x)

    a = 0 is the ReLU, a small a the leaky ReLU, a = -1 the absolute value.

    Args:
      inputs: any shape.
      negative_slope: a.
    Returns: the shape and dtype of `inputs`. The derivative at 0 is a.
    Raises: ValueError if `negative_slope` is not finite; TypeError if `inputs` are no floating array.
    Source: Goodfellow et al. 2016, section 6.3.1; notes 001 section 15.
    """
    check_floating("inputs", inputs)
    check_range("negative_slope", negative_slope, -math.inf, math.inf, open_low=True, open_high=True)
    return jnp.where(inputs > 0, inputs, negative_slope * inputs)


def abs_rectifier(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Absolute value rectification.

        f(x) = max(0, x) - min(0, x) = |x|

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`. The derivative at 0 is -1.
    Raises: TypeError if `inputs` are no floating array.
    Source: Jarrett et al. 2009; notes 001 section 15.
    """
    check_floating("inputs", inputs)
    # 0 - x and not -x, which would be -0 at 0
    return jnp.where(inputs > 0, inputs, 0 - inputs)


def maxout(inputs: Float[Array, "*batch features"], *, group_size: int = 2) -> Float[Array, "*batch groups"]:
    """Largest of each group of neighbouring features.

        h_i = max(x_{ik}, ..., x_{ik + k - 1})

    Args:
      inputs: (*batch, groups * group_size).
      group_size: k.
    Returns: (*batch, groups). Entries that tie share the gradient equally.
    Raises: ValueError if `inputs` are a scalar or `group_size` does not divide the features; TypeError if
      `inputs` are no floating array.
    Source: Goodfellow et al. 2013, section 3; notes 001 section 15.
    """
    check_floating("inputs", inputs)
    check_not_scalar("inputs", inputs, "(..., features)")
    check_count("group_size", group_size)
    features = inputs.shape[-1]
    if features % group_size:
        raise ValueError(
            f"group_size: got {group_size} for inputs of shape {inputs.shape}, wanted a divisor of the last axis"
        )
    return jnp.max(inputs.reshape(*inputs.shape[:-1], features // group_size, group_size), axis=-1)


def heaviside(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Step function of the perceptron.

        h(x) = 1 if x > 0 else 0

    NaN stays NaN.

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`; the gradient is 0 everywhere.
    Raises: TypeError if `inputs` are no floating array.
    Source: Rosenblatt 1958; notes 001 section 2.
    """
    check_floating("inputs", inputs)
    return jnp.where(jnp.isnan(inputs), jnp.nan, (inputs > 0).astype(inputs.dtype))
