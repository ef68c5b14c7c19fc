"""dlx.linear: logistic and softmax regression."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import linear
from tests.linear.carried import carried
from tests.reference import linear_models as reference
from tests.tolerances import assert_close


def arrays(name):
    x, y = carried(name)
    return jnp.asarray(x), jnp.asarray(y)


@pytest.mark.row(61)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("l2", [1e-3, 1e-1])
def test_logistic_regression_on_breast_cancer(x64, record_error, l2, use_bias):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = carried("breast_cancer")
    model = linear_model.LogisticRegression(
        C=1 / (len(x) * l2), solver="newton-cholesky", tol=1e-10, fit_intercept=use_bias, max_iter=1000
    ).fit(x, y)
    solution = linear.logistic_regression(*arrays("breast_cancer"), l2=l2, use_bias=use_bias, tolerance=1e-12)
    theirs = reference.logistic_cost(model.coef_[0], float(np.ravel(model.intercept_)[0]), x, 2 * y - 1, l2)
    record_error(abs(float(solution.objective) - theirs))
    assert abs(float(solution.objective) - theirs) < 1e-12
    np.testing.assert_allclose(solution.params.kernel, model.coef_[0], atol=1e-9)
    np.testing.assert_allclose(solution.params.bias, np.ravel(model.intercept_)[0], atol=1e-9)
    assert solution.residual < 1e-12
    assert solution.iterations < 15


@pytest.mark.row(61)
def test_logistic_regression_has_no_gradient_left(x64):
    x, y = carried("breast_cancer")
    params, objective, residual, _ = linear.logistic_regression(*arrays("breast_cancer"), l2=0.01)
    probability = 1 / (1 + np.exp(-(x @ np.asarray(params.kernel) + float(params.bias))))
    gradient = x.T @ (probability - y) / len(x) + 0.01 * np.asarray(params.kernel)
    assert np.abs(gradient).max() < 1e-6
    assert abs(np.mean(probability - y)) < 1e-6
    assert_close(residual, max(np.abs(gradient).max(), abs(np.mean(probability - y))))
    assert_close(objective, reference.logistic_cost(*map(np.asarray, params), x, 2 * y - 1, 0.01), factor=10)


@pytest.mark.row(61)
def test_labels_of_either_convention(x64):
    x, y = arrays("breast_cancer")
    want = linear.logistic_regression(x, y, l2=0.1)
    got = linear.logistic_regression(x, 2 * y - 1, l2=0.1)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, got, want))


@pytest.mark.row(61)
def test_logistic_regression_from_far_off_halves_its_steps(x64):
    """Raw columns of very different scales: a full Newton step would overshoot."""
    x = jnp.array([[1e3, 1.0], [-2e3, 2.0], [3e3, -1.0], [-5e2, 0.5], [1e2, 3.0]])
    solution = linear.logistic_regression(x, jnp.array([1, 0, 1, 1, 0]), l2=1e-6, tolerance=1e-9)
    assert solution.residual < 1e-9
    assert solution.objective < np.log(2)


@pytest.mark.row(61)
def test_without_a_penalty_separable_classes_have_no_minimum():
    x, y = jnp.array([[-1.0], [1.0]]), jnp.array([0, 1])
    solution = linear.logistic_regression(x, y, l2=0.0)
    assert np.isfinite(solution.params.kernel).all()
    assert solution.params.kernel[0] > 5


@pytest.mark.row(60)
def test_softmax_regression_on_digits_has_no_gradient_left(x64, record_error):
    """The cost is l2-strongly convex: it is at most |gradient|^2 / (2 l2) above the least one."""
    x, y = carried("digits")
    params, objective, residual, _ = linear.softmax_regression(*arrays("digits"), classes=10, l2=0.01, tolerance=1e-9)
    kernel, bias = map(np.asarray, params)
    odds = np.exp(x @ kernel + bias)
    error = odds / odds.sum(axis=1, keepdims=True) - np.eye(10)[y]
    gradient = x.T @ error / len(x) + 0.01 * kernel
    assert max(np.abs(gradient).max(), np.abs(error.mean(axis=0)).max()) < 1e-9
    assert residual < 1e-9
    record_error(np.sum(gradient**2) / (2 * 0.01))
    assert_close(bias.sum(), 0.0)
    assert_close(objective, reference.softmax_cost(kernel, bias, x, y, 0.01))


@pytest.mark.row(60)
@pytest.mark.parametrize("use_bias", [True, False])
def test_softmax_regression_is_scikit_learns(x64, use_bias):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = (a[:300] for a in carried("digits"))
    model = linear_model.LogisticRegression(C=1 / (300 * 0.1), tol=1e-8, fit_intercept=use_bias, max_iter=1000)
    model.fit(x, y)
    solution = linear.softmax_regression(
        jnp.asarray(x), jnp.asarray(y), classes=10, l2=0.1, use_bias=use_bias, tolerance=1e-10
    )
    bias = np.broadcast_to(model.intercept_, 10)
    theirs = reference.softmax_cost(model.coef_.T, bias, x, y, 0.1)
    assert abs(float(solution.objective) - theirs) < 1e-10
    np.testing.assert_allclose(solution.params.kernel, model.coef_.T, atol=1e-5)
    np.testing.assert_allclose(solution.params.bias, bias - bias.mean(), atol=1e-5)


@pytest.mark.row(60, 61)
def test_softmax_regression_of_two_classes_is_logistic_regression(x64):
    """Two columns u, -u stand for w = 2u: the penalty l2 u.u is l2/4 w.w, half of logistic regression's l2/2."""
    x, y = arrays("breast_cancer")
    two = linear.softmax_regression(x, y, classes=2, l2=0.1, tolerance=1e-11)
    one = linear.logistic_regression(x, y, l2=0.05, tolerance=1e-12)
    np.testing.assert_allclose(two.params.kernel[:, 1] - two.params.kernel[:, 0], one.params.kernel, atol=1e-9)
    assert_close(two.objective, one.objective)


@pytest.mark.row(60, 61)
def test_float32_reaches_the_default_tolerance_and_compiles_once():
    digits, cancer = carried("digits"), carried("breast_cancer")
    traces = 0

    @jax.jit
    def fit(x, y, l2):
        nonlocal traces
        traces += 1
        return linear.softmax_regression(x, y, classes=10, l2=l2)

    x, y = jnp.asarray(digits[0], jnp.float32), jnp.asarray(digits[1])
    for l2 in (0.1, 0.01):
        solution = fit(x, y, l2)
        assert solution.params.kernel.dtype == jnp.float32
        assert solution.residual < 1e-5
    assert traces == 1
    x, y = jnp.asarray(cancer[0], jnp.float32), jnp.asarray(cancer[1])
    assert linear.logistic_regression(x, y, l2=0.01).residual < 1e-6


@pytest.mark.row(61)
def test_a_path_of_penalties_at_once(x64):
    x, y = arrays("breast_cancer")
    penalties = jnp.array([1e-2, 1e-1])
    together = jax.vmap(lambda l2: linear.logistic_regression(x, y, l2=l2, tolerance=1e-11).params)(penalties)
    for i, l2 in enumerate(penalties):
        alone = linear.logistic_regression(x, y, l2=l2, tolerance=1e-11).params
        np.testing.assert_allclose(together.kernel[i], alone.kernel, atol=1e-9)
