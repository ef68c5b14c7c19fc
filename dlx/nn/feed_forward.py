"""The position-wise network of a Transformer."""

from collections.abc import Callable, Mapping

from jaxtyping import Array, Float

from dlx.nn.linear import affine
from dlx.nn.named import get_activation

__all__ = ["feed_forward"]


def feed_forward(
    params: Mapping[str, Array],
    inputs: Float[Array, "*batch features"],
    *,
    activation: str | Callable[[Array], Array] = "relu",
    between: Callable[[Array], Array] | None = None,
) -> Float[Array, "*batch outputs"]:
    """Two affine layers for each place by itself.

        FFN(x) = phi(x W_1 + b_1) W_2 + b_2

    Every place has the same weights and none sees another: to exchange two places exchanges their results.

    Args:
      params: {"hidden_kernel": (features, hidden), "hidden_bias": (hidden,), "output_kernel": (hidden, outputs),
        "output_bias": (outputs,)}.
      inputs: (*batch, features).
      activation: phi, a name of `ACTIVATIONS` or a function.
      between: what happens to the hidden layer behind phi, dropout in training.
    Returns: (*batch, outputs).
    Raises: ValueError if shapes do not fit, a parameter is missing or `activation` is unknown; TypeError if an array
      is not floating.
    Source: Vaswani et al. 2017, eq. 2; notes 001 section 11.
    """
    names = ["hidden_bias", "hidden_kernel", "output_bias", "output_kernel"]
    if not isinstance(params, Mapping) or sorted(params) != names:
        came = sorted(params) if isinstance(params, Mapping) else type(params).__name__
        raise ValueError(f"params: got {came}, wanted {', '.join(names)}")
    hidden = get_activation(activation)(affine(inputs, params["hidden_kernel"], params["hidden_bias"]))
    return affine(hidden if between is None else between(hidden), params["output_kernel"], params["output_bias"])
