"""The detector of SIFT: octaves of Gaussians, extrema of their differences, refinement and rejection."""

import math
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_count, check_range
from dlx.image._images import Image, check_positive, grey, wide
from dlx.image._octaves import flat_octaves, gaussian_octave, patch_of_differences, place_of
from dlx.image.keypoints import Keypoints, clear_invalid, pad_keypoints
from dlx.image.scale_space import difference_extrema

__all__ = ["refine_extremum", "sift_keypoints", "sift_scale_space"]

BORDER = 5
"""Pixels along the edges of every octave in which nothing is looked for, as in OpenCV."""
SMALLEST = 16
"""Sides of the smallest octave, which leave 6 x 6 pixels inside the border."""
STEPS = 5
"""How often the quadratic is fitted before a point that still moves is given up."""
CANDIDATES = 4
"""Extrema looked at for each keypoint wanted: on photographs about half fail the edge and contrast tests."""


def sift_scale_space(
    image: Image, *, octaves: int | None = None, scales: int = 3, sigma: float = 1.6, upsample: bool = True
) -> tuple[Float[Array, "layers _ _"], ...]:
    """Octaves of Gaussian-blurred images, each octave half the size of the one before.

        L_i = I * g(sigma 2^(i / scales)),  i = 0 .. scales + 2, in pixels of the octave

    Each layer is the one before, blurred by the difference of the variances; an octave begins with every second pixel
    of the layer of twice the first blur. The image is taken to have a blur of 0.5 pixels already. The notes go from
    layer to layer by sqrt(2) and do not halve the image: `scales=2` has that ratio.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      octaves: how many; None: as many as have 16 pixels on the shorter side.
      scales: intervals in an octave, the number of scales at which extrema are looked for.
      sigma: blur of the first layer of each octave, in its pixels, > 0.5 (> 1 with `upsample`).
      upsample: begin with the image at twice its size, by linear interpolation. Its pixel i stands at i / 2 - 1 / 4
        of the image: all are blurred alike, as they would not be if every second one were a pixel of the image.
    Returns: for each octave (scales + 3, height, width) of it.
    Raises: ValueError for another shape, an image too small for the octaves, `octaves` or `scales` below 1, or `sigma`
      out of range; TypeError for other integers.
    Source: Lowe 2004, section 3; notes 001 section 14.
    """
    values = wide_grey(image)
    check_positive("sigma", sigma)
    check_range("sigma", sigma, 1.0 if upsample else 0.5, math.inf, open_low=True)
    check_count("scales", scales)
    smallest = min(values.shape) * (2 if upsample else 1)
    most = int(math.log2(smallest / SMALLEST)) + 1 if smallest >= SMALLEST else 0
    if octaves is not None:
        check_count("octaves", octaves)
    if most < (octaves or 1):
        raise ValueError(
            f"image: got shape {values.shape}, wanted at least {SMALLEST} pixels on each side of the last of"
            f" {octaves or 1} octaves{' (the first is doubled)' if upsample else ''}"
        )
    stacks = _scale_space(values, octaves or most, scales, float(sigma), upsample)
    return tuple(stack.astype(values.dtype) for stack in stacks)


@partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _scale_space(image: Array, octaves: int, scales: int, sigma: float, upsample: bool) -> tuple[Array, ...]:
    base, blur = image, 0.5
    if upsample:
        base, blur = _double(_double(image, 0), 1), 1.0
    stacks: list[Array] = []
    for number in range(octaves):
        if number:
            base, blur = stacks[-1][scales, ::2, ::2], sigma
        blurs = [blur] + [sigma * 2 ** (i / scales) for i in range(scales + 3)]
        steps = [math.sqrt(max(b**2 - a**2, 0)) for a, b in pairwise(blurs)]
        stacks.append(gaussian_octave(base, steps))
    return tuple(stacks)


def _double(image: Array, axis: int) -> Array:
    """Twice as many pixels, a quarter of a pixel to both sides of those there were."""
    size = image.shape[axis]
    before, after = np.maximum(np.arange(size) - 1, 0), np.minimum(np.arange(size) + 1, size - 1)
    sides = [0.75 * image + 0.25 * jnp.take(image, other, axis=axis) for other in (before, after)]
    return jnp.stack(sides, axis=axis + 1).reshape([2 * n if i == axis else n for i, n in enumerate(image.shape)])


