"""Vectors and matrices as geometry."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_same_shape
from dlx.nn.linear import l2_norm

__all__ = [
    "angle",
    "cosine_distance",
    "cosine_similarity",
    "cross_product",
    "dot_product",
    "linear_combination",
    "mirror_matrix",
    "projection",
    "rotation_matrix",
    "scaling_matrix",
]


def _check_pair(x: Array, y: Array) -> None:
    check_floating("x", x)
    check_floating("y", y)
    check_same_shape("y", y, "x", x)
    if x.ndim == 0:
        raise ValueError("x: got a scalar, wanted (*batch, features)")


def dot_product(x: Float[Array, "*batch features"], y: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Dot product over the last axis.

        x . y = sum_i x_i y_i = |x| |y| cos t

    Positive for an acute angle t, 0 for a right one, negative for an obtuse one.

    Args:
      x: (*batch, features).
      y: the same shape.
    Returns: (*batch,).
    Raises: ValueError if the shapes differ; TypeError if one is not floating.
    Source: Strang 2016, section 1.2; notes 003 line 57.
    """
    _check_pair(x, y)
    return jnp.sum(x * y, axis=-1)


def cross_product(x: Float[Array, "*batch 3"], y: Float[Array, "*batch 3"]) -> Float[Array, "*batch 3"]:
    """Cross product of vectors in space.

        x × y = (x_2 y_3 - x_3 y_2, x_3 y_1 - x_1 y_3, x_1 y_2 - x_2 y_1) = |x| |y| sin t N

    N is the unit vector orthogonal to both that makes a right-handed system with them. The notes misprint the second
    and third component; this is the accepted form.

    Args:
      x: (*batch, 3).
      y: the same shape.
    Returns: (*batch, 3).
    Raises: ValueError if the shapes differ or do not end in 3; TypeError if one is not floating.
    Source: Strang 2016, section 5.3; notes 003 line 69.
    """
    _check_pair(x, y)
    if x.shape[-1] != 3:
        raise ValueError(f"x: got shape {x.shape}, wanted (*batch, 3)")
    return jnp.roll(x, -1, -1) * jnp.roll(y, 1, -1) - jnp.roll(x, 1, -1) * jnp.roll(y, -1, -1)


