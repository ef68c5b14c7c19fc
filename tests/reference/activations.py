"""Activations in float64 with Python's own arithmetic, one number at a time."""

import math

import numpy as np


def elementwise(function):
    """A function of one Python float, over an array."""
    return lambda x: np.array([function(float(v)) for v in np.ravel(x)], np.float64).reshape(np.shape(x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def tanh(x: float) -> float:
    return (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x))


def relu(x: float) -> float:
    return x if x > 0 else 0.0


def elu(x: float, alpha: float) -> float:
    return x if x >= 0 else alpha * (math.exp(x) - 1)


def softplus(x: float, beta: float, threshold: float) -> float:
    return x if beta * x > threshold else math.log1p(math.exp(beta * x)) / beta


def gelu(x: float) -> float:
    return x * math.erfc(-x / math.sqrt(2)) / 2


def gelu_tanh(x: float) -> float:
    return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def maxout(x, group_size: int):
    x = np.asarray(x)
    out = np.empty((*x.shape[:-1], x.shape[-1] // group_size))
    for index in np.ndindex(*x.shape[:-1]):
        for group in range(out.shape[-1]):
            out[index][group] = max(x[index][group * group_size + k] for k in range(group_size))
    return out


def softmax(x):
    """Over the last axis."""
    x = np.asarray(x, np.float64)
    out = np.empty_like(x)
    for index in np.ndindex(*x.shape[:-1]):
        largest = max(x[index])
        weights = [math.exp(v - largest) for v in x[index]]
        out[index] = [w / math.fsum(weights) for w in weights]
    return out


def logsumexp(x):
    """Over the last axis."""
    x = np.asarray(x, np.float64)
    out = np.empty(x.shape[:-1])
    for index in np.ndindex(*x.shape[:-1]):
        largest = max(x[index])
        out[index] = largest + math.log(math.fsum(math.exp(v - largest) for v in x[index]))
    return out


def affine(x, kernel, bias):
    """Matrix product in loops."""
    out = np.empty((*x.shape[:-1], kernel.shape[1]))
    for index in np.ndindex(*x.shape[:-1]):
        for unit in range(kernel.shape[1]):
            terms = [float(x[index][f]) * float(kernel[f, unit]) for f in range(kernel.shape[0])]
            out[index][unit] = math.fsum(terms) + float(bias[unit])
    return out