def refine_extremum(
    patch: Float[Array, "3 3 3"],
) -> tuple[Float[Array, "3"], Float[Array, ""], Float[Array, "3 3"]]:
    """The extremum of the quadratic through a 3 x 3 x 3 patch, to below a pixel.

        D(v + d) = D + g.d + d.H d / 2,    d = -H^-1 g,    D(v + d) = D + g.d / 2
        g_x = (D(x + 1) - D(x - 1)) / 2,   H_xx = D(x + 1) - 2 D(x) + D(x - 1)
        H_xy = (D(x + 1, y + 1) - D(x + 1, y - 1) - D(x - 1, y + 1) + D(x - 1, y - 1)) / 4

    Exact where D is a quadratic. The notes print a plus in the first difference.

    Args:
      patch: D at (scale, y, x), the point in the middle.
    Returns: (d as (x, y, scale), D(v + d), H in that order). Where H is singular d is 0.
    Raises: ValueError for another shape.
    Source: Brown and Lowe 2002; Lowe 2004, section 4; notes 001 section 14.
    """
    if patch.shape != (3, 3, 3):
        raise ValueError(f"patch: got shape {patch.shape}, wanted (3, 3, 3)")
    middle = patch[1, 1, 1]
    up = (patch[1, 1, 2], patch[1, 2, 1], patch[2, 1, 1])
    down = (patch[1, 1, 0], patch[1, 0, 1], patch[0, 1, 1])
    gx, gy, gs = ((a - b) / 2 for a, b in zip(up, down, strict=True))
    hxx, hyy, hss = (a + b - 2 * middle for a, b in zip(up, down, strict=True))
    hxy = (patch[1, 2, 2] - patch[1, 2, 0] - patch[1, 0, 2] + patch[1, 0, 0]) / 4
    hxs = (patch[2, 1, 2] - patch[2, 1, 0] - patch[0, 1, 2] + patch[0, 1, 0]) / 4
    hys = (patch[2, 2, 1] - patch[2, 0, 1] - patch[0, 2, 1] + patch[0, 0, 1]) / 4
    # Cramer's rule: a factorisation of thousands of 3 x 3 matrices is slow under vmap
    cxx, cxy, cxs = hyy * hss - hys * hys, hxs * hys - hxy * hss, hxy * hys - hxs * hyy
    cyy, cys, css = hxx * hss - hxs * hxs, hxy * hxs - hxx * hys, hxx * hyy - hxy * hxy
    det = hxx * cxx + hxy * cxy + hxs * cxs
    flat = det == 0
    rows = jnp.stack([cxx * gx + cxy * gy + cxs * gs, cxy * gx + cyy * gy + cys * gs, cxs * gx + cys * gy + css * gs])
    offset = jnp.where(flat, 0, -rows / jnp.where(flat, 1, det))
    value = middle + (gx * offset[0] + gy * offset[1] + gs * offset[2]) / 2
    hessian = jnp.stack([hxx, hxy, hxs, hxy, hyy, hys, hxs, hys, hss]).reshape(3, 3)
    return offset, value, hessian


def sift_keypoints(
    octaves: tuple[Float[Array, "layers _ _"], ...],
    *,
    count: int = 500,
    contrast_threshold: float = 0.04,
    edge_threshold: float = 10.0,
    sigma: float = 1.6,
    upsample: bool = True,
) -> Keypoints:
    """Extrema of the differences of Gaussians over place and scale, refined, without weak ones and edges.

        D_i = L_{i+1} - L_i,   |D| an extremum of its 26 neighbours and > contrast / (2 scales)
        kept:  |D(v + d)| >= contrast / scales,   tr(H)^2 / det(H) < (r + 1)^2 / r,   H over (x, y)

    A point that the quadratic puts nearer to another pixel moves there, up to five times. Lowe's paper has the contrast
    threshold 0.03 for D itself, OpenCV 0.04 / scales, as here; `contrast_threshold=0.03 * scales` is the paper's.

    Args:
      octaves: of `sift_scale_space`.
      count: how many keypoints to return.
      contrast_threshold: of brightness in [0, 1].
      edge_threshold: r, the largest ratio of the two curvatures.
      sigma: as given to `sift_scale_space`.
      upsample: as given to `sift_scale_space`.
    Returns: `Keypoints`, strongest first by |D(v + d)|, without angles; differentiable by the octaves.
    Raises: ValueError if `count` is below 1, a threshold below 0 (1 for edges), `sigma` not positive, or `octaves` are
      none or have fewer than 4 layers.
    Source: Lowe 2004, sections 3 and 4; OpenCV's `SIFT`; notes 001 section 14.
    """
    check_octaves(octaves)
    check_count("count", count)
    check_positive("sigma", sigma)
    check_range("contrast_threshold", contrast_threshold, 0, math.inf, open_high=True)
    check_range("edge_threshold", edge_threshold, 1, math.inf, open_high=True)
    return _keypoints(octaves, count, float(contrast_threshold), float(edge_threshold), float(sigma), upsample)


