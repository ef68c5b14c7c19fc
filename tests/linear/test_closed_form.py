"""dlx.linear: least squares, ridge and their cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import linear
from tests.linear.carried import carried
from tests.proof import configurations, prove
from tests.reference import linear_models as reference
from tests.tolerances import assert_close, assert_network_close


def data(rng, examples=9, features=4, outputs=()):
    return rng.standard_normal((examples, features)), rng.standard_normal((examples, *outputs))


@pytest.mark.row(57, 58)
@configurations()
@pytest.mark.parametrize("outputs", [(), (3,)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_least_squares(rng, outputs, use_bias):
    x, y = data(rng, outputs=outputs)

    def by_numpy(x, y):
        design = np.c_[x, np.ones(len(x))] if use_bias else x
        weights = np.linalg.lstsq(design, y)[0]
        return linear.LinearParams(weights[:4], weights[4] if use_bias else np.zeros(outputs))

    def function(x, y):
        return linear.least_squares(x, y, use_bias=use_bias)

    prove(function, [x, y], reference=by_numpy, kind="contraction", dtypes=("float64", "float32"))


@pytest.mark.row(57, 58)
def test_least_squares_recovers_the_line_that_made_the_data(x64, rng):
    x = rng.standard_normal((50, 2))
    params = linear.least_squares(jnp.asarray(x), jnp.asarray(x @ [2, -3.4] + 4.2))
    assert_close(params.kernel, [2, -3.4])
    assert_close(params.bias, 4.2)


@pytest.mark.row(57)
@pytest.mark.parametrize("case", ["wide", "a column twice"])
def test_least_squares_without_full_rank_is_the_shortest(x64, rng, case):
    model = pytest.importorskip("sklearn.linear_model").LinearRegression()
    x, y = data(rng, *((5, 8) if case == "wide" else (9, 4)))
    if case != "wide":
        x[:, 2] = x[:, 0]
    params = linear.least_squares(jnp.asarray(x), jnp.asarray(y))
    model.fit(x, y)
    assert_close(params.kernel, model.coef_, factor=10)  # an SVD against another
    assert_close(params.bias, model.intercept_, factor=10)


@pytest.mark.row(57, 58)
def test_least_squares_on_diabetes(x64):
    model = pytest.importorskip("sklearn.linear_model").LinearRegression()
    x, y = carried("diabetes")
    params = linear.least_squares(jnp.asarray(x), jnp.asarray(y))
    model.fit(x, y)
    assert_network_close(params.kernel, model.coef_)
    assert_network_close(params.bias, model.intercept_)


@pytest.mark.row(64)
@configurations()
@pytest.mark.parametrize("penalise_bias", [False, True])
def test_ridge(rng, penalise_bias):
    x, y = data(rng)
    l2 = np.float64(0.3)

    def by_hand(x, y, l2):
        return linear.LinearParams(*reference.normal_equations(x, y, l2, penalise_bias=penalise_bias))

    def function(x, y, l2):
        return linear.ridge(x, y, l2=l2, penalise_bias=penalise_bias)

    # differentiated by the weight of the penalty too
    prove(function, [x, y, l2], reference=by_hand, kind="contraction", dtypes=("float64", "float32"))


@pytest.mark.row(64)
@configurations()
def test_ridge_with_more_features_than_examples(rng):
    x, y = data(rng, 4, 7, (2,))

    def by_numpy(x, y):
        kernel = np.linalg.solve(x.T @ x + 4 * 0.3 * np.eye(7), x.T @ y)
        return linear.LinearParams(kernel, np.zeros(2))

    def function(x, y):
        return linear.ridge(x, y, l2=0.3, use_bias=False)

    prove(function, [x, y], reference=by_numpy, kind="contraction", dtypes=("float64", "float32"))


@pytest.mark.row(64)
@pytest.mark.parametrize("l2", [1e-6, 1e-2, 10.0])
@pytest.mark.parametrize("name", ["diabetes", "digits", "breast_cancer"])
def test_ridge_on_real_data(x64, name, l2):
    model = pytest.importorskip("sklearn.linear_model").Ridge(alpha=1.0, solver="svd")
    x, y = carried(name)
    model.set_params(alpha=len(x) * l2).fit(x, y)
    params = linear.ridge(jnp.asarray(x), jnp.asarray(y, float), l2=l2)
    assert_network_close(params.kernel, model.coef_)
    assert_network_close(params.bias, model.intercept_)


@pytest.mark.row(64)
def test_ridge_in_float32_keeps_its_digits(rng):
    """Condition 1e3, its square 1e6: without the correction a third of the digits is lost."""
    x = rng.standard_normal((60, 5)) * [1, 1, 1, 1, 1e-3]
    y = x @ rng.standard_normal(5) + x[:, 4] * 1e3
    got = linear.ridge(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32), l2=1e-9)
    want = reference.normal_equations(np.float64(np.float32(x)), np.float64(np.float32(y)), 1e-9)[0]
    assert np.abs(got.kernel - want).max() < 2e-5 * np.abs(want).max()


@pytest.mark.row(64)
def test_ridge_on_an_orthonormal_design_shrinks_every_weight_alike(x64, rng):
    x = np.linalg.qr(rng.standard_normal((8, 3)))[0]
    y = rng.standard_normal(8)
    params = linear.ridge(jnp.asarray(x), jnp.asarray(y), l2=0.5, use_bias=False)
    assert_close(params.kernel, x.T @ y / (1 + 8 * 0.5))
    assert params.bias == 0


@pytest.mark.row(64)
@pytest.mark.parametrize("penalise_bias", [False, True])
def test_ridge_is_where_the_gradient_of_the_cost_vanishes(x64, rng, penalise_bias):
    x, y = (jnp.asarray(a) for a in data(rng, outputs=(2,)))
    params = linear.ridge(x, y, l2=0.3, penalise_bias=penalise_bias)
    gradient = jax.grad(linear.regularised_cost)(params, x, y, l2=0.3)
    assert_close(gradient.kernel, np.zeros((4, 2)))
    assert_close(gradient.bias, -0.3 * params.bias if penalise_bias else np.zeros(2))


@pytest.mark.row(64, 65, 361)
@configurations()
def test_regularised_cost(rng):
    x, y = data(rng)
    w, b = rng.standard_normal(4), rng.standard_normal(())

    def function(w, b, x, y):
        return linear.regularised_cost(linear.LinearParams(w, b), x, y, l2=0.3, l1=0.2)

    def by_hand(w, b, x, y):
        return reference.regularised_cost(w, b, x, y, 0.3, 0.2)

    prove(function, [w, b, x, y], reference=by_hand, kind="contraction", dtypes=("float64", "float32"))


@pytest.mark.row(64, 361)
@pytest.mark.erratum("E15")
def test_a_weight_is_in_the_derivative_of_its_own_penalty_alone(x64, rng):
    """Second derivatives of the penalty: l2 on the diagonal, 0 elsewhere and for the bias."""
    x, y = (jnp.asarray(a) for a in data(rng))
    w, b = jnp.asarray(rng.standard_normal(4)), jnp.asarray(1.5)

    def penalty(w, b):
        params = linear.LinearParams(w, b)
        return linear.regularised_cost(params, x, y, l2=0.3) - linear.regularised_cost(params, x, y)

    by_weight, by_bias = jax.grad(penalty, (0, 1))(w, b)
    assert_close(by_weight, 0.3 * w)
    assert_close(by_bias, 0.0)
    assert_close(jax.hessian(penalty)(w, b), 0.3 * np.eye(4))


@pytest.mark.row(65)
@pytest.mark.erratum("E14")
def test_the_absolute_penalty_has_no_half(x64):
    params = linear.LinearParams(jnp.array([2.0, -3.0, 0.0]), jnp.array(7.0))
    x, y = jnp.zeros((1, 3)), jnp.array([7.0])
    cost, gradient = jax.value_and_grad(linear.regularised_cost)(params, x, y, l1=0.1)
    assert_close(cost, 0.5)
    assert_close(gradient.kernel, [0.1, -0.1, 0.0])
    assert gradient.bias == 0


@pytest.mark.real_data
@pytest.mark.row(57, 64)
def test_california_housing(x64):
    """The table of a course's competition, where a data folder has it: the cost of scikit-learn's solution."""
    from dlx import data

    model = pytest.importorskip("sklearn.linear_model").Ridge(alpha=1.0)
    train = data.load("california_housing").train
    x = np.asarray(train["inputs"], np.float64)
    y = np.asarray(train["labels"], np.float64)
    kept = np.isfinite(x).all(axis=1)
    x, y = x[kept], y[kept] / y.std()
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) == 0, 1, x.std(axis=0))
    model.set_params(alpha=len(x) * 1e-3).fit(x, y)
    params = linear.ridge(jnp.asarray(x), jnp.asarray(y), l2=1e-3)
    ours = linear.regularised_cost(params, jnp.asarray(x), jnp.asarray(y), l2=1e-3)
    theirs = reference.regularised_cost(model.coef_, model.intercept_, x, y, 1e-3, 0)
    assert_close(ours, theirs, factor=10)  # a mean of 20,000
