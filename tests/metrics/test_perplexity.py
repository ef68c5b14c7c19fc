"""Perplexity: a uniform model, a perfect one, several batches, and a product of probabilities."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import metrics
from tests.proof import configurations, prove
from tests.tolerances import assert_close


@pytest.mark.row(143, function="dlx.metrics.perplexity")
@pytest.mark.erratum("E33")
@configurations()
def test_perplexity(rng):
    """The product of the probabilities of 12 tokens to the power -1 / 12."""
    probabilities = rng.uniform(0.05, 1, 12)
    prove(
        lambda p: metrics.perplexity(-jnp.log(p)),
        [probabilities],
        reference=lambda p: np.float64(math.prod(p) ** (-1 / 12)),
        kind="contraction",
        dtypes=("float64", "float32"),
        another=lambda p: 0.5 * p,
    )


@pytest.mark.row(143)
@pytest.mark.erratum("E33")
def test_ends_and_batches(x64):
    assert_close(metrics.perplexity(jnp.full((2, 3), math.log(28))), np.float64(28))
    assert metrics.perplexity(jnp.zeros(4)) == 1
    # 3 tokens of 1/2 and 1 of 1/8: (2^-3 2^-3)^(-1/4) = 2^1.5; the unweighted mean would give 4
    means = jnp.log(jnp.array([2.0, 8.0]))
    assert_close(metrics.perplexity(means, jnp.array([3, 1])), np.float64(2**1.5))
    assert_close(metrics.perplexity(means), np.float64(4))
    masked = jnp.array([math.log(3), jnp.nan])
    assert_close(metrics.perplexity(masked, jnp.array([1.0, 0.0])), np.float64(3))
    assert jax.jit(metrics.perplexity)(means, jnp.zeros(2)) == 1
