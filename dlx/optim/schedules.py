"""Learning-rate schedules: pure functions from the number of steps done to the rate."""

import itertools
import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dlx.checks import came, check_count, check_function, check_range
from dlx.optim._schedule import Scalar

__all__ = [
    "constant_schedule",
    "cosine_schedule",
    "exponential_schedule",
    "inverse_time_schedule",
    "join_schedules",
    "one_cycle_schedule",
    "polynomial_schedule",
    "step_schedule",
    "warmup_schedule",
]

Count = int | Int[Array, ""]
Schedule = Callable[[Count], Float[Array, ""]]


def constant_schedule(rate: Scalar) -> Schedule:
    """The same rate for ever.

        eta_t = eta

    Args:
      rate: eta.
    Returns: steps done -> rate.
    Raises: ValueError if `rate` is negative or not finite.
    Source: notes 002 section 2 (the full gradient needs no decay).
    """
    _check_rate("rate", rate)
    return lambda count: jnp.asarray(rate, _dtype())


def inverse_time_schedule(rate: Scalar, *, decay: Scalar = 1.0, power: Scalar = 1.0) -> Schedule:
    """The classical decay of stochastic approximation.

        eta_t = eta / (1 + d t)^p

    For 1/2 < p <= 1 the rates have an infinite sum and a finite sum of squares, Robbins and Monro's conditions: far
    enough to reach any point, and the noise dies out.

    Args:
      rate: eta.
      decay: d.
      power: p.
    Returns: steps done -> rate.
    Raises: ValueError if a number is negative or not finite.
    Source: Robbins and Monro 1951; notes 001 section 9 (the rate shrinks with the iterations).
    """
    _check_rate("rate", rate)
    _check_rate("decay", decay)
    _check_rate("power", power)
    return lambda count: jnp.asarray(rate, _dtype()) / (1 + decay * _float(count)) ** power


def exponential_schedule(rate: Scalar, *, decay: Scalar, steps: int = 1) -> Schedule:
    """A factor for every so many steps, smoothly.

        eta_t = eta d^(t / steps)

    Args:
      rate: eta.
      decay: d in [0, 1].
      steps: how many steps bring one factor.
    Returns: steps done -> rate.
    Raises: ValueError if a number is out of its range.
    Source: optax, `exponential_decay`.
    """
    _check_rate("rate", rate)
    check_range("decay", decay, 0, 1)
    check_count("steps", steps)
    return lambda count: rate * jnp.asarray(decay, _dtype()) ** (_float(count) / steps)


