"""Sampling, flow and its errors, pixel by pixel in float64 from the formulas."""

import math

import numpy as np


def pixel(image, j, i, mode="nearest", fill=0.0):
    height, width = image.shape
    if mode == "constant" and not (0 <= j < height and 0 <= i < width):
        return fill
    return image[min(max(j, 0), height - 1), min(max(i, 0), width - 1)]


def bilinear(image, x, y, mode="nearest", fill=0.0):
    i, j = math.floor(x), math.floor(y)
    a, b = x - i, y - j
    corners = [(j, i, (1 - a) * (1 - b)), (j, i + 1, a * (1 - b)), (j + 1, i, (1 - a) * b), (j + 1, i + 1, a * b)]
    return sum(weight * pixel(image, row, column, mode, fill) for row, column, weight in corners)


def slopes(image):
    """(Ix, Iy) by (1, -8, 0, 8, -1) / 12."""
    out = np.zeros((2, *image.shape))
    taps = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}
    for j, i in np.ndindex(*image.shape):
        out[0, j, i] = sum(tap * pixel(image, j, i + k) for k, tap in taps.items())
        out[1, j, i] = sum(tap * pixel(image, j + k, i) for k, tap in taps.items())
    return out


def derivatives(first, second, of="both"):
    """(Ix, Iy, It)."""
    return (*slopes((first + second) / 2 if of == "both" else first), second - first)


def gaussian_weight(k, window):
    return math.exp(-0.5 * (k / (window / 5)) ** 2)


def lucas_kanade(first, second, window, weights="uniform", of="both"):
    """Weighted least squares over the pixels of each window that are in the image."""
    x, y, t = derivatives(first, second, of)
    height, width = first.shape
    reach, flow = window // 2, np.zeros((*first.shape, 2))
    for j, i in np.ndindex(height, width):
        rows, right = [], []
        for row in range(max(j - reach, 0), min(j + reach, height - 1) + 1):
            for column in range(max(i - reach, 0), min(i + reach, width - 1) + 1):
                root = 1.0
                if weights == "gaussian":
                    root = math.sqrt(gaussian_weight(row - j, window) * gaussian_weight(column - i, window))
                rows.append([root * x[row, column], root * y[row, column]])
                right.append(-root * t[row, column])
        flow[j, i] = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    return flow


def neighbours(shape, j, i, count):
    """(row, column, weight) of the neighbours; one beyond the border is the border's pixel."""
    steps = {(-1, 0): 1 / 4, (1, 0): 1 / 4, (0, -1): 1 / 4, (0, 1): 1 / 4}
    if count == 8:
        steps = dict.fromkeys(steps, 1 / 6) | {(a, b): 1 / 12 for a in (-1, 1) for b in (-1, 1)}
    for (down, right), weight in steps.items():
        yield min(max(j + down, 0), shape[0] - 1), min(max(i + right, 0), shape[1] - 1), weight


def neighbour_mean(field, count=8):
    out = np.zeros_like(field)
    for j, i in np.ndindex(*field.shape[:2]):
        out[j, i] = sum(weight * field[row, column] for row, column, weight in neighbours(field.shape, j, i, count))
    return out


def horn_schunck(first, second, alpha, iterations, count=8, of="both"):
    x, y, t = derivatives(first, second, of)
    flow = np.zeros((*first.shape, 2))
    for _ in range(iterations):
        mean, new = neighbour_mean(flow, count), np.zeros_like(flow)
        for j, i in np.ndindex(*first.shape):
            u, v = mean[j, i]
            misfit = x[j, i] * u + y[j, i] * v + t[j, i]
            bottom = x[j, i] ** 2 + y[j, i] ** 2 + alpha
            new[j, i] = u - x[j, i] * misfit / bottom, v - y[j, i] * misfit / bottom
        flow = new
    return flow


def flow_energy(first, second, flow, alpha, count=8, of="both"):
    x, y, t = derivatives(first, second, of)
    total = float(np.sum((x * flow[..., 0] + y * flow[..., 1] + t) ** 2))
    for j, i in np.ndindex(*first.shape):
        for row, column, weight in neighbours(first.shape, j, i, count):
            total += alpha / 2 * weight * float(np.sum((flow[j, i] - flow[row, column]) ** 2))
    return total


def euler_lagrange_system(first, second, alpha, count=8, of="both"):
    """Sparse matrix and right side of the equations for (u, v) of all pixels."""
    import scipy.sparse

    x, y, t = derivatives(first, second, of)
    height, width = first.shape
    matrix = scipy.sparse.lil_matrix((2 * height * width,) * 2)
    right = np.zeros(2 * height * width)
    for j, i in np.ndindex(height, width):
        at = 2 * (j * width + i)
        own, other = (x[j, i], y[j, i]), (y[j, i], x[j, i])
        for part in (0, 1):
            matrix[at + part, at + part] += own[part] ** 2 + alpha
            matrix[at + part, at + 1 - part] += own[part] * other[part]
            right[at + part] = -own[part] * t[j, i]
            for row, column, weight in neighbours(first.shape, j, i, count):
                matrix[at + part, 2 * (row * width + column) + part] -= alpha * weight
    return matrix.tocsr(), right


def track_point(first, second, point, window, iterations, weights="uniform"):
    """Gauss-Newton for one point on one level."""
    gx, gy = slopes(first)
    reach, shift = window // 2, np.zeros(2)
    offsets = [(k, m) for k in range(-reach, reach + 1) for m in range(-reach, reach + 1)]
    weight = [
        gaussian_weight(k, window) * gaussian_weight(m, window) if weights == "gaussian" else 1.0 for k, m in offsets
    ]
    for _ in range(iterations):
        matrix, right = np.zeros((2, 2)), np.zeros(2)
        for (k, m), w in zip(offsets, weight, strict=True):
            x, y = point[0] + k, point[1] + m
            g = np.array([bilinear(gx, x, y), bilinear(gy, x, y)])
            change = bilinear(second, x + shift[0], y + shift[1]) - bilinear(first, x, y)
            matrix += w * np.outer(g, g)
            right += w * g * change
        shift = shift - np.linalg.solve(matrix, right)
    return point + shift


def end_point_error(flow, truth):
    return np.array([math.hypot(*(f - t)) for f, t in zip(flow.reshape(-1, 2), truth.reshape(-1, 2), strict=True)])


def angular_error(flow, truth):
    """Barron's arc cosine."""
    out = []
    for (u, v), (p, q) in zip(flow.reshape(-1, 2), truth.reshape(-1, 2), strict=True):
        cosine = (u * p + v * q + 1) / math.sqrt((u * u + v * v + 1) * (p * p + q * q + 1))
        out.append(math.degrees(math.acos(min(1.0, cosine))))
    return np.array(out)
