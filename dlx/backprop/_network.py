"""What the two forms of the delta recursion share."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from dlx.checks import check_choice, check_range

Params = Sequence[Mapping[str, Any]]
Activation = Literal["sigmoid", "tanh"]


def check_network(params: Params, inputs: Any, targets: Any, activation: str, weight_decay: Any = 0.0) -> None:
    """Refuse layers that do not follow one another, and examples that do not fit them."""
    check_choice("activation", activation, ("sigmoid", "tanh"))
    check_range("weight_decay", weight_decay, 0, np.inf, open_high=True)
    if not params:
        raise ValueError("params: got no layer, wanted one or more of {weights, bias}")
    if np.ndim(inputs) != 2:
        raise ValueError(f"inputs: got shape {np.shape(inputs)}, wanted (features, samples)")
    units = np.shape(inputs)[0]
    for number, layer in enumerate(params):
        weights, bias = np.shape(layer["weights"]), np.shape(layer["bias"])
        if len(weights) != 2 or weights[1] != units or bias != weights[:1]:
            raise ValueError(
                f"params[{number}]: got weights of shape {weights} and bias of shape {bias}, wanted (units, {units})"
                " and (units,)"
            )
        units = weights[0]
    wanted = (units, np.shape(inputs)[1])
    if targets is not None and np.shape(targets) != wanted:
        raise ValueError(f"targets: got shape {np.shape(targets)}, wanted {wanted}, an output for each sample")
