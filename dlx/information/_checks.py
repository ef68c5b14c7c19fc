"""What the measures of information share: checks of distributions, and logarithms in a base."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import Array

from dlx.checks import check_choice, check_distributions, check_entries, check_floating, check_range, is_known

Variable = Literal["x", "y"]


def check_base(base: float) -> float:
    """Refuse a base that measures nothing; give its natural logarithm, the number of nats in one unit."""
    check_range("base", base, 1, math.inf, open_low=True, open_high=True)
    return math.log(base)


def check_distribution(name: str, probabilities: Array) -> None:
    """Refuse what is no distribution over the last axis. A traced array shows its shape and dtype only."""
    check_floating(name, probabilities)
    check_distributions(name, probabilities)


def check_joint(joint: Array) -> None:
    """Refuse what is no joint distribution over the last two axes."""
    check_floating("joint", joint)
    check_distributions("joint", joint, (-2, -1))


def check_points(points: Array) -> None:
    """Refuse points of a grid that do not ascend."""
    check_entries("points", points)
    if is_known(points):
        values = np.asarray(points, np.float64)
        falls = np.flatnonzero(np.diff(values) <= 0)
        if falls.size:
            place = int(falls[0]) + 1
            raise ValueError(
                f"points: got {values[place]:g} at [{place}] after {values[place - 1]:g}, wanted them ascending"
            )


def check_density(densities: Array, points: Array) -> None:
    """Refuse a density whose integral over the grid is not about 1."""
    if is_known(densities) and is_known(points):
        integrals: Any = np.trapezoid(np.asarray(densities, np.float64), np.asarray(points, np.float64), axis=-1)
        # a grid cuts tails off and is coarse; frequencies, or probabilities of cells, are off by more
        off = integrals[~(np.abs(integrals - 1) <= 0.1)]
        if off.size:
            raise ValueError(f"densities: got the integral {off[0]:g} over the points, wanted about 1")


def check_given(given: str) -> None:
    """Refuse anything but the two variables."""
    check_choice("given", given, ("x", "y"))


def expected_log(weights: Array, values: Array) -> Array:
    """Terms w log v, with 0 log 0 = 0 and, in the gradient, 0 wherever w = 0."""
    empty = weights == 0
    return jnp.where(empty, 0, weights * jnp.log(jnp.where(empty, 1, values)))


def entropy_in_nats(probabilities: Array, axes: Sequence[int] = (-1,)) -> Array:
    """-sum p log p."""
    return -jnp.sum(expected_log(probabilities, probabilities), axis=tuple(axes))


def marginals(joint: Array) -> tuple[Array, Array]:
    """P(x) and P(y)."""
    return jnp.sum(joint, axis=-1), jnp.sum(joint, axis=-2)


def spread_marginals(joint: Array) -> tuple[Array, Array]:
    """P(x) and P(y) in the shape of the joint distribution; their product may underflow, their logarithms do not."""
    left, right = marginals(joint)
    return jnp.broadcast_to(left[..., :, None], joint.shape), jnp.broadcast_to(right[..., None, :], joint.shape)
