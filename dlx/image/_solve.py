"""The vector that a matrix nearly sends to 0, with a derivative that exists where that of the whole SVD does not."""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.lax import Precision

HIGHEST = Precision.HIGHEST


def smallest_singular_vector(matrix: Array) -> tuple[Array, Array]:
    """The v of min ||A v|| over ||v|| = 1, and all singular values, descending; these carry no gradient.

    The derivative holds the gaps to the smallest singular value only: the others may be equal, as they are for the
    corners of a square, where the derivative of a whole SVD is NaN.
    """
    rows, columns = matrix.shape
    if rows < columns:
        matrix = jnp.concatenate([matrix, jnp.zeros((columns - rows, columns), matrix.dtype)])
    vector, values = _smallest(matrix)
    return vector, lax.stop_gradient(values)


def _decompose(matrix: Array) -> tuple[Array, Array]:
    if matrix.shape[0] > 2 * matrix.shape[1]:
        # R has the singular values and right vectors of A, and is small
        matrix = jnp.linalg.qr(matrix, mode="r")
    _, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    return values, right


@jax.custom_jvp
def _smallest(matrix: Array) -> tuple[Array, Array]:
    values, right = _decompose(matrix)
    return right[-1], values


@_smallest.defjvp
def _smallest_jvp(primals, tangents):
    (matrix,), (change,) = primals, tangents
    values, right = _decompose(matrix)
    vector = right[-1]
    # d(A^T A) v, spread over the other vectors by the gaps of the squared singular values
    moved = jnp.matmul(change.T, jnp.matmul(matrix, vector, precision=HIGHEST), precision=HIGHEST)
    moved = moved + jnp.matmul(matrix.T, jnp.matmul(change, vector, precision=HIGHEST), precision=HIGHEST)
    gaps = (values[-1] - values[:-1]) * (values[-1] + values[:-1])
    single = gaps != 0
    parts = jnp.where(single, right[:-1] @ moved / jnp.where(single, gaps, 1), 0)
    return (vector, values), (parts @ right[:-1], jnp.zeros_like(values))


def homogeneous(points: Array) -> Array:
    """(n, d) points with a last coordinate 1."""
    return jnp.concatenate([points, jnp.ones_like(points[:, :1])], axis=1)


def isotropic(points: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Points shifted to their weighted mean and scaled to a mean square distance of their dimension, with that mean
    and scale; the scale of equal points is 1.
    """
    dimension = points.shape[1]
    total = jnp.sum(weights)
    total = jnp.where(total > 0, total, 1)
    mean = jnp.sum(weights[:, None] * points, axis=0) / total
    centred = points - mean[None]
    square = jnp.sum(weights * jnp.sum(centred**2, axis=1)) / (total * dimension)
    scale = jnp.where(square > 0, 1 / jnp.sqrt(jnp.where(square > 0, square, 1)), 1)
    return centred * scale, mean, scale


def similarity(mean: Array, scale: Array) -> Array:
    """The matrix of `isotropic` for homogeneous points: x -> scale (x - mean)."""
    dimension = mean.shape[0]
    block = scale * jnp.eye(dimension, dtype=mean.dtype)
    last = jnp.zeros((1, dimension + 1), mean.dtype).at[0, dimension].set(1)
    return jnp.concatenate([jnp.concatenate([block, -scale * mean[:, None]], axis=1), last])


def inverse_similarity(mean: Array, scale: Array) -> Array:
    """The inverse of `similarity`."""
    return similarity(-mean * scale, 1 / scale)


def root(weights: Array) -> Array:
    """Square root whose derivative at 0 is 0, not infinite; NaN stays NaN."""
    nothing = weights <= 0
    return jnp.where(nothing, 0, jnp.sqrt(jnp.where(nothing, 1, weights)))
