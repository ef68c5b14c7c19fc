"""Recurrences over time: any cell, sequences of unequal length, truncated back-propagation."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Integer

from dlx.checks import check_array, check_count, check_integers, is_known

__all__ = ["sequence_mask", "unroll"]


def sequence_mask(lengths: Integer[Array, "*batch"], time: int) -> Bool[Array, "*batch {time}"]:
    """Which places of padded sequences hold something.

        m_t = [t < length],    t = 0, ..., time - 1

    Args:
      lengths: (*batch,) in 0..time. In a compiled function a longer one fills its row.
      time: places of a sequence, padding included.
    Returns: (*batch, time).
    Raises: ValueError if a length is outside or `time` is not positive; TypeError if `lengths` are not integers.
    Source: notes 001 section 11 (padding).
    """
    check_count("time", time)
    check_lengths(lengths, time, low=0)
    places = jnp.arange(time, dtype=lengths.dtype)
    return jnp.broadcast_to(places, (*lengths.shape, time)) < lengths[..., None]


def check_lengths(lengths: Array, time: int, *, low: int = 1, batch: int | None = None) -> None:
    """Refuse lengths that are no integers in low..time, one for each sequence."""
    check_integers("lengths", lengths)
    if batch is not None and lengths.shape != (batch,):
        raise ValueError(f"lengths: got shape {lengths.shape}, wanted ({batch},), one for each sequence")
    if is_known(lengths):
        for place, length in enumerate(lengths.reshape(-1).tolist()):
            if not low <= length <= time:
                raise ValueError(f"lengths: got {length} at [{place}], wanted integers in {low}..{time}, the time axis")


def unroll(
    cell: Callable[[Any, Any], Any],
    initial: Any,
    inputs: Any,
    lengths: Integer[Array, "batch"] | None = None,
    *,
    reverse: bool = False,
    truncate: int | None = None,
) -> tuple[Any, Any]:
    """Any recurrence over time.

        s_t = cell(s_{t-1}, x_t),    t = 1, ..., T

    A state stays as it is behind the end of its sequence. `rnn`, `gru` and `lstm` are the same for their cells, and
    several times faster in training.

    Args:
      cell: cell(state, inputs of one time) -> state, for the whole batch at once.
      initial: s_0, arrays (batch, ...).
      inputs: arrays (batch, time, ...).
      lengths: (batch,) in 1..time, None if all are full. In a compiled function a length outside counts as the
        nearest of 0 and `time`.
      reverse: from the last place of each sequence to its first, s_t = cell(s_{t+1}, x_t).
      truncate: back-propagation stops at every boundary of so many steps; the values do not change. The notes' form is
        a batch of that many steps, with `lax.stop_gradient` on the state that comes from the batch before.
    Returns: the states, arrays (batch, time, ...), and the last state, (batch, ...), of the first place with `reverse`.
    Raises: ValueError if shapes do not fit, a length is outside or `truncate` is not positive; TypeError if `inputs`
      are no arrays.
    Source: Goodfellow et al. 2016, section 10.1; Williams and Peng 1990 (truncation); notes 001 section 8.
    """
    leaves = jax.tree.leaves(inputs)
    for leaf in leaves:
        check_array("inputs", leaf)
    if not leaves or any(leaf.ndim < 2 or leaf.shape[:2] != leaves[0].shape[:2] for leaf in leaves):
        raise ValueError(f"inputs: got shapes {[leaf.shape for leaf in leaves]}, wanted (batch, time, ...), all alike")
    batch, time = leaves[0].shape[:2]
    if 0 in (batch, time):
        raise ValueError(f"inputs: got shape {leaves[0].shape}, an empty batch or time, wanted (batch, time, ...)")
    mask, cut = marks(lengths, batch, time, reverse, truncate)

    def body(state, now):
        inputs_now, mask_now, cut_now = now
        if cut_now is not None:
            state = _chosen(cut_now, jax.tree.map(lax.stop_gradient, state), state)
        new = cell(state, inputs_now)
        if mask_now is not None:
            new = _chosen(mask_now, new, state)
        return new, new

    final, states = lax.scan(body, initial, (jax.tree.map(swap, inputs), mask, cut), reverse=reverse)
    return jax.tree.map(swap, states), final


def marks(
    lengths: Array | None, batch: int, time: int, reverse: bool, truncate: int | None
) -> tuple[Array | None, Array | None]:
    """Which places are inside, and before which steps the gradient stops, both (time, batch or 1, 1).

    None where all are, and where it never does. Steps are counted inside a sequence: padding changes nothing.
    """
    mask: Array | None = None
    last: Array | int = time - 1
    if lengths is not None:
        check_lengths(lengths, time, batch=batch)
        inside = jnp.clip(lengths, 0, time)
        mask, last = swap(sequence_mask(inside, time))[..., None], inside[None, :, None] - 1
    if truncate is None:
        return mask, None
    check_count("truncate", truncate)
    places = jnp.arange(time)[:, None, None]
    steps = last - places if reverse else places
    cut = (steps > 0) & (steps % truncate == 0)
    return mask, cut if mask is None else cut & mask


def swap(array: Array) -> Array:
    """(batch, time, ...) to (time, batch, ...) and back."""
    return jnp.swapaxes(array, 0, 1)


def _chosen(mask: Array, one: Any, other: Any) -> Any:
    """Examples of one tree where the mask (batch or 1, 1) is True, of the other elsewhere."""
    flat = mask[:, 0]
    return jax.tree.map(lambda a, b: jnp.where(flat.reshape(flat.shape + (1,) * (a.ndim - 1)), a, b), one, other)
