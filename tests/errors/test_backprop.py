"""What dlx.backprop says when it is called wrongly: the argument, what came, what was wanted."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop

X, G = jnp.ones((4, 3)), jnp.ones((4, 2))
INTEGERS = jnp.ones((4, 3), int)
ROWS = [{"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}]
COLUMNS = [{"weights": jnp.ones((2, 3)), "bias": jnp.ones(2)}]
WRONG = [{"weights": jnp.ones((2, 4)), "bias": jnp.ones(2)}]
BIAS = [{"weights": jnp.ones((2, 3)), "bias": jnp.ones(1)}]
LABELS = jnp.zeros(4, int)
NODE = backprop.Node(np.ones(()))
WANTED = r"params: got an array of shape \(4, 3\), wanted a list of layers {"


def total(t):
    return float(np.sum(t))


CASES = [
    (
        lambda: backprop.Node(np.ones((6, 3))) @ backprop.Node(np.ones((4, 2))),
        ValueError,
        r"other: got shape \(4, 2\) for a node of shape \(6, 3\), wanted \(..., k, n\) or \(k,\) for \(..., k\)",
    ),
    (lambda: NODE @ np.ones(3), ValueError, r"other: got shape \(3,\) for a node of shape \(\)"),
    (lambda: backprop.Node(np.ones(3)) @ np.ones(()), ValueError, r"other: got shape \(\) for a node of shape \(3,\)"),
    (
        lambda: backprop.Node(np.ones((2, 4, 3))) @ np.ones((5, 3, 1)),
        ValueError,
        r"other: got shape \(5, 3, 1\) for a node of shape \(2, 4, 3\)",
    ),
    (
        lambda: backprop.Node(np.ones(3)) * np.ones(4),
        ValueError,
        r"other: got shape \(4,\), wanted one that broadcasts with \(3,\)",
    ),
    (lambda: backprop.affine_backward(G, X, jnp.ones((2, 3))), ValueError, r"kernel: got shape \(2, 3\) for inputs"),
    (lambda: backprop.affine_backward(X, X, jnp.ones((3, 2))), ValueError, r"output_gradient: got .* wanted \(4, 2\)"),
    (lambda: backprop.affine_backward(INTEGERS, X, X), TypeError, "output_gradient: got dtype int32"),
    (lambda: backprop.column_affine_backward(G.T, X.T, X), ValueError, r"output_gradient: .* wanted \(4, 4\)"),
    (lambda: backprop.column_affine_backward(G.T, X, X), ValueError, r"weights: got shape \(4, 3\) for inputs"),
    (lambda: backprop.column_affine_backward(INTEGERS, X, X), TypeError, "output_gradient: got dtype int32"),
    (
        lambda: backprop.quadratic_form_backward(X[0, 0], X[0], X),
        ValueError,
        r"matrix: got shape \(4, 3\) for a vector",
    ),
    (lambda: backprop.quadratic_form_backward(X[0], X[0], X), ValueError, r"output_gradient: .* wanted a scalar"),
    (lambda: backprop.quadratic_form_backward(jnp.array(1), X[0], X), TypeError, "output_gradient: got dtype int32"),
    (lambda: backprop.relu_backward(X[0], X), ValueError, r"output_gradient: got shape \(3,\), wanted \(4, 3\)"),
    (lambda: backprop.sigmoid_backward(X[:1], X), ValueError, "output_gradient: .* the shape of outputs"),
    (lambda: backprop.tanh_backward(X[:1], X), ValueError, "output_gradient: .* the shape of outputs"),
    (lambda: backprop.leaky_relu_backward(X[:1], X), ValueError, "output_gradient: .* the shape of inputs"),
    (lambda: backprop.elu_backward(X[:1], X), ValueError, "output_gradient: .* the shape of inputs"),
    (lambda: backprop.abs_rectifier_backward(INTEGERS, X), TypeError, "output_gradient: got dtype int32"),
    (lambda: backprop.softplus_backward(X[:1], X), ValueError, "output_gradient: .* the shape of inputs"),
    (lambda: backprop.softplus_backward(X, X, beta=0.0), ValueError, r"beta: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: backprop.prelu_backward(X, X, jnp.ones(4)), ValueError, r"alpha: got shape \(4,\), wanted \(\) or \(3,\)"),
    (lambda: backprop.prelu_backward(X[:1], X, jnp.ones(3)), ValueError, "output_gradient: .* the shape of inputs"),
    (lambda: backprop.maxout_backward(G, X), ValueError, r"output_gradient: .* \(4, 3\) in groups of 2"),
    (lambda: backprop.maxout_backward(G, X, group_size=0), ValueError, "group_size: got 0"),
    (lambda: backprop.maxout_backward(INTEGERS, X), TypeError, "output_gradient: got dtype int32"),
    (lambda: backprop.get_activation_rule("rulu"), ValueError, "activation: got 'rulu', .* nearest: relu"),
    (
        lambda: backprop.get_activation_rule(jnp.tanh),
        TypeError,
        "activation: got .* wanted a name or an ActivationRule",
    ),
    (lambda: backprop.softmax_jacobian(INTEGERS), TypeError, "outputs: got dtype int32"),
    (lambda: backprop.softmax_backward(X[:1], X), ValueError, "output_gradient: .* the shape of outputs"),
    (lambda: backprop.softmax_backward(INTEGERS, X), TypeError, "output_gradient: got dtype int32"),
    (
        lambda: backprop.softmax_cross_entropy_backward(X, LABELS[1:]),
        ValueError,
        r"labels: got integers of shape \(3,\)",
    ),
    (lambda: backprop.softmax_cross_entropy_backward(X, G), ValueError, r"labels: got shape \(4, 2\), wanted \(4, 3\)"),
    (lambda: backprop.softmax_cross_entropy_backward(INTEGERS, X), TypeError, "logits: got dtype int32"),
    (
        lambda: backprop.softmax_cross_entropy_backward(X, X / 3, how="avg"),
        ValueError,
        "how: got 'avg', wanted one of mean",
    ),
    (lambda: backprop.sigmoid_binary_cross_entropy_backward(X, X[0]), ValueError, "labels: got shape"),
    (lambda: backprop.sigmoid_binary_cross_entropy_backward(INTEGERS, X), TypeError, "logits: got dtype int32"),
    (lambda: backprop.sigmoid_binary_cross_entropy_backward(X, X, how="men"), ValueError, "how: .* nearest: mean"),
    (
        lambda: backprop.squared_error_backward(X[:, :1], X[:, 0]),
        ValueError,
        r"targets: got shape \(4,\), wanted \(4, 1\)",
    ),
    (lambda: backprop.squared_error_backward(INTEGERS, X), TypeError, "predictions: got dtype int32"),
    (lambda: backprop.squared_error_backward(X, X, how="avg"), ValueError, "how: got 'avg'"),
    (lambda: backprop.sigmoid_backward(X, X.tolist()), TypeError, "outputs: got .* of type list, wanted an array"),
    (lambda: backprop.relu_backward(X, INTEGERS), TypeError, "inputs: got dtype int32"),
    (lambda: backprop.elu_backward(X, X, alpha=-1.0), ValueError, "alpha: got -1.0"),
    (lambda: backprop.leaky_relu_backward(X, X, negative_slope=-0.1), ValueError, "negative_slope: got -0.1"),
    (
        lambda: backprop.generalised_relu_backward(X, X, negative_slope=float("inf")),
        ValueError,
        "negative_slope: got inf",
    ),
    (lambda: backprop.softplus_backward(X, X, threshold=-1.0), ValueError, "threshold: got -1.0"),
    (lambda: backprop.prelu_backward(X, X, 0.25), TypeError, "alpha: got 0.25 of type float"),
    (lambda: backprop.maxout_backward(G, INTEGERS), TypeError, "inputs: got dtype int32"),
    (lambda: backprop.softmax_jacobian(X[0, 0]), ValueError, r"outputs: got a scalar, wanted \(..., classes\)"),
    (lambda: backprop.softmax_backward(X, INTEGERS), TypeError, "outputs: got dtype int32"),
    (
        lambda: backprop.softmax_cross_entropy_backward(X, LABELS + 3),
        ValueError,
        r"labels: got 3 at \[0\], wanted class",
    ),
    (lambda: backprop.softmax_cross_entropy_backward(X, X), ValueError, "labels: got the sum 3, wanted probabilities"),
    (lambda: backprop.softmax_cross_entropy_backward(X, [0] * 4), TypeError, "labels: got .* of type list"),
    (lambda: backprop.softmax_cross_entropy_backward(X[0, 0], LABELS[0]), ValueError, "logits: got a scalar"),
    (
        lambda: backprop.sigmoid_binary_cross_entropy_backward(X, 2 * X),
        ValueError,
        r"labels: got 2 at \[0, 0\], wanted",
    ),
    (lambda: backprop.sigmoid_binary_cross_entropy_backward(X[0, 0], X[0, 0]), ValueError, "logits: got a scalar"),
    (lambda: backprop.squared_error_backward(X, INTEGERS), TypeError, "targets: got dtype int32"),
    (lambda: backprop.squared_error_backward(X[0, 0], X[0, 0]), ValueError, "predictions: got a scalar"),
    (lambda: backprop.cost([], X.T, G.T), ValueError, "params: got no layer"),
    (lambda: backprop.cost(COLUMNS, X[0], G.T), ValueError, r"inputs: got shape \(3,\), wanted \(features, samples\)"),
    (lambda: backprop.cost(WRONG, X.T, G.T), ValueError, r"params\[0\]: got weights of shape \(2, 4\) .* \(units, 3\)"),
    (lambda: backprop.cost(BIAS, X.T, G.T), ValueError, r"params\[0\]: .* bias of shape \(1,\)"),
    (lambda: backprop.cost(COLUMNS, X.T, G), ValueError, r"targets: got shape \(4, 2\), wanted \(2, 4\), an output"),
    (lambda: backprop.cost(COLUMNS, X.T, G.T, activation="relu"), ValueError, "activation: got 'relu', wanted one of"),
    (lambda: backprop.cost(COLUMNS, X.T, G.T, weight_decay=-1.0), ValueError, "weight_decay: got -1.0"),
    (lambda: backprop.delta_gradients(COLUMNS, X, G.T), ValueError, r"params\[0\]: .* wanted \(units, 4\)"),
    (lambda: backprop.loop_gradients(COLUMNS, X.T, G), ValueError, "targets: got shape"),
    (lambda: backprop.loop_forward(COLUMNS, X.T, activation="sine"), ValueError, "activation: got 'sine'"),
    (
        lambda: backprop.gradient_descent_step(COLUMNS, X.T, G.T, learning_rate=-1.0),
        ValueError,
        "learning_rate: got -1.0",
    ),
    (lambda: backprop.gradient_descent(COLUMNS, X.T, G.T, learning_rate=0.1, steps=0), ValueError, "steps: got 0"),
    (
        lambda: backprop.gradient_descent(COLUMNS, X.T, G.T, learning_rate=0.1, steps=1, small_enough=-1),
        ValueError,
        "small_enough: got -1",
    ),
    (lambda: backprop.gradient_descent(COLUMNS, X.T, G, learning_rate=0.1, steps=1), ValueError, "targets: got shape"),
    (lambda: backprop.forward_propagation([], X), ValueError, "params: got no layer"),
    (lambda: backprop.forward_propagation(ROWS, INTEGERS), TypeError, "inputs: got dtype int32"),
    (lambda: backprop.forward_propagation(ROWS, G), ValueError, r"kernel: got shape \(3, 2\) for inputs"),
    (lambda: backprop.forward_propagation(ROWS, X, output_activation="sofmax"), ValueError, "nearest: softmax"),
    (lambda: backprop.backpropagation(ROWS, X, LABELS, activation="rulu"), ValueError, "activation: got 'rulu'"),
    (lambda: backprop.backpropagation(ROWS, X, LABELS, penalty="l3"), ValueError, "penalty: got 'l3', .* nearest: l"),
    (lambda: backprop.backpropagation(ROWS, X, LABELS, penalty_rate=-0.1), ValueError, "penalty_rate: got -0.1"),
    (
        lambda: backprop.backpropagation(ROWS, X, LABELS, loss_gradient=lambda h, y: jnp.ones(())),
        ValueError,
        r"loss_gradient: got a gradient of shape \(\), wanted \(4, 2\)",
    ),
    (lambda: backprop.batch_norm_backward(X[0], X, X[0]), ValueError, "output_gradient: .* the shape of inputs"),
    (lambda: backprop.batch_norm_backward(X, X, X), ValueError, r"scale: got shape \(4, 3\) for inputs"),
    (lambda: backprop.batch_norm_backward(X, X, X[0], eps=-1.0), ValueError, "eps: got -1.0"),
    (lambda: backprop.batch_norm_backward_by_graph(X, INTEGERS, X[0]), TypeError, "inputs: got dtype int32"),
    (lambda: backprop.batch_norm_backward_by_graph(X, X, G[0]), ValueError, r"scale: got shape \(2,\)"),
    (lambda: backprop.Node(np.arange(3)), TypeError, "value: got dtype int64, wanted a floating dtype"),
    (
        lambda: backprop.graph_gradients(backprop.Node(X), []),
        ValueError,
        r"output: got shape \(4, 3\), wanted a scalar",
    ),
    (
        lambda: backprop.graph_gradients(backprop.Node(X), [], output_gradient=G),
        ValueError,
        r"output_gradient: got shape \(4, 2\), wanted \(4, 3\)",
    ),
    (
        lambda: backprop.numerical_gradient(lambda t: t, np.ones(2)),
        ValueError,
        r"function: got a value of shape \(2,\)",
    ),
    (lambda: backprop.numerical_gradient(total, {"a": np.arange(2)}), TypeError, r"params\[a\]: got dtype int64"),
    (
        lambda: backprop.numerical_gradient(total, np.ones(2), eps=0.0),
        ValueError,
        r"eps: got 0.0, wanted .* \(0, inf\)",
    ),
    (lambda: backprop.numerical_jacobian(total, np.arange(2)), TypeError, "inputs: got dtype int64"),
    (lambda: backprop.numerical_jacobian(total, np.ones(2), eps=-1.0), ValueError, "eps: got -1.0"),
    (
        lambda: backprop.gradient_check(total, [np.ones(2)], [np.ones(3)]),
        ValueError,
        r"gradient\[0\]: got shape \(3,\), wanted \(2,\)",
    ),
    (lambda: backprop.gradient_check(total, [np.ones(2)], {"a": np.ones(2)}), ValueError, "gradient: got the tree"),
    (lambda: backprop.gradient_check(total, np.ones(2), np.arange(2)), TypeError, "gradient: got dtype int64"),
    (lambda: backprop.gradient_check(total, np.ones(0), np.ones(0)), ValueError, "params: got no entries"),
    (lambda: backprop.gradient_check(total, X, X, tolerance=0.0), ValueError, "tolerance: got 0.0"),
    (lambda: backprop.gradient_check(total, X, X, floor=-1.0), ValueError, "floor: got -1.0"),
    (lambda: backprop.gradient_check(total, X, X, max_entries=0), ValueError, "max_entries: got 0"),
    (lambda: backprop.gradient_check(3, X, X), TypeError, "function: got 3 of type int, wanted a function from params"),
    (lambda: backprop.numerical_gradient(X, X), TypeError, r"function: got an array of shape \(4, 3\), wanted a funct"),
    (lambda: backprop.numerical_jacobian(None, X), TypeError, "function: got None of type NoneType, wanted a function"),
    (
        lambda: backprop.numerical_jacobian(total, [1.0, 2.0]),
        TypeError,
        r"inputs: got \[1.0, 2.0\] of type list, wanted",
    ),
    (lambda: backprop.cost(X, X.T, G.T), TypeError, WANTED),
    (lambda: backprop.delta_gradients(X, X.T, G.T), TypeError, WANTED),
    (lambda: backprop.gradient_descent_step(X, X.T, G.T, learning_rate=0.1), TypeError, WANTED),
    (lambda: backprop.gradient_descent(X, X.T, G.T, learning_rate=0.1, steps=1), TypeError, WANTED),
    (
        lambda: backprop.gradient_descent(COLUMNS, X.T, G.T, learning_rate=-1.0, steps=1),
        ValueError,
        "learning_rate: got",
    ),
    (lambda: backprop.loop_forward(X, X.T), TypeError, WANTED),
    (lambda: backprop.loop_gradients(X, X.T, G.T), TypeError, WANTED),
    (lambda: backprop.forward_propagation(X, X), TypeError, WANTED),
    (lambda: backprop.backpropagation(X, X, LABELS), TypeError, WANTED),
    (lambda: backprop.l1_penalty_gradient(X), TypeError, WANTED),
    (lambda: backprop.l2_penalty_gradient(X), TypeError, WANTED),
    (lambda: backprop.l2_penalty_gradient("l2"), TypeError, "params: got 'l2' of type str, wanted a list of layers"),
    (
        lambda: backprop.l1_penalty_gradient([X]),
        TypeError,
        r"params\[0\]: got an array of .* wanted a layer {kernel, b",
    ),
    (lambda: backprop.l1_penalty_gradient([]), ValueError, "params: got no layer"),
    (lambda: backprop.cost(ROWS, X.T, G.T), ValueError, r"params\[0\]: got {kernel, bias}, wanted {weights, bias}"),
    (lambda: backprop.forward_propagation(COLUMNS, X), ValueError, r"params\[0\]: got {weights, bias}, wanted {kernel"),
    (
        lambda: backprop.forward_propagation([{"kernel": INTEGERS.T, "bias": X[:, 0]}], X),
        TypeError,
        r"params\[0\]\[kernel\]: got dtype int32, wanted a floating dtype",
    ),
    (lambda: backprop.cost(COLUMNS, INTEGERS.T, G.T), TypeError, "inputs: got dtype int32, wanted a floating dtype"),
    (lambda: backprop.cost(COLUMNS, X.T, G.T.tolist()), TypeError, "targets: got .* of type list, wanted an array"),
    (
        lambda: backprop.backpropagation(ROWS, X, LABELS, loss_gradient="softmax"),
        TypeError,
        "loss_gradient: got 'softmax' of type str, wanted a function",
    ),
    (
        lambda: backprop.backpropagation(ROWS, X, LABELS, penalty=2),
        TypeError,
        "penalty: got 2 of type int, wanted l1, l2",
    ),
    (
        lambda: backprop.backpropagation(ROWS, X, LABELS, penalty=lambda params: 0.0),
        TypeError,
        "penalty: got 0.0 of type float, wanted a list of layers {kernel, bias}",
    ),
    (
        lambda: backprop.backpropagation(ROWS, X, LABELS, penalty=lambda params: [{"kernel": G[0], "bias": G[0]}]),
        ValueError,
        r"penalty: got gradients of shapes .*\(2,\).* wanted .*\(3, 2\).* those of params",
    ),
    (
        lambda: backprop.graph_gradients(X, []),
        TypeError,
        r"output: got an array of shape \(4, 3\), wanted a Node; Node",
    ),
    (
        lambda: backprop.graph_gradients(NODE, NODE),
        TypeError,
        "leaves: got Node.* of type Node, wanted a list of nodes",
    ),
    (
        lambda: backprop.graph_gradients(NODE, [X]),
        TypeError,
        r"leaves\[0\]: got an array of shape \(4, 3\), wanted a N",
    ),
    (lambda: backprop.graph_table(1.0), TypeError, "output: got 1.0 of type float, wanted a Node"),
    (lambda: backprop.affine_backward(G, X, [1.0]), TypeError, r"kernel: got \[1.0\] of type list, wanted an array"),
    (lambda: backprop.affine_backward(G, 3.0, X), TypeError, "inputs: got 3.0 of type float, wanted an array"),
    (lambda: backprop.column_affine_backward(G, X, [1.0]), TypeError, r"weights: got \[1.0\] of type list, wanted an"),
    (lambda: backprop.quadratic_form_backward(X[0, 0], INTEGERS[0], X), TypeError, "vector: got dtype int32"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
