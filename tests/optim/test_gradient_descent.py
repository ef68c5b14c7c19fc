"""dlx.optim: descent on functions known in full: closed forms, the zig-zag, restarts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import optim
from tests.optim.problems import rosenbrock, walk
from tests.tolerances import assert_close


def quadratic(rng, eigenvalues):
    """(f, H, its eigenvectors)."""
    basis = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))[0]
    matrix = jnp.asarray(basis @ np.diag(eigenvalues) @ basis.T)
    return lambda x: 0.5 * x @ matrix @ x, matrix, basis


def ill_conditioned(kappa):
    return lambda x: 0.5 * (x[0] ** 2 + kappa * x[1] ** 2)


@pytest.mark.row(161)
@pytest.mark.erratum("E17")
def test_iterates_on_a_quadratic_in_closed_form(x64, rng):
    eigenvalues, rate = np.array([0.5, 1.0, 4.0]), 0.3
    function, _, basis = quadratic(rng, eigenvalues)
    start = rng.standard_normal(3)
    path = optim.gradient_descent(function, jnp.asarray(start), learning_rate=rate, steps=40)
    shares = (1 - rate * eigenvalues) ** np.arange(41)[:, None] * (basis.T @ start)
    assert_close(path, shares @ basis.T)
    # eta = 2 / lambda_max is the limit
    over = optim.gradient_descent(function, jnp.asarray(start), learning_rate=0.51, steps=400)
    assert np.abs(over[-1]).max() > 1e2


@pytest.mark.row(161, 163)
def test_it_is_sgd_on_the_whole(x64, rng):
    loss, start = rosenbrock(rng)
    start = jax.tree.map(jnp.asarray, start)
    path = optim.gradient_descent(loss, start, learning_rate=lambda t: 0.1 / (1 + t), steps=30)
    assert path["kernel"].shape == (31, 2)
    assert_close(path["kernel"][-1], walk(optim.sgd(lambda t: 0.1 / (1 + t)), loss, start, 30)["kernel"])


@pytest.mark.row(78, 174)
@pytest.mark.gap("U24")
def test_zig_zag_of_the_exact_search(x64):
    # x_0 = (kappa, 1) gives g_0 = (kappa, kappa), alpha = 2 / (1 + kappa), x_1 = (kappa - 1) / (kappa + 1) (kappa, -1)
    kappa = 20.0
    path = optim.steepest_descent(ill_conditioned(kappa), jnp.asarray([kappa, 1.0]), steps=30, search="exact")
    shrink = ((kappa - 1) / (kappa + 1)) ** np.arange(31)
    assert_close(path, np.stack([kappa * shrink, (-1.0) ** np.arange(31) * shrink], axis=1))
    steps = np.diff(path, axis=0)
    assert_close(np.sum(steps[1:] * steps[:-1], axis=1), np.zeros(29))  # right angles


@pytest.mark.row(78, 174)
@pytest.mark.gap("U24")
@pytest.mark.parametrize("search", ["armijo", "exact"])
def test_steepest_descent_slows_down_in_narrow_valleys(x64, search):
    def left(kappa):
        path = optim.steepest_descent(ill_conditioned(kappa), jnp.asarray([kappa, 1.0]), steps=60, search=search)
        values = np.asarray(jax.vmap(ill_conditioned(kappa))(path))
        assert (np.diff(values) <= 0).all()
        return values[-1] / values[0]

    assert left(2.0) < 1e-20
    assert left(1000.0) > 1e-2


@pytest.mark.row(78)
def test_small_and_large_steps_near_the_minimum(x64):
    """The remedy of the notes, a step of the right size: too small creeps, too large leaves."""
    function = ill_conditioned(10.0)
    best = 2 / 11  # 2 / (lambda_min + lambda_max)

    def left(rate):
        return float(jnp.abs(optim.gradient_descent(function, jnp.ones(2), learning_rate=rate, steps=50)[-1]).max())

    assert left(best) == pytest.approx((9 / 11) ** 50)
    assert left(0.1 * best) > 0.1
    assert left(1.2 * best) > 1e3


@pytest.mark.row(78)
@pytest.mark.gap("U24")
def test_restarts_leave_a_local_minimum(x64):
    def function(x):
        return x**4 - 4 * x**2 + x  # minima near 1.35 and, the lower one, near -1.47

    def method(start):
        return optim.gradient_descent(function, start, learning_rate=0.02, steps=300)[-1]

    roots = np.sort(np.roots([4, 0, -8, 1]).real)
    assert_close(method(jnp.asarray(1.0)), roots[2])
    point, value = jax.jit(lambda starts: optim.best_restart(function, method, starts))(
        jnp.asarray([1.0, 2.0, -0.5, 50.0])
    )
    assert_close(point, roots[0])
    assert_close(value, function(roots[0]))
    assert not np.isfinite(method(jnp.asarray(50.0)))  # this start has run away, and counts for nothing


@pytest.mark.row(175)
@pytest.mark.erratum("E90")
@pytest.mark.parametrize("kind", ["polak_ribiere", "fletcher_reeves"])
def test_nonlinear_conjugate_gradient_on_a_quadratic_is_the_linear_one(x64, rng, kind):
    function, matrix, _ = quadratic(rng, np.array([0.5, 1.0, 4.0, 9.0]))
    b, start = jnp.asarray(rng.standard_normal(4)), jnp.asarray(rng.standard_normal(4))
    path = optim.nonlinear_conjugate_gradient(lambda x: function(x) - b @ x, start, steps=6, kind=kind)
    for steps in (1, 2, 3, 4):
        want = optim.conjugate_gradient(lambda x: matrix @ x, b, x0=start, tol=0.0, max_steps=steps).solution
        assert_close(path[steps], want)
    assert_close(path[4], jnp.linalg.solve(matrix, b))
    assert_close(path[6], path[4])  # and stays there


@pytest.mark.row(174, 175)
@pytest.mark.parametrize("kind", ["polak_ribiere", "fletcher_reeves"])
def test_nonlinear_conjugate_gradient_in_rosenbrocks_valley(x64, rng, kind):
    def function(point):
        x, y = point
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    start = jnp.asarray([-1.2, 1.0])
    path = optim.nonlinear_conjugate_gradient(function, start, steps=200, kind=kind, search="armijo")
    assert (np.diff(jax.vmap(function)(path)) <= 0).all()
    plain = optim.steepest_descent(function, start, steps=200)
    assert function(path[-1]) < 0.5 * function(plain[-1])


@pytest.mark.row(174)
def test_an_exact_search_backtracks_where_the_curve_bends_down(x64):
    # cos bends down at 0.1: no minimum of the parabola, so that alpha = 1 is tried
    path = optim.steepest_descent(lambda x: jnp.cos(x), jnp.asarray(0.1), steps=1, search="exact")
    assert_close(path[1], 0.1 + np.sin(0.1))
    still = optim.steepest_descent(lambda x: jnp.cos(x), jnp.asarray(0.0), steps=1, search="exact")
    assert_close(still, [0, 0])


@pytest.mark.row(161, 174)
def test_float32_trees_under_vmap(rng):
    start = {"a": jnp.asarray(rng.standard_normal((3, 2)), jnp.float32), "b": jnp.ones(3, jnp.float32)}

    def function(tree):
        return jnp.sum(tree["a"] ** 2) + jnp.sum(tree["b"] ** 4)

    def path(one):
        return optim.steepest_descent(function, one, steps=3)

    many = jax.jit(jax.vmap(path))(start)
    alone = path(jax.tree.map(lambda leaf: leaf[1], start))
    jax.tree.map(lambda a, b: assert_close(a[1], b), many, alone)
    assert many["a"].dtype == jnp.float32
    assert many["a"].shape == (3, 4, 2)
