"""Attention, the Transformer's parts and BLEU in float64, one number at a time, from the formulas."""

import math

import numpy as np


def softmax(row):
    """Of a list; entries of None take no part, and a list of them gives zeros."""
    left = [e for e in row if e is not None]
    if not left:
        return [0.0] * len(row)
    largest = max(left)
    exps = [0.0 if e is None else math.exp(e - largest) for e in row]
    total = math.fsum(exps)
    return [e / total for e in exps]


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def scores_of(queries, keys, one):
    """(batch, queries, keys) of a function of two vectors."""
    return np.array([[[one(q, k) for k in ks] for q in qs] for qs, ks in zip(queries, keys, strict=True)])


def additive(params, q, k):
    W, U, v = params["query_kernel"], params["key_kernel"], params["vector"]
    return math.fsum(v[u] * math.tanh(dot(q, W[:, u]) + dot(k, U[:, u])) for u in range(len(v)))


def weights_of(scores, mask):
    """Row by row; what is forbidden does not enter the sums."""
    found = np.zeros_like(scores)
    for place in np.ndindex(scores.shape[:-1]):
        found[place] = softmax([s if m else None for s, m in zip(scores[place], mask[place], strict=True)])
    return found


def attention(queries, keys, values, mask):
    """(batch, queries, outputs)."""
    scale = math.sqrt(queries.shape[-1])
    weights = weights_of(scores_of(queries, keys, lambda q, k: dot(q, k) / scale), mask)
    outputs = np.zeros((*queries.shape[:2], values.shape[-1]))
    for b, i, o in np.ndindex(outputs.shape):
        outputs[b, i, o] = dot(weights[b, i], values[b, :, o])
    return outputs


def multi_head(params, inputs, memory, mask, heads):
    """Head by head, with the columns of its own."""

    def project(x, part):
        return x @ params[f"{part}_kernel"] + params[f"{part}_bias"]

    query, key, value = project(inputs, "query"), project(memory, "key"), project(memory, "value")
    width = query.shape[-1] // heads
    parts = []
    for h in range(heads):
        columns = slice(h * width, (h + 1) * width)
        parts.append(attention(query[..., columns], key[..., columns], value[..., columns], mask))
    return np.concatenate(parts, -1) @ params["output_kernel"] + params["output_bias"]


def position(p, j, features):
    """One entry of the paper's table: column 2i is the sine of frequency i, 2i + 1 its cosine."""
    i = j // 2
    angle = p / 10_000 ** (2 * i / features)
    return math.sin(angle) if j == 2 * i else math.cos(angle)


def context_gru(p, s, y, c):
    """One step for one example."""
    n = len(s)
    W, V, C, b = p["input_kernel"], p["hidden_kernel"], p["context_kernel"], p["bias"]

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    def outside(column):
        return dot(y, W[:, column]) + dot(c, C[:, column]) + b[column]

    r = [sigmoid(outside(j) + dot(s, V[:, j])) for j in range(n)]
    z = [sigmoid(outside(n + j) + dot(s, V[:, n + j])) for j in range(n)]
    kept = [r[k] * s[k] for k in range(n)]
    new = [math.tanh(outside(2 * n + j) + dot(kept, V[:, 2 * n + j])) for j in range(n)]
    return [z[j] * s[j] + (1 - z[j]) * new[j] for j in range(n)]


def overlap(predicted, reference, n):
    """(n-grams of the prediction found in the reference, each used once; n-grams of the prediction)."""
    pool = [tuple(reference[i : i + n]) for i in range(len(reference) - n + 1)]
    grams = [tuple(predicted[i : i + n]) for i in range(len(predicted) - n + 1)]
    found = 0
    for gram in grams:
        if gram in pool:
            pool.remove(gram)
            found += 1
    return found, len(grams)
