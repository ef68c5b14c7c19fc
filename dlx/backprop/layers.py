"""Backward rules of linear maps.

Layout. The derivative of a scalar has the shape of what it is taken by, vector or matrix; a reader of the notes' row
vector ds/dv reads its transpose. The derivative of a vector by a vector is the Jacobian in numerator layout,
(du/dv)_ij = du_i/dv_j: for z = W x, dz/dx = W; for z = x W, dz/dx = W^T. A rule takes the gradient of the loss with
respect to the outputs first, then what the forward function took, and gives gradients in that order.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating

__all__ = ["affine_backward", "column_affine_backward", "quadratic_form_backward"]


def affine_backward(
    output_gradient: Float[Array, "*batch units"],
    inputs: Float[Array, "*batch features"],
    kernel: Float[Array, "features units"],
) -> tuple[Float[Array, "*batch features"], Float[Array, "features units"], Float[Array, "units"]]:
    """Backward rule of the affine layer, examples in rows.

        Z = X W + 1 b:    dL/dX = dL/dZ W^T,    dL/dW = X^T dL/dZ,    dL/db = 1^T dL/dZ

    Args:
      output_gradient: (*batch, units) dL/dZ.
      inputs: (*batch, features) X.
      kernel: (features, units) W.
    Returns: dL/dX, dL/dW and dL/db, each in the shape of its matrix.
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Goodfellow et al. 2016, section 6.5.6; notes 001 section 3 (E11).
    """
    for name, array in (("output_gradient", output_gradient), ("inputs", inputs), ("kernel", kernel)):
        check_floating(name, array)
    if kernel.ndim != 2 or inputs.ndim == 0 or inputs.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"kernel: got shape {kernel.shape} for inputs of shape {inputs.shape}, wanted (features, units) with the"
            " last axis of inputs"
        )
    wanted = (*inputs.shape[:-1], kernel.shape[1])
    if output_gradient.shape != wanted:
        raise ValueError(f"output_gradient: got shape {output_gradient.shape}, wanted {wanted}, the shape of X W")
    rows = inputs.reshape(-1, kernel.shape[0])
    gradients = output_gradient.reshape(-1, kernel.shape[1])
    return output_gradient @ kernel.T, rows.T @ gradients, jnp.sum(gradients, axis=0)


def column_affine_backward(
    output_gradient: Float[Array, "units samples"],
    inputs: Float[Array, "features samples"],
    weights: Float[Array, "units features"],
) -> tuple[Float[Array, "features samples"], Float[Array, "units features"], Float[Array, "units"]]:
    """Backward rule of the affine layer, examples in columns.

        Z = W X + b 1:    dL/dX = W^T dL/dZ,    dL/dW = dL/dZ X^T,    dL/db = dL/dZ 1^T

    For one column, dL/dW is the outer product of dL/dz and x. The notes print it without the transpose; this is the
    accepted form.

    Args:
      output_gradient: (units, samples) dL/dZ.
      inputs: (features, samples) X.
      weights: (units, features) W.
    Returns: dL/dX, dL/dW and dL/db, each in the shape of its matrix.
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Goodfellow et al. 2016, algorithm 6.4; notes 001 section 3 (E11), 003 "vectorised".
    """
    for name, array in (("output_gradient", output_gradient), ("inputs", inputs), ("weights", weights)):
        check_floating(name, array)
    if weights.ndim != 2 or inputs.ndim != 2 or inputs.shape[0] != weights.shape[1]:
        raise ValueError(
            f"weights: got shape {weights.shape} for inputs of shape {inputs.shape}, wanted (units, features) with the"
            " first of two axes of inputs"
        )
    wanted = (weights.shape[0], inputs.shape[1])
    if output_gradient.shape != wanted:
        raise ValueError(f"output_gradient: got shape {output_gradient.shape}, wanted {wanted}, the shape of W X")
    return weights.T @ output_gradient, output_gradient @ inputs.T, jnp.sum(output_gradient, axis=1)


def quadratic_form_backward(
    output_gradient: Float[Array, ""], vector: Float[Array, "n"], matrix: Float[Array, "n n"]
) -> tuple[Float[Array, "n"], Float[Array, "n n"]]:
    """Backward rule of a quadratic form.

        z = x^T W x:    dL/dx = dL/dz (W + W^T) x,    dL/dW = dL/dz x x^T

    Args:
      output_gradient: scalar dL/dz.
      vector: (n,) x.
      matrix: (n, n) W, symmetric or not.
    Returns: dL/dx and dL/dW.
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Petersen and Pedersen 2012, eq. 81; notes 001 section 3.
    """
    for name, array in (("output_gradient", output_gradient), ("vector", vector), ("matrix", matrix)):
        check_floating(name, array)
    if output_gradient.ndim != 0:
        raise ValueError(f"output_gradient: got shape {output_gradient.shape}, wanted a scalar")
    if vector.ndim != 1 or matrix.shape != 2 * vector.shape:
        raise ValueError(f"matrix: got shape {matrix.shape} for a vector of shape {vector.shape}, wanted (n, n)")
    return output_gradient * ((matrix + matrix.T) @ vector), output_gradient * jnp.outer(vector, vector)
