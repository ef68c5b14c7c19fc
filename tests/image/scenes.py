"""Smooth images that are known between their pixels."""

import numpy as np

WAVES = [(0.31, 0.12, 0.3), (-0.17, 0.35, 1.1), (0.23, -0.29, 2.0), (0.08, 0.21, 4.0), (0.41, 0.05, 5.0)]
FINE = [(0.9, 0.4, 0.7), (-0.5, 0.9, 2.9), (0.8, -0.7, 5.3), (-0.3, -1.1, 1.9)]


def brightness(x, y, scale=1.0, fine=False):
    """In (0, 1), with structure in both directions everywhere."""
    # with a scale below 1 there is room for fine waves, so that no window is flat
    waves = [*WAVES, *(FINE if fine else [])]
    return 0.5 + 0.45 * sum(np.sin(scale * (a * x + b * y) + c) for a, b, c in waves) / len(waves)


def grid(shape):
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    return x, y


def shifted(shape, shift, scale=1.0, fine=False):
    """Two frames with I2(x + u, y + v) = I1(x, y)."""
    x, y = grid(shape)
    return brightness(x, y, scale, fine), brightness(x - shift[0], y - shift[1], scale, fine)


def rotated(shape, angle, scale=1.0, fine=False):
    """Two frames and their flow: a rotation about the middle."""
    x, y = grid(shape)
    middle = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    p, q = x - middle[0], y - middle[1]
    c, s = np.cos(angle), np.sin(angle)
    second = brightness(c * p + s * q + middle[0], -s * p + c * q + middle[1], scale, fine)
    return brightness(x, y, scale, fine), second, np.stack([c * p - s * q - p, s * p + c * q - q], -1)
