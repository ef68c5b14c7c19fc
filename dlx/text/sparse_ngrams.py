"""N-grams of large vocabularies: only those that occur are kept, in sorted tables on the host (NumPy)."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from dlx.checks import check_choice, check_count, check_range

__all__ = ["NgramTable", "laplace_probabilities", "ngram_table", "ngram_windows"]


class NgramTable(NamedTuple):
    """The n-grams of a text up to an order; an n-gram's number is its place among the sorted keys of its order."""

    vocabulary: int
    """Number of ids, m."""
    keys: tuple[np.ndarray, ...]
    """For each order: (number of the first n - 1 tokens) m + last token, ascending; of order 1 all m ids."""
    counts: tuple[np.ndarray, ...]
    """For each order: how often each occurs."""
    lefts: tuple[np.ndarray, ...]
    """For each order but the last: before how many different tokens it is found; see `kneser_ney`."""

    @property
    def order(self) -> int:
        """The longest n-gram."""
        return len(self.keys)


def ngram_table(tokens: Integer[np.ndarray, "time"], *, vocabulary: int, order: int) -> NgramTable:
    """Counts the n-grams of the orders 1, ..., n that occur in a text.

        n(x_1, ..., x_n) = number of t with tokens[t : t + n] = (x_1, ..., x_n)

    As `ngram_counts`, whose tables have m^n entries, this one has at most as many as the text has tokens.

    Args:
      tokens: (time,) ids 0, ..., vocabulary - 1; -1 is a border that no n-gram crosses.
      vocabulary: number of ids, m; at most 2^31.
      order: n.
    Returns: NgramTable.
    Raises: ValueError if an id is outside or there is no token.
    Source: Jurafsky and Martin 2009, section 4.2; notes 001 section 8.
    """
    check_count("vocabulary", vocabulary)
    check_range("vocabulary", vocabulary, 1, 2**31)
    check_count("order", order)
    ids = np.asarray(tokens, np.int64)
    if not (ids >= 0).any():
        raise ValueError("tokens: got none, wanted at least one")
    _check_ids("tokens", ids, vocabulary)
    numbers, keys = ids, [np.arange(vocabulary)]
    counts, lefts = [np.bincount(ids[ids >= 0], minlength=vocabulary)], []
    for n in range(2, order + 1):
        shorter, last = numbers, ids[n - 1 :]
        inside = (shorter[: len(last)] >= 0) & (last >= 0)
        found, first, inverse, often = np.unique(
            (shorter[: len(last)] * vocabulary + last)[inside],
            return_index=True, return_inverse=True, return_counts=True,
        )  # fmt: skip
        numbers = np.full(len(last), -1)
        numbers[inside] = inverse
        # each n-gram stands once for its first token in front of the rest of it
        rest = shorter[np.flatnonzero(inside)[first] + 1]
        lefts.append(np.bincount(rest, minlength=len(keys[-1])))
        keys.append(found)
        counts.append(often)
    return NgramTable(vocabulary, tuple(keys), tuple(counts), tuple(lefts))


