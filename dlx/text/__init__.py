"""Text as arrays of token ids: n-gram models, decoding, BLEU."""

from dlx.text.beam import beam_search, exhaustive_search, length_penalised
from dlx.text.bleu import bleu, corpus_bleu
from dlx.text.decoding import Decoded, Step, greedy_search, sample_tokens
from dlx.text.ngrams import (
    bigram_probabilities,
    ngram_counts,
    ngram_probabilities,
    sequence_log_probability,
    sequence_perplexity,
    trigram_probabilities,
    unigram_probabilities,
)
from dlx.text.truncation import truncate_logits

__all__ = [
    "Decoded",
    "Step",
    "beam_search",
    "bigram_probabilities",
    "bleu",
    "corpus_bleu",
    "exhaustive_search",
    "greedy_search",
    "length_penalised",
    "ngram_counts",
    "ngram_probabilities",
    "sample_tokens",
    "sequence_log_probability",
    "sequence_perplexity",
    "trigram_probabilities",
    "truncate_logits",
    "unigram_probabilities",
]
