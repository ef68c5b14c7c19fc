"""dlx.backprop: rules of linear maps, and the layout of Jacobians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, nn
from tests.proof import configurations, prove, shape
from tests.reference import backprop as reference
from tests.tolerances import assert_close


def as_jax(*arrays):
    return [jnp.asarray(array) for array in arrays]


@pytest.mark.row(47, 360)
@pytest.mark.erratum("E11")
@configurations()
def test_affine_backward(rng):
    torch = pytest.importorskip("torch")
    batch, features, units = shape(rng, 3)
    gradient, x, kernel = (rng.standard_normal(s) for s in ((batch, units), (batch, features), (features, units)))
    prove(backprop.affine_backward, [gradient, x, kernel], reference=reference.affine_backward, kind="contraction")
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, kernel, np.zeros(units))]
    (tensors[0] @ tensors[1] + tensors[2]).backward(torch.tensor(gradient))
    with jax.enable_x64(True):
        got = backprop.affine_backward(*as_jax(gradient, x, kernel))
        _, pull = jax.vjp(nn.affine, *as_jax(x, kernel, np.zeros(units)))
        for ours, theirs, tensor in zip(got, pull(jnp.asarray(gradient)), tensors, strict=True):
            assert ours.shape == theirs.shape == tuple(tensor.shape)
            assert_close(ours, theirs, kind="contraction")
            assert_close(ours, tensor.grad.numpy(), kind="contraction")


@pytest.mark.row(47)
@pytest.mark.parametrize("batch", [(), (2, 3), (0,)], ids=str)
def test_affine_backward_over_other_batches(x64, rng, batch):
    gradient, x, kernel = as_jax(*(rng.standard_normal(s) for s in ((*batch, 5), (*batch, 4), (4, 5))))
    _, pull = jax.vjp(nn.affine, x, kernel, jnp.zeros(5))
    for got, want in zip(backprop.affine_backward(gradient, x, kernel), pull(gradient), strict=True):
        assert_close(got, want, kind="contraction")


@pytest.mark.row(44, 52)
@pytest.mark.erratum("E11")
@configurations()
def test_column_affine_backward(rng):
    samples, features, units = shape(rng, 3)
    gradient, x, weights = (rng.standard_normal(s) for s in ((units, samples), (features, samples), (units, features)))
    function, by_hand = backprop.column_affine_backward, reference.column_affine_backward
    prove(function, [gradient, x, weights], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        _, pull = jax.vjp(lambda x, w, b: w @ x + b[:, None], *as_jax(x, weights, np.zeros(units)))
        got = backprop.column_affine_backward(*as_jax(gradient, x, weights))
        for ours, theirs in zip(got, pull(jnp.asarray(gradient)), strict=True):
            assert_close(ours, theirs, kind="contraction")


@pytest.mark.row(44)
@pytest.mark.erratum("E11")
def test_one_column_gives_the_outer_product(x64, rng):
    gradient, x, weights = as_jax(*(rng.standard_normal(s) for s in ((3, 1), (2, 1), (3, 2))))
    _, by_weights, _ = backprop.column_affine_backward(gradient, x, weights)
    assert_close(by_weights, np.outer(gradient, x))


@pytest.mark.row(46)
@configurations()
def test_quadratic_form_backward(rng):
    n = int(rng.integers(1, 6))
    arrays = [np.asarray(rng.standard_normal()), rng.standard_normal(n), rng.standard_normal((n, n))]
    prove(backprop.quadratic_form_backward, arrays, reference=reference.quadratic_form_backward, kind="contraction")
    with jax.enable_x64(True):
        gradient, x, matrix = as_jax(*arrays)
        want = jax.grad(lambda x, w: gradient * (x @ w @ x), argnums=(0, 1))(x, matrix)
        for ours, theirs in zip(backprop.quadratic_form_backward(gradient, x, matrix), want, strict=True):
            assert_close(ours, theirs, kind="contraction")


@pytest.mark.row(43, 44, 45)
def test_numerator_layout(x64, rng):
    x, matrix = as_jax(rng.standard_normal(3), rng.standard_normal((2, 3)))
    # (function, derivative): scalar by vector, column form, row form
    cases = [
        (lambda v: jnp.sum(jnp.sin(v)), np.cos(x)),
        (lambda v: matrix @ v, matrix),
        (lambda v: v @ matrix.T, matrix),  # z = x W: dz/dx = W^T
    ]
    for function, want in cases:
        got = backprop.numerical_jacobian(function, x)
        assert got.shape == np.shape(want)
        # central differences with a step of 1e-4 are right to about 1e-9 for the sine
        np.testing.assert_allclose(got, want, atol=2e-9)
        assert_close(jax.jacobian(function)(x), want)


@pytest.mark.row(43, 360)
def test_jacobian_of_arrays_with_several_axes(x64, rng):
    x = jnp.asarray(rng.standard_normal((2, 3)))
    got = backprop.numerical_jacobian(lambda v: jnp.exp(v @ v.T), x)
    assert got.shape == (2, 2, 2, 3)
    np.testing.assert_allclose(got, jax.jacobian(lambda v: jnp.exp(v @ v.T))(x), rtol=1e-5)
    by_matrix = backprop.numerical_jacobian(lambda v: jnp.sum(v * v), x)
    np.testing.assert_allclose(by_matrix, 2 * x, rtol=1e-8)
    assert backprop.numerical_jacobian(lambda v: v, jnp.zeros(0)).shape == (0, 0)
