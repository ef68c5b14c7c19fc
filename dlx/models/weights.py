"""Weights in and out: safetensors files, and layers of PyTorch by a map of names."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dlx.errors import CheckpointError

__all__ = ["from_torch", "load_torch_weights", "load_weights", "save_weights"]

# PyTorch's name of each parameter and statistic of ours, within its layer
_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "alpha": "weight",
    "embedding": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
# (out, in) -> (in, out), (out, in, width) -> (width, in, out), OIHW -> HWIO
_KERNEL_AXES = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0)}

_ALL = '. Wanted are all variables of the model, {"params": ...}, not its parameters alone'
_SHOWN = 10


def save_weights(path: str | os.PathLike, variables: Mapping[str, Any]) -> None:
    """Writes the variables of a model as a safetensors file, whole or not at all.

    A name is the path of an array, "params/conv_0/kernel" or "batch_stats/norm_0/mean"; shapes and dtypes are kept. A
    file that is there is replaced.

    Args:
      path: of the file; its folder is made if it is missing.
      variables: {"params": ..., "batch_stats": ...}, of one model: of a stacked state take one replica.
    Returns: nothing.
    Raises: CheckpointError if the disk refuses; a file that was there is then intact. TypeError if something is no
      array.
    Source: the safetensors format, version 0.4.
    """
    path = Path(path)
    arrays = {name: _on_host(name, leaf) for name, leaf in _named(variables).items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # the same folder: only there is a rename atomic
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, temporary, metadata={"format": "dlx weights"})
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: the weights could not be written: {_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def load_weights(path: str | os.PathLike, variables: Mapping[str, Any], *, skip: Sequence[str] = ()) -> Any:
    """Reads what `save_weights` wrote: every name and shape has to fit.

    Args:
      path: of the file.
      variables: of the model that gets the weights, as `init` made them; `jax.eval_shape` of it does as well.
      skip: paths whose arrays stay as they are in `variables`, whatever the file holds: "params/output" leaves the head
        of a model out.
    Returns: `variables` with the arrays of the file, in the dtypes of `variables`.
    Raises: CheckpointError if the file cannot be read or holds weights of another architecture: it lists the names
      that are missing, unexpected or of another shape. ValueError if `skip` names nothing in `variables`.
    Source: the safetensors format, version 0.4.
    """
    own = _named(variables)
    for prefix in skip:
        if not any(_is_below(name, prefix) for name in own):
            raise ValueError(f"skip: got {prefix!r}, wanted the path of arrays as {', '.join(list(own)[:3])}, ...")
    wanted = {name: leaf for name, leaf in own.items() if not any(_is_below(name, prefix) for prefix in skip)}
    with _opened(path) as file:
        held = [name for name in file.keys() if not any(_is_below(name, p) for p in skip)]  # noqa: SIM118 - no dict
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in held}
        misfit = _misfit(shapes, {name: leaf.shape for name, leaf in wanted.items()})
        if misfit:
            raise CheckpointError(
                f"{path}: weights of another architecture: {misfit}{_hint(file.metadata(), held, own)}"
            )
        values = {name: _with_dtype(file.get_tensor(name), leaf) for name, leaf in wanted.items()}
    return _unflatten(variables, own | values)


def load_torch_weights(
    path: str | os.PathLike,
    variables: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    flattened: Mapping[str, tuple[int, int, int]] | None = None,
) -> Any:
    """Reads a safetensors file with PyTorch's names, as the hubs of models have them.

    Args:
      path: of the file.
      variables: of our model, as `init` made them; `jax.eval_shape` of it does as well.
      names: {path of our layer: name of PyTorch's}, as `torch_names` makes them.
      flattened: {path of a dense layer after a flatten: (height, width, channels) before it}, every one: see
        `from_torch`.
    Returns: `variables` with PyTorch's numbers, in the dtypes of `variables`.
    Raises: CheckpointError if the file cannot be read or holds weights of another architecture, with a list of what is
      missing, unexpected or of another shape. ValueError if `names` do not fit `variables`.
    Source: the safetensors format, version 0.4.
    """
    _check_names(variables, names, flattened or {})
    with _opened(path) as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    try:
        return from_torch(state, variables, names, flattened=flattened)
    except ValueError as error:
        raise CheckpointError(f"{path}: {str(error).removeprefix('state: ')}") from None


def names_in(path: str | os.PathLike) -> list[str]:
    """The names of the arrays in a safetensors file.

    Raises: CheckpointError if it cannot be read.
    """
    with _opened(path) as file:
        return list(file.keys())


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[Any]:
    try:
        with safe_open(path, "np") as file:
            yield file
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file of weights") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as safetensors: {_reason(error)}. dlx.models.save_weights writes such files; "
            "dlx.models.from_torch takes the weights of a PyTorch model"
        ) from error


def from_torch(
    state: Mapping[str, Any],
    variables: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    flattened: Mapping[str, tuple[int, int, int]] | None = None,
) -> Any:
    """The weights of a PyTorch model in the layout of ours.

        kernel: OIHW -> HWIO, (out, in) -> (in, out)    scale: weight    mean, var: running_mean, running_var

    A transposed convolution's kernel changes its axes as a convolution's does. After a flatten PyTorch counts features
    in the order channels, rows, columns and dlx in the order rows, columns, channels: the layers of `flattened` are put
    in order. One that is missing there is not noticed, since its shape is the same in both orders: the model then gives
    wrong outputs.

    Args:
      state: PyTorch's `state_dict()`: {name: tensor}; NumPy arrays do as well.
      variables: of our model, as `init` made them; `jax.eval_shape` of it does as well.
      names: {path of our layer: name of PyTorch's}, as {"block_0/conv_0": "features.0"}, without collections; every
        layer has to be there.
      flattened: {path of a dense layer after a flatten: (height, width, channels) before it}; every such layer has to
        be there, but for those whose height and width are 1.
    Returns: `variables` with PyTorch's numbers, in the dtypes of `variables`.
    Raises: TypeError if `state` is a module or anything else but a mapping; ValueError listing layers without a name
      and names without a layer, or what in `state` is missing, unexpected or of another shape. A layer that `flattened`
      lacks raises nothing.
    Source: PyTorch's documentation of Conv2d, Linear and BatchNorm2d.
    """
    if not isinstance(state, Mapping):
        which = "its" if hasattr(state, "state_dict") else "a"
        raise TypeError(f"state: got {type(state).__name__}, wanted {which} state_dict()")
    wanted, flattened = _named(variables), flattened or {}
    _check_names(variables, names, flattened)
    theirs = {name: _torch_name(name, names) for name in wanted}
    values = {
        name: _in_our_layout(name, _to_numpy(state[source]), flattened)
        for name, source in theirs.items()
        if source in state
    }
    # counted by PyTorch for a momentum of None only
    spare = set(state) - set(theirs.values()) - {name for name in state if name.endswith("num_batches_tracked")}
    shown = {name: f"{name} ({source})" for name, source in theirs.items()}
    misfit = _misfit(
        {**{shown[name]: value.shape for name, value in values.items()}, **dict.fromkeys(sorted(spare), ())},
        {shown[name]: leaf.shape for name, leaf in wanted.items()},
    )
    if misfit:
        raise ValueError(f"state: weights of another architecture: {misfit}")
    return _unflatten(variables, {name: _with_dtype(value, wanted[name]) for name, value in values.items()})


def _check_names(variables: Any, names: Mapping[str, str], flattened: Mapping[str, Any]) -> None:
    layers = {_split(name)[0] for name in _named(variables)}
    unnamed, unknown = sorted(layers - set(names)), sorted({*names, *flattened} - layers)
    if unnamed or unknown:
        found = _listed("layers without a name", unnamed, "names without a layer", unknown)
        raise ValueError(f"names: {found}{'' if 'params' in variables else _ALL}")


def _named(variables: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_flatten_with_path(variables)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _unflatten(variables: Any, values: Mapping[str, Any]) -> Any:
    structure = jax.tree_util.tree_structure(variables)
    return jax.tree_util.tree_unflatten(structure, [values[name] for name in _named(variables)])


def _is_below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}/")


def _on_host(name: str, leaf: Any) -> np.ndarray:
    if isinstance(leaf, jax.ShapeDtypeStruct) or not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        raise TypeError(f"variables: got {type(leaf).__name__} at {name}, wanted arrays only")
    return np.asarray(leaf, order="C")


def _with_dtype(value: np.ndarray, like: Any) -> jax.Array:
    return jnp.asarray(value.astype(like.dtype))


def _misfit(there: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> str:
    """What does not fit, in words; empty if all does."""
    shapes = [(name, there[name], shape) for name, shape in wanted.items() if name in there]
    return _listed(
        "missing",
        [name for name in wanted if name not in there],
        "unexpected",
        [name for name in there if name not in wanted],
        "of another shape",
        [f"{name} has {got}, wanted {shape}" for name, got, shape in shapes if got != shape],
    )


def _listed(*parts: Any) -> str:
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return "; ".join(f"{len(names)} {what}: {_few(names)}" for what, names in pairs if names)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _hint(metadata: Mapping[str, str] | None, held: Sequence[str], own: Mapping[str, Any]) -> str:
    """What the file, or the variables, seem to be."""
    if (metadata or {}).get("format") == "dlx checkpoint":
        return ". This is the checkpoint of a run, not the weights of a model; dlx.train.checkpoint reads it"
    if any("." in name for name in held) and not any("/" in name for name in held):
        return ". The file looks like PyTorch's: dlx.models.load_named_weights knows the names of some networks"
    if {f"params/{name}" for name in own} & set(held):
        return _ALL
    return ""


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _split(name: str) -> tuple[str, str]:
    """("block_0/conv_0", "kernel") of "params/block_0/conv_0/kernel"."""
    _, *layer, leaf = name.split("/")
    return "/".join(layer), leaf


def _torch_name(name: str, names: Mapping[str, str]) -> str:
    layer, leaf = _split(name)
    if leaf not in _LEAVES:
        raise ValueError(f"variables: got {name}, which PyTorch has no name for; known are {', '.join(_LEAVES)}")
    return ".".join(part for part in (names[layer], _LEAVES[leaf]) if part)


def _to_numpy(tensor: Any) -> np.ndarray:
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        # NumPy has no bfloat16 to take PyTorch's as
        tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return np.asarray(tensor)


def _in_our_layout(name: str, value: np.ndarray, flattened: Mapping[str, tuple[int, int, int]]) -> np.ndarray:
    layer, leaf = _split(name)
    if leaf != "kernel" or value.ndim not in _KERNEL_AXES:
        return value
    if layer in flattened and value.ndim == 2:
        height, width, channels = flattened[layer]
        if value.shape[1] == height * width * channels:  # another size is reported with its shape
            planes = value.reshape(len(value), channels, height, width)
            return planes.transpose(2, 3, 1, 0).reshape(-1, len(value))
    return value.transpose(_KERNEL_AXES[value.ndim])
