"""Text as arrays of token ids: tokens and vocabularies, n-gram models, decoding, BLEU."""

from dlx.text.beam import beam_search, exhaustive_search, length_penalised
from dlx.text.bleu import bleu, corpus_bleu
from dlx.text.decoding import Decoded, Step, greedy_search, sample_tokens
from dlx.text.kneser_ney import KneserNey, kneser_ney, kneser_ney_probabilities
from dlx.text.ngrams import (
    bigram_probabilities,
    ngram_counts,
    ngram_probabilities,
    sequence_log_probability,
    sequence_perplexity,
    trigram_probabilities,
    unigram_probabilities,
)
from dlx.text.prefix import read_prefix
from dlx.text.sparse_ngrams import NgramTable, laplace_probabilities, ngram_table, ngram_windows
from dlx.text.tokenize import characters, letters_only, lines_with_end, separate_punctuation, words
from dlx.text.truncation import truncate_logits
from dlx.text.vocabulary import BOS, EOS, PAD, RESERVED, UNK, Vocabulary, build_vocabulary

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "RESERVED",
    "UNK",
    "Decoded",
    "KneserNey",
    "NgramTable",
    "Step",
    "Vocabulary",
    "beam_search",
    "bigram_probabilities",
    "bleu",
    "build_vocabulary",
    "characters",
    "corpus_bleu",
    "exhaustive_search",
    "greedy_search",
    "kneser_ney",
    "kneser_ney_probabilities",
    "laplace_probabilities",
    "length_penalised",
    "letters_only",
    "lines_with_end",
    "ngram_counts",
    "ngram_probabilities",
    "ngram_table",
    "ngram_windows",
    "read_prefix",
    "sample_tokens",
    "separate_punctuation",
    "sequence_log_probability",
    "sequence_perplexity",
    "trigram_probabilities",
    "truncate_logits",
    "unigram_probabilities",
    "words",
]
