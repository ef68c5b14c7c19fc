"""SURF: blobs by box filters, orientation and descriptor by Haar wavelets, all from one integral image."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.image._images import Image, grey, wide
from dlx.image._solve import root
from dlx.image.integral import corner_sums, integral_image

__all__ = ["haar_descriptor", "haar_responses", "surf_descriptor", "surf_orientation"]

Points = Float[Array | np.ndarray, "points 2"]
Numbers = Float[Array | np.ndarray, "points"]


def haar_descriptor(patch: Image, *, cells: int = 4) -> Float[Array, "features"]:
    """Sums of differences in the cells of a patch, SURF's descriptor in its plainest form.

        d_h = [-1, 1], d_v = [-1, 1]^T in each cell;    (sum d_h, sum d_v, sum |d_h|, sum |d_v|), one cell after another

    A flat cell gives 0. Vertical stripes (intensity constant down a column) give a large sum |d_h| and a sum d_h near
    0, as their steps go up and down; a horizontal ramp makes both large. The notes have these cases starred and mixed.

    Args:
      patch: (height, width); uint8 and uint16 become floats in [0, 1]. Rows and columns that fill no cell are left out.
      cells: along each side.
    Returns: (4 cells^2,), row by row; not normalised.
    Raises: ValueError if a cell has less than 2x2 pixels; TypeError for other integers.
    Source: notes 001 section 14; Bay et al. 2006, section 4.2.
    """
    check_count("cells", cells)
    values = wide(grey(patch))
    height, width = values.shape[0] // cells, values.shape[1] // cells
    if height < 2 or width < 2:
        raise ValueError(
            f"patch: got shape {values.shape}, wanted at least 2x2 pixels in each of {cells}x{cells} cells"
        )
    split = values[: cells * height, : cells * width].reshape(cells, height, cells, width).swapaxes(1, 2)
    across, down = jnp.diff(split, axis=3), jnp.diff(split, axis=2)
    sums = [jnp.sum(x, axis=(2, 3)) for x in (across, down, jnp.abs(across), jnp.abs(down))]
    return jnp.stack(sums, axis=-1).ravel().astype(jnp.result_type(grey(patch)))


def haar_responses(image: Image, points: Points, sizes: Numbers) -> Float[Array, "points 2"]:
    """Haar wavelet responses along x and y: right half less left half, lower half less upper half of a square.

        d_x = sum_{x < i < x + L/2} I - sum_{x - L/2 < i < x} I,    |j - y| < L/2;    d_y likewise

    Pixels are squares of one colour and edges may cut them, so that the response is differentiable in place and size.
    Outside the image is its mean.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y), the middle of the wavelet.
      sizes: (points,) L, its side in pixels; 2s in SURF's descriptor and 4s in its orientation.
    Returns: (points, 2) of (d_x, d_y).
    Raises: ValueError if a shape is wrong; TypeError for other integers.
    Source: Bay et al. 2006, section 4.
    """
    points, sizes = jnp.asarray(points), jnp.asarray(sizes)
    if points.ndim != 2 or points.shape[1] != 2 or sizes.shape != points.shape[:1]:
        raise ValueError(f"sizes: got shape {sizes.shape} for points of {points.shape}, wanted (points,), (points, 2)")
    values = grey(image)
    responses = _haar(zero_mean_integral(values), points[:, 0], points[:, 1], 0.5 * sizes)
    return jnp.stack(responses, axis=1).astype(values.dtype)


def zero_mean_integral(image: Array) -> Array:
    """Integral image of an image without its mean: wavelets do not see it, and the sums stay small."""
    floats = wide(image)
    # by the first pixel, then by the mean: a flat image becomes 0 exactly
    shifted = floats - floats[0, 0]
    return integral_image(shifted - jnp.mean(shifted))


def _haar(integral: Array, x: Array, y: Array, half: Array) -> tuple[Array, Array]:
    """Responses of squares of half side `half` around (x, y)."""
    left, middle, right = x + 0.5 - half, x + 0.5, x + 0.5 + half
    top, centre, bottom = y + 0.5 - half, y + 0.5, y + 0.5 + half
    nw, ne = corner_sums(integral, left, top), corner_sums(integral, right, top)
    sw, se = corner_sums(integral, left, bottom), corner_sums(integral, right, bottom)
    n, s = corner_sums(integral, middle, top), corner_sums(integral, middle, bottom)
    w, e = corner_sums(integral, left, centre), corner_sums(integral, right, centre)
    whole = se - ne - sw + nw
    return whole - 2 * (s - n - sw + nw), whole - 2 * (e - ne - w + nw)


def surf_orientation(image: Image, points: Points, scales: Numbers) -> Float[Array, "points"]:
    """The direction of a point: where the Haar responses around it point most.

        (d_x, d_y) of side 4s on the grid of spacing s inside the radius 6s, weighted by a Gaussian of 2.5s;
        of all windows of pi / 3 in the directions of these vectors, that with the longest sum

    A window begins at every vector, so that the longest is found exactly; the paper slides it by steps.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y).
      scales: (points,) s.
    Returns: (points,) angles from +x towards +y in [0, 2 pi); 0 where the image is flat.
    Raises: ValueError if a shape is wrong; TypeError for other integers.
    Source: Bay et al. 2006, section 4.1.
    """
    values, points, scales = _arguments(image, points, scales)
    steps = np.arange(-6, 7)
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps))
    u, v = u[u**2 + v**2 <= 36], v[u**2 + v**2 <= 36]
    weights = np.exp(-(u**2 + v**2) / (2 * 2.5**2))
    integral = zero_mean_integral(values)
    x, y, s = _places(points, scales, u, v, None)
    dx, dy = (_spread(weights, r) * r for r in _haar(integral, x, y, 2 * s))
    # what rounding leaves of a flat neighbourhood has no direction
    noise = 64 * jnp.finfo(integral.dtype).eps * jnp.max(jnp.abs(integral))
    seen = dx**2 + dy**2 > noise**2
    dx, dy = jnp.where(seen, dx, 0), jnp.where(seen, dy, 0)
    angles = jnp.arctan2(jax.lax.stop_gradient(dy), jnp.where(seen, jax.lax.stop_gradient(dx), 1))
    windows = (len(angles), len(u), len(u))
    turned = jnp.broadcast_to(angles[:, None], windows) - jnp.broadcast_to(angles[:, :, None], windows)
    # two vectors of one direction, an ulp apart, belong to one window
    inside = (jnp.mod(turned + 1e-4, 2 * np.pi) <= np.pi / 3 + 1e-4).astype(dx.dtype)
    sum_x, sum_y = jnp.einsum("nwk,nk->nw", inside, dx), jnp.einsum("nwk,nk->nw", inside, dy)
    longest = jnp.argmax(sum_x**2 + sum_y**2, axis=1)[:, None]
    best_x, best_y = (jnp.take_along_axis(sums, longest, axis=1)[:, 0] for sums in (sum_x, sum_y))
    flat = (best_x == 0) & (best_y == 0)
    angle = jnp.arctan2(best_y, jnp.where(flat, 1, best_x))
    return jnp.where(angle < 0, angle + 2 * np.pi, angle).astype(values.dtype)


def surf_descriptor(
    image: Image, points: Points, scales: Numbers, angles: Numbers | None = None
) -> Float[Array, "points 64"]:
    """SURF descriptors.

        a square of side 20s, turned by the angle; 4x4 cells of 5x5 samples of Haar responses of side 2s, turned too,
        weighted by a Gaussian of 3.3s;    (sum d_x, sum d_y, sum |d_x|, sum |d_y|) of each cell, unit length

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      points: (points, 2) of (x, y).
      scales: (points,) s, in pixels.
      angles: (points,) direction of the square; None: upright (U-SURF).
    Returns: (points, 64), cells row by row; 0 where the image is flat. Outside the image is its mean.
    Raises: ValueError if a shape is wrong; TypeError for other integers.
    Source: Bay et al. 2006, section 4.2; notes 001 section 14.
    """
    values, points, scales = _arguments(image, points, scales)
    steps = np.arange(20) - 9.5
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps))
    weights = np.exp(-(u**2 + v**2) / (2 * 3.3**2))
    integral = zero_mean_integral(values)
    turn = None if angles is None else (jnp.cos(jnp.asarray(angles)), jnp.sin(jnp.asarray(angles)))
    x, y, s = _places(points, scales, u, v, turn)
    dx, dy = (_spread(weights, r) * r for r in _haar(integral, x, y, s))
    if turn is not None:
        cosine, sine = (jnp.broadcast_to(t[:, None], dx.shape) for t in turn)
        dx, dy = cosine * dx + sine * dy, cosine * dy - sine * dx
    cells = [z.reshape(-1, 4, 5, 4, 5) for z in (dx, dy, jnp.abs(dx), jnp.abs(dy))]
    features = jnp.stack([jnp.sum(z, axis=(2, 4)) for z in cells], axis=-1).reshape(len(points), 64)
    norm = root(jnp.sum(features**2, axis=1, keepdims=True))
    # sums of 400 differences of the integral image, each with its rounding
    noise = 400 * jnp.finfo(integral.dtype).eps * jnp.max(jnp.abs(integral))
    kept = norm > noise
    return jnp.where(kept, features / jnp.where(kept, norm, 1), 0).astype(values.dtype)


def _arguments(image: Image, points: Points, scales: Numbers) -> tuple[Array, Array, Array]:
    points, scales = jnp.asarray(points), jnp.asarray(scales)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points: got shape {points.shape}, wanted (points, 2)")
    if scales.shape != points.shape[:1]:
        raise ValueError(f"scales: got shape {scales.shape}, wanted {points.shape[:1]}, one for each point")
    return grey(image), wide(points), wide(scales)


def _spread(weights: np.ndarray, like: Array) -> Array:
    return jnp.broadcast_to(jnp.asarray(weights, like.dtype)[None], like.shape)


def _places(
    points: Array, scales: Array, u: np.ndarray, v: np.ndarray, turn: tuple[Array, Array] | None
) -> tuple[Array, Array, Array]:
    """Coordinates of the samples (u, v) s of every point, and the scale s beside them."""
    s = jnp.broadcast_to(scales[:, None], (len(points), len(u)))
    across, down = _spread(u, s) * s, _spread(v, s) * s
    if turn is not None:
        cosine, sine = (jnp.broadcast_to(t[:, None], s.shape) for t in turn)
        across, down = cosine * across - sine * down, sine * across + cosine * down
    x, y = (jnp.broadcast_to(points[:, i, None], s.shape) for i in (0, 1))
    return x + across, y + down, s
