"""A given beginning of a text, read before a model goes on with it."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Integer

from dlx.checks import check_integers
from dlx.text.decoding import Step, check_capacity, check_search

__all__ = ["read_prefix"]


def read_prefix(step: Step, state: Any, prefix: Integer[Array, "batch time"]) -> tuple[Any, Integer[Array, "batch"]]:
    """Warms a model's state up: reads a given beginning, whose predictions are not looked at.

        _, s_t = step(s_{t-1}, x_t),    t = 1, ..., n - 1;    returned: s_{n-1} and x_n

    Those are what the searches begin with: `sample_tokens(key, step, *read_prefix(step, state, prefix))` goes on with
    the text, and so do `greedy_search` and `beam_search`.

    Args:
      step: step(state, tokens) -> (logits, state), see `dlx.text.decoding`.
      state: before the first token.
      prefix: (batch, time) tokens, at least one.
    Returns: the state before the last token, and that token, (batch,).
    Raises: ValueError if `prefix` is no (batch, time) with a token or longer than the model's cache; TypeError if it
      holds no integers or `step` is no function.
    Source: notes 001 section 8 (prediction: the first outputs only warm the state up), 002 section 5.
    """
    check_integers("prefix", prefix)
    if prefix.ndim != 2 or 0 in prefix.shape:
        raise ValueError(f"prefix: got shape {prefix.shape}, wanted (batch, time), neither of them 0")
    # the last token is the search's first: it wants a position too
    check_capacity("prefix", prefix.shape[1], state)
    check_search(step, state, prefix[:, 0], 1, None)

    def body(state: Any, tokens: Array) -> tuple[Any, None]:
        return step(state, tokens)[1], None

    state, _ = lax.scan(body, state, jnp.swapaxes(prefix[:, :-1], 0, 1))
    return state, prefix[:, -1]
