"""A step becomes a compiled chunk of steps; a measurement becomes a compiled pass over the data."""

import inspect
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import lax

from dlx.errors import UsageError
from dlx.train.layout import Kind, Layout

__all__ = ["Step", "measure_program", "train_program"]

Step = Callable[..., tuple[Any, dict[str, tuple[Any, Any]]]]
Source = Literal["table", "window", "none"]

_TAKE: dict[Source, Callable] = {
    "table": lambda data, table, k: jax.tree.map(lambda a: a[table[k]], data),
    "window": lambda data, table, k: jax.tree.map(lambda a: a[k], data),
    "none": lambda data, table, k: None,
}
_KINDS: dict[Source, tuple[Kind, Kind]] = {
    "table": ("shared", "table"),
    "window": ("window", "shared"),
    "none": ("shared", "shared"),
}


def train_program(step: Step, layout: Layout, *, source: Source = "table") -> Any:
    """Compiles `n` steps, n traced, so that one program serves every chunk length.

    Args:
      step: step(state, batch) -> (state, {name: (sum, count)}), with the keyword `axis_name` if batches are cut over
        devices under pmap or shard_map.
      layout: where replicas and batches lie.
      source: "table": batch k is data[table[k]]; "window": batch k is data[k], for data that stream in; "none": the
        batch is None.
    Returns: program(state, data, table, n) -> (state, sums, first_bad); `state` is donated; `sums` {name: (sum, count)}
      over the steps, each (S,); `first_bad` (S,) counts the steps before the first non-finite metric, n if none.
    """
    take = _TAKE[source]
    step = _on_axis(step, layout)

    def chunk(state: Any, data: Any, table: Any, n: jax.Array) -> tuple:
        def metrics_of(state: Any, data: Any, table: Any) -> Any:
            return step(state, take(data, table, 0))[1]

        zero = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(metrics_of, state, data, table))

        def body(k: jax.Array, carry: tuple) -> tuple:
            state, sums, first_bad = carry
            state, metrics = step(state, take(data, table, k))
            finite = jnp.array(True)
            for total, _ in metrics.values():
                finite &= jnp.all(jnp.isfinite(total))
            first_bad = jnp.where(finite, first_bad, jnp.minimum(first_bad, k))
            return state, jax.tree.map(jnp.add, sums, metrics), first_bad

        state, sums, first_bad = lax.fori_loop(0, n, body, (state, zero, n))
        if layout.axis_name:
            sums, first_bad = lax.psum(sums, layout.axis_name), lax.pmin(first_bad, layout.axis_name)
        return state, sums, first_bad

    kinds: tuple[Kind, ...] = ("state", *_KINDS[source], "shared")
    return layout.spread(chunk, kinds, ("state", "replica", "replica"), donate=True)


def measure_program(measure: Callable, layout: Layout) -> Any:
    """Compiles one pass over data in masked batches.

    Args:
      measure: measure(state, batch, weight) -> {name: (sum, count)}; weight (B,) is 0 for padding.
      layout: where replicas and batches lie.
    Returns: program(state, data, index, weight) -> {name: (sum, count)}, each (S,); index and weight (K, B).
    """

    def full_pass(state: Any, data: Any, index: jax.Array, weight: jax.Array) -> tuple:
        def sums_of(k: Any) -> Any:
            return measure(state, jax.tree.map(lambda a: a[index[k]], data), weight[k])

        zero = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(sums_of, 0))
        sums = lax.fori_loop(0, index.shape[0], lambda k, s: jax.tree.map(jnp.add, s, sums_of(k)), zero)
        return (lax.psum(sums, layout.axis_name) if layout.axis_name else sums,)

    return layout.spread(full_pass, ("state", "shared", "window", "window"), ("replica",))


def _on_axis(step: Step, layout: Layout) -> Step:
    """The step as one device runs it: told the axis to average over, if there is one."""
    if layout.axis_name is None:
        return step
    if "axis_name" not in inspect.signature(step).parameters:
        raise UsageError(
            f"--parallel {layout.parallel} cuts a batch over {layout.data_size} devices, and this step takes no "
            "axis_name over which to average its gradients; use --parallel jit, give as many seeds as devices, or add "
            "the keyword to the step."
        )
    return lambda state, batch: step(state, batch, axis_name=layout.axis_name)
