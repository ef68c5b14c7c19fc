"""Training with a carried state: against the unbroken text, its perplexity, and what clipping bounds."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, models, nn, optim, text, train
from dlx.data import SequenceWindows, adjacent_starts
from dlx.errors import DatasetError
from tests.train import tiny

B, T, V, UNITS = 2, 5, 7, 6
TOKENS = np.random.default_rng(0).integers(0, V, 52).astype(np.int32)
MODEL = models.RecurrentLanguageModel(vocabulary=V, embedding=4, cell="gru", units=UNITS)


def windows(**options):
    return SequenceWindows(TOKENS, batch_size=B, steps=T, **{"offset": 0, **options})


def adding_up():
    """An optimizer that leaves the parameters as they are and adds the gradients up."""

    def update(updates, state, params=None):
        del params
        return jax.tree.map(jnp.zeros_like, updates), jax.tree.map(jnp.add, state, updates)

    return optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)


def hand_written(params, tokens, initial=None, **options):
    """The model again, from layer 1."""
    hidden, state = nn.gru(
        params["recurrent"]["layer_0"], nn.embedding(params["embedding"], tokens), initial, **options
    )
    return nn.affine(hidden, params["output"]["kernel"], params["output"]["bias"]), state


@pytest.mark.row(139, 147, function="dlx.train.recurrent")
@pytest.mark.gap("U4")
def test_an_epoch_is_the_unbroken_text_with_its_gradient_stopped():
    """Sum of the gradients of an epoch's batches = gradient of whole rows, cut every T steps."""
    batches = 5
    assert windows().batches_per_epoch == batches
    task = train.recurrent(MODEL, adding_up(), batch_size=B)
    state, records = train.fit(task.step, task.init, windows(), steps=batches, batch_size=B, log_every=batches)
    params, summed, carry = jax.tree.map(lambda a: a[0], (state.params, state.opt_state, state.carry))
    starts = adjacent_starts(len(TOKENS), B, T, offset=0)[0]
    places = starts[:, None] + np.arange(batches * T)
    rows, labels = jnp.asarray(TOKENS[places]), jnp.asarray(TOKENS[places + 1])

    def loss(params):
        logits, last = hand_written(params, rows, truncate=T)
        return losses.sequence_cross_entropy(logits, labels), last

    (value, last), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(records[0]["train_loss"], [value], rtol=1e-5)
    np.testing.assert_allclose(carry[0], last, atol=1e-5)
    distance, name = tiny.furthest(jax.tree.map(lambda a: a / batches, summed), gradient)
    assert distance < 1e-5, name
    # and the gradient really stops: without the cuts it is another one
    uncut = jax.jit(jax.grad(lambda p: losses.sequence_cross_entropy(hand_written(p, rows)[0], labels)))(params)
    assert tiny.furthest(uncut, gradient)[0] > 1e-3


@pytest.mark.row(139)
def test_steps_equal_a_loop_with_the_state_handed_on():
    optimizer = optax.chain(optim.clip_by_global_norm(0.1), optim.sgd(1.0))
    task = train.recurrent(MODEL, optimizer, batch_size=B, ema=0.5)
    state, _ = train.fit(task.step, task.init, windows(), steps=7, batch_size=B, log_every=7)
    start = jax.tree.map(lambda a: a[0], train.initialise(task.init, (0,)))
    params, average, source = start.params, start.params, windows()
    zeros = carry = jnp.zeros((B, UNITS))

    @jax.jit
    def gradient(params, carry, batch):
        def loss(params):
            logits, last = hand_written(params, batch["inputs"], carry)
            return losses.sequence_cross_entropy(logits, batch["labels"]), last

        return jax.grad(loss, has_aux=True)(params)

    for k in range(7):
        batch = jax.tree.map(lambda a: a[0], source.window(1))
        # the text has 5 batches: two of the second epoch, which begins with an empty state
        found, carry = gradient(params, zeros if k in (0, 5) else carry, batch)
        norm = optax.tree.norm(found)
        params = jax.tree.map(lambda p, g: p - g * min(1.0, 0.1 / norm), params, found)  # noqa: B023
        decay = min(0.5, (1 + k) / (10 + k))
        average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, average, params)  # noqa: B023
    mine = jax.tree.map(lambda a: a[0], (state.params, state.ema, state.carry[0]))
    distance, name = tiny.furthest(mine, (params, average, carry))
    assert distance < 1e-5, name


