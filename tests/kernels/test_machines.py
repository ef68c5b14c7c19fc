"""dlx.kernels: ridge regression, the support vector machine, the perceptron."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import kernels, linear
from tests.linear.carried import carried
from tests.proof import configurations, prove
from tests.tolerances import assert_close, assert_network_close

CORNERS = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = jnp.array([0, 1, 1, 0])
GAP = pytest.mark.gap("U28")


@GAP
@pytest.mark.row(345)
@configurations()
@pytest.mark.parametrize("outputs", [(), (2,)])
def test_kernel_ridge(rng, outputs):
    x, y = rng.standard_normal((6, 3)), rng.standard_normal((6, *outputs))

    def function(x, y):
        return kernels.kernel_ridge(kernels.rbf(x, x, gamma=0.5), y, l2=0.1)

    def by_numpy(x, y):
        gram = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(axis=-1))
        return np.linalg.solve(gram + 0.6 * np.eye(6), y)

    prove(function, [x, y], reference=by_numpy, kind="contraction", dtypes=("float64", "float32"))


@GAP
@pytest.mark.row(345)
def test_kernel_ridge_on_diabetes(x64):
    model = pytest.importorskip("sklearn.kernel_ridge").KernelRidge(kernel="rbf", gamma=0.05, alpha=342 * 1e-3)
    x, y = carried("diabetes")
    train, test = jnp.asarray(x[:342]), jnp.asarray(x[342:])
    coefficients = kernels.kernel_ridge(kernels.rbf(train, train, gamma=0.05), jnp.asarray(y[:342]), l2=1e-3)
    model.fit(x[:342], y[:342])
    assert_network_close(coefficients, model.dual_coef_)
    predicted = kernels.kernel_predict(kernels.rbf(test, train, gamma=0.05), coefficients)
    assert_network_close(predicted, model.predict(x[342:]))


@GAP
@pytest.mark.row(64, 345)
def test_kernel_ridge_with_the_linear_kernel_is_ridge(x64, rng):
    x, y = jnp.asarray(rng.standard_normal((6, 3))), jnp.asarray(rng.standard_normal(6))
    coefficients = kernels.kernel_ridge(kernels.linear(x, x), y, l2=0.1)
    assert_close(x.T @ coefficients, linear.ridge(x, y, l2=0.1, use_bias=False).kernel)
    # a free bias: the mean off the targets and the features
    coefficients = kernels.kernel_ridge(kernels.centre(kernels.linear(x, x)), y - jnp.mean(y), l2=0.1)
    assert_close((x - x.mean(0)[None]).T @ coefficients, linear.ridge(x, y, l2=0.1).kernel)


@GAP
@pytest.mark.row(345)
@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf"])
@pytest.mark.parametrize("cost", [0.1, 10.0])
def test_kernel_svm_on_breast_cancer(x64, record_error, kernel, cost):
    svm = pytest.importorskip("sklearn.svm")
    x, y = carried("breast_cancer")
    model = svm.SVC(kernel=kernel, C=cost, gamma=1 / 30, coef0=1.0, degree=2, tol=1e-7).fit(x[:400], y[:400])
    ours = {
        "linear": kernels.linear,
        "poly": lambda a, b: kernels.polynomial(a, b, scale=1 / 30),
        "rbf": lambda a, b: kernels.rbf(a, b, gamma=1 / 30),
    }[kernel]
    train, test = jnp.asarray(x[:400]), jnp.asarray(x[400:])
    gram = ours(train, train)
    machine = kernels.kernel_svm(gram, jnp.asarray(y[:400]), cost=cost, tolerance=1e-7)
    theirs = np.zeros(400)
    theirs[model.support_] = model.dual_coef_[0]
    dual = np.abs(theirs).sum() - theirs @ np.asarray(gram) @ theirs / 2
    record_error(abs(float(machine.dual_objective) - dual) / dual)
    assert abs(float(machine.dual_objective) - dual) < 1e-8 * dual
    assert machine.violation < 2e-7  # taken anew after the loop
    assert abs(float(machine.objective - machine.dual_objective)) < 1e-4 * dual
    outputs = kernels.kernel_predict(ours(test, train), machine.coefficients, machine.bias)
    # outputs to 25; both stop at violations of 1e-7, where the cost is flat: its root, 3e-4, bounds the difference
    np.testing.assert_allclose(outputs, model.decision_function(x[400:]), atol=1e-4)
    # the conditions of the box and of the equality
    multipliers = np.where(y[:400] > 0, 1, -1) * np.asarray(machine.coefficients)
    assert multipliers.min() >= 0
    assert multipliers.max() <= cost
    assert abs(np.sum(machine.coefficients)) < 1e-12 * 400 * cost


@GAP
@pytest.mark.row(344, 345)
def test_kernel_svm_of_two_points(x64):
    """-1 and 3 on a line: the plane in the middle has w = 1/2, b = -1/2; each multiplier is 2 / distance^2."""
    x = jnp.array([[-1.0], [3.0]])
    machine = kernels.kernel_svm(kernels.linear(x, x), jnp.array([-1, 1]), cost=10.0)
    assert_close(machine.coefficients, [-0.125, 0.125])
    assert_close(machine.bias, -0.5)
    assert_close(machine.objective, 0.125)
    assert_close(machine.dual_objective, 0.125)


@GAP
@pytest.mark.row(345)
def test_kernel_svm_whose_multipliers_are_all_at_the_bound(x64):
    """No support vector is free: the bias is the middle of what the bounds allow."""
    x = jnp.array([[-1.0], [1.0]])
    machine = kernels.kernel_svm(kernels.linear(x, x), jnp.array([0, 1]), cost=0.1)
    assert machine.coefficients.tolist() == [-0.1, 0.1]
    assert_close(machine.bias, 0.0)
    # the same point in both classes has no curvature between them, and ends at the bound
    twice = kernels.kernel_svm(jnp.ones((2, 2)), jnp.array([0, 1]), cost=3.0)
    assert twice.coefficients.tolist() == [-3.0, 3.0]
    assert jnp.isfinite(twice.bias)


@GAP
@pytest.mark.row(345)
@pytest.mark.parametrize("kernel", [kernels.polynomial, lambda a, b: kernels.rbf(a, b, gamma=1.0)], ids=["poly", "rbf"])
def test_xor_is_solved(kernel):
    gram = kernel(CORNERS, CORNERS)
    machine = kernels.kernel_svm(gram, XOR, cost=100.0)
    outputs = kernels.kernel_predict(gram, machine.coefficients, machine.bias)
    assert (outputs > 0).tolist() == [False, True, True, False]
    np.testing.assert_allclose(np.abs(outputs), 1, atol=2e-3)  # all four lie on the margin
    fit = kernels.kernel_perceptron(gram, XOR)
    assert fit.converged
    assert (kernels.kernel_predict(gram, fit.coefficients) > 0).tolist() == [False, True, True, False]


@GAP
@pytest.mark.row(345)
def test_xor_is_not_solved_by_the_linear_kernel():
    gram = kernels.linear(CORNERS, CORNERS)
    machine = kernels.kernel_svm(gram, XOR, cost=1.0)
    outputs = kernels.kernel_predict(gram, machine.coefficients, machine.bias)
    assert np.sum((outputs > 0) == (XOR > 0)) < 4
    assert not kernels.kernel_perceptron(gram + 1, XOR, max_epochs=50).converged


@pytest.mark.row(42, 345)
@configurations()
def test_kernel_perceptron_with_the_linear_kernel_is_the_perceptron(rng):
    x, y = rng.standard_normal((15, 2)), rng.integers(0, 2, 15)
    with jax.enable_x64(True):
        x, y = jnp.asarray(x), jnp.asarray(y)
        primal = linear.perceptron(x, y, max_epochs=5)
        dual = kernels.kernel_perceptron(kernels.linear(x, x) + 1, y, max_epochs=5)
        assert (dual.mistakes, dual.epochs, dual.converged) == (primal.mistakes, primal.epochs, primal.converged)
        assert_close(dual.coefficients @ x, primal.params.kernel)
        assert_close(jnp.sum(dual.coefficients), primal.params.bias)


@GAP
@pytest.mark.row(345)
def test_one_machine_for_each_class_at_once():
    """vmap and jit give what each class gets alone."""
    x, y = carried("digits")
    x, y = jnp.asarray(x[:60], jnp.float32), jnp.asarray(y[:60])
    gram = kernels.rbf(x, x, gamma=0.1)

    def fit(number):
        return kernels.kernel_svm(gram, (y == number).astype(jnp.int32), cost=1.0)

    together = jax.jit(jax.vmap(fit))(jnp.arange(3))
    for number in range(3):
        np.testing.assert_allclose(together.coefficients[number], fit(number).coefficients, atol=1e-2)
        assert together.violation[number] < 2e-3
