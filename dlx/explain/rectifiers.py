"""Rectifiers whose backward pass is not their derivative: for pictures, not for training."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from dlx.checks import check_floating

__all__ = ["deconvolution_relu", "guided_relu"]


def guided_relu(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rectified linear unit that passes back what is positive, where the unit was on.

        forward: max(0, x)    backward: g <- g [g > 0] [x > 0]

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`. The forward derivative (jvp) is not defined.
    Raises: TypeError if `inputs` are not floating.
    Source: Springenberg et al. 2015, section 3.4.
    """
    check_floating("inputs", inputs)
    return _guided(inputs)


def deconvolution_relu(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rectified linear unit that passes back what is positive, wherever the unit was.

        forward: max(0, x)    backward: g <- g [g > 0]

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`. The forward derivative (jvp) is not defined.
    Raises: TypeError if `inputs` are not floating.
    Source: Zeiler and Fergus 2014, section 2.1; Springenberg et al. 2015, section 3.4.
    """
    check_floating("inputs", inputs)
    return _deconvolution(inputs)


@jax.custom_vjp
def _guided(inputs: Array) -> Array:
    return jnp.where(inputs <= 0, 0, inputs)


_guided.defvjp(
    lambda inputs: (_guided(inputs), inputs > 0),
    lambda on, gradient: (jnp.where(on & (gradient > 0), gradient, 0),),
)


@jax.custom_vjp
def _deconvolution(inputs: Array) -> Array:
    return jnp.where(inputs <= 0, 0, inputs)


_deconvolution.defvjp(
    lambda inputs: (_deconvolution(inputs), None),
    lambda _, gradient: (jnp.where(gradient > 0, gradient, 0),),
)
