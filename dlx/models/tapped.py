"""A model as a function of its inputs and of one of its activations."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen as nn
from jax import Array

__all__ = ["tapped"]


def tapped(
    model: nn.Module, variables: Mapping[str, Any], name: str
) -> Callable[[Array, Array | None], tuple[Array, Array]]:
    """A trained model in the form that `dlx.explain.grad_cam` wants.

        logits, activations = forward(inputs, perturbation)

    Args:
      model: a model that names its activations.
      variables: its weights, {"params": ..., "batch_stats": ...}.
      name: of the activation, as "activation_0", or of a submodule's, as "block_1/output".
    Returns: a function of (inputs, perturbation) with the model in test mode. The perturbation, if it is not None, is
      added to the activation; activations come as they are before it.
    Raises: when called, ValueError if the model has no such activation, or names it without a way to perturb it: the
      gradient by it would be zero, and nobody told.
    Source: convention of this package.
    """
    *modules, last = name.split("/")

    def apply(inputs: Array, perturbation: Array | None) -> tuple[Array, Any]:
        given = variables
        if perturbation is not None:
            nested: Any = {last: perturbation}
            for module in reversed(modules):
                nested = {module: nested}
            given = {**variables, "perturbations": nested}
        logits, changed = model.apply(given, inputs, train=False, mutable=["intermediates"])
        return logits, changed.get("intermediates", {})

    def forward(inputs: Array, perturbation: Array | None = None) -> tuple[Array, Array]:
        if perturbation is not None and not _depends(lambda p: apply(inputs, p)[0], perturbation):
            raise ValueError(f"name: got {name!r}, which the model names without a perturbation; `tap` gives it one")
        logits, found = apply(inputs, perturbation)
        for part in (*modules, last):
            if not isinstance(found, Mapping) or part not in found:
                there = ", ".join(found) if isinstance(found, Mapping) else "nothing"
                raise ValueError(f"name: got {name!r}, wanted the path of a named activation; at {part!r} are {there}")
            found = found[part]
        if isinstance(found, Mapping):
            raise ValueError(f"name: got {name!r}, a module, wanted one of its activations: {', '.join(found)}")
        return logits, found[0]

    return forward


def _depends(function: Callable[[Array], Array], argument: Array) -> bool:
    """Whether the argument enters the function's program anywhere."""
    program = jax.make_jaxpr(function)(argument).jaxpr
    return any(variable is program.invars[0] for equation in program.eqns for variable in equation.invars)
