"""Named intermediate activations: they can be looked at, and differentiated by."""

from flax import linen as nn
from jax import Array

__all__ = ["tap"]


def tap(module: nn.Module, name: str, value: Array) -> Array:
    """Names an activation: `value`, plus a perturbation if the caller gives one.

    With `mutable=["intermediates"]` the activation comes out of `apply` in a tuple under its name. If the collection
    "perturbations" holds an array under the name it is added: the gradient by zeros there is the gradient by the
    activation. `init` makes neither, so that saved weights and training states hold parameters only. The name must not
    be that of a layer of the module.

    Args:
      module: whose activation it is.
      name: as "activation_0".
      value: the activation.
    Returns: what the module goes on with.
    """
    module.sow("intermediates", name, value)
    if module.has_variable("perturbations", name):
        return value + module.get_variable("perturbations", name)
    return value
