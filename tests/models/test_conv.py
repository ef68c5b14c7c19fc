"""dlx.models: convolutional layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models, nn
from tests.tolerances import assert_close

KEY = jax.random.key(0)


@pytest.mark.row(92, 99)
def test_conv_is_conv2d_with_its_parameters(rng):
    x = jnp.asarray(rng.standard_normal((2, 8, 8, 4)), jnp.float32)
    options = {"stride": 2, "padding": "same", "dilation": (1, 2), "groups": 2}
    layer = models.Conv(6, (3, 2), bias_init="normal", **options)
    variables = jax.jit(layer.init)(KEY, x)
    params = variables["params"]
    assert jax.tree.map(jnp.shape, params) == {"kernel": (3, 2, 2, 6), "bias": (6,)}
    assert_close(layer.apply(variables, x), nn.conv2d(x, params["kernel"], params["bias"], **options))
    half = models.Conv(6, dtype=jnp.bfloat16, use_bias=False)
    variables = jax.jit(half.init)(KEY, x)
    assert list(variables["params"]) == ["kernel"]
    assert variables["params"]["kernel"].dtype == jnp.float32
    assert half.apply(variables, x).dtype == jnp.bfloat16


@pytest.mark.row(107)
def test_conv_transpose_is_conv_transpose2d_with_its_parameters(rng):
    x = jnp.asarray(rng.standard_normal((2, 4, 5, 4)), jnp.float32)
    options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
    layer = models.ConvTranspose(6, 3, bias_init="normal", **options)
    variables = jax.jit(layer.init)(KEY, x)
    params = variables["params"]
    assert jax.tree.map(jnp.shape, params) == {"kernel": (3, 3, 3, 4), "bias": (6,)}
    got = layer.apply(variables, x)
    assert got.shape == (2, 8, 10, 6)
    assert_close(got, nn.conv_transpose2d(x, params["kernel"], params["bias"], **options))


@pytest.mark.row(107)
def test_conv_transpose_draws_by_what_comes_in():
    # var = 1 / (window * channels in a group): 1 / (9 * 32), not 1 / (9 * 2)
    layer = models.ConvTranspose(4, 3, groups=2)
    kernel = np.asarray(jax.jit(layer.init)(KEY, jnp.ones((1, 4, 4, 64)))["params"]["kernel"])
    # the standard error of a variance of 1,152 draws is 4 %
    assert abs(kernel.var() * 9 * 32 - 1) < 0.2
