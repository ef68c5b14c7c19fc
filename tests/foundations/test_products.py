"""dlx.foundations: the matrix product and three ways to see it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations
from tests.proof import configurations, prove, shape
from tests.tolerances import assert_close


def by_hand(left, right):
    out = np.zeros((left.shape[0], right.shape[1]))
    for i, j in np.ndindex(*out.shape):
        for k in range(left.shape[1]):
            out[i, j] += left[i, k] * right[k, j]
    return out


@pytest.mark.row(30)
@configurations()
def test_batched_matmul(rng):
    torch = pytest.importorskip("torch")
    batch, n, k, m = shape(rng, 4)
    left, right = rng.standard_normal((batch, n, k)), rng.standard_normal((batch, k, m))
    prove(
        foundations.batched_matmul,
        [left, right],
        reference=lambda a, b: np.stack([by_hand(*pair) for pair in zip(a, b, strict=True)]),
        kind="contraction",
    )
    with jax.enable_x64(True):
        got = foundations.batched_matmul(jnp.asarray(left), jnp.asarray(right))
        assert_close(got, torch.bmm(torch.tensor(left), torch.tensor(right)).numpy(), kind="contraction")


@pytest.mark.row(355, 356)
@configurations()
def test_views_of_a_product(rng):
    n, k, m = shape(rng, 3)
    left, right = rng.standard_normal((n, k)), rng.standard_normal((k, m))
    views = (
        foundations.product_by_columns,
        foundations.product_by_rows,
        foundations.product_by_outer_products,
    )
    prove(
        lambda a, b: tuple(view(a, b) for view in views),
        [left, right],
        reference=lambda a, b: (by_hand(a, b),) * 3,
        kind="contraction",
    )
    with jax.enable_x64(True):
        a, b = jnp.asarray(left), jnp.asarray(right)
        for view in views:
            assert_close(view(a, b), a @ b, kind="contraction")


@pytest.mark.row(355)
def test_a_column_is_a_combination_of_columns_and_a_vector_of_row_products(x64, rng):
    a, c = jnp.asarray(rng.standard_normal((2, 3))), jnp.asarray(rng.standard_normal(3))
    image = foundations.product_by_columns(a, c[:, None])[:, 0]
    assert_close(image, foundations.linear_combination(c, a.T))
    assert_close(image, foundations.dot_product(a, jnp.broadcast_to(c, a.shape)))
    # a transform: linear from R^3 to R^2
    d = jnp.asarray(rng.standard_normal(3))
    assert_close(a @ (2 * c + d), 2 * (a @ c) + a @ d)


@pytest.mark.row(355)
def test_products_without_entries():
    for view in (
        foundations.product_by_columns,
        foundations.product_by_rows,
        foundations.product_by_outer_products,
    ):
        assert view(jnp.ones((2, 0)), jnp.ones((0, 3))).tolist() == [[0] * 3] * 2
        assert view(jnp.ones((0, 2)), jnp.ones((2, 3))).shape == (0, 3)
        assert view(jnp.ones((2, 2)), jnp.ones((2, 0))).shape == (2, 0)


@pytest.mark.row(360)
@pytest.mark.erratum("E89")
@configurations()
def test_a_gradient_has_the_shape_of_its_matrix(x64, rng):
    """df/dA has the entries df/dA_ij: those of x^T A y are x_i y_j, an outer product."""
    a, x, y = rng.standard_normal((3, 2)), rng.standard_normal(3), rng.standard_normal(2)

    def form(a):
        return jnp.asarray(x) @ a @ jnp.asarray(y)

    gradient = jax.grad(form)(jnp.asarray(a))
    assert gradient.shape == a.shape
    assert_close(gradient, foundations.product_by_outer_products(jnp.asarray(x)[:, None], jnp.asarray(y)[None]))
    for i, j in np.ndindex(*a.shape):
        step = np.zeros_like(a)
        step[i, j] = 1
        # the form is linear: a difference is the derivative
        assert_close(gradient[i, j], form(jnp.asarray(a + step)) - form(jnp.asarray(a)), factor=10)
