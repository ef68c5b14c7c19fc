"""dlx.nn: affine and norms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations, prove, shape
from tests.reference import activations as reference
from tests.tolerances import assert_close


@pytest.mark.row(2)
@configurations()
def test_affine(rng):
    torch = pytest.importorskip("torch")
    batch, features, units = shape(rng, 3)
    x, kernel, bias = (
        rng.standard_normal((batch, features)),
        rng.standard_normal((features, units)),
        rng.standard_normal(units),
    )
    # one kernel for the whole stack: vmap over the arguments is another map, and is compared as such
    prove(nn.affine, [x, kernel, bias], reference=reference.affine, kind="contraction")
    with jax.enable_x64(True):
        want = torch.nn.functional.linear(*(torch.tensor(a) for a in (x, kernel.T.copy(), bias)))
        assert_close(nn.affine(*(jnp.asarray(a) for a in (x, kernel, bias))), want.numpy(), kind="contraction")


@pytest.mark.row(2)
def test_affine_maps_the_last_axis_and_needs_no_bias(x64, rng):
    x, kernel = jnp.asarray(rng.standard_normal((2, 3, 4))), jnp.asarray(rng.standard_normal((4, 5)))
    want = np.einsum("abf,fu->abu", np.asarray(x), np.asarray(kernel))
    assert_close(nn.affine(x, kernel), want, kind="contraction")
    assert_close(nn.affine(x[0, 0], kernel), want[0, 0], kind="contraction")


@pytest.mark.row(66)
@configurations()
@pytest.mark.parametrize(
    ("function", "order", "power"), [(nn.l1_norm, 1, 1), (nn.l2_norm, 2, 1), (nn.squared_l2_norm, 2, 2)]
)
def test_norms(rng, function, order, power):
    x = rng.standard_normal(shape(rng))
    prove(function, [x], reference=lambda x: np.linalg.norm(x, order, axis=-1) ** power, kind="contraction")


@pytest.mark.row(66)
@pytest.mark.parametrize("function", [nn.l1_norm, nn.l2_norm, nn.squared_l2_norm])
def test_norms_at_zero(function):
    value, gradient = jax.value_and_grad(function)(jnp.zeros(3))
    assert value == 0
    assert not np.any(gradient)  # NaN is true


@pytest.mark.row(66)
@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e30), ("float64", 1e200)])
def test_the_l2_norm_neither_overflows_nor_underflows(dtype, size):
    with jax.enable_x64(dtype == "float64"):
        for scale in (size, 1 / size):
            vector = jnp.asarray(scale * np.array([[3.0, -4.0], [0.0, 1.0]]), dtype)
            value, pull = jax.vjp(nn.l2_norm, vector)
            assert_close(np.asarray(value) / scale, [5, 1], dtype=dtype)
            assert_close(pull(jnp.ones(2, dtype))[0], [[0.6, -0.8], [0, 1]])
        assert nn.l2_norm(jnp.array([jnp.inf, 1.0], dtype)) == jnp.inf
        assert np.isnan(nn.l2_norm(jnp.array([jnp.nan, 1.0], dtype)))


@pytest.mark.row(66)
def test_the_second_derivative_of_the_l2_norm(x64):
    # (I - u u^T) / ||x|| with u = x / ||x|| = (0.6, 0.8)
    want = (np.eye(2) - np.outer([0.6, 0.8], [0.6, 0.8])) / 5
    assert_close(jax.hessian(nn.l2_norm)(jnp.array([3.0, 4.0])), want)


@pytest.mark.row(374)
def test_a_minibatch_is_one_matrix_product(x64, rng):
    x, kernel, bias = (jnp.asarray(a) for a in (rng.standard_normal((5, 3)), rng.standard_normal((3, 4)), np.ones(4)))
    one_by_one = jnp.stack([nn.affine(row, kernel, bias) for row in x])
    assert_close(nn.affine(x, kernel, bias), one_by_one)
    for mapped in (nn.affine, jax.vmap(nn.affine, (0, None, None))):  # vmap of the vector form becomes the same product
        assert str(jax.make_jaxpr(mapped)(x, kernel, bias)).count("dot_general") == 1
