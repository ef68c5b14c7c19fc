"""Explanations by gradients with respect to the inputs.

`forward(inputs) -> logits` is a model with its weights, as `lambda inputs: model.apply(variables, inputs)`.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, Key

from dlx.checks import check_choice, check_count, check_floating, check_key, check_range, check_same_shape
from dlx.explain._logits import check_forward, check_labels, chosen
from dlx.explain.rectifiers import deconvolution_relu, guided_relu

__all__ = ["guided_backpropagation", "input_gradient", "integrated_gradients", "saliency", "smooth_grad"]

Inputs = Float[Array | np.ndarray, "batch *features"]
Labels = Int[Array | np.ndarray, "batch"]
Forward = Callable[[Array], Array]


def input_gradient(forward: Forward, inputs: Inputs, labels: Labels) -> Float[Array, "batch *features"]:
    """The gradient of one logit of each example with respect to its inputs.

        out_b = d logits_{b, labels_b} / d inputs_b

    An example's logits must not depend on the other examples of the batch.

    Args:
      forward: inputs -> logits (batch, classes).
      inputs: (batch, ...).
      labels: (batch,), the class that is explained: the one predicted, or any other.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if shapes do not fit or a label is no class; TypeError if `inputs` are not floating.
    Source: Simonyan et al. 2014, section 3.
    """
    check_forward(forward, "inputs")
    inputs = _inputs(inputs)
    check_labels(labels, inputs)
    return jax.grad(lambda x: jnp.sum(chosen(forward(x), labels)))(inputs)


def saliency(
    forward: Forward,
    inputs: Float[Array | np.ndarray, "batch height width channels"],
    labels: Labels,
    *,
    reduce: Literal["max", "sum", "l2"] = "max",
) -> Float[Array, "batch height width"]:
    """How strongly each pixel changes the logit of a class.

        out = max_c |g_c|,    g = input_gradient(forward, inputs, labels)

    Args:
      forward: inputs -> logits (batch, classes).
      inputs: (batch, height, width, channels).
      labels: (batch,), the class that is explained.
      reduce: over channels: the largest |g|, the sum of |g|, or the norm of g.
    Returns: (batch, height, width), not negative.
    Raises: ValueError if shapes do not fit, a label is no class or `reduce` is unknown; TypeError if `inputs` are not
      floating.
    Source: Simonyan et al. 2014, section 3.1.
    """
    check_choice("reduce", reduce, ("max", "sum", "l2"))
    if len(jnp.shape(inputs)) != 4:
        raise ValueError(f"inputs: got shape {jnp.shape(inputs)}, wanted (batch, height, width, channels)")
    gradient = input_gradient(forward, inputs, labels)
    if reduce == "l2":
        return jnp.sqrt(jnp.sum(gradient * gradient, axis=-1))
    return (jnp.max if reduce == "max" else jnp.sum)(jnp.abs(gradient), axis=-1)


def guided_backpropagation(
    forward: Callable[[Array, Callable[[Array], Array]], Array],
    inputs: Inputs,
    labels: Labels,
    *,
    rule: Literal["guided", "deconvolution"] = "guided",
) -> Float[Array, "batch *features"]:
    """The gradient by the inputs through rectifiers that pass no negative gradient back.

        out = input_gradient(x -> forward(x, guided_relu), inputs, labels)

    It draws sharp pictures, and is known to depend little on the upper layers' weights: check it with
    `weight_randomisation`.

    Args:
      forward: (inputs, activation) -> logits (batch, classes), a model that uses `activation` as its rectifier, as
        `lambda inputs, activation: model.clone(activation=activation).apply(variables, inputs)`.
      inputs: (batch, ...).
      labels: (batch,), the class that is explained.
      rule: `guided_relu`, or the deconvolutional network's `deconvolution_relu`.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if shapes do not fit, a label is no class or `rule` is unknown; TypeError if `inputs` are not
      floating or `forward` does not take two arguments.
    Source: Springenberg et al. 2015, section 3.4; Zeiler and Fergus 2014; Adebayo et al. 2018.
    """
    check_choice("rule", rule, ("guided", "deconvolution"))
    check_forward(forward, "inputs, activation")
    activation = guided_relu if rule == "guided" else deconvolution_relu
    return input_gradient(lambda x: forward(x, activation), inputs, labels)


def smooth_grad(
    key: Key[Array, ""], forward: Forward, inputs: Inputs, labels: Labels, *, samples: int = 25, noise: float = 0.15
) -> Float[Array, "batch *features"]:
    """The mean gradient over noisy copies of the inputs.

        out = mean_n input_gradient(forward, x + e_n, labels),    e_n ~ N(0, (noise (max x - min x))^2)

    Args:
      key: of the noise.
      forward: inputs -> logits (batch, classes).
      inputs: (batch, ...).
      labels: (batch,), the class that is explained.
      samples: copies, computed one after the other.
      noise: standard deviation as a share of the range of each example.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if shapes do not fit, a label is no class, or `samples` or `noise` is out of range; TypeError if
      `inputs` are not floating or `key` is no key.
    Source: Smilkov et al. 2017, section 2.2.
    """
    check_key("key", key)
    check_count("samples", samples)
    check_range("noise", noise, 0, float("inf"), open_high=True)
    inputs = _inputs(inputs)
    check_labels(labels, inputs)
    axes = tuple(range(1, inputs.ndim))
    spread = noise * (jnp.max(inputs, axes, keepdims=True) - jnp.min(inputs, axes, keepdims=True))

    def add(total: Array, one: Array) -> tuple[Array, None]:
        noisy = inputs + spread * jax.random.normal(one, inputs.shape, inputs.dtype)
        return total + input_gradient(forward, noisy, labels), None

    return lax.scan(add, jnp.zeros_like(inputs), jax.random.split(key, samples))[0] / samples


def integrated_gradients(
    forward: Forward, inputs: Inputs, labels: Labels, baseline: Inputs | None = None, *, steps: int = 32
) -> Float[Array, "batch *features"]:
    """Shares of each input in the difference of a logit from that of a baseline.

        out = (x - x') int_0^1 g(x' + t (x - x')) dt,    sum out = logit(x) - logit(x')

    By Gauss and Legendre's rule: of a logit that is a polynomial along the way of degree up to 2 `steps` the sum is
    exact; of a network with rectifiers it comes near with more steps (the paper advises 20 to 300).

    Args:
      forward: inputs -> logits (batch, classes).
      inputs: (batch, ...), x.
      labels: (batch,), the class that is explained.
      baseline: x', the shape of `inputs`; None for zeros, which should then be what holds no information.
      steps: points of the rule, computed one after the other.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if shapes do not fit, a label is no class or `steps` is below 1; TypeError if `inputs` are not
      floating.
    Source: Sundararajan et al. 2017, section 3.
    """
    check_count("steps", steps)
    inputs = _inputs(inputs)
    check_labels(labels, inputs)
    start = jnp.zeros_like(inputs) if baseline is None else jnp.asarray(baseline)
    check_same_shape("baseline", start, "inputs", inputs)
    way = inputs - start
    points, weights = np.polynomial.legendre.leggauss(steps)
    rule = (jnp.asarray((points + 1) / 2, inputs.dtype), jnp.asarray(weights / 2, inputs.dtype))

    def add(total: Array, one: tuple[Array, Array]) -> tuple[Array, None]:
        at, weight = one
        return total + weight * input_gradient(forward, start + at * way, labels), None

    return way * lax.scan(add, jnp.zeros_like(inputs), rule)[0]


def _inputs(inputs: Inputs) -> Array:
    check_floating("inputs", inputs)
    if not inputs.ndim:
        raise ValueError("inputs: got a scalar, wanted (batch, ...)")
    return jnp.asarray(inputs)
