"""What the networks without batch norms share: checks of their fields, and layers that take a network's own options.

A network is a Linen module with the fields `activation`, `kernel_init`, `dtype`, `param_dtype`; the functions below
read them, so that its `__call__` reads like the table of its paper.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import linen as nn

from dlx.checks import check_choice, check_count, check_range
from dlx.models.conv import Conv
from dlx.models.mlp import Linear
from dlx.nn import dropout, example_keys, get_activation, get_initializer

__all__ = [
    "activate",
    "check_features",
    "check_network",
    "check_widths",
    "conv_layer",
    "dense_layer",
    "drop",
    "from_preset",
    "shared",
    "smallest_size",
]


def check_network(network: Any) -> None:
    """Refuse what no network can have, among the fields that it has."""
    check_count("outputs", network.outputs)
    get_activation(network.activation)
    get_initializer(network.kernel_init)
    if hasattr(network, "dropout"):
        check_range("dropout", network.dropout, 0, 1, open_high=True)
    if hasattr(network, "dense"):
        check_widths("dense", network.dense, 2)
    if hasattr(network, "pad"):
        _check_pad(network.pad)
    if hasattr(network, "stem"):
        check_choice("stem", network.stem, ("imagenet", "cifar"))
    check_range("width", network.width, 0, float("inf"), open_low=True, open_high=True)


def _check_pad(pad: Any) -> None:
    if isinstance(pad, bool) or not isinstance(pad, int) or pad < 0:
        raise ValueError(f"pad: got {pad!r}, wanted an int of at least 0")


def check_widths(name: str, widths: Any, length: int) -> None:
    """Refuse what is not so many positive ints."""
    if not isinstance(widths, tuple | list) or len(widths) != length:
        raise ValueError(f"{name}: got {widths!r}, wanted {length} numbers")
    for one in widths:
        check_count(name, one)


def check_features(network: nn.Module, name: str, inputs: jax.Array, features: int) -> None:
    """Refuse images of another size than that for which the dense layer `name` was made."""
    kernel = network.variables.get("params", {}).get(name, {}).get("kernel")
    if kernel is not None and kernel.shape[0] != features:
        raise ValueError(
            f"inputs: got shape {inputs.shape}, which makes {features} features for {name}, wanted images of the size "
            f"for which its kernel was made, with {kernel.shape[0]} rows"
        )


def shared(module: Any) -> dict[str, Any]:
    """The options that a network hands on to its blocks."""
    return {name: getattr(module, name) for name in ("activation", "kernel_init", "dtype", "param_dtype")}


def conv_layer(module: Any, features: int, window: int, name: str, **options: Any) -> Conv:
    """A convolution with the options of its network."""
    return Conv(
        features,
        window,
        kernel_init=module.kernel_init,
        dtype=module.dtype,
        param_dtype=module.param_dtype,
        name=name,
        **options,
    )


def dense_layer(module: Any, outputs: int, name: str) -> Linear:
    """A dense layer with the options of its network."""
    return Linear(
        outputs, kernel_init=module.kernel_init, dtype=module.dtype, param_dtype=module.param_dtype, name=name
    )


def activate(module: Any, inputs: jax.Array) -> jax.Array:
    """The activation of the network."""
    return get_activation(module.activation)(inputs)


def drop(module: Any, inputs: jax.Array, train: bool) -> jax.Array:
    """Dropout with a key for each example of the whole batch."""
    if not (train and module.dropout):
        return inputs
    keys = example_keys(module.make_rng("dropout"), len(inputs), axis_name=module.axis_name)
    return dropout(keys, inputs, rate=module.dropout, train=True)


def smallest_size(*windows: tuple[int, int, int]) -> int:
    """Rows of the smallest image that gets through windows of (size, stride, padding), the first one first."""
    rows = 1
    for size, stride, padding in reversed(windows):
        rows = max(1, (rows - 1) * stride + size - 2 * padding)
    return rows


def from_preset(network: Callable, presets: Mapping[str, Mapping[str, Any]], name: str, changes: Mapping) -> Any:
    """The network of that name, with changes."""
    check_choice("name", name, presets)
    return network(**{**presets[name], **changes})
