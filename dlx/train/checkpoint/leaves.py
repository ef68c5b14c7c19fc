"""A state as named host arrays, and back: what every kind of checkpoint does before it writes and after it reads."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from dlx.errors import CheckpointError

__all__ = ["Leaf", "check_template", "describe", "fit_to_template", "is_key", "leaves_on_host", "named_leaves"]


class Leaf(NamedTuple):
    """One leaf on the host. For a typed key array `array` is its key data and `prng` the name of its generator."""

    name: str
    array: np.ndarray
    prng: str | None = None


def is_key(leaf: Any) -> bool:
    """Whether `leaf` (an array or a ShapeDtypeStruct) is a typed key array."""
    return jax.dtypes.issubdtype(getattr(leaf, "dtype", np.dtype(bool)), jax.dtypes.prng_key)


def named_leaves(tree: Any) -> list[tuple[str, Any]]:
    """The leaves of a pytree with their paths as names: `opt_state/0/mu/kernel`; a tree of one leaf has `state`.

    Raises: ValueError if two leaves have one name (a dictionary key that holds a slash).
    """
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    named = [(jax.tree_util.keystr(path, simple=True, separator="/") or "state", leaf) for path, leaf in paths]
    seen = {"__metadata__"}  # safetensors' own
    for name, _ in named:
        if name in seen:
            raise ValueError(f"state: the name {name!r} of a leaf is taken or reserved; rename a dictionary key")
        seen.add(name)
    return named


def leaves_on_host(state: Any, reuse: Sequence[Leaf] = ()) -> list[Leaf]:
    """Copies a state to the host. The copy shares no memory with it: the state may be donated or changed at once.

    Args:
      state: any pytree of arrays, typed key arrays and Python numbers.
      reuse: leaves of an earlier call that are needed no more. Where shape and dtype are the same their memory is
        written over: touching fresh pages takes longer than the copy.
    Raises: TypeError for a leaf that is no array of numbers; ValueError for one that this process cannot read whole.
    """
    named = [
        (name, jax.random.key_data(leaf), str(jax.random.key_impl(leaf))) if is_key(leaf) else (name, leaf, None)
        for name, leaf in named_leaves(state)
    ]
    for name, leaf, _ in named:
        if isinstance(leaf, jax.Array):
            if not (leaf.is_fully_addressable or leaf.is_fully_replicated):
                raise ValueError(f"state: leaf {name} is split over processes: gather it, or use orbax checkpoints")
            leaf.copy_to_host_async()  # all transfers are under way before the first is waited for
    memory = {leaf.name: leaf.array for leaf in reuse}
    return [Leaf(name, _own(name, leaf, memory.get(name)), prng) for name, leaf, prng in named]


def _own(name: str, leaf: Any, memory: np.ndarray | None) -> np.ndarray:
    array = np.asarray(leaf)  # of a jax array on a CPU a view of a buffer that the next step may overwrite
    extension = array.dtype.isbuiltin == 2  # bfloat16, float8, int4
    if not (array.dtype.kind in "biufc" or extension) or not array.dtype.isnative:
        raise TypeError(f"state: leaf {name} has dtype {array.dtype}; wanted numbers or booleans in native byte order")
    if memory is None or memory.shape != array.shape or memory.dtype != array.dtype:
        return np.array(array, order="C", copy=True)
    np.copyto(memory, array, casting="no")
    return memory


def describe(leaf: Any) -> str:
    """Dtype and shape as messages print them: `float32 (3, 4)`, `key<fry> ()`."""
    if not hasattr(leaf, "dtype"):
        leaf = np.asarray(leaf)
    return f"{leaf.dtype} {tuple(leaf.shape)}"


def _describe_saved(entry: dict) -> str:
    shape = tuple(entry["shape"])
    if not entry.get("key"):
        return f"{entry['dtype']} {shape}"
    try:
        key = jax.eval_shape(functools.partial(jax.random.key, impl=entry["key"]), 0)
    except ValueError:
        return f"key of the generator {entry['key']!r} (unknown to this jax) {shape[:-1]}"
    return f"{key.dtype} {shape[:-1]}"


def check_template(entries: Sequence[dict], template: Any, path: Path) -> None:
    """Compares what a checkpoint holds with what a state wants.

    Args:
      entries: of the manifest, {"name", "shape", "dtype"} and "key" where the leaf was a typed key array.
      template: a state, or its shapes (`jax.eval_shape`).
      path: of the checkpoint, for the message.
    Raises: CheckpointError that names each leaf of another name, shape or dtype, with both.
    """
    wanted = {name: describe(leaf) for name, leaf in named_leaves(template)}
    saved = {entry["name"]: _describe_saved(entry) for entry in entries}
    none = "no such leaf"
    wrong = [
        f"{name}: the checkpoint has {saved.get(name, none)}, the state {wanted.get(name, none)}"
        for name in {**wanted, **saved}
        if saved.get(name) != wanted.get(name)
    ]
    if wrong:
        shown = [*wrong[:8], *([f"... and {len(wrong) - 8} more"] if len(wrong) > 8 else [])]
        raise CheckpointError("\n  ".join([f"{path} does not fit the state:", *shown]))


def fit_to_template(leaves: Sequence[Leaf], template: Any) -> Any:
    """The leaves in the structure of `template`, which `check_template` has accepted."""
    by_name = {leaf.name: leaf for leaf in leaves}

    def restored(name: str, like: Any) -> Any:
        leaf = by_name[name]
        if leaf.prng:
            return jax.random.wrap_key_data(jax.numpy.asarray(leaf.array), impl=leaf.prng)
        return leaf.array if hasattr(like, "dtype") else leaf.array.item()  # a Python number stays one

    return jax.tree.unflatten(
        jax.tree.structure(template), [restored(name, like) for name, like in named_leaves(template)]
    )
