"""Boolean functions by threshold units, constructed and not trained: evaluate with `mlp` and `dlx.nn.heaviside`."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from dlx.checks import check_count, check_floating

__all__ = ["boolean_inputs", "boolean_network", "parity_table"]


def boolean_inputs(count: int) -> Float[Array, "2**{count} {count}"]:
    """Every vector of zeros and ones, in the order of the truth table.

        row r holds the binary digits of r, the most significant first

    Args:
      count: number of inputs, n.
    Returns: (2^n, n), the default floating dtype.
    Raises: ValueError if `count` is not positive.
    Source: notes 003 line 144.
    """
    check_count("count", count)
    digits = np.arange(2**count)[:, None] >> np.arange(count)[::-1]
    return jnp.asarray(digits & 1, float)


def parity_table(count: int) -> Float[Array, "2**{count}"]:
    """Truth table of parity, the function that needs every row.

        f(x) = (x_1 + ... + x_n) mod 2

    Args:
      count: number of inputs, n.
    Returns: (2^n,) of 0 and 1, the default floating dtype.
    Raises: ValueError if `count` is not positive.
    Source: Minsky and Papert 1969, section 3.1; notes 003 line 144.
    """
    return jnp.sum(boolean_inputs(count), axis=-1) % 2


def boolean_network(table: Float[Array, "rows"]) -> list[dict[str, Float[Array, "..."]]]:
    """Two layers of threshold units that compute any Boolean function.

        h_r = [sum_i (2 r_i - 1) x_i > |r| - 1/2] = 1 iff x = r        one hidden unit for each input vector r
        y = [sum_r table_r h_r > 1/2]                                  OR of those where the function is 1

    Two layers always suffice, and this construction pays with 2^n hidden units.

    Args:
      table: (2^n,) f, 0 or 1, in the order of `boolean_inputs(n)`.
    Returns: layers for `mlp(inputs, layers, activation=heaviside, output_activation=heaviside)`, dtype of `table`, with
      (..., 1) outputs.
    Raises: ValueError if the length is no power of two, at least 2, or an entry is neither 0 nor 1; TypeError if
      `table` is not floating.
    Source: Mitchell 1997, section 4.6.2; notes 003 line 144.
    """
    check_floating("table", table)
    rows = table.shape[0] if table.ndim == 1 else 0
    if rows < 2 or rows & (rows - 1):
        raise ValueError(f"table: got shape {table.shape}, wanted (2^n,)")
    if not isinstance(table, jax.core.Tracer):
        other = np.asarray(table, np.float64)
        other = other[(other != 0) & (other != 1)]
        if other.size:
            raise ValueError(f"table: got the entry {other[0]:g}, wanted 0 or 1")
    vectors = boolean_inputs(rows.bit_length() - 1).astype(table.dtype)
    return [
        {"kernel": (2 * vectors - 1).T, "bias": 0.5 - jnp.sum(vectors, axis=-1)},
        {"kernel": table[:, None], "bias": jnp.full(1, -0.5, table.dtype)},
    ]
