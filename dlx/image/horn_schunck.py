"""Horn-Schunck: the smooth flow that fits the constraint everywhere."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from dlx.checks import check_count
from dlx.image._borders import pad
from dlx.image._images import Image, check_positive
from dlx.image._motion import (
    Derivatives,
    check_derivatives,
    check_levels,
    derivatives_of,
    finer,
    frames,
    gradients,
    halvings,
    warp_cubic,
    warp_inside,
)

__all__ = ["flow_energy", "horn_schunck", "neighbour_mean", "pyramid_horn_schunck"]

Neighbours = Literal[4, 8]
FlowField = Float[Array, "height width 2"]


def neighbour_mean(
    flow: Float[Array | np.ndarray, "height width *channels"], *, neighbours: Neighbours = 8
) -> Float[Array, "height width *channels"]:
    """Mean of a field over the neighbours of each pixel, without the pixel itself.

        8:  [[1, 2, 1], [2, 0, 2], [1, 2, 1]] / 12        4:  [[0, 1, 0], [1, 0, 1], [0, 1, 0]] / 4

    ubar - u is the Laplacian over 3 (8 neighbours) or over 4: Horn and Schunck's kappa, which alpha takes in.

    Args:
      flow: (height, width, ...) field.
      neighbours: 8, as Horn and Schunck have them, or 4.
    Returns: the means; the border goes on beyond itself, which makes the derivative across it 0.
    Raises: ValueError on another number of neighbours.
    Source: Horn and Schunck 1981, section 8; notes 001 section 14.
    """
    _check_neighbours(neighbours)
    flow = jnp.asarray(flow)
    wide = pad(flow, [(1, 1), (1, 1)] + [(0, 0)] * (flow.ndim - 2), mode="nearest")
    rows = wide[:-2] + wide[2:]
    if neighbours == 4:
        return (rows[:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
    # [1 2 1] x [1 2 1] without the middle
    smooth = rows + 2 * wide[1:-1]
    return (smooth[:, :-2] + smooth[:, 2:] + 2 * rows[:, 1:-1]) / 12


def flow_energy(
    first: Image,
    second: Image,
    flow: Float[Array | np.ndarray, "height width 2"],
    *,
    alpha: float,
    neighbours: Neighbours = 8,
    derivatives: Derivatives = "both",
) -> Float[Array, ""]:
    """What Horn-Schunck makes least.

        E = sum_p (Ix u + Iy v + It)^2 + alpha / 2 sum_p sum_q w(p, q) ((u_p - u_q)^2 + (v_p - v_q)^2)

    w are the weights of `neighbour_mean`. The notes write |grad u^2| for |grad u|^2 (E83).

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame.
      flow: (height, width, 2) of (u, v).
      alpha: weight of smoothness, see `horn_schunck`.
      neighbours: see `neighbour_mean`.
      derivatives: see `flow_derivatives`.
    Returns: the energy.
    Raises: ValueError if the shapes do not fit, alpha <= 0, or on unknown choices; TypeError for integers other than
      uint8 and uint16.
    Source: Horn and Schunck 1981, section 6; notes 001 section 14.
    """
    check_positive("alpha", alpha)
    _check_neighbours(neighbours)
    check_derivatives(derivatives)
    first, second, dtype = frames(first, second)
    flow = _field("flow", flow, first)
    x, y, t = derivatives_of(first, second, derivatives)
    misfit = jnp.sum((x * flow[..., 0] + y * flow[..., 1] + t) ** 2)
    # not sum_p u_p (u_p - ubar_p), which is the same and loses its digits where u is large and smooth
    straight, diagonal = (1 / 4, 0.0) if neighbours == 4 else (1 / 6, 1 / 12)
    steps = [(straight, flow[1:] - flow[:-1]), (straight, flow[:, 1:] - flow[:, :-1])]
    if neighbours == 8:
        wide = pad(flow, [(1, 1), (1, 1), (0, 0)], mode="nearest")
        others = (wide[:-2, 2:], wide[:-2, :-2], wide[2:, 2:], wide[2:, :-2])
        steps += [(diagonal / 2, flow - other) for other in others]
    return (misfit + alpha * sum(weight * jnp.sum(step**2) for weight, step in steps)).astype(dtype)


def horn_schunck(
    first: Image,
    second: Image,
    *,
    alpha: float = 1e-3,
    iterations: int = 100,
    neighbours: Neighbours = 8,
    derivatives: Derivatives = "both",
    initial: Float[Array | np.ndarray, "height width 2"] | None = None,
) -> FlowField:
    """Optical flow of every pixel by smoothness.

        u <- ubar - Ix (Ix ubar + Iy vbar + It) / (Ix^2 + Iy^2 + alpha)
        v <- vbar - Iy (Ix ubar + Iy vbar + It) / (Ix^2 + Iy^2 + alpha)

    Jacobi's iteration for (Ix^2 + alpha) u + Ix Iy v = alpha ubar - Ix It and its twin, the Euler-Lagrange equations of
    `flow_energy`, which each step makes smaller. `iterations` steps carry motion over about sqrt(iterations) pixels;
    `pyramid_horn_schunck` takes motion of more than about a pixel.

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame: I2(x + u, y + v) = I1(x, y).
      alpha: weight of smoothness, > 0, in squared brightness: the notes' alpha, which is alpha^2 in Horn and Schunck's
        paper (E83). Of images in 0..255 it is 255^2 as large.
      iterations: of Jacobi.
      neighbours: of the means ubar and vbar, see `neighbour_mean`.
      derivatives: see `flow_derivatives`; the notes take "first".
      initial: (height, width, 2) where to begin; None: 0.
    Returns: (height, width, 2) of (u, v). In flat regions it is what their surroundings say; of flat images 0.
    Raises: ValueError if the shapes do not fit, alpha <= 0, iterations < 1, or on unknown choices; TypeError for
      integers other than uint8 and uint16.
    Source: Horn and Schunck 1981, section 12; notes 001 section 14.
    """
    check_positive("alpha", alpha)
    check_count("iterations", iterations)
    _check_neighbours(neighbours)
    check_derivatives(derivatives)
    first, second, dtype = frames(first, second)
    x, y, t = derivatives_of(first, second, derivatives)
    flow = jnp.zeros((*first.shape, 2), first.dtype) if initial is None else _field("initial", initial, first)
    return _relax(x, y, t, flow, alpha, iterations, neighbours).astype(dtype)


def _check_neighbours(neighbours: Any) -> None:
    if neighbours not in (4, 8):
        raise ValueError(f"neighbours: got {neighbours!r}, wanted 4 or 8")


def _field(name: str, flow: Array | np.ndarray, image: Array) -> Array:
    """A flow of the image's shape and dtype."""
    if jnp.shape(flow) != (*image.shape, 2):
        raise ValueError(f"{name}: got shape {jnp.shape(flow)}, wanted {(*image.shape, 2)}")
    return jnp.asarray(flow, image.dtype)


