"""The calculus of variations: functionals of curves and their stationary points."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_function

__all__ = ["action", "euler_lagrange_residual"]

Lagrangian = Callable[[Array, Array, Array], Array]
Path = Callable[[Array], Array]


def euler_lagrange_residual(lagrangian: Lagrangian, path: Path, time: Float[Array, ""]) -> Float[Array, "*shape"]:
    """How far a curve is from a stationary point of its action, by automatic differentiation.

        r(t) = dL/du - d/dt dL/du',    u' = du/dt;    r = 0 for all t iff u is stationary for S(u) = int L(t, u, u') dt

    The notes misprint u' and drop the d/dt; this is the accepted form.

    Args:
      lagrangian: L(t, u, u'), a scalar, twice differentiable at the curve.
      path: u(t), a scalar or an array, twice differentiable at `time`.
      time: t.
    Returns: the shape of u.
    Raises: ValueError if `time` is no scalar; TypeError if it is not floating or `lagrangian` or `path` is no function.
    Source: Gelfand and Fomin 1963, section 4; notes 001 section 1.
    """
    _check_functions(lagrangian, path)
    _check_time(time)

    def motion(t: Array) -> tuple[Array, Array]:
        return jax.jvp(path, (t,), (jnp.ones_like(t),))

    def momentum(t: Array) -> Array:
        return jax.grad(lagrangian, 2)(t, *motion(t))

    force = jax.grad(lagrangian, 1)(time, *motion(time))
    return force - jax.jvp(momentum, (time,), (jnp.ones_like(time),))[1]


def action(lagrangian: Lagrangian, path: Path, times: Float[Array, "points"]) -> Float[Array, ""]:
    """Functional of a curve, by the trapezoidal rule.

        S(u) = int L(t, u(t), u'(t)) dt

    Args:
      lagrangian: L(t, u, u'), a scalar.
      path: u(t), a scalar or an array, differentiable.
      times: (points,) t, ascending, from one end of the integral to the other.
    Returns: a scalar.
    Raises: ValueError if `times` is no vector; TypeError if they are not floating or `lagrangian` or `path` is no
      function.
    Source: Gelfand and Fomin 1963, section 1; notes 001 section 1.
    """
    _check_functions(lagrangian, path)
    check_floating("times", times)
    if times.ndim != 1:
        raise ValueError(f"times: got shape {times.shape}, wanted (points,)")

    def density(t: Array) -> Array:
        return lagrangian(t, *jax.jvp(path, (t,), (jnp.ones_like(t),)))

    return jnp.trapezoid(jax.vmap(density)(times), times)


def _check_functions(lagrangian: Lagrangian, path: Path) -> None:
    check_function("lagrangian", lagrangian, "L(t, u, u')")
    check_function("path", path, "u(t)")


def _check_time(time: Array) -> None:
    check_floating("time", time)
    if time.ndim != 0:
        raise ValueError(f"time: got shape {time.shape}, wanted a scalar; jax.vmap maps over more")
