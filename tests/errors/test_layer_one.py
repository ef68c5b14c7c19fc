"""What layer 1 and the first models say when they are called wrongly: the argument, what came, what was wanted."""

import jax
import jax.numpy as jnp
import pytest

from dlx import losses, metrics, models, nn, optim

KEY, X = jax.random.key(0), jnp.ones((4, 3))
Y, ONES, THIRDS = jnp.zeros(4, int), jnp.ones(3), jnp.full((4, 3), 1 / 3)
LOGS, NAN = jnp.log(THIRDS), float("nan")
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
    (
        lambda: losses.softmax_cross_entropy(X, jnp.ones(4)),
        TypeError,
        r"labels: got float32 of shape \(4,\), wanted integers for class numbers, or probabilities of shape \(4, 3\)",
    ),
    (
        lambda: losses.softmax_cross_entropy(X, jnp.eye(3, dtype=int)[Y]),
        TypeError,
        r"labels: got int32 of shape \(4, 3\), the shape of logits, wanted floating one-hot vectors, or class numbers",
    ),
    (lambda: losses.softmax_cross_entropy(X, X[:2]), ValueError, r"labels: got shape \(2, 3\), wanted \(4, 3\)"),
    (lambda: metrics.perplexity(-ONES), ValueError, "cross_entropies: got -1, wanted numbers >= 0"),
    (lambda: metrics.perplexity(-ONES, ONES), ValueError, "cross_entropies: got -1"),
    (lambda: losses.softmax_cross_entropy(X, THIRDS, label_smoothing=2.0), ValueError, "label_smoothing: got 2.0"),
    (lambda: losses.softmax_cross_entropy(X.astype(int), X), TypeError, "logits: got dtype int32"),
    (lambda: losses.categorical_cross_entropy(X, X[0]), ValueError, "labels: got shape"),
    (lambda: losses.binary_cross_entropy(X, X[:, :1]), ValueError, "labels: got shape .* nothing is broadcast"),
    (lambda: losses.sigmoid_binary_cross_entropy(X, X[:, 0]), ValueError, "labels: got shape"),
    (lambda: losses.squared_error(X[:, :1], X[:, 0]), ValueError, r"targets: got shape \(4,\), wanted \(4, 1\)"),
    (lambda: losses.absolute_error(X, X[:1]), ValueError, "targets: got shape"),
    (lambda: losses.squared_error(X, X, features="none"), ValueError, "features: got 'none'"),
    (lambda: losses.squared_error(X[0, 0], X[0, 0]), ValueError, "predictions: got a scalar"),
    (
        lambda: losses.softmax_cross_entropy(X, Y + 3),
        ValueError,
        r"labels: got 3 at \[0\], wanted class numbers in 0..2",
    ),
    (lambda: losses.softmax_cross_entropy(X, Y - 1), ValueError, r"labels: got -1 at \[0\], wanted class"),
    (lambda: losses.softmax_cross_entropy(X, X), ValueError, "labels: got the sum 3, wanted probabilities"),
    (
        lambda: losses.softmax_cross_entropy(X, THIRDS - 1),
        ValueError,
        r"labels: got -0.6666666.* at \[0, 0\], wanted finite numbers >= 0",
    ),
    (lambda: losses.softmax_cross_entropy(X[0, 0], Y[0]), ValueError, "logits: got a scalar"),
    (lambda: losses.softmax_cross_entropy(X, Y, class_weights=X), ValueError, r"class_weights: got shape \(4, 3\)"),
    (lambda: losses.softmax_cross_entropy(X, Y, class_weights=-ONES), ValueError, "class_weights: got -1"),
    (lambda: losses.categorical_cross_entropy(THIRDS, X), ValueError, "labels: got the sum 3, wanted prob"),
    (lambda: losses.categorical_cross_entropy(X > 0, X), TypeError, "probabilities: got dtype bool"),
    (lambda: losses.negative_log_likelihood(LOGS, X), TypeError, "labels: got dtype float32, wanted integers"),
    (lambda: losses.negative_log_likelihood(LOGS, Y[:3]), ValueError, ".* one for each row of log_probabilities"),
    (
        lambda: losses.negative_log_likelihood(LOGS, Y, class_weights=ONES * jnp.nan),
        ValueError,
        "class_weights: got nan",
    ),
    (
        lambda: losses.binary_cross_entropy(X, 2 * X),
        ValueError,
        r"labels: got 2 at \[0, 0\], wanted finite numbers in \[0, 1\]",
    ),
    (lambda: losses.binary_cross_entropy(X.astype(int), X), TypeError, "probabilities: got dtype int32"),
    (lambda: losses.binary_cross_entropy(X, X, eps=0.6), ValueError, "eps: got 0.6"),
    (lambda: losses.sigmoid_binary_cross_entropy(X, -X), ValueError, "labels: got -1 at .* wanted finite numbers in"),
    (lambda: losses.sigmoid_binary_cross_entropy(X, X, label_smoothing=-1), ValueError, "label_smoothing: got -1"),
    (lambda: losses.multi_label_cross_entropy(X, X[0]), ValueError, "labels: got shape"),
    (lambda: losses.multi_label_cross_entropy(X, X, label_weights=X), ValueError, r"label_weights: got shape \(4, 3\)"),
    (lambda: losses.multi_label_cross_entropy(X, X, positive_weights=-ONES), ValueError, "positive_weights: got -1"),
    (lambda: losses.multi_label_cross_entropy(X[0, 0], X[0, 0]), ValueError, "logits: got a scalar"),
    (lambda: losses.masked_sigmoid_cross_entropy(X, X, X[0]), ValueError, "mask: got shape"),
    (
        lambda: losses.masked_sigmoid_cross_entropy(X, X, -X),
        ValueError,
        "mask: got -1 at .* wanted finite numbers >= 0",
    ),
    (lambda: losses.masked_sigmoid_cross_entropy(X, 2 * X, X), ValueError, "labels: got 2"),
    (lambda: losses.hinge(X, 0 * X), ValueError, "labels: got 0 at .* wanted -1 and 1; 2 y - 1 makes them"),
    (lambda: losses.hinge(X[:, 0], X[:, :1]), ValueError, r"labels: got shape \(4, 1\), wanted \(4,\)"),
    (lambda: losses.squared_hinge(X.astype(int), X), TypeError, "scores: got dtype int32"),
    (lambda: losses.logistic(X, X, features="max"), ValueError, "features: got 'max'"),
    (lambda: losses.multiclass_hinge(X, Y, kind="crammer"), ValueError, "kind: got 'crammer', .* nearest: crammer_si"),
    (lambda: losses.multiclass_hinge(X, Y, margin=-1.0), ValueError, "margin: got -1.0"),
    (lambda: losses.multiclass_hinge(X, Y + 7), ValueError, "labels: got 7"),
    (lambda: losses.huber(X, X, beta=0.0), ValueError, r"beta: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: losses.smooth_l1(X, X, alpha=-1.0), ValueError, "alpha: got -1.0"),
    (lambda: losses.smooth_l1(X, X.astype(int)), TypeError, "targets: got dtype int32"),
    (lambda: losses.squared_error(X.astype(int), X), TypeError, "predictions: got dtype int32"),
    (lambda: losses.reduce(X, -X), ValueError, "weights: got -1 at .* wanted finite numbers >= 0"),
    (lambda: losses.reduce(Y), TypeError, "values: got dtype int32"),
    (lambda: nn.layer_norm(X, jnp.ones(4)), ValueError, r"scale: got shape \(4,\), wanted \(3,\)"),
    (lambda: nn.layer_norm(X, bias=X), ValueError, r"bias: got shape \(4, 3\), wanted \(3,\)"),
    (lambda: nn.layer_norm(X, eps=0.0), ValueError, r"eps: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: nn.layer_norm(X[0, 0]), ValueError, "inputs: got a scalar"),
    (lambda: nn.layer_norm(Y), TypeError, "inputs: got dtype int32"),
    (lambda: nn.drop_connect(None, X, train=True), TypeError, "key: got None"),
    (lambda: nn.drop_connect(KEY, X, rate=1.0, train=True), ValueError, "rate: got 1.0"),
    (lambda: nn.drop_connect(KEY, X, mode="none", train=False), ValueError, "mode: got 'none'"),
    (lambda: nn.drop_connect(jax.random.split(KEY, (2, 2)), X, train=True), ValueError, r"key: got shape \(2, 2\)"),
    (lambda: nn.drop_connect(KEY, Y, train=True), TypeError, "kernel: got dtype int32"),
    (lambda: nn.dropout(KEY, Y, train=True), TypeError, "inputs: got dtype int32"),
    *(
        (lambda f=f: f(Y), TypeError, "inputs: got dtype int32, wanted a floating dtype")
        for f in (nn.relu, nn.leaky_relu, nn.elu, nn.softplus, nn.generalised_relu, nn.maxout, nn.heaviside, nn.tanh)
    ),
    (lambda: nn.prelu(Y, ONES), TypeError, "inputs: got dtype int32"),
    (lambda: nn.affine(Y, X), TypeError, "inputs: got dtype int32"),
    (lambda: nn.affine(X, X.astype(int)), TypeError, "kernel: got dtype int32"),
    *((lambda f=f: f(Y), TypeError, "vector: got dtype int32") for f in (nn.l1_norm, nn.l2_norm, nn.squared_l2_norm)),
    (lambda: metrics.confusion_matrix(Y, Y[:3], 2), ValueError, "labels: got integers of shape"),
    (lambda: metrics.confusion_matrix(Y, Y + 2, 2), ValueError, "labels: got 2 at .* wanted class numbers in 0..1"),
    (lambda: metrics.confusion_matrix(Y + 2, Y, 2), ValueError, "predictions: got 2"),
    (lambda: metrics.confusion_matrix(X, Y, 2), ValueError, "labels: got integers of shape"),
    (lambda: metrics.confusion_matrix(X[:, 0], Y, 2), TypeError, "predictions: got dtype float32"),
    (lambda: metrics.confusion_matrix(Y, Y, 0), ValueError, "classes: got 0"),
    (lambda: metrics.confusion_matrix(Y, Y, 2, X), ValueError, "weights: got shape"),
    (lambda: metrics.confusion_matrix(Y, Y, 2, -X[:, 0]), ValueError, "weights: got -1"),
    (lambda: metrics.precision(X), ValueError, r"confusion: got shape \(4, 3\), wanted \(classes, classes\)"),
    (lambda: metrics.recall(Y), ValueError, "confusion: got shape"),
    (lambda: metrics.f1_score(X), ValueError, "confusion: got shape"),
    (lambda: metrics.r_squared(X, X[:, :1]), ValueError, "targets: got shape"),
    (lambda: metrics.r_squared(X, X, ONES), ValueError, r"weights: got shape \(3,\), wanted \(4,\)"),
    (lambda: metrics.r_squared(X, X, -X[:, 0]), ValueError, "weights: got -1"),
    (lambda: metrics.r_squared(X[0, 0], X[0, 0]), ValueError, "targets: got a scalar"),
    (lambda: metrics.r_squared(Y, X[:, 0]), TypeError, "predictions: got dtype int32"),
    (lambda: metrics.r_squared(X[:, 0], Y), TypeError, "targets: got dtype int32"),
    (lambda: metrics.mean_label_probability(X, X, X[0]), ValueError, "mask: got shape"),
    (lambda: metrics.mean_label_probability(X, X[0], X), ValueError, "labels: got shape"),
    (lambda: losses.reduce(X, X[0]), ValueError, "weights: got shape"),
    (lambda: losses.reduce(X, how="avg"), ValueError, "how: got 'avg'"),
    (lambda: metrics.accuracy(X, jnp.zeros(4, int), top_k=4), ValueError, "top_k: got 4, wanted at most 3"),
    (lambda: metrics.accuracy(X, jnp.zeros(1, int)), ValueError, "labels: got integers of shape"),
    (lambda: metrics.accuracy(X, jnp.ones(4)), TypeError, "labels: .* wanted integers for class numbers"),
    (lambda: metrics.accuracy(X, jnp.eye(3, dtype=int)[Y]), TypeError, "labels: .* wanted floating one-hot vectors"),
    (lambda: metrics.binary_accuracy(X, X[0]), ValueError, "labels: got shape"),
    (lambda: nn.relu([1, 2]), TypeError, r"inputs: got \[1, 2\] of type list, wanted an array; jax.numpy.asarray"),
    (lambda: nn.heaviside(0.5), TypeError, "inputs: got 0.5 of type float, wanted an array"),
    (lambda: nn.affine(None, X), TypeError, "inputs: got None of type NoneType"),
    (lambda: nn.affine(X, THIRDS.T, Y), TypeError, "bias: got dtype int32"),
    (lambda: nn.prelu(X, 0.25), TypeError, "alpha: got 0.25 of type float, wanted an array"),
    (lambda: nn.prelu(X, Y[:3]), TypeError, "alpha: got dtype int32"),
    (lambda: nn.elu(X, alpha=NAN), ValueError, r"alpha: got nan, wanted a number in \[0, inf\)"),
    (lambda: nn.elu(X, alpha=-1.0), ValueError, "alpha: got -1.0"),
    (lambda: nn.elu(X, alpha=jnp.float32(-1)), ValueError, "alpha: got -1.0"),
    (lambda: nn.elu(X, alpha=ONES), TypeError, "alpha: got Array.* wanted a number"),
    (lambda: nn.leaky_relu(X, negative_slope=-0.1), ValueError, "negative_slope: got -0.1"),
    (lambda: nn.leaky_relu(X, negative_slope=NAN), ValueError, "negative_slope: got nan"),
    (lambda: nn.generalised_relu(X, negative_slope=NAN), ValueError, r"negative_slope: got nan, .* \(-inf, inf\)"),
    (lambda: nn.softplus(X, beta=NAN), ValueError, "beta: got nan"),
    (lambda: nn.softplus(X, threshold=-1.0), ValueError, r"threshold: got -1.0, wanted a number in \[0, inf\]"),
    (lambda: nn.maxout(X[0, 0]), ValueError, r"inputs: got a scalar, wanted \(..., features\)"),
    (lambda: nn.softmax(X[0, 0]), ValueError, r"axis: got -1 for logits of shape \(\), wanted an axis"),
    (lambda: nn.log_softmax(X, axis=2), ValueError, r"axis: got 2 for logits of shape \(4, 3\)"),
    (lambda: nn.logsumexp(X[:, :0]), ValueError, r"axis: got -1 for logits of shape \(4, 0\)"),
    (lambda: nn.logsumexp(X, axis=1.0), TypeError, "axis: got 1.0 of type float, wanted an int"),
    (lambda: nn.one_hot(Y + 3, 3), ValueError, r"labels: got 3 at \[0\], wanted class numbers in 0..2"),
    (lambda: nn.one_hot(jnp.array([[0, -1]]), 3), ValueError, r"labels: got -1 at \[0, 1\], wanted class"),
    (lambda: nn.one_hot(Y + 2_000_000_001, 3), ValueError, r"labels: got 2000000001 at \[0\], wanted class"),
    (lambda: nn.one_hot([0, 1], 3), TypeError, r"labels: got \[0, 1\] of type list"),
    *((lambda f=f: f(X[0, 0]), ValueError, "vector: got a scalar") for f in (nn.l1_norm, nn.l2_norm)),
    (lambda: nn.layer_norm(X, Y[:3]), TypeError, "scale: got dtype int32"),
    (lambda: nn.dropout(KEY, X, rate=NAN, train=True), ValueError, "rate: got nan"),
    (
        lambda: jax.jit(lambda rate: nn.dropout(KEY, X, rate=rate, train=True))(0.5),
        TypeError,
        "rate: got a traced number, wanted one that is known",
    ),
    (lambda: nn.dropout(7, X, train=True), TypeError, "key: got 7, wanted a key made by"),
    (lambda: nn.example_keys(jax.random.split(KEY), 3), ValueError, r"key: got shape \(2,\), wanted one key"),
    (lambda: nn.lecun_normal(KEY, None), TypeError, "shape: got None, wanted a tuple of ints"),
    (lambda: nn.he_normal(KEY, (3, 2), int), TypeError, "dtype: got int(32|64), wanted a floating dtype"),
    (lambda: nn.zeros(None, (3,), "int8"), TypeError, "dtype: got int8"),
    (lambda: nn.constant(KEY, (3,), value=NAN), ValueError, "value: got nan"),
    (lambda: nn.normal(KEY, (3,), stddev=NAN), ValueError, "stddev: got nan"),
    (lambda: nn.normal(None, (3,)), TypeError, "key: got None, wanted a key"),
    (lambda: nn.uniform(jax.random.split(KEY), (3,)), ValueError, r"key: got shape \(2,\), wanted one key; jax.vmap"),
    (lambda: nn.uniform(KEY, (3, -1)), ValueError, r"shape: got \(3, -1\), wanted no negative size"),
    (lambda: nn.uniform(KEY, 3), TypeError, "shape: got 3, wanted a tuple of ints"),
    (lambda: nn.mxnet_default(KEY, (3.0,)), TypeError, r"shape: got \(3.0,\), wanted a tuple of ints"),
    (lambda: nn.glorot_normal(KEY, (3, 0)), ValueError, r"shape: got \(3, 0\), wanted \(..., in, out\), no size 0"),
    (lambda: nn.he_uniform(KEY, 3), TypeError, "shape: got 3, wanted a tuple of ints"),
    (lambda: nn.get_activation(3), ValueError, "activation: got 3, wanted one of"),
    (lambda: losses.softmax_cross_entropy(X, [0, 1, 2, 0]), TypeError, "labels: got .* of type list"),
    (lambda: losses.softmax_cross_entropy(X, X > 0), TypeError, "labels: got dtype bool"),
    (lambda: losses.softmax_cross_entropy(X, Y, class_weights=Y[:3]), TypeError, "class_weights: got dtype int32"),
    (lambda: losses.softmax_cross_entropy(X, THIRDS.at[1, 2].set(NAN)), ValueError, r"labels: got nan at \[1, 2\]"),
    (lambda: losses.categorical_cross_entropy(X, THIRDS), ValueError, "probabilities: got the sum 3, wanted prob"),
    (lambda: losses.categorical_cross_entropy(-X, THIRDS), ValueError, r"probabilities: got -1 at \[0, 0\]"),
    (lambda: losses.categorical_cross_entropy(X[0, 0], X[0, 0]), ValueError, "probabilities: got a scalar"),
    (lambda: losses.categorical_cross_entropy(THIRDS, jnp.zeros((4, 3), int)), TypeError, "labels: got dtype int32"),
    (lambda: losses.negative_log_likelihood(X, Y), ValueError, "log_probabilities: got the sum 8.15485, .* log_softm"),
    (lambda: losses.negative_log_likelihood(LOGS - 1, Y), ValueError, "log_probabilities: got the sum 0.367879"),
    (lambda: losses.negative_log_likelihood(LOGS, Y + 3), ValueError, r"labels: got 3 at \[0\]"),
    (lambda: losses.binary_cross_entropy(1.2 * X, X), ValueError, r"probabilities: got 1.2.* wanted .* in \[0, 1\]"),
    (lambda: losses.binary_cross_entropy(NAN * X, X), ValueError, r"probabilities: got nan at \[0, 0\]"),
    (lambda: losses.binary_cross_entropy(X[0, 0], X[0, 0]), ValueError, "probabilities: got a scalar"),
    (lambda: losses.sigmoid_binary_cross_entropy(X[0, 0], X[0, 0]), ValueError, "logits: got a scalar"),
    (lambda: losses.multi_label_cross_entropy(X, X + 1), ValueError, r"labels: got 2 at \[0, 0\]"),
    (lambda: losses.logistic(X[0, 0], X[0, 0]), ValueError, "scores: got a scalar"),
    (lambda: losses.huber(X, X, beta=NAN), ValueError, "beta: got nan"),
    (lambda: losses.squared_error([1.0], X), TypeError, r"predictions: got \[1.0\] of type list"),
    (lambda: losses.reduce([1.0]), TypeError, r"values: got \[1.0\] of type list"),
    (lambda: losses.reduce(X, X * jnp.inf), ValueError, r"weights: got inf at \[0, 0\]"),
    (lambda: metrics.accuracy(X, Y + 3), ValueError, r"labels: got 3 at \[0\], wanted class numbers in 0..2"),
    (lambda: metrics.accuracy(X, X), ValueError, "labels: got the sum 3, wanted probabilities"),
    (lambda: metrics.accuracy(X[0, 0], Y[0]), ValueError, "logits: got a scalar"),
    (lambda: metrics.accuracy(X, [0, 1, 2, 0]), TypeError, "labels: got .* of type list"),
    (lambda: metrics.binary_accuracy(X, 2 * X), ValueError, r"labels: got 2 at \[0, 0\], .* in \[0, 1\]"),
    (lambda: metrics.binary_accuracy(X, X, threshold=NAN), ValueError, "threshold: got nan"),
    (lambda: metrics.mean_label_probability(X, -X, X), ValueError, r"labels: got -1 at \[0, 0\]"),
    (lambda: metrics.mean_label_probability(X, X, -X), ValueError, r"mask: got -1 at \[0, 0\]"),
    (lambda: metrics.mean_label_probability(X[0, 0], X[0, 0], X[0, 0]), ValueError, "logits: got a scalar"),
    (lambda: metrics.confusion_matrix([0, 1], Y, 2), TypeError, r"predictions: got \[0, 1\] of type list"),
    (lambda: metrics.recall(-jnp.eye(2)), ValueError, r"confusion: got -1 at \[0, 0\]"),
    (lambda: metrics.precision(jnp.eye(2), zero_division=2.0), ValueError, "zero_division: got 2.0"),
    (lambda: metrics.r_squared(X, X, Y), TypeError, "weights: got dtype int32"),
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
    (lambda: optim.create("adamx", 0.1), ValueError, "optimizer: got 'adamx', .* nearest: .*adam"),
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
    (lambda: models.PReLU(slope=float("nan")), ValueError, "slope: got nan"),
    (lambda: models.PReLU().init(KEY, Y), TypeError, "inputs: got dtype int32"),
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


NONE = jnp.array([[NAN, 1.0, 2.0], [0.5, 1.0, 2.0]])
"""Logits of two rows, the first with NaN."""


def test_nan_goes_through_layers_and_losses():
    """A run that diverges shows it: nothing takes NaN for a number."""
    for name in ("relu", "leaky_relu", "elu", "softplus", "sigmoid", "tanh", "heaviside", "abs_rectifier"):
        outputs = getattr(nn, name)(NONE)
        assert jnp.isnan(outputs[0, 0]), name
        assert jnp.isfinite(outputs.ravel()[1:]).all(), name
        assert outputs.dtype == NONE.dtype
    assert jnp.isnan(nn.maxout(NONE, group_size=3)[0]).all()
    assert jnp.isnan(nn.softmax(NONE)[0]).all()
    labels, events = jnp.array([1, 1]), jnp.zeros((2, 3)).at[:, 1].set(1)
    for values in (
        losses.softmax_cross_entropy(NONE, labels),
        losses.softmax_cross_entropy(NONE, events),
        losses.sigmoid_binary_cross_entropy(NONE, events),
        losses.multi_label_cross_entropy(NONE, events),
        losses.multiclass_hinge(NONE, labels),
        losses.hinge(NONE, 2 * events - 1),
        losses.squared_error(NONE, events),
        losses.huber(NONE, events),
    ):
        assert jnp.isnan(values[0])
        assert jnp.isfinite(values[1])


def test_nan_goes_through_metrics_or_counts_as_wrong():
    assert jnp.isnan(metrics.perplexity(NONE))
    assert jnp.isnan(metrics.r_squared(NONE, jnp.arange(6.0).reshape(2, 3))[0])
    assert metrics.accuracy(NONE, jnp.array([2, 2])).tolist() == [0, 1]
    assert metrics.accuracy(NONE, jnp.array([0, 2]), top_k=3).tolist() == [0, 1]
    assert metrics.binary_accuracy(NONE, jnp.ones((2, 3)))[:, 0].tolist() == [0, 1]


def test_the_step_function_of_nan_has_no_gradient():
    assert jax.grad(lambda x: nn.heaviside(x).sum())(NONE).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "rmsprop", "adam"])
def test_a_gradient_that_is_nan_shows_in_the_update(name):
    optimizer = getattr(optim, name)(0.1)
    updates, _ = optimizer.update(NONE, optimizer.init(NONE))
    assert jnp.isnan(updates[0, 0])
    assert jnp.isfinite(updates.ravel()[1:]).all()


@pytest.mark.parametrize("dtype", [jnp.int32, bool])
def test_labels_of_events_are_of_any_dtype(dtype):
    labels = jnp.array([[0, 1, 1], [1, 0, 0]])
    for loss in (losses.sigmoid_binary_cross_entropy, losses.multi_label_cross_entropy):
        assert jnp.array_equal(loss(X[:2], labels.astype(dtype)), loss(X[:2], labels.astype(jnp.float32)))
    values = losses.binary_cross_entropy(THIRDS[:2], labels.astype(dtype))
    assert jnp.array_equal(values, losses.binary_cross_entropy(THIRDS[:2], labels.astype(jnp.float32)))
