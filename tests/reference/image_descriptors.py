"""Float64 loops of SURF, HOG, BRIEF and the direct linear transforms, written from the papers' formulas."""

import math

import numpy as np


def area_sum(image, x0, y0, x1, y1):
    """Integral over a box of an image whose pixel (i, j) is the square [i, i + 1) x [j, j + 1); 0 outside."""
    height, width = image.shape
    along = np.clip(np.minimum(x1, np.arange(width) + 1) - np.maximum(x0, np.arange(width)), 0, None)
    down = np.clip(np.minimum(y1, np.arange(height) + 1) - np.maximum(y0, np.arange(height)), 0, None)
    return float(down @ image @ along)


def haar(image, x, y, size):
    """(d_x, d_y) of a square of this side around (x, y), the mean of the image outside."""
    image, half, x, y = image - image.mean(), size / 2, x + 0.5, y + 0.5
    right = area_sum(image, x, y - half, x + half, y + half)
    left = area_sum(image, x - half, y - half, x, y + half)
    lower = area_sum(image, x - half, y, x + half, y + half)
    upper = area_sum(image, x - half, y - half, x + half, y)
    return right - left, lower - upper


def surf_descriptor(image, x, y, scale, angle):
    """One point: 4x4 cells of 5x5 turned Haar responses."""
    cosine, sine = math.cos(angle), math.sin(angle)
    cells = np.zeros((4, 4, 4))
    for row in range(20):
        for column in range(20):
            u, v = column - 9.5, row - 9.5
            weight = math.exp(-(u * u + v * v) / (2 * 3.3**2))
            at = x + scale * (cosine * u - sine * v), y + scale * (sine * u + cosine * v)
            dx, dy = haar(image, *at, 2 * scale)
            dx, dy = weight * (cosine * dx + sine * dy), weight * (cosine * dy - sine * dx)
            cells[row // 5, column // 5] += dx, dy, abs(dx), abs(dy)
    return cells.ravel() / np.linalg.norm(cells)


def hessian(image, size, x, y):
    """Bay's determinant at one pixel, from sums of slices."""
    image, lobe = image - image.mean(), size // 3

    def box(left, top, right, bottom):
        return image[y + top : y + bottom + 1, x + left : x + right + 1].sum()

    whole, half, narrow = size // 2, lobe - 1, lobe // 2
    xx = box(-whole, -half, whole, half) - 3 * box(-narrow, -half, narrow, half)
    yy = box(-half, -whole, half, whole) - 3 * box(-half, -narrow, half, narrow)
    xy = box(1, 1, lobe, lobe) + box(-lobe, -lobe, -1, -1) - box(1, -lobe, lobe, -1) - box(-lobe, 1, -1, lobe)
    return xx / size**2 * yy / size**2 - (0.9 * xy / size**2) ** 2


def haar_descriptor(patch, cells):
    """Sums of differences, cell by cell."""
    height, width = patch.shape[0] // cells, patch.shape[1] // cells
    out = []
    for row in range(cells):
        for column in range(cells):
            cell = patch[row * height : (row + 1) * height, column * width : (column + 1) * width]
            across, down = cell[:, 1:] - cell[:, :-1], cell[1:] - cell[:-1]
            out += [across.sum(), down.sum(), abs(across).sum(), abs(down).sum()]
    return np.array(out)


def hog(image, orientations, cell, block, epsilon=1e-5):
    """L2 blocks, pixel by pixel with the arc tangent."""
    rows, columns = image.shape[0] // cell, image.shape[1] // cell
    cells = np.zeros((rows, columns, orientations))
    for y in range(rows * cell):
        for x in range(columns * cell):
            gy = image[y + 1, x] - image[y - 1, x] if 0 < y < image.shape[0] - 1 else 0.0
            gx = image[y, x + 1] - image[y, x - 1] if 0 < x < image.shape[1] - 1 else 0.0
            angle = math.degrees(math.atan2(gy, gx)) % 180
            number = min(int(angle * orientations / 180), orientations - 1)
            cells[y // cell, x // cell, number] += math.hypot(gx, gy) / cell**2
    out = []
    for row in range(rows - block + 1):
        for column in range(columns - block + 1):
            v = cells[row : row + block, column : column + block].ravel()
            out.append(v / math.sqrt(v @ v + epsilon**2))
    return np.concatenate(out)


def brief(smooth, points, pairs):
    """Bits of each point, True where the first pixel is brighter."""
    height, width = smooth.shape
    bits = np.zeros((len(points), len(pairs)), bool)
    for i, (x, y) in enumerate(np.rint(points).astype(int)):
        for j, (p, q) in enumerate(pairs):
            a, b = (smooth[min(max(y + o[1], 0), height - 1), min(max(x + o[0], 0), width - 1)] for o in (p, q))
            bits[i, j] = a > b
    return bits


def popcount_distance(first, second):
    """Hamming distance of two lists of Python ints."""
    return sum((int(a) ^ int(b)).bit_count() for a, b in zip(first, second, strict=True))


def affine(source, target, weights=None):
    """By `numpy.linalg.lstsq` of the notes' A m = b."""
    rows, wanted = [], []
    for (x, y), (u, v), w in zip(source, target, np.ones(len(source)) if weights is None else weights, strict=True):
        root = math.sqrt(w)
        rows += [np.array([x, y, 0, 0, 1, 0]) * root, np.array([0, 0, x, y, 0, 1]) * root]
        wanted += [u * root, v * root]
    m = np.linalg.lstsq(np.array(rows), np.array(wanted))[0]
    return np.array([[m[0], m[1], m[4]], [m[2], m[3], m[5]], [0, 0, 1]])


def camera(world, image):
    """The plain direct linear transform by NumPy's SVD; unit norm, det of the left block > 0."""
    rows = []
    for point, (x, y) in zip(world, image, strict=True):
        ends, zero = np.append(point, 1.0), np.zeros(4)
        rows += [np.concatenate([ends, zero, -x * ends]), np.concatenate([zero, ends, -y * ends])]
    matrix = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 4)
    return matrix * np.sign(np.linalg.det(matrix[:, :3]))
