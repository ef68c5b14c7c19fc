"""Fine-tuning: all layers but the head from another model, and learning rates of their own for old and new ones."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dlx import optim
from dlx.checks import check_range
from dlx.train.supervised import Supervised, SupervisedState

__all__ = ["Copied", "copy_parameters", "fine_tuning_optimizer", "replica_variables", "start_from"]


class Copied(NamedTuple):
    """What `copy_parameters` did.

    Fields: params, the tree; copied, paths whose arrays come from the source; kept, paths that stay as they were in the
    target; unused, paths of the source below `skip` that nothing took.
    """

    params: Any
    copied: tuple[str, ...]
    kept: tuple[str, ...]
    unused: tuple[str, ...]


def copy_parameters(source: Any, target: Any, *, skip: Sequence[str] = ("output",)) -> Copied:
    """The arrays of one model in another, all but those of some layers.

    Every array that is not skipped has to be in both trees, with one shape.

    Args:
      source: parameters of the trained model, a tree of arrays.
      target: parameters of the new model, as its `init` made them.
      skip: paths of layers that stay as they are in `target`, as "output" or "block_3/conv_1"; () for none.
    Returns: Copied(params, copied, kept, unused): `params` has the structure and the dtypes of `target`.
    Raises: ValueError listing every array that is missing in one of the two or has another shape; also if `skip` names
      nothing in `target`.
    Source: Zhang et al., Dive into Deep Learning, section 14.2; notes 001 section 10.
    """
    for prefix in _prefixes(skip):
        if not any(_is_below(path, prefix) for path in _named(target)):
            raise ValueError(f"skip: got {prefix!r}, wanted the path of a layer; there are {', '.join(_named(target))}")
    return _copy(source, target, skip)


def replica_variables(state: SupervisedState, *, replica: int = 0) -> dict[str, Any]:
    """The model of one replica, as it is evaluated: with the average of its parameters, if it has one.

    Args:
      state: stacked over replicas.
      replica: its number.
    Returns: {"params": ..., "batch_stats": ...}, what `model.apply` and `start_from` take.
    Raises: IndexError if there are fewer replicas.
    Source: convention of this package.
    """
    params = state.params if state.ema is None else state.ema
    count = len(jax.tree.leaves(params)[0])
    if not -count <= replica < count:
        raise IndexError(f"replica: got {replica}, wanted the number of one of {count}")
    return jax.tree.map(lambda leaf: leaf[replica], {"params": params, **state.model_state})


def start_from(task: Supervised, variables: Mapping[str, Any], *, skip: Sequence[str] = ("output",)) -> Supervised:
    """A task whose `init` starts from a trained model, its skipped layers from scratch.

    Args:
      task: of the new model, made by `supervised`.
      variables: {"params": ..., "batch_stats": ...} of the trained model: of a stacked state take one replica. The
        other collections than params are copied by the same rules.
      skip: paths of layers, as `copy_parameters` takes them, in every collection that has them.
    Returns: the task with another `init`. Replicas differ in the skipped layers and in the data order.
    Raises: when `init` runs, ValueError if the models do not fit, as `copy_parameters`, or a collection is missing.
    Source: notes 001 section 10.
    """

    def init(key: jax.Array, **hyperparameters: Any) -> SupervisedState:
        state = task.init(key, **hyperparameters)
        wanted = {"params", *state.model_state}
        if set(variables) != wanted:
            raise ValueError(
                f"variables: got the collections {', '.join(sorted(variables)) or 'none'}, wanted "
                f"{', '.join(sorted(wanted))}"
            )
        params = copy_parameters(variables["params"], state.params, skip=skip).params
        model_state = {name: _copy(variables[name], own, skip).params for name, own in state.model_state.items()}
        # a copy: two leaves of a donated state must not share memory
        average = None if state.ema is None else jax.tree.map(jnp.copy, params)
        return state._replace(params=params, model_state=model_state, ema=average)

    return task._replace(init=init)


def fine_tuning_optimizer(
    optimizer: optax.GradientTransformation,
    *,
    ratio: Any = 10.0,
    new: Sequence[str] = ("output",),
    frozen: Sequence[str] = (),
) -> optax.GradientTransformation:
    """An optimizer with the full learning rate for new layers and a part of it for the others.

        u <- u for parameters of `new` layers,    u <- u / ratio for the others,    0 for `frozen` ones

    Args:
      optimizer: with the learning rate of the new layers.
      ratio: of the two learning rates, at least 1; infinity freezes all that is not new. It may be traced, so that a
        sweep over it is one program: `optax.inject_hyperparams` of a function (ratio) that makes this.
      new: paths of layers.
      frozen: paths of layers that do not change at all.
    Returns: the optimizer and `dlx.optim.groups` behind it.
    Raises: ValueError if `ratio` is below 1 or there is no layer in `new`; at its init, if no parameter has a path.
    Source: Zhang et al., Dive into Deep Learning, section 14.2 (ratio 10); notes 001 section 10 (up to 1000).
    """
    check_range("ratio", ratio, 1, float("inf"))
    if not _prefixes(new):
        raise ValueError("new: got none, wanted the paths of the layers that start from scratch")
    rules = {**dict.fromkeys(map(_pattern, _prefixes(frozen)), 0.0), **dict.fromkeys(map(_pattern, new), 1.0)}
    return optax.chain(optimizer, optim.groups(rules, default=1.0 / ratio))


def _copy(source: Any, target: Any, skip: Sequence[str]) -> Copied:
    theirs, own = _named(source), _named(target)

    def skipped(path: str) -> bool:
        return any(_is_below(path, prefix) for prefix in skip)

    wanted = [path for path in own if not skipped(path)]
    problems = [f"{path} is missing in the source" for path in wanted if path not in theirs]
    problems += [f"{path} is missing in the target" for path in theirs if path not in own and not skipped(path)]
    problems += [
        f"{path} has shape {theirs[path].shape}, wanted {own[path].shape}"
        for path in wanted
        if path in theirs and theirs[path].shape != own[path].shape
    ]
    if problems:
        raise ValueError(
            f"source: does not fit the target outside of {', '.join(skip) or 'nothing'}: {'; '.join(problems)}"
        )
    values = {path: jnp.array(theirs[path], own[path].dtype) for path in wanted}
    params = jax.tree.unflatten(jax.tree.structure(target), [values.get(path, leaf) for path, leaf in own.items()])
    kept, unused = tuple(path for path in own if skipped(path)), tuple(path for path in theirs if skipped(path))
    return Copied(params, tuple(wanted), kept, unused)


def _named(tree: Any) -> dict[str, Any]:
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _prefixes(paths: Sequence[str]) -> Sequence[str]:
    if isinstance(paths, str):
        raise TypeError(f"got the string {paths!r}, wanted a sequence of paths, as ({paths!r},)")
    return paths


def _pattern(prefix: str) -> str:
    return f"^{re.escape(prefix)}(/|$)"
