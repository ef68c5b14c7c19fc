"""Checks that the hand derivations share: functions and layers."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlx.checks import came, check_floating


def check_layers(params: Any, weights: str, name: str = "params") -> None:
    """Refuse what is no list of {weights, bias}, floating arrays, one layer at least."""
    wanted = f"{{{weights}, bias}}"
    if not isinstance(params, Sequence) or isinstance(params, str):
        raise TypeError(f"{name}: got {came(params)}, wanted a list of layers {wanted}")
    if not params:
        raise ValueError(f"{name}: got no layer, wanted one or more of {wanted}")
    for number, layer in enumerate(params):
        if not isinstance(layer, Mapping):
            raise TypeError(f"{name}[{number}]: got {came(layer)}, wanted a layer {wanted}")
        if set(layer) != {weights, "bias"}:
            raise ValueError(f"{name}[{number}]: got {{{', '.join(map(str, layer))}}}, wanted {wanted}")
        for entry, array in layer.items():
            check_floating(f"{name}[{number}][{entry}]", array)
