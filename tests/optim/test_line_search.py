"""dlx.optim: backtracking line search."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import line_search

from dlx import optim
from tests.proof import check_transformations, configurations
from tests.tolerances import assert_close


def valley(point):
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def slope(point):
    return np.array(
        [2 * (point[0] - 1) - 400 * point[0] * (point[1] - point[0] ** 2), 200 * (point[1] - point[0] ** 2)]
    )


def backtracking(function, x, d, g, step=1.0, factor=0.5, decrease=1e-4):
    """Nocedal and Wright 2006, algorithm 3.1, in NumPy."""
    looks = 1
    while function(x + step * d) > function(x) + decrease * step * g @ d:
        step, looks = step * factor, looks + 1
    return step, looks


@pytest.mark.row(174)
@pytest.mark.gap("U24")
@configurations()
def test_armijo(rng):
    x = rng.uniform(-1, 1, 2)
    d = -slope(x)
    for options in ({}, {"factor": 0.8, "decrease": 0.4}):
        with jax.enable_x64(True):
            found = jax.jit(functools.partial(optim.armijo, valley, **options))(jnp.asarray(x), jnp.asarray(d))
        step, looks = backtracking(valley, x, d, slope(x), **options)
        assert_close(found.step, step)
        assert_close(found.value, valley(x + step * d))
        assert (bool(found.accepted), int(found.evaluations)) == (True, looks)
    search = optax.scale_by_backtracking_linesearch(
        40, slope_rtol=1e-4, decrease_factor=0.5, increase_factor=float("inf")
    )
    with jax.enable_x64(True):
        x, d = jnp.asarray(x), jnp.asarray(d)
        update, _ = search.update(d, search.init(x), x, value=valley(x), grad=-d, value_fn=valley)
        assert_close(update, optim.armijo(valley, x, d).step * d)


@pytest.mark.row(174)
@configurations()
def test_wolfe_conditions(rng):
    with jax.enable_x64(True):
        x = rng.uniform(-1, 1, 2)
        d = -slope(x)
        step = line_search(lambda p: float(valley(p)), slope, x, d)[0]
        hold = jax.jit(functools.partial(optim.wolfe_conditions, valley, jnp.asarray(x), jnp.asarray(d)))
        assert all(map(bool, hold(jnp.asarray(step))))
        # too short: the slope is as it was; too long: the value is above the line
        assert [bool(b) for b in hold(jnp.asarray(1e-9))] == [True, False]
        assert not bool(hold(jnp.asarray(100.0))[0])


@pytest.mark.row(174)
def test_transformations(rng):
    x = rng.uniform(-1, 1, 2)
    check_transformations(lambda x, d: optim.armijo(lambda p: jnp.sum(jnp.cosh(p)), x, d)[:2], [x, -x])


@pytest.mark.row(174)
def test_directions_that_do_not_descend_and_values_that_are_not_there():
    x = jnp.asarray([1.0])
    up = optim.armijo(lambda p: jnp.sum(p**2), x, x)
    assert (float(up.step), float(up.value), bool(up.accepted)) == (0, 1, False)
    # log is NaN left of 0, where steps of 4, 2 and 1 land
    down = optim.armijo(lambda p: jnp.sum(p - jnp.log(p)), jnp.asarray([2.0]), jnp.asarray([-3.0]), initial_step=4.0)
    assert (float(down.step), bool(down.accepted)) == (0.5, True)
    short = optim.armijo(lambda p: jnp.sum(p**2), x, -100 * x, max_steps=3)
    assert (float(short.step), bool(short.accepted), int(short.evaluations)) == (0, False, 3)
