"""Masks of attention: which keys a query may look at."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Integer

from dlx.checks import check_array, check_count
from dlx.nn.unroll import sequence_mask

__all__ = ["causal_mask", "combine_masks", "padding_mask"]


def causal_mask(
    queries: int, keys: int | None = None, *, offset: int | Integer[Array, ""] = 0
) -> Bool[Array, "{queries} keys"]:
    """Each place looks at itself and at what stands before it.

        m_ij = [j <= offset + i]

    Args:
      queries: places that look.
      keys: places that are looked at, None for as many.
      offset: place of the first query among the keys: those in a cache stand before it.
    Returns: (queries, keys), True where query i may look at key j.
    Raises: ValueError if a count is not positive; TypeError if it is no int.
    Source: Vaswani et al. 2017, section 3.2.3; notes 001 section 11 (E54).
    """
    check_count("queries", queries)
    keys = queries if keys is None else keys
    check_count("keys", keys)
    last = jnp.arange(queries) + offset
    return jnp.arange(keys)[None, :] <= last[:, None]


def padding_mask(lengths: Integer[Array, "*batch"], time: int) -> Bool[Array, "*batch 1 {time}"]:
    """Every query looks at the keys inside their sequence, never at its padding.

        m_bij = [j < length_b]

    Args:
      lengths: (*batch,) in 0..time; 0 hides every key.
      time: places of a sequence, padding included.
    Returns: (*batch, 1, time), one row for all queries.
    Raises: ValueError if a length is outside or `time` is not positive; TypeError if `lengths` are not integers.
    Source: notes 001 section 11 (padding).
    """
    return sequence_mask(lengths, time)[..., None, :]


def combine_masks(*masks: Bool[Array, "..."] | None) -> Bool[Array, "..."] | None:
    """What every mask allows.

        m = m_1 and m_2 and ...

    Args:
      masks: bool arrays whose shapes broadcast as NumPy does it, (queries, keys) with (batch, 1, keys); None allows
        everything.
    Returns: one mask of the common shape, None if there is none.
    Raises: TypeError if a mask is not bool; ValueError if shapes do not broadcast.
    Source: notes 001 section 11.
    """
    given = [mask for mask in masks if mask is not None]
    for mask in given:
        check_mask("masks", mask)
    if not given:
        return None
    try:
        shape = jnp.broadcast_shapes(*(mask.shape for mask in given))
    except ValueError:
        raise ValueError(f"masks: got shapes {[m.shape for m in given]}, wanted some that broadcast") from None
    both = jnp.broadcast_to(given[0], shape)
    for mask in given[1:]:
        both = both & jnp.broadcast_to(mask, shape)
    return both


def check_mask(name: str, mask: Array) -> None:
    """Refuse what is no array of bools: 0 and 1, or numbers to be added, mean something else elsewhere."""
    check_array(name, mask)
    if mask.dtype != bool:
        raise TypeError(f"{name}: got dtype {mask.dtype}, wanted bool, True where a query may look at a key")
