"""N-grams of token ids: counts, probabilities with Laplace smoothing, scores of sequences.

Tables are dense, vocabulary^order numbers: for characters, or for the frequent words of a corpus.
"""

import math
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice, check_count, check_distributions, check_entries, check_floating, check_range

__all__ = [
    "bigram_probabilities",
    "ngram_counts",
    "ngram_probabilities",
    "sequence_log_probability",
    "sequence_perplexity",
    "trigram_probabilities",
    "unigram_probabilities",
]

LARGEST = 2**31 - 1
"""Entries of a table, whose places are 32-bit integers."""


def _check_tokens(tokens: Array, vocabulary: int) -> None:
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise TypeError(f"tokens: got dtype {tokens.dtype}, wanted integers")
    if tokens.ndim == 0:
        raise ValueError("tokens: got a scalar, wanted (*batch, time)")
    if isinstance(tokens, jax.core.Tracer) or tokens.size == 0:
        return
    values = np.asarray(tokens)
    if values.min() < -1 or values.max() >= vocabulary:
        raise ValueError(
            f"tokens: got ids from {values.min()} to {values.max()}, wanted 0 to {vocabulary - 1}, or -1 for padding"
        )


def _windows(tokens: Array, order: int) -> list[Array]:
    """The n-grams of a sequence: `order` arrays (*batch, time - order + 1), first tokens first."""
    length = max(tokens.shape[-1] - order + 1, 0)
    return [tokens[..., i : i + length].astype(jnp.int32) for i in range(order)]


def ngram_counts(tokens: Integer[Array, "*batch time"], *, vocabulary: int, order: int) -> Float[Array, "*table"]:
    """How often each n-gram occurs.

        n(x_1, ..., x_n) = number of t with tokens[t : t + n] = (x_1, ..., x_n)

    No n-gram crosses from one sequence of the batch into the next, or holds padding.

    Args:
      tokens: (*batch, time) ids 0, ..., vocabulary - 1; -1 is padding. Inside jit, any other id counts as padding.
      vocabulary: number of ids, m.
      order: n.
    Returns: (vocabulary,) * order, the default floating dtype: in float32 exact to 16,777,216 of a kind.
    Raises: ValueError if an id is outside, or the table has more than 2^31 - 1 entries; TypeError if `tokens` are not
      integers.
    Source: Jurafsky and Martin 2009, section 4.2; notes 001 section 1.
    """
    check_count("vocabulary", vocabulary)
    check_count("order", order)
    if vocabulary**order > LARGEST:
        raise ValueError(f"vocabulary: got {vocabulary}, wanted at most {_root(order)} for a table of order {order}")
    _check_tokens(tokens, vocabulary)
    place = jnp.zeros((), jnp.int32)
    outside = jnp.zeros((), bool)
    for ids in _windows(tokens, order):
        place = jnp.broadcast_to(place, ids.shape) * vocabulary + ids
        outside = jnp.broadcast_to(outside, ids.shape) | (ids < 0) | (ids >= vocabulary)
    size = vocabulary**order
    # what is outside is added behind the end, where it is dropped
    counts = jnp.zeros(size).at[jnp.where(outside, size, place).ravel()].add(1.0, mode="drop")
    return counts.reshape((vocabulary,) * order)


def _root(order: int) -> int:
    """The largest vocabulary whose table fits."""
    root = round(LARGEST ** (1 / order))
    return root if root**order <= LARGEST else root - 1


def unigram_probabilities(counts: Float[Array, "vocabulary"], *, smoothing: float = 1.0) -> Float[Array, "vocabulary"]:
    """Probability of a token, smoothed towards equal ones.

        P(x) = (n(x) + e / m) / (n + e),    n = sum_x n(x), m tokens in the vocabulary

    Args:
      counts: (vocabulary,) n(x).
      smoothing: e; 0 gives the relative frequencies, infinity would give 1 / m.
    Returns: (vocabulary,), dtype of `counts`; 1 / m without any count.
    Raises: ValueError if `counts` is no vector, a count is negative or not finite or `smoothing` is negative; TypeError
      if `counts` are not floating.
    Source: Jurafsky and Martin 2009, section 4.5.1; notes 001 section 1.
    """
    check_floating("counts", counts)
    if counts.ndim != 1 or counts.shape[0] == 0:
        raise ValueError(f"counts: got shape {counts.shape}, wanted (vocabulary,)")
    return _smoothed(counts, jnp.full_like(counts, 1 / counts.shape[0]), smoothing)


