"""The states of all replicas: made, described, and told to every process."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dlx.errors import UsageError
from dlx.train.layout import Layout, through_key_data

__all__ = ["from_first_process", "initialise", "sweep_points", "template"]


def sweep_points(sweep: Mapping[str, Sequence[float]] | None) -> list[dict[str, float]]:
    """{"a": (1, 2), "b": (3, 4)} -> [{"a": 1, "b": 3}, {"a": 2, "b": 4}]; without a sweep one empty point."""
    if not sweep:
        return [{}]
    lengths = {name: len(values) for name, values in sweep.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise UsageError(f"The sweep's lists want one common length of at least 1; got {lengths}.")
    return [dict(zip(sweep, point, strict=True)) for point in zip(*sweep.values(), strict=True)]


def initialise(init: Callable, seeds: Sequence[int], sweep: Mapping[str, Sequence[float]] | None = None) -> Any:
    """The states of all replicas on the host: replica (v, s) has the v-th value of the sweep and the s-th seed.

    Args:
      init: init(key) -> state; with a sweep init(key, **hyperparameters).
      seeds: one each for the replicas of one value.
      sweep: name -> values, all of one length.
    Returns: the state with a leading axis of len(values) * len(seeds).
    """
    _check_swept(init, sweep)
    # run once: on a CPU, level 1 gave the default's bits and compiles in 0.4 of the time
    hurry = {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else None
    one = jax.jit(init, compiler_options=hurry)
    states = [one(jax.random.key(seed), **values) for values in sweep_points(sweep) for seed in seeds]
    return jax.tree.map(_stack, *states)


def template(init: Callable, seeds: Sequence[int], sweep: Mapping[str, Sequence[float]] | None, layout: Layout) -> Any:
    """Shapes, dtypes and, where one array is one leaf on all devices, shardings of what `initialise` would give."""
    _check_swept(init, sweep)
    points = sweep_points(sweep)
    one = jax.eval_shape(init, jax.random.key(0), **{name: jnp.float32(value) for name, value in points[0].items()})
    return layout.describe(one, len(points) * len(seeds))


def from_first_process(step: int, state: Any, shapes: Any) -> tuple[int, Any]:
    """The step and the host state of process 0, in every process; a step of 0 comes without a state."""
    from jax.experimental import multihost_utils

    step = int(multihost_utils.broadcast_one_to_all(np.int32(step)))
    if step == 0:
        return 0, None
    own = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes) if jax.process_index() else state
    tell = multihost_utils.broadcast_one_to_all
    return step, jax.tree.map(lambda leaf: through_key_data(lambda a: np.asarray(tell(np.asarray(a))), leaf), own)


def _check_swept(init: Callable, sweep: Mapping[str, Sequence[float]] | None) -> None:
    taken = inspect.signature(init).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken):
        return
    missing = sorted(set(sweep or {}) - {parameter.name for parameter in taken})
    if missing:
        raise UsageError(
            f"--sweep {', '.join(missing)}: this run's init does not take it by name, so it is no part of the state."
        )


def _stack(*leaves: Any) -> Any:
    if jax.dtypes.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
        return jnp.stack(leaves)
    return np.stack([np.asarray(leaf) for leaf in leaves])
