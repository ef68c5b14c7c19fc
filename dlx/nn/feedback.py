"""Recurrences that read their own predictions: teacher forcing, scheduled sampling, warm-up by a prefix."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Key, Shaped

from dlx.checks import check_array, check_count, check_key, check_range

__all__ = ["feedback_unroll", "prefix_forcing", "scheduled_sampling"]


def scheduled_sampling(
    key: Key[Array, ""], shape: tuple[int, int], *, ratio: float | Float[Array, ""] = 0.5
) -> Bool[Array, "batch time"]:
    """At which places a recurrence reads the true token: each with some probability, the first always.

        forced_1 = 1,    forced_t ~ Bernoulli(ratio)

    A ratio of 1 is teacher forcing, 0 lets the model run free. The notes name the drift of free running and no remedy;
    this is Bengio's, whose schedules lower the ratio in training.

    Args:
      key: random key.
      shape: (batch, time).
      ratio: probability in [0, 1]; it may be traced, as a schedule's value is.
    Returns: (batch, time).
    Raises: ValueError if `ratio` or `shape` is out of range; TypeError if `key` is no typed key.
    Source: Williams and Zipser 1989; Bengio et al. 2015, section 2.4; notes 001 section 8.
    """
    check_key("key", key)
    check_range("ratio", ratio, 0, 1)
    _check_pair(shape)
    return (jax.random.uniform(key, shape) < ratio).at[:, 0].set(True)


def prefix_forcing(shape: tuple[int, int], prefix: int) -> Bool[Array, "batch time"]:
    """The places of a given prefix, which warms the state up; what comes after is the model's own.

        forced_t = [t < prefix],    t = 0, ..., time - 1

    Args:
      shape: (batch, time).
      prefix: tokens that are given, in 1..time.
    Returns: (batch, time).
    Raises: ValueError if `prefix` or `shape` is out of range; TypeError if `prefix` is no int.
    Source: notes 001 section 8.
    """
    _check_pair(shape)
    check_count("prefix", prefix)
    check_range("prefix", prefix, 1, shape[1])
    return jnp.broadcast_to(jnp.arange(shape[1])[None] < prefix, shape)


def feedback_unroll(
    step: Callable[[Any, Array], tuple[Array, Any]],
    initial: Any,
    inputs: Shaped[Array, "batch time *features"],
    forced: Bool[Array, "batch time"],
    *,
    predict: Callable[[Array], Array] | None = None,
) -> tuple[Shaped[Array, "batch time *outputs"], Any]:
    """A recurrence that reads a given input where it is forced to, and its own last prediction elsewhere.

        o_t, s_t = step(s_{t-1}, u_t),    u_t = x_t if forced_t, else predict(o_{t-1})

    All places forced is teacher forcing, the first ones only is warm-up by a prefix and then free running, random ones
    (`scheduled_sampling`) lie between. What is given at places that are not forced is not looked at. Predictions pass
    no gradient.

    Args:
      step: step(state, inputs of one time) -> (outputs, state), for the whole batch.
      initial: s_0.
      inputs: (batch, time, ...) x: tokens, or numbers of a series.
      forced: (batch, time), True everywhere at the first place.
      predict: from outputs (batch, ...) to inputs of one time; None takes the last axis' argmax for integer inputs, and
        the outputs themselves for floating ones.
    Returns: o, (batch, time, ...), and the last state.
    Raises: ValueError if shapes do not fit, or a prediction has not the shape of an input; TypeError if `inputs` or
      `forced` are no arrays.
    Source: Williams and Zipser 1989; Bengio et al. 2015; notes 001 section 8 (free-running drift).
    """
    check_array("inputs", inputs)
    check_array("forced", forced)
    if inputs.ndim < 2 or 0 in inputs.shape[:2]:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, time, ...), neither of them 0")
    if forced.dtype != bool or forced.shape != inputs.shape[:2]:
        raise ValueError(
            f"forced: got {forced.dtype} of shape {forced.shape}, wanted bool of shape {inputs.shape[:2]}, the batch"
            " and time of inputs"
        )
    if predict is None:
        predict = _argmax if jnp.issubdtype(inputs.dtype, jnp.integer) else _same

    def body(carry, now):
        state, guess = carry
        given, forced_now = now
        chosen = jnp.where(forced_now.reshape(forced_now.shape + (1,) * (given.ndim - 1)), given, guess)
        outputs, state = step(state, chosen)
        guess = lax.stop_gradient(predict(outputs))
        if guess.shape != given.shape:
            raise ValueError(f"predict: it gave shape {guess.shape}, wanted {given.shape}, that of the inputs")
        return (state, guess.astype(given.dtype)), outputs

    inputs, forced = jnp.swapaxes(inputs, 0, 1), jnp.swapaxes(forced, 0, 1)
    (state, _), outputs = lax.scan(body, (initial, inputs[0]), (inputs, forced))
    return jnp.swapaxes(outputs, 0, 1), state


def _check_pair(shape: tuple[int, int]) -> None:
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(f"shape: got {shape!r}, wanted (batch, time)")
    for size in shape:
        check_count("shape", size)


def _argmax(outputs: Array) -> Array:
    return jnp.argmax(outputs, axis=-1)


def _same(outputs: Array) -> Array:
    return outputs
