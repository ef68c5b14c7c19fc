"""Information of an outcome and of discrete distributions.

Probabilities are checked where their numbers can be seen; inside jit, a negative one gives NaN.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_entries, check_floating, check_same_shape
from dlx.information._checks import (
    Variable,
    check_base,
    check_distribution,
    check_given,
    check_joint,
    entropy_in_nats,
    expected_log,
    spread_marginals,
)

__all__ = ["conditional_entropy", "cross_entropy", "entropy", "joint_entropy", "perplexity", "self_information"]


def self_information(probabilities: Float[Array, "*shape"], *, base: float = math.e) -> Float[Array, "*shape"]:
    """Information of an event, the less probable the more.

        I(x) = -log p(x)

    Nothing for a certain event, and the sum for independent ones, log(p q) = log p + log q. One of 2^n equally probable
    strings of n bits carries n bits. The notes print -log2(n) and a product of logarithms; this is the accepted form.

    Args:
      probabilities: p(x) in [0, 1], any shape; they need not sum to 1. 0 gives infinity.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: the shape and dtype of `probabilities`.
    Raises: ValueError if a probability is not in [0, 1] or `base` is not above 1; TypeError if they are not floating.
    Source: Shannon 1948, section 6; Cover and Thomas 2006, section 2.1; notes 001 section 13.
    """
    unit = check_base(base)
    check_floating("probabilities", probabilities)
    check_entries("probabilities", probabilities, 0, 1)
    return -jnp.log(probabilities) / unit


def entropy(probabilities: Float[Array, "*batch outcomes"], *, base: float = math.e) -> Float[Array, "*batch"]:
    """Shannon's entropy, the expected information.

        H(X) = -sum_x p(x) log p(x) <= log k,    0 log 0 = 0

    The bound, for k outcomes, is reached by the uniform distribution alone. The notes print log(1 / k); this is the
    accepted form.

    Args:
      probabilities: (*batch, outcomes) p, each row with the sum 1.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `probabilities`. The derivative, -log p - 1, is taken as 0 at p = 0.
    Raises: ValueError if an entry is negative, a sum is not 1 or `base` is not above 1; TypeError if they are not
      floating.
    Source: Shannon 1948, section 6; Goodfellow et al. 2016, eq. 3.49; notes 001 section 13.
    """
    unit = check_base(base)
    check_distribution("probabilities", probabilities)
    return entropy_in_nats(probabilities) / unit


def joint_entropy(joint: Float[Array, "*batch x y"], *, base: float = math.e) -> Float[Array, "*batch"]:
    """Entropy of two variables together.

        H(X, Y) = -sum_xy p(x, y) log p(x, y),    max(H(X), H(Y)) <= H(X, Y) <= H(X) + H(Y)

    The lower bound holds for discrete variables only.

    Args:
      joint: (*batch, x, y) p(x, y), each matrix with the sum 1.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `joint`.
    Raises: ValueError if an entry is negative, a sum is not 1 or `base` is not above 1; TypeError if `joint` is not
      floating.
    Source: Cover and Thomas 2006, section 2.2; notes 001 section 13.
    """
    unit = check_base(base)
    check_joint(joint)
    return entropy_in_nats(joint, (-2, -1)) / unit


def conditional_entropy(
    joint: Float[Array, "*batch x y"], *, given: Variable = "x", base: float = math.e
) -> Float[Array, "*batch"]:
    """Entropy that is left of one variable when the other is known.

        H(Y|X) = -sum_xy p(x, y) log(p(x, y) / p(x)) = H(X, Y) - H(X)

    The notes print a plus and p(y) below; this is the accepted form.

    Args:
      joint: (*batch, x, y) p(x, y), each matrix with the sum 1.
      given: the variable that is known: "x" gives H(Y|X), "y" gives H(X|Y).
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `joint`.
    Raises: ValueError if an entry is negative, a sum is not 1, `given` is unknown or `base` is not above 1; TypeError
      if `joint` is not floating.
    Source: Cover and Thomas 2006, eq. 2.10-2.13; notes 001 section 13.
    """
    unit = check_base(base)
    check_given(given)
    check_joint(joint)
    known = spread_marginals(joint)[0 if given == "x" else 1]
    terms = expected_log(joint, joint) - expected_log(joint, known)
    return -jnp.sum(terms, axis=(-2, -1)) / unit


def cross_entropy(
    probabilities: Float[Array, "*batch outcomes"], other: Float[Array, "*batch outcomes"], *, base: float = math.e
) -> Float[Array, "*batch"]:
    """Expected information under another distribution than the true one.

        H(P, Q) = -sum_x p(x) log q(x) = H(P) + KL(P || Q) >= H(P)

    Gibbs' inequality: least, and then the entropy, at Q = P. As a loss of predictions, with clipping, it is
    `dlx.losses.categorical_cross_entropy`.

    Args:
      probabilities: (*batch, outcomes) p, each row with the sum 1.
      other: (*batch, outcomes) q, each row with the sum 1.
      base: of the logarithm: e for nats, 2 for bits.
    Returns: (*batch,), dtype of `probabilities`. Infinite where q = 0 and p > 0.
    Raises: ValueError if the shapes differ, an entry is negative, a sum is not 1 or `base` is not above 1; TypeError if
      one is not floating.
    Source: Goodfellow et al. 2016, eq. 3.51; notes 001 sections 13 and 15.
    """
    unit = check_base(base)
    check_distribution("probabilities", probabilities)
    check_distribution("other", other)
    check_same_shape("other", other, "probabilities", probabilities)
    return -jnp.sum(expected_log(probabilities, other), axis=-1) / unit


def perplexity(probabilities: Float[Array, "*batch outcomes"]) -> Float[Array, "*batch"]:
    """Number of equally probable outcomes with the same entropy.

        PP(X) = exp(H(X)) = 2^(H(X) in bits)

    Args:
      probabilities: (*batch, outcomes) p, each row with the sum 1.
    Returns: (*batch,) from 1 to the number of outcomes, dtype of `probabilities`.
    Raises: ValueError if an entry is negative or a sum is not 1; TypeError if they are not floating.
    Source: Jelinek et al. 1977; Jurafsky and Martin 2009, section 4.10.
    """
    return jnp.exp(entropy(probabilities))
