"""From divergence to cross entropy to the mean negative log likelihood of a sample."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import information, losses, nn
from tests.tolerances import assert_close


@pytest.mark.row(373)
def test_minimising_the_divergence_minimises_the_cross_entropy(x64, rng):
    p, logits = jnp.asarray(rng.dirichlet(np.ones(6))), jnp.asarray(rng.standard_normal(6))

    def divergence(z):
        return information.kl_divergence(p, nn.softmax(z))

    def cross_entropy(z):
        return losses.softmax_cross_entropy(z, p)

    assert_close(cross_entropy(logits) - information.entropy(p), divergence(logits))
    assert_close(jax.grad(divergence)(logits), jax.grad(cross_entropy)(logits))
    assert_close(jax.grad(cross_entropy)(jnp.log(p)), np.zeros(6))


@pytest.mark.row(373)
def test_the_mean_over_a_sample_estimates_the_cross_entropy(x64, rng):
    p, q = rng.dirichlet(np.ones(6), size=2)
    wanted = float(information.cross_entropy(jnp.asarray(p), jnp.asarray(q)))
    deviation = np.sqrt(np.sum(p * np.log(q) ** 2) - wanted**2)
    errors = []
    for size in (100, 10_000):
        labels = jnp.asarray(rng.choice(6, size=(200, size), p=p), jnp.int32)
        values = losses.negative_log_likelihood(jnp.broadcast_to(jnp.log(jnp.asarray(q)), (*labels.shape, 6)), labels)
        errors.append(np.sqrt(np.mean((np.asarray(values).mean(1) - wanted) ** 2)))
        # the root mean square of 200 errors lies within a sixth of its expectation, 1 / sqrt(n)
        assert errors[-1] == pytest.approx(deviation / np.sqrt(size), rel=1 / 6)
    assert errors[1] < errors[0] / 8
