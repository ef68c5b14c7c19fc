"""Loops over pixels, in float64, written from the formulas."""

import math
from collections import deque

import numpy as np


def beyond(i, size, mode):
    """The index inside that stands for index i; None for a constant."""
    if 0 <= i < size:
        return i
    if mode == "constant":
        return None
    if mode == "nearest":
        return min(max(i, 0), size - 1)
    if mode == "wrap":
        return i % size
    period = 2 * size if mode == "reflect" else max(2 * size - 2, 1)
    i %= period
    if mode == "reflect":
        return i if i < size else period - 1 - i
    return i if i < size else period - i


def pixel(image, y, x, mode, fill=0.0):
    y, x = beyond(y, image.shape[0], mode), beyond(x, image.shape[1], mode)
    return fill if y is None or x is None else image[y, x]


def window(image, y, x, rows, columns, mode, fill=0.0):
    return [
        [pixel(image, y + i, x + j, mode, fill) for j in range(-(columns // 2), columns // 2 + 1)]
        for i in range(-(rows // 2), rows // 2 + 1)
    ]


def over_pixels(image, function):
    return np.array([[function(y, x) for x in range(image.shape[1])] for y in range(image.shape[0])])


def convolve(image, kernel, mode="reflect", fill=0.0):
    rows, columns = kernel.shape

    def at(y, x):
        return math.fsum(
            kernel[i + rows // 2, j + columns // 2] * pixel(image, y - i, x - j, mode, fill)
            for i in range(-(rows // 2), rows // 2 + 1)
            for j in range(-(columns // 2), columns // 2 + 1)
        )

    return over_pixels(image, at)


def median(image, size, mode="reflect", fill=0.0):
    middle = size * size // 2
    return over_pixels(image, lambda y, x: sorted(np.ravel(window(image, y, x, size, size, mode, fill)))[middle])


def gaussian(sigma, radius):
    """The formula in two dimensions, divided by its sum."""
    cells = [
        [math.exp(-(i * i + j * j) / (2 * sigma**2)) / (2 * math.pi * sigma**2) for j in range(-radius, 1 + radius)]
        for i in range(-radius, 1 + radius)
    ]
    return np.array(cells) / math.fsum(np.ravel(cells))


def thin_by_sectors(gx, gy):
    """Both neighbours of the eight sectors around the angle must not be greater; the one before must be smaller."""
    length = np.sqrt(gx**2 + gy**2)
    directions = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]

    def at(y, x):
        sector = round(math.atan2(gy[y, x], gx[y, x]) / (math.pi / 4)) % 8
        # the right or lower of the two opposite ones is "after"
        after = directions[sector % 4] if sector % 4 != 3 else directions[3]
        other = pixel(length, y - after[0], x - after[1], "constant")
        g = length[y, x]
        # of the falling diagonal to the left, (1, -1), "after" is by the steeper derivative
        if after == (1, -1) and abs(gx[y, x]) >= abs(gy[y, x]):
            after = (-1, 1)
            other = pixel(length, y + 1, x - 1, "constant")
        return g if g >= pixel(length, y + after[0], x + after[1], "constant") and g > other else 0.0

    return over_pixels(gx, at)


def thin_by_interpolation(gx, gy):
    """The length between the two neighbours on each side that the gradient's ray passes, on the ring of eight."""
    length = np.sqrt(gx**2 + gy**2)

    def along(y, x, dx, dy):
        scale = max(abs(dx), abs(dy))
        if scale == 0:
            return 0.0
        px, py = x + dx / scale, y + dy / scale
        x0, y0 = math.floor(px), math.floor(py)
        total = 0.0
        for i in (0, 1):
            for j in (0, 1):
                weight = (1 - abs(py - y0 - i)) * (1 - abs(px - x0 - j))
                if weight:
                    total += weight * pixel(length, y0 + i, x0 + j, "constant")
        return total

    def at(y, x):
        g, dx, dy = length[y, x], gx[y, x], gy[y, x]
        return g if g >= along(y, x, dx, dy) and g >= along(y, x, -dx, -dy) else 0.0

    return over_pixels(gx, at)


def flood(strong, weak, connectivity=8):
    """Breadth first, from every strong pixel."""
    found = strong & weak
    queue = deque(zip(*np.nonzero(found), strict=True))
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if connectivity == 8 or abs(i) + abs(j) == 1]
    while queue:
        y, x = queue.popleft()
        for i, j in steps:
            a, b = y + i, x + j
            if 0 <= a < weak.shape[0] and 0 <= b < weak.shape[1] and weak[a, b] and not found[a, b]:
                found[a, b] = True
                queue.append((a, b))
    return found


def demosaic(mosaic, pattern):
    """The mean of the pixels of a colour among the eight neighbours that are inside."""
    height, width = mosaic.shape
    out = np.empty((height, width, 3))
    for y in range(height):
        for x in range(width):
            for c, name in enumerate("RGB"):
                if pattern[2 * (y % 2) + x % 2] == name:
                    out[y, x, c] = mosaic[y, x]
                    continue
                near = [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
                if name == "G":
                    near = [(a, b) for a, b in near if abs(a - y) + abs(b - x) == 1]
                found = [
                    mosaic[a, b]
                    for a, b in near
                    if 0 <= a < height and 0 <= b < width and pattern[2 * (a % 2) + b % 2] == name
                ]
                out[y, x, c] = sum(found) / len(found)
    return out


def hough_lines(edges, thetas, half):
    votes = np.zeros((2 * half + 1, len(thetas)), int)
    for y, x in zip(*np.nonzero(edges), strict=True):
        for t, theta in enumerate(thetas):
            votes[round(x * math.cos(theta) + y * math.sin(theta)) + half, t] += 1
    return votes


def hough_circles(edges, radii):
    votes = np.zeros((len(radii), *edges.shape), int)
    for y, x in zip(*np.nonzero(edges), strict=True):
        for n, radius in enumerate(radii):
            for b in range(edges.shape[0]):
                for a in range(edges.shape[1]):
                    votes[n, b, a] += abs(math.hypot(x - a, y - b) - radius) < 0.5
    return votes