def ngram_windows(tokens: Integer[np.ndarray, "time"], *, order: int) -> Integer[np.ndarray, "time order"]:
    """Each token of a text with the n - 1 tokens before it: what an n-gram model is asked.

        w_t = (x_(t-n+1), ..., x_t)

    Args:
      tokens: (time,) ids; -1 is a border.
      order: n.
    Returns: (time, order) int64, the token last; -1 for what lies before the beginning or a border.
    Raises: ValueError if `order` is not positive.
    Source: Jurafsky and Martin 2009, section 4.2; notes 001 section 8 (E29).
    """
    check_count("order", order)
    padded = np.concatenate([np.full(order - 1, -1), np.asarray(tokens, np.int64)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, order)
    # nothing is seen through a border
    seen = np.logical_and.accumulate(windows[:, ::-1] >= 0, axis=1)[:, ::-1]
    return np.where(seen, windows, -1)


def laplace_probabilities(
    table: NgramTable,
    windows: Integer[np.ndarray, "number order"],
    *,
    smoothing: float | Sequence[float] = 1.0,
    backoff: Literal["shorter", "uniform"] = "shorter",
) -> Float[np.ndarray, "number"]:
    """Probability of the last token of each window given the others, with Laplace smoothing.

        P_n(x|h) = (n(h, x) + e_n Q) / (n(h) + e_n),    n(h) = sum_x n(h, x)
        Q = P_(n-1)(x|h') with h' without its first token, P_0 = 1 / m ("shorter"), or 1 / m ("uniform")

    "uniform" with e = k m adds k to every count: add-one smoothing for k = 1. "shorter" is that of
    `ngram_probabilities(..., backoff="bigram")`: the notes' form.

    Args:
      table: of the training text, of no smaller order than the windows.
      windows: (number, order) ids, as `ngram_windows` makes them; -1 in front where the context is shorter.
      smoothing: e, one for all or one for each order.
      backoff: Q.
    Returns: (number,) float64; sums to 1 over all last tokens.
    Raises: ValueError if a window is longer than the table's order, holds an id outside or ends in -1, or a smoothing
      is negative.
    Source: MacKay and Peto 1995, section 1; Jurafsky and Martin 2009, section 4.5.1; notes 001 sections 1 and 8.
    """
    check_windows(table, windows)
    check_choice("backoff", backoff, ("shorter", "uniform"))
    order = windows.shape[1]
    strengths = tuple(smoothing) if isinstance(smoothing, Sequence) else (smoothing,) * order
    if len(strengths) != order:
        raise ValueError(f"smoothing: got {len(strengths)} numbers, wanted {order}, one for each order")
    uniform = probabilities = np.full(len(windows), 1 / table.vocabulary)
    for n, strength in enumerate(strengths, 1):
        check_range("smoothing", strength, 0, math.inf, open_high=True)
        own = numbers_of(table, windows[:, -n:])
        context = contexts_of(table, windows[:, -n:])
        often = pick(table.counts[n - 1].astype(np.float64), own)
        total = pick(by_context(table, n, table.counts[n - 1]), context) + strength
        lower = probabilities if backoff == "shorter" else uniform
        known = total > 0
        if backoff == "uniform" and n > 1:
            # a window whose context is cut short is one of lower order
            known &= windows[:, -n] >= 0
        probabilities = np.where(known, (often + strength * lower) / np.where(total > 0, total, 1), probabilities)
    return probabilities


def numbers_of(table: NgramTable, windows: np.ndarray) -> np.ndarray:
    """The number of each n-gram (windows, n), -1 for those that the text does not hold."""
    numbers = windows[:, 0]
    for n, ids in enumerate(windows[:, 1:].T, 2):
        keys, wanted = table.keys[n - 1], numbers * table.vocabulary + ids
        if not len(keys):
            return np.full(len(windows), -1)
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        numbers = np.where((keys[places] == wanted) & (numbers >= 0), places, -1)
    return numbers


def contexts_of(table: NgramTable, windows: np.ndarray) -> np.ndarray:
    """The number of each window without its last token; 0 for windows of one, which all have the empty context."""
    return numbers_of(table, windows[:, :-1]) if windows.shape[1] > 1 else np.zeros(len(windows), np.int64)


def by_context(table: NgramTable, n: int, values: np.ndarray) -> np.ndarray:
    """Sums of values of the n-grams over all last tokens, for each context."""
    if n == 1:
        return np.array([values.sum()], np.float64)
    return np.bincount(table.keys[n - 1] // table.vocabulary, values, minlength=len(table.keys[n - 2]))


def pick(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """values[numbers], 0 for -1."""
    return np.where(numbers >= 0, values[numbers], 0) if len(values) else np.zeros(len(numbers))


def check_windows(table: NgramTable, windows: np.ndarray) -> None:
    """Refuses windows of which an n-gram model cannot say anything."""
    if windows.ndim != 2 or not 1 <= windows.shape[1] <= table.order:
        raise ValueError(f"windows: got shape {windows.shape}, wanted (number, 1 to {table.order}), the table's order")
    _check_ids("windows", windows, table.vocabulary)
    if (windows[:, -1] < 0).any():
        raise ValueError("windows: got -1 for a last token, wanted the token whose probability is asked")


def _check_ids(name: str, ids: np.ndarray, vocabulary: int) -> None:
    if ids.size and not -1 <= ids.min() <= ids.max() < vocabulary:
        raise ValueError(f"{name}: got ids from {ids.min()} to {ids.max()}, wanted 0 to {vocabulary - 1}, or -1")
