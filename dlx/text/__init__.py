"""Text as arrays of token ids: n-gram models."""

from dlx.text.ngrams import (
    bigram_probabilities,
    ngram_counts,
    ngram_probabilities,
    sequence_log_probability,
    sequence_perplexity,
    trigram_probabilities,
    unigram_probabilities,
)

__all__ = [
    "bigram_probabilities",
    "ngram_counts",
    "ngram_probabilities",
    "sequence_log_probability",
    "sequence_perplexity",
    "trigram_probabilities",
    "unigram_probabilities",
]
