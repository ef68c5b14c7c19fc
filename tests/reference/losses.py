"""Losses in float64, one number at a time."""

import math

import numpy as np


def softmax_cross_entropy(logits, labels):
    """Integer labels or distributions over the last axis."""
    out = np.empty(logits.shape[:-1])
    for index in np.ndindex(*out.shape):
        row = [float(v) for v in logits[index]]
        largest = max(row)
        normaliser = largest + math.log(math.fsum(math.exp(v - largest) for v in row))
        weights = labels[index]
        if np.ndim(weights) == 0:
            weights = [float(c == weights) for c in range(len(row))]
        out[index] = -math.fsum(float(y) * (v - normaliser) for y, v in zip(weights, row, strict=True))
    return out


def categorical_cross_entropy(probabilities, labels):
    return np.array(
        [
            -math.fsum(y * math.log(p) for y, p in zip(*rows, strict=True))
            for rows in zip(labels, probabilities, strict=True)
        ]
    )


def binary_cross_entropy(probabilities, labels):
    """Sum over every axis but the first."""
    out = []
    for p_row, y_row in zip(probabilities, labels, strict=True):
        pairs = zip(np.ravel(p_row), np.ravel(y_row), strict=True)
        out.append(-math.fsum(y * math.log(p) + (1 - y) * math.log1p(-p) for p, y in pairs))
    return np.array(out)


def summed_error(power: int):
    """Sum of |h - y|^power over every axis but the first."""

    def error(predictions, targets):
        return np.array(
            [
                math.fsum(abs(float(h) - float(y)) ** power for h, y in zip(np.ravel(a), np.ravel(b), strict=True))
                for a, b in zip(predictions, targets, strict=True)
            ]
        )

    return error
