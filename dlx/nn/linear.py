"""The affine layer and the norms of a vector."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_not_scalar

__all__ = ["affine", "l1_norm", "l2_norm", "squared_l2_norm"]


def affine(
    inputs: Float[Array, "*batch features"],
    kernel: Float[Array, "features units"],
    bias: Float[Array, "units"] | None = None,
) -> Float[Array, "*batch units"]:
    """Affine map, the fully connected (dense) layer.

        y = x W + b

    The kernel lies as (features, units), as in Flax; PyTorch keeps its transpose.

    Args:
      inputs: (*batch, features).
      kernel: (features, units).
      bias: (units,), or None for a linear map.
    Returns: (*batch, units).
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Goodfellow et al. 2016, section 6.1; notes 001 section 1, 004 "affine".
    """
    check_floating("inputs", inputs)
    check_floating("kernel", kernel)
    if kernel.ndim != 2 or inputs.ndim == 0 or inputs.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"kernel: got shape {kernel.shape} for inputs of shape {inputs.shape}, wanted (features, units) with the"
            " last axis of inputs"
        )
    outputs = inputs @ kernel
    if bias is None:
        return outputs
    check_floating("bias", bias)
    if bias.shape != kernel.shape[1:]:
        raise ValueError(f"bias: got shape {bias.shape}, wanted {kernel.shape[1:]}, the units of kernel")
    return outputs + jnp.broadcast_to(bias, outputs.shape)


def l1_norm(vector: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Sum of absolute values over the last axis.

        ||x||_1 = sum_i |x_i|

    Args:
      vector: (*batch, features).
    Returns: (*batch,). The gradient is sign(x), 0 at 0.
    Raises: TypeError if `vector` is not floating; ValueError if it is a scalar.
    Source: Goodfellow et al. 2016, section 2.5; notes 003 "norms".
    """
    _check_vector(vector)
    # the derivative of jnp.abs at 0 is 1
    return jnp.sum(vector * jnp.sign(vector), axis=-1)


def squared_l2_norm(vector: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Squared Euclidean norm over the last axis.

        ||x||_2^2 = x^T x

    Args:
      vector: (*batch, features).
    Returns: (*batch,).
    Raises: TypeError if `vector` is not floating; ValueError if it is a scalar.
    Source: Goodfellow et al. 2016, section 2.5; notes 003 "norms".
    """
    _check_vector(vector)
    return jnp.sum(vector * vector, axis=-1)


def l2_norm(vector: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Euclidean norm over the last axis.

        ||x||_2 = sqrt(x^T x) = m sqrt(sum_i (x_i / m)^2),    m = max_i |x_i|

    Scaled by the largest entry, so that it neither overflows nor underflows where the norm itself is a number.

    Args:
      vector: (*batch, features).
    Returns: (*batch,). The gradient is x / ||x||_2, and 0 at 0, where the norm has none.
    Raises: TypeError if `vector` is not floating; ValueError if it is a scalar.
    Source: Goodfellow et al. 2016, section 2.5; notes 003 "norms".
    """
    _check_vector(vector)
    # any m gives the same norm and gradient: it is held constant, and 1 where dividing by it means nothing
    largest = lax.stop_gradient(jnp.max(jnp.abs(vector), axis=-1, keepdims=True, initial=0))
    scale = jnp.where((largest == 0) | jnp.isinf(largest), 1, largest)
    square = squared_l2_norm(vector / scale)
    # sqrt'(0) is infinite: the inner where keeps 0 * inf out of the gradient
    return jnp.where(square == 0, 0, scale[..., 0] * jnp.sqrt(jnp.where(square == 0, 1, square)))


def _check_vector(vector: Array) -> None:
    check_floating("vector", vector)
    check_not_scalar("vector", vector, "(..., features)")
