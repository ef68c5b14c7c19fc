"""The matrix product, and three ways to see it."""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["batched_matmul", "product_by_columns", "product_by_outer_products", "product_by_rows"]


def batched_matmul(left: Float[Array, "batch n k"], right: Float[Array, "batch k m"]) -> Float[Array, "batch n m"]:
    """One matrix product per example.

        Z_i = X_i Y_i

    Args:
      left: (batch, n, k) X.
      right: (batch, k, m) Y.
    Returns: (batch, n, m).
    Raises: ValueError if the shapes do not fit; a batch of one is not repeated.
    Source: notes 001 section 1.
    """
    if left.ndim != 3 or right.ndim != 3 or left.shape[0] != right.shape[0] or left.shape[2] != right.shape[1]:
        raise ValueError(
            f"right: got shape {right.shape} for left {left.shape}, wanted (batch, k, m) for (batch, n, k)"
        )
    return jnp.matmul(left, right)


def _check(left: Array, right: Array) -> None:
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
        raise ValueError(f"right: got shape {right.shape} for left {left.shape}, wanted (k, m) for (n, k)")


def product_by_columns(left: Float[Array, "n k"], right: Float[Array, "k m"]) -> Float[Array, "n m"]:
    """Matrix product whose columns are combinations of the left matrix's columns.

        (A B)_j = sum_k b_kj a_k,    a_k the columns of A

    For one column c this is A c: the columns of A stretched by c's components and laid end to end.

    Args:
      left: (n, k) A.
      right: (k, m) B.
    Returns: (n, m).
    Raises: ValueError if the shapes do not fit.
    Source: Strang 2016, section 2.4; notes 003 line 108.
    """
    _check(left, right)
    columns = [jnp.sum(left * right[None, :, j], axis=1) for j in range(right.shape[1])]
    return jnp.stack(columns, axis=1) if columns else left @ right


def product_by_rows(left: Float[Array, "n k"], right: Float[Array, "k m"]) -> Float[Array, "n m"]:
    """Matrix product whose rows are combinations of the right matrix's rows.

        (A B)_i = sum_k a_ik b_k,    b_k the rows of B

    Args:
      left: (n, k) A.
      right: (k, m) B.
    Returns: (n, m).
    Raises: ValueError if the shapes do not fit.
    Source: Strang 2016, section 2.4; notes 003 line 123.
    """
    _check(left, right)
    rows = [jnp.sum(left[i, :, None] * right, axis=0) for i in range(left.shape[0])]
    return jnp.stack(rows) if rows else left @ right


def product_by_outer_products(left: Float[Array, "n k"], right: Float[Array, "k m"]) -> Float[Array, "n m"]:
    """Matrix product as a sum of matrices of rank one.

        A B = sum_k a_k b_k^T,    a_k the columns of A, b_k the rows of B

    The gradient of a layer's kernel has this form: one outer product per example.

    Args:
      left: (n, k) A.
      right: (k, m) B.
    Returns: (n, m).
    Raises: ValueError if the shapes do not fit.
    Source: Strang 2016, section 2.4; notes 003 line 123.
    """
    _check(left, right)
    return jnp.sum(left.T[:, :, None] * right[:, None, :], axis=0)
