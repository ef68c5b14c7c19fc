"""dlx.optim: linear conjugate gradients, and their kinship with momentum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

from dlx import optim
from tests.proof import configurations, prove
from tests.tolerances import assert_close


def positive(rng, eigenvalues):
    basis = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))[0]
    return basis @ np.diag(eigenvalues) @ basis.T


def solve(matrix, b, **options):
    return optim.conjugate_gradient(lambda x: matrix @ x, b, **options)


@pytest.mark.row(175)
@configurations()
def test_conjugate_gradient(rng):
    matrix, b = positive(rng, rng.uniform(1, 10, 5)), rng.standard_normal(5)
    # differentiation would need the system's own adjoint: while_loop has no reverse mode
    prove(
        lambda m, b: solve(m, b, tol=0.0).solution,
        [matrix, b],
        reference=np.linalg.solve,
        kind="contraction",
        dtypes=("float64", "float32"),
        gradients=(),
    )


@pytest.mark.row(175)
def test_against_scipy_step_by_step(x64, rng):
    matrix, b, x0 = positive(rng, np.geomspace(1, 50, 8)), rng.standard_normal(8), rng.standard_normal(8)
    for steps in (1, 3, 5):
        got = solve(jnp.asarray(matrix), jnp.asarray(b), x0=jnp.asarray(x0), tol=0.0, max_steps=steps)
        want, _ = scipy.sparse.linalg.cg(matrix, b, x0=x0, rtol=0.0, maxiter=steps)
        assert_close(got.solution, want)
        assert_close(got.residual, np.linalg.norm(b - matrix @ want))
        assert (int(got.steps), bool(got.converged)) == (steps, False)
    counted = []
    scipy.sparse.linalg.cg(matrix, b, rtol=1e-3, callback=counted.append)
    assert int(solve(jnp.asarray(matrix), jnp.asarray(b), tol=1e-3).steps) == len(counted)


@pytest.mark.row(175)
@pytest.mark.parametrize("different", [1, 2, 4])
def test_as_many_steps_as_there_are_different_eigenvalues(x64, rng, different):
    matrix = positive(rng, np.repeat(np.linspace(1, 5, different), 8 // different))
    found = solve(jnp.asarray(matrix), jnp.asarray(rng.standard_normal(8)), tol=1e-12)
    assert (int(found.steps), bool(found.converged)) == (different, True)


@pytest.mark.row(164, 175)
@pytest.mark.erratum("E90")
def test_momentum_with_the_right_coefficients_is_conjugate_gradients(x64, rng):
    """x_(t+1) = x_t - alpha_t g_t + beta_t alpha_t / alpha_(t-1) (x_t - x_(t-1)): momentum holds both for ever."""
    matrix, b = positive(rng, np.geomspace(1, 20, 5)), rng.standard_normal(5)
    x, before, g_before, alpha_before = np.zeros(5), np.zeros(5), None, 1.0
    direction = np.zeros(5)
    for steps in range(1, 6):
        g = matrix @ x - b
        beta = 0.0 if g_before is None else g @ g / (g_before @ g_before)
        direction = -g + beta * direction
        alpha = g @ g / (direction @ matrix @ direction)
        x, before = x - alpha * g + beta * alpha / alpha_before * (x - before), x
        g_before, alpha_before = g, alpha
        assert_close(solve(jnp.asarray(matrix), jnp.asarray(b), tol=0.0, max_steps=steps).solution, x)


@pytest.mark.row(164, 175)
def test_fixed_coefficients_need_more_steps_than_chosen_ones_and_fewer_than_none(x64, rng):
    eigenvalues = np.geomspace(1, 100, 20)
    matrix, b = jnp.asarray(positive(rng, eigenvalues)), jnp.asarray(rng.standard_normal(20))
    want = jnp.linalg.solve(matrix, b)
    # Polyak's constants for eigenvalues between 1 and 100
    rate, decay = 4 / (np.sqrt(100) + 1) ** 2, ((np.sqrt(100) - 1) / (np.sqrt(100) + 1)) ** 2

    def error(optimizer, steps=20):
        def body(_, carry):
            x, state = carry
            update, state = optimizer.update(matrix @ x - b, state)
            return x + update, state

        x = jnp.zeros(20)
        return float(jnp.linalg.norm(jax.lax.fori_loop(0, steps, body, (x, optimizer.init(x)))[0] - want))

    chosen = float(jnp.linalg.norm(solve(matrix, b, tol=0.0, max_steps=20).solution - want))
    fixed, none = error(optim.momentum(float(rate), decay=float(decay))), error(optim.sgd(2 / 101))
    assert chosen < 1e-2 * fixed
    assert fixed < 0.5 * none


@pytest.mark.row(175)
def test_trees_zero_and_matrices_that_are_not_positive(x64, rng):
    b = {"a": jnp.asarray(rng.standard_normal((2, 2))), "b": jnp.asarray(rng.standard_normal(3))}
    found = optim.conjugate_gradient(lambda x: {"a": 2 * x["a"], "b": 5 * x["b"]}, b, tol=1e-12)
    assert_close(found.solution["a"], b["a"] / 2)
    assert_close(found.solution["b"], b["b"] / 5)
    assert int(found.steps) == 2
    nothing = solve(jnp.eye(3), jnp.zeros(3))
    assert (int(nothing.steps), bool(nothing.converged), bool(nothing.solution.any())) == (0, True, False)
    saddle = solve(jnp.diag(jnp.asarray([1.0, -1.0])), jnp.asarray([1.0, 2.0]))
    assert (int(saddle.steps), bool(saddle.converged)) == (0, False)
    assert np.isfinite(saddle.solution).all()
