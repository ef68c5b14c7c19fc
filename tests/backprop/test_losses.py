"""dlx.backprop: softmax, and gradients of losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, losses, nn
from tests.proof import configurations, prove, shape
from tests.reference import activations
from tests.reference import backprop as reference
from tests.tolerances import assert_close


@pytest.mark.row(49)
@configurations()
def test_softmax_jacobian(rng):
    logits = rng.standard_normal(shape(rng))
    p = activations.softmax(logits)
    prove(backprop.softmax_jacobian, [p], reference=reference.softmax_jacobian)
    with jax.enable_x64(True):
        got = backprop.softmax_jacobian(jnp.asarray(p))
        assert_close(got, jax.vmap(jax.jacobian(nn.softmax))(jnp.asarray(logits)))
        assert_close(jnp.sum(got, -1), np.zeros(p.shape))


@pytest.mark.row(49)
@configurations()
def test_softmax_backward(rng):
    torch = pytest.importorskip("torch")
    logits = rng.standard_normal(shape(rng))
    p, gradient = activations.softmax(logits), rng.standard_normal(logits.shape)
    prove(backprop.softmax_backward, [gradient, p], reference=reference.softmax_backward, kind="contraction")
    tensor = torch.tensor(logits, requires_grad=True)
    torch.softmax(tensor, -1).backward(torch.tensor(gradient))
    with jax.enable_x64(True):
        got = backprop.softmax_backward(jnp.asarray(gradient), jnp.asarray(p))
        assert_close(got, tensor.grad.numpy())
        assert_close(got, jax.vjp(nn.softmax, jnp.asarray(logits))[1](jnp.asarray(gradient))[0])


HOW = pytest.mark.parametrize("how", ["mean", "sum", "none"])


def reduced(loss, how):
    """Every example's own gradient is that of the sum."""
    return lambda *arrays: losses.reduce(loss(*arrays), how="sum" if how == "none" else how)


@pytest.mark.row(49)
@HOW
@pytest.mark.parametrize("kind", ["labels", "one_hot", "probabilities"])
@configurations(fast=1, slow=5)
def test_softmax_cross_entropy_backward(rng, how, kind):
    rows, classes = shape(rng)
    logits, labels = rng.standard_normal((rows, classes)), rng.integers(0, classes, rows)
    targets = {
        "labels": labels,
        "one_hot": np.eye(classes)[labels],
        "probabilities": rng.dirichlet(np.ones(classes), rows),
    }[kind]

    def by_hand(logits, targets):
        y = np.eye(classes)[targets] if kind == "labels" else targets
        return (activations.softmax(logits) - y) / (rows if how == "mean" else 1)

    def backward(logits, targets):
        return backprop.softmax_cross_entropy_backward(logits, targets, how=how)

    prove(
        backward,
        [logits, targets],
        reference=by_hand,
        kind="contraction",
        gradients=[0],
        another=lambda rows: rows[:, ::-1],  # distributions still
    )
    with jax.enable_x64(True):
        logits, targets = jnp.asarray(logits), jnp.asarray(targets)
        assert_close(backward(logits, targets), jax.grad(reduced(losses.softmax_cross_entropy, how))(logits, targets))


@pytest.mark.row(49)
def test_probabilities_that_do_not_add_to_one_where_they_cannot_be_looked_at(x64, rng):
    logits, targets = rng.standard_normal((3, 4)), rng.uniform(0, 2, (3, 4))
    want = activations.softmax(logits) * targets.sum(-1, keepdims=True) - targets
    rule = jax.jit(lambda z, y: backprop.softmax_cross_entropy_backward(z, y, how="none"))
    assert_close(rule(logits, targets), want)
    assert_close(jax.jit(jax.grad(reduced(losses.softmax_cross_entropy, "none")))(logits, targets), want)


@pytest.mark.row(49)
def test_wrong_labels_give_nan_where_they_cannot_be_looked_at_and_large_logits_do_not():
    rule = jax.jit(backprop.softmax_cross_entropy_backward)
    assert np.isnan(rule(jnp.zeros((3, 2)), jnp.array([-1, 1, 2]))).all(-1).tolist() == [True, False, True]
    rule = jax.jit(backprop.sigmoid_binary_cross_entropy_backward)
    labels = jnp.array([-0.1, 0.0, 0.5, 1.0, 2.0])
    assert np.isnan(rule(jnp.zeros(5), labels)).tolist() == [True, False, False, False, True]
    large = backprop.softmax_cross_entropy_backward(jnp.array([[1e4, -1e4]]), jnp.array([1]))
    assert large.tolist() == [[1, -1]]


@pytest.mark.row(49)
@HOW
@configurations()
def test_sigmoid_binary_cross_entropy_backward(rng, how):
    size = shape(rng)
    logits, labels = rng.standard_normal(size), rng.uniform(0, 1, size)

    def backward(logits, labels):
        return backprop.sigmoid_binary_cross_entropy_backward(logits, labels, how=how)

    def by_hand(logits, labels):
        return (1 / (1 + np.exp(-logits)) - labels) / (size[0] if how == "mean" else 1)

    prove(backward, [logits, labels], reference=by_hand)
    with jax.enable_x64(True):
        logits, labels = jnp.asarray(logits), jnp.asarray(labels)
        want = jax.grad(reduced(losses.sigmoid_binary_cross_entropy, how))(logits, labels)
        assert_close(backward(logits, labels), want)


@pytest.mark.row(50, 361)
@HOW
@pytest.mark.parametrize("half", [False, True])
@configurations()
def test_squared_error_backward(rng, how, half):
    size = shape(rng)
    predictions, targets = rng.standard_normal(size), rng.standard_normal(size)

    def backward(predictions, targets):
        return backprop.squared_error_backward(predictions, targets, half=half, how=how)

    def by_hand(predictions, targets):
        return (1 if half else 2) * (predictions - targets) / (size[0] if how == "mean" else 1)

    prove(backward, [predictions, targets], reference=by_hand)
    with jax.enable_x64(True):
        predictions, targets = jnp.asarray(predictions), jnp.asarray(targets)
        want = jax.grad(reduced(lambda h, y: losses.squared_error(h, y, half=half), how))(predictions, targets)
        assert_close(backward(predictions, targets), want)
