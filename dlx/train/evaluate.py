"""Measurement of all replicas on a whole data set, in masked batches, without an update."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dlx.errors import DatasetError
from dlx.train.batches import evaluation_table
from dlx.train.feed import example_count
from dlx.train.fit import means
from dlx.train.layout import Layout, make_layout
from dlx.train.program import measure_program

__all__ = ["evaluator"]


def evaluator(
    measure: Callable, data: Any, *, batch_size: int = 1000, layout: Layout | None = None, replicas: int = 1
) -> Callable:
    """Puts the data on the devices and compiles the measurement at its first call.

        metric = sum_i weight_i value_i / sum_i weight_i        over the examples of all batches

    Args:
      measure: measure(state, batch, weight) -> {name: (sum, count)}.
      data: arrays with a common first axis N; the last batch is padded and masked.
      batch_size: rounded up to what divides over the devices.
      layout: that of the states to be measured; by default one for `replicas` on one device.
    Returns: function(state as placed) -> {name: (replicas,) float64}.
    Raises: DatasetError if there are no examples.
    """
    layout = layout or make_layout(replicas)
    examples = example_count(data)
    if examples == 0:
        raise DatasetError("There are no examples to measure on.")
    pieces = layout.data_size
    size = -(-min(batch_size, examples) // pieces) * pieces
    tables = [layout.place("window", table) for table in evaluation_table(examples, size)]
    placed = layout.place("shared", data)
    program = None

    def evaluate(state: Any) -> Mapping[str, np.ndarray]:
        nonlocal program
        if program is None:
            program = measure_program(measure, layout).lower(state, placed, *tables).compile()
        return means(layout, program(state, placed, *tables)[0])

    return evaluate
