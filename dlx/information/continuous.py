"""Information of continuous variables: densities on a grid, and closed forms."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_entries, check_floating, check_same_shape, check_symmetric
from dlx.information._checks import check_base, check_density, check_points, expected_log

__all__ = [
    "differential_entropy",
    "gaussian_entropy",
    "gaussian_kl_divergence",
    "gaussian_mutual_information",
    "multivariate_gaussian_entropy",
    "uniform_entropy",
]


def differential_entropy(
    densities: Float[Array, "*batch points"], points: Float[Array, "points"], *, base: float = math.e
) -> Float[Array, "*batch"]:
    """Entropy of a density, by the trapezoidal rule.

        h(X) = -int p(x) log p(x) dx

    Unlike a discrete entropy it may be negative, and it changes with the unit of x: h(a X) = h(X) + log |a|.

    Args:
      densities: (*batch, points) p at the points, with an integral of about 1 (a grid that cuts tails off or is coarse
        is off by a little: a tenth is let through); what lies outside them counts as 0.
      points: (points,) x, ascending.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `densities`.
    Raises: ValueError if a density is negative, its integral is not about 1, the points do not ascend, the shapes do
      not fit or `base` is not above 1; TypeError if one is not floating.
    Source: Cover and Thomas 2006, section 8.1; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("densities", densities)
    check_floating("points", points)
    check_entries("densities", densities, 0)
    if points.ndim != 1 or densities.shape[-1:] != points.shape:
        raise ValueError(f"points: got shape {points.shape}, wanted {densities.shape[-1:]}, the last axis of densities")
    check_points(points)
    check_density(densities, points)
    terms = expected_log(densities, densities)
    return -jnp.trapezoid(terms, jnp.broadcast_to(points, terms.shape), axis=-1) / unit


def gaussian_entropy(stddev: Float[Array, "*shape"], *, base: float = math.e) -> Float[Array, "*shape"]:
    """Differential entropy of a Gaussian, the largest for its variance.

        h(N(m, s^2)) = 1/2 log(2 pi e s^2)

    Args:
      stddev: s, any shape, positive.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: the shape and dtype of `stddev`; negative for a small s.
    Raises: ValueError if an s is negative or `base` is not above 1; TypeError if `stddev` is not floating.
    Source: Cover and Thomas 2006, example 8.1.2; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("stddev", stddev)
    check_entries("stddev", stddev, 0)
    return (0.5 * math.log(2 * math.pi * math.e) + jnp.log(stddev)) / unit


def multivariate_gaussian_entropy(
    covariance: Float[Array, "*batch features features"], *, base: float = math.e
) -> Float[Array, "*batch"]:
    """Differential entropy of a Gaussian vector.

        h(N(m, S)) = 1/2 log((2 pi e)^d det S)

    Args:
      covariance: (*batch, features, features) S, symmetric to rounding and positive definite.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `covariance`; NaN where S is not positive definite.
    Raises: ValueError if `covariance` is not square, finite and symmetric or `base` is not above 1; TypeError if it is
      not floating.
    Source: Cover and Thomas 2006, theorem 8.4.1; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("covariance", covariance)
    if covariance.ndim < 2 or covariance.shape[-1] != covariance.shape[-2]:
        raise ValueError(f"covariance: got shape {covariance.shape}, wanted (*batch, features, features)")
    check_symmetric("covariance", covariance)
    # 1/2 log det S = sum of log of the diagonal of the Cholesky factor
    diagonal = jnp.diagonal(jnp.linalg.cholesky(covariance), axis1=-2, axis2=-1)
    constant = 0.5 * covariance.shape[-1] * math.log(2 * math.pi * math.e)
    return (constant + jnp.sum(jnp.log(diagonal), axis=-1)) / unit


def uniform_entropy(
    low: Float[Array, "*shape"], high: Float[Array, "*shape"], *, base: float = math.e
) -> Float[Array, "*shape"]:
    """Differential entropy of a uniform variable, the largest on its interval.

        h(U(a, b)) = log(b - a)

    The notes bound the entropy by the logarithm of one over the range; this is the accepted form.

    Args:
      low: a, any shape.
      high: b, the same shape, above a.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: the shape and dtype of `low`.
    Raises: ValueError if the shapes differ, an interval is negative or `base` is not above 1; TypeError if one is not
      floating.
    Source: Cover and Thomas 2006, example 8.1.1; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("low", low)
    check_floating("high", high)
    check_same_shape("high", high, "low", low)
    check_entries("high - low", high - low, 0)
    return jnp.log(high - low) / unit


def gaussian_kl_divergence(
    mean: Float[Array, "*shape"],
    stddev: Float[Array, "*shape"],
    other_mean: Float[Array, "*shape"],
    other_stddev: Float[Array, "*shape"],
    *,
    base: float = math.e,
) -> Float[Array, "*shape"]:
    """Divergence of two Gaussians.

        KL(N(m1, s1^2) || N(m2, s2^2)) = log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2

    Args:
      mean: m1, any shape.
      stddev: s1, the same shape, positive.
      other_mean: m2, the same shape.
      other_stddev: s2, the same shape, positive.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: the shape and dtype of `mean`.
    Raises: ValueError if the shapes differ, a number is not finite, a deviation is negative or `base` is not above 1;
      TypeError if `mean` is not floating.
    Source: Kullback 1959, section 9.1; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("mean", mean)
    check_entries("mean", mean)
    for name, value in (("stddev", stddev), ("other_mean", other_mean), ("other_stddev", other_stddev)):
        check_same_shape(name, value, "mean", mean)
    check_entries("stddev", stddev, 0)
    check_entries("other_mean", other_mean)
    check_entries("other_stddev", other_stddev, 0)
    ratio = stddev / other_stddev
    distance = (mean - other_mean) / other_stddev
    return (-jnp.log(ratio) + 0.5 * (ratio * ratio + distance * distance - 1)) / unit


def gaussian_mutual_information(correlation: Float[Array, "*shape"], *, base: float = math.e) -> Float[Array, "*shape"]:
    """Mutual information of two Gaussian variables.

        I(X, Y) = -1/2 log(1 - rho^2)

    Args:
      correlation: rho in [-1, 1], any shape; infinite at its ends.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: the shape and dtype of `correlation`.
    Raises: ValueError if a correlation is not in [-1, 1] or `base` is not above 1; TypeError if it is not floating.
    Source: Cover and Thomas 2006, example 8.5.1; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("correlation", correlation)
    check_entries("correlation", correlation, -1, 1)
    # log1p of each factor of 1 - rho^2 keeps a small rho and one near 1
    return -0.5 * (jnp.log1p(correlation) + jnp.log1p(-correlation)) / unit
