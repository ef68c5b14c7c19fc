"""dlx.foundations: the Euler-Lagrange residual and the action."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations
from tests.proof import configurations, prove
from tests.tolerances import assert_close

GRAVITY = 9.81


def length(t, u, v):
    return jnp.sqrt(1 + v**2)


def oscillator(t, u, v):
    return 0.5 * v**2 - 0.5 * 4.0 * u**2


def descent(t, u, v):
    """Time for a step of a parametrised curve (x, y), y pointing down: ds / sqrt(2 g y)."""
    return jnp.sqrt(v @ v) / jnp.sqrt(2 * GRAVITY * u[1])


def cycloid(angle):
    return jnp.stack([angle - jnp.sin(angle), 1 - jnp.cos(angle)])


def residuals(lagrangian, path, times):
    return jax.vmap(lambda t: foundations.euler_lagrange_residual(lagrangian, path, t))(jnp.asarray(times))


@pytest.mark.row(37)
@pytest.mark.erratum("E10")
@pytest.mark.gap("U29")
@configurations()
def test_euler_lagrange_residual(rng):
    """L = t u v^2 + sin u along u = a t^3 + b: every term by hand."""
    a, b = rng.uniform(0.5, 1, 2)

    def by_hand(t):
        u, v, w = a * t**3 + b, 3 * a * t**2, 6 * a * t
        # dL/du - d/dt (2 t u v)
        return np.float64(t * v * v + np.cos(u) - 2 * (u * v + t * v * v + t * u * w))

    prove(
        lambda t: foundations.euler_lagrange_residual(
            lambda t, u, v: t * u * v**2 + jnp.sin(u), lambda t: a * t**3 + b, t
        ),
        [rng.uniform(0.5, 1, ())],
        reference=by_hand,
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(37)
@pytest.mark.erratum("E10")
@pytest.mark.gap("U29")
@pytest.mark.parametrize(
    ("lagrangian", "stationary", "other"),
    [
        (length, lambda t: 2 * t - 1, lambda t: t**2),
        (oscillator, lambda t: 1.5 * jnp.cos(2 * t + 0.3), lambda t: jnp.cos(t)),
        (descent, cycloid, lambda t: jnp.stack([t, t**2])),
    ],
    ids=["straight line", "harmonic oscillator", "brachistochrone"],
)
def test_stationary_curves(x64, lagrangian, stationary, other):
    times = np.linspace(0.5, 2.5, 9)
    got = residuals(lagrangian, stationary, times)
    assert_close(got, np.zeros(got.shape))
    assert np.abs(residuals(lagrangian, other, times)).max() > 1e-2


@pytest.mark.row(37)
@pytest.mark.gap("U29")
def test_the_cycloid_as_a_graph(x64):
    """The brachistochrone y(x) in the usual form L = sqrt((1 + y'^2) / (2 g y)); the angle is found by Newton steps."""

    def graph(x):
        angle = jnp.asarray(2.0)
        # each step after convergence makes one more derivative right
        for _ in range(12):
            angle = angle - (angle - jnp.sin(angle) - x) / (1 - jnp.cos(angle))
        return 1 - jnp.cos(angle)

    def falling(x, y, slope):
        return jnp.sqrt((1 + slope**2) / (2 * GRAVITY * y))

    got = residuals(falling, graph, np.linspace(0.5, 2.5, 5))
    # the second derivative of an implicit function, some dozen operations deep
    assert_close(got, np.zeros(5), factor=10)


@pytest.mark.row(37)
@pytest.mark.gap("U29")
def test_action(rng):
    prove(
        lambda times: foundations.action(oscillator, lambda t: t**2, times),
        [np.sort(rng.uniform(0, 1, 6))],
        reference=lambda t: np.trapezoid(2 * t**2 - 2 * t**4, t),
        kind="contraction",
        dtypes=("float64", "float32"),
    )
    with jax.enable_x64(True):
        times = jnp.linspace(0, 3, 4)
        assert_close(foundations.action(length, lambda t: 4 / 3 * t, times), 5)


@pytest.mark.row(37)
@pytest.mark.gap("U29")
@pytest.mark.parametrize(("lagrangian", "path"), [(length, lambda t: 2 * t), (oscillator, lambda t: jnp.cos(2 * t))])
def test_the_action_is_stationary_where_the_residual_vanishes(x64, lagrangian, path):
    """A variation that is 0 at the ends changes the action in second order only."""
    times = jnp.linspace(0.0, 1.0, 2001)

    def varied(size, path):
        return foundations.action(lagrangian, lambda t: path(t) + size * jnp.sin(jnp.pi * t), times)

    # the trapezoidal rule's own error, h^2 / 12
    assert abs(jax.grad(varied)(0.0, path)) < 1e-6
    assert abs(jax.grad(varied)(0.0, lambda t: t**2)) > 1e-2
    if lagrangian is length:
        assert varied(0.1, path) > varied(0.0, path)


@pytest.mark.row(37)
def test_the_cycloid_is_faster_than_the_straight_line(x64):
    # both from near the start to the lowest point (pi, 2)
    angles = jnp.linspace(1e-3, jnp.pi, 4001)
    end = cycloid(jnp.pi)
    # in s^2, so that the line's start is as smooth as the cycloid's
    line = foundations.action(descent, lambda s: end * s**2, jnp.linspace(1e-3, 1, 4001))
    curve = foundations.action(descent, cycloid, angles)
    assert curve == pytest.approx(np.pi / np.sqrt(GRAVITY), rel=1e-3)
    assert line == pytest.approx(np.hypot(np.pi, 2) * 2 / np.sqrt(2 * GRAVITY * 2), rel=2e-3)
    assert curve < line
