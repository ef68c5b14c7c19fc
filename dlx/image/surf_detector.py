"""SURF's detector: determinants of Hessians by box filters, of every size at the same cost."""

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from dlx.checks import check_count, check_range
from dlx.image._images import Image, grey
from dlx.image.keypoints import Keypoints, clear_invalid, pad_keypoints
from dlx.image.surf import surf_orientation, zero_mean_integral

__all__ = ["hessian_response", "surf_keypoints"]

RELATIVE_WEIGHT = 0.9
"""Of D_xy, which balances what boxes make of the Gaussian's derivatives (Bay et al. 2006, eq. 3)."""


def hessian_response(image: Image, *, size: int = 9) -> Float[Array, "height width"]:
    """Determinant of the Hessian by box filters.

        D_xx D_yy - (0.9 D_xy)^2,    D_xx = boxes of weights 1, -2, 1, each size / 3 wide and 2 size / 3 - 1 high;
        D_xy = four squares of side size / 3;    each divided by size^2

    Size 9 stands for second derivatives of a Gaussian of sigma 1.2, size L for 1.2 L / 9.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      size: side L of the filters, an odd multiple of 3, at least 9.
    Returns: (height, width) responses; outside the image is its mean.
    Raises: ValueError for another size, or an image smaller than the filter; TypeError for other integers.
    Source: Bay et al. 2006, section 3.
    """
    check_count("size", size)
    if size < 9 or size % 3 or size % 2 == 0:
        raise ValueError(f"size: got {size}, wanted an odd multiple of 3, at least 9")
    values = grey(image)
    _check_fits(values, size)
    return _response(zero_mean_integral(values), size).astype(values.dtype)


def _check_fits(image: Array, size: int) -> None:
    if min(image.shape) < size:
        raise ValueError(f"image: got shape {image.shape}, wanted at least {size}x{size} pixels, the largest filter")