def _relax(x: Array, y: Array, t: Array, flow: Array, alpha: float, iterations: int, neighbours: Neighbours) -> Array:
    """Jacobi's iteration."""
    scale = 1 / (x * x + y * y + alpha)
    ex, ey = x * scale, y * scale

    def step(_: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        u, v = (neighbour_mean(component, neighbours=neighbours) for component in pair)
        misfit = x * u + y * v + t
        return u - ex * misfit, v - ey * misfit

    # planes and not (height, width, 2): with two channels innermost nothing vectorises
    return jnp.stack(jax.lax.fori_loop(0, iterations, step, (flow[..., 0], flow[..., 1])), axis=-1)


def pyramid_horn_schunck(
    first: Image,
    second: Image,
    *,
    alpha: float = 3e-3,
    levels: int = 4,
    warps: int = 3,
    iterations: int = 50,
    neighbours: Neighbours = 8,
) -> FlowField:
    """Horn-Schunck from coarse to fine, with large motion.

    On each level, coarsest first, `warps` times: the second frame is warped by the flow u0 so far, and the iteration
    of `horn_schunck` goes on with

        Ix u + Iy v + (I2(x + u0) - I1(x) - Ix u0 - Iy v0)

    in place of the constraint: the whole flow is smooth, and not only what is added to it. Ix and Iy are the mean of
    I1's at x and I2's at x + u0, and I2 is read by cubic interpolation. A warp changes u and v by a pixel at most. A
    pixel whose u0 left the image has no constraint.

    Args:
      first: (height, width) I1; uint8 and uint16 become floats in [0, 1].
      second: (height, width) I2, the next frame: I2(x + u, y + v) = I1(x, y).
      alpha: weight of smoothness, see `horn_schunck`.
      levels: of the pyramid, each half the one before.
      warps: of the second frame, on each level.
      iterations: of Jacobi, for each warp.
      neighbours: see `neighbour_mean`.
    Returns: (height, width, 2) of (u, v).
    Raises: ValueError if the shapes do not fit, alpha <= 0, too many levels, or on unknown choices; TypeError for
      integers other than uint8 and uint16.
    Source: Horn and Schunck 1981; Meinhardt-Llopis, Sanchez and Kondermann 2013, Horn-Schunck optical flow with a
      multi-scale strategy; Keys 1981 for the cubic; notes 001 section 14.
    """
    check_positive("alpha", alpha)
    for name, value in (("warps", warps), ("iterations", iterations)):
        check_count(name, value)
    _check_neighbours(neighbours)
    first, second, dtype = frames(first, second)
    check_levels(levels, first.shape)
    pyramids = [halvings(image, levels) for image in (first, second)]
    flow = jnp.zeros((*pyramids[0][-1].shape, 2), first.dtype)
    for one, two in zip(*map(reversed, pyramids), strict=True):
        if one.shape != flow.shape[:2]:
            flow = finer(flow, one.shape)

        slopes = tuple(zip(gradients(one), gradients(two), strict=True))

        def refine(_: Array, flow: Array, one: Array = one, two: Array = two, slopes: Any = slopes) -> Array:
            warped, inside = warp_cubic(two, flow)
            # not gradients of the warped frame: those hold the derivative of the flow, and errors grow with each warp
            x, y = (jnp.where(inside, 0.5 * (here + warp_inside(there, flow)[0]), 0) for here, there in slopes)
            t = jnp.where(inside, warped - one, 0) - x * flow[..., 0] - y * flow[..., 1]
            found = _relax(x, y, t, flow, alpha, iterations, neighbours)
            # beyond a pixel the linear constraint says nothing; without this a false match grows from warp to warp
            return flow + jnp.clip(found - flow, -1, 1)

        flow = jax.lax.fori_loop(0, warps, refine, flow)
    return flow.astype(dtype)
