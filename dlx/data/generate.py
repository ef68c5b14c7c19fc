"""Data with a known law: pure functions of a seed."""

from collections.abc import Sequence

import numpy as np

from dlx.data.cards import Split

__all__ = ["blobs", "circles", "linear_data", "moons", "periodic_series", "spirals", "windows"]


def linear_data(
    weights: Sequence[float] | np.ndarray, bias: float, *, noise: float = 0.01, examples: int = 1000, seed: int = 0
) -> Split:
    """Linear regression.

        y = x w + b + e,    x ~ N(0, 1),    e ~ N(0, noise^2)

    Args:
      weights: (features,) w.
      bias: b.
      noise: standard deviation of e.
      examples: N.
      seed: of x and e.
    Returns: {"inputs": (N, features) float32, "labels": (N,) float32}.
    Raises: ValueError on weights that are not a vector, a negative noise, fewer than one example.
    Source: Zhang et al., Dive into Deep Learning, section 3.3, with w = (2, -3.4), b = 4.2.
    """
    weights = np.asarray(weights, np.float64)
    if weights.ndim != 1 or not weights.size:
        raise ValueError(f"weights must be a vector, not of shape {weights.shape}")
    _check(examples=examples, noise=noise)
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(examples, weights.size))
    labels = inputs @ weights + bias + noise * generator.normal(size=examples)
    return {"inputs": inputs.astype(np.float32), "labels": labels.astype(np.float32)}


