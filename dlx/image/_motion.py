"""What the estimates of motion share: two frames, their derivatives, windows, levels of a pyramid."""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from dlx.checks import check_choice, check_count, check_range
from dlx.image._images import check_odd, grey, wide
from dlx.image._shifts import correlate1d, separable
from dlx.image.sampling import bilinear_sample

Derivatives = Literal["first", "both"]
Weights = Literal["uniform", "gaussian"]

# fourth order: exact on polynomials of degree 4
_FIVE_POINT = np.array([1, -8, 0, 8, -1]) / 12
_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16
_SMALLEST = 8


def frames(first: Any, second: Any) -> tuple[jax.Array, jax.Array, jnp.dtype]:
    """Two images of one shape, at least float32, and the dtype in which the answer goes out."""
    first, second = grey(first, "first"), grey(second, "second")
    if first.shape != second.shape:
        raise ValueError(f"second: got shape {second.shape}, wanted {first.shape}, the shape of first")
    dtype = jnp.result_type(first, second)
    return wide(first.astype(dtype)), wide(second.astype(dtype)), dtype


def gradients(image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(Ix, Iy) per pixel."""
    return correlate1d(image, _FIVE_POINT, 1, mode="nearest"), correlate1d(image, _FIVE_POINT, 0, mode="nearest")


def derivatives_of(first: jax.Array, second: jax.Array, of: Derivatives) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(Ix, Iy, It) between two frames."""
    # the mean of both frames' gradients is the gradient of their mean
    return *gradients(first if of == "first" else 0.5 * (first + second)), second - first


def check_derivatives(of: Any) -> None:
    """Refuse an unknown choice of frames."""
    check_choice("derivatives", of, get_args(Derivatives))


def window_taps(window: int, weights: Weights) -> np.ndarray:
    """Weights of a window along one axis, with the sum 1; the Gaussian reaches to 2.5 standard deviations."""
    check_choice("weights", weights, get_args(Weights))
    at = np.arange(window) - window // 2
    taps = np.ones(window) if weights == "uniform" else np.exp(-0.5 * (at / (window / 5)) ** 2)
    return taps / taps.sum()


def check_window(window: Any, shape: tuple[int, ...]) -> None:
    """Refuse a window that is even, too small for two unknowns, or larger than the image."""
    check_odd("window", window)
    if not 3 <= window <= min(shape):
        raise ValueError(f"window: got {window}, wanted 3 to {min(shape)}: the image has shape {shape}")


def window_means(product: jax.Array, taps: np.ndarray) -> jax.Array:
    """Weighted means over windows; what lies outside the image counts as 0, so that it adds no equation."""
    return separable(product, taps, taps, mode="constant")


def smaller_eigenvalue(xx: jax.Array, xy: jax.Array, yy: jax.Array) -> jax.Array:
    """Of [[xx, xy], [xy, yy]]."""
    # the root has no derivative where both eigenvalues are equal
    squares = (0.5 * (xx - yy)) ** 2 + xy**2
    root = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)
    return 0.5 * (xx + yy) - root


def solve_two(xx: Any, xy: Any, yy: Any, x: Any, y: Any, solvable: jax.Array) -> tuple[jax.Array, jax.Array]:
    """[[xx, xy], [xy, yy]]^-1 (x, y), and 0 where it is not solvable, with a derivative of 0."""
    determinant = jnp.where(solvable, xx * yy - xy * xy, 1)
    u, v = (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant
    return jnp.where(solvable, u, 0), jnp.where(solvable, v, 0)


def check_levels(levels: Any, shape: tuple[int, ...], smallest: int = _SMALLEST) -> None:
    """Refuse a pyramid whose top is smaller than a window."""
    check_count("levels", levels)
    most, size = 1, min(shape)
    while (size := -(-size // 2)) >= smallest:
        most += 1
    if levels > most:
        wanted = "1" if most == 1 else f"1 to {most}"
        raise ValueError(
            f"levels: got {levels}, wanted {wanted}: each after the first halves an image of shape {shape} and must"
            f" hold {smallest} pixels a side"
        )


def halvings(image: jax.Array, levels: int) -> list[jax.Array]:
    """The image, then each level smoothed by a binomial of five taps and every second pixel of it."""
    pyramid = [image]
    for _ in range(levels - 1):
        pyramid.append(separable(pyramid[-1], _BINOMIAL, _BINOMIAL, mode="mirror")[::2, ::2])
    return pyramid


def finer(flow: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The flow of the next finer level as a coarser one predicts it: u^l = 2 u^(l-1) at twice the coordinates.

    Pixel i of a level lies at 2 i of the next finer one, so that the coarse grid is sampled at i / 2.
    """
    for axis in (0, 1):
        size = flow.shape[axis]
        second = jnp.concatenate([jax.lax.slice_in_dim(flow, 1, size, axis=axis),
                                  jax.lax.slice_in_dim(flow, size - 1, size, axis=axis)], axis)  # fmt: skip
        pairs = jnp.stack([flow, 0.5 * (flow + second)], axis + 1)
        flow = pairs.reshape(*flow.shape[:axis], 2 * size, *flow.shape[axis + 1 :])
        flow = jax.lax.slice_in_dim(flow, 0, shape[axis], axis=axis)
    return 2 * flow


def check_threshold(name: str, value: Any) -> None:
    """Refuse a negative threshold."""
    check_range(name, value, 0.0, float("inf"), open_high=True)


def warp_inside(image: jax.Array, flow: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The image warped by a flow, and where it looked inside the image."""
    height, width = image.shape
    x = jnp.arange(width, dtype=flow.dtype)[None, :] + flow[..., 0]
    y = jnp.arange(height, dtype=flow.dtype)[:, None] + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return bilinear_sample(image, jnp.stack([x, y], axis=-1)), inside


def warp_cubic(image: jax.Array, flow: jax.Array) -> tuple[jax.Array, jax.Array]:
    """As `warp_inside`, by Keys' cubic convolution, which is exact on polynomials of degree 2.

    Bilinear values between pixels lie below the crests of waves: by 8% of waves of 8 pixels, which a small weight of
    smoothness takes for motion.
    """
    height, width = image.shape
    x = jnp.arange(width, dtype=flow.dtype)[None, :] + flow[..., 0]
    y = jnp.arange(height, dtype=flow.dtype)[:, None] + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    (columns, across), (rows, down) = _cubic_taps(x, width), _cubic_taps(y, height)
    flat = image.reshape(-1)
    warped = jnp.zeros_like(x + y)
    for row, weight in zip(rows, down, strict=True):
        line = sum(w * flat[row * width + column] for column, w in zip(columns, across, strict=True))
        warped = warped + weight * line
    return warped, inside


def _cubic_taps(at: jax.Array, size: int) -> tuple[list[jax.Array], list[jax.Array]]:
    """Four neighbours of a coordinate, the border's for those beyond it, and their weights."""
    at = jnp.clip(at, 0, size - 1)
    first = jnp.clip(jnp.floor(jax.lax.stop_gradient(at)), 0, max(size - 2, 0)).astype(jnp.int32)
    a = at - first
    weights = [((1 - a / 2) * a - 0.5) * a, (1.5 * a - 2.5) * a * a + 1, ((2 - 1.5 * a) * a + 0.5) * a,
               (a - 1) * a * a / 2]  # fmt: skip
    return [jnp.clip(first + step, 0, size - 1) for step in (-1, 0, 1, 2)], weights
