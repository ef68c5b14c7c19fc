"""What every linear model is when it has been fitted, and what it says about an example."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.nn.linear import l2_norm

__all__ = ["LinearParams", "Solution", "classify", "decision_function", "hyperplane_side", "signed_distance"]


class LinearParams(NamedTuple):
    """Weights and bias: y = x W + b, names and layout as Flax's Dense; one output has no output axis."""

    kernel: Float[Array, "features *outputs"]
    bias: Float[Array, "*outputs"]


class Solution(NamedTuple):
    """What an iterative solver found, and how far from the optimum it can be."""

    params: LinearParams
    objective: Float[Array, ""]
    """The cost that was minimised, at `params`."""
    residual: Float[Array, ""]
    """What the solver brings below its tolerance; its docstring says which."""
    iterations: Integer[Array, ""]


def decision_function(
    params: LinearParams, inputs: Float[Array, "*batch features"]
) -> Float[Array, "*batch"] | Float[Array, "*batch outputs"]:
    """Output of a linear model.

        y = x w + b,    or y = x W + b with an output per column of W

    Args:
      params: kernel (features,) and bias (), or kernel (features, outputs) and bias (outputs,).
      inputs: (*batch, features) x.
    Returns: (*batch,) or (*batch, outputs).
    Raises: ValueError if the shapes do not fit.
    Source: notes 004 "linear model".
    """
    kernel, bias = params
    if inputs.ndim == 0 or kernel.ndim not in (1, 2) or inputs.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"params: got a kernel of shape {kernel.shape} for inputs of shape {inputs.shape}, wanted (features,) or"
            " (features, outputs) with the last axis of inputs"
        )
    if bias.shape != kernel.shape[1:]:
        raise ValueError(f"params: got a bias of shape {bias.shape}, wanted {kernel.shape[1:]}, one for each output")
    outputs = inputs @ kernel
    return outputs + jnp.broadcast_to(bias, outputs.shape)


def hyperplane_side(params: LinearParams, inputs: Float[Array, "*batch features"]) -> Integer[Array, "*batch"]:
    """The side of the hyperplane w.x + b = 0 on which a point lies: the decision of a linear classifier.

        sign(w.x + b): 1 above the plane, where w points, -1 below, 0 on it

    Args:
      params: kernel (features,) w and bias () b.
      inputs: (*batch, features) x.
    Returns: (*batch,) int32 in -1, 0, 1.
    Raises: ValueError if the shapes do not fit or the model has an output axis.
    Source: Cortes and Vapnik 1995, section 2; notes 001 section 15.
    """
    _check_one_output(params)
    return jnp.sign(decision_function(params, inputs)).astype(jnp.int32)


def signed_distance(params: LinearParams, inputs: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Distance of a point to the hyperplane w.x + b = 0, negative below it.

        (w.x + b) / ||w||

    Args:
      params: kernel (features,) w, not zero, and bias () b.
      inputs: (*batch, features) x.
    Returns: (*batch,); infinite or NaN if w is zero and there is no plane.
    Raises: ValueError if the shapes do not fit or the model has an output axis.
    Source: Bishop 2006, eq. 4.7; notes 001 section 15.
    """
    _check_one_output(params)
    return decision_function(params, inputs) / l2_norm(params.kernel)


def classify(params: LinearParams, inputs: Float[Array, "*batch features"]) -> Integer[Array, "*batch"]:
    """Class number that a linear classifier gives.

        1 if w.x + b > 0, otherwise 0;    argmax_c (x W + b)_c with an output per class

    Args:
      params: one output (two classes), or an output per class.
      inputs: (*batch, features) x.
    Returns: (*batch,) int32 class numbers; of equal outputs the first class.
    Raises: ValueError if the shapes do not fit.
    Source: Bishop 2006, section 4.1; notes 001 section 4 and section 15.
    """
    outputs = decision_function(params, inputs)
    classes = outputs > 0 if params.kernel.ndim == 1 else jnp.argmax(outputs, axis=-1)
    return classes.astype(jnp.int32)


def _check_one_output(params: LinearParams) -> None:
    if params.kernel.ndim != 1:
        raise ValueError(f"params: got a kernel of shape {params.kernel.shape}, wanted (features,): one hyperplane")
