"""Positions as rotations of queries and keys: their products then know the distance, not the place."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import check_floating, is_known

__all__ = ["rotate_positions"]


def rotate_positions(
    inputs: Float[Array, "*batch time features"],
    table: Float[Array, "length features"],
    offset: int | Integer[Array, ""] | None = None,
) -> Float[Array, "*batch time features"]:
    """Turns pairs of features by angles that grow with the position.

        x_i     <- x_i cos(p w_i) - x_{i+h} sin(p w_i)          p = offset + t,    h = features / 2
        x_{i+h} <- x_i sin(p w_i) + x_{i+h} cos(p w_i)          w_i = 10000^(-2i / features)

    The product of a query turned for p and a key turned for q depends on p - q alone, and a turn changes no length. The
    sines and cosines are those of `sinusoidal_encoding`. A pair is a feature of the first and one of the second half,
    as in GPT-NeoX and Llama; the paper pairs neighbours, which renumbers the features.

    Args:
      inputs: (*batch, time, features), queries or keys of one head.
      table: (length, features), `sinusoidal_encoding(length, features)`.
      offset: position of the first place, None for 0. In a compiled function, where it cannot be looked at, a position
        behind the table's end gives NaN.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if the sequence is longer than the table, shapes do not fit or the features are odd; TypeError if
      an array is not floating.
    Source: Su et al. 2021, eq. 34; the notes add positions (001 section 11).
    """
    check_floating("inputs", inputs)
    check_floating("table", table)
    if inputs.ndim < 2 or table.ndim != 2 or inputs.shape[-1] != table.shape[-1] or table.shape[-1] % 2:
        raise ValueError(f"table: got shape {table.shape} for inputs of shape {inputs.shape}, wanted (length, features)"
                         " for (..., time, features), an even number of them")  # fmt: skip
    time, length = inputs.shape[-2], table.shape[0]
    first = 0 if offset is None else offset
    if time > length or (is_known(first) and not 0 <= int(first) <= length - time):
        start = f" from position {int(first)} on" if is_known(first) else ""
        raise ValueError(
            f"inputs: got {time} places{start}, wanted at most {length}, the rows of the table of positions"
        )
    places = jnp.arange(time) + first
    # JAX counts negative rows from the end
    rows = table[:time] if offset is None else table.at[jnp.where(places < 0, length, places)].get(
        mode="fill", fill_value=jnp.nan
    )  # fmt: skip
    half = inputs.shape[-1] // 2
    shape = (*inputs.shape[:-1], half)
    sine, cosine = (jnp.broadcast_to(rows[:, start::2].astype(inputs.dtype), shape) for start in (0, 1))
    low, high = inputs[..., :half], inputs[..., half:]
    return jnp.concatenate([low * cosine - high * sine, low * sine + high * cosine], -1)
