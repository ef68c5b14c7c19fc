"""Backward rule and Jacobian of the softmax."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_not_scalar, check_same_shape

__all__ = ["softmax_backward", "softmax_jacobian"]


def softmax_jacobian(outputs: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes classes"]:
    """Jacobian of the softmax over the last axis, from its output.

        dp_i/dx_j = p_i - p_i^2 if i = j else -p_i p_j,    J = diag(p) - p p^T

    Args:
      outputs: (*batch, classes) p.
    Returns: (*batch, classes, classes), symmetric; rows and columns add to 0.
    Raises: TypeError if `outputs` are not floating; ValueError if they are a scalar.
    Source: Goodfellow et al. 2016, section 6.2.2.3; notes 004 "multi-class".
    """
    check_floating("outputs", outputs)
    check_not_scalar("outputs", outputs, "(..., classes)")
    diagonal = outputs[..., None] * jnp.broadcast_to(
        jnp.eye(outputs.shape[-1], dtype=outputs.dtype), (*outputs.shape, outputs.shape[-1])
    )
    return diagonal - outputs[..., :, None] * outputs[..., None, :]


def softmax_backward(
    output_gradient: Float[Array, "*batch classes"], outputs: Float[Array, "*batch classes"]
) -> Float[Array, "*batch classes"]:
    """Backward rule of the softmax over the last axis, without its Jacobian.

        dL/dx = J^T dL/dp = p (dL/dp - sum_j p_j dL/dp_j)

    Args:
      output_gradient: (*batch, classes) dL/dp.
      outputs: (*batch, classes) p.
    Returns: (*batch, classes) dL/dx.
    Raises: ValueError if the shapes differ or the arrays are scalars; TypeError if one is not floating.
    Source: Goodfellow et al. 2016, section 6.2.2.3; notes 004 "multi-class".
    """
    check_floating("output_gradient", output_gradient)
    check_floating("outputs", outputs)
    check_not_scalar("outputs", outputs, "(..., classes)")
    check_same_shape("output_gradient", output_gradient, "outputs", outputs)
    return outputs * (output_gradient - jnp.sum(outputs * output_gradient, axis=-1, keepdims=True))
