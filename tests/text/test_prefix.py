"""dlx.text: a given beginning, read before a model goes on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn, text

BATCH, VOCABULARY = 2, 5


def counting(rng):
    """A model whose state is how often each token was read: its scores depend on all of them."""
    weights = jnp.asarray(rng.standard_normal((VOCABULARY, VOCABULARY)), jnp.float32)

    def step(state, tokens):
        state = state + jax.nn.one_hot(tokens, VOCABULARY)
        return state @ weights, state

    return step, jnp.zeros((BATCH, VOCABULARY))


@pytest.mark.row(148, function="dlx.text.read_prefix")
@pytest.mark.gap("U4")
def test_read_prefix_leaves_the_last_token_for_the_search(rng):
    step, state = counting(rng)
    prefix = rng.integers(0, VOCABULARY, (BATCH, 4))
    warm, last = jax.jit(lambda p: text.read_prefix(step, state, p))(jnp.asarray(prefix))
    want = np.array([np.bincount(row[:-1], minlength=VOCABULARY) for row in prefix])
    np.testing.assert_array_equal(warm, want)
    np.testing.assert_array_equal(last, prefix[:, -1])
    untouched, first = text.read_prefix(step, state, jnp.asarray(prefix[:, :1]))
    np.testing.assert_array_equal(untouched, state)
    np.testing.assert_array_equal(first, prefix[:, 0])


@pytest.mark.row(148)
def test_a_greedy_continuation_is_free_running_behind_the_prefix(rng):
    """What the model would have predicted inside the prefix has no effect: the outputs there are not looked at."""
    step, state = counting(rng)
    prefix, more = rng.integers(0, VOCABULARY, (BATCH, 3)), 4
    found = text.greedy_search(step, *text.read_prefix(step, state, jnp.asarray(prefix)), max_length=more)
    inputs = jnp.asarray(np.pad(prefix, ((0, 0), (0, more - 1))))
    outputs, _ = nn.feedback_unroll(step, state, inputs, nn.prefix_forcing(inputs.shape, 3))
    np.testing.assert_array_equal(found.tokens, outputs.argmax(-1)[:, 2:])


def test_errors(rng):
    step, state = counting(rng)
    with pytest.raises(ValueError, match=r"prefix: got shape \(2, 0\)"):
        text.read_prefix(step, state, jnp.zeros((2, 0), int))
    with pytest.raises(TypeError, match="prefix"):
        text.read_prefix(step, state, jnp.zeros((2, 1)))
