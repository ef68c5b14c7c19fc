"""dlx.linear: the linear support vector machine and one against all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import linear
from tests.linear.carried import carried
from tests.reference import linear_models as reference
from tests.tolerances import assert_close


@pytest.mark.row(62, 344)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("l2", [1e-2, 1.0])
def test_linear_svm_on_breast_cancer(x64, record_error, l2, use_bias):
    svm = pytest.importorskip("sklearn.svm")
    x, y = carried("breast_cancer")
    model = svm.LinearSVC(loss="hinge", C=1 / (len(x) * l2), tol=1e-9, max_iter=1_000_000, fit_intercept=use_bias)
    model.fit(x, y)
    solution = linear.linear_svm(jnp.asarray(x), jnp.asarray(y), l2=l2, use_bias=use_bias, tolerance=1e-7)
    bias = float(np.ravel(model.intercept_)[0])
    theirs = reference.hinge_cost(model.coef_[0], bias, x, 2 * y - 1, l2)
    ours = reference.hinge_cost(*map(np.asarray, solution.params), x, 2 * y - 1, l2)
    record_error(abs(ours - theirs))
    assert abs(ours - theirs) < 1e-7
    assert_close(solution.objective, ours)
    assert solution.residual <= 1e-7
    # strongly convex with l2: ||w - w*||^2 <= 2 gap / l2
    distance = np.append(np.asarray(solution.params.kernel) - model.coef_[0], float(solution.params.bias) - bias)
    assert np.linalg.norm(distance) < 2 * np.sqrt(2 * 1e-7 / l2)
    agree = linear.classify(solution.params, jnp.asarray(x)) == model.predict(x)
    assert np.mean(agree) > 0.995


@pytest.mark.row(62)
def test_the_gap_of_an_early_stop_bounds_its_cost(x64):
    x, y = (jnp.asarray(a) for a in carried("breast_cancer"))
    best = linear.linear_svm(x, y, l2=0.1, tolerance=1e-9).objective
    for passes in (1, 3, 10):
        early = linear.linear_svm(x, y, l2=0.1, tolerance=0.0, max_iterations=passes)
        assert early.iterations == passes
        assert -1e-9 <= early.objective - best <= early.residual


@pytest.mark.row(62)
def test_the_widest_margin_of_two_points(x64):
    """(-2, 0) and (2, 0): the plane in the middle has w = (1/2, 0)."""
    x, y = jnp.array([[-2.0, 0.0], [2.0, 0.0]]), jnp.array([-1, 1])
    solution = linear.linear_svm(x, y, l2=0.1, tolerance=0.0, max_iterations=200)
    assert_close(solution.params.kernel, [0.5, 0.0])
    assert_close(solution.params.bias, 0.0)
    assert_close(linear.signed_distance(solution.params, x), [-2.0, 2.0])


@pytest.mark.row(62)
def test_an_example_of_zeros_and_no_bias(x64):
    x, y = jnp.array([[0.0], [1.0], [-1.0]]), jnp.array([1, 1, 0])
    solution = linear.linear_svm(x, y, l2=0.1, use_bias=False, tolerance=0.0, max_iterations=50)
    assert_close(solution.params.kernel, [1.0])
    assert_close(solution.objective, 1 / 3 + 0.05)


@pytest.mark.row(344)
def test_one_vs_all_of_least_squares_is_least_squares_of_all_columns(x64):
    x, y = (jnp.asarray(a) for a in carried("digits"))

    def fit(x, labels):
        return linear.ridge(x, labels.astype(x.dtype), l2=0.01)

    params = linear.one_vs_all(fit, x, y, classes=10)
    want = linear.ridge(x, jax.nn.one_hot(y, 10, dtype=x.dtype), l2=0.01)
    assert params.kernel.shape == (64, 10)
    jax.tree.map(assert_close, params, want)
    assert np.mean(linear.classify(params, x) == y) > 0.94


@pytest.mark.row(62, 344)
def test_one_vs_all_of_svms_reads_digits():
    x, y = carried("digits")
    x, y = jnp.asarray(x, jnp.float32), jnp.asarray(y)

    @jax.jit
    def fit(x, y):
        return linear.one_vs_all(lambda x, y: linear.linear_svm(x, y, l2=0.01, tolerance=1e-2).params, x, y, classes=10)

    params = fit(x[::2], y[::2])
    assert params.kernel.dtype == jnp.float32
    assert np.mean(linear.classify(params, x[1::2]) == y[1::2]) > 0.93
