"""What the two forms of the delta recursion share."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from dlx.backprop._checks import check_layers
from dlx.checks import check_choice, check_floating, check_range

Params = Sequence[Mapping[str, Any]]
Activation = Literal["sigmoid", "tanh"]


def check_network(params: Params, inputs: Any, targets: Any, activation: str, weight_decay: Any = 0.0) -> None:
    """Refuse layers that do not follow one another, and examples that do not fit them."""
    check_choice("activation", activation, ("sigmoid", "tanh"))
    check_range("weight_decay", weight_decay, 0, np.inf, open_high=True)
    check_layers(params, "weights")
    check_floating("inputs", inputs)
    if inputs.ndim != 2:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (features, samples)")
    units = inputs.shape[0]
    for number, layer in enumerate(params):
        weights, bias = layer["weights"].shape, layer["bias"].shape
        if len(weights) != 2 or weights[1] != units or bias != weights[:1]:
            raise ValueError(
                f"params[{number}]: got weights of shape {weights} and bias of shape {bias}, wanted (units, {units})"
                " and (units,)"
            )
        units = weights[0]
    if targets is None:
        return
    check_floating("targets", targets)
    wanted = (units, inputs.shape[1])
    if targets.shape != wanted:
        raise ValueError(f"targets: got shape {targets.shape}, wanted {wanted}, an output for each sample")
