"""Measurement of all replicas on a whole data set, in masked batches, without an update."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from dlx.errors import DatasetError
from dlx.train.batches import evaluation_table
from dlx.train.feed import example_count
from dlx.train.fit import means
from dlx.train.layout import Layout, make_layout
from dlx.train.program import measure_program

__all__ = ["evaluator"]


def evaluator(measure: Callable, data: Any, *, batch_size: int = 1000, layout: Layout | None = None) -> Callable:
    """A measurement of whole data sets; its first call puts the data on the devices and compiles.

        metric = sum_i weight_i value_i / sum_i weight_i        over the examples of all batches

    Args:
      measure: measure(state, batch, weight) -> {name: (sum, count)}.
      data: arrays with a common first axis N; the last batch is padded and masked.
      batch_size: rounded up to what divides over the devices.
      layout: that of the states to be measured; by default the one that `fit` takes for as many replicas.
    Returns: function(state as placed) -> {name: (replicas,) float64}.
    Raises: DatasetError if there are no examples; UsageError if a state has not the layout's number of replicas.
    """
    examples = example_count(data)
    if examples == 0:
        raise DatasetError("There are no examples to measure on.")

    @functools.cache
    def prepared(own: Layout) -> tuple:
        size = -(-min(batch_size, examples) // own.data_size) * own.data_size
        return own.place("shared", data), *(own.place("window", table) for table in evaluation_table(examples, size))

    programs: dict[Layout, Any] = {}

    def evaluate(state: Any) -> Mapping[str, np.ndarray]:
        replicas = np.shape(jax.tree.leaves(state)[0])[0] if layout is None else layout.replicas
        own = layout or make_layout(replicas)
        arguments = (state, *prepared(own))
        if own not in programs:
            programs[own] = measure_program(measure, own).lower(*arguments).compile()
        return means(own, programs[own](*arguments)[0])

    return evaluate
