"""Kernels: Gram matrices of two sets of points, and the features that they are inner products of."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_count, check_range
from dlx.kernels._checks import check_gram, check_points
from dlx.linear._checks import check_design, check_real
from dlx.nn.linear import squared_l2_norm

__all__ = ["centre", "linear", "polynomial", "quadratic_features", "rbf"]


def linear(first: Float[Array, "n features"], second: Float[Array, "m features"]) -> Float[Array, "n m"]:
    """Linear kernel: its features are the inputs themselves.

        k(x, z) = x.z

    Args:
      first: (n, features) x.
      second: (m, features) z.
    Returns: (n, m) Gram matrix.
    Raises: ValueError if the features differ; TypeError if the dtype is not float32 or float64.
    Source: Bishop 2006, eq. 6.1; notes 001 section 15.
    """
    check_points(first, second)
    return first @ second.T


def polynomial(
    first: Float[Array, "n features"],
    second: Float[Array, "m features"],
    *,
    degree: int = 2,
    scale: float = 1.0,
    offset: float = 1.0,
) -> Float[Array, "n m"]:
    """Polynomial kernel: its features are the products of up to `degree` inputs.

        k(x, z) = (scale x.z + offset)^degree

    Args:
      first: (n, features) x.
      second: (m, features) z.
      degree: of the polynomial, at least 1.
      scale: positive; scikit-learn's gamma, whose default is 1 / features.
      offset: not negative; with 0 only the products of exactly `degree` inputs; scikit-learn's coef0.
    Returns: (n, m) Gram matrix.
    Raises: ValueError if the features differ or an option is outside its range; TypeError if the dtype is not float32
      or float64.
    Source: Bishop 2006, section 6.2; notes 001 section 15.
    """
    check_points(first, second)
    check_count("degree", degree)
    check_range("scale", scale, 0, float("inf"), open_low=True, open_high=True)
    check_range("offset", offset, 0, float("inf"), open_high=True)
    return (scale * (first @ second.T) + offset) ** degree


def rbf(
    first: Float[Array, "n features"], second: Float[Array, "m features"], *, gamma: float | Float[Array, ""]
) -> Float[Array, "n m"]:
    """Radial basis function (Gaussian) kernel: near points are alike, and infinitely many features say so.

        k(x, z) = exp(-gamma ||x - z||^2),    gamma = 1 / (2 sigma^2)

    The distance is x.x - 2 x.z + z.z, at least 0: fast, and right to eps (||x||^2 + ||z||^2).

    Args:
      first: (n, features) x.
      second: (m, features) z.
      gamma: inverse width, positive.
    Returns: (n, m) Gram matrix in (0, 1].
    Raises: ValueError if the features differ or `gamma` is not positive and finite; TypeError if the dtype is not
      float32 or float64.
    Source: Bishop 2006, eq. 6.23; notes 001 section 15.
    """
    check_points(first, second)
    check_range("gamma", gamma, 0, float("inf"), open_low=True, open_high=True)
    # distances do not change with the origin, and are least rounded near the points
    origin = jnp.mean(second, axis=0)
    first = first - jnp.broadcast_to(origin, first.shape)
    second = second - jnp.broadcast_to(origin, second.shape)
    products = first @ second.T
    squares = jnp.broadcast_to(squared_l2_norm(first)[:, None], products.shape)
    squares = squares + jnp.broadcast_to(squared_l2_norm(second), products.shape) - 2 * products
    # of a point and itself rounding makes a small number of either sign; a maximum would halve its derivative
    return jnp.exp(-gamma * jnp.where(squares < 0, 0, squares))


def quadratic_features(
    inputs: Float[Array, "examples features"], *, scale: float = 1.0, offset: float = 1.0
) -> Float[Array, "examples terms"]:
    """The features phi whose inner product is the polynomial kernel of degree 2.

        phi(x) = [c, sqrt(2 a c) x_i ..., a x_i^2 ..., a sqrt(2) x_i x_j (i < j) ...],    phi(x).phi(z) = (a x.z + c)^2

    (d + 1)(d + 2) / 2 numbers, which the kernel never writes down.

    Args:
      inputs: (examples, features) x.
      scale: a, positive.
      offset: c, not negative.
    Returns: (examples, terms).
    Raises: ValueError if the shape is not (examples, features) or an option is outside its range; TypeError if the
      dtype is not float32 or float64.
    Source: Bishop 2006, eq. 6.12; notes 001 section 15.
    """
    check_design("inputs", inputs)
    check_range("scale", scale, 0, float("inf"), open_low=True, open_high=True)
    check_range("offset", offset, 0, float("inf"), open_high=True)
    i, j = np.triu_indices(inputs.shape[1], k=1)
    constant = jnp.full_like(inputs[:, :1], offset)
    single = math.sqrt(2 * scale * offset) * inputs
    pairs = math.sqrt(2) * scale * inputs[:, i] * inputs[:, j]
    return jnp.concatenate([constant, single, scale * inputs * inputs, pairs], axis=1)


def centre(gram: Float[Array, "n n"], cross: Float[Array, "m n"] | None = None) -> Float[Array, "rows n"]:
    """Gram matrix of the features moved to mean zero.

        H K H,    H = I - 1/n 11^T;    of new points K', (K' - 1/n 11^T K) H: the training points' mean is taken off

    Args:
      gram: (n, n) K of the training points, symmetric.
      cross: (m, n) K' of new points with the training points, or None for K itself.
    Returns: (n, n), or (m, n) for new points.
    Raises: ValueError if the shapes do not fit or `gram` is not symmetric; TypeError if the dtype is not float32
      or float64.
    Source: Schoelkopf et al. 1998, appendix B; notes 001 section 15.
    """
    check_gram("gram", gram)
    rows = gram if cross is None else cross
    check_real("cross", rows)
    if rows.ndim != 2 or rows.shape[1] != gram.shape[1]:
        raise ValueError(f"cross: got shape {rows.shape}, wanted (m, {gram.shape[1]}), a column per training point")
    moved = rows - jnp.broadcast_to(jnp.mean(gram, axis=0), rows.shape)
    return moved - jnp.broadcast_to(jnp.mean(moved, axis=1, keepdims=True), rows.shape)
