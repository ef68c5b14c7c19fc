"""Forms of a convolution that are matrix products; all have equal values.

They are for a CPU, where the built-in operation and its gradients are slow on few channels and on planes of a few
pixels, and a product comes near to what the processor can do.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from dlx.nn._windows import Pads, effective_size, output_size

__all__ = ["Geometry", "by_blocks", "by_matmul", "by_pixels", "fits_columns", "kernel_by_columns"]

CHUNK = 2**21
"""Bytes of columns that one product gets: what stays in the second-level cache is not read from memory again."""

LARGEST_IMAGE = 2**23
"""Bytes of the columns of one image up to which they are made."""


class Geometry(NamedTuple):
    """Everything about a convolution that is known before its arrays."""

    stride: tuple[int, int] = (1, 1)
    pads: Pads = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


def by_matmul(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """A 1x1 kernel is a dense layer over the channels of each pixel.

    Of a matrix, that is: the gradients of a product with four axes take up to twice the time.
    """
    rows, columns = geometry.stride
    images = images[:, ::rows, ::columns]
    return (images.reshape(-1, images.shape[-1]) @ kernel[0, 0]).reshape(*images.shape[:3], kernel.shape[3])


def by_blocks(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """One matrix product: blocks of columns times a banded (Toeplitz) matrix; stride and dilation 1.

    The input columns under a few neighbouring outputs make one row of a matrix; the kernel, once for each of these
    outputs and each time moved by one column, makes the other. Blocks of one output are im2col, which copies more;
    blocks of a whole row multiply more zeros.
    """
    batch, height, width, channels = images.shape
    window_rows, window_columns, _, outputs = kernel.shape
    (top, bottom), (left, right) = geometry.pads
    rows, columns = height + top + bottom - window_rows + 1, width + left + right - window_columns + 1
    block = min(max(window_columns - 1, 2), columns)
    count = -(-columns // block)
    reach = block + window_columns - 1
    images = jnp.pad(images, ((0, 0), (top, bottom), (left, right + count * block - columns), (0, 0)))
    blocks = [
        images[:, :, b * block : b * block + reach].reshape(batch, height + top + bottom, 1, reach * channels)
        for b in range(count)
    ]
    parts = jnp.concatenate(blocks, axis=2)
    parts = jnp.concatenate([parts[:, u : u + rows] for u in range(window_rows)], axis=-1)
    # band[v, q, j] = 1 where output j of a block sees its column q through column v of the kernel
    band = jnp.stack([jnp.eye(reach, block, -v, dtype=kernel.dtype) for v in range(window_columns)])
    matrix = jnp.einsum("uvco,vqj->uqcjo", kernel, band).reshape(window_rows * reach * channels, block * outputs)
    result = parts.reshape(batch * rows * count, window_rows * reach * channels) @ matrix
    return result.reshape(batch, rows, count * block, outputs)[:, :, :columns]


def by_pixels(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """A dense layer over all pixels and channels of a plane; for planes of a few pixels, without groups.

    A 3x3 kernel on a plane of 2x2 is a full matrix; on a plane of 1x1 only the entry in the middle counts.
    """
    batch, height, width, channels = images.shape
    outputs = kernel.shape[3]
    meets = [
        _entries_that_meet(size, window, s, pads, d)
        for size, window, s, pads, d in zip(
            (height, width), kernel.shape[:2], geometry.stride, geometry.pads, geometry.dilation, strict=True
        )
    ]
    nothing = jnp.zeros((channels, outputs), kernel.dtype)
    matrix = jnp.concatenate([
        jnp.concatenate([
            nothing if u is None or v is None else kernel[u, v] for u, v in itertools.product(down, across)
        ], axis=1)
        for down, across in itertools.product(*meets)
    ])  # fmt: skip
    size = [len(row_of_outputs) for row_of_outputs, *_ in meets]
    return (images.reshape(batch, height * width * channels) @ matrix).reshape(batch, *size, outputs)


def _entries_that_meet(size: int, window: int, stride: int, pads: tuple[int, int], dilation: int) -> list[list]:
    """For each pixel of a line and each output: which entry of the kernel lies on that pixel, None for none."""
    count = output_size(size, window, stride, pads, dilation)
    offsets = [[pixel + pads[0] - stride * output for output in range(count)] for pixel in range(size)]
    entries = {dilation * entry: entry for entry in range(window)}
    return [[entries.get(offset) for offset in row] for row in offsets]


def fits_columns(images: Array, gradient: Array, window: tuple[int, ...], geometry: Geometry) -> bool:
    """Whether `kernel_by_columns` is for these: no groups, and no columns of many megabytes for one image."""
    return geometry.groups == 1 and _column_bytes(images, gradient, window, geometry) <= LARGEST_IMAGE


def kernel_by_columns(images: Array, gradient: Array, window: tuple[int, ...], geometry: Geometry) -> Array:
    """Gradient by the kernel: the product of the outputs' gradient and the pixels under each entry of the kernel.

    These columns (im2col) are written for a few images at a time. With stride 1 the gradient can be moved against the
    images as well as the images against the gradient: the one with fewer channels is.
    """
    by_images = _moves_images(images, gradient, geometry)
    still, moved = (gradient, images) if by_images else (images, gradient)
    reach = [effective_size(*pair) for pair in zip(window, geometry.dilation, strict=True)]
    (rows, columns), (s, t) = still.shape[1:3], geometry.stride
    edges, starts = [], []
    for axis, (far, count, step) in enumerate(zip(reach, (rows, columns), (s, t), strict=True)):
        low, dilation = geometry.pads[axis][0], geometry.dilation[axis]
        low = low if by_images else far - 1 - low
        edges.append((low, (count - 1) * step + far - low - moved.shape[axis + 1], 0))
        starts.append(range(0, far, dilation) if by_images else range(far - 1, -1, -dilation))
    wide = jnp.promote_types(images.dtype, jnp.float32)

    def product(still: Array, moved: Array) -> Array:
        moved = lax.pad(moved, np.zeros((), moved.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
        views = [
            moved[:, u : u + (rows - 1) * s + 1 : s, v : v + (columns - 1) * t + 1 : t]
            for u, v in itertools.product(*starts)
        ]
        pixels = jnp.concatenate(views, axis=-1).reshape(-1, len(views) * moved.shape[-1])
        return jnp.matmul(still.reshape(-1, still.shape[-1]).T, pixels, preferred_element_type=wide)

    chunks = _count_chunks(images, gradient, window, geometry)
    kernel = _sum_of_products(product, still, moved, chunks).astype(images.dtype)
    kernel = kernel.reshape(-1, *window, moved.shape[-1])
    return kernel.transpose(1, 2, 3, 0) if by_images else kernel.transpose(1, 2, 0, 3)


def _sum_of_products(product: Callable[[Array, Array], Array], first: Array, second: Array, chunks: int) -> Array:
    """The sum of `product` over about so many chunks of equal size, and what is left over."""
    batch = len(first)
    each = max(1, -(-batch // min(max(chunks, 1), max(batch, 1))))
    whole, end = batch // each, batch // each * each
    if whole < 2:
        total = product(first[:each], second[:each])
    else:
        cut = [array[:end].reshape(whole, each, *array.shape[1:]) for array in (first, second)]
        shape = jax.eval_shape(product, cut[0][0], cut[1][0])
        start = jnp.zeros(shape.shape, shape.dtype)
        total, _ = lax.scan(lambda total, parts: (total + product(*parts), None), start, cut)
    return total + product(first[end:], second[end:]) if 0 < end < batch else total


def _count_chunks(images: Array, gradient: Array, window: tuple[int, ...], geometry: Geometry) -> int:
    # each product reads and writes the sums once, which must be little beside its columns
    sums = math.prod(window) * images.shape[-1] * gradient.shape[-1] * images.dtype.itemsize
    return -(-len(images) * _column_bytes(images, gradient, window, geometry) // max(CHUNK, 8 * sums))


def _moves_images(images: Array, gradient: Array, geometry: Geometry) -> bool:
    return geometry.stride != (1, 1) or images.shape[-1] <= gradient.shape[-1]


def _column_bytes(images: Array, gradient: Array, window: tuple[int, ...], geometry: Geometry) -> int:
    """Of one image."""
    still, moved = (gradient, images) if _moves_images(images, gradient, geometry) else (images, gradient)
    return math.prod((*still.shape[1:3], *window, moved.shape[-1])) * images.dtype.itemsize