def step_schedule(rate: Scalar, *, every: int, decay: Scalar = 0.1) -> Schedule:
    """A factor for every so many steps, at once.

        eta_t = eta d^floor(t / every)

    Args:
      rate: eta.
      every: steps at one rate.
      decay: d in [0, 1].
    Returns: steps done -> rate.
    Raises: ValueError if a number is out of its range.
    Source: PyTorch, `StepLR`.
    """
    _check_rate("rate", rate)
    check_count("every", every)
    check_range("decay", decay, 0, 1)
    # the integer division: float32 would miss a boundary now and then
    return lambda count: rate * jnp.asarray(decay, _dtype()) ** _float(count // every)


def polynomial_schedule(rate: Scalar, *, steps: int, end: Scalar = 0.0, power: Scalar = 1.0) -> Schedule:
    """From one rate to another along a power; linear by default.

        eta_t = end + (eta - end) (1 - min(t, T) / T)^p

    Args:
      rate: eta, at t = 0.
      steps: T.
      end: from t = T on.
      power: p.
    Returns: steps done -> rate.
    Raises: ValueError if a number is out of its range.
    Source: optax, `polynomial_schedule`.
    """
    _check_rate("rate", rate)
    check_count("steps", steps)
    _check_rate("end", end)
    _check_rate("power", power)
    return lambda count: end + (rate - end) * (1 - _part(count, steps)) ** power


def cosine_schedule(rate: Scalar, *, steps: int, end: Scalar = 0.0) -> Schedule:
    """From one rate to another along half a cosine.

        eta_t = end + (eta - end) (1 + cos(pi min(t, T) / T)) / 2

    Args:
      rate: eta, at t = 0.
      steps: T.
      end: from t = T on.
    Returns: steps done -> rate.
    Raises: ValueError if a number is out of its range.
    Source: Loshchilov and Hutter 2017, eq. 5, without restarts.
    """
    _check_rate("rate", rate)
    check_count("steps", steps)
    _check_rate("end", end)
    return lambda count: end + (rate - end) * (1 + jnp.cos(math.pi * _part(count, steps))) / 2


def warmup_schedule(schedule: Schedule, *, steps: int, start: Scalar = 0.0) -> Schedule:
    """A linear rise to another schedule's first rate, then that schedule from its beginning.

        eta_t = start + (eta'_0 - start) t / W    for t < W,    eta'_(t - W) afterwards

    Args:
      schedule: eta'.
      steps: W.
      start: at t = 0. With 0 the first step goes nowhere.
    Returns: steps done -> rate.
    Raises: ValueError if a number is out of its range; TypeError if `schedule` is no function.
    Source: Goyal et al. 2017, section 2.2.
    """
    check_function("schedule", schedule, "steps done -> rate")
    check_count("steps", steps)
    _check_rate("start", start)

    def rise(count):
        return start + (schedule(0) - start) * _part(count, steps)

    return join_schedules([rise, schedule], [steps])


def join_schedules(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """Schedules one after the other, each from its own beginning.

        eta_t = eta^(k)_(t - b_k)    for b_k <= t < b_(k+1),    b_0 = 0

    Args:
      schedules: in order.
      boundaries: b_1, b_2, ...; one fewer than schedules, rising.
    Returns: steps done -> rate.
    Raises: ValueError if there are not as many boundaries, or they do not rise; TypeError if a schedule is no function
      or a boundary no int.
    Source: optax, `join_schedules`.
    """
    for name, value in (("schedules", schedules), ("boundaries", boundaries)):
        if not isinstance(value, list | tuple):
            raise TypeError(f"{name}: got {came(value)}, wanted a list")
    for number, schedule in enumerate(schedules):
        check_function(f"schedules[{number}]", schedule, "steps done -> rate")
    for number, boundary in enumerate(boundaries):
        check_count(f"boundaries[{number}]", boundary)
    starts = [0, *boundaries]
    if len(starts) != len(schedules):
        raise ValueError(f"boundaries: got {len(boundaries)} for {len(schedules)} schedules, wanted one fewer")
    if any(before >= after for before, after in itertools.pairwise(starts)):
        raise ValueError(f"boundaries: got {list(boundaries)}, wanted positive numbers that rise")

    def joined(count):
        rate = jnp.asarray(schedules[0](count), _dtype())
        for start, schedule in zip(starts[1:], schedules[1:], strict=True):
            # before its turn a schedule is asked for its beginning: the other branch of `where` must be harmless too
            rate = jnp.where(count < start, rate, schedule(jnp.maximum(count - start, 0)))
        return rate

    return joined


def one_cycle_schedule(
    peak: Scalar, *, steps: int, rise: float = 0.3, div: Scalar = 25.0, final_div: Scalar = 1e4
) -> Schedule:
    """Up to a high rate along half a cosine, and down to almost nothing along another.

        from peak / div at t = 0 to peak at t = int(rise T), to peak / (div final_div) at t = T

    As optax counts; PyTorch's `OneCycleLR` has its peak one step earlier and its end at T - 1.

    Args:
      peak: the largest rate.
      steps: T.
      rise: part of the steps that goes up, in (0, 1).
      div: peak over the first rate.
      final_div: first rate over the last.
    Returns: steps done -> rate.
    Raises: ValueError if a number is out of its range, or a part has no step.
    Source: Smith and Topin 2018.
    """
    _check_rate("peak", peak)
    check_count("steps", steps)
    check_range("rise", rise, 0, 1, open_low=True, open_high=True)
    check_range("div", div, 0, math.inf, open_low=True, open_high=True)
    check_range("final_div", final_div, 0, math.inf, open_low=True, open_high=True)
    up = int(rise * steps)
    if not 0 < up < steps:
        raise ValueError(f"steps: got {steps} with rise {rise}, wanted a step at least for each part")
    first = peak / div
    return join_schedules(
        [cosine_schedule(first, steps=up, end=peak), cosine_schedule(peak, steps=steps - up, end=first / final_div)],
        [up],
    )


def _check_rate(name: str, value: Scalar) -> None:
    check_range(name, value, 0, math.inf, open_high=True)


def _dtype():
    return jnp.result_type(float)


def _float(count: Count) -> Float[Array, ""]:
    return jnp.asarray(count, _dtype())


def _part(count: Count, steps: int) -> Float[Array, ""]:
    return jnp.minimum(_float(count) / steps, 1)
