"""Lucas-Kanade from coarse to fine: what one level finds is where the next, twice as fine, begins."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from dlx.checks import check_count
from dlx.image._borders import pad
from dlx.image._images import Image
from dlx.image._motion import (
    Weights,
    check_levels,
    check_threshold,
    check_window,
    finer,
    frames,
    gradients,
    halvings,
    smaller_eigenvalue,
    solve_two,
    warp_inside,
    window_means,
    window_taps,
)
from dlx.image.lucas_kanade import LucasKanade

__all__ = ["TrackedPoints", "pyramid_lucas_kanade", "track_points"]


def pyramid_lucas_kanade(
    first: Image,
    second: Image,
    *,
    levels: int = 4,
    iterations: int = 3,
    window: int = 15,
    weights: Weights = "gaussian",
    min_eigenvalue: float = 1e-6,
) -> LucasKanade:
    """Optical flow of every pixel by Lucas-Kanade, with large motion.

        on each level, coarsest first:  u0 = 2 u^(l-1),  It = I2(x + u0) - I1(x),  u^l = u0 + du,  repeated
        du = -(A^T W A)^-1 sum_q w(q) g(q) (It(q) + g(q) . (u0(p) - u0(q))),    g = (Ix, Iy) of I1

    Bouguet moves the whole window of a pixel p by its own u0(p). Here the second frame is warped once, each pixel q by
    its own u0(q), and the last term, which is 0 where u0 is constant, makes up the difference to the first order. The
    notes warp twice and forget to double u; E82's accepted form stands here.

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame: I2(x + u, y + v) = I1(x, y).
      levels: of the pyramid, each half the one before; the window must fit into the last. Motion of about
        2^(levels - 1) pixels and half the window times as much is found.
      iterations: warps on each level.
      window: odd number of pixels a side.
      weights: "uniform", or "gaussian" with standard deviation window / 5.
      min_eigenvalue: see `lucas_kanade`.
    Returns: `LucasKanade`. Where the finest window has no structure in two directions `valid` is False, and the flow
      is what the coarser levels found, 0 if none did.
    Raises: ValueError if the shapes differ or are not those of an image, on a window that is even, below 3 or larger
      than the last level, too many levels, unknown weights, or a negative `min_eigenvalue`; TypeError for integers
      other than uint8 and uint16.
    Source: Bouguet 2001, Pyramidal implementation of the Lucas Kanade feature tracker; Le Besnerais and Champagnat
      2005 for the dense form; notes 001 section 14.
    """
    first, second, dtype = frames(first, second)
    check_window(window, first.shape)
    check_levels(levels, first.shape, window)
    check_count("iterations", iterations)
    check_threshold("min_eigenvalue", min_eigenvalue)
    taps = window_taps(window, weights)
    pyramids = [halvings(image, levels) for image in (first, second)]
    flow = jnp.zeros((*pyramids[0][-1].shape, 2), first.dtype)
    for one, two in zip(*map(reversed, pyramids), strict=True):
        if one.shape != flow.shape[:2]:
            flow = finer(flow, one.shape)
        x, y = gradients(one)

        # a loop, and not Python's: the body is compiled once for each level
        def refine(
            _: Array, carry: tuple[Array, Array, Array], one: Array = one, two: Array = two, x: Array = x, y: Array = y
        ) -> tuple[Array, Array, Array]:
            return _refine(one, two, x, y, carry[0], taps, min_eigenvalue)

        start = (flow, jnp.zeros_like(one), jnp.zeros(one.shape, bool))
        flow, eigenvalue, valid = jax.lax.fori_loop(0, iterations, refine, start)
    return LucasKanade(flow.astype(dtype), eigenvalue.astype(dtype), valid)


def _refine(
    one: Array, two: Array, x: Array, y: Array, flow: Array, taps: np.ndarray, least: float
) -> tuple[Array, Array, Array]:
    """One warp and one solution; a pixel that left the image adds no equation."""
    warped, inside = warp_inside(two, flow)
    u, v = flow[..., 0], flow[..., 1]
    # g . u0 - It, of which the solution is u0 + du at once
    found = jnp.where(inside, x * u + y * v + one - warped, 0)
    x, y = jnp.where(inside, x, 0), jnp.where(inside, y, 0)
    xx, xy, yy, xf, yf = (window_means(product, taps) for product in (x * x, x * y, y * y, x * found, y * found))
    eigenvalue = smaller_eigenvalue(xx, xy, yy)
    valid = eigenvalue > least
    solution = jnp.stack(solve_two(xx, xy, yy, xf, yf, valid), axis=-1)
    return jnp.where(valid[..., None], solution, flow), eigenvalue, valid


class TrackedPoints(NamedTuple):
    """Where points went.

    Fields:
      points: (count, 2) of (x, y) in the second frame; of a point that is not valid, the last place.
      residual: (count,) mean of |I2 - I1| over the window at that place.
      eigenvalue: (count,) smaller eigenvalue of the window in the first frame, as in `lucas_kanade`.
      valid: (count,) whether the window has structure in two directions and the point stayed in the image.
    """

    points: Float[Array, "count 2"]
    residual: Float[Array, "count"]
    eigenvalue: Float[Array, "count"]
    valid: Bool[Array, "count"]


def track_points(
    first: Image,
    second: Image,
    points: Float[Array | np.ndarray, "count 2"],
    *,
    levels: int = 4,
    iterations: int = 10,
    window: int = 21,
    weights: Weights = "gaussian",
    min_eigenvalue: float = 1e-6,
) -> TrackedPoints:
    """Pyramidal Lucas-Kanade of given points, by Gauss-Newton to the sub-pixel.

        min over d of sum_q w(q) (I1(p + q) - I2(p + d + q))^2,    d <- d - G^-1 sum_q w(q) g(q) It(q)
        G = sum_q w(q) g(q) g(q)^T,    g = (Ix, Iy) of I1,    It = I2(p + d + q) - I1(p + q)

    from the coarsest level, where d = 0, to the finest, each beginning at twice what the one before found. The minus
    sign of the step is the one that the notes' tracker lacks (E84).

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame.
      points: (count, 2) of (x, y) in the first frame, at real coordinates.
      levels: of the pyramid, each half the one before.
      iterations: Gauss-Newton steps on each level; four are nearly always enough.
      window: odd number of pixels a side.
      weights: "uniform", or "gaussian" with standard deviation window / 5.
      min_eigenvalue: see `lucas_kanade`.
    Returns: `TrackedPoints`. OpenCV's `calcOpticalFlowPyrLK` has uniform weights, derivatives of Scharr and numbers of
      fixed point.
    Raises: ValueError if the shapes differ or do not fit, on a window that is even, below 3 or larger than the image,
      too many levels, unknown weights, or a negative `min_eigenvalue`; TypeError for integers other than uint8 and
      uint16.
    Source: Bouguet 2001, Pyramidal implementation of the Lucas Kanade feature tracker; notes 001 section 14.
    """
    first, second, dtype = frames(first, second)
    check_window(window, first.shape)
    check_levels(levels, first.shape)
    check_count("iterations", iterations)
    check_threshold("min_eigenvalue", min_eigenvalue)
    points = jnp.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points: got shape {points.shape}, wanted (count, 2)")
    place = points.astype(first.dtype)
    taps = window_taps(window, weights)
    mask = jnp.asarray(np.outer(taps, taps), first.dtype)
    pyramids = [halvings(image, levels) for image in (first, second)]
    shift = jnp.zeros_like(place)
    for level, (one, two) in reversed(list(enumerate(zip(*pyramids, strict=True)))):
        shift, residual, eigenvalue = _track_level(
            one, two, place / 2**level, 2 * shift, mask, iterations, min_eigenvalue
        )
    reached = place + shift
    limits = jnp.asarray([[first.shape[1] - 1, first.shape[0] - 1]], reached.dtype)
    inside = jnp.all((reached >= 0) & (reached <= limits) & (place >= 0) & (place <= limits), axis=-1)
    valid = (eigenvalue > min_eigenvalue) & inside
    return TrackedPoints(reached.astype(points.dtype), residual.astype(dtype), eigenvalue.astype(dtype), valid)


def _track_level(
    one: Array, two: Array, place: Array, shift: Array, mask: Array, iterations: int, least: float
) -> tuple[Array, Array, Array]:
    """Gauss-Newton steps of all points on one level."""
    size, height, width = mask.shape[0], *one.shape
    reach = size // 2 + 2
    border = [(reach, reach), (reach, reach)]
    # beyond the border no equations: the gradient there is 0
    x, y = (jnp.pad(derivative, reach) for derivative in gradients(one))
    one, two = (pad(image, border, mode="nearest") for image in (one, two))

    def patches(image: Array, at: Array) -> Array:
        # all pixels of a window have the same fraction, so that four shifted cuts make it
        corner = jnp.clip(jnp.floor(at), -1, jnp.asarray([[width, height]], at.dtype))
        a, b = jnp.moveaxis((at - corner)[:, :, None, None], 1, 0)
        start = corner.astype(jnp.int32) + (reach - size // 2)
        cut = jax.vmap(lambda s: jax.lax.dynamic_slice(image, (s[1], s[0]), (size + 1, size + 1)))(start)
        rows = cut[:, :-1] * (1 - b) + cut[:, 1:] * b
        return rows[:, :, :-1] * (1 - a) + rows[:, :, 1:] * a

    template, x, y = patches(one, place), patches(x, place), patches(y, place)
    weighted = mask[None]
    xx, xy, yy = (jnp.sum(weighted * product, (1, 2)) for product in (x * x, x * y, y * y))
    eigenvalue = smaller_eigenvalue(xx, xy, yy)
    solvable = eigenvalue > least

    def step(_: Array, shift: Array) -> Array:
        change = weighted * (patches(two, place + shift) - template)
        u, v = solve_two(xx, xy, yy, -jnp.sum(x * change, (1, 2)), -jnp.sum(y * change, (1, 2)), solvable)
        return shift + jnp.stack([u, v], axis=-1)

    shift = jax.lax.fori_loop(0, iterations, step, shift)
    residual = jnp.sum(weighted * jnp.abs(patches(two, place + shift) - template), (1, 2))
    return shift, residual, eigenvalue
