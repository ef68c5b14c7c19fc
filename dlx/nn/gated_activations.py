"""Activation functions x times a gate that x itself opens; of Transformers."""

import math
from typing import Literal

from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_floating
from dlx.nn.activations import relu, sigmoid

__all__ = ["gelu", "silu", "squared_relu"]


def gelu(inputs: Float[Array, "*shape"], *, approximate: Literal["none", "tanh"] = "none") -> Float[Array, "*shape"]:
    """Gaussian error linear unit: x times the probability that a standard normal number is below it.

        none   gelu(x) = x Phi(x) = x erfc(-x / sqrt(2)) / 2
        tanh   gelu(x) = x (1 + tanh(u)) / 2 = x sigmoid(2 u),    u = sqrt(2 / pi) (x + 0.044715 x^3)

    The two differ by less than 5e-4. PyTorch's default is the exact form as here, that of JAX the approximation.

    Args:
      inputs: any shape.
      approximate: "none", or "tanh", the paper's approximation, which GPT-2 was trained with.
    Returns: the shape and dtype of `inputs`, at least -0.17.
    Raises: ValueError if `approximate` is unknown; TypeError if `inputs` are no floating array.
    Source: Hendrycks and Gimpel 2016, section 2; notes 001 section 11 has the ReLU in its place.
    """
    check_floating("inputs", inputs)
    check_choice("approximate", approximate, ("none", "tanh"))
    if approximate == "tanh":
        return inputs * sigmoid(2 * math.sqrt(2 / math.pi) * (inputs + 0.044715 * inputs**3))
    # 1 + erf would have no digits left for x below -4
    return inputs * lax.erfc(inputs * -math.sqrt(0.5)) / 2


def silu(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Sigmoid linear unit, also called swish.

        silu(x) = x sigmoid(x)

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`, at least -0.28.
    Raises: TypeError if `inputs` are no floating array.
    Source: Hendrycks and Gimpel 2016, section 2; Ramachandran et al. 2017.
    """
    check_floating("inputs", inputs)
    return inputs * sigmoid(inputs)


def squared_relu(inputs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Square of the rectified linear unit.

        f(x) = max(0, x)^2,    f'(x) = 2 max(0, x)

    Args:
      inputs: any shape.
    Returns: the shape and dtype of `inputs`. NaN stays NaN.
    Raises: TypeError if `inputs` are no floating array.
    Source: So et al. 2021, section 4.
    """
    rectified = relu(inputs)
    return rectified * rectified
