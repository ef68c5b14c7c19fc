"""The backward pass of batch normalisation, in closed form and through the graph."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.backprop.graph import graph_gradients
from dlx.backprop.tape import Node
from dlx.checks import check_floating, check_range, check_same_shape

__all__ = ["batch_norm_backward", "batch_norm_backward_by_graph"]


def _check(output_gradient: Array, inputs: Array, scale: Array, eps: float) -> None:
    check_range("eps", eps, 0, np.inf, open_high=True)
    check_floating("inputs", inputs)
    check_same_shape("output_gradient", output_gradient, "inputs", inputs)
    if inputs.ndim < 2 or scale.shape != inputs.shape[-1:]:
        raise ValueError(
            f"scale: got shape {scale.shape} for inputs of shape {inputs.shape}, wanted (features,) for (..., features)"
        )


def batch_norm_backward(
    output_gradient: Float[Array, "*batch features"],
    inputs: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    *,
    eps: float = 1e-5,
) -> tuple[Float[Array, "*batch features"], Float[Array, "features"], Float[Array, "features"]]:
    """Backward rule of batch normalisation over the batch, in closed form.

        y = gamma xhat + beta,    xhat = (x - mean x) / sqrt(var x + eps)
        dL/dx = gamma / sqrt(var x + eps) (dL/dy - mean(dL/dy) - xhat mean(xhat dL/dy))
        dL/dgamma = sum(xhat dL/dy),    dL/dbeta = sum(dL/dy)

    Mean, variance (divided by the entries) and sums go over all axes but the last: the batch of a dense layer,
    batch, height and width of a convolution. The statistics are part of the graph.

    Args:
      output_gradient: (*batch, features) dL/dy.
      inputs: (*batch, features) x.
      scale: (features,) gamma.
      eps: added to the variance.
    Returns: dL/dx, dL/dgamma, dL/dbeta.
    Raises: ValueError if the shapes do not fit or `eps` is negative; TypeError if `inputs` are not floating.
    Source: Ioffe and Szegedy 2015, section 3; notes 004 "graph".
    """
    _check(output_gradient, inputs, scale, eps)
    x, gradient = _rows(inputs), _rows(output_gradient)
    centred = x - jnp.mean(x, axis=0, keepdims=True)
    inverse = 1 / jnp.sqrt(jnp.mean(centred * centred, axis=0, keepdims=True) + eps)
    normalised = centred * inverse
    by_scale, by_bias = jnp.sum(normalised * gradient, axis=0), jnp.sum(gradient, axis=0)
    means = (by_bias[None] + normalised * by_scale[None]) / x.shape[0]
    return (scale[None] * inverse * (gradient - means)).reshape(inputs.shape), by_scale, by_bias


def batch_norm_backward_by_graph(
    output_gradient: Float[Array, "*batch features"],
    inputs: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    *,
    eps: float = 1e-5,
) -> tuple[Float[Array, "*batch features"], Float[Array, "features"], Float[Array, "features"]]:
    """The same gradients from pointwise operations and means, each with its own pull.

        c = x - mean x,    y = gamma c / sqrt(mean c^2 + eps) + beta,    gradients by the chain rule

    Args:
      output_gradient: (*batch, features) dL/dy.
      inputs: (*batch, features) x.
      scale: (features,) gamma.
      eps: added to the variance.
    Returns: dL/dx, dL/dgamma, dL/dbeta.
    Raises: ValueError if the shapes do not fit or `eps` is negative; TypeError if `inputs` are not floating.
    Source: notes 004 "graph".
    """
    _check(output_gradient, inputs, scale, eps)
    x, gamma, beta = Node(_rows(inputs)), Node(scale), Node(jnp.zeros_like(scale))
    centred = x - x.mean(axis=0)
    y = gamma * centred / ((centred * centred).mean(axis=0) + eps).sqrt() + beta
    by_inputs, by_scale, by_bias = graph_gradients(y, [x, gamma, beta], output_gradient=_rows(output_gradient))
    return by_inputs.reshape(inputs.shape), by_scale, by_bias


def _rows(array: Array) -> Array:
    """(..., features) -> (entries, features)."""
    return array.reshape(-1, array.shape[-1])
