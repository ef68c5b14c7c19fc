"""dlx.linear: soft threshold and lasso."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx import linear
from tests.linear.carried import carried
from tests.proof import configurations, prove, shape
from tests.reference import linear_models as reference
from tests.tolerances import assert_close

METHODS = pytest.mark.parametrize("method", ["coordinate", "fista"])


@pytest.mark.row(65)
@configurations()
def test_soft_threshold(rng):
    v = rng.standard_normal(shape(rng))
    prove(lambda v: linear.soft_threshold(v, 0.4), [v], reference=lambda v: np.sign(v) * np.maximum(np.abs(v) - 0.4, 0))


@pytest.mark.row(65)
@settings(deadline=None, max_examples=50)
@given(st.floats(-8, 8, width=32), st.floats(0, 4, width=32), st.floats(-8, 8, width=32))
def test_soft_threshold_is_the_proximal_map(v, t, other):
    def cost(w):
        return 0.5 * (w - v) ** 2 + t * abs(w)

    assert cost(float(linear.soft_threshold(jnp.float32(v), t))) <= cost(other) + 1e-5


@pytest.mark.row(65)
@METHODS
def test_lasso_on_an_orthonormal_design_is_the_soft_threshold(x64, rng, method):
    x = np.sqrt(8) * np.linalg.qr(rng.standard_normal((8, 3)))[0]
    y = rng.standard_normal(8)
    solution = linear.lasso(jnp.asarray(x), jnp.asarray(y), l1=0.2, method=method, use_bias=False, tolerance=1e-14)
    assert_close(solution.params.kernel, linear.soft_threshold(jnp.asarray(x.T @ y / 8), 0.2))
    assert solution.params.bias == 0


@pytest.mark.row(65)
@METHODS
@pytest.mark.parametrize(
    ("name", "l1"), [("diabetes", 0.1), ("diabetes", 5.0), ("digits", 0.01), ("breast_cancer", 0.01)]
)
def test_lasso_on_real_data(x64, record_error, name, l1, method):
    model = pytest.importorskip("sklearn.linear_model").Lasso(alpha=l1, tol=1e-13, max_iter=100_000)
    x, y = carried(name)
    model.fit(x, y)
    solution = linear.lasso(jnp.asarray(x), jnp.asarray(y, float), l1=l1, method=method, tolerance=1e-11)
    theirs = reference.regularised_cost(model.coef_, model.intercept_, x, y, 0, l1)
    ours = reference.regularised_cost(*map(np.asarray, solution.params), x, y, 0, l1)
    record_error(abs(ours - theirs) / theirs)
    assert abs(ours - theirs) <= 1e-9 * theirs
    assert_close(solution.objective, ours, factor=100)  # a sum of up to 1,797 squares
    # the optimum is unique, and flat: a relative 1e-11 of the cost is its root in the weights
    np.testing.assert_allclose(solution.params.kernel, model.coef_, atol=3e-5 * max(1, np.abs(model.coef_).max()))


@pytest.mark.row(65)
@METHODS
def test_the_duality_gap_bounds_the_distance_to_the_optimum(x64, method):
    x, y = (jnp.asarray(a, float) for a in carried("diabetes"))
    best = linear.lasso(x, y, l1=0.5, method=method, tolerance=1e-13).objective
    for most in (10, 20, 50):
        early = linear.lasso(x, y, l1=0.5, method=method, tolerance=0.0, max_iterations=most)
        assert early.iterations == most
        assert -1e-10 <= early.objective - best <= early.residual + 1e-10


@pytest.mark.row(65)
@METHODS
def test_fewer_weights_stay_as_the_penalty_rises(x64, method):
    x, y = (jnp.asarray(a, float) for a in carried("diabetes"))
    largest = jnp.max(jnp.abs((x - x.mean(0)[None]).T @ (y - y.mean()))) / len(x)
    kept = []
    for part in (1e-4, 0.1, 0.5, 0.99, 1.001):
        kernel = linear.lasso(x, y, l1=part * largest, method=method, tolerance=1e-10).params.kernel
        kept.append(int(jnp.sum(kernel != 0)))
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 10
    assert kept[-2:] == [1, 0]


@pytest.mark.row(65)
@METHODS
def test_lasso_compiled_and_over_penalties_at_once(method):
    x, y = (jnp.asarray(a, jnp.float32) for a in carried("diabetes"))
    penalties = jnp.array([0.5, 2.0])

    def fit(l1):
        return linear.lasso(x, y, l1=l1, method=method).params

    together = jax.jit(jax.vmap(fit))(penalties)
    for i, l1 in enumerate(penalties):
        # where each stops is within the default tolerance of the optimum, not the same point
        np.testing.assert_allclose(together.kernel[i], fit(l1).kernel, atol=0.3)
        assert together.kernel.dtype == jnp.float32


@pytest.mark.row(65)
def test_lasso_of_a_column_of_zeros_and_of_constant_targets(x64, rng):
    x = jnp.asarray(np.c_[rng.standard_normal(6), np.zeros(6)])
    for method in ("coordinate", "fista"):
        solution = linear.lasso(x, jnp.full(6, 3.0), l1=0.1, method=method)
        assert solution.params.kernel.tolist() == [0, 0]
        assert_close(solution.params.bias, 3.0)
        assert linear.lasso(x, x[:, 0], l1=1e-3, method=method).params.kernel[1] == 0
