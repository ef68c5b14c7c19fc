"""dlx.backprop: Algorithm 6.4 with any activation, loss and penalty."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, losses, nn
from tests.proof import configurations
from tests.tolerances import assert_close


def problem(rng, *, widths=(5, 4, 3), batch=6):
    params = [
        {"kernel": jnp.asarray(rng.standard_normal((a, b))), "bias": jnp.asarray(rng.standard_normal(b))}
        for a, b in itertools.pairwise(widths)
    ]
    return params, jnp.asarray(rng.standard_normal((batch, widths[0]))), rng.integers(0, widths[-1], batch)


def assert_trees_close(got, want):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    jax.tree.map(lambda g, w: assert_close(g, w, kind="contraction"), got, want)


def norm(kind):
    """lambda Omega of the kernels, for jax.grad."""
    one = {"l1": nn.l1_norm, "l2": lambda w: 0.5 * nn.squared_l2_norm(w)}[kind]
    return lambda params: sum(one(layer["kernel"].reshape(-1)) for layer in params)


@pytest.mark.row(53)
@pytest.mark.parametrize("penalty", [None, "l1", "l2"])
@pytest.mark.parametrize("activation", [n for n in sorted(backprop.ACTIVATION_RULES) if n != "identity"])
@configurations(fast=1, slow=3)
def test_classification(rng, activation, penalty):
    with jax.enable_x64(True):
        params, inputs, labels = problem(rng)
        labels = jnp.asarray(labels)

        def objective(params):
            outputs = backprop.forward_propagation(params, inputs, activation=activation).layers[-1]
            loss = jnp.mean(losses.softmax_cross_entropy(outputs, labels))
            return loss if penalty is None else loss + 0.1 * norm(penalty)(params)

        got = backprop.backpropagation(params, inputs, labels, activation=activation, penalty=penalty, penalty_rate=0.1)
        assert_trees_close(got, jax.grad(objective)(params))


@pytest.mark.row(49, 53)
@configurations()
def test_a_softmax_as_the_output_layer(rng):
    """The loss's gradient by the probabilities, pulled through the softmax, is p - y."""
    with jax.enable_x64(True):
        params, inputs, labels = problem(rng)
        y = jnp.eye(3)[labels]
        got = backprop.backpropagation(
            params, inputs, y, output_activation="softmax", loss_gradient=lambda p, y: -y / p / len(y)
        )
        assert_trees_close(got, backprop.backpropagation(params, inputs, jnp.asarray(labels)))


@pytest.mark.row(53)
@configurations()
def test_own_activation_and_own_penalty(rng):
    rule = backprop.ActivationRule(jnp.sin, lambda g, x, _: g * jnp.cos(x))

    def omega(params):
        return sum(jnp.sum(jnp.cosh(leaf)) for leaf in jax.tree.leaves(params))

    def omega_gradient(params):
        return jax.tree.map(jnp.sinh, params)

    with jax.enable_x64(True):
        params, inputs, _ = problem(rng, widths=(3, 4, 4, 2))
        targets = jnp.asarray(rng.standard_normal((6, 2)))

        def objective(params):
            forward = backprop.forward_propagation(params, inputs, activation=rule, output_activation="tanh")
            return jnp.mean(losses.squared_error(forward.layers[-1], targets)) + 0.3 * omega(params)

        got = backprop.backpropagation(
            params,
            inputs,
            targets,
            activation=rule,
            output_activation="tanh",
            loss_gradient=backprop.squared_error_backward,
            penalty=omega_gradient,
            penalty_rate=0.3,
        )
        assert_trees_close(got, jax.grad(objective)(params))


@pytest.mark.row(53)
@configurations()
def test_pytorch_has_the_same_gradients(rng):
    torch = pytest.importorskip("torch")
    with jax.enable_x64(True):
        params, inputs, labels = problem(rng, widths=(4, 5, 5, 3))
        got = backprop.backpropagation(params, inputs, jnp.asarray(labels), penalty="l2", penalty_rate=0.2)
        tensors = [{k: torch.tensor(np.array(v), requires_grad=True) for k, v in layer.items()} for layer in params]
        h = torch.tensor(np.array(inputs))
        for number, layer in enumerate(tensors):
            h = h @ layer["kernel"] + layer["bias"]
            h = torch.relu(h) if number < len(tensors) - 1 else h
        loss = torch.nn.functional.cross_entropy(h, torch.tensor(labels))
        (loss + 0.1 * sum((layer["kernel"] ** 2).sum() for layer in tensors)).backward()
        assert_trees_close(got, [{k: t.grad.numpy() for k, t in layer.items()} for layer in tensors])


@pytest.mark.row(53)
@configurations()
def test_forward_propagation(rng):
    with jax.enable_x64(True):
        params, inputs, _ = problem(rng)
        forward = backprop.forward_propagation(params, inputs, output_activation="sigmoid")
        a_1 = np.asarray(inputs) @ params[0]["kernel"] + params[0]["bias"][None]
        a_2 = np.maximum(a_1, 0) @ params[1]["kernel"] + params[1]["bias"][None]
        for got, want in zip(forward.preactivations, (a_1, a_2), strict=True):
            assert_close(got, want, kind="contraction")
        for got, want in zip(forward.layers, (inputs, np.maximum(a_1, 0), 1 / (1 + np.exp(-a_2))), strict=True):
            assert_close(got, want, kind="contraction")


@pytest.mark.row(53)
@pytest.mark.erratum("E15")
@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_a_penalty_concerns_each_weight_alone(x64, rng, kind):
    params, _, _ = problem(rng)
    params[0]["kernel"] = params[0]["kernel"].at[0, 0].set(0)
    gradient = {"l1": backprop.l1_penalty_gradient, "l2": backprop.l2_penalty_gradient}[kind]
    assert backprop.PENALTIES[kind] is gradient
    assert_trees_close(gradient(params), jax.grad(norm(kind))(params))
    moved = [dict(layer) for layer in params]
    moved[0]["kernel"] = moved[0]["kernel"].at[1, 2].add(5.0).at[1, 2].multiply(-1.0)
    before, after = gradient(params), gradient(moved)
    changed = np.argwhere(before[0]["kernel"] != after[0]["kernel"]).tolist()
    assert changed in ([[1, 2]], [])  # the sign may be what it was
    assert np.array_equal(before[1]["kernel"], after[1]["kernel"])
    assert not any(layer["bias"].any() for layer in after)


@pytest.mark.row(53, 56)
def test_compiled_once_in_float32_and_the_same_every_time(rng):
    params, inputs, labels = problem(rng)
    traces = 0

    @jax.jit
    def compiled(*arguments):
        nonlocal traces
        traces += 1
        return backprop.backpropagation(*arguments, penalty="l1", penalty_rate=0.1)

    first = compiled(params, inputs, jnp.asarray(labels))
    assert {leaf.dtype for leaf in jax.tree.leaves(first)} == {jnp.dtype(jnp.float32)}
    jax.tree.map(np.testing.assert_array_equal, compiled(params, inputs, jnp.asarray(labels)), first)
    assert traces == 1
    eager = backprop.backpropagation(params, inputs, jnp.asarray(labels), penalty="l1", penalty_rate=0.1)
    assert_trees_close(first, eager)
