"""Standardisation, min-max and one-hot as pure functions, on NumPy and JAX arrays alike."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from dlx.data.cards import Card

__all__ = [
    "MinMax",
    "OneHotColumns",
    "Standardization",
    "inverse_min_max",
    "min_max",
    "min_max_scale",
    "one_hot",
    "one_hot_columns",
    "one_hot_encode",
    "prepare",
    "standardization",
    "standardize",
    "unstandardize",
]


class Standardization(NamedTuple):
    """mean: (features,) of the training data. std: (features,), 1 where a column is constant."""

    mean: np.ndarray
    std: np.ndarray


class MinMax(NamedTuple):
    """low, high: (features,) least and greatest training value. a, b: the interval they are mapped to."""

    low: np.ndarray
    high: np.ndarray
    a: float
    b: float


class OneHotColumns(NamedTuple):
    """categories: of each column, ascending. unknown, missing: what other values become (`one_hot_columns`)."""

    categories: tuple[tuple[Any, ...], ...]
    unknown: Literal["error", "column", "zeros"]
    missing: Literal["error", "column", "zeros"]


def standardization(train: np.ndarray) -> Standardization:
    """Mean and standard deviation (of the population, ddof = 0) of each entry of the last axis.

    Args:
      train: (..., features) training data; test data reuse what comes from here.
    Returns: float64 statistics; std is 1 where all values are equal, so that such a column becomes 0, not 0/0.
    Raises: ValueError on no examples, or on NaN or infinity, with the first example.
    Source: notes 001 section 4.
    """
    table = _table(train)
    constant = table.min(axis=0) == table.max(axis=0)
    # the mean of equal values can miss them by a rounding
    mean = np.where(constant, table[0], table.mean(axis=0))
    return Standardization(mean, np.where(constant, 1.0, table.std(axis=0)))


def standardize(x: Any, statistics: Standardization) -> Any:
    """Computes z = (x - mean) / std.

    Args:
      x: (..., features) NumPy or JAX array; may be traced.
      statistics: from `standardization`.
    Returns: z, floating; the dtype of `x`, float32 for integers.
    """
    x = _floating(x)
    return (x - _like(x, statistics.mean)) / _like(x, statistics.std)


def unstandardize(z: Any, statistics: Standardization) -> Any:
    """Computes x = z std + mean, the inverse of `standardize`.

    Args:
      z: (..., features).
      statistics: from `standardization`.
    Returns: x, in the dtype of `z`.
    """
    z = _floating(z)
    return z * _like(z, statistics.std) + _like(z, statistics.mean)


def min_max(train: np.ndarray, *, a: float = 0.0, b: float = 1.0) -> MinMax:
    """Least and greatest value of each entry of the last axis, for mapping them to [a, b].

    Args:
      train: (..., features) training data.
      a: what the least value becomes.
      b: what the greatest value becomes.
    Returns: what `min_max_scale` and its inverse need.
    Raises: ValueError unless a < b; on no examples, NaN or infinity.
    Source: notes 001 section 4.
    """
    if not a < b:
        raise ValueError(f"a must be less than b, not a={a}, b={b}")
    table = _table(train)
    return MinMax(table.min(axis=0), table.max(axis=0), a, b)


def min_max_scale(x: Any, statistics: MinMax) -> Any:
    """X' = a + (X - low) (b - a) / (high - low).

    A constant column counts as one of range 1, as in scikit-learn, so that it becomes a, not 0/0, on the training data.
    Values outside the training data's range fall outside [a, b].

    Args:
      x: (..., features) NumPy or JAX array; may be traced.
      statistics: from `min_max`.
    Returns: X', floating; the dtype of `x`, float32 for integers.
    """
    x = _floating(x)
    return statistics.a + (x - _like(x, statistics.low)) * _like(x, _slope(statistics))


def inverse_min_max(scaled: Any, statistics: MinMax) -> Any:
    """X = low + (X' - a) (high - low) / (b - a), the inverse of `min_max_scale`.

    Args:
      scaled: (..., features).
      statistics: from `min_max`.
    Returns: X, in the dtype of `scaled`.
    """
    scaled = _floating(scaled)
    return (scaled - statistics.a) / _like(scaled, _slope(statistics)) + _like(scaled, statistics.low)


def one_hot(labels: Any, classes: int, *, dtype: Any = np.float32) -> Any:
    """v_i = 1 if i is the label, else 0. A label outside 0..classes-1 gives zeros, as `jax.nn.one_hot` has it.

    Args:
      labels: (...) integers, NumPy or JAX; may be traced.
      classes: length of v.
      dtype: of v.
    Returns: (..., classes).
    Raises: ValueError if `classes` is below 1; TypeError on labels that are not integers.
    Source: notes 001 section 8.
    """
    if classes < 1:
        raise ValueError(f"classes must be at least 1, not {classes}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, not {labels.dtype}")
    return (labels[..., None] == np.arange(classes).reshape((1,) * labels.ndim + (-1,))).astype(dtype)


def one_hot_columns(
    train: Sequence[np.ndarray],
    *,
    unknown: Literal["error", "column", "zeros"] = "error",
    missing: Literal["error", "column", "zeros"] = "column",
) -> OneHotColumns:
    """Categories of discrete columns, for `one_hot_encode`.

    Args:
      train: one array (N,) of strings, integers or reals for each column.
      unknown: what a value becomes that the training data do not have: an error, a column of its own, or zeros.
      missing: the same for NaN and None; a column for it follows the categories.
    Returns: the categories in ascending order.
    Raises: ValueError if `missing` is "error" and a value is, or a column has no values.
    Source: notes 001 section 4.
    """
    for name, option in (("unknown", unknown), ("missing", missing)):
        if option not in ("error", "column", "zeros"):
            raise ValueError(f"{name} must be 'error', 'column' or 'zeros', not {option!r}")
    categories = []
    for number, column in enumerate(map(np.asarray, train)):
        absent = _missing(column)
        if missing == "error" and absent.any():
            raise ValueError(f"column {number}: example {int(np.argmax(absent))} is missing")
        if absent.all():
            raise ValueError(f"column {number} has no values")
        categories.append(tuple(sorted(set(column[~absent].tolist()))))
    return OneHotColumns(tuple(categories), unknown, missing)


def one_hot_encode(columns: Sequence[np.ndarray], encoding: OneHotColumns) -> np.ndarray:
    """Indicators of discrete columns: A, B, C -> three columns; then one for missing, one for unknown, where asked for.

    Args:
      columns: one array (N,) for each column of the encoding.
      encoding: from `one_hot_columns`.
    Returns: (N, indicators) float32, the columns one after another.
    Raises: ValueError naming column and example of an unknown or missing value, where that is an error.
    """
    if len(columns) != len(encoding.categories):
        raise ValueError(f"the encoding has {len(encoding.categories)} columns, not {len(columns)}")
    parts: list[np.ndarray] = []
    for number, (column, categories) in enumerate(zip(map(np.asarray, columns), encoding.categories, strict=True)):
        parts.extend(column == category for category in categories)
        absent = _missing(column)
        strange = ~(np.any(parts[-len(categories) :], axis=0) | absent)
        for what, option, where in (("missing", encoding.missing, absent), ("unknown", encoding.unknown, strange)):
            if option == "error" and where.any():
                example = int(np.argmax(where))
                raise ValueError(f"column {number}: example {example} is {what}: {column[example]!r}")
            if option == "column":
                parts.append(where)
    return np.stack(parts, axis=1).astype(np.float32)


def prepare(card: Card, *, dtype: Any = np.float32) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Function for the inside of a compiled step: stored inputs -> standardised by the card.

        inputs' = (inputs / scale - mean) / std,    std = 1 where a channel or column is constant

    Args:
      card: of the data set.
      dtype: of the result; the arithmetic is float32.
    Returns: batch -> batch with `inputs` floating and everything else as it was.
    """
    std = np.where(np.asarray(card.std) == 0, 1.0, card.std)
    slope, offset = 1.0 / (card.scale * std), -np.asarray(card.mean) / std

    def function(batch: dict[str, Any]) -> dict[str, Any]:
        import jax.numpy as jnp

        inputs = jnp.asarray(batch["inputs"], jnp.float32)
        return {**batch, "inputs": (inputs * _like(inputs, slope) + _like(inputs, offset)).astype(dtype)}

    return function


def _table(train: Any) -> np.ndarray:
    """(examples, features) float64, finite."""
    array = np.asarray(train, np.float64)
    if array.ndim < 2 or not array.size:
        raise ValueError(f"train must be (..., features) with at least one example, not of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"train has {array[~np.isfinite(array)][0]} in example {int(np.argwhere(~np.isfinite(array))[0, 0])}"
        )
    return array.reshape(-1, array.shape[-1])


def _floating(x: Any) -> Any:
    """Integers as float32; anything floating as it is."""
    return x.astype(np.float32) if x.dtype.kind in "biu" else x


def _like(x: Any, statistic: Any) -> Any:
    """(features,) in the dtype and rank of `x`: explicit, since JAX may be set to refuse rank promotion."""
    return statistic.astype(x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))


def _slope(statistics: MinMax) -> Any:
    """(b - a) / (high - low), with a range of 1 for constant columns."""
    span = statistics.high - statistics.low
    return (statistics.b - statistics.a) / (span + (span == 0))


def _missing(column: np.ndarray) -> np.ndarray:
    """Where a value is NaN or None."""
    if column.dtype.kind == "O":
        return np.array([value is None or value != value for value in column], bool)
    return np.isnan(column) if column.dtype.kind == "f" else np.zeros(column.shape, bool)
