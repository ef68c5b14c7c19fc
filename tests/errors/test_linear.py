"""What dlx.linear and dlx.kernels say when they are called wrongly."""

import jax
import jax.numpy as jnp
import pytest

from dlx import kernels, linear

X, Y, LABELS = jnp.ones((4, 3)), jnp.ones(4), jnp.array([0, 1, 1, 0])
PARAMS = linear.LinearParams(jnp.ones(3), jnp.zeros(()))
GRAM = jnp.eye(4)
SGD = {"loss": lambda h, y: h - y, "learning_rate": 0.1, "batch_size": 2, "epochs": 1}


def sgd(targets=Y, **options):
    return linear.minibatch_sgd(jax.random.key(0), PARAMS, X, targets, **(SGD | options))


CASES = [
    (lambda: linear.least_squares(X[0], Y), ValueError, r"inputs: got shape \(3,\), wanted \(examples, features\)"),
    (lambda: linear.least_squares(X.astype(int), Y), TypeError, "inputs: got dtype int32, wanted float32 or float64"),
    (
        lambda: linear.least_squares(X.at[0, 0].set(jnp.nan), Y),
        ValueError,
        r"inputs: got nan at \[0, 0\], wanted finite",
    ),
    (lambda: linear.least_squares(X, Y[:3]), ValueError, r"targets: got shape \(3,\), wanted \(4,\) or \(4, outputs\)"),
    (lambda: linear.least_squares(X, LABELS), TypeError, "targets: got dtype int32"),
    (lambda: linear.ridge(X, Y, l2=0.0), ValueError, r"l2: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: linear.ridge(X, Y.at[1].set(jnp.inf), l2=1.0), ValueError, r"targets: got inf at \[1\], wanted finite"),
    (lambda: linear.ridge(X, Y, l2=1.0, use_bias=False, penalise_bias=True), ValueError, "penalise_bias: got True"),
    (lambda: linear.regularised_cost(PARAMS, X, Y[:, None]), ValueError, r"targets: got shape \(4, 1\), wanted \(4,\)"),
    (lambda: linear.regularised_cost(PARAMS, X, Y, l1=-1.0), ValueError, "l1: got -1.0"),
    (lambda: linear.decision_function(PARAMS, X[:, :2]), ValueError, r"params: got a kernel of shape \(3,\)"),
    (lambda: linear.decision_function(PARAMS._replace(bias=Y), X), ValueError, r"params: got a bias of shape \(4,\)"),
    (lambda: linear.hyperplane_side(PARAMS._replace(kernel=X.T), X), ValueError, "params: .* one hyperplane"),
    (lambda: linear.gradient_step(PARAMS, X, Y, learning_rate=-0.1), ValueError, "learning_rate: got -0.1"),
    (lambda: linear.gradient_step(PARAMS, X, X, learning_rate=0.1), ValueError, r"targets: got shape \(4, 3\)"),
    (lambda: sgd(batch_size=5), ValueError, "batch_size: got 5, wanted at most 4"),
    (lambda: sgd(epochs=0), ValueError, "epochs: got 0"),
    (lambda: sgd(Y[:2]), ValueError, r"targets: got shape \(2,\), wanted \(4, ...\)"),
    (lambda: linear.soft_threshold(Y, -1.0), ValueError, "threshold: got -1.0"),
    (lambda: linear.lasso(X, X, l1=1.0), ValueError, r"targets: got shape \(4, 3\), wanted \(4,\)"),
    (lambda: linear.lasso(X, Y, l1=0.0), ValueError, "l1: got 0.0"),
    (lambda: linear.lasso(X, Y, l1=1.0, method="fistaa"), ValueError, "method: got 'fistaa', .* nearest: fista"),
    (lambda: linear.logistic_regression(X, Y, l2=1.0), TypeError, "labels: got dtype float32, wanted integers"),
    (lambda: linear.logistic_regression(X, LABELS + 1, l2=1.0), ValueError, r"labels: got the values \[1, 2\], wanted"),
    (lambda: linear.logistic_regression(X, LABELS, l2=-1.0), ValueError, "l2: got -1.0"),
    (
        lambda: linear.softmax_regression(X, LABELS, classes=1, l2=1.0),
        ValueError,
        r"labels: got 1 at \[1\], wanted .* 0..0",
    ),
    (lambda: linear.softmax_regression(X, LABELS[:2], classes=2, l2=1.0), ValueError, r"labels: got .* shape \(2,\)"),
    (lambda: linear.softmax_regression(X, LABELS, classes=0, l2=1.0), ValueError, "classes: got 0"),
    (lambda: linear.linear_svm(X, LABELS, l2=0.0), ValueError, "l2: got 0.0"),
    (lambda: linear.linear_svm(X, LABELS, l2=1.0, max_iterations=0), ValueError, "max_iterations: got 0"),
    (lambda: linear.one_vs_all(lambda x, y: PARAMS, X, -LABELS, classes=2), ValueError, "labels: got -1"),
    (lambda: linear.perceptron(X, LABELS, learning_rate=0.0), ValueError, "learning_rate: got 0.0"),
    (lambda: linear.perceptron(X, LABELS, learning_rate=float("inf")), ValueError, "learning_rate: got inf"),
    (lambda: linear.perceptron(X, LABELS, max_epochs=1.5), TypeError, "max_epochs: got 1.5"),
    (lambda: linear.perceptron_step(PARAMS, X[0], LABELS[0], learning_rate=-1.0), ValueError, "learning_rate: got -1"),
    (lambda: linear.novikoff_bound(PARAMS, X, LABELS[:1]), ValueError, r"labels: got shape \(1,\)"),
    (lambda: linear.gaussian_negative_log_likelihood(Y, X), ValueError, "targets: got shape"),
    (lambda: linear.gaussian_negative_log_likelihood(Y, Y, variance=0.0), ValueError, "variance: got 0.0"),
    (lambda: linear.bernoulli_probability(LABELS, LABELS), TypeError, "logits: got dtype int32"),
    (lambda: linear.fold_indices(4, folds=5), ValueError, "folds: got 5, wanted 2 to 4"),
    (lambda: linear.fold_indices(4, folds=1), ValueError, "folds: got 1"),
    (lambda: linear.cross_validate(None, None, X, Y[:2]), ValueError, r"targets: got shape \(2,\)"),
    (lambda: linear.polynomial_features(X, degree=0), ValueError, "degree: got 0"),
    (lambda: linear.polynomial_features(Y, degree=2), ValueError, r"inputs: got shape \(4,\)"),
    (lambda: linear.capacity_sweep(X, Y, X, Y, degrees=[]), ValueError, "degrees: got none"),
    (lambda: linear.capacity_sweep(X, Y, X, Y, degrees=[2], l2=-1.0), ValueError, "l2: got -1.0"),
    (lambda: linear.early_stopping(Y, patience=0), ValueError, "patience: got 0"),
    (lambda: linear.early_stopping(Y[:0], patience=1), ValueError, r"losses: got shape \(0,\)"),
    (lambda: kernels.linear(X, X[:, :2]), ValueError, r"second: got shape \(4, 2\) for first of shape \(4, 3\)"),
    (lambda: kernels.polynomial(X, X, degree=0), ValueError, "degree: got 0"),
    (lambda: kernels.polynomial(X, X, offset=-1.0), ValueError, "offset: got -1.0"),
    (lambda: kernels.rbf(X, X, gamma=float("inf")), ValueError, r"gamma: got inf, wanted a number in \(0, inf\)"),
    (lambda: kernels.polynomial(X, X, scale=float("inf")), ValueError, "scale: got inf"),
    (lambda: linear.regularised_cost(PARAMS, X, Y, l2=float("inf")), ValueError, r"l2: got inf, .* \[0, inf\)"),
    (
        lambda: kernels.kernel_svm(GRAM.at[0, 1].set(5.0), LABELS, cost=1.0),
        ValueError,
        r"gram: got entries \(0, 1\) and \(1, 0\) that differ, wanted symmetry",
    ),
    (
        lambda: kernels.kernel_svm(GRAM.at[2, 2].set(-1.0), LABELS, cost=1.0),
        ValueError,
        r"gram: got -1 at \[2, 2\], wanted a kernel of each point with itself >= 0",
    ),
    (lambda: kernels.rbf(X, X, gamma=0.0), ValueError, "gamma: got 0.0"),
    (lambda: kernels.rbf(X.astype(jnp.bfloat16), X, gamma=1.0), TypeError, "first: got dtype bfloat16"),
    (lambda: kernels.quadratic_features(X, scale=0.0), ValueError, "scale: got 0.0"),
    (lambda: kernels.centre(X), ValueError, r"gram: got shape \(4, 3\), wanted \(examples, examples\)"),
    (lambda: kernels.centre(GRAM, X), ValueError, r"cross: got shape \(4, 3\), wanted \(m, 4\)"),
    (lambda: kernels.kernel_ridge(GRAM, Y, l2=0.0), ValueError, "l2: got 0.0"),
    (lambda: kernels.kernel_ridge(GRAM, Y[:2], l2=1.0), ValueError, r"targets: got shape \(2,\)"),
    (lambda: kernels.kernel_predict(GRAM, Y[:2]), ValueError, r"coefficients: got shape \(2,\)"),
    (lambda: kernels.kernel_svm(GRAM, LABELS, cost=0.0), ValueError, "cost: got 0.0"),
    (lambda: kernels.kernel_svm(GRAM, LABELS * 2, cost=1.0), ValueError, r"labels: got the values \[0, 2\]"),
    (lambda: kernels.kernel_svm(GRAM, jnp.ones(4, int), cost=1.0), ValueError, "labels: got one class"),
    (lambda: kernels.kernel_perceptron(GRAM, LABELS, max_epochs=0), ValueError, "max_epochs: got 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
