"""Language models and the classifier of characters: counts, ties, states, padding, and that they learn."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, models, nn, train
from tests.tolerances import assert_close

KEY = jax.random.key(0)
TOKENS = jax.ShapeDtypeStruct((2, 5), jnp.int32)


def count(module, tokens=TOKENS):
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(module.init, KEY, tokens)["params"]))


@pytest.mark.row(145, 147, 231)
def test_parameter_counts():
    assert count(models.RecurrentLanguageModel(vocabulary=28, cell="rnn", units=256)) == 80_156
    tied = models.RecurrentLanguageModel(vocabulary=50, embedding=8, units=8, cell="lstm", tied=True)
    assert count(tied) == 50 * 8 + 4 * 8 * 17 + 50
    window = jax.ShapeDtypeStruct((2, 5), jnp.int32)
    assert count(models.FeedForwardLanguageModel(context=5), window) == 1_640_100
    direct = models.FeedForwardLanguageModel(context=5, direct=True)
    assert count(direct, window) == 1_640_100 + 5 * 60 * 10_000
    both = models.CharacterClassifier(vocabulary=30, units=8, outputs=4, cell_options={"bidirectional": True})
    assert count(both) == 2 * 3 * 8 * 39 + 4 * 17


@pytest.mark.row(145, 147, 139)
@pytest.mark.parametrize("tied", [pytest.param(False, marks=pytest.mark.slow), True])
def test_language_model_continues_from_its_state(rng, tied):
    """Two halves with the state handed on = the whole; a later token does not change an earlier score."""
    model = models.RecurrentLanguageModel(vocabulary=7, embedding=6, units=6, num_layers=2, cell="lstm", tied=tied)
    tokens = jnp.asarray(rng.integers(0, 7, (2, 6)))
    variables = jax.jit(model.init)(KEY, tokens)
    apply = jax.jit(lambda tokens, state: model.apply(variables, tokens, state, return_state=True))
    whole, end = apply(tokens, None)
    first, state = apply(tokens[:, :3], jax.tree.map(jnp.zeros_like, end))
    second, _ = apply(tokens[:, 3:], state)
    assert_close(jnp.concatenate([first, second], 1), whole, kind="contraction")
    other, _ = apply(tokens.at[:, 4].set((tokens[:, 4] + 1) % 7), None)
    assert_close(other[:, :4], whole[:, :4], kind="contraction")
    assert jnp.max(jnp.abs(other[:, 4:] - whole[:, 4:])) > 1e-6
    if tied:
        # the scores are products with the rows of the table
        table = variables["params"]["embedding"]
        layers = models.LSTM(units=6, num_layers=2)
        below = {"params": variables["params"]["recurrent"]}
        hidden = jax.jit(lambda x: layers.apply(below, x)[0])(nn.embedding(table, tokens))
        assert_close(whole, hidden @ table.T, kind="contraction")


@pytest.mark.slow
@pytest.mark.row(147)
def test_one_hot_inputs_read_rows_of_the_kernel(rng):
    """(batch, time) tokens without a table = a table that is the kernel of the inputs."""
    tokens = jnp.asarray(rng.integers(0, 7, (2, 4)))
    model = models.RecurrentLanguageModel(vocabulary=7, units=5, cell="rnn")
    variables = jax.jit(model.init)(KEY, tokens)
    params = variables["params"]["recurrent"]["layer_0"]
    vectors = nn.embedding(params["input_kernel"], tokens)
    rest = {**params, "input_kernel": jnp.eye(5)}
    hidden, _ = jax.jit(nn.rnn)(rest, vectors)
    output = variables["params"]["output"]
    want = nn.affine(hidden, output["kernel"], output["bias"])
    assert_close(jax.jit(model.apply)(variables, tokens), want, kind="contraction")


@pytest.mark.row(159)
@pytest.mark.parametrize("options", [pytest.param({}, marks=pytest.mark.slow), {"bidirectional": True}])
@pytest.mark.parametrize("pooled", [False, True])
def test_character_classifier_does_not_see_the_padding(rng, options, pooled):
    model = models.CharacterClassifier(vocabulary=9, units=6, outputs=3, cell_options=options, pooled=pooled)
    tokens, lengths = jnp.asarray(rng.integers(0, 9, (3, 7))), jnp.array([7, 2, 4])
    variables = jax.jit(model.init)(KEY, tokens)
    apply = jax.jit(model.apply)
    scores = apply(variables, tokens, lengths)
    assert scores.shape == (3, 3)
    for row, length in ((1, 2), (2, 4)):
        alone = apply(variables, tokens[row : row + 1, :length])
        assert_close(scores[row], alone[0], kind="contraction")


@pytest.mark.row(159)
def test_character_classifier_pools_over_the_text(rng):
    model = models.CharacterClassifier(vocabulary=9, units=6, outputs=3, pooled=True)
    tokens, lengths = jnp.asarray(rng.integers(0, 9, (2, 5))), np.array([5, 3])
    variables = model.init(KEY, tokens)
    params = variables["params"]
    hidden, _ = models.GRU(units=6).apply({"params": params["recurrent"]}, jax.nn.one_hot(tokens, 9))
    own = [np.asarray(h)[:n] for h, n in zip(hidden, lengths, strict=True)]
    read = np.stack([np.concatenate([h[-1], h.max(0), h.mean(0)]) for h in own])
    want = read @ np.asarray(params["output"]["kernel"]) + np.asarray(params["output"]["bias"])
    assert_close(model.apply(variables, tokens, jnp.asarray(lengths)), want, kind="contraction")


@pytest.mark.row(231, function="dlx.models.FeedForwardLanguageModel")
@pytest.mark.erratum("E29")
def test_feed_forward_language_model_is_its_formula(rng):
    model = models.FeedForwardLanguageModel(vocabulary=11, context=3, embedding=4, units=5, direct=True)
    tokens = jnp.asarray(rng.integers(0, 11, (2, 3)))
    variables = jax.jit(model.init)(KEY, tokens)
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), variables["params"])
    e = np.concatenate([p["embedding"][np.asarray(tokens)[:, i]] for i in range(3)], -1)
    hidden = np.tanh(e @ p["hidden"]["kernel"] + p["hidden"]["bias"])
    want = hidden @ p["output"]["kernel"] + p["output"]["bias"] + e @ p["direct"]["kernel"]
    assert_close(jax.jit(model.apply)(variables, tokens), want, kind="contraction")


@pytest.mark.row(144, 149, 231)
@pytest.mark.parametrize("kind", ["recurrent", pytest.param("feed-forward", marks=pytest.mark.slow)])
def test_the_engine_trains_them(rng, kind):
    """The next token of 0, 1, ..., 5, 0, ...: the loss falls from log 6 to under a fifth of it."""
    starts = rng.integers(0, 6, (32, 1))
    text = (starts + np.arange(5)) % 6
    if kind == "recurrent":
        model = models.RecurrentLanguageModel(vocabulary=6, units=8, cell="gru", dropout=0.1)
        data = {"inputs": text[:, :-1].astype(np.uint8), "labels": text[:, 1:]}
        loss = lambda logits, labels: losses.sequence_cross_entropy(logits, labels, how="sequence")  # noqa: E731
    else:
        model = models.FeedForwardLanguageModel(vocabulary=6, context=2, embedding=4, units=8)
        data, loss = {"inputs": text[:, :2], "labels": text[:, 2]}, losses.softmax_cross_entropy
    task = train.supervised(model, loss, optax.adam(0.03), example=data)
    _, records = train.fit(task.step, task.init, data, steps=120, batch_size=32, log_every=60)
    assert records[-1]["train_loss"][0] < 0.36
