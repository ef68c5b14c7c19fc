"""Linear models and kernels in float64, one number at a time, from the formulas."""

import math

import numpy as np


def dot(a, b):
    return math.fsum(float(x) * float(z) for x, z in zip(a, b, strict=True))


def normal_equations(inputs, targets, l2, *, penalise_bias=False):
    """Ridge with a bias: the linear system of J's zero gradient, for one output."""
    examples, features = inputs.shape
    design = np.concatenate([inputs, np.ones((examples, 1))], axis=1)
    penalty = np.full(features + 1, examples * l2)
    penalty[-1] *= penalise_bias
    matrix = np.array([[dot(a, b) for a in design.T] for b in design.T]) + np.diag(penalty)
    weights = np.linalg.solve(matrix, np.array([dot(a, targets) for a in design.T]))
    return weights[:-1], weights[-1]


def regularised_cost(kernel, bias, inputs, targets, l2, l1):
    errors = [0.5 * (dot(x, kernel) + bias - y) ** 2 for x, y in zip(inputs, targets, strict=True)]
    return math.fsum(errors) / len(errors) + l2 / 2 * dot(kernel, kernel) + l1 * math.fsum(abs(w) for w in kernel)


def gradient_step(kernel, bias, inputs, targets, learning_rate, l2):
    """The notes' update, one weight and one example after the other."""
    errors = [dot(x, kernel) + bias - y for x, y in zip(inputs, targets, strict=True)]
    moved = [
        w - learning_rate * (math.fsum(x[i] * e for x, e in zip(inputs, errors, strict=True)) / len(errors) + l2 * w)
        for i, w in enumerate(kernel)
    ]
    return np.array(moved), bias - learning_rate * math.fsum(errors) / len(errors)


def perceptron(inputs, labels, learning_rate, max_epochs):
    """Rosenblatt's rule; returns weights, bias, mistakes, epochs, converged."""
    kernel, bias, mistakes = np.zeros(inputs.shape[1]), 0.0, 0
    for epoch in range(1, max_epochs + 1):
        before = mistakes
        for x, y in zip(inputs, labels, strict=True):
            output = 1 if dot(x, kernel) + bias > 0 else 0
            if output != y:
                kernel, bias, mistakes = (
                    kernel + learning_rate * (y - output) * x,
                    bias + learning_rate * (y - output),
                    mistakes + 1,
                )
        if mistakes == before:
            return kernel, bias, mistakes, epoch, True
    return kernel, bias, mistakes, max_epochs, False


def early_stopping(losses, patience, min_delta):
    best, best_step = math.inf, 0
    for step, loss in enumerate(losses):
        if loss < best - min_delta:
            best, best_step = loss, step
        if step - best_step >= patience:
            return best_step, step, True
    return best_step, len(losses) - 1, False


def gram(kernel, first, second):
    """The Gram matrix of a kernel of two points."""
    return np.array([[kernel(x, z) for z in second] for x in first])


def logistic_cost(kernel, bias, inputs, sides, l2):
    losses = [np.logaddexp(0, -s * (dot(x, kernel) + bias)) for x, s in zip(inputs, sides, strict=True)]
    return math.fsum(losses) / len(losses) + l2 / 2 * dot(kernel, kernel)


def hinge_cost(kernel, bias, inputs, sides, l2):
    """With the bias in the penalty, as LIBLINEAR has it."""
    losses = [max(0.0, 1 - s * (dot(x, kernel) + bias)) for x, s in zip(inputs, sides, strict=True)]
    return math.fsum(losses) / len(losses) + l2 / 2 * (dot(kernel, kernel) + bias**2)


def softmax_cost(kernel, bias, inputs, labels, l2):
    outputs = inputs @ kernel + bias
    largest = outputs.max(axis=1)
    normaliser = largest + np.log(np.exp(outputs - largest[:, None]).sum(axis=1))
    return np.mean(normaliser - outputs[np.arange(len(labels)), labels]) + l2 / 2 * np.sum(kernel**2)
