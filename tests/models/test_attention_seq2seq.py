"""Gated encoder and decoder: counts, the formulas step by step, padding, decoding, attention weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models, text
from tests.models.test_transformer_layers import count
from tests.reference import attention as reference
from tests.reference import recurrent
from tests.tolerances import assert_close

KEY = jax.random.key(0)
SMALL = {"vocabulary": 6, "target_vocabulary": 5, "embedding": 3, "units": 4, "param_dtype": jnp.float64}
SOURCE, TARGET, LENGTHS = jnp.array([[1, 5, 2], [3, 4, 0]]), jnp.array([[0, 3, 4], [0, 2, 2]]), jnp.array([3, 2])


def with_variables(attention):
    model = models.GRUSeq2Seq(**SMALL, attention=attention)
    variables = jax.jit(model.init)(KEY, SOURCE, TARGET)
    # larger ones let every part matter
    return model, jax.tree.map(lambda leaf: 2 * leaf + 0.1, variables)


def loop(params, attention):
    """Logits (batch, time, vocabulary) and weights (batch, time, source) from the formulas."""
    p = jax.tree.map(np.asarray, params)
    cell = {name.removeprefix("decoder_"): value for name, value in p.items() if name.startswith("decoder_")}
    logits, shown = np.zeros((2, 3, 5)), np.zeros((2, 3, 3))
    scores = {name: p.get(f"score_{name}") for name in ("query_kernel", "key_kernel", "vector")}
    for b in range(2):
        memory, h = [], [0.0] * 4
        for token in SOURCE[b, : int(LENGTHS[b])]:
            h = recurrent.gru_step(p["encoder"]["layer_0"], h, p["source_embedding"][int(token)])
            memory.append(h)
        s = h
        for t in range(3):
            context = h
            if attention != "none":
                additive = {name: value if name != "vector" else value[:, 0] for name, value in scores.items()
                            if attention == "additive"}  # fmt: skip
                row = [reference.additive(additive, s, m) if additive else reference.dot(s, m) for m in memory]
                weights = reference.softmax(row)
                context = [reference.dot(weights, [m[j] for m in memory]) for j in range(4)]
                shown[b, t, : len(memory)] = weights
            s = reference.context_gru(cell, s, p["target_embedding"][int(TARGET[b, t])], context)
            logits[b, t] = np.asarray(s) @ p["output_kernel"] + p["output_bias"]
    return logits, shown


@pytest.mark.row(255, 256)
def test_parameter_count_of_the_docstring():
    tokens = jax.ShapeDtypeStruct((2, 3), jnp.int32)
    encoder, decoder = 3 * 256 * (128 + 256 + 1), 3 * 256 * (128 + 256 + 256 + 1)
    rest = 2 * 1000 * 128 + 257 * 1000
    assert count(models.GRUSeq2Seq(), tokens, tokens) == encoder + decoder + rest + 2 * 256**2 + 256 == 1_432_296
    assert count(models.GRUSeq2Seq(attention="dot"), tokens, tokens) == encoder + decoder + rest


@pytest.mark.row(255, 256, 261, 262, 263)
@pytest.mark.erratum("E60", "E61")
@pytest.mark.parametrize(
    "attention", ["additive", pytest.param("dot", marks=pytest.mark.slow), pytest.param("none", marks=pytest.mark.slow)]
)
def test_the_formulas_step_by_step(x64, attention):
    """With a source of two words in an array of three; teacher forcing, and the same tokens one by one."""
    model, variables = with_variables(attention)

    @jax.jit
    def both(variables):
        logits, seen = model.apply(variables, SOURCE, TARGET, LENGTHS, mutable=["intermediates"])
        state, steps = model.apply(variables, SOURCE, LENGTHS, method="start"), []
        for tokens in TARGET.T:
            now, state = model.apply(variables, state, tokens, method="step")
            steps.append(now)
        return logits, seen, jnp.stack(steps, 1), state

    logits, seen, steps, state = both(variables)
    want, weights = loop(variables["params"], attention)
    assert_close(logits, want, kind="contraction")
    assert_close(steps, want, kind="contraction")
    assert_close(seen["intermediates"]["attention"][0], weights)
    assert_close(state.weights, weights[:, -1])
    if attention != "none":
        assert_close(np.sum(weights, -1), np.ones((2, 3)))
        assert weights[1, :, 2].max() == 0


def one_by_one(model, variables, forced=None):
    """Logits of the target's tokens read one after the other; where they are not forced, of the model's own."""
    state, logits, own = model.apply(variables, SOURCE, LENGTHS, method="start"), [], TARGET[:, 0]
    for time, given in enumerate(TARGET.T):
        tokens = given if forced is None else jnp.where(forced[:, time], given, own)
        now, state = model.apply(variables, state, tokens, method="step")
        own = jnp.argmax(now, -1)
        logits.append(now)
    return jnp.stack(logits, 1)


@pytest.mark.row(256, 263)
@pytest.mark.parametrize("attention", ["additive", pytest.param("none", marks=pytest.mark.slow)])
def test_products_of_all_steps_at_once_have_the_gradients_of_single_steps(x64, rng, attention):
    model, variables = with_variables(attention)
    weights = jnp.asarray(rng.standard_normal((2, 3, 5)))

    @jax.jit
    def gradients(variables):
        ways = (lambda v: model.apply(v, SOURCE, TARGET, LENGTHS), lambda v: one_by_one(model, v))
        return [jax.grad(lambda v, way=way: jnp.sum(weights * way(v)))(variables) for way in ways]

    together, alone = gradients(variables)
    jax.tree.map(lambda one, other: assert_close(one, other, kind="contraction"), together, alone)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(alone)) > 0.1


@pytest.mark.row(256)
def test_places_where_the_decoder_reads_its_own_words(x64):
    model, variables = with_variables("dot")
    mixed = jnp.array([[True, False, True], [True, False, False]])

    @jax.jit
    def both(variables):
        every = [mixed, jnp.ones_like(mixed)]
        got = [model.apply(variables, SOURCE, TARGET, LENGTHS, forced=forced) for forced in every]
        return got, model.apply(variables, SOURCE, TARGET, LENGTHS), one_by_one(model, variables, mixed)

    (got, taught), teacher_forcing, want = both(variables)
    assert_close(taught, teacher_forcing, kind="contraction")
    assert_close(got, want, kind="contraction")
    assert float(jnp.abs(got - teacher_forcing).max()) > 1e-3


def test_dropout_of_a_decoder_that_reads_its_own_words_is_the_same_at_all_steps():
    model = models.GRUSeq2Seq(6, 4, embedding=3, units=4, attention="none", dropout=0.5)
    variables = jax.jit(model.init)(KEY, SOURCE, TARGET)
    # the logits are the states themselves, so that a unit that is off is a 0
    params = variables["params"] | {"output_kernel": jnp.eye(4)}
    run = jax.jit(lambda key: model.apply({"params": params}, SOURCE, TARGET % 4, train=True, rngs={"dropout": key},
                                          forced=jnp.ones((2, 3), bool)))  # fmt: skip
    off = np.asarray(run(KEY)) == 0
    assert 0 < off.sum() < off.size
    assert (off == off[:, :1]).all()


@pytest.mark.row(258, 259)
@pytest.mark.erratum("E60")
def test_searches_over_the_decoder(x64):
    model, variables = with_variables("dot")

    @jax.jit
    def search(variables):
        state = model.apply(variables, SOURCE, LENGTHS, method="start")
        step = lambda s, t: model.apply(variables, s, t, method="step")  # noqa: E731
        start = jnp.zeros(2, jnp.int32)
        return (text.greedy_search(step, state, start, max_length=4, eos=1),
                text.beam_search(step, state, start, beam=1, max_length=4, eos=1))  # fmt: skip

    greedy, beam = search(variables)
    assert (greedy.tokens == beam.tokens[:, 0]).all()
    assert_close(greedy.log_probability, beam.log_probability[:, 0], kind="contraction")
