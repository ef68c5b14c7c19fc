"""dlx.text: n-grams in sorted tables, Laplace and Kneser-Ney smoothing."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx import text
from tests.proof import configurations
from tests.reference import ngrams as reference
from tests.tolerances import assert_close

V, ORDER = 5, 3


def corpus(rng, time=60):
    """A text with borders, whose last id never occurs."""
    tokens = rng.choice(V - 1, time, p=[0.5, 0.25, 0.15, 0.1])
    tokens[[20, 21, 40]] = -1
    return tokens


def all_windows(context):
    """Every last token behind one context."""
    return np.column_stack([np.tile(context, (V, 1)).reshape(V, -1).astype(int), np.arange(V)])


@pytest.mark.row(135, function="dlx.text.ngram_table")
@configurations()
def test_ngram_table_holds_what_the_dense_tables_hold(rng):
    tokens = corpus(rng)
    table = text.ngram_table(tokens, vocabulary=V, order=ORDER)
    assert table.order == ORDER
    for n in range(1, ORDER + 1):
        dense = np.asarray(text.ngram_counts(jnp.asarray(tokens), vocabulary=V, order=n))
        ids = [np.arange(V)]
        for keys in table.keys[1:n]:
            ids = [*(part[keys // V] for part in ids), keys % V]
        np.testing.assert_array_equal(dense[tuple(ids)], table.counts[n - 1])
        assert dense.sum() == table.counts[n - 1].sum()
        if n < ORDER:
            more = np.asarray(text.ngram_counts(jnp.asarray(tokens), vocabulary=V, order=n + 1))
            np.testing.assert_array_equal((more > 0).sum(0)[tuple(ids)], table.lefts[n - 1])


@pytest.mark.row(135, function="dlx.text.ngram_windows")
@pytest.mark.erratum("E29")
def test_a_window_of_an_ngram_is_a_token_and_the_n_minus_1_before_it():
    windows = text.ngram_windows(np.array([3, 1, -1, 2, 0, 4]), order=3)
    wanted = [[-1, -1, 3], [-1, 3, 1], [-1, -1, -1], [-1, -1, 2], [-1, 2, 0], [2, 0, 4]]
    np.testing.assert_array_equal(windows, wanted)


@pytest.mark.row(31, 135, function="dlx.text.laplace_probabilities")
@configurations()
def test_laplace_probabilities(rng):
    tokens, e = corpus(rng), (0.5, 1.5, 3.0)
    table = text.ngram_table(tokens, vocabulary=V, order=ORDER)
    windows = text.ngram_windows(corpus(rng), order=ORDER)
    windows = windows[windows[:, -1] >= 0]
    found = text.laplace_probabilities(table, windows, smoothing=e)
    assert_close(found, np.array([reference.laplace(tokens, V, w, e) for w in windows]), dtype="float64")
    # the dense tables of the notes' form say the same of a whole text
    dense = text.ngram_probabilities(jnp.asarray(tokens), vocabulary=V, smoothing=e, backoff="bigram")
    other = rng.integers(0, V, 12)
    whole = text.laplace_probabilities(table, text.ngram_windows(other, order=ORDER), smoothing=e)
    assert_close(np.log(whole).sum(), text.sequence_log_probability(jnp.asarray(other), dense), dtype="float32")
    # add-one: every count of a context one larger
    one = text.laplace_probabilities(table, np.array([[0, 1], [-1, 1]]), smoothing=float(V), backoff="uniform")
    pairs = np.asarray(text.ngram_counts(jnp.asarray(tokens), vocabulary=V, order=2), float)
    singles = np.asarray(text.ngram_counts(jnp.asarray(tokens), vocabulary=V, order=1), float)
    assert_close(one[0], (pairs[0, 1] + 1) / (pairs[0].sum() + V), dtype="float64")
    assert_close(one[1], (singles[1] + 1) / (singles.sum() + V), dtype="float64")


@pytest.mark.row(135)
@pytest.mark.parametrize("context", [(), (0,), (4,), (0, 1), (2, 2), (3, 4), (-1, 0)])
def test_probabilities_sum_to_1(rng, context):
    table = text.ngram_table(corpus(rng), vocabulary=V, order=ORDER)
    windows = all_windows(context)
    for smoothing in (0.0, 0.7):
        assert_close(text.laplace_probabilities(table, windows, smoothing=smoothing).sum(), 1.0, dtype="float64")
    assert_close(text.laplace_probabilities(table, windows, smoothing=5.0, backoff="uniform").sum(), 1.0)
    for discount in ("one", "three", 0.75):
        chances = text.kneser_ney_probabilities(text.kneser_ney(table, discount=discount), windows)
        assert_close(chances.sum(), 1.0, dtype="float64")
        assert (chances > 0).all()


@pytest.mark.row(135, function=["dlx.text.kneser_ney", "dlx.text.kneser_ney_probabilities"])
@configurations()
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("discount", ["one", "three", 0.6])
def test_kneser_ney(rng, order, discount):
    tokens = corpus(rng)
    model = text.kneser_ney(text.ngram_table(tokens, vocabulary=V, order=ORDER), order=order, discount=discount)
    windows = text.ngram_windows(corpus(rng), order=order)
    windows = windows[windows[:, -1] >= 0]
    wanted = [reference.kneser_ney(tokens, V, order, w, model.discounts) for w in windows]
    assert_close(text.kneser_ney_probabilities(model, windows), np.array(wanted), dtype="float64")


@pytest.mark.row(135)
def test_kneser_ney_by_hand():
    """0 1 0 1 2 1: "1" stands behind two different tokens, "0" behind one, "2" behind one.

    D = 1/2; continuation counts (1, 2, 1) of 4 bigram kinds 01, 10, 12, 21:
    P(0) = 0.5/4 + 1.5/4/3 = 1/4, P(1) = 1.5/4 + 1/8 = 1/2, P(2) = 1/4
    P(1|0) = (2 - 0.5)/2 + 0.5/2 * 1/2 = 7/8,  P(2|1) = 0.5/2 + (1/2) (1/4) = 3/8
    """
    table = text.ngram_table(np.array([0, 1, 0, 1, 2, 1]), vocabulary=3, order=2)
    model = text.kneser_ney(table, discount=0.5)
    found = text.kneser_ney_probabilities(model, np.array([[-1, 0], [-1, 1], [-1, 2], [0, 1], [1, 2]]))
    assert_close(found, np.array([1 / 4, 1 / 2, 1 / 4, 7 / 8, 3 / 8]), dtype="float64")


def test_discounts_are_those_of_the_counts_of_counts():
    """Unigrams with counts 1 (8 of them), 2 (4), 3 (2), 4 (1): D = 8 / 16, D_k = k - (k + 1) D n_{k+1} / n_k."""
    counts = [1] * 8 + [2] * 4 + [3] * 2 + [4]
    tokens = np.repeat(np.arange(15), counts)
    table = text.ngram_table(tokens, vocabulary=15, order=1)
    assert text.kneser_ney(table, discount="one").discounts == ((0.5, 0.5, 0.5),)
    wanted = (1 - 2 * 0.5 * 4 / 8, 2 - 3 * 0.5 * 2 / 4, 3 - 4 * 0.5 * 1 / 2)
    assert_close(np.array(text.kneser_ney(table).discounts[0]), np.array(wanted), dtype="float64")
    # without a count of 4 one discount stands for all three; without one of 2, a half
    fewer = text.ngram_table(tokens[:-4], vocabulary=15, order=1)
    assert text.kneser_ney(fewer).discounts == ((0.5, 0.5, 0.5),)
    ones = text.ngram_table(np.arange(3), vocabulary=15, order=1)
    assert text.kneser_ney(ones).discounts == ((0.5, 0.5, 0.5),)


def test_errors():
    tokens = np.array([0, 1, 2, 1])
    table = text.ngram_table(tokens, vocabulary=3, order=2)
    with pytest.raises(ValueError, match="tokens: got ids from 0 to 2, wanted 0 to 1"):
        text.ngram_table(tokens, vocabulary=2, order=1)
    with pytest.raises(ValueError, match="tokens: got none"):
        text.ngram_table(np.array([-1]), vocabulary=2, order=1)
    with pytest.raises(ValueError, match=r"windows: got shape \(1, 3\), wanted \(number, 1 to 2\)"):
        text.laplace_probabilities(table, np.array([[0, 1, 2]]))
    with pytest.raises(ValueError, match="windows: got -1 for a last token"):
        text.laplace_probabilities(table, np.array([[0, -1]]))
    with pytest.raises(ValueError, match="smoothing: got 1 numbers, wanted 2"):
        text.laplace_probabilities(table, np.array([[0, 1]]), smoothing=(1.0,))
    with pytest.raises(ValueError, match="windows: got order 2, wanted at most 1"):
        text.kneser_ney_probabilities(text.kneser_ney(table, order=1), np.array([[0, 1]]))
    with pytest.raises(ValueError, match="order"):
        text.kneser_ney(table, order=3)
    with pytest.raises(ValueError, match="discount"):
        text.kneser_ney(table, discount=1.5)
