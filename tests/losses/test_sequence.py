"""The loss of a language model: masked means against loops and PyTorch; nothing is divided by 0."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import losses, metrics, nn
from tests.proof import configurations, prove
from tests.tolerances import assert_close

B, T, V = 3, 4, 5


def drawn(rng):
    return (
        rng.standard_normal((B, T, V)),
        rng.integers(0, V, (B, T), np.int32),
        np.arange(T) < rng.integers(1, T + 1, B)[:, None],
    )


def loop(logits, labels, mask, how):
    values = np.zeros(mask.shape)
    for b, t in np.argwhere(mask):
        row = logits[b, t]
        values[b, t] = math.log(math.fsum(math.exp(z) for z in row)) - row[labels[b, t]]
    if how == "sequence":
        return values.sum(1) / np.maximum(mask.sum(1), 1)
    return {"none": values, "sum": values.sum(), "mean": values.sum() / mask.sum()}[how]


@pytest.mark.row(149, function="dlx.losses.sequence_cross_entropy")
@pytest.mark.parametrize("how", ["mean", "sequence"])
@configurations(1, 5)
def test_sequence_cross_entropy(rng, how):
    logits, labels, mask = drawn(rng)
    prove(
        lambda z: losses.sequence_cross_entropy(z, jnp.asarray(labels), jnp.asarray(mask), how=how),
        [logits],
        reference=lambda z: loop(z, labels, mask, how),
        kind="contraction",
        dtypes=("float64", "float32"),
        modes=("rev",),
    )


@pytest.mark.row(149)
@configurations()
def test_pytorch_ignore_index(rng, x64):
    """Values and gradients; the labels of the padding are no classes."""
    torch = pytest.importorskip("torch")
    logits, labels, mask = drawn(rng)
    labels = np.where(mask, labels, -100)
    tensor = torch.tensor(logits, requires_grad=True)
    want = torch.nn.functional.cross_entropy(tensor.reshape(-1, V), torch.tensor(labels).long().reshape(-1))
    want.backward()

    def loss(z, mask):
        return losses.sequence_cross_entropy(z, jnp.asarray(labels), mask)

    # the mask is known in the first, traced in the second
    known = jax.jit(jax.value_and_grad(lambda z: loss(z, jnp.asarray(mask))))(jnp.asarray(logits))
    for value, gradient in (known, jax.jit(jax.value_and_grad(loss))(jnp.asarray(logits), jnp.asarray(mask))):
        assert_close(value, want.item(), kind="contraction")
        assert_close(gradient, tensor.grad.numpy(), kind="contraction")
    whole = losses.sequence_cross_entropy(jnp.asarray(logits), jnp.asarray(np.maximum(labels, 0)))
    assert_close(whole, loop(logits, np.maximum(labels, 0), np.ones((B, T), bool), "mean"), kind="contraction")
    for how in ("sum", "none"):
        got = losses.sequence_cross_entropy(jnp.asarray(logits), jnp.asarray(labels), jnp.asarray(mask), how=how)
        assert_close(got, loop(logits, labels, mask, how), kind="contraction")


def test_no_target_in_a_compiled_function_is_0_and_teaches_nothing():
    logits, labels, mask = jnp.ones((B, T, V)), jnp.full((B, T), -1), jnp.zeros((B, T), bool)
    for how in ("mean", "sequence"):
        function = lambda z, y, m, how=how: jnp.sum(losses.sequence_cross_entropy(z, y, m, how=how))  # noqa: E731
        value, gradient = jax.jit(jax.value_and_grad(function))(logits, labels, mask)
        assert value == 0
        assert (gradient == 0).all()


@pytest.mark.row(143, 149)
def test_exponential_of_the_mean_is_the_perplexity(x64):
    """Equal logits: log 5 a token, whatever the padding."""
    mask = nn.sequence_mask(jnp.array([4, 1, 2]), T)
    loss = losses.sequence_cross_entropy(jnp.zeros((B, T, V)), jnp.zeros((B, T), int), mask)
    assert_close(metrics.perplexity(loss), np.float64(5))
