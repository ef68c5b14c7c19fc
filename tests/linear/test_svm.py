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
    """(0, 0) and (4, 0): the plane in the middle has w = (1/2, 0), with a margin of 2; without a bias it cannot be."""
    x, y = jnp.array([[-2.0, 0.0], [2.0, 0.0]]), jnp.array([-1, 1])
    solution = linear.linear_svm(x, y, l2=1e-3, tolerance=1e-12)
    assert_close(solution.params.kernel, [0.5, 0.0])
    assert_close(solution.params.bias, 0.0)
    assert_close(linear.signed_distance(solution.params, x), [-2.0, 2.0])


@pytest.mark.row(62)
def test_an_example_of_zeros_and_no_bias(x64):
    x, y = jnp.array([[0.0], [1.0], [-1.0]]), jnp.array([1, 1, 0])
    solution = linear.linear_svm(x, y, l2=0.1, use_bias=False, tolerance=1e-10)
    assert_close(solution.params.kernel, [1.0])
    assert_close(solution.objective, 1 / 3 + 0.05)


@pytest.mark.row(62)
def test_one_vs_all_is_each_class_alone():
    x, y = carried("digits")
    x, y = jnp.asarray(x[:200], jnp.float32), jnp.asarray(y[:200])

    def fit(x, labels):
        return linear.linear_svm(x, labels, l2=0.01, tolerance=1e-3).params

    params = linear.one_vs_all(fit, x, y, classes=10)
    assert params.kernel.shape == (64, 10)
    for c in (0, 7):
        alone = fit(x, (y == c).astype(jnp.int32))
        np.testing.assert_allclose(params.kernel[:, c], alone.kernel, atol=1e-4)
        np.testing.assert_allclose(params.bias[c], alone.bias, atol=1e-4)
    assert np.mean(linear.classify(params, x) == y) > 0.95
    compiled = jax.jit(lambda x, y: linear.one_vs_all(fit, x, y, classes=10))(x, y)
    np.testing.assert_allclose(compiled.kernel, params.kernel, atol=1e-4)
