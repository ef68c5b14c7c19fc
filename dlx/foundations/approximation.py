"""Universal approximation by construction: networks whose weights are written down. Evaluate them with `mlp`."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_entries, check_floating, check_range, check_same_shape, is_known

__all__ = ["bump_network", "staircase_network"]


def staircase_network(
    points: Float[Array, "points"], values: Float[Array, "points"], *, sharpness: float = 100.0
) -> list[dict[str, Float[Array, "..."]]]:
    """One layer of sigmoids that climbs from value to value.

        f(x) = f_1 + sum_(i > 1) (f_i - f_(i-1)) sigmoid(s (x - m_i)),    m_i = (x_(i-1) + x_i) / 2

    Each sigmoid is a soft step half way between two points. Steps that are fine and steep enough come as near as wanted
    to any continuous function on an interval; outside it, and for other functions, nothing is promised. With
    `dlx.nn.heaviside` in place of the sigmoid the steps are exact.

    Args:
      points: (points,) x, ascending, at least 2.
      values: (points,) f at them.
      sharpness: s.
    Returns: layers for `mlp`, points - 1 hidden units, (..., 1) inputs and outputs, dtype of `values`.
    Raises: ValueError if the shapes differ, there are fewer than 2 points, they do not ascend, a number is not finite,
      or `sharpness` is not positive; TypeError if one is not floating.
    Source: Cybenko 1989; Hornik et al. 1989; notes 003 line 159.
    """
    check_floating("points", points)
    check_floating("values", values)
    _check_sharpness(sharpness)
    check_same_shape("values", values, "points", points)
    if points.ndim != 1 or points.shape[0] < 2:
        raise ValueError(f"points: got shape {points.shape}, wanted (points,), at least 2")
    check_entries("points", points)
    check_entries("values", values)
    if is_known(points) and (np.diff(np.asarray(points, np.float64)) <= 0).any():
        raise ValueError("points: got one that is not above the one before, wanted them ascending")
    middles = (points[1:] + points[:-1]).astype(values.dtype) / 2
    return [
        {"kernel": jnp.full((1, middles.shape[0]), sharpness, values.dtype), "bias": -sharpness * middles},
        {"kernel": jnp.diff(values)[:, None], "bias": values[:1]},
    ]


def bump_network(
    low: Float[Array, "bumps features"],
    high: Float[Array, "bumps features"],
    heights: Float[Array, "bumps"],
    *,
    sharpness: float = 100.0,
    second_sharpness: float = 100.0,
) -> list[dict[str, Float[Array, "..."]]]:
    """Two layers of sigmoids that stand on boxes: local bumps of any height, added up.

        u_i, v_i = sigmoid(s (x_i - low_i)), sigmoid(s (x_i - high_i))          first layer: two edges for each axis i
        b = sigmoid(t (sum_i (u_i - v_i) - (d - 1/2)))                          second layer: 1 inside on all d axes
        f(x) = sum_bumps height b(x)                                            linear output

    Bumps side by side approximate any continuous function on a bounded region. With `dlx.nn.heaviside` in place of the
    sigmoid a bump is exactly 1 for low < x <= high and 0 elsewhere.

    Args:
      low: (bumps, features) lower corners.
      high: the same shape, upper corners, none below `low`.
      heights: (bumps,).
      sharpness: s.
      second_sharpness: t.
    Returns: layers for `mlp`: 2 bumps features and then bumps hidden units, (..., 1) outputs, dtype of `heights`.
    Raises: ValueError if the shapes do not fit, a box ends below its beginning, a number is not finite, or a sharpness
      is not positive; TypeError if one is not floating.
    Source: Cybenko 1988; Mitchell 1997, section 4.6.2; notes 003 line 174.
    """
    for name, value in (("low", low), ("high", high), ("heights", heights)):
        check_floating(name, value)
    _check_sharpness(sharpness)
    check_range("second_sharpness", second_sharpness, 0, math.inf, open_low=True, open_high=True)
    check_same_shape("high", high, "low", low)
    if low.ndim != 2 or heights.shape != low.shape[:1]:
        raise ValueError(
            f"heights: got shape {heights.shape} for low of shape {low.shape}, wanted (bumps,) for (bumps, features)"
        )
    for name, value in (("low", low), ("high", high), ("heights", heights)):
        check_entries(name, value)
    check_entries("high - low", high - low, 0)
    bumps, features = low.shape
    dtype = heights.dtype
    # hidden units in the order (edge, bump, axis)
    axes = jnp.tile(jnp.eye(features, dtype=dtype), (1, 2 * bumps))
    edges = jnp.concatenate([low.ravel(), high.ravel()]).astype(dtype)
    own = jnp.repeat(jnp.eye(bumps, dtype=dtype), features, axis=0)
    return [
        {"kernel": sharpness * axes, "bias": -sharpness * edges},
        {
            "kernel": second_sharpness * jnp.concatenate([own, -own]),
            "bias": jnp.full(bumps, -second_sharpness * (features - 0.5), dtype),
        },
        {"kernel": heights[:, None], "bias": jnp.zeros(1, dtype)},
    ]


def _check_sharpness(sharpness: Array | float) -> None:
    check_range("sharpness", sharpness, 0, math.inf, open_low=True, open_high=True)
