"""Entropy and mutual information from samples."""

import math
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import digamma
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice, check_count, check_entries, check_floating, check_integers, is_known
from dlx.information._checks import check_base, entropy_in_nats, marginals

__all__ = [
    "empirical_distribution",
    "empirical_joint",
    "entropy_from_samples",
    "knn_mutual_information",
    "mutual_information_from_samples",
]

Correction = Literal["none", "miller_madow"]


def _check_samples(name: str, samples: Array, outcomes: int) -> None:
    check_count("outcomes", outcomes)
    check_integers(name, samples)
    if samples.ndim != 1 or samples.shape[0] == 0:
        raise ValueError(f"{name}: got shape {samples.shape}, wanted (samples,), at least one")
    if not is_known(samples):
        return
    values = np.asarray(samples)
    if values.min() < 0 or values.max() >= outcomes:
        raise ValueError(f"{name}: got outcomes from {values.min()} to {values.max()}, wanted 0 to {outcomes - 1}")


def _check_pair(x: Array, y: Array, outcomes: tuple[int, int]) -> None:
    _check_samples("x", x, outcomes[0])
    _check_samples("y", y, outcomes[1])
    if x.shape != y.shape:
        raise ValueError(f"y: got shape {y.shape}, wanted {x.shape}, one sample for each of x")


def empirical_distribution(samples: Integer[Array, "samples"], *, outcomes: int) -> Float[Array, "{outcomes}"]:
    """Relative frequencies.

        p(x) = n(x) / n

    Args:
      samples: (samples,) outcomes 0, ..., outcomes - 1; inside jit, others are left out.
      outcomes: their number.
    Returns: (outcomes,), the default floating dtype.
    Raises: ValueError if a sample is no outcome; TypeError if `samples` are not integers.
    Source: Cover and Thomas 2006, section 11.1; notes 001 section 13.
    """
    _check_samples("samples", samples, outcomes)
    return _frequencies(samples, outcomes)


def _frequencies(samples: Array, outcomes: int) -> Array:
    # a negative index would count from the end
    places = jnp.where(samples < 0, outcomes, samples.astype(jnp.int32))
    return jnp.zeros(outcomes).at[places].add(1.0, mode="drop") / samples.shape[0]


def empirical_joint(
    x: Integer[Array, "samples"], y: Integer[Array, "samples"], *, outcomes: tuple[int, int]
) -> Float[Array, "{outcomes[0]} {outcomes[1]}"]:
    """Relative frequencies of pairs.

        p(x, y) = n(x, y) / n

    Args:
      x: (samples,) outcomes of the first variable.
      y: (samples,) outcomes of the second.
      outcomes: the numbers of outcomes of the two.
    Returns: outcomes, the default floating dtype.
    Raises: ValueError if a sample is no outcome or the lengths differ; TypeError if they are not integers.
    Source: Cover and Thomas 2006, section 11.1; notes 001 section 13.
    """
    _check_pair(x, y, outcomes)
    rows, columns = outcomes
    outside = (x < 0) | (x >= rows) | (y < 0) | (y >= columns)
    places = jnp.where(outside, rows * columns, x.astype(jnp.int32) * columns + y.astype(jnp.int32))
    return _frequencies(places, rows * columns).reshape(rows, columns)


def entropy_from_samples(
    samples: Integer[Array, "samples"], *, outcomes: int, correction: Correction = "none", base: float = math.e
) -> Float[Array, ""]:
    """Entropy of the relative frequencies, too small on average, and its first correction.

        H = -sum_x p log p,    p = n(x) / n                 plug-in, maximum likelihood
        H + (m - 1) / (2 n)                                 Miller-Madow, m outcomes seen

    Args:
      samples: (samples,) outcomes 0, ..., outcomes - 1.
      outcomes: their number.
      correction: "none" or "miller_madow".
      base: of the logarithm: e for nats, 2 for bits.
    Returns: a scalar, the default floating dtype.
    Raises: ValueError if a sample is no outcome, `correction` is unknown or `base` is not above 1; TypeError if
      `samples` are not integers.
    Source: Miller 1955; Paninski 2003, section 4; notes 001 section 13.
    """
    unit = check_base(base)
    check_choice("correction", correction, ("none", "miller_madow"))
    frequencies = empirical_distribution(samples, outcomes=outcomes)
    return (entropy_in_nats(frequencies) + _bias(frequencies, samples.shape[0], correction)) / unit


