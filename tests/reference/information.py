"""Information in float64, one outcome at a time."""

import math

import numpy as np


def rows(function):
    """Map a function of probability vectors over the last axis."""
    return lambda *arrays: np.array(
        [function(*(a.reshape(-1, a.shape[-1])[i].tolist() for a in arrays)) for i in range(arrays[0][..., 0].size)]
    ).reshape(arrays[0].shape[:-1])


def entropy(p):
    return -math.fsum(a * math.log(a) for a in p if a > 0)


def cross_entropy(p, q):
    if any(a > 0 and b == 0 for a, b in zip(p, q, strict=True)):
        return math.inf
    return -math.fsum(a * math.log(b) for a, b in zip(p, q, strict=True) if a > 0)


def kl_divergence(p, q):
    if any(a > 0 and b == 0 for a, b in zip(p, q, strict=True)):
        return math.inf
    return math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def joint_entropy(joint):
    return entropy(joint.ravel().tolist())


def conditional_entropy(joint, given="x"):
    """The mean over the known variable of the entropy of the other one's conditional."""
    joint = joint if given == "x" else joint.T
    total = 0.0
    for row in joint.tolist():
        known = math.fsum(row)
        if known > 0:
            total += known * entropy([p / known for p in row])
    return total


def mutual_information(joint):
    return math.fsum(joint[i, j] * pointwise(joint, i, j) for i, j in np.ndindex(*joint.shape) if joint[i, j] > 0)


def pointwise(joint, i, j):
    alone = math.fsum(joint[i, :].tolist()) * math.fsum(joint[:, j].tolist())
    if alone == 0:
        return math.nan
    return math.log(joint[i, j] / alone) if joint[i, j] > 0 else -math.inf


def pointwise_mutual_information(joint):
    return np.array([[pointwise(joint, i, j) for j in range(joint.shape[1])] for i in range(joint.shape[0])])


def digamma_of_integer(n):
    """psi(n) = -gamma + 1 + 1/2 + ... + 1/(n - 1)."""
    return -np.euler_gamma + math.fsum(1 / i for i in range(1, n))


def knn_mutual_information(x, y, neighbors):
    """Kraskov's first estimator, with loops over samples."""
    samples, total = len(x), 0.0
    for i in range(samples):
        in_x = [float(np.max(np.abs(x[i] - x[j]))) for j in range(samples)]
        in_y = [float(np.max(np.abs(y[i] - y[j]))) for j in range(samples)]
        others = [j for j in range(samples) if j != i]
        radius = sorted(max(in_x[j], in_y[j]) for j in others)[neighbors - 1]
        n_x, n_y = (sum(d[j] < radius for j in others) for d in (in_x, in_y))
        total += digamma_of_integer(n_x + 1) + digamma_of_integer(n_y + 1)
    return digamma_of_integer(neighbors) + digamma_of_integer(samples) - total / samples