def bigram_probabilities(
    counts: Float[Array, "vocabulary vocabulary"], lower: Float[Array, "vocabulary"], *, smoothing: float = 1.0
) -> Float[Array, "vocabulary vocabulary"]:
    """Probability of a token after another, smoothed towards the token's own.

        P(x'|x) = (n(x, x') + e P(x')) / (n(x) + e),    n(x) = sum_x' n(x, x')

    Counting x where a token follows makes each row sum to 1 also when x ends the text.

    Args:
      counts: (vocabulary, vocabulary) n(x, x').
      lower: (vocabulary,) P(x').
      smoothing: e; 0 gives the relative frequencies, infinity would give P(x').
    Returns: (vocabulary, vocabulary), dtype of `counts`, a row for each x; P(x') for an x that was never seen.
    Raises: ValueError if the shapes do not fit, a count is negative or not finite, `lower` does not sum to 1 or
      `smoothing` is negative; TypeError if an array is not floating.
    Source: MacKay and Peto 1995, section 1; notes 001 section 1.
    """
    check_floating("counts", counts)
    size = counts.shape[-1:]
    if counts.shape != size * 2:
        raise ValueError(f"counts: got shape {counts.shape}, wanted (vocabulary, vocabulary)")
    if lower.shape != size:
        raise ValueError(f"lower: got shape {lower.shape}, wanted {size}")
    return _smoothed(counts, lower, smoothing)


def trigram_probabilities(
    counts: Float[Array, "vocabulary vocabulary vocabulary"],
    lower: Float[Array, "vocabulary"] | Float[Array, "vocabulary vocabulary"],
    *,
    smoothing: float = 1.0,
) -> Float[Array, "vocabulary vocabulary vocabulary"]:
    """Probability of a token after two others, smoothed towards a lower order.

        P(x''|x, x') = (n(x, x', x'') + e P(x'')) / (n(x, x') + e),     n(x, x') = sum_x'' n(x, x', x'')
        P(x''|x, x') = (n(x, x', x'') + e P(x''|x')) / (n(x, x') + e)   with the bigram's table

    The notes add e P(x'|x), which does not depend on x'' and does not sum to 1; this is the accepted form.

    Args:
      counts: (vocabulary, vocabulary, vocabulary) n(x, x', x'').
      lower: (vocabulary,) P(x''), or (vocabulary, vocabulary) P(x''|x').
      smoothing: e; 0 gives the relative frequencies, infinity would give the lower order.
    Returns: (vocabulary, vocabulary, vocabulary), dtype of `counts`; the lower order after a pair that was never seen.
    Raises: ValueError if the shapes do not fit, a count is negative or not finite, `lower` does not sum to 1 or
      `smoothing` is negative; TypeError if an array is not floating.
    Source: MacKay and Peto 1995, section 1; notes 001 section 1.
    """
    check_floating("counts", counts)
    size = counts.shape[-1:]
    if counts.shape != size * 3:
        raise ValueError(f"counts: got shape {counts.shape}, wanted (vocabulary, vocabulary, vocabulary)")
    if lower.shape not in (size, size * 2):
        raise ValueError(f"lower: got shape {lower.shape}, wanted {size} or {size * 2}")
    return _smoothed(counts, lower, smoothing)


def _smoothed(counts: Array, lower: Array, smoothing: float) -> Array:
    check_range("smoothing", smoothing, 0, math.inf, open_high=True)
    check_entries("counts", counts, 0)
    check_floating("lower", lower)
    check_distributions("lower", lower)
    lower = jnp.broadcast_to(lower.astype(counts.dtype), counts.shape)
    total = jnp.sum(counts, axis=-1, keepdims=True) + smoothing
    unseen = jnp.broadcast_to(total == 0, counts.shape)
    return jnp.where(unseen, lower, (counts + smoothing * lower) / jnp.where(total == 0, 1, total))


