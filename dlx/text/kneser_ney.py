"""Interpolated Kneser-Ney smoothing, the strongest of the n-gram models."""

import math
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Integer

from dlx.checks import check_choice, check_range
from dlx.text.sparse_ngrams import NgramTable, by_context, check_windows, contexts_of, numbers_of, pick

__all__ = ["KneserNey", "kneser_ney", "kneser_ney_probabilities"]


class KneserNey(NamedTuple):
    """A model of `kneser_ney`; arrays of an order have an entry for each n-gram or each context of that order."""

    table: NgramTable
    """Of the training text."""
    discounts: tuple[tuple[float, float, float], ...]
    """For each order: what is taken off counts of 1, of 2, and of 3 and more."""
    shares: tuple[np.ndarray, ...]
    """For each order and n-gram: its discounted count over the sum of the counts of its context."""
    left: tuple[np.ndarray, ...]
    """For each order and context: the share that is left for the shorter context; 1 where nothing follows."""


def kneser_ney(
    table: NgramTable,
    *,
    order: int | None = None,
    discount: Literal["one", "three"] | float = "three",
) -> KneserNey:
    """Fits an interpolated Kneser-Ney model.

        P_n(x|h) = max(c_n(h, x) - D, 0) / c_n(h) + l(h) P_(n-1)(x|h'),    c_n(h) = sum_x c_n(h, x),  P_0 = 1 / m
        c_n = n(h, x) at the highest order, below it the number of different tokens in front of (h, x)
        l(h) = sum_x min(c_n(h, x), D) / c_n(h)

    "one": D = n_1 / (n_1 + 2 n_2), with n_k the n-grams of the order that have the count k. "three" is the modified
    form of Chen and Goodman: D_k = k - (k + 1) D n_(k+1) / n_k for counts of 1, 2, and 3 or more. Where a text is so
    small that an n_k is 0, D is taken for all three, and 1/2 where that has none either.

    Args:
      table: of the training text.
      order: n; None: that of the table.
      discount: "one" or "three" a level, or a number in (0, 1) for all.
    Returns: KneserNey.
    Raises: ValueError if `order` is larger than the table's or `discount` is out of range.
    Source: Kneser and Ney 1995; Chen and Goodman 1999, section 3 and 4.1.6.
    """
    order = table.order if order is None else order
    check_range("order", order, 1, table.order)
    if isinstance(discount, str):
        check_choice("discount", discount, ("one", "three"))
    else:
        check_range("discount", discount, 0, 1, open_low=True, open_high=True)
    discounts, shares, left = [], [], []
    for n in range(1, order + 1):
        counts = table.counts[n - 1] if n == order else table.lefts[n - 1]
        taken = _discounts(counts) if isinstance(discount, str) else (discount,) * 3
        if discount == "one":
            taken = (_single(counts),) * 3
        off = np.minimum(np.array((0.0, *taken))[np.minimum(counts, 3)], counts)
        total = by_context(table, n, counts)
        safe = np.where(total > 0, total, 1)
        contexts = table.keys[n - 1] // table.vocabulary if n > 1 else np.zeros(table.vocabulary, np.int64)
        discounts.append(taken)
        shares.append((counts - off) / safe[contexts])
        left.append(np.where(total > 0, by_context(table, n, off) / safe, 1))
    return KneserNey(table, tuple(discounts), tuple(shares), tuple(left))


def kneser_ney_probabilities(
    model: KneserNey, windows: Integer[np.ndarray, "number order"]
) -> Float[np.ndarray, "number"]:
    """Probability of the last token of each window given the others.

    Args:
      model: of `kneser_ney`.
      windows: (number, order) ids, as `ngram_windows` makes them; -1 in front where the context is shorter. Shorter
        windows than the model's order are answered by its shorter contexts.
    Returns: (number,) float64, positive; sums to 1 over all last tokens.
    Raises: ValueError if a window is longer than the model's order, holds an id outside or ends in -1.
    Source: Chen and Goodman 1999, section 3.
    """
    check_windows(model.table, windows)
    if windows.shape[1] > len(model.shares):
        raise ValueError(f"windows: got order {windows.shape[1]}, wanted at most {len(model.shares)}, the model's")
    probabilities = np.full(len(windows), 1 / model.table.vocabulary)
    for n in range(1, windows.shape[1] + 1):
        context = contexts_of(model.table, windows[:, -n:])
        left = np.where(context >= 0, model.left[n - 1][context], 1)
        probabilities = pick(model.shares[n - 1], numbers_of(model.table, windows[:, -n:])) + left * probabilities
    return probabilities


def _single(counts: np.ndarray) -> float:
    """D of one discount a level."""
    one, two = (int((counts == k).sum()) for k in (1, 2))
    return one / (one + 2 * two) if one and two else 0.5


def _discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """D_1, D_2, D_3 of Chen and Goodman."""
    one, two, three, four = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    base = _single(counts)
    if not (one and two and three and four):
        return (base,) * 3
    found = (1 - 2 * base * two / one, 2 - 3 * base * three / two, 3 - 4 * base * four / three)
    # more cannot be taken off than is there, and something has to be
    first, second, third = (min(max(value, math.ulp(1.0)), k) for k, value in enumerate(found, 1))
    return first, second, third