def _response(integral: Array, size: int) -> Array:
    lobe, reach = size // 3, size // 2 + 1
    height, width = integral.shape[0] - 1, integral.shape[1] - 1
    wide = jnp.pad(integral, reach, mode="edge")

    def box(left: int, top: int, right: int, bottom: int) -> Array:
        """Sum over pixels from (x + left, y + top) to (x + right, y + bottom), these included."""

        def corner(x: int, y: int) -> Array:
            return wide[reach + y : reach + y + height, reach + x : reach + x + width]

        return (corner(right + 1, bottom + 1) - corner(left, bottom + 1)) - (corner(right + 1, top) - corner(left, top))

    half, narrow = lobe - 1, lobe // 2
    xx = box(-(size // 2), -half, size // 2, half) - 3 * box(-narrow, -half, narrow, half)
    yy = box(-half, -(size // 2), half, size // 2) - 3 * box(-half, -narrow, half, narrow)
    xy = box(1, 1, lobe, lobe) + box(-lobe, -lobe, -1, -1) - box(1, -lobe, lobe, -1) - box(-lobe, 1, -1, lobe)
    return (xx * yy - (RELATIVE_WEIGHT * xy) ** 2) / size**4


def surf_keypoints(
    image: Image, *, count: int = 500, threshold: float = 1e-4, octaves: int = 3, upright: bool = False
) -> Keypoints:
    """SURF's keypoints: maxima of the Hessian's determinant in place and scale.

        sizes 9, 15, 21, 27;  15, 27, 39, 51;  27, 51, 75, 99; ...    scale s = 1.2 size / 9

    A point is larger than its 26 neighbours and `threshold`; place and scale are refined by a parabola. All octaves are
    sampled at every pixel.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      count: how many, the strongest first.
      threshold: smallest determinant; it goes with the square of the contrast.
      octaves: of four filters each; the largest of 3 octaves has 99 pixels.
      upright: leave the angles 0 instead of `surf_orientation`.
    Returns: `Keypoints` with `count` entries.
    Raises: ValueError if the image is smaller than the largest filter, or an option is out of range; TypeError for
      other integers.
    Source: Bay et al. 2006, section 3.2; notes 001 section 14 (which has no detector).
    """
    check_count("count", count)
    check_count("octaves", octaves)
    check_range("threshold", threshold, 0, float("inf"), open_high=True)
    values = grey(image)
    sizes = [[3 * (2 ** (octave + 1) * (i + 1) + 1) for i in range(4)] for octave in range(octaves)]
    _check_fits(values, sizes[-1][-1])
    integral = zero_mean_integral(values)
    responses = {size: _response(integral, size) for size in sorted({size for row in sizes for size in row})}
    layers = [(row[i - 1 : i + 2], row[1] - row[0]) for row in sizes for i in (1, 2)]
    found = [_layer(tuple(responses[size] for size in three), three, step, count, threshold) for three, step in layers]
    joined = Keypoints(*(jnp.concatenate(fields) for fields in zip(*found, strict=True)))
    kept = min(count, len(joined.valid))
    _, order = lax.top_k(jnp.where(joined.valid, joined.response, -jnp.inf), kept)
    points = clear_invalid(Keypoints(*(field[order] for field in joined)))
    if not upright:
        angles = surf_orientation(values, points.xy, points.scale)
        points = clear_invalid(points._replace(angle=angles.astype(points.angle.dtype)))
    points = pad_keypoints(points, count)
    dtype = values.dtype
    return Keypoints(*(f.astype(dtype) if jnp.issubdtype(f.dtype, jnp.floating) else f for f in points))


def _layer(three: tuple[Array, ...], sizes: list[int], step: int, count: int, threshold: float) -> Keypoints:
    """Maxima of the middle one of three responses."""
    stack = jnp.stack(three)
    middle = lax.stop_gradient(stack[1])
    height, width = middle.shape
    largest = jnp.max(lax.stop_gradient(stack), axis=0)
    for axis in (0, 1):
        padded = jnp.pad(largest, [(1, 1) if i == axis else (0, 0) for i in range(2)], mode="edge")
        shifts = [lax.slice_in_dim(padded, i, i + largest.shape[axis], axis=axis) for i in range(3)]
        largest = jnp.maximum(jnp.maximum(shifts[0], shifts[1]), shifts[2])
    # the largest of the three filters lies inside the image
    border = sizes[2] // 2 + 1
    inside = jnp.zeros(middle.shape, bool).at[border : height - border, border : width - border].set(True)
    score = jnp.where((middle == largest) & (middle > threshold) & inside, middle, -jnp.inf)
    best, index = lax.top_k(score.ravel(), min(count, score.size))
    x, y = index % width, index // width
    around = [jnp.clip(p, 1, size - 2) for p, size in ((x, width), (y, height))] if min(height, width) > 2 else [x, y]
    offset, response = _refined(stack, *around)
    dtype = middle.dtype
    size = sizes[1] + step * offset[:, 2]
    xy = jnp.stack([x, y], axis=1).astype(dtype) + offset[:, :2]
    empty = jnp.zeros(len(best), dtype)
    scale = (1.2 / 9 * size).astype(dtype)
    octave = jnp.zeros(len(best), jnp.int32)
    return clear_invalid(Keypoints(xy, scale, empty, response, octave, best > -jnp.inf))


def _refined(stack: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Offsets (x, y, layer) of the extremum of the parabola through 27 values, at most 1 each, and its value."""

    def at(i: int, j: int, k: int) -> Array:
        return stack[1 + k, y + j, x + i]

    here = at(0, 0, 0)
    first = jnp.stack([at(1, 0, 0) - at(-1, 0, 0), at(0, 1, 0) - at(0, -1, 0), at(0, 0, 1) - at(0, 0, -1)], axis=1) / 2
    xx, yy = at(1, 0, 0) - 2 * here + at(-1, 0, 0), at(0, 1, 0) - 2 * here + at(0, -1, 0)
    ss = at(0, 0, 1) - 2 * here + at(0, 0, -1)
    xy = (at(1, 1, 0) - at(-1, 1, 0) - at(1, -1, 0) + at(-1, -1, 0)) / 4
    xs = (at(1, 0, 1) - at(-1, 0, 1) - at(1, 0, -1) + at(-1, 0, -1)) / 4
    ys = (at(0, 1, 1) - at(0, -1, 1) - at(0, 1, -1) + at(0, -1, -1)) / 4
    hessian = jnp.stack([jnp.stack(row, axis=1) for row in ([xx, xy, xs], [xy, yy, ys], [xs, ys, ss])], axis=1)
    a, b, c = (hessian[:, i] for i in range(3))
    cofactors = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=1)
    determinant = jnp.sum(a * cofactors[:, 0], axis=1)
    solvable = determinant != 0
    solved = -jnp.einsum("nij,ni->nj", cofactors, first) / jnp.where(solvable, determinant, 1)[:, None]
    offset = jnp.clip(jnp.where(solvable[:, None], solved, 0), -1, 1)
    return offset, here + 0.5 * jnp.sum(first * offset, axis=1)
