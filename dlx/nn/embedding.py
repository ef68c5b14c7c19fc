"""Embeddings: rows of a table, by number."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Integer

from dlx.checks import check_class_numbers, check_floating

__all__ = ["embedding"]


def embedding(
    table: Float[Array, "vocabulary features"], tokens: Integer[Array, "*batch"], *, padding_idx: int | None = None
) -> Float[Array, "*batch features"]:
    """Row of a table for each token: the product of one-hot vectors with the table, without the vectors.

        e = onehot(token) W = W[token],    dL/dW[i] = sum of dL/de over the places of token i

    Args:
      table: (vocabulary, features) W.
      tokens: (*batch,) integers in 0..vocabulary-1. In a compiled function, where they cannot be looked at, one
        outside gives a row of NaN.
      padding_idx: a token whose row gets no gradient; its values are used as they are, as in PyTorch.
    Returns: (*batch, features), dtype of `table`.
    Raises: ValueError if the table has no rows, or a token or `padding_idx` is outside; TypeError if `tokens` are not
      integers or `table` is not floating.
    Source: Bengio et al. 2003, section 2; notes 001 section 11, 004 "word embeddings".
    """
    check_floating("table", table)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"table: got shape {table.shape}, wanted (vocabulary, features), neither of them 0")
    vocabulary = table.shape[0]
    check_class_numbers("tokens", tokens, vocabulary)
    if padding_idx is not None and not (type(padding_idx) is int and 0 <= padding_idx < vocabulary):
        raise ValueError(f"padding_idx: got {padding_idx!r}, wanted an int in 0..{vocabulary - 1}, a row of table")
    # JAX counts negative rows from the end: outside they are caught
    rows = jnp.where(tokens < 0, vocabulary, tokens.astype(jnp.int32))
    found = table.at[rows].get(mode="fill", fill_value=jnp.nan)
    if padding_idx is None:
        return found
    return jnp.where((tokens == padding_idx)[..., None], lax.stop_gradient(found), found)
