"""dlx.backprop: the delta recursion, in loops and in matrices, and gradient descent with it."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop
from tests.backprop.networks import in_columns, in_rows, random_network
from tests.proof import configurations
from tests.tolerances import assert_close

ACTIVATION = pytest.mark.parametrize("activation", ["sigmoid", "tanh"])


def as_jax(tree):
    return jax.tree.map(jnp.asarray, tree)


def assert_trees_close(got, want):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    jax.tree.map(lambda g, w: assert_close(g, w, kind="contraction"), got, want)


@pytest.mark.row(50, 51, 52, 53, 77, 360, 361)
@ACTIVATION
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@configurations()
def test_loop_is_matrices_is_algorithm_6_4_is_jax_grad(rng, activation, weight_decay):
    network = random_network(rng)
    options = {"activation": activation, "weight_decay": weight_decay}
    with jax.enable_x64(True):
        params, inputs, targets = as_jax(network)
        want = jax.grad(lambda params: backprop.cost(params, inputs, targets, **options))(params)
        assert_trees_close(backprop.loop_gradients(*network, **options), want)
        assert_trees_close(backprop.delta_gradients(params, inputs, targets, **options), want)
        compiled = jax.jit(lambda *args: backprop.delta_gradients(*args, **options))(params, inputs, targets)
        assert_trees_close(compiled, want)
        by_rows = backprop.backpropagation(
            in_rows(params),
            inputs.T,
            targets.T,
            activation=activation,
            output_activation=activation,
            loss_gradient=lambda h, y: backprop.squared_error_backward(h, y, half=True),
            penalty="l2",
            penalty_rate=weight_decay,
        )
        assert_trees_close(in_columns(by_rows), want)


@pytest.mark.row(50, 52)
@ACTIVATION
@configurations()
def test_pytorch_has_the_same_gradients(rng, activation):
    torch = pytest.importorskip("torch")
    params, inputs, targets = random_network(rng)
    tensors = [{name: torch.tensor(a, requires_grad=True) for name, a in layer.items()} for layer in params]
    h = torch.tensor(inputs)
    for layer in tensors:
        h = getattr(torch, activation)(layer["weights"] @ h + layer["bias"][:, None])
    (0.5 * (h - torch.tensor(targets)) ** 2).sum(0).mean().backward()
    got = backprop.loop_gradients(params, inputs, targets, activation=activation)
    assert_trees_close(got, [{name: t.grad.numpy() for name, t in layer.items()} for layer in tensors])


@pytest.mark.row(52, 77)
@ACTIVATION
@configurations()
def test_loop_forward_is_the_product_of_matrices(rng, activation):
    params, inputs, _ = random_network(rng, scale=3.0)
    want = [inputs]
    for layer in params:
        z = layer["weights"] @ want[-1] + layer["bias"][:, None]
        want.append(np.tanh(z) if activation == "tanh" else 1 / (1 + np.exp(-z)))
    got = backprop.loop_forward(params, inputs, activation=activation)
    assert len(got) == len(want)
    for ours, theirs in zip(got, want, strict=True):
        assert_close(ours, theirs, kind="contraction")


@pytest.mark.row(361)
@ACTIVATION
@configurations()
def test_cost(rng, activation):
    params, inputs, targets = random_network(rng)
    outputs = backprop.loop_forward(params, inputs, activation=activation)[-1]
    samples = inputs.shape[1]
    want = sum(0.5 * np.sum((outputs[:, i] - targets[:, i]) ** 2) for i in range(samples)) / samples
    want += 0.25 * sum(w * w for layer in params for w in layer["weights"].flat)
    with jax.enable_x64(True):
        got = backprop.cost(*as_jax((params, inputs, targets)), activation=activation, weight_decay=0.5)
        assert_close(got, want, kind="contraction")


@pytest.mark.row(51)
@pytest.mark.erratum("E15")
def test_weights_are_decayed_biases_are_not_and_each_weight_by_itself(x64, rng):
    params, inputs, targets = as_jax(random_network(rng))
    plain = backprop.delta_gradients(params, inputs, targets)
    decayed = backprop.delta_gradients(params, inputs, targets, weight_decay=0.5)
    for layer, without, with_decay in zip(params, plain, decayed, strict=True):
        assert_close(with_decay["weights"] - without["weights"], 0.5 * layer["weights"])
        assert np.array_equal(with_decay["bias"], without["bias"])


@pytest.mark.row(51, 56)
@ACTIVATION
def test_a_step_and_no_state_between_steps(x64, rng, activation):
    params, inputs, targets = as_jax(random_network(rng))
    options = {"activation": activation, "weight_decay": 0.1}
    before = jax.tree.map(np.array, params)
    gradients = backprop.delta_gradients(params, inputs, targets, **options)
    updated, value = backprop.gradient_descent_step(params, inputs, targets, learning_rate=0.2, **options)
    assert_trees_close(updated, jax.tree.map(lambda p, g: p - 0.2 * g, params, gradients))
    assert_close(value, backprop.cost(params, inputs, targets, **options), kind="contraction")
    # the same default of the decay in every function: none
    step, _ = backprop.gradient_descent_step(params, inputs, targets, learning_rate=0.2, activation=activation)
    plain = backprop.delta_gradients(params, inputs, targets, activation=activation, weight_decay=0.0)
    assert_trees_close(step, jax.tree.map(lambda p, g: p - 0.2 * g, params, plain))
    # nothing is set to zero and nothing accumulates: the second call gives the first one's numbers
    again, _ = backprop.gradient_descent_step(params, inputs, targets, learning_rate=0.2, **options)
    jax.tree.map(np.testing.assert_array_equal, again, updated)
    jax.tree.map(np.testing.assert_array_equal, params, before)


@pytest.mark.row(51)
@ACTIVATION
@configurations()
def test_seven_steps_go_down_as_single_steps_do(rng, activation):
    network = random_network(rng)
    options = {"learning_rate": 0.05, "activation": activation, "weight_decay": 0.01}
    with jax.enable_x64(True):
        params, inputs, targets = as_jax(network)
        got, costs = backprop.gradient_descent(params, inputs, targets, steps=30, **options)
        assert costs.shape == (30,)
        assert np.all(np.diff(costs) < 0)
        want = []
        step = jax.jit(lambda p: backprop.gradient_descent_step(p, inputs, targets, **options))
        for _ in range(30):
            params, value = step(params)
            want.append(value)
        assert_trees_close(got, params)
        assert_close(costs, np.array(want), kind="path")


@pytest.mark.row(51)
def test_descent_ends_where_the_cost_is_small_enough(x64, rng):
    network = as_jax(random_network(rng))
    _, costs = backprop.gradient_descent(*network, learning_rate=0.05, steps=20)
    enough = float(costs[6] + costs[7]) / 2
    ended, seen = backprop.gradient_descent(*network, learning_rate=0.05, steps=20, small_enough=enough)
    assert np.isfinite(seen).sum() == 8
    assert_close(seen[:8], costs[:8])
    want, _ = backprop.gradient_descent(*network, learning_rate=0.05, steps=8)
    assert_trees_close(ended, want)
    params, inputs, targets = network
    _, broken = backprop.gradient_descent(params, jnp.full_like(inputs, jnp.nan), targets, learning_rate=0.1, steps=3)
    assert np.isnan(broken).all()


@pytest.mark.row(51)
def test_descent_learns_exclusive_or(rng):
    inputs, targets = jnp.array([[-1.0, -1, 1, 1], [-1, 1, -1, 1]]), jnp.array([[-0.9, 0.9, 0.9, -0.9]])
    widths = [(4, 2), (1, 4)]
    params = [{"weights": rng.standard_normal(w), "bias": rng.standard_normal(w[0])} for w in widths]
    params = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params)
    params, costs = backprop.gradient_descent(
        params, inputs, targets, learning_rate=0.5, steps=2000, small_enough=1e-3, activation="tanh"
    )
    assert np.nanmin(costs) <= 1e-3
    outputs = backprop.loop_forward(params, inputs, activation="tanh")[-1]
    assert np.array_equal(np.sign(outputs), np.sign(targets))


@pytest.mark.row(52, 77)
def test_matrices_are_faster_than_loops(rng):
    params = [{"weights": rng.standard_normal((16, 16)), "bias": np.zeros(16)} for _ in range(2)]
    inputs, targets = rng.standard_normal((16, 16)), rng.uniform(0, 1, (16, 16))
    compiled = jax.jit(backprop.delta_gradients)
    arguments = as_jax((params, inputs, targets))
    jax.block_until_ready(compiled(*arguments))

    def seconds(function, *args):
        start = time.perf_counter()
        jax.block_until_ready(function(*args))
        return time.perf_counter() - start

    looped = seconds(backprop.loop_gradients, params, inputs, targets)
    # 16,384 multiplications and as many updates in Python: about 10 ms against 0.1 ms
    assert min(seconds(compiled, *arguments) for _ in range(5)) < looped
