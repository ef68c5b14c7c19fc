"""Elementary mathematics in float64, one number at a time."""

import itertools
import math

import numpy as np


def moving_average(values, decay, initial=None):
    average = np.zeros(values.shape[1:]) if initial is None else np.array(initial, np.float64)
    out = []
    for value in values:
        average = decay * average + (1 - decay) * value
        out.append(average)
    return np.array(out)


def convolve(signal, kernel, mode="full"):
    """Every pair of points adds its product where their places add up to."""
    out = np.zeros([s + k - 1 for s, k in zip(signal.shape, kernel.shape, strict=True)])
    for t in np.ndindex(*signal.shape):
        for u in np.ndindex(*kernel.shape):
            out[tuple(a + b for a, b in zip(t, u, strict=True))] += float(signal[t]) * float(kernel[u])
    if mode == "full":
        return out
    if mode == "same":
        starts, sizes = [(k - 1) // 2 for k in kernel.shape], signal.shape
    else:
        pairs = list(zip(signal.shape, kernel.shape, strict=True))
        starts, sizes = [min(p) - 1 for p in pairs], [abs(s - k) + 1 for s, k in pairs]
    return out[tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))]


def laplacian(values, spacing):
    """Interior points."""
    out = np.empty([n - 2 for n in values.shape])
    for place in np.ndindex(*out.shape):
        centre = tuple(i + 1 for i in place)
        total = 0.0
        for axis, step in itertools.product(range(values.ndim), (-1, 1)):
            near = list(centre)
            near[axis] += step
            total += values[tuple(near)] - values[centre]
        out[place] = total / spacing**2
    return out


def rows(function):
    """Map a function of vectors over the last axis."""

    def mapped(*arrays):
        shape = arrays[0].shape[:-1]
        flat = [a.reshape(-1, a.shape[-1]).tolist() for a in arrays]
        values = np.array([function(*vectors) for vectors in zip(*flat, strict=True)])
        return values.reshape(*shape, *values.shape[1:])

    return mapped


def dot(x, y):
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


def cosine(x, y):
    return dot(x, y) / (math.hypot(*x) * math.hypot(*y))


def project(x, y):
    factor = dot(x, y) / dot(y, y)
    return [factor * b for b in y]


def layer(inputs, kernel, bias):
    """sigmoid(W^T x + c), unit by unit; for one example or several."""
    out = np.empty((*inputs.shape[:-1], kernel.shape[1]))
    for index in np.ndindex(*inputs.shape[:-1]):
        for unit in range(kernel.shape[1]):
            logit = dot(kernel[:, unit].tolist(), inputs[index].tolist()) + float(bias[unit])
            out[(*index, unit)] = 1 / (1 + math.exp(-logit))
    return out