def ngram_probabilities(
    tokens: Integer[Array, "*batch time"],
    *,
    vocabulary: int,
    order: int = 3,
    smoothing: float | Sequence[float] = 1.0,
    backoff: Literal["unigram", "bigram"] = "unigram",
) -> tuple[Float[Array, "..."], ...]:
    """Unigram, bigram and trigram probabilities of a text.

        P(x) -> 1/m,    P(x'|x) -> P(x'),    P(x''|x, x') -> P(x'') or P(x''|x')      as the smoothing grows

    Args:
      tokens: (*batch, time) ids 0, ..., vocabulary - 1; -1 is padding.
      vocabulary: number of ids, m.
      order: 1, 2 or 3: the longest n-gram.
      smoothing: e, one for all or one for each order.
      backoff: what the trigram is smoothed towards: "unigram" P(x''), or "bigram" P(x''|x').
    Returns: `order` arrays (vocabulary,), (vocabulary, vocabulary), ...; each sums to 1 over its last axis.
    Raises: ValueError if an id is outside, a table is too large, `order`, `smoothing` or `backoff` is none of the
      above; TypeError if `tokens` are not integers.
    Source: MacKay and Peto 1995; notes 001 section 1.
    """
    check_count("order", order)
    check_range("order", order, 1, 3)
    check_choice("backoff", backoff, ("unigram", "bigram"))
    strengths = tuple(smoothing) if isinstance(smoothing, Sequence) else (smoothing,) * order
    if len(strengths) != order:
        raise ValueError(f"smoothing: got {len(strengths)} numbers, wanted {order}, one for each order")
    counts = [ngram_counts(tokens, vocabulary=vocabulary, order=n) for n in range(1, order + 1)]
    tables = [unigram_probabilities(counts[0], smoothing=strengths[0])]
    if order >= 2:
        tables.append(bigram_probabilities(counts[1], tables[0], smoothing=strengths[1]))
    if order == 3:
        lower = tables[0 if backoff == "unigram" else 1]
        tables.append(trigram_probabilities(counts[2], lower, smoothing=strengths[2]))
    return tuple(tables)


def sequence_log_probability(
    tokens: Integer[Array, "*batch time"], probabilities: Sequence[Float[Array, "..."]]
) -> Float[Array, "*batch"]:
    """Log-probability of a sequence under an n-gram model.

        log P(x_1, ..., x_T) = sum_t log P(x_t | x_(t-n+1), ..., x_(t-1))

    The first tokens, and those after padding, have what lies before them for a context, at lower order.

    Args:
      tokens: (*batch, time) ids; -1 is padding and counts nothing.
      probabilities: tables of the orders 1, ..., n, as `ngram_probabilities` gives them.
    Returns: (*batch,) nats, dtype of the tables; -infinity for a sequence that cannot occur.
    Raises: ValueError if an id is outside, a table does not fit or its rows do not sum to 1; TypeError if `tokens` are
      not integers.
    Source: Jurafsky and Martin 2009, eq. 4.8; notes 001 section 1.
    """
    vocabulary = _check_tables(probabilities)
    _check_tokens(tokens, vocabulary)
    tokens = tokens.astype(jnp.int32)
    logs = jnp.zeros(tokens.shape, probabilities[0].dtype)
    for order, table in enumerate(probabilities, 1):
        windows = _windows(tokens, order)
        inside = jnp.all(jnp.stack([(ids >= 0) & (ids < vocabulary) for ids in windows]), axis=0)
        value = jnp.log(table[tuple(jnp.clip(ids, 0, vocabulary - 1) for ids in windows)])
        # a longer context replaces what a shorter one said of the same token
        late = logs[..., order - 1 :]
        logs = logs.at[..., order - 1 :].set(jnp.where(inside, value, late))
    return jnp.sum(logs, axis=-1)


def _check_tables(probabilities: Sequence[Array]) -> int:
    if not probabilities:
        raise ValueError("probabilities: got no table, wanted those of the orders 1, ..., n")
    size = probabilities[0].shape[-1:]
    for order, table in enumerate(probabilities, 1):
        check_floating("probabilities", table)
        if table.shape != size * order or not size:
            raise ValueError(
                f"probabilities: got shape {table.shape} at order {order}, wanted {(size or (0,)) * order}"
            )
        check_distributions("probabilities", table)
    return size[0]


def sequence_perplexity(
    tokens: Integer[Array, "*batch time"], probabilities: Sequence[Float[Array, "..."]]
) -> Float[Array, "*batch"]:
    """Perplexity of a sequence under an n-gram model.

        PP(x_1, ..., x_T) = P(x_1, ..., x_T)^(-1 / T)

    Args:
      tokens: (*batch, time) ids; -1 is padding and counts nothing.
      probabilities: tables of the orders 1, ..., n, as `ngram_probabilities` gives them.
    Returns: (*batch,), dtype of the tables; 1 for a sequence of nothing but padding.
    Raises: ValueError if an id is outside, a table does not fit or its rows do not sum to 1; TypeError if `tokens` are
      not integers.
    Source: Jurafsky and Martin 2009, eq. 4.14; notes 001 sections 1 and 8.
    """
    total = sequence_log_probability(tokens, probabilities)
    count = jnp.sum((tokens >= 0) & (tokens < probabilities[0].shape[0]), axis=-1).astype(total.dtype)
    return jnp.exp(-total / jnp.maximum(count, 1))