@pytest.mark.row(138)
def test_without_first_every_batch_starts_anew():
    task = train.recurrent(MODEL, adding_up(), batch_size=B)
    state = jax.tree.map(lambda a: a[0], train.initialise(task.init, (0,)))
    batch = jax.tree.map(lambda a: a[0], windows().window(1))
    filled = state._replace(carry=jax.tree.map(jnp.ones_like, state.carry))
    step = jax.jit(task.step)
    bare = {name: batch[name] for name in ("inputs", "labels")}
    want = step(state, {**batch, "first": np.ones(B, bool)})[0]
    assert tiny.digest(step(filled, bare)[0].opt_state) == tiny.digest(want.opt_state)
    half = step(filled, {**batch, "first": np.array([True, False])})[0]
    np.testing.assert_array_equal(half.carry[0][0], want.carry[0][0])
    assert np.abs(half.carry[0][1] - want.carry[0][1]).max() > 1e-3


def test_rows_start_anew_now_and_then():
    """About the share that was asked for, each row by itself and by its number in the whole batch."""
    rows = 400
    task = train.recurrent(MODEL, adding_up(), batch_size=rows, reset=0.25)
    state = jax.tree.map(lambda a: a[0], train.initialise(task.init, (0,)))
    filled = state._replace(carry=jax.tree.map(jnp.ones_like, state.carry))
    batch = {name: np.zeros((rows, 1), np.int32) for name in ("inputs", "labels")}
    step = jax.jit(task.step)
    emptied = step(state, {**batch, "first": np.ones(rows, bool)})[0].carry[0][0]

    def anew(k):
        after = step(filled._replace(step=jnp.int32(k)), {**batch, "first": np.zeros(rows, bool)})[0].carry[0]
        return np.abs(after - emptied[None]).max(1) < 1e-6

    first, second = anew(0), anew(1)
    # 4 standard deviations of a share of 400
    assert abs(first.mean() - 0.25) < 4 * (0.25 * 0.75 / rows) ** 0.5
    assert (first != second).any()
    np.testing.assert_array_equal(first, anew(0))


def test_dropout_belongs_to_the_step():
    model = models.RecurrentLanguageModel(vocabulary=V, embedding=UNITS, units=UNITS, tied=True, dropout=0.5)
    task = train.recurrent(model, adding_up(), batch_size=B)
    state = jax.tree.map(lambda a: a[0], train.initialise(task.init, (0,)))
    batch = jax.tree.map(lambda a: a[0], windows().window(1))
    step = jax.jit(task.step)
    one, same, other = (step(state._replace(step=jnp.int32(k)), batch)[1]["loss"][0] for k in (0, 0, 1))
    assert one == same != other
    rows = train.text_rows(TOKENS, rows=2, steps=T)
    measured = [jax.jit(task.measure)(state._replace(step=jnp.int32(k)), rows, np.ones(2))["loss"] for k in (0, 1)]
    assert measured[0] == measured[1]


def token_by_token(params, tokens):
    """-sum log P(w_t | w_1, ..., w_{t-1}), a step at a time."""
    step = jax.jit(functools.partial(MODEL.apply, {"params": params}, method="step"))
    state, total = MODEL.apply({}, 1, method="start"), 0.0
    for now, then in itertools.pairwise(tokens):
        logits, state = step(state, jnp.asarray([now]))
        total -= float(nn.log_softmax(logits)[0, then])
    return total


@pytest.mark.row(143, 149, function="dlx.train.text_rows")
@pytest.mark.erratum("E33")
def test_perplexity_is_that_of_the_continuous_text():
    task = train.recurrent(MODEL, optim.sgd(1.0), batch_size=B)
    state = train.initialise(task.init, (0, 1))
    measured = train.evaluator(task.measure, train.text_rows(TOKENS, steps=T))(
        train.make_layout(2).place("state", state)
    )
    params = jax.tree.map(lambda a: jnp.asarray(a[1]), state.params)
    total = token_by_token(params, TOKENS)
    np.testing.assert_allclose(measured["loss"][1], total / (len(TOKENS) - 1), rtol=1e-5)
    found = train.perplexities({"test_loss": measured["loss"]})["test_perplexity"][1]
    np.testing.assert_allclose(found, np.exp(total / 51), rtol=1e-5)
    # two rows of 26 and 25 predictions, in pieces that do not divide them, are two texts
    rows = train.text_rows(TOKENS, rows=2, steps=4)
    assert rows["mask"].sum(axis=(1, 2)).tolist() == [25, 26]
    total, count = jax.jit(task.measure)(jax.tree.map(lambda a: a[1], state), rows, np.ones(2))["loss"]
    want = token_by_token(params, TOKENS[:26]) + token_by_token(params, TOKENS[25:])
    np.testing.assert_allclose(total, want, rtol=1e-5)
    assert count == 51
    # a row that only pads the batch counts nothing
    _, count = jax.jit(task.measure)(jax.tree.map(lambda a: a[1], state), rows, np.array([1.0, 0.0]))["loss"]
    assert count == 25


