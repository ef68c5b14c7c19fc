"""dlx.text: searches and draws over a function that scores the next token."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import text
from tests.proof import configurations
from tests.tolerances import assert_close

BATCH, VOCABULARY, LENGTH, EOS = 2, 3, 4, 2
KEY = jax.random.key(3)
START = jnp.array([0, 1])


def markov(rng, order=2):
    """A model of the last two tokens, each row of the batch with its own table: what a state has to carry."""
    tables = jnp.asarray(2 * rng.standard_normal((BATCH, *[VOCABULARY] * (order + 1))), jnp.float32)

    def step(state, tokens):
        rows = jnp.arange(len(tokens))
        logits = state["table"][rows, state["last"], tokens]
        return logits, {**state, "last": tokens, "place": state["place"] + 1}

    return step, {"table": tables, "last": jnp.zeros(BATCH, jnp.int32), "place": jnp.zeros((), jnp.int32)}, tables


def enumerated(table, start, alpha, max_length=LENGTH):
    """{sequence: (score, log probability)} of all that end, by the chain rule in float64."""
    table = np.asarray(table, np.float64)
    logs = table - np.log(np.exp(table).sum(-1, keepdims=True))
    found = {}
    for length in range(1, max_length + 1):
        for sequence in itertools.product(range(VOCABULARY), repeat=length):
            if EOS in sequence[:-1] or sequence[-1] != EOS:
                continue
            before = [0, int(start), *sequence]
            total = math.fsum(logs[before[t], before[t + 1], before[t + 2]] for t in range(length))
            found[sequence] = (total / length**alpha, total)
    return found


def sequences(decoded, b, n=None):
    tokens, length = (decoded.tokens[b], decoded.lengths[b]) if n is None else (
        decoded.tokens[b, n], decoded.lengths[b, n])  # fmt: skip
    return tuple(np.asarray(tokens)[: int(length)].tolist())


@pytest.mark.row(258, 259)
@pytest.mark.erratum("E60")
@configurations(1, 10)
def test_a_beam_of_one_is_greedy(rng):
    step, state, tables = markov(rng)
    greedy = jax.jit(lambda s: text.greedy_search(step, s, START, max_length=LENGTH, eos=EOS))(state)
    beam = jax.jit(lambda s: text.beam_search(step, s, START, beam=1, max_length=LENGTH, eos=EOS))(state)
    for b in range(BATCH):
        last, previous, want = int(START[b]), 0, []
        while len(want) < LENGTH and EOS not in want:
            want.append(int(np.argmax(tables[b, previous, last])))
            previous, last = last, want[-1]
        assert sequences(greedy, b) == tuple(want) == sequences(beam, b, 0)
        assert (np.asarray(greedy.tokens)[b, len(want) :] == EOS).all()
    assert_close(beam.log_probability[:, 0], greedy.log_probability)


@pytest.mark.row(259, 260)
@pytest.mark.erratum("E60")
@configurations(1, 10)
def test_a_full_beam_is_exhaustive(rng):
    """V^(T - 1) prefixes miss nothing; the n best come in order, with the penalty and without."""
    step, state, tables = markov(rng)
    alpha = float(rng.choice([0.0, 0.75]))
    full = VOCABULARY ** (LENGTH - 1)

    @jax.jit
    def both(state):
        options = {"max_length": LENGTH, "eos": EOS, "alpha": alpha}
        best = text.exhaustive_search(step, state, START, **options)
        return best, text.beam_search(step, state, START, beam=full, wide=True, **options)

    best, beam = both(state)
    for b in range(BATCH):
        ranked = sorted(enumerated(tables[b], START[b], alpha).items(), key=lambda item: -item[1][0])
        assert len(ranked) == 1 + 2 + 4 + 8
        assert sequences(best, b) == ranked[0][0]
        assert_close(best.log_probability[b], ranked[0][1][1], kind="contraction")
        assert [sequences(beam, b, n) for n in range(15)] == [sequence for sequence, _ in ranked]
        assert_close(beam.log_probability[b, :15], [total for _, (_, total) in ranked], kind="contraction")


@pytest.mark.row(259)
def test_a_narrow_beam_is_what_the_notes_write(rng):
    """Step by step with lists: k of k V continuations, those with <eos> collected."""
    step, state, tables = markov(rng)
    got = jax.jit(lambda state: text.beam_search(step, state, START, beam=2, max_length=LENGTH, eos=EOS))(state)
    for b in range(BATCH):
        table = np.asarray(tables[b], np.float64)
        logs = table - np.log(np.exp(table).sum(-1, keepdims=True))
        beam, ended = [((), 0.0)], []
        for length in range(1, LENGTH + 1):
            every = []
            for prefix, total in beam:
                before = (0, int(START[b]), *prefix)
                every += [((*prefix, y), total + logs[before[-2], before[-1], y]) for y in range(VOCABULARY)]
            every = sorted(every, key=lambda one: -one[1])[:2]
            ended += [(total / length**0.75, one) for one, total in every if one[-1] == EOS]
            beam = [one for one in every if one[0][-1] != EOS]
        if ended:
            assert sequences(got, b, 0) == max(ended)[1]
        else:
            assert sequences(got, b, 0) == beam[0][0]


@pytest.mark.row(258, 260)
@pytest.mark.erratum("E60")
def test_greedy_search_is_not_the_best_sequence():
    """Tokens A, B, C and the end: greedy .5 .4 .4 .6 = .048, with C at the second step .5 .3 .6 .6 = .054.

    The example of Zhang et al. 2023, Dive into Deep Learning, figures 10.8.1 and 10.8.2.
    """
    greedy = jnp.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.4, 0.3, 0.2], [0.2, 0.2, 0.4, 0.2], [0.0, 0.2, 0.2, 0.6]])
    other = jnp.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.4, 0.3, 0.2], [0.1, 0.6, 0.2, 0.1], [0.2, 0.2, 0.0, 0.6]])

    def step(state, tokens):
        place, by_c = state
        by_c = by_c | ((place == 2) & (tokens == 2))
        chances = jnp.where(by_c[:, None], other[place][None], greedy[place][None])
        return jnp.log(chances), (place + 1, by_c)

    state, start = (jnp.zeros((), jnp.int32), jnp.zeros(1, bool)), jnp.array([0])
    first = text.greedy_search(step, state, start, max_length=4, eos=3)
    assert first.tokens.tolist() == [[0, 1, 2, 3]]
    assert_close(jnp.exp(first.log_probability), [0.048])

    # all of four tokens, the end among them
    best = jax.jit(lambda state: text.exhaustive_search(step, state, start, max_length=4))(state)
    assert best.tokens.tolist() == [[0, 2, 1, 3]]
    assert_close(jnp.exp(best.log_probability), [0.054])


@pytest.mark.row(259)
def test_length_penalised():
    assert_close(text.length_penalised(jnp.array([-8.0]), jnp.array([16])), [-1.0])
    assert_close(text.length_penalised(jnp.array([-8.0]), jnp.array([16]), alpha=0.0), [-8.0])


@pytest.mark.row(259, 260)
def test_without_an_end_all_sequences_are_full(rng):
    step, state, _ = markov(rng)
    beam, best = jax.jit(lambda state: (
        text.beam_search(step, state, START, beam=9, max_length=3, wide=True),
        text.exhaustive_search(step, state, START, max_length=3),
    ))(state)  # fmt: skip
    assert (beam.tokens[:, 0] == best.tokens).all()
    assert (beam.lengths == 3).all()


@pytest.mark.row(259)
def test_fewer_sequences_than_the_beam():
    """Only the end is possible: one sequence, and places without any."""
    logits = jnp.where(jnp.arange(3) == EOS, 0.0, -jnp.inf)

    def step(state, tokens):
        return jnp.broadcast_to(logits, (len(tokens), 3)), state

    found = text.beam_search(step, None, START, beam=2, max_length=3, eos=EOS)
    assert found.lengths.tolist() == [[1, 0], [1, 0]]
    assert found.tokens[:, 0].tolist() == [[EOS] * 3] * 2
    assert (jnp.exp(found.log_probability) == jnp.array([[1.0, 0.0]] * 2)).all()


@pytest.mark.row(151)
def test_truncate_logits():
    logits = jnp.log(jnp.array([0.1, 0.4, 0.3, 0.2]))

    def kept(**options):
        return np.isfinite(text.truncate_logits(logits, **options)).tolist()

    assert kept() == [True] * 4
    assert kept(top_k=2) == [False, True, True, False]
    assert kept(top_p=0.65) == [False, True, True, False]
    assert kept(top_p=0.75) == [False, True, True, True]
    assert kept(top_p=1.0) == [True] * 4
    assert kept(top_p=0.01) == [False, True, False, False]
    # two tokens hold 4/7 and 3/7 of what top_k leaves
    assert kept(top_k=2, top_p=0.5) == [False, True, False, False]
    assert_close(text.truncate_logits(logits, temperature=0.5), 2 * np.asarray(logits))


@pytest.mark.row(151)
def test_sample_tokens():
    """Shares as the model says, to four standard deviations; a row does not depend on the batch."""
    logits = jnp.log(jnp.array([0.2, 0.5, 0.3]))

    def step(state, tokens):
        return jnp.broadcast_to(logits, (len(tokens), 3)), state

    draw = jax.jit(lambda key, start: text.sample_tokens(key, step, None, start, max_length=2, eos=EOS))
    many = draw(KEY, jnp.zeros(4000, jnp.int32))
    shares = np.bincount(many.tokens[:, 0], minlength=3) / 4000
    assert (np.abs(shares - [0.2, 0.5, 0.3]) < 4 * np.sqrt(0.25 / 4000)).all()
    ended = many.tokens[:, 0] == EOS
    assert (many.lengths == jnp.where(ended, 1, 2)).all()
    assert (many.tokens[ended, 1] == EOS).all()
    few = text.sample_tokens(KEY, step, None, jnp.zeros(3, jnp.int32), max_length=2, eos=EOS)
    assert (few.tokens == many.tokens[:3]).all()
    assert_close(few.log_probability[0], logits[few.tokens[0]][: few.lengths[0]].sum(), kind="contraction")
    sure = text.sample_tokens(KEY, step, None, START, max_length=3, top_k=1)
    assert (sure.tokens == 1).all()
