"""Pooling in float64, one window at a time."""

import math

import numpy as np


def starts(size, window, stride, before, after, ceil_mode):
    """Where windows begin, negative in the padding: every step that fits, and with ceil_mode one that sticks out."""
    found, start = [], -before
    while start + window <= size + after:
        found.append(start)
        start += stride
    if ceil_mode and found[-1] + window < size + after and start < size:
        found.append(start)
    return found


def windows(size, window, stride, padding, ceil_mode):
    """((row, column) of a window among windows, its places in the padded plane) in order."""
    (top, bottom), (left, right) = padding
    for i, u in enumerate(starts(size[0], window[0], stride[0], top, bottom, ceil_mode)):
        for j, v in enumerate(starts(size[1], window[1], stride[1], left, right, ceil_mode)):
            yield (i, j), [(u + a, v + b) for a in range(window[0]) for b in range(window[1])]


def is_inside(place, size):
    return 0 <= place[0] < size[0] and 0 <= place[1] < size[1]


def pool(kind, x, window, stride, padding, ceil_mode=False, count_include_pad=True):
    """(batch, height, width, channels) -> maxima or means, and for each window and channel what its entries get.

    The second result is {(n, i, j, c): [((row, column), share of the window's gradient), ...]}.
    """
    batch, *size, channels = x.shape
    every = list(windows(size, window, stride, padding, ceil_mode))
    out = np.zeros((batch, every[-1][0][0] + 1, every[-1][0][1] + 1, channels))
    shares = {}
    (_, bottom), (_, right) = padding
    (top, _), (left, _) = padding
    for n in range(batch):
        for c in range(channels):
            for (i, j), places in every:
                inside = [place for place in places if is_inside(place, size)]
                if kind == "max":
                    best = inside[0]
                    for place in inside[1:]:
                        if x[n, *place, c] > x[n, *best, c]:
                            best = place
                    out[n, i, j, c] = x[n, *best, c]
                    shares[n, i, j, c] = [(best, 1.0)]
                else:
                    counted = inside
                    if count_include_pad:
                        counted = [p for p in places if p[0] < size[0] + bottom and p[1] < size[1] + right]
                        assert all(p[0] >= -top and p[1] >= -left for p in counted)
                    out[n, i, j, c] = math.fsum(x[n, *place, c] for place in inside) / len(counted)
                    shares[n, i, j, c] = [(place, 1 / len(counted)) for place in inside]
    return out, shares


def backward(gradient, shape, shares):
    """Each window's gradient to its entries."""
    out = np.zeros(shape)
    for (n, i, j, c), entries in shares.items():
        for place, share in entries:
            out[n, *place, c] += share * gradient[n, i, j, c]
    return out