def cosine_similarity(x: Float[Array, "*batch features"], y: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Cosine of the angle between two vectors.

        cos t = x . y / (|x| |y|)

    The notes call this a distance and an angle: it is neither, see `cosine_distance` and `angle`.

    Args:
      x: (*batch, features).
      y: the same shape.
    Returns: (*batch,) in [-1, 1] up to rounding; 0 if a vector is 0, as scikit-learn has it.
    Raises: ValueError if the shapes differ; TypeError if one is not floating.
    Source: Manning et al. 2008, eq. 6.10; notes 001 section 1.
    """
    _check_pair(x, y)
    return jnp.sum(_unit(x) * _unit(y), axis=-1)


def _unit(x: Array) -> Array:
    """Unit vector, or 0 for 0; scaled first, so that no square under- or overflows."""
    # a unit vector does not change with the scale, so that none of its gradient passes through this one
    largest = lax.stop_gradient(jnp.max(jnp.abs(x), axis=-1, keepdims=True, initial=0))
    x = x / jnp.where(largest == 0, 1, largest)
    norm = l2_norm(x)[..., None]
    return x / jnp.where(norm == 0, 1, norm)


def cosine_distance(x: Float[Array, "*batch features"], y: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """One minus the cosine similarity.

        d = 1 - x . y / (|x| |y|) = 1/2 |x / |x| - y / |y||^2

    No metric: the triangle inequality fails. Computed by the difference of unit vectors, it keeps small distances.

    Args:
      x: (*batch, features).
      y: the same shape.
    Returns: (*batch,) in [0, 2] up to rounding; 1 if a vector is 0.
    Raises: ValueError if the shapes differ; TypeError if one is not floating.
    Source: scipy.spatial.distance.cosine; notes 001 section 1.
    """
    _check_pair(x, y)
    unit, other = _unit(x), _unit(y)
    zero = ~(jnp.any(x != 0, axis=-1) & jnp.any(y != 0, axis=-1))
    return jnp.where(zero, 1, jnp.sum((unit - other) ** 2, axis=-1) / 2)


def angle(x: Float[Array, "*batch features"], y: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Angle between two vectors.

        t = arccos(x . y / (|x| |y|)) = 2 arctan(|u - v| / |u + v|),    u = x / |x|, v = y / |y|

    The second form keeps angles near 0 and pi, where the cosine is flat.

    Args:
      x: (*batch, features).
      y: the same shape.
    Returns: (*batch,) radians in [0, pi]; pi / 2 if a vector is 0. The gradient at 0 and pi, where there is none, is 0.
    Raises: ValueError if the shapes differ; TypeError if one is not floating.
    Source: Kahan 2006, section 12; notes 001 section 1, 003 line 57.
    """
    _check_pair(x, y)
    unit, other = _unit(x), _unit(y)
    return 2 * jnp.arctan2(l2_norm(unit - other), l2_norm(unit + other))


def linear_combination(
    coefficients: Float[Array, "vectors"], vectors: Float[Array, "vectors *shape"]
) -> Float[Array, "*shape"]:
    """Vectors stretched and laid end to end.

        v = sum_i c_i v_i

    Two vectors add up to the diagonal of their parallelogram.

    Args:
      coefficients: (vectors,) c.
      vectors: (vectors, ...) v_i.
    Returns: (...).
    Raises: ValueError if the numbers of coefficients and vectors differ.
    Source: Strang 2016, section 1.1; notes 003 line 31.
    """
    if coefficients.ndim != 1 or vectors.ndim == 0 or vectors.shape[0] != coefficients.shape[0]:
        raise ValueError(
            f"coefficients: got shape {coefficients.shape} for vectors of shape {vectors.shape}, wanted one for each"
        )
    return jnp.tensordot(coefficients, vectors, axes=1)


def projection(
    x: Float[Array, "*batch features"], onto: Float[Array, "*batch features"]
) -> Float[Array, "*batch features"]:
    """Orthogonal projection of a vector onto the line of another.

        p = (x . u) u,    u = y / |y|;    x - p is orthogonal to y

    Args:
      x: (*batch, features).
      onto: the same shape, y; 0 gives 0.
    Returns: (*batch, features).
    Raises: ValueError if the shapes differ; TypeError if one is not floating.
    Source: Strang 2016, section 4.2; notes 003 line 31.
    """
    check_floating("onto", onto)
    check_same_shape("onto", onto, "x", x)
    _check_pair(x, onto)
    unit = _unit(onto)
    return jnp.sum(x * unit, axis=-1, keepdims=True) * unit


def rotation_matrix(radians: Float[Array, "*batch"]) -> Float[Array, "*batch 2 2"]:
    """Matrix that turns the plane counterclockwise.

        R(t) = [[cos t, -sin t], [sin t, cos t]],    R(s) R(t) = R(s + t), det R = 1

    It turns column vectors, R x; rows are turned by x R^T.

    Args:
      radians: (*batch,) t.
    Returns: (*batch, 2, 2).
    Raises: TypeError if `radians` are not floating.
    Source: Strang 2016, section 8.1; notes 003 line 123.
    """
    check_floating("radians", radians)
    cos, sin = jnp.cos(radians), jnp.sin(radians)
    return jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], -2)


def scaling_matrix(factors: Float[Array, "*batch features"]) -> Float[Array, "*batch features features"]:
    """Matrix that stretches each axis.

        S = diag(s_1, ..., s_n),    det S = s_1 ... s_n, the factor of areas and volumes

    Args:
      factors: (*batch, features) s.
    Returns: (*batch, features, features).
    Raises: ValueError if `factors` are a scalar; TypeError if they are not floating.
    Source: Strang 2016, section 8.1; notes 003 line 123.
    """
    check_floating("factors", factors)
    if factors.ndim == 0:
        raise ValueError("factors: got a scalar, wanted (*batch, features)")
    features = factors.shape[-1]
    identity = jnp.broadcast_to(jnp.eye(features, dtype=factors.dtype), (*factors.shape, features))
    return factors[..., None] * identity


def mirror_matrix(normal: Float[Array, "*batch features"]) -> Float[Array, "*batch features features"]:
    """Matrix that mirrors space in the plane through the origin with a given normal.

        M = I - 2 u u^T,    u = n / |n|;    M M = I, det M = -1

    Args:
      normal: (*batch, features) n, of any length but 0, which would give the identity.
    Returns: (*batch, features, features).
    Raises: ValueError if `normal` is a scalar; TypeError if it is not floating.
    Source: Householder 1958; notes 003 line 123.
    """
    check_floating("normal", normal)
    if normal.ndim == 0:
        raise ValueError("normal: got a scalar, wanted (*batch, features)")
    unit = _unit(normal)
    return scaling_matrix(jnp.ones_like(normal)) - 2 * unit[..., :, None] * unit[..., None, :]
