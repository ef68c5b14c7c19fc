"""dlx.nn: values and derivatives of activations where they saturate."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import scalar_gradient
from tests.tolerances import assert_close

TAILS = {
    # 1 / (1 + e^-x) (1 + e^x), 1 / cosh(x)^2 and e^x below 0, with e^-|x|, which cannot overflow
    nn.sigmoid: lambda x: math.exp(-abs(x)) / (1 + math.exp(-abs(x))) ** 2,
    nn.tanh: lambda x: 4 * math.exp(-2 * abs(x)) / (1 + math.exp(-2 * abs(x))) ** 2,
    nn.elu: lambda x: math.exp(min(x, 0)),
}
SECOND = {
    nn.sigmoid: lambda x: -TAILS[nn.sigmoid](x) * math.tanh(x / 2),
    nn.tanh: lambda x: -2 * TAILS[nn.tanh](x) * math.tanh(x),
    nn.elu: lambda x: math.exp(x) if x <= 0 else 0.0,
}


@pytest.mark.row(3, 4, 12, 38)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", TAILS, ids=lambda function: function.__name__)
def test_derivatives_keep_their_tails(function, dtype):
    # to where the derivative leaves the range of normal float32 numbers, and beyond
    x = [0.0, *(sign * size for size in (0.1, 1.0, 5.0, 9.0, 17.0, 25.0, 40.0, 1e4) for sign in (-1, 1))]
    with jax.enable_x64(dtype == "float64"):
        array = jnp.asarray(np.array(x, dtype))
        forward = jax.jvp(function, (array,), (jnp.ones_like(array),))[1]
        reverse = scalar_gradient(function, array)
        second = scalar_gradient(lambda x: scalar_gradient(function, x), array)
    exact = [float(v) for v in np.asarray(array, np.float64)]
    want, of_second = ([table[function](v) for v in exact] for table in (TAILS, SECOND))
    # relative to the derivative itself: the argument of the exponential is rounded, 40 of it by 40 eps
    relative = 64 * np.finfo(dtype).eps
    for got in (forward, reverse):
        assert got.dtype == dtype
        assert_close(got, want)
        np.testing.assert_allclose(got, want, rtol=relative)
    # tanh(x / 2) of the second derivative comes as a difference: absolute near 0
    assert_close(second, of_second, factor=4)
    np.testing.assert_allclose(second[5:], of_second[5:], rtol=relative)


@pytest.mark.row(3, 4)
@pytest.mark.parametrize(("function", "third"), [(nn.sigmoid, -1 / 8), (nn.tanh, -2.0)])
def test_higher_derivatives_at_zero(x64, function, third):
    # sigmoid(x) = 1/2 + x / 4 - x^3 / 48 + ..., tanh(x) = x - x^3 / 3 + ...
    second = jax.jacfwd(jax.grad(function))
    assert_close(second(jnp.float64(0)), 0.0)
    for outer in (jax.jacfwd, jax.grad):
        assert_close(outer(second)(jnp.float64(0)), third)


@pytest.mark.row(38)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_at_ten_thousand(dtype):
    ends = {
        nn.sigmoid: (0.0, 1.0),
        nn.tanh: (-1.0, 1.0),
        nn.relu: (0.0, 1e4),
        nn.leaky_relu: (-100.0, 1e4),
        nn.abs_rectifier: (1e4, 1e4),
        nn.elu: (-1.0, 1e4),
        nn.softplus: (0.0, 1e4),
    }
    with jax.enable_x64(dtype == "float64"):
        for function, want in ends.items():
            assert_close(function(jnp.asarray(np.array([-1e4, 1e4], dtype))), want)


@pytest.mark.row(5)
@pytest.mark.parametrize(("function", "largest"), [(nn.sigmoid, 0.25), (nn.tanh, 1.0)])
def test_each_saturating_layer_multiplies_by_its_derivative(x64, function, largest):
    # units in a chain, weight 1: the gradient of the first input is the product of the layers' derivatives
    def chain(x, layers):
        for _ in range(layers):
            x = function(x)
        return x

    x, product = 0.7, 1.0
    for layers in range(1, 9):
        derivative = TAILS[function](x)
        x, product = float(function(jnp.float64(x))), product * derivative
        gradient = jax.grad(chain)(jnp.float64(0.7), layers)
        assert_close(gradient, product)
        assert 0 < derivative <= largest
        assert gradient <= largest**layers