@partial(jax.jit, static_argnums=(1, 2, 3, 4, 5))
def _keypoints(
    octaves: tuple[Array, ...], count: int, contrast: float, edge: float, sigma: float, upsample: bool
) -> Keypoints:
    scales = octaves[0].shape[0] - 3
    cell = _candidates(octaves, CANDIDATES * count, 0.5 * contrast / scales)
    flat, shapes = flat_octaves(octaves)
    still = lax.stop_gradient(flat)
    alive = cell[:, 0] >= 0
    cell = jnp.maximum(cell, 0)
    heights, widths = jnp.asarray(shapes[:, 1]), jnp.asarray(shapes[:, 2])

    def move(_, state):
        cell, alive = state
        offset = jax.vmap(lambda one: refine_extremum(patch_of_differences(still, shapes, one))[0])(cell)
        offset = jnp.where(jnp.isfinite(offset), offset, 1e3)
        moves = jnp.any(jnp.abs(offset) >= 0.5, axis=1) & alive
        step = jnp.round(jnp.clip(offset, -1e3, 1e3)).astype(jnp.int32)[:, ::-1]
        moved = cell + jnp.pad(step, ((0, 0), (1, 0)))
        octave, layer, y, x = moved.T
        inside = (layer >= 1) & (layer <= scales) & (y >= BORDER) & (y < heights[octave] - BORDER)
        inside &= (x >= BORDER) & (x < widths[octave] - BORDER)
        return jnp.where((moves & inside)[:, None], moved, cell), alive & (inside | ~moves)

    cell, alive = lax.fori_loop(0, STEPS - 1, move, (cell, alive))
    offset, value, hessian = jax.vmap(lambda one: refine_extremum(patch_of_differences(flat, shapes, one)))(cell)
    trace, det = hessian[:, 0, 0] + hessian[:, 1, 1], hessian[:, 0, 0] * hessian[:, 1, 1] - hessian[:, 0, 1] ** 2
    alive &= jnp.all(jnp.abs(offset) < 0.5, axis=1) & (jnp.abs(value) * scales >= contrast)
    alive &= (det > 0) & (trace**2 * edge < (edge + 1) ** 2 * det)
    alive &= ~_repeated(jax.vmap(lambda one: place_of(shapes, one))(cell), alive)
    response = jnp.abs(value)
    _, best = lax.top_k(jnp.where(alive, lax.stop_gradient(response), -1), min(count, len(alive)))
    return pad_keypoints(
        _in_image(cell[best], offset[best], response[best], alive[best], scales, sigma, upsample), count
    )


def _candidates(octaves: tuple[Array, ...], count: int, threshold: float) -> Array:
    """(octave, layer, y, x) of the extrema with the largest |D|, -1 where there are no more."""
    strengths, cells = [], []
    for number, stack in enumerate(octaves):
        score = difference_extrema(lax.stop_gradient(stack), threshold, BORDER)
        _, height, width = score.shape
        # an extremum is alone among its neighbours, and a Gaussian of 1.6 pixels leaves far fewer than one in 16
        best, index = lax.top_k(score.ravel(), min(count, max(1, height * width // 16)))
        layer, place = index // (height * width), index % (height * width)
        cell = jnp.stack([jnp.full_like(index, number), layer + 1, place // width + BORDER, place % width + BORDER], 1)
        strengths.append(best)
        cells.append(jnp.where(jnp.isfinite(best)[:, None], cell, -1))
    strength, cell = jnp.concatenate(strengths), jnp.concatenate(cells)
    _, best = lax.top_k(strength, min(count, len(strength)))
    return cell[best].astype(jnp.int32)


def _repeated(place: Array, alive: Array) -> Array:
    """Whether an earlier living point ended at the same place."""
    place = jnp.where(alive, place, -1)
    order = jnp.argsort(place, stable=True)
    again = jnp.concatenate([jnp.zeros(1, bool), place[order][1:] == place[order][:-1]])
    return jnp.zeros_like(alive).at[order].set(again) & alive


def _in_image(
    cell: Array, offset: Array, response: Array, valid: Array, scales: int, sigma: float, upsample: bool
) -> Keypoints:
    octave = cell[:, 0] - int(upsample)
    factor = jnp.exp2(octave.astype(offset.dtype))
    return clear_invalid(
        Keypoints(
            xy=(cell[:, :1:-1].astype(offset.dtype) + offset[:, :2]) * factor[:, None] - shift_of(upsample),
            scale=sigma * factor * jnp.exp2((cell[:, 1].astype(offset.dtype) + offset[:, 2]) / scales),
            angle=jnp.zeros_like(response),
            response=response,
            octave=octave,
            valid=valid,
        )
    )


def shift_of(upsample: bool) -> float:
    """Where the image has the first pixel of all octaves, to the left of and above its own."""
    return 0.25 if upsample else 0.0


def wide_grey(image: Image) -> Array:
    """A float image of at least float32."""
    return wide(grey(image))


def check_octaves(octaves: tuple[Array, ...]) -> None:
    """Refuse what is no scale space."""
    if not len(octaves):
        raise ValueError("octaves: got none, wanted those of sift_scale_space")
    for stack in octaves:
        if np.ndim(stack) != 3 or stack.shape[0] < 4 or stack.shape[0] != octaves[0].shape[0]:
            raise ValueError(
                f"octaves: got shape {np.shape(stack)}, wanted (scales + 3, height, width), scales >= 1 and the same"
            )
