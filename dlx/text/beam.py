"""The most probable sequence, looked for with a beam, or among all."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Integer

from dlx.checks import check_count, check_range
from dlx.nn import log_softmax
from dlx.text.decoding import Decoded, Step, check_search

__all__ = ["beam_search", "exhaustive_search", "length_penalised"]

LARGEST = 2**20
"""Sequences that an exhaustive search writes down at once."""


def length_penalised(
    log_probability: Float[Array, "*shape"], lengths: Integer[Array, "*shape"], *, alpha: float = 0.75
) -> Float[Array, "*shape"]:
    """Score by which sequences of unequal length are compared.

        score = log P(y_1, ..., y_l) / l^alpha

    A sum of logarithms falls with every token; alpha 0 leaves it so, 1 takes the mean of a token.

    Args:
      log_probability: any shape, log P.
      lengths: the same shape, l, 1 at least.
      alpha: in [0, inf).
    Returns: the shape and dtype of `log_probability`.
    Raises: ValueError if `alpha` is out of range.
    Source: notes 001 section 11; Wu et al. 2016, eq. 14 have ((5 + l) / 6)^alpha.
    """
    check_range("alpha", alpha, 0, math.inf, open_high=True)
    return log_probability / lengths.astype(log_probability.dtype) ** alpha


def beam_search(
    step: Step,
    state: Any,
    start: Integer[Array, "batch"],
    *,
    beam: int = 4,
    max_length: int = 20,
    eos: int | None = None,
    alpha: float = 0.75,
    wide: bool = False,
) -> Decoded:
    """The best sequences among those that a beam of prefixes meets.

        of the k V continuations of k prefixes the k most probable are kept; those that end with eos are candidates, and
        leave the beam; the best candidates by log P / l^alpha win

    A beam of 1 is greedy search; one of V^(max_length - 1) prefixes misses nothing and is exhaustive search. A sequence
    that `max_length` cuts off ranks behind all that have ended.

    Args:
      step: step(state, tokens) -> (logits, state), see `dlx.text.decoding`; called with batch * beam tokens.
      state: before the first step, of the batch: its rows are repeated for the beam.
      start: (batch,) tokens of the first step.
      beam: k, prefixes that are kept, and sequences that come out.
      max_length: tokens at most.
      eos: the token that ends a sequence, None if nothing does.
      alpha: of `length_penalised`.
      wide: allow a beam wider than the vocabulary, which its first step cannot fill.
    Returns: Decoded, with an axis of `beam` sequences behind the batch, the best first: tokens (batch, beam,
      max_length), lengths and log_probability (batch, beam). Where fewer were met, length 0 and probability 0.
    Raises: ValueError if a number is out of range, the beam is wider than the vocabulary, or logits are no (batch,
      vocabulary); TypeError if `start` are not integers or `step` is no function.
    Source: notes 001 section 11 (E60); Graves 2012, algorithm 1; Sutskever et al. 2014, section 3.2.
    """
    vocabulary = check_search(step, state, start, max_length, eos)
    check_count("beam", beam)
    check_range("alpha", alpha, 0, math.inf, open_high=True)
    if beam > vocabulary and not wide:
        raise ValueError(
            f"beam: got {beam}, wanted at most {vocabulary}, the vocabulary; a wider one, with wide=True, is full from"
            " the second token on"
        )
    batch, filler = len(start), 0 if eos is None else eos
    dtype = jax.eval_shape(step, state, start)[0].dtype
    nothing = jnp.full((batch, beam), -jnp.inf, dtype)
    blank = jnp.full((batch, beam, max_length), filler, start.dtype)
    # one prefix at first: equal ones would fill the beam with copies
    only = nothing.at[:, 0].set(0)
    ended = (nothing, blank, jnp.zeros((batch, beam), jnp.int32), nothing)
    first = (jnp.zeros((), jnp.int32), rows(state, jnp.repeat(jnp.arange(batch), beam), batch), jnp.repeat(start, beam),
             blank, only, ended)  # fmt: skip

    def going_on(carry):
        place, _, _, _, total, _ = carry
        return (place < max_length) & jnp.any(total > -jnp.inf)

    def body(carry):
        place, state, last, tokens, total, ended = carry
        logits, state = step(state, last)
        every = total[..., None] + log_softmax(logits).reshape(batch, beam, vocabulary)
        total, chosen = lax.top_k(every.reshape(batch, -1), beam)
        parents, last = chosen // vocabulary, (chosen % vocabulary).astype(start.dtype)
        state = rows(state, (parents + jnp.arange(batch)[:, None] * beam).reshape(-1), batch * beam)
        tokens = jnp.take_along_axis(tokens, parents[..., None], 1).at[:, :, place].set(last)
        if eos is not None:
            lengths = jnp.full((batch, beam), place + 1, jnp.int32)
            finished = jnp.where(last == eos, total, -jnp.inf)
            ended = _better(ended, (length_penalised(finished, lengths, alpha=alpha), tokens, lengths, finished))
            total = jnp.where(last == eos, -jnp.inf, total)
        return place + 1, state, last.reshape(-1), tokens, total, ended

    _, _, _, tokens, total, ended = lax.while_loop(going_on, body, first)
    full = jnp.full((batch, beam), max_length, jnp.int32)
    # what has not ended comes behind, in its own order
    scores = jnp.concatenate([ended[0], length_penalised(total, full, alpha=alpha)], 1)
    late = jnp.concatenate([ended[0] == -jnp.inf, jnp.ones_like(total, bool)], 1)
    order = jnp.lexsort((-scores, late, scores == -jnp.inf), axis=1)[:, :beam]
    found = [jnp.concatenate(pair, 1) for pair in zip(ended[1:], (tokens, full, total), strict=True)]
    tokens, lengths, total = (_chosen(part, order) for part in found)
    exists = total > -jnp.inf
    return Decoded(jnp.where(exists[..., None], tokens, filler), jnp.where(exists, lengths, 0), total)


def exhaustive_search(
    step: Step,
    state: Any,
    start: Integer[Array, "batch"],
    *,
    max_length: int = 4,
    eos: int | None = None,
    alpha: float = 0.75,
) -> Decoded:
    """The best of all sequences: what the other searches are measured by.

        argmax over the sequences of at most max_length tokens that end with eos of log P / l^alpha

    All V^max_length are scored. Without `eos` they are those of max_length tokens, and so they are where none that ends
    is possible.

    Args:
      step: step(state, tokens) -> (logits, state), see `dlx.text.decoding`.
      state: before the first step.
      start: (batch,) tokens of the first step.
      max_length: tokens at most.
      eos: the token that ends a sequence, None if nothing does.
      alpha: of `length_penalised`.
    Returns: Decoded.
    Raises: ValueError if a number is out of range, there are too many sequences, or logits are no (batch, vocabulary);
      TypeError if `start` are not integers or `step` is no function.
    Source: notes 001 section 11.
    """
    vocabulary, batch = check_search(step, state, start, max_length, eos), len(start)
    check_range("alpha", alpha, 0, math.inf, open_high=True)
    if batch * vocabulary**max_length > LARGEST:
        raise ValueError(f"max_length: got {max_length} for {batch} sequences of a vocabulary of {vocabulary}, wanted"
                         f" at most {LARGEST} sequences in all")  # fmt: skip
    total = jnp.zeros((batch, 1), jax.eval_shape(step, state, start)[0].dtype)
    tokens, best = jnp.zeros((batch, 1, 0), start.dtype), []

    def keep(length: int, scored: Array) -> None:
        scores = length_penalised(scored, jnp.full(scored.shape, length, jnp.int32), alpha=alpha)
        order = jnp.argmax(scores, 1, keepdims=True)
        padded = jnp.pad(tokens, ((0, 0), (0, 0), (0, max_length - length)), constant_values=0 if eos is None else eos)
        best.append((_chosen(scores, order), _chosen(padded, order), jnp.full_like(order, length, jnp.int32),
                     _chosen(scored, order)))  # fmt: skip

    for length in range(1, max_length + 1):
        logits, state = step(state, start if length == 1 else tokens[..., -1].reshape(-1))
        prefixes = total.shape[1]
        total = (total[..., None] + log_softmax(logits).reshape(batch, prefixes, vocabulary)).reshape(batch, -1)
        new = jnp.broadcast_to(jnp.arange(vocabulary, dtype=start.dtype)[:, None], (batch, prefixes, vocabulary, 1))
        old = jnp.broadcast_to(tokens[:, :, None], (*new.shape[:3], length - 1))
        tokens = jnp.concatenate([old, new], -1).reshape(batch, -1, length)
        state = rows(state, jnp.repeat(jnp.arange(batch * prefixes), vocabulary), batch * prefixes)
        if eos is not None:
            keep(length, jnp.where(tokens[..., -1] == eos, total, -jnp.inf))
            total = jnp.where(tokens[..., -1] == eos, -jnp.inf, total)
    ended = [jnp.concatenate(parts, 1) for parts in zip(*best, strict=True)] if best else None
    keep(max_length, total)
    if ended is None:
        _, tokens, lengths, total = best[-1]
    else:
        order = jnp.argmax(ended[0], 1, keepdims=True)
        some = _chosen(ended[0], order) > -jnp.inf
        pairs = [(_chosen(part, order), last) for part, last in zip(ended, best[-1], strict=True)]
        _, tokens, lengths, total = (
            jnp.where(some if one.ndim == 2 else some[..., None], one, other) for one, other in pairs
        )
    return Decoded(tokens[:, 0], lengths[:, 0], total[:, 0])


def rows(state: Any, numbers: Array, count: int) -> Any:
    """Rows of every array of a state; what has no axis is shared."""

    def take(leaf):
        if not leaf.ndim:
            return leaf
        if len(leaf) != count:
            raise ValueError(f"state: got an array of shape {leaf.shape}, wanted the batch, {count}, as the first axis")
        return leaf[numbers]

    return jax.tree.map(lambda leaf: take(jnp.asarray(leaf)), state)


def _chosen(part: Array, order: Array) -> Array:
    """Entries of axis 1, in an order."""
    return jnp.take_along_axis(part, order if part.ndim == 2 else order[..., None], 1)


def _better(old: tuple[Array, ...], new: tuple[Array, ...]) -> tuple[Array, ...]:
    """The best by their first arrays, as many as there were."""
    both = [jnp.concatenate(pair, 1) for pair in zip(old, new, strict=True)]
    _, order = lax.top_k(both[0], old[0].shape[1])
    return tuple(_chosen(part, order) for part in both)
