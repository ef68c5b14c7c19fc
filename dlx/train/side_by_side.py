"""Several tasks trained in one run on the same batches."""

from collections.abc import Mapping
from typing import Any

import jax

from dlx.train.supervised import Supervised

__all__ = ["side_by_side"]


def side_by_side(tasks: Mapping[str, Any]) -> Supervised:
    """Several tasks as one: each batch is a step of all of them, so that they differ in nothing but what is compared.

    The state is {ending: state of its own}, metrics are named by the task's own name and its ending, as "loss_notes" of
    a task "_notes". Every task starts from the same key. What a sweep changes, it changes in the task "".

    Args:
      tasks: ending -> task: a `Supervised`, or whatever has init, step and measure.
    Returns: init, step and measure.
    Raises: ValueError if there is no task, or at the first trace if two tasks give metrics of one name.
    """
    if not tasks:
        raise ValueError("tasks: got none, wanted one or more")

    def init(key: jax.Array, **changes: Any) -> dict:
        return {end: task.init(key, **(changes if end == "" else {})) for end, task in tasks.items()}

    def step(state: dict, batch: Any, *, axis_name: str | None = None) -> tuple:
        # a step of one's own need not take the name of an axis
        along = {} if axis_name is None else {"axis_name": axis_name}
        done = {end: task.step(state[end], batch, **along) for end, task in tasks.items()}
        return {end: own for end, (own, _) in done.items()}, _named({end: own for end, (_, own) in done.items()})

    def measure(state: dict, batch: Any, weight: jax.Array) -> dict:
        return _named({end: task.measure(state[end], batch, weight) for end, task in tasks.items()})

    return Supervised(init, step, measure)


def _named(metrics: Mapping[str, Mapping[str, Any]]) -> dict:
    names = [name + end for end, own in metrics.items() for name in own]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"tasks: got two metrics {', '.join(sorted(twice))}, wanted endings that tell them apart")
    return {name + end: value for end, own in metrics.items() for name, value in own.items()}
