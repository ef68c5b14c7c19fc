"""dlx.nn: initializers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations, shape
from tests.tolerances import assert_close

KEY = jax.random.key(3)
LIBRARY = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"]


def fans(shape):
    """From the definition: the connections into an output unit and out of an input unit, counted."""
    window = 1
    for size in shape[:-2]:
        window *= size
    return window * shape[-2], window * shape[-1]


@pytest.mark.row(71)
@configurations(fast=1)
@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize("ndim", [2, 4])
def test_the_draws_of_jax(rng, name, ndim):
    size = shape(rng, ndim)
    ours = getattr(nn, name)(KEY, size, jnp.float32)
    theirs = getattr(jax.nn.initializers, name)()(KEY, size, jnp.float32)
    np.testing.assert_array_equal(ours, theirs)
    with jax.enable_x64(True):
        theirs = getattr(jax.nn.initializers, name)()(KEY, size, jnp.float64)
        assert_close(getattr(nn, name)(KEY, size, jnp.float64), theirs)


@pytest.mark.row(70)
@pytest.mark.erratum("E13")
def test_the_draws_of_mxnets_default_and_of_the_unit_normal(x64):
    # one uniform number in [0, 1) per weight, stretched to (-0.07, 0.07)
    unit = jax.random.uniform(KEY, (4, 5), jnp.float64)
    assert_close(nn.mxnet_default(KEY, (4, 5), jnp.float64), 0.07 * (2 * np.asarray(unit) - 1))
    assert_close(nn.normal(KEY, (4, 5), jnp.float64, stddev=1.0), jax.random.normal(KEY, (4, 5), jnp.float64))


@pytest.mark.row(70, 71)
@pytest.mark.erratum("E13")
@pytest.mark.parametrize("size", [(300, 200), (3, 3, 50, 100)])
@pytest.mark.parametrize("name", [*LIBRARY, "mxnet_default", "normal", "uniform"])
def test_moments_and_bounds(name, size):
    fan_in, fan_out = fans(size)
    variance = {
        "glorot_uniform": 2 / (fan_in + fan_out),
        "glorot_normal": 2 / (fan_in + fan_out),
        "he_uniform": 2 / fan_in,
        "he_normal": 2 / fan_in,
        "lecun_normal": 1 / fan_in,
        "mxnet_default": 0.07**2 / 3,
        "normal": 0.01**2,
        "uniform": 0.01**2 / 3,
    }[name]
    draws = np.asarray(getattr(nn, name)(KEY, size), np.float64)
    # four standard errors: of a mean, and of a variance, whose own relative variance is at most 2 / n
    assert abs(draws.mean()) < 4 * math.sqrt(variance / draws.size)
    assert abs(draws.var() / variance - 1) < 4 * math.sqrt(2 / draws.size)
    if "uniform" in name or name == "mxnet_default":
        bound = math.sqrt(3 * variance)
        assert 0.999 * bound < np.abs(draws).max() <= bound * (1 + 1e-6)
    elif name != "normal":
        # cut at two standard deviations of the normal variable before the cut, whose variance is 1 / 0.7737
        assert np.abs(draws).max() <= 2 * math.sqrt(variance / 0.773741)
    assert not np.array_equal(draws, getattr(nn, name)(jax.random.key(4), size))


@pytest.mark.row(70)
def test_options():
    assert (nn.zeros(KEY, (3,)) == 0).all()
    assert (nn.constant(KEY, (3, 2), value=1.5) == 1.5).all()
    assert nn.normal(KEY, (200, 200), stddev=1.0).std() == pytest.approx(1, abs=0.02)
    # JAX 0.12 scales inside the draw: one rounding apart
    np.testing.assert_allclose(nn.normal(KEY, (4, 4)), jax.nn.initializers.normal(0.01)(KEY, (4, 4)), rtol=3e-7)
    assert np.abs(nn.uniform(KEY, (200, 200), bound=3.0)).max() == pytest.approx(3, abs=0.01)


@pytest.mark.row(70)
@pytest.mark.parametrize("name", sorted(nn.INITIALIZERS))
def test_shape_and_dtype(name):
    dtype = "bfloat16"
    init = nn.get_initializer(name)
    draws = init(KEY, (3, 2, 4, 5), dtype)
    assert draws.shape == (3, 2, 4, 5)
    assert draws.dtype == dtype


def test_by_name():
    assert nn.get_activation("elu") is nn.elu
    assert nn.get_activation(jnp.sin) is jnp.sin
    assert nn.get_initializer("he_normal") is nn.he_normal
    assert nn.get_initializer(nn.zeros) is nn.zeros
    assert nn.ACTIVATIONS.keys() < set(nn.__all__)