def moons(*, examples: int = 1000, noise: float = 0.1, seed: int = 0) -> Split:
    """Two interleaved half circles.

        class 0: (cos t, sin t)        class 1: (1 - cos t, 1/2 - sin t),    t evenly in [0, pi]

    Args:
      examples: N; class 0 has N // 2.
      noise: standard deviation of what is added to each coordinate.
      seed: of noise and order.
    Returns: {"inputs": (N, 2) float32, "labels": (N,) int32}, shuffled.
    Raises: ValueError on fewer than two examples or a negative noise.
    """
    _check(examples=examples, noise=noise, classes=2)
    first = np.linspace(0, np.pi, examples // 2)
    second = np.linspace(0, np.pi, examples - examples // 2)
    arms = [np.stack([np.cos(first), np.sin(first)], 1), np.stack([1 - np.cos(second), 0.5 - np.sin(second)], 1)]
    return _shuffled(arms, noise, seed)


def circles(*, examples: int = 1000, noise: float = 0.05, factor: float = 0.5, seed: int = 0) -> Split:
    """Two circles about the origin: class 0 of radius 1, class 1 of radius `factor`, at even angles.

    Args:
      examples: N; class 0 has N // 2.
      noise: standard deviation of what is added to each coordinate.
      factor: radius of the inner circle, in (0, 1).
      seed: of noise and order.
    Returns: {"inputs": (N, 2) float32, "labels": (N,) int32}, shuffled.
    Raises: ValueError on fewer than two examples, a negative noise or a factor outside (0, 1).
    """
    _check(examples=examples, noise=noise, classes=2)
    if not 0 < factor < 1:
        raise ValueError(f"factor must lie in (0, 1), not {factor}")
    return _shuffled(
        [_circle(examples // 2, 1.0), _circle(examples - examples // 2, factor)],
        noise,
        seed,
    )


def spirals(*, examples: int = 1000, classes: int = 3, turns: float = 1.0, noise: float = 0.02, seed: int = 0) -> Split:
    """Arms that wind out of the origin.

        class k: r (cos a, sin a),    a = 2 pi (turns r + k / classes),    r evenly in (0, 1]

    Args:
      examples: N; classes differ by one example at most.
      classes: number of arms.
      turns: how often an arm goes round.
      noise: standard deviation of what is added to each coordinate.
      seed: of noise and order.
    Returns: {"inputs": (N, 2) float32, "labels": (N,) int32}, shuffled.
    Raises: ValueError on fewer examples than classes, fewer than one class or a negative noise.
    """
    _check(examples=examples, noise=noise, classes=classes)
    arms = []
    for arm, count in enumerate(_shares(examples, classes)):
        radius = np.arange(1, count + 1) / count
        angle = 2 * np.pi * (turns * radius + arm / classes)
        arms.append(radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))
    return _shuffled(arms, noise, seed)


def blobs(
    *,
    examples: int = 1000,
    centers: Sequence[Sequence[float]] | np.ndarray = ((-2.0, -1.0), (2.0, -1.0), (0.0, 2.0)),
    noise: float = 0.7,
    seed: int = 0,
) -> Split:
    """Normal clouds: class k is N(centers[k], noise^2 I).

    Args:
      examples: N; classes differ by one example at most.
      centers: (classes, features).
      noise: standard deviation of each coordinate.
      seed: of noise and order.
    Returns: {"inputs": (N, features) float32, "labels": (N,) int32}, shuffled.
    Raises: ValueError on centers that are not a matrix, fewer examples than classes or a negative noise.
    """
    centers = np.asarray(centers, np.float64)
    if centers.ndim != 2 or not centers.size:
        raise ValueError(f"centers must be (classes, features), not of shape {centers.shape}")
    _check(examples=examples, noise=noise, classes=len(centers))
    clouds = [
        np.tile(center, (count, 1)) for center, count in zip(centers, _shares(examples, len(centers)), strict=True)
    ]
    return _shuffled(clouds, noise, seed)


def periodic_series(
    *,
    length: int = 1000,
    periods: Sequence[float] = (50.0, 20.0),
    amplitudes: Sequence[float] = (1.0, 0.5),
    noise: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Sum of sines with noise.

        x_t = sum_i amplitudes_i sin(2 pi t / periods_i) + e_t,    e_t ~ N(0, noise^2),    t = 0..length-1

    Args:
      length: number of steps.
      periods: in steps, each above 0.
      amplitudes: one for each period.
      noise: standard deviation of e.
      seed: of e.
    Returns: (length,) float32.
    Raises: ValueError on lengths that differ, a period that is not positive, a length below one, a negative noise.
    """
    _check(examples=length, noise=noise)
    if len(periods) != len(amplitudes):
        raise ValueError(f"periods and amplitudes must be equally many, not {len(periods)} and {len(amplitudes)}")
    if any(period <= 0 for period in periods):
        raise ValueError(f"periods must be positive, not {tuple(periods)}")
    time = np.arange(length)
    waves = sum(
        (height * np.sin(2 * np.pi * time / period) for height, period in zip(amplitudes, periods, strict=True)),
        start=np.zeros(length),
    )
    return (waves + noise * np.random.default_rng(seed).normal(size=length)).astype(np.float32)


def windows(series: np.ndarray, steps: int, *, horizon: int = 1) -> Split:
    """Examples of a forecast: the last `steps` values, and the value `horizon` steps after them.

    Args:
      series: (length,).
      steps: values that the model sees.
      horizon: how far ahead the label lies, 1 for the next value.
    Returns: {"inputs": (N, steps, 1), "labels": (N,)} of the series' dtype, N = length - steps - horizon + 1.
    Raises: ValueError if the series is no vector or too short for one window.
    """
    series = np.asarray(series)
    if series.ndim != 1:
        raise ValueError(f"series must be a vector, not of shape {series.shape}")
    if steps < 1 or horizon < 1 or len(series) < steps + horizon:
        raise ValueError(f"a series of {len(series)} values has no window of {steps} steps with horizon {horizon}")
    inputs = np.lib.stride_tricks.sliding_window_view(series[:-horizon], steps)[..., None].copy()
    return {"inputs": inputs, "labels": series[steps + horizon - 1 :].copy()}


def _check(*, examples: int, noise: float, classes: int = 1) -> None:
    """Ranges that all generators share."""
    if classes < 1:
        raise ValueError(f"classes must be at least 1, not {classes}")
    if examples < classes:
        raise ValueError(f"examples must be at least {classes}, not {examples}")
    if not noise >= 0:
        raise ValueError(f"noise must not be negative, not {noise}")


def _shares(examples: int, classes: int) -> list[int]:
    """Examples cut into `classes` parts that differ by one at most."""
    return [len(part) for part in np.array_split(np.arange(examples), classes)]


def _circle(examples: int, radius: float) -> np.ndarray:
    """(examples, 2) points at even angles."""
    angle = 2 * np.pi * np.arange(examples) / examples
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def _shuffled(arms: list[np.ndarray], noise: float, seed: int) -> Split:
    """Points of the classes with noise, in random order."""
    generator = np.random.default_rng(seed)
    inputs = np.concatenate(arms)
    inputs = inputs + noise * generator.normal(size=inputs.shape)
    labels = np.repeat(np.arange(len(arms)), [len(arm) for arm in arms])
    order = generator.permutation(len(inputs))
    return {"inputs": inputs[order].astype(np.float32), "labels": labels[order].astype(np.int32)}
