"""Optimizers in float64 NumPy, one step of one parameter array at a time, from their papers.

Each is (t, gradient, parameter, memory) -> (new parameter, memory); t counts from 1, memory begins as {}.
"""

import numpy as np


def momentum(rate, gamma=0.9, kind="heavy_ball", nesterov=False):
    """Sutskever et al. 2013; the moving average of notes 004."""

    def step(t, g, x, memory):
        v = memory.get("v", 0.0)
        if kind == "heavy_ball":
            v = gamma * v + rate * g
            return x - (gamma * v + rate * g if nesterov else v), {"v": v}
        v = gamma * v + (1 - gamma) * g
        return x - rate * (gamma * v + (1 - gamma) * g if nesterov else v), {"v": v}

    return step


def adagrad(rate, eps=1e-6, initial=0.0, inside=True):
    """Duchi et al. 2011."""

    def step(t, g, x, memory):
        s = memory.get("s", initial) + g**2
        return x - rate * g / (np.sqrt(s + eps) if inside else np.sqrt(s) + eps), {"s": s}

    return step


def rmsprop(rate, gamma=0.9, eps=1e-6, inside=True, mu=0.0, of="step"):
    """Hinton et al. 2012, lecture 6e; with `of="gradient"` notes 004."""

    def step(t, g, x, memory):
        s = gamma * memory.get("s", 0.0) + (1 - gamma) * g**2
        root = np.sqrt(s + eps) if inside else np.sqrt(s) + eps
        if of == "step":
            v = mu * memory.get("v", 0.0) + rate * g / root
            return x - v, {"s": s, "v": v}
        v = mu * memory.get("v", 0.0) + (1 - mu) * g
        return x - rate / root * v, {"s": s, "v": v}

    return step


def adadelta(rho=0.9, eps=1e-6, rate=1.0):
    """Zeiler 2012, algorithm 1."""

    def step(t, g, x, memory):
        s = rho * memory.get("s", 0.0) + (1 - rho) * g**2
        change = np.sqrt(memory.get("change", 0.0) + eps) / np.sqrt(s + eps) * g
        square = rho * memory.get("change", 0.0) + (1 - rho) * change**2
        return x - rate * change, {"s": s, "change": square}

    return step


def adam(rate, b1=0.9, b2=0.999, eps=1e-8, correct=True, amsgrad=None, hat=False, decay=0.0):
    """Kingma and Ba 2015; `hat` the form before its section 2.1; amsgrad "corrected" (optax), "raw" (PyTorch)."""

    def step(t, g, x, memory):
        v = b1 * memory.get("v", 0.0) + (1 - b1) * g
        s = b2 * memory.get("s", 0.0) + (1 - b2) * g**2
        first, second = (1 - b1**t, 1 - b2**t) if correct else (1.0, 1.0)
        used = s
        if amsgrad == "raw":
            used = np.maximum(memory.get("largest", 0.0), s)
        elif amsgrad == "corrected":
            used = second * np.maximum(memory.get("largest", 0.0), s / second)
        largest = used / second if amsgrad == "corrected" else used
        if hat:
            change = rate * np.sqrt(second) / first * v / (np.sqrt(used) + eps)
        else:
            change = rate * (v / first) / (np.sqrt(used / second) + eps)
        return x - rate * decay * x - change, {"v": v, "s": s, "largest": largest}

    return step
