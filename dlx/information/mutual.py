"""Divergence of two distributions, and what two variables tell about each other."""

import math
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_same_shape
from dlx.information._checks import (
    check_base,
    check_distribution,
    check_joint,
    entropy_in_nats,
    expected_log,
    marginals,
    spread_marginals,
)
from dlx.information.entropy import conditional_entropy

__all__ = ["kl_divergence", "mutual_information", "pointwise_mutual_information"]

Form = Literal["divergence", "expected_divergence", "entropies", "conditional", "remainder"]


def kl_divergence(
    probabilities: Float[Array, "*batch outcomes"], other: Float[Array, "*batch outcomes"], *, base: float = math.e
) -> Float[Array, "*batch"]:
    """Kullback-Leibler divergence, the relative entropy.

        KL(P || Q) = sum_x p(x) log(p(x) / q(x)) >= 0

    Zero for Q = P only, and no distance: it is not symmetric.

    Args:
      probabilities: (*batch, outcomes) p, each row with the sum 1.
      other: (*batch, outcomes) q, each row with the sum 1.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `probabilities`. Infinite where q = 0 and p > 0.
    Raises: ValueError if the shapes differ, an entry is negative, a sum is not 1 or `base` is not above 1; TypeError if
      one is not floating.
    Source: Kullback and Leibler 1951; Goodfellow et al. 2016, eq. 3.50; notes 001 section 13.
    """
    unit = check_base(base)
    check_distribution("probabilities", probabilities)
    check_distribution("other", other)
    check_same_shape("other", other, "probabilities", probabilities)
    return _divergence(probabilities, other) / unit


def _divergence(probabilities: Array, other: Array, axes: tuple[int, ...] = (-1,)) -> Array:
    return jnp.sum(expected_log(probabilities, probabilities) - expected_log(probabilities, other), axis=axes)


def mutual_information(
    joint: Float[Array, "*batch x y"], *, form: Form = "divergence", base: float = math.e
) -> Float[Array, "*batch"]:
    """What one variable tells about another, by one of five equal forms.

        divergence              I(X, Y) = KL(P(X, Y) || P(X) P(Y)) = E log(p(x, y) / (p(x) p(y)))
        expected_divergence     E_Y KL(P(X|Y) || P(X))
        entropies               H(X) + H(Y) - H(X, Y)
        conditional             H(X) - H(X|Y)
        remainder               H(X, Y) - H(X|Y) - H(Y|X)

    Symmetric, never negative, 0 for independent variables only, and H(X) = H(Y) for a bijection between them. The
    expectation is over the joint distribution; the notes weigh it twice. In floating point, the first form loses least.

    Args:
      joint: (*batch, x, y) p(x, y), each matrix with the sum 1.
      form: the formula that computes it.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `joint`.
    Raises: ValueError if an entry is negative, a sum is not 1, `form` is unknown or `base` is not above 1; TypeError if
      `joint` is not floating.
    Source: Cover and Thomas 2006, sections 2.3-2.4; notes 001 section 13.
    """
    unit = check_base(base)
    check_choice("form", form, ("divergence", "expected_divergence", "entropies", "conditional", "remainder"))
    check_joint(joint)
    left, right = marginals(joint)
    if form == "divergence":
        x, y = spread_marginals(joint)
        terms = expected_log(joint, joint) - expected_log(joint, x) - expected_log(joint, y)
        nats = jnp.sum(terms, axis=(-2, -1))
    elif form == "expected_divergence":
        nats = _expected_divergence(joint, left, right)
    elif form == "entropies":
        nats = entropy_in_nats(left) + entropy_in_nats(right) - entropy_in_nats(joint, (-2, -1))
    elif form == "conditional":
        nats = entropy_in_nats(left) - conditional_entropy(joint, given="y")
    else:
        together = entropy_in_nats(joint, (-2, -1))
        nats = together - conditional_entropy(joint, given="y") - conditional_entropy(joint, given="x")
    return nats / unit


def _expected_divergence(joint: Array, left: Array, right: Array) -> Array:
    """E_Y KL(P(X|Y) || P(X)); an outcome y that never happens has no conditional, and no weight."""
    columns = right[..., None, :]
    conditional = joint / jnp.where(columns == 0, 1, columns)
    prior = jnp.broadcast_to(left[..., None], joint.shape)
    return jnp.sum(right * _divergence(conditional, prior, (-2,)), axis=-1)


def pointwise_mutual_information(
    joint: Float[Array, "*batch x y"], *, positive: bool = False, base: float = math.e
) -> Float[Array, "*batch x y"]:
    """How much more often two outcomes meet than independent ones would.

        pmi(x, y) = log(p(x, y) / (p(x) p(y))),    ppmi = max(0, pmi),    E pmi = I(X, Y)

    Args:
      joint: (*batch, x, y) p(x, y), each matrix with the sum 1.
      positive: ppmi, which is finite everywhere.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch, x, y), dtype of `joint`: -infinity where two outcomes never meet, NaN where one of them never
      happens; with `positive`, 0 in both places.
    Raises: ValueError if an entry is negative, a sum is not 1 or `base` is not above 1; TypeError if `joint` is not
      floating.
    Source: Church and Hanks 1990, section 3; notes 001 section 13.
    """
    unit = check_base(base)
    check_joint(joint)
    x, y = spread_marginals(joint)
    never = joint == 0
    # log 1 where two outcomes never meet, so that no gradient passes through log 0
    together, alone, alone_too = (jnp.log(jnp.where(never, 1, p)) for p in (joint, x, y))
    pmi = together - alone - alone_too
    if positive:
        return jnp.maximum(pmi, 0) / unit
    return jnp.where(never, jnp.where((x == 0) | (y == 0), jnp.nan, -jnp.inf), pmi) / unit
