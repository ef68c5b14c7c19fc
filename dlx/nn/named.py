"""Activations and initializers by name, for configurations and command lines."""

from collections.abc import Callable

from jax import Array

from dlx.checks import check_choice
from dlx.nn import activations, gated_activations, initializers

__all__ = ["ACTIVATIONS", "INITIALIZERS", "get_activation", "get_initializer"]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "abs_rectifier": activations.abs_rectifier,
    "elu": activations.elu,
    "gelu": gated_activations.gelu,
    "leaky_relu": activations.leaky_relu,
    "relu": activations.relu,
    "sigmoid": activations.sigmoid,
    "silu": gated_activations.silu,
    "softplus": activations.softplus,
    "squared_relu": gated_activations.squared_relu,
    "tanh": activations.tanh,
}
"""Elementwise activations without parameters that can be trained through."""

INITIALIZERS: dict[str, Callable[..., Array]] = {name: getattr(initializers, name) for name in initializers.__all__}
"""Every initializer, `init(key, shape, dtype)`."""


def get_activation(activation: str | Callable[[Array], Array]) -> Callable[[Array], Array]:
    """An activation by its name; a function is given back.

    Args:
      activation: a name of `ACTIVATIONS`, or a function of an array.
    Returns: the function.
    Raises: ValueError if the name is unknown.
    """
    if callable(activation):
        return activation
    check_choice("activation", activation, ACTIVATIONS)
    return ACTIVATIONS[activation]


def get_initializer(initializer: str | Callable[..., Array]) -> Callable[..., Array]:
    """An initializer by its name; a function is given back.

    Args:
      initializer: a name of `INITIALIZERS`, or a function `init(key, shape, dtype)`.
    Returns: the function.
    Raises: ValueError if the name is unknown.
    """
    if callable(initializer):
        return initializer
    check_choice("initializer", initializer, INITIALIZERS)
    return INITIALIZERS[initializer]
