"""Forms of a straight line: slope and intercept, two intercepts, normal. The normal form has every line."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_same_shape

__all__ = [
    "double_intercept_to_normal",
    "normal_to_double_intercept",
    "normal_to_slope_intercept",
    "slope_intercept_to_normal",
]

Number = Float[Array, "*shape"]


def normal_to_slope_intercept(theta: Number, rho: Number) -> tuple[Number, Number]:
    """From x cos t + y sin t = rho to y = m x + b.

        m = -cos t / sin t,    b = rho / sin t

    Args:
      theta: angle of the normal in radians.
      rho: distance of the origin from the line along the normal, the same shape.
    Returns: (m, b); not finite for an upright line (sin t = 0), which has no slope.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    check_same_shape("rho", rho, "theta", theta)
    return -jnp.cos(theta) / jnp.sin(theta), rho / jnp.sin(theta)


def slope_intercept_to_normal(slope: Number, intercept: Number) -> tuple[Number, Number]:
    """From y = m x + b to x cos t + y sin t = rho.

        t = atan2(1, -m),    rho = b / sqrt(1 + m^2)

    Args:
      slope: m.
      intercept: b, the same shape.
    Returns: (theta, rho), theta in (0, pi).
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    check_same_shape("intercept", intercept, "slope", slope)
    slope = jnp.asarray(slope)
    return jnp.arctan2(jnp.ones_like(slope), -slope), intercept / jnp.sqrt(1 + slope**2)


def normal_to_double_intercept(theta: Number, rho: Number) -> tuple[Number, Number]:
    """From x cos t + y sin t = rho to x / a + y / b = 1.

        a = rho / cos t,    b = rho / sin t

    A straight line; the notes call this form an ellipse, which is x^2 / a^2 + y^2 / b^2 = 1.

    Args:
      theta: angle of the normal in radians.
      rho: distance of the origin from the line along the normal, the same shape.
    Returns: (a, b), where the line cuts the x axis and the y axis; not finite if it does not, and a line through the
      origin (rho = 0) has no such form.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    check_same_shape("rho", rho, "theta", theta)
    return rho / jnp.cos(theta), rho / jnp.sin(theta)


def double_intercept_to_normal(x_intercept: Number, y_intercept: Number) -> tuple[Number, Number]:
    """From x / a + y / b = 1 to x cos t + y sin t = rho.

        t = atan2(1 / b, 1 / a),    rho = 1 / sqrt(1 / a^2 + 1 / b^2)

    Args:
      x_intercept: a, not 0; infinite for a line along x.
      y_intercept: b, not 0, the same shape.
    Returns: (theta, rho), rho > 0.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    check_same_shape("y_intercept", y_intercept, "x_intercept", x_intercept)
    across, down = 1 / jnp.asarray(x_intercept), 1 / jnp.asarray(y_intercept)
    return jnp.arctan2(down, across), 1 / jnp.hypot(across, down)
