"""Sequences out of a model that scores the next token: greedy, by a beam, all of them, or drawn.

The model is a function `step(state, tokens) -> (logits, state)`: tokens (batch,), logits (batch, vocabulary). The state
is any pytree of arrays whose first axis is the batch; a scalar, a position, is shared by all. Everything has static
shapes and runs inside `jax.jit`, where the whole search is one compiled call. A state with an attribute `capacity`, the
positions that its cache has, is not asked for more; those read, `position`, are subtracted unless they are traced.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Integer, Key

from dlx.checks import check_count, check_floating, check_function, check_integers, check_key, check_range, is_known
from dlx.nn import example_keys, log_softmax
from dlx.text.truncation import truncate_logits

__all__ = ["Decoded", "Step", "greedy_search", "sample_tokens"]

Step = Callable[[Any, Array], tuple[Array, Any]]


class Decoded(NamedTuple):
    """What a search found; a beam has an axis of alternatives behind the batch, the best first."""

    tokens: Integer[Array, "..."]
    """(batch, max_length); behind the end `eos`."""
    lengths: Integer[Array, "..."]
    """(batch,), `eos` included."""
    log_probability: Float[Array, "..."]
    """(batch,) of all the tokens, `eos` included."""


def greedy_search(
    step: Step, state: Any, start: Integer[Array, "batch"], *, max_length: int = 20, eos: int | None = None
) -> Decoded:
    """The most probable token, step by step.

        y_t = argmax_y P(y | y_<t, c),    until y_t = eos

    The product of the largest probabilities is not the largest product: an early choice spoils later ones. Of equal
    tokens the first is taken.

    Args:
      step: step(state, tokens) -> (logits, state), see the module.
      state: before the first step.
      start: (batch,) tokens of the first step, <bos> or the last of a given beginning.
      max_length: tokens at most.
      eos: the token that ends a sequence, None if nothing does.
    Returns: Decoded.
    Raises: ValueError if a number is out of range or logits are no (batch, vocabulary); TypeError if `start` are not
      integers or `step` is no function.
    Source: notes 001 section 11 (E60).
    """
    check_search(step, state, start, max_length, eos)
    return _generate(step, state, start, max_length, eos, lambda place, logits: jnp.argmax(logits, -1))


def sample_tokens(
    key: Key[Array, ""],
    step: Step,
    state: Any,
    start: Integer[Array, "batch"],
    *,
    max_length: int = 20,
    eos: int | None = None,
    temperature: float | Float[Array, ""] = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Decoded:
    """Tokens drawn from what the model says, or from its more probable part.

        y_t ~ softmax(truncate(z_t / temperature)),    until y_t = eos

    A sequence's draws come from its number in the batch, not from the batch's size.

    Args:
      key: random key.
      step: step(state, tokens) -> (logits, state), see the module.
      state: before the first step.
      start: (batch,) tokens of the first step.
      max_length: tokens at most.
      eos: the token that ends a sequence, None if nothing does.
      temperature: see `truncate_logits`; `greedy_search` is the limit at 0.
      top_k: see `truncate_logits`.
      top_p: see `truncate_logits`.
    Returns: Decoded; its log probabilities are the model's own, without temperature and truncation.
    Raises: ValueError if a number is out of range or logits are no (batch, vocabulary); TypeError if `start` are not
      integers, `step` is no function or `key` no key.
    Source: Holtzman et al. 2020, section 3; notes 001 section 8 (prediction).
    """
    check_key("key", key)
    check_search(step, state, start, max_length, eos)

    def draw(place, logits):
        kept = truncate_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        keys = example_keys(jax.random.fold_in(key, place), len(logits))
        return jax.vmap(jax.random.categorical)(keys, kept)

    return _generate(step, state, start, max_length, eos, draw)


def _generate(
    step: Step, state: Any, start: Array, max_length: int, eos: int | None, choose: Callable[[Array, Array], Array]
) -> Decoded:
    batch, filler = len(start), 0 if eos is None else eos
    dtype = jax.eval_shape(step, state, start)[0].dtype
    tokens = jnp.full((max_length, batch), filler, start.dtype)
    first = (jnp.zeros((), jnp.int32), state, start, tokens, jnp.zeros(batch, jnp.int32), jnp.zeros(batch, dtype),
             jnp.zeros(batch, bool))  # fmt: skip

    def going_on(carry):
        place, *_, done = carry
        return (place < max_length) & ~jnp.all(done)

    def body(carry):
        place, state, last, tokens, lengths, total, done = carry
        logits, state = step(state, last)
        chosen = jnp.where(done, filler, choose(place, logits)).astype(start.dtype)
        gain = jnp.take_along_axis(log_softmax(logits), chosen[:, None], -1)[:, 0]
        total = total + jnp.where(done, 0, gain)
        lengths = lengths + ~done
        done = done if eos is None else done | (chosen == eos)
        return place + 1, state, chosen, tokens.at[place].set(chosen), lengths, total, done

    _, _, _, tokens, lengths, total, _ = lax.while_loop(going_on, body, first)
    return Decoded(tokens.T, lengths, total)


def check_search(step: Step, state: Any, start: Array, max_length: int, eos: int | None) -> int:
    """Refuse what no search can start from; the vocabulary's size."""
    check_function("step", step, "step(state, tokens) -> (logits, state)")
    check_integers("start", start)
    check_count("max_length", max_length)
    check_capacity("max_length", max_length, state)
    if start.ndim != 1 or not len(start):
        raise ValueError(f"start: got shape {start.shape}, wanted (batch,), the first token of each sequence")
    logits = jax.eval_shape(step, state, start)[0]
    check_floating("logits", logits)
    if logits.ndim != 2 or len(logits) != len(start) or not logits.shape[1]:
        raise ValueError(f"logits: got shape {logits.shape} from step, wanted ({len(start)}, vocabulary)")
    if eos is not None:
        check_range("eos", eos, 0, logits.shape[1] - 1)
    return logits.shape[1]


def check_capacity(name: str, steps: int, state: Any) -> None:
    """Refuse more steps than a state has positions for, where it has a `capacity` and counts them in `position`."""
    capacity = getattr(state, "capacity", None)
    if capacity is None:
        return
    position = getattr(state, "position", 0)
    # a traced position is not known here
    read = int(np.max(position)) if is_known(position) else 0
    if steps > capacity - read:
        behind = f" behind the {read} tokens read" if read else ""
        raise ValueError(
            f"{name}: got {steps}, wanted at most {capacity - read}, the positions that the model's cache has{behind}"
        )
