"""What dlx.text says when it is called wrongly."""

import jax.numpy as jnp
import pytest

from dlx import text

COUNTS, NAN = jnp.ones(3), jnp.nan
IDS, TABLE = jnp.array([0, 1, 2]), jnp.full(3, 1 / 3)
CASES = [
    (lambda: text.unigram_probabilities(-COUNTS), ValueError, r"counts: got -1 at \[0\], wanted finite numbers >= 0"),
    (lambda: text.unigram_probabilities(COUNTS * NAN), ValueError, r"counts: got nan at \[0\]"),
    (lambda: text.bigram_probabilities(-jnp.eye(3), TABLE), ValueError, r"counts: got -1 at \[0, 0\]"),
    (
        lambda: text.bigram_probabilities(jnp.eye(3), TABLE * 2),
        ValueError,
        "lower: got the sum 2, wanted probabilities",
    ),
    (lambda: text.trigram_probabilities(jnp.ones((3, 3, 3)), jnp.eye(3) * 2), ValueError, "lower: got the sum 2"),
    (lambda: text.sequence_log_probability(IDS, [TABLE * NAN]), ValueError, r"probabilities: got nan at \[0\]"),
    (lambda: text.ngram_counts(IDS, vocabulary=2, order=1), ValueError, "tokens: got ids from 0 to 2, wanted 0 to 1"),
    (lambda: text.ngram_counts(IDS - 2, vocabulary=2, order=1), ValueError, "tokens: got ids from -2 to 0"),
    (lambda: text.ngram_counts(IDS * 1.0, vocabulary=3, order=1), TypeError, "tokens: got dtype float32, wanted integ"),
    (lambda: text.ngram_counts(IDS[0], vocabulary=3, order=1), ValueError, "tokens: got a scalar"),
    (lambda: text.ngram_counts(IDS, vocabulary=0, order=1), ValueError, "vocabulary: got 0"),
    (lambda: text.ngram_counts(IDS, vocabulary=3, order=0), ValueError, "order: got 0"),
    (lambda: text.ngram_counts(IDS, vocabulary=2000, order=3), ValueError, "vocabulary: got 2000, wanted at most 1290"),
    (
        lambda: text.ngram_counts(IDS, vocabulary=50_000, order=2),
        ValueError,
        "vocabulary: got 50000, wanted at most 46340",
    ),
    (lambda: text.unigram_probabilities(IDS), TypeError, "counts: got dtype int32"),
    (lambda: text.unigram_probabilities(TABLE[None]), ValueError, r"counts: got shape \(1, 3\)"),
    (lambda: text.unigram_probabilities(TABLE, smoothing=-1.0), ValueError, "smoothing: got -1.0"),
    (lambda: text.bigram_probabilities(TABLE, TABLE), ValueError, r"counts: got shape \(3,\)"),
    (lambda: text.bigram_probabilities(jnp.eye(3), TABLE[:2]), ValueError, r"lower: got shape \(2,\), wanted \(3,\)"),
    (lambda: text.bigram_probabilities(jnp.eye(3), TABLE, smoothing=-1.0), ValueError, "smoothing: got -1.0"),
    (lambda: text.bigram_probabilities(jnp.eye(3, dtype=int), TABLE), TypeError, "counts: got dtype int32"),
    (lambda: text.trigram_probabilities(jnp.eye(3), TABLE), ValueError, r"counts: got shape \(3, 3\)"),
    (
        lambda: text.trigram_probabilities(jnp.ones((3, 3, 3)), TABLE[:2]),
        ValueError,
        r"lower: got shape \(2,\), wanted \(3,\) or \(3, 3\)",
    ),
    (lambda: text.trigram_probabilities(jnp.ones((3, 3, 3), int), TABLE), TypeError, "counts: got dtype int32"),
    (lambda: text.trigram_probabilities(jnp.ones((3, 3, 3)), TABLE, smoothing=-1), ValueError, "smoothing: got -1"),
    (lambda: text.ngram_probabilities(IDS, vocabulary=3, order=4), ValueError, r"order: got 4, .* in \[1, 3\]"),
    (lambda: text.ngram_probabilities(IDS, vocabulary=3, backoff="bi"), ValueError, "backoff: got 'bi', .* bigram"),
    (
        lambda: text.ngram_probabilities(IDS, vocabulary=3, smoothing=(1.0, 2.0)),
        ValueError,
        "smoothing: got 2 numbers, wanted 3",
    ),
    (lambda: text.sequence_log_probability(IDS, []), ValueError, "probabilities: got no table"),
    (lambda: text.sequence_log_probability(IDS, [TABLE[:2] * 1.5]), ValueError, "tokens: got ids from 0 to 2"),
    (
        lambda: text.sequence_log_probability(IDS, [TABLE, TABLE]),
        ValueError,
        r"probabilities: got shape \(3,\) at order 2, wanted \(3, 3\)",
    ),
    (lambda: text.sequence_perplexity(IDS * 1.0, [TABLE]), TypeError, "tokens: got dtype float32"),
    (lambda: text.sequence_perplexity(IDS, [IDS]), TypeError, "probabilities: got dtype int32"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
