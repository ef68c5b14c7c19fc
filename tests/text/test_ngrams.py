"""dlx.text: n-gram counts, smoothed probabilities, scores of sequences."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import text
from tests.proof import configurations, prove
from tests.reference import text as reference
from tests.tolerances import assert_close

V = 4


def corpus(rng, rows=3, time=30, vocabulary=V, padding=True):
    """Sequences of unequal length; the last id never occurs."""
    tokens = rng.integers(0, vocabulary - 1, (rows, time), dtype=np.int32)
    if padding:
        for row in range(rows):
            tokens[row, time - row :] = -1
    return tokens


@pytest.mark.row(31)
@configurations()
@pytest.mark.parametrize("order", [1, 2, 3])
def test_ngram_counts(rng, order):
    prove(
        lambda tokens: text.ngram_counts(tokens, vocabulary=V, order=order),
        [corpus(rng)],
        reference=lambda tokens: reference.ngram_counts(tokens, V, order),
        dtypes=("float32",),
        gradients=[],
    )


@pytest.mark.row(31)
def test_ngram_counts_of_short_texts_and_small_integers():
    assert text.ngram_counts(jnp.array([1]), vocabulary=2, order=2).sum() == 0
    assert text.ngram_counts(jnp.zeros((2, 0), int), vocabulary=2, order=1).tolist() == [0, 0]
    counts = text.ngram_counts(jnp.array([255, 254, 255], jnp.uint8), vocabulary=256, order=2)
    assert (counts[255, 254], counts[254, 255], counts.sum()) == (1, 1, 2)
    inside_jit = jax.jit(lambda t: text.ngram_counts(t, vocabulary=2, order=2))(jnp.array([0, 1, 2, 1, 0, -3, 1, 1]))
    assert inside_jit.tolist() == [[0, 1], [1, 1]]


@pytest.mark.row(31)
@pytest.mark.erratum("E6")
@configurations()
@pytest.mark.parametrize("backoff", ["unigram", "bigram"])
def test_ngram_probabilities(rng, backoff):
    tokens, smoothing = corpus(rng), (0.5, 1.5, 3.0)

    def ours(tokens):
        return text.ngram_probabilities(tokens, vocabulary=V, smoothing=smoothing, backoff=backoff)

    prove(
        ours,
        [tokens],
        reference=lambda tokens: reference.ngram_probabilities(tokens, V, smoothing, backoff),
        dtypes=("float32",),
        gradients=[],
    )
    with jax.enable_x64(True):
        tables = ours(jnp.asarray(tokens))
        want = reference.ngram_probabilities(tokens, V, smoothing, backoff)
        for table, by_hand in zip(tables, want, strict=True):
            assert_close(table, by_hand)
            assert_close(table.sum(-1), np.ones(table.shape[:-1]))
            assert (table > 0).all()


@pytest.mark.row(31)
@configurations()
def test_probabilities_from_counts_of_any_dtype(rng):
    one, two, three = (rng.uniform(0.2, 3, (V,) * n) for n in (1, 2, 3))
    first, second = rng.dirichlet(np.ones(V)), rng.dirichlet(np.ones(V), V)

    def ours(one, two, three, first, second):
        return (
            text.unigram_probabilities(one, smoothing=0.5),
            text.bigram_probabilities(two, first, smoothing=0.5),
            text.trigram_probabilities(three, first, smoothing=0.5),
            text.trigram_probabilities(three, second, smoothing=0.5),
        )

    def by_hand(one, two, three, first, second):
        return (
            reference.smoothed(one, lambda gram: 1 / V, 0.5),
            reference.smoothed(two, lambda gram: first[gram[-1]], 0.5),
            reference.smoothed(three, lambda gram: first[gram[-1]], 0.5),
            reference.smoothed(three, lambda gram: second[gram[1:]], 0.5),
        )

    prove(
        ours,
        [one, two, three, first, second],
        reference=by_hand,
        kind="contraction",
        another=lambda rows: rows[..., ::-1],  # distributions still
    )


@pytest.mark.row(31)
@pytest.mark.erratum("E6")
def test_limits_of_the_smoothing(x64, rng):
    tokens = corpus(rng)
    frequencies = reference.ngram_probabilities(tokens, V, (0, 0, 0), "unigram")
    relative = text.ngram_probabilities(jnp.asarray(tokens), vocabulary=V, smoothing=0.0)
    for table, want in zip(relative, frequencies, strict=True):
        assert_close(table, want)
    nearly = text.ngram_probabilities(jnp.asarray(tokens), vocabulary=V, smoothing=1e-13)
    assert_close(nearly[0], frequencies[0])
    # infinity: each order becomes the one below, and the first 1 / m
    one, two, three = text.ngram_probabilities(jnp.asarray(tokens), vocabulary=V, smoothing=1e15)
    assert_close(one, np.full(V, 1 / V))
    one, two, three = text.ngram_probabilities(jnp.asarray(tokens), vocabulary=V, smoothing=(1.0, 1e15, 1e15))
    assert_close(two, np.broadcast_to(one, two.shape))
    assert_close(three, np.broadcast_to(one, three.shape))
    one, two, three = text.ngram_probabilities(
        jnp.asarray(tokens), vocabulary=V, smoothing=(1.0, 1.0, 1e15), backoff="bigram"
    )
    assert_close(three, np.broadcast_to(two, three.shape))


@pytest.mark.row(31)
@pytest.mark.erratum("E6")
def test_the_notes_form_of_the_trigram_does_not_sum_to_one(x64, rng):
    tokens = corpus(rng)
    two, three = (reference.ngram_counts(tokens, V, n) for n in (2, 3))
    tables = text.ngram_probabilities(jnp.asarray(tokens), vocabulary=V)
    context = three.sum(-1, keepdims=True)
    printed = (three + np.asarray(tables[1])[:, :, None]) / (context + 1)
    assert two.sum() > 0
    assert np.abs(printed.sum(-1) - 1).max() > 0.1
    assert_close(tables[2].sum(-1), np.ones((V, V)))


@pytest.mark.row(31)
@configurations()
@pytest.mark.parametrize("order", [1, 2, 3])
def test_sequence_scores(rng, order):
    # no small probability, near which finite differences of a logarithm are no derivative
    weights = [rng.uniform(0.5, 1.5, (V,) * n) for n in range(1, order + 1)]
    tables = [w / w.sum(-1, keepdims=True) for w in weights]
    tokens = corpus(rng, rows=4, time=7)
    # padding also within
    tokens[0, 3] = -1

    def by_hand(tokens, *tables):
        logs = np.array([reference.sequence_log_probability(row.tolist(), tables) for row in tokens])
        return logs, np.exp(-logs / (tokens >= 0).sum(-1))

    def ours(tokens, *tables):
        return text.sequence_log_probability(tokens, tables), text.sequence_perplexity(tokens, tables)

    # sums of seven logarithms, of which bfloat16 keeps no 3e-2 in the exponential
    prove(
        ours,
        [tokens, *tables],
        reference=by_hand,
        kind="contraction",
        dtypes=("float64", "float32"),
        another=lambda rows: rows[..., ::-1],  # distributions still
    )


@pytest.mark.row(31)
def test_perplexity_of_a_uniform_model_is_the_vocabulary():
    tokens = jnp.array([[0, 1, 2], [3, -1, -1], [-1, -1, -1]])
    assert_close(text.sequence_perplexity(tokens, [jnp.full(V, 1 / V)]), [V, V, 1])
    never = text.unigram_probabilities(jnp.array([1.0, 0.0]), smoothing=0.0)
    assert text.sequence_log_probability(jnp.array([0, 1]), [never]) == -math.inf
    assert text.unigram_probabilities(jnp.zeros(3), smoothing=0.0).tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.row(31)
def test_a_longer_context_predicts_a_periodic_text_better(x64):
    tokens = jnp.asarray(np.tile([0, 1, 0, 2], 50).astype(np.int32))

    @jax.jit
    def perplexities(tokens):
        tables = text.ngram_probabilities(tokens, vocabulary=3, smoothing=0.01)
        return [text.sequence_perplexity(tokens, tables[:n]) for n in (1, 2, 3)]

    one, two, three = map(float, perplexities(tokens))
    assert one > two > three
    # after 1 or 2 comes 0; after 0, one bit is left: half a bit on average
    assert two == pytest.approx(math.sqrt(2), rel=0.02)
    assert three == pytest.approx(1, rel=0.02)
