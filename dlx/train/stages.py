"""Training in stages: one step for the first part of a run, another for the rest, as on smaller images first."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax

from dlx.checks import check_count

__all__ = ["in_turn", "smaller"]


def in_turn(first: Callable, second: Callable, switch: int) -> Callable:
    """A step that is the first one `switch` times, then the second, in one compiled program.

    Args:
      first, second: step(state, batch, axis_name=None), on one kind of state with a counter `step`, with equal metrics.
      switch: steps of the first.
    Returns: the step.
    """

    def step(state: Any, batch: Any, *, axis_name: str | None = None) -> tuple:
        branches = (functools.partial(branch, axis_name=axis_name) for branch in (first, second))
        return jax.lax.cond(state.step < switch, *branches, state, batch)

    return step


def smaller(prepare: Callable, *, part: int = 3, of: int = 4) -> Callable:
    """`prepare`, and then images of a part of the height and width, rounded down.

    Args:
      prepare: batch -> batch with "inputs" (B, height, width, channels), floating.
      part, of: three quarters by default.
    Returns: batch -> batch.
    Raises: ValueError if one of the numbers is below 1.
    """
    check_count("part", part)
    check_count("of", of)

    def function(batch: Mapping) -> dict:
        batch = prepare(batch)
        count, height, width, channels = batch["inputs"].shape
        shape = (count, part * height // of, part * width // of, channels)
        return {**batch, "inputs": jax.image.resize(batch["inputs"], shape, "linear")}

    return function
