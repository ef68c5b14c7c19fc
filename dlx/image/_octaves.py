"""Octaves of Gaussians: how they are made quickly, and how a keypoint reads one of them."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dlx.image._shifts import separable

DENSE = 256
"""Up to this side a blur is a product with a matrix: one operation to compile in place of hundreds, and as fast."""


def gaussian_octave(image: jax.Array, steps: Sequence[float]) -> jax.Array:
    """(len(steps), height, width): the image after the first blur, after the first two, ..."""
    if max(image.shape) <= DENSE:
        rows, columns = (jnp.asarray(_blur_matrices(size, steps), image.dtype) for size in image.shape)
        half = jnp.einsum("kij,jl->kil", rows, image, precision="highest")
        return jnp.einsum("kil,kml->kim", half, columns, precision="highest")
    layers = []
    for step in steps:
        taps = _taps(step)
        image = separable(image, taps, taps)
        layers.append(image)
    return jnp.stack(layers)


def _taps(sigma: float) -> np.ndarray:
    radius = int(4 * sigma + 0.5)
    if not radius:
        return np.ones(1)
    bell = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return bell / bell.sum()


def _blur_matrices(size: int, steps: Sequence[float]) -> np.ndarray:
    """Products of the matrices of the single blurs, the image mirrored at its edges (SciPy's "reflect")."""
    product, all_of_them = np.eye(size), []
    for step in steps:
        taps = _taps(step)
        matrix = np.zeros((size, size))
        for i, tap in enumerate(taps):
            at = (np.arange(size) + i - len(taps) // 2) % (2 * size)
            np.add.at(matrix, (np.arange(size), np.minimum(at, 2 * size - 1 - at)), tap)
        product = matrix @ product
        all_of_them.append(product)
    return np.stack(all_of_them)


def flat_octaves(octaves: Sequence[jax.Array]) -> tuple[jax.Array, np.ndarray]:
    """All octaves in one row, so that one program reads keypoints of all; and their (start, height, width)."""
    sizes = [stack.size for stack in octaves]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    shapes = [(start, *stack.shape[1:]) for start, stack in zip(starts, octaves, strict=True)]
    return jnp.concatenate([stack.ravel() for stack in octaves]), np.asarray(shapes, np.int32)


def place_of(shapes: np.ndarray, cell: jax.Array) -> jax.Array:
    """Where (octave, layer, y, x) stands in the row."""
    start, height, width = jnp.asarray(shapes)[cell[0]]
    return start + (cell[1] * height + cell[2]) * width + cell[3]


def patch_of_differences(flat: jax.Array, shapes: np.ndarray, cell: jax.Array) -> jax.Array:
    """(3, 3, 3) of the differences of Gaussians about (octave, layer, y, x)."""
    _, height, width = jnp.asarray(shapes)[cell[0]]
    layer, y, x = (axis.ravel() for axis in np.mgrid[-1:3, -1:2, -1:2])
    index = place_of(shapes, cell) + (layer * height + y) * width + x
    blurred = take(flat, index).reshape(4, 3, 3)
    return blurred[1:] - blurred[:-1]


def take(flat: jax.Array, index: jax.Array) -> jax.Array:
    """Entries by numbers that are known to be inside."""
    return flat.at[index].get(mode="promise_in_bounds")


def gradients(
    flat: jax.Array, start: jax.Array, height: jax.Array, width: jax.Array, x: jax.Array, y: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Central differences of a layer at real coordinates by bilinear interpolation; 0 outside."""
    left, top = jnp.floor(lax.stop_gradient(x)), jnp.floor(lax.stop_gradient(y))
    inside = (left >= 1) & (left <= width - 3) & (top >= 1) & (top <= height - 3)
    column = jnp.clip(left, 1, width - 3).astype(jnp.int32)
    row = jnp.clip(top, 1, height - 3).astype(jnp.int32)
    a, b = jnp.where(inside, x - left, 0), jnp.where(inside, y - top, 0)
    corner = start + row * width + column

    def pixel(i: int, j: int) -> jax.Array:
        return take(flat, corner + i * width + j)

    def slope(upper: tuple[jax.Array, jax.Array], lower: tuple[jax.Array, jax.Array]) -> jax.Array:
        first = upper[0] * (1 - a) + upper[1] * a
        return first * (1 - b) + (lower[0] * (1 - a) + lower[1] * a) * b

    above, here, there, below = [pixel(-1, j) for j in (0, 1)], *_rows(pixel), [pixel(2, j) for j in (0, 1)]
    gx = slope((here[2] - here[0], here[3] - here[1]), (there[2] - there[0], there[3] - there[1])) / 2
    gy = slope((there[1] - above[0], there[2] - above[1]), (below[0] - here[1], below[1] - here[2])) / 2
    return jnp.where(inside, gx, 0), jnp.where(inside, gy, 0)


def _rows(pixel) -> tuple[list[jax.Array], list[jax.Array]]:
    return [pixel(0, j) for j in (-1, 0, 1, 2)], [pixel(1, j) for j in (-1, 0, 1, 2)]
