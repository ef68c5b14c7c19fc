"""Texts that a language model goes on with."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Integer, Key, PyTree

from dlx.checks import check_count, check_key, check_range
from dlx.text import greedy_search, read_prefix, sample_tokens
from dlx.text.decoding import check_capacity

__all__ = ["write_texts"]


def write_texts(
    key: Key[Array, ""],
    model: Any,
    params: PyTree,
    prefix: Integer[Array, "time"],
    *,
    length: int = 200,
    temperatures: Sequence[float] = (0.0, 0.5, 1.0),
    forbidden: Sequence[int] = (),
) -> Integer[Array, "temperatures length"]:
    """How a language model goes on behind a given beginning, at several temperatures.

        y_t ~ softmax(z_t / temperature),    greedy at temperature 0

    The beginning warms the state up, see `dlx.text.read_prefix`; reading and writing are one compiled call each.

    Args:
      key: random key.
      model: a module with `start` and `step`: `RecurrentLanguageModel`, `TransformerLM`.
      params: its parameters.
      prefix: (time,) tokens, at least one.
      length: tokens to write.
      temperatures: one text for each.
      forbidden: tokens that are never written, as <unk>.
    Returns: (temperatures, length) tokens.
    Raises: ValueError if a number is out of range, `prefix` is empty, or both are more than the model's cache has
      positions; TypeError if `key` is no key.
    Source: notes 001 section 8 (prediction).
    """
    check_key("key", key)
    check_count("length", length)
    variables = {"params": params}
    never = jnp.asarray(list(forbidden), jnp.int32)

    @functools.partial(jax.jit, static_argnames="greedy")
    def write(variables, key, prefix, temperature, *, greedy):
        start = model.apply(variables, 1, method="start")
        # behind the prefix the position is traced, and the searches do not know it
        check_capacity("prefix and length", len(prefix) - 1 + length, start)

        def step(state, tokens):
            logits, state = model.apply(variables, state, tokens, method="step")
            return logits.at[:, never].set(-jnp.inf), state

        begun = read_prefix(step, start, prefix[None])
        if greedy:
            return greedy_search(step, *begun, max_length=length).tokens[0]
        return sample_tokens(key, step, *begun, max_length=length, temperature=temperature).tokens[0]

    found = []
    for number, temperature in enumerate(temperatures):
        check_range("temperatures", temperature, 0, 100)
        own = jax.random.fold_in(key, number)
        found.append(write(variables, own, prefix, jnp.float32(max(temperature, 1e-6)), greedy=temperature == 0))
    return jnp.stack(found)
