"""dlx.linear: negative log likelihoods."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import linear, losses
from tests.proof import configurations, prove, shape
from tests.tolerances import assert_close


@pytest.mark.row(349)
@configurations()
def test_gaussian_negative_log_likelihood(rng):
    stats = pytest.importorskip("scipy.stats")
    f, y = rng.standard_normal((2, *shape(rng, 3)))

    def by_scipy(f, y):
        return -stats.norm.logpdf(y, f, np.sqrt(2.5)).sum(axis=(1, 2))

    def function(f, y):
        return linear.gaussian_negative_log_likelihood(f, y, variance=2.5)

    prove(function, [f, y], reference=by_scipy, kind="contraction")


@pytest.mark.row(349)
@pytest.mark.erratum("E86")
def test_it_is_half_the_squared_error_and_a_constant(x64, rng):
    f, y = jnp.asarray(rng.standard_normal((2, 7)))
    cost = jnp.mean(linear.gaussian_negative_log_likelihood(f, y))
    assert_close(cost, jnp.mean((y - f) ** 2) / 2 + np.log(2 * np.pi) / 2)
    gradient = jax.grad(lambda f: jnp.mean(linear.gaussian_negative_log_likelihood(f, y)))(f)
    assert_close(gradient, (f - y) / 7)


@pytest.mark.row(349, 350)
@pytest.mark.erratum("E86")
@configurations()
def test_bernoulli_probability(rng):
    z = 3 * rng.standard_normal(shape(rng))
    y = rng.integers(0, 2, z.shape, dtype=np.int32)

    def by_hand(z, y):
        return np.exp(y * z) / (np.exp(0 * z) + np.exp(z))

    prove(linear.bernoulli_probability, [z, y], reference=by_hand)
    with jax.enable_x64(True):
        z, y = jnp.asarray(z), jnp.asarray(y)
        cost = losses.sigmoid_binary_cross_entropy(z, y.astype(z.dtype))
        assert_close(-jnp.sum(jnp.log(linear.bernoulli_probability(z, y)), axis=-1), cost, kind="contraction")
        assert_close(linear.bernoulli_probability(z, 1 - y) + linear.bernoulli_probability(z, y), np.ones(z.shape))
