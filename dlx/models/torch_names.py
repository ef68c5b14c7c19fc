"""What PyTorch calls the layers of our networks: the maps that `from_torch` and `load_torch_weights` take."""

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from dlx.errors import CheckpointError
from dlx.models.alexnet import AlexNet
from dlx.models.densenet import DenseNet
from dlx.models.lenet import LeNet
from dlx.models.resnet import ResNet
from dlx.models.vgg import VGG
from dlx.models.weights import load_torch_weights, load_weights, names_in

__all__ = ["TorchNames", "load_named_weights", "torch_names"]


class TorchNames(NamedTuple):
    """The map of a network's layers to PyTorch's.

    Fields: names, {path of our layer: name of PyTorch's}; flattened, {path of a dense layer after a flatten: (height,
    width, channels) before it}.
    """

    names: dict[str, str]
    flattened: dict[str, tuple[int, int, int]]


def torch_names(model: Any, variables: Mapping[str, Any]) -> TorchNames:
    """PyTorch's names of the layers of a network, which `from_torch` and `load_torch_weights` take.

        LeNet                                "0", "3", "7", "9", "11": a Sequential of the notes' layers
        AlexNet, VGG, ResNet, DenseNet       "features.0", "layer1.0.conv1", ..., as torchvision has them

    With the CIFAR stem the names of ResNet and DenseNet stay what they are. Planes before a flatten are square.

    Args:
      model: one of these networks.
      variables: of it, as `init` made them; `jax.eval_shape` of it does as well.
    Returns: TorchNames(names, flattened).
    Raises: TypeError if the model is another one.
    Source: torchvision's documentation of its models; Zhang et al., Dive into Deep Learning, section 7.6.
    """
    if not isinstance(model, tuple(_RULES)):
        known = ", ".join(kind.__name__ for kind in _RULES)
        raise TypeError(f"model: got {type(model).__name__}, wanted one whose names PyTorch has: {known}")
    names = next(rule(model) for kind, rule in _RULES.items() if isinstance(model, kind))
    layers: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"]):
        layer, _, kind = jax.tree_util.keystr(path, simple=True, separator="/").rpartition("/")
        layers[layer] = leaf if kind == "kernel" else layers.get(layer)
    found = {layer: _renamed(layer, names) for layer in layers}
    return TorchNames(found, _flattened(model, layers) if "dense_0" in layers else {})


def load_named_weights(path: str | os.PathLike, model: Any, variables: Mapping[str, Any]) -> Any:
    """Reads a safetensors file with the names of dlx or, of a network that `torch_names` knows, with PyTorch's.

    Args:
      path: of the file.
      model: that gets the weights.
      variables: of it, as `init` made them; `jax.eval_shape` of it does as well.
    Returns: `variables` with the arrays of the file, in the dtypes of `variables`.
    Raises: CheckpointError if the file cannot be read or holds weights of another architecture, with a list of what is
      missing, unexpected or of another shape.
    Source: the safetensors format, version 0.4.
    """
    found = names_in(path)
    if any("/" in name for name in found):
        return load_weights(path, variables)
    try:
        names, flattened = torch_names(model, variables)
    except TypeError:
        raise CheckpointError(
            f"{path}: weights of another architecture: {', '.join(found[:2]) or 'nothing'} is no name of dlx, and"
            f" {type(model).__name__} has none in PyTorch"
        ) from None
    return load_torch_weights(path, variables, names, flattened=flattened)


def _renamed(layer: str, names: Any) -> str:
    """The first rule that fits the whole path; a path without one keeps its name, and is then missing in the file."""
    if isinstance(names, dict):
        return names.get(layer, layer)
    for pattern, name in names:
        fit = re.fullmatch(pattern, layer)
        if fit:
            return name(*(int(number) for number in fit.groups()))
    return layer


def _flattened(model: Any, layers: Mapping[str, Any]) -> dict[str, tuple[int, int, int]]:
    last = [kernel.shape[-1] for kernel in layers.values() if kernel is not None and len(kernel.shape) == 4][-1]
    side = math.isqrt(layers["dense_0"].shape[0] // last)
    return {"dense_0": (side, side, last)}


def _lenet(model: LeNet) -> dict[str, str]:
    return {"conv_0": "0", "conv_1": "3", "dense_0": "7", "dense_1": "9", "output": "11"}


def _alexnet(model: AlexNet) -> dict[str, str]:
    convolutions = {f"conv_{number}": f"features.{at}" for number, at in enumerate((0, 3, 6, 8, 10))}
    return convolutions | {"dense_0": "classifier.1", "dense_1": "classifier.4", "output": "classifier.6"}


def _vgg(model: VGG) -> dict[str, str]:
    names, at = {"dense_0": "classifier.0", "dense_1": "classifier.3", "output": "classifier.6"}, 0
    for block, (convolutions, _) in enumerate(model.blocks):
        for number in range(convolutions):
            names[f"block_{block}/conv_{number}"] = f"features.{at}"
            names[f"block_{block}/norm_{number}"] = f"features.{at + 1}"
            at += 3 if model.batch_norm else 2
        at += 1  # pooling
    return names


def _resnet(model: ResNet) -> list[tuple[str, Callable[..., str]]]:
    return [
        (r"conv_0", lambda: "conv1"),
        (r"norm_0", lambda: "bn1"),
        (r"group_(\d+)_block_(\d+)/conv_(\d+)", lambda g, b, k: f"layer{g + 1}.{b}.conv{k + 1}"),
        (r"group_(\d+)_block_(\d+)/norm_(\d+)", lambda g, b, k: f"layer{g + 1}.{b}.bn{k + 1}"),
        (r"group_(\d+)_block_(\d+)/shortcut_conv", lambda g, b: f"layer{g + 1}.{b}.downsample.0"),
        (r"group_(\d+)_block_(\d+)/shortcut_norm", lambda g, b: f"layer{g + 1}.{b}.downsample.1"),
        (r"output", lambda: "fc"),
    ]


def _densenet(model: DenseNet) -> list[tuple[str, Callable[..., str]]]:
    # a bottleneck's own norm and convolution come first
    own = 2 if model.bottleneck else 1

    def layer(block: int, number: int, name: str) -> str:
        return f"features.denseblock{block + 1}.denselayer{number + 1}.{name}"

    return [
        (r"conv_0", lambda: "features.conv0"),
        (r"norm_0", lambda: "features.norm0"),
        (r"block_(\d+)/bottleneck_norm_(\d+)", lambda b, k: layer(b, k, "norm1")),
        (r"block_(\d+)/bottleneck_conv_(\d+)", lambda b, k: layer(b, k, "conv1")),
        (r"block_(\d+)/norm_(\d+)", lambda b, k: layer(b, k, f"norm{own}")),
        (r"block_(\d+)/conv_(\d+)", lambda b, k: layer(b, k, f"conv{own}")),
        (r"transition_(\d+)/norm_0", lambda b: f"features.transition{b + 1}.norm"),
        (r"transition_(\d+)/conv_0", lambda b: f"features.transition{b + 1}.conv"),
        (r"final_norm", lambda: "features.norm5"),
        (r"output", lambda: "classifier"),
    ]


_RULES: dict[type, Callable[[Any], Any]] = {
    LeNet: _lenet, AlexNet: _alexnet, VGG: _vgg, ResNet: _resnet, DenseNet: _densenet
}  # fmt: skip
