"""Sums of shifted copies: how a filter with one channel is fast. XLA's convolution takes 7 to 30 times as long here."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from dlx.image._borders import pad
from dlx.image._images import Mode

Taps = Sequence[float] | np.ndarray | jax.Array


def correlate1d(image: jax.Array, taps: Taps, axis: int, *, mode: Mode = "reflect", fill: float = 0.0) -> jax.Array:
    """sum_i taps[i] image[.. + i - k // 2 ..] along one axis of an image of any size; taps equal (or opposite) on both
    sides of the middle share a product.
    """
    taps = np.asarray(taps, np.float64) if not isinstance(taps, jax.Array) else taps.astype(image.dtype)
    radius, size = len(taps) // 2, image.shape[axis]
    widths = [(radius, len(taps) - 1 - radius) if i == axis else (0, 0) for i in range(image.ndim)]
    wide = pad(image, widths, mode=mode, fill=fill)

    def shifted(i: int) -> jax.Array:
        return jax.lax.slice_in_dim(wide, i, i + size, axis=axis)

    known = isinstance(taps, np.ndarray)
    if known and len(taps) % 2 and np.array_equal(taps, taps[::-1]):
        terms = [(taps[radius], image)]
        terms += [(taps[i], shifted(i) + shifted(2 * radius - i)) for i in range(radius)]
    elif known and len(taps) % 2 and np.array_equal(taps, -taps[::-1]):
        terms = [(taps[2 * radius - i], shifted(2 * radius - i) - shifted(i)) for i in range(radius)]
    else:
        terms = [(taps[i], shifted(i)) for i in range(len(taps))]
    return _total(image, terms)


def separable(image: jax.Array, rows: Taps, columns: Taps, *, mode: Mode = "reflect", fill: float = 0.0) -> jax.Array:
    """Correlation with the outer product of `rows`, along y, and `columns`, along x."""
    return correlate1d(correlate1d(image, rows, 0, mode=mode, fill=fill), columns, 1, mode=mode, fill=fill)


def correlate2d(
    image: jax.Array, taps: np.ndarray | jax.Array, *, mode: Mode = "reflect", fill: float = 0.0
) -> jax.Array:
    """sum_ij taps[i, j] image[y + i - rows // 2, x + j - columns // 2]."""
    rows, columns = taps.shape
    # the result of a first pass outside the image is not `fill`
    if isinstance(taps, np.ndarray) and not (mode == "constant" and fill):
        factors = _outer_factors(taps)
        if factors is not None:
            return separable(image, *factors, mode=mode, fill=fill)
    wide = pad(
        image, [(rows // 2, rows - 1 - rows // 2), (columns // 2, columns - 1 - columns // 2)], mode=mode, fill=fill
    )
    if rows * columns <= _UNROLLED:
        return _total(
            image,
            [
                (taps[i, j], wide[i : i + image.shape[0], j : j + image.shape[1]])
                for i in range(rows)
                for j in range(columns)
            ],
        )
    weights = jnp.asarray(taps, image.dtype)

    def add_row(i: jax.Array, total: jax.Array) -> jax.Array:
        band = jax.lax.dynamic_slice_in_dim(wide, i, image.shape[0], axis=0)
        return total + sum(weights[i, j] * band[:, j : j + image.shape[1]] for j in range(columns))

    # one row of the kernel in the program, not all: a large kernel would compile for minutes
    return jax.lax.fori_loop(0, rows, add_row, jnp.zeros_like(image))


_UNROLLED = 81


def _outer_factors(taps: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The two vectors whose outer product the kernel is, to rounding of float64."""
    i, j = np.unravel_index(np.argmax(np.abs(taps)), taps.shape)
    if taps[i, j] == 0:
        return None
    column, row = taps[:, j] / taps[i, j], taps[i]
    return (column, row) if np.abs(np.outer(column, row) - taps).max() <= 1e-15 * abs(taps[i, j]) else None


def _total(image: jax.Array, terms: Sequence[tuple[float | jax.Array, jax.Array]]) -> jax.Array:
    """The sum; a tap of 0 costs nothing, one of 1 no product."""
    total = None
    for tap, term in terms:
        if not isinstance(tap, jax.Array):
            if tap == 0:
                continue
            tap = float(tap)
        product = term if isinstance(tap, float) and tap == 1 else tap * term
        total = product if total is None else total + product
    return jnp.zeros_like(image) if total is None else total
