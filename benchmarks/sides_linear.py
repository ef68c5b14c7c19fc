"""The sides that fit linear models to real tables, and those that take a gradient by hand or by jax.grad."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from benchmarks.worker import Port

# data set, penalty, and a tolerance with which dlx comes as near to the least cost as scikit-learn's default
MODELS: dict[str, tuple[str, float, float]] = {
    "ridge": ("diabetes", 1e-2, 0.0),
    "lasso": ("diabetes", 1e-1, 1e-4),
    "logistic": ("breast_cancer", 1e-2, 1e-4),
    "softmax": ("digits", 1e-2, 1e-4),
    "svm": ("breast_cancer", 1e-2, 1e-4),
}
"""{model: (data set, weight of its penalty, dlx's tolerance)}."""


def table(dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """The training split, standardised where a column varies, float32."""
    train = dlx.data.load(dataset).train
    inputs = np.asarray(train["inputs"], np.float32).reshape(len(train["inputs"]), -1)
    spread = inputs.std(axis=0)
    return (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1), np.asarray(train["labels"])


def objective(model: str, kernel: Any, bias: Any) -> float:
    """The cost that both sides minimise, in float64."""
    dataset, penalty, _ = MODELS[model]
    inputs, labels = table(dataset)
    kernel, bias = np.asarray(kernel, np.float64), np.asarray(bias, np.float64)
    outputs = inputs.astype(np.float64) @ kernel + bias
    if model in ("ridge", "lasso"):
        norm = penalty * np.abs(kernel).sum() if model == "lasso" else penalty / 2 * np.sum(kernel**2)
        return float(np.mean((outputs - labels) ** 2) / 2 + norm)
    if model == "softmax":
        top = outputs.max(axis=1)
        log_sum = top + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        return float(np.mean(log_sum - outputs[np.arange(len(labels)), labels]) + penalty / 2 * np.sum(kernel**2))
    margins = np.where(labels > 0, 1, -1) * outputs
    if model == "logistic":
        return float(np.mean(np.logaddexp(0, -margins)) + penalty / 2 * np.sum(kernel**2))
    return float(np.mean(np.maximum(0, 1 - margins)) + penalty / 2 * (np.sum(kernel**2) + np.sum(bias**2)))


def fit_dlx(port: Port, *, model: str, repeats: int = 20) -> None:
    """A fit by dlx.linear; the data are on the device, the program is compiled."""
    dataset, penalty, tolerance = MODELS[model]
    inputs, labels = (jnp.asarray(array) for array in table(dataset))
    fits: dict[str, Callable[[], Any]] = {
        "ridge": lambda: dlx.linear.ridge(inputs, labels.astype(inputs.dtype), l2=penalty),
        "lasso": lambda: dlx.linear.lasso(inputs, labels.astype(inputs.dtype), l1=penalty, tolerance=tolerance).params,
        "logistic": lambda: dlx.linear.logistic_regression(inputs, labels, l2=penalty, tolerance=tolerance).params,
        "softmax": lambda: (
            dlx.linear.softmax_regression(inputs, labels, classes=10, l2=penalty, tolerance=tolerance).params
        ),
        "svm": lambda: dlx.linear.linear_svm(inputs, labels, l2=penalty, tolerance=tolerance).params,
    }
    params = fits[model]()
    run(port, lambda: jax.block_until_ready(fits[model]()), repeats, objective(model, params.kernel, params.bias))


def fit_sklearn(port: Port, *, model: str, repeats: int = 20) -> None:
    """The same fit by scikit-learn with its defaults."""
    from sklearn import linear_model, svm

    dataset, penalty, _ = MODELS[model]
    inputs, labels = table(dataset)
    cost = 1 / (len(inputs) * penalty)
    peers = {
        "ridge": lambda: linear_model.Ridge(alpha=len(inputs) * penalty),
        "lasso": lambda: linear_model.Lasso(alpha=penalty),
        "logistic": lambda: linear_model.LogisticRegression(C=cost),
        "softmax": lambda: linear_model.LogisticRegression(C=cost, max_iter=1000),
        "svm": lambda: svm.LinearSVC(C=cost, loss="hinge", random_state=0, max_iter=10_000),
    }
    fitted = peers[model]().fit(inputs, labels)
    run(
        port,
        lambda: peers[model]().fit(inputs, labels),
        repeats,
        objective(model, fitted.coef_.T.squeeze(), fitted.intercept_),
    )


def run(port: Port, fit: Callable[[], Any], repeats: int, cost: float) -> None:
    """Rounds of `repeats` fits; an item is a fit."""
    fit()
    port.ready(objective=cost)
    while port.begin():
        for _ in range(repeats):
            fit()
        port.end(repeats)


def gradient_step(port: Port, *, how: str, steps: int = 200, batch_size: int = 128) -> None:
    """SGD steps of an MLP 784-256-10 in a compiled loop; `how` the gradient comes about: "hand" or "autodiff"."""
    random = np.random.default_rng(0)
    widths = (784, 256, 10)
    params = [
        {"kernel": jnp.asarray(random.standard_normal((a, b)) / a**0.5, jnp.float32), "bias": jnp.zeros(b)}
        for a, b in itertools.pairwise(widths)
    ]
    inputs = jnp.asarray(random.random((batch_size, 784)), jnp.float32)
    labels = jnp.asarray(random.integers(0, 10, batch_size))

    def loss(params: Any) -> jax.Array:
        outputs = dlx.backprop.forward_propagation(params, inputs).layers[-1]
        return dlx.losses.reduce(dlx.losses.softmax_cross_entropy(outputs, labels))

    def gradient(params: Any) -> Any:
        return dlx.backprop.backpropagation(params, inputs, labels) if how == "hand" else jax.grad(loss)(params)

    def step(_: Any, params: Any) -> Any:
        return jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient(params))

    loop = jax.jit(lambda params: jax.lax.fori_loop(0, steps, step, params), donate_argnums=0)
    params = jax.block_until_ready(loop(params))
    port.ready()
    while port.begin():
        params = jax.block_until_ready(loop(params))
        port.end(steps * batch_size)
