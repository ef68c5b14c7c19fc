"""A flow as a picture: hue for direction, saturation for length."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from dlx.image._images import check_positive

__all__ = ["flow_colours"]

_STEPS = (("red", "yellow", 15), ("yellow", "green", 6), ("green", "cyan", 4), ("cyan", "blue", 11),
          ("blue", "magenta", 13), ("magenta", "red", 6))  # fmt: skip
_CORNERS = {
    "red": (1, 0, 0), "yellow": (1, 1, 0), "green": (0, 1, 0), "cyan": (0, 1, 1), "blue": (0, 0, 1),
    "magenta": (1, 0, 1),
}  # fmt: skip


def _wheel() -> np.ndarray:
    """(55, 3): between two corners of the colour cube as many steps as the eye tells apart."""
    rows = []
    for one, other, steps in _STEPS:
        part = np.arange(steps)[:, None] / steps
        rows.append((1 - part) * np.array(_CORNERS[one]) + part * np.array(_CORNERS[other]))
    return np.concatenate(rows)


def flow_colours(
    flow: Float[Array | np.ndarray, "*points 2"],
    known: Bool[Array | np.ndarray, "*points"] | None = None,
    *,
    max_length: float | None = None,
) -> Float[Array, "*points 3"]:
    """Colours of a flow by the wheel of the Middlebury benchmark.

        hue of angle(-u, -v) on a wheel of 55 colours;  colour = 1 - r (1 - hue)  for r <= 1,  0.75 hue  beyond
        r = |(u, v)| / max_length

    No motion is white, motion to the right red, downwards yellow, to the left cyan to blue, upwards violet.

    Args:
      flow: (..., 2) of (u, v).
      known: (...) where the flow is known; None: everywhere that it is finite.
      max_length: the length of full saturation; None takes the largest known one.
    Returns: (..., 3) RGB in [0, 1]; black where the flow is not known.
    Raises: ValueError if the shapes do not fit or `max_length` <= 0.
    Source: Baker et al. 2011, A database and evaluation methodology for optical flow, figure 4.
    """
    flow = jnp.asarray(flow)
    if flow.ndim < 1 or flow.shape[-1] != 2:
        raise ValueError(f"flow: got shape {flow.shape}, wanted (..., 2)")
    if known is not None and known.shape != flow.shape[:-1]:
        raise ValueError(f"known: got shape {known.shape}, wanted {flow.shape[:-1]}")
    finite = jnp.all(jnp.isfinite(flow), axis=-1)
    known = finite if known is None else finite & jnp.asarray(known)
    flow = jnp.where(known[..., None], flow, 0)
    u, v = flow[..., 0], flow[..., 1]
    length = jnp.sqrt(u * u + v * v)
    if max_length is None:
        longest = jnp.max(length, initial=0.0)
        longest = jnp.where(longest > 0, longest, 1)
    else:
        check_positive("max_length", max_length)
        longest = jnp.asarray(max_length, flow.dtype)
    radius = (length / longest)[..., None]
    wheel = jnp.asarray(_wheel(), flow.dtype)
    # the last colour stands at +pi; between it and the first there is no step, as in the benchmark's own pictures
    at = (jnp.arctan2(-v, -u) / np.pi + 1) / 2 * (len(wheel) - 1)
    first = jnp.clip(jnp.floor(at).astype(jnp.int32), 0, len(wheel) - 1)
    part = (at - first)[..., None]
    hue = (1 - part) * wheel[first] + part * wheel[(first + 1) % len(wheel)]
    colour = jnp.where(radius <= 1, 1 - radius * (1 - hue), 0.75 * hue)
    return jnp.where(known[..., None], colour, 0)
