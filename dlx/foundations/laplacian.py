"""The Laplace operator, of functions and of grids."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_floating, check_range

__all__ = ["discrete_laplacian", "laplacian"]


def laplacian(function: Callable[[Array], Array], point: Float[Array, "features"]) -> Float[Array, "*shape"]:
    """Sum of the second derivatives of a function, by automatic differentiation.

        Lf = sum_i d^2 f / dx_i^2 = trace of the Hessian

    One forward pass over a forward pass for each axis: no Hessian is stored.

    Args:
      function: (features,) -> any shape.
      point: (features,) x.
    Returns: the shape of the function's value.
    Raises: ValueError if `point` is no vector; TypeError if it is not floating.
    Source: Evans 2010, section 2.2; notes 001 section 1.
    """
    check_floating("point", point)
    if point.ndim != 1:
        raise ValueError(f"point: got shape {point.shape}, wanted (features,)")

    def along(direction: Array) -> Array:
        def slope(x: Array) -> Array:
            return jax.jvp(function, (x,), (direction,))[1]

        return jax.jvp(slope, (point,), (direction,))[1]

    return jnp.sum(jax.vmap(along)(jnp.eye(point.shape[0], dtype=point.dtype)), axis=0)


def discrete_laplacian(
    values: Float[Array, "*grid"], *, spacing: float = 1.0, boundary: Literal["valid", "periodic"] = "valid"
) -> Float[Array, "*inner"]:
    """Laplace operator on a grid of any number of axes, by the nearest neighbours.

        Lf(x) = sum_axes [f(x + h e) - 2 f(x) + f(x - h e)] / h^2

    In the plane this is the 5-point stencil [[0, 1, 0], [1, -4, 1], [0, 1, 0]]. Exact for polynomials to the third
    degree in each axis.

    Args:
      values: f on the grid.
      spacing: h.
      boundary: "valid" leaves out the points at the edges, "periodic" has the grid closed upon itself.
    Returns: two points less on each axis with "valid", the shape of `values` with "periodic"; dtype of `values`.
    Raises: ValueError if an axis has fewer than 3 points, `spacing` is not positive or `boundary` is unknown; TypeError
      if `values` are not floating.
    Source: Abramowitz and Stegun 1964, eq. 25.3.30; notes 001 section 1.
    """
    check_floating("values", values)
    check_range("spacing", spacing, 0, float("inf"), open_low=True, open_high=True)
    check_choice("boundary", boundary, ("valid", "periodic"))
    if values.ndim == 0 or min(values.shape) < 3:
        raise ValueError(f"values: got shape {values.shape}, wanted at least 3 points on each axis")
    total = jnp.zeros_like(values)
    for axis in range(values.ndim):
        # the difference of differences, so that a large f does not swallow its own curvature
        step = jnp.roll(values, -1, axis) - values
        total = total + step - jnp.roll(step, 1, axis)
    inner = total[(slice(1, -1),) * values.ndim] if boundary == "valid" else total
    return inner / spacing**2
