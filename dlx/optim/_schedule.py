"""Learning rates: a number, or a function of the number of steps done."""

import math
from collections.abc import Callable

from jaxtyping import Array, Float, Int

from dlx.checks import check_range

Scalar = float | Float[Array, ""]
LearningRate = Scalar | Callable[[Int[Array, ""]], Float[Array, ""] | float]


def check_learning_rate(learning_rate: LearningRate) -> None:
    """Refuse a negative or infinite Python number; schedules and arrays pass."""
    if not callable(learning_rate):
        check_range("learning_rate", learning_rate, 0, math.inf, open_high=True)


def rate_at(learning_rate: LearningRate, count: Int[Array, ""]) -> Float[Array, ""] | float:
    """The learning rate after `count` steps."""
    return learning_rate(count) if callable(learning_rate) else learning_rate
