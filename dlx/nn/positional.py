"""Positions: what a network without recurrence knows of the order of its tokens."""

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice, check_count, check_floating, is_known

__all__ = ["add_positions", "sinusoidal_encoding"]


def sinusoidal_encoding(
    length: int,
    features: int,
    *,
    variant: Literal["paper", "notes"] = "paper",
    dtype: Any = None,
) -> Float[Array, "{length} {features}"]:
    """Sines and cosines of the position, at frequencies that fall geometrically.

        paper   PE[p, 2i] = sin(p w_i),    PE[p, 2i + 1] = cos(p w_i),    w_i = 10000^(-2i / features)
        notes   PE[p, j] = sin(p 10000^(-j / features)) for even j, cos(p 10000^(-j / features)) for odd j

    In the paper's form a pair rotates by k w_i from p to p + k: PE[p + k] is a linear map of PE[p], the same for every
    p. In the notes' form a cosine has another frequency than its sine, and no such map exists. The table is computed in
    float64 and rounded once.

    Args:
      length: positions.
      features: width; an odd one ends with a sine.
      variant: the frequencies.
      dtype: of the table, None for the default floating one.
    Returns: (length, features) in [-1, 1].
    Raises: ValueError if a count is not positive or `variant` is unknown; TypeError if a count is no int.
    Source: Vaswani et al. 2017, section 3.5; notes 001 section 11 (E55).
    """
    check_count("length", length)
    check_count("features", features)
    check_choice("variant", variant, ("paper", "notes"))
    column = np.arange(features)
    exponent = (column if variant == "notes" else column // 2 * 2) / features
    angles = np.arange(length)[:, None] / 10_000.0 ** exponent[None, :]
    table = np.where(column[None, :] % 2 == 0, np.sin(angles), np.cos(angles))
    return jnp.asarray(table, dtype=dtype or jnp.result_type(float))


def add_positions(
    inputs: Float[Array, "batch time features"],
    table: Float[Array, "length features"],
    offset: int | Integer[Array, ""] | None = None,
) -> Float[Array, "batch time features"]:
    """Vectors of tokens plus the rows of their positions.

        y_t = x_t + P[offset + t]

    Args:
      inputs: (batch, time, features).
      table: (length, features) P, sinusoidal or learned.
      offset: position of the first token, None for 0. In a compiled function, where it cannot be looked at, a position
        behind the table's end gives NaN.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if the sequence is longer than the table or shapes do not fit; TypeError if an array is not
      floating.
    Source: Vaswani et al. 2017, section 3.5; notes 001 section 11.
    """
    check_floating("inputs", inputs)
    check_floating("table", table)
    if inputs.ndim != 3 or table.ndim != 2 or inputs.shape[-1] != table.shape[-1]:
        raise ValueError(f"table: got shape {table.shape} for inputs of shape {inputs.shape}, wanted (length, features)"
                         " for (batch, time, features)")  # fmt: skip
    time, length = inputs.shape[1], table.shape[0]
    first = 0 if offset is None else offset
    if is_known(first) and not 0 <= int(first) <= length - time:
        raise ValueError(
            f"inputs: got {time} places from position {int(first)} on, wanted at most {length}, the rows of the table"
            " of positions"
        )
    if time > length:
        raise ValueError(f"inputs: got {time} places, wanted at most {length}, the rows of the table of positions")
    if offset is None:
        rows = table[:time]
    else:
        places = jnp.arange(time) + offset
        # JAX counts negative rows from the end
        rows = table.at[jnp.where(places < 0, length, places)].get(mode="fill", fill_value=jnp.nan)
    return inputs + rows.astype(inputs.dtype)[None]
