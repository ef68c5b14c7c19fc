"""N-grams by dictionaries, in float64."""

import collections
import math

import numpy as np


def ngram_counts(sequences, vocabulary, order):
    counts = collections.Counter()
    for sequence in sequences:
        ids = [int(i) for i in sequence]
        for t in range(len(ids) - order + 1):
            gram = tuple(ids[t : t + order])
            if min(gram) >= 0:
                counts[gram] += 1
    table = np.zeros((vocabulary,) * order)
    for gram, count in counts.items():
        table[gram] = count
    return table


def smoothed(counts, lower, e):
    """(n(context, x) + e lower(x)) / (n(context) + e), one entry at a time; `lower` is a function of the n-gram."""
    out = np.empty(counts.shape)
    for gram in np.ndindex(*counts.shape):
        context = math.fsum(counts[gram[:-1]].tolist())
        out[gram] = (counts[gram] + e * lower(gram)) / (context + e) if context + e else lower(gram)
    return out


def ngram_probabilities(sequences, vocabulary, e, backoff):
    one = smoothed(ngram_counts(sequences, vocabulary, 1), lambda gram: 1 / vocabulary, e[0])
    two = smoothed(ngram_counts(sequences, vocabulary, 2), lambda gram: one[gram[-1]], e[1])
    lower = (lambda gram: one[gram[-1]]) if backoff == "unigram" else (lambda gram: two[gram[1:]])
    return one, two, smoothed(ngram_counts(sequences, vocabulary, 3), lower, e[2])


def sequence_log_probability(sequence, tables):
    """A longer context where one is there and holds no padding."""
    total = 0.0
    for t, token in enumerate(sequence):
        if token < 0:
            continue
        order = 1
        while order < len(tables) and order <= t and sequence[t - order] >= 0:
            order += 1
        total += math.log(tables[order - 1][tuple(sequence[t - order + 1 : t + 1])])
    return total
