"""Embedding: one-hot vectors times the table, PyTorch's padding, gradients added up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import check_transformations, configurations
from tests.tolerances import assert_close


@pytest.mark.row(160, 147, function="dlx.nn.embedding")
@configurations()
def test_embedding_is_one_hot_times_the_table(rng, x64):
    table, tokens = jnp.asarray(rng.standard_normal((6, 4))), jnp.asarray(rng.integers(0, 6, (3, 5)))
    weights = jnp.asarray(rng.standard_normal((3, 5, 4)))
    by_number, pull = jax.vjp(lambda w: nn.embedding(w, tokens), table)
    by_product, other = jax.vjp(lambda w: nn.one_hot(tokens, 6, dtype=w.dtype) @ w, table)
    np.testing.assert_array_equal(by_number, by_product)
    # scatter-add: a row gets the sum over its places
    want = np.zeros((6, 4))
    np.add.at(want, np.asarray(tokens), np.asarray(weights))
    assert_close(pull(weights)[0], want, kind="contraction")
    assert_close(other(weights)[0], want, kind="contraction")


@pytest.mark.row(160)
def test_padding_idx_equals_pytorch(rng, x64):
    torch = pytest.importorskip("torch")
    table, tokens = rng.standard_normal((6, 4)), rng.integers(0, 6, (3, 5))
    tokens[0, :2] = 2
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table), freeze=False, padding_idx=2)
    want = theirs(torch.tensor(tokens))
    want.sin().sum().backward()

    def loss(w):
        found = nn.embedding(w, jnp.asarray(tokens), padding_idx=2)
        return jnp.sum(jnp.sin(found)), found

    gradient, found = jax.grad(loss, has_aux=True)(jnp.asarray(table))
    np.testing.assert_array_equal(found, want.detach().numpy())
    assert_close(gradient, theirs.weight.grad.numpy(), kind="contraction")
    assert (gradient[2] == 0).all()
    assert (np.asarray(found)[tokens == 2] == table[2]).all()


def test_tokens_outside_in_a_compiled_function_give_nan():
    found = jax.jit(nn.embedding)(jnp.ones((3, 2)), jnp.array([0, 3, -1, 2]))
    np.testing.assert_array_equal(np.isnan(found).all(1), [False, True, True, False])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_dtype_and_transformations(rng, dtype):
    tokens = rng.integers(0, 6, (3, 5)).astype(np.int8)
    assert nn.embedding(jnp.ones((6, 2), dtype), jnp.asarray(tokens)).dtype == dtype
    check_transformations(nn.embedding, [rng.standard_normal((6, 2)), tokens])