@pytest.mark.row(143, function="dlx.train.perplexities")
@pytest.mark.erratum("E33")
def test_perplexity_is_no_mean_of_exponentials():
    """Batches of 2 and 6 tokens with losses log 2 and log 8: the mean loss is log 2 (2 + 18) / 8 = log 2^2.5."""
    loss = np.array([np.log(2) * 20 / 8, 800.0])
    found = train.perplexities({"train_loss_lstm": loss, "train_accuracy": loss, "losses": loss})
    assert list(found) == ["train_perplexity_lstm"]
    np.testing.assert_allclose(found["train_perplexity_lstm"], [2**2.5, np.inf])
    moment = train.Moment(1, 1, 0.0, None, {"train_loss": loss[:1]}, 0, 0.0, 0.0)
    train.Derive(train.perplexities)(moment)
    assert moment.metrics["train_perplexity"] == pytest.approx(2**2.5)


@pytest.mark.row(142)
@pytest.mark.erratum("E99")
def test_clipping_bounds_the_gradient_and_a_step_of_sgd_by_rate_times_bound():
    """With a bound of 0.01 and a rate of 100 the parameters move by up to 1, not by up to 0.01."""
    bound, rate = 1e-2, 100.0
    task = train.recurrent(MODEL, optax.chain(optim.clip_by_global_norm(bound), optim.sgd(rate)), batch_size=B)
    before = jax.tree.map(lambda a: a[0], train.initialise(task.init, (0,)))
    batch = jax.tree.map(lambda a: a[0], windows().window(1))
    after, _ = jax.jit(task.step)(before, batch)
    moved = optax.tree.norm(jax.tree.map(jnp.subtract, after.params, before.params))
    np.testing.assert_allclose(moved, rate * bound, rtol=1e-5)
    assert moved > 50 * bound


@pytest.mark.row(145, 147, 148)
@pytest.mark.gap("U4")
@pytest.mark.parametrize("cell", ["rnn", pytest.param("gru", marks=pytest.mark.slow), "lstm"])
def test_from_text_to_prediction(cell):
    """The whole of what notes 002 leave empty: sampling, cell, training, and prediction behind a prefix."""
    tokens = np.tile(np.array([0, 1, 2, 0, 1, 3], np.int32), 40)
    model = models.RecurrentLanguageModel(vocabulary=4, cell=cell, units=16)
    task = train.recurrent(model, optax.chain(optim.clip_by_global_norm(1.0), optim.adam(0.03)), batch_size=4)
    source = SequenceWindows(tokens, batch_size=4, steps=6)
    state, records = train.fit(task.step, task.init, source, steps=200, batch_size=4, log_every=50)
    assert train.perplexities(records[-1])["train_perplexity"][0] < 1.1
    variables = {"params": jax.tree.map(lambda a: jnp.asarray(a[0]), state.params)}

    @jax.jit
    def predict(prefix):
        step = functools.partial(model.apply, variables, method="step")
        begun = text.read_prefix(step, model.apply({}, 1, method="start"), prefix)
        return text.greedy_search(step, *begun, max_length=8).tokens

    # what follows 0, 1 depends on what stood before: the state was warmed up
    assert predict(jnp.array([[0, 1, 2, 0, 1, 3, 0, 1, 2, 0, 1]])).tolist() == [[3, 0, 1, 2, 0, 1, 3, 0]]
    assert predict(jnp.array([[0, 1, 3, 0, 1, 2, 0, 1, 3, 0, 1]])).tolist() == [[2, 0, 1, 3, 0, 1, 2, 0]]


@pytest.mark.slow
def test_a_sweep_of_learning_rates():
    optimizer = optim.create("sgd", 0.1)
    task = train.recurrent(MODEL, optimizer, batch_size=B)
    state, _ = train.fit(task.step, task.init, windows(), steps=1, batch_size=B, sweep={"learning_rate": (0.0, 1.0)})
    start = train.initialise(task.init, (0,))
    moved = [tiny.furthest(tiny.replica(state.params, k), start.params)[0] for k in (0, 1)]
    assert moved[0] == 0 < moved[1]


def test_errors():
    with pytest.raises(ValueError, match="batch_size: got 0"):
        train.recurrent(MODEL, optim.sgd(1.0), batch_size=0)
    with pytest.raises(ValueError, match=r"ema wants a decay in \[0, 1\); got 1"):
        train.recurrent(MODEL, optim.sgd(1.0), batch_size=1, ema=1.0)
    with pytest.raises(ValueError, match="reset: got 2"):
        train.recurrent(MODEL, optim.sgd(1.0), batch_size=1, reset=2.0)
    with pytest.raises(DatasetError, match="2 tokens, too few to be read in 2 rows"):
        train.text_rows(TOKENS[:2], rows=2)
    with pytest.raises(ValueError, match=r"tokens: got shape \(2, 26\)"):
        train.text_rows(TOKENS.reshape(2, -1))
