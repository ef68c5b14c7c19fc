"""What layer 1 and the first models say when they are called wrongly: the argument, what came, what was wanted."""

import jax
import jax.numpy as jnp
import pytest

from dlx import losses, metrics, models, nn, optim

KEY, X = jax.random.key(0), jnp.ones((4, 3))
CASES = [
    (lambda: nn.affine(X, jnp.ones((2, 5))), ValueError, r"kernel: got shape \(2, 5\) for inputs of shape \(4, 3\)"),
    (lambda: nn.affine(X, jnp.ones((3, 5)), jnp.ones(1)), ValueError, r"bias: got shape \(1,\), wanted \(5,\)"),
    (lambda: nn.prelu(X, jnp.ones(4)), ValueError, r"alpha: got shape \(4,\), wanted \(\) or \(3,\)"),
    (lambda: nn.softplus(X, beta=0.0), ValueError, r"beta: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: nn.maxout(X, group_size=2), ValueError, "group_size: got 2 .* wanted a divisor"),
    (lambda: nn.maxout(X, group_size=0), ValueError, "group_size: got 0, wanted a positive int"),
    (lambda: nn.maxout(X, group_size=1.5), TypeError, "group_size: got 1.5 of type float"),
    (lambda: nn.sigmoid(jnp.arange(3)), TypeError, "inputs: got dtype int32, wanted a floating dtype"),
    (lambda: nn.softmax(jnp.arange(3)), TypeError, "logits: got dtype int32"),
    (lambda: nn.one_hot(X, 3), TypeError, "labels: got dtype float32, wanted integers"),
    (lambda: nn.one_hot(jnp.arange(3), 0), ValueError, "classes: got 0"),
    (lambda: nn.dropout(KEY, X, rate=1.0, train=True), ValueError, r"rate: got 1.0, wanted a number in \[0, 1\)"),
    (lambda: nn.dropout(KEY, X, rate=-0.1, train=False), ValueError, "rate: got -0.1"),
    (lambda: nn.dropout(KEY, X, rate="x", train=False), TypeError, "rate: got 'x' of type str"),
    (lambda: nn.dropout(KEY, X, mode="inverse", train=True), ValueError, "mode: got 'inverse', .* nearest: inverted"),
    (lambda: nn.dropout(None, X, train=True), TypeError, "key: got None, wanted a key made by jax.random.key"),
    (lambda: nn.dropout(jnp.zeros(2, jnp.uint32), X, train=True), TypeError, "key: got dtype uint32"),
    (lambda: nn.dropout(nn.example_keys(KEY, 3), X, train=True), ValueError, r"key: got shape \(3,\), wanted \(\) or"),
    (lambda: nn.example_keys(KEY, 0), ValueError, "count: got 0"),
    (lambda: nn.glorot_uniform(KEY, (3,)), ValueError, r"shape: got \(3,\), wanted \(..., in, out\)"),
    (lambda: nn.normal(KEY, (3,), stddev=-1.0), ValueError, "stddev: got -1.0"),
    (lambda: nn.uniform(KEY, (3,), bound=-1.0), ValueError, "bound: got -1.0"),
    (lambda: nn.get_activation("rulu"), ValueError, "activation: got 'rulu', .* nearest: relu"),
    (lambda: nn.get_initializer("he"), ValueError, "initializer: got 'he'"),
    (lambda: losses.softmax_cross_entropy(X, jnp.zeros(3, int)), ValueError, r"labels: got integers of shape \(3,\)"),
    (lambda: losses.softmax_cross_entropy(X, jnp.ones(4)), ValueError, r"labels: got shape \(4,\), wanted \(4, 3\)"),
    (lambda: losses.softmax_cross_entropy(X, X, label_smoothing=2.0), ValueError, "label_smoothing: got 2.0"),
    (lambda: losses.softmax_cross_entropy(X.astype(int), X), TypeError, "logits: got dtype int32"),
    (lambda: losses.categorical_cross_entropy(X, X[0]), ValueError, "labels: got shape"),
    (lambda: losses.binary_cross_entropy(X, X[:, :1]), ValueError, "labels: got shape .* nothing is broadcast"),
    (lambda: losses.sigmoid_binary_cross_entropy(X, X[:, 0]), ValueError, "labels: got shape"),
    (lambda: losses.squared_error(X[:, :1], X[:, 0]), ValueError, r"targets: got shape \(4,\), wanted \(4, 1\)"),
    (lambda: losses.absolute_error(X, X[:1]), ValueError, "targets: got shape"),
    (lambda: losses.squared_error(X, X, features="none"), ValueError, "features: got 'none'"),
    (lambda: losses.squared_error(X[0, 0], X[0, 0]), ValueError, "predictions: got a scalar"),
    (lambda: losses.reduce(X, X[0]), ValueError, "weights: got shape"),
    (lambda: losses.reduce(X, how="avg"), ValueError, "how: got 'avg'"),
    (lambda: metrics.accuracy(X, jnp.zeros(4, int), top_k=4), ValueError, "top_k: got 4, wanted at most 3"),
    (lambda: metrics.accuracy(X, jnp.zeros(1, int)), ValueError, "labels: got integers of shape"),
    (lambda: metrics.accuracy(X, jnp.ones(4)), ValueError, "labels: got shape"),
    (lambda: metrics.binary_accuracy(X, X[0]), ValueError, "labels: got shape"),
    (lambda: optim.sgd(-0.1), ValueError, r"learning_rate: got -0.1, wanted a number in \[0, inf\)"),
    (lambda: optim.sgd(float("nan")), ValueError, "learning_rate: got nan"),
    (lambda: optim.momentum(0.1, decay=1.0), ValueError, "decay: got 1.0"),
    (lambda: optim.momentum(0.1, kind="polyak"), ValueError, "kind: got 'polyak', wanted one of heavy_ball, ema"),
    (lambda: optim.adam(0.1, b1=1.0), ValueError, "b1: got 1.0"),
    (lambda: optim.adam(0.1, b2=1.0), ValueError, "b2: got 1.0"),
    (lambda: optim.adam(0.1, eps=-1.0), ValueError, "eps: got -1.0"),
    (lambda: optim.weight_decay(-1.0), ValueError, "rate: got -1.0"),
    (lambda: optim.weight_decay(0.1, mask="kernel"), ValueError, "mask: got 'kernel', .* nearest: kernels"),
    (lambda: optim.weight_decay(0.1).init({"bias": X}), ValueError, "mask: got 'kernels', wanted one that selects"),
    (lambda: optim.weight_decay(0.1).update({"kernel": X}, None), ValueError, "params: got None"),
    (lambda: optim.create("adamw", 0.1), ValueError, "optimizer: got 'adamw', .* nearest: .*optax.adamw"),
    (lambda: optim.create("optax.adamm", 0.1), ValueError, "optimizer: .* nearest: optax.adam"),
    (lambda: optim.create("adam", 0.1, b3=0.1), ValueError, "option of adam: got 'b3', .* nearest: b"),
    (lambda: optim.create("adam", 0.1, inject=("rate",)), ValueError, "option of adam: got 'rate'"),
    (lambda: optim.create("adam", 0.1, b1=1.5), ValueError, "b1: got 1.5"),
    (lambda: optim.create("sgd", -1.0), ValueError, "learning_rate: got -1.0"),
    (lambda: models.MLP(hidden=()), ValueError, r"hidden: got \(\), wanted the widths"),
    (lambda: models.MLP(hidden=(3, 0)), ValueError, "hidden: got 0, wanted a positive int"),
    (lambda: models.MLP(outputs=2.5), TypeError, "outputs: got 2.5 of type float"),
    (lambda: models.MLP(dropout=1.0), ValueError, "dropout: got 1.0"),
    (lambda: models.MLP(activation="reul"), ValueError, "activation: got 'reul', .* nearest: relu"),
    (lambda: models.MLP(kernel_init="xavier"), ValueError, "initializer: got 'xavier'"),
    (lambda: models.Linear(0), ValueError, "outputs: got 0"),
    (lambda: models.Linear(bias_init="zero"), ValueError, "initializer: got 'zero', .* nearest: zeros"),
    (lambda: models.Linear().init(KEY, X.astype(jnp.uint8)), TypeError, "inputs: got dtype uint8"),
    (lambda: models.Linear().init(KEY, X[0]), ValueError, r"inputs: got shape \(3,\), wanted \(batch, ...\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