def _bias(frequencies: Array, samples: int, correction: Correction) -> Array | float:
    return 0.0 if correction == "none" else (jnp.sum(frequencies > 0) - 1) / (2 * samples)


def mutual_information_from_samples(
    x: Integer[Array, "samples"],
    y: Integer[Array, "samples"],
    *,
    outcomes: tuple[int, int],
    correction: Correction = "none",
    base: float = math.e,
) -> Float[Array, ""]:
    """Mutual information of the relative frequencies, too large on average, and its first correction.

        I = H(X) + H(Y) - H(X, Y),    each entropy from samples, each with the correction

    Args:
      x: (samples,) outcomes of the first variable.
      y: (samples,) outcomes of the second.
      outcomes: the numbers of outcomes of the two.
      correction: "none" or "miller_madow", after which the estimate may be negative.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: a scalar, the default floating dtype.
    Raises: ValueError if a sample is no outcome, the lengths differ, `correction` is unknown or `base` is not above 1;
      TypeError if they are not integers.
    Source: Paninski 2003, section 4; notes 001 section 13.
    """
    unit = check_base(base)
    check_choice("correction", correction, ("none", "miller_madow"))
    joint = empirical_joint(x, y, outcomes=outcomes)
    first, second, both = (
        entropy_in_nats(p) + _bias(p, x.shape[0], correction) for p in (*marginals(joint), joint.ravel())
    )
    return (first + second - both) / unit


def knn_mutual_information(
    x: Float[Array, "samples x"], y: Float[Array, "samples y"], *, neighbors: int = 3, base: float = math.e
) -> Float[Array, ""]:
    """Mutual information of continuous variables from distances to nearest neighbours.

        I = psi(k) + psi(n) - mean_i [psi(n_x(i) + 1) + psi(n_y(i) + 1)]

    With e(i) the distance of sample i to its k-th neighbour in the maximum norm of (x, y), n_x(i) counts the other
    samples nearer than e(i) in x alone (also in the maximum norm), n_y(i) in y; psi is the digamma function. Samples
    that repeat need a little noise first. Needs time and memory for samples^2 distances.

    Args:
      x: (samples, x) the first variable, finite; in a compiled function others make the result NaN.
      y: (samples, y) the second, likewise.
      neighbors: k.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: a scalar, dtype of `x`; near independence it may be negative.
    Raises: ValueError if the lengths differ, a sample is not finite, `neighbors` is not in 1..samples-1 or `base` is
      not above 1; TypeError if they are not floating.
    Source: Kraskov et al. 2004, eq. 8; notes 001 section 13.
    """
    unit = check_base(base)
    check_count("neighbors", neighbors)
    for name, value in (("x", x), ("y", y)):
        check_floating(name, value)
        if value.ndim != 2 or value.shape[0] != x.shape[0]:
            raise ValueError(f"{name}: got shape {value.shape}, wanted ({x.shape[0]}, features)")
        check_entries(name, value)
    samples = x.shape[0]
    if neighbors >= samples:
        raise ValueError(f"neighbors: got {neighbors}, wanted at most {samples - 1} for {samples} samples")
    in_x, in_y = _distances(x), _distances(y)
    together = jnp.maximum(in_x, in_y)
    # the nearest of neighbors + 1 is the sample itself
    radius = -lax.top_k(-together, neighbors + 1)[0][:, -1:]
    # the sample itself is counted here, which is the + 1 of the formula
    near_x, near_y = (jnp.sum(d < jnp.broadcast_to(radius, d.shape), axis=1) for d in (in_x, in_y))
    psi = [digamma(jnp.maximum(count, 1).astype(x.dtype)) for count in (near_x, near_y)]
    known = digamma(jnp.asarray(neighbors, x.dtype)) + digamma(jnp.asarray(samples, x.dtype))
    information = (known - jnp.mean(psi[0] + psi[1])) / unit
    # comparisons with NaN are false: without this it would be counted as a number of neighbours
    finite = jnp.all(jnp.isfinite(x)) & jnp.all(jnp.isfinite(y))
    return jnp.where(finite, information, jnp.nan)


def _distances(values: Array) -> Array:
    """Maximum norm of every difference; a column at a time, so that no (samples, samples, features) is stored."""
    distances = jnp.zeros((values.shape[0], values.shape[0]), values.dtype)
    for column in values.T:
        distances = jnp.maximum(distances, jnp.abs(column[:, None] - column[None, :]))
    return distances
