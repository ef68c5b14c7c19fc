"""dlx.foundations: the Laplace operator of functions and grids."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations
from tests.proof import configurations, prove
from tests.reference import foundations as reference
from tests.tolerances import assert_close


def plane_wave(x):
    return jnp.sin(x[0]) * jnp.exp(2 * x[1]) + x[0] * x[1] ** 3


@pytest.mark.row(32)
@configurations()
def test_laplacian(rng):
    prove(
        lambda x: foundations.laplacian(plane_wave, x),
        [rng.uniform(-1, 1, 2)],
        # -sin x e^2y + 4 sin x e^2y + 6 x y
        reference=lambda x: np.float64(3 * np.sin(x[0]) * np.exp(2 * x[1]) + 6 * x[0] * x[1]),
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(32)
@configurations()
def test_laplacian_is_the_trace_of_the_hessian(x64, rng):
    x = jnp.asarray(rng.standard_normal(4))
    weights = jnp.asarray(rng.standard_normal((4, 3)))

    def fields(x):
        return jnp.tanh(x @ weights)

    want = jnp.trace(jax.hessian(fields)(x), axis1=1, axis2=2)
    assert_close(foundations.laplacian(fields, x), want)
    assert_close(foundations.laplacian(lambda x: x @ x, x[:2]), 4)
    # harmonic functions have none
    assert_close(foundations.laplacian(lambda x: x[0] ** 2 - x[1] ** 2 + x[0] * x[1], x[:2]), 0)


@pytest.mark.row(32)
@configurations()
def test_discrete_laplacian(rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    values = rng.standard_normal((4, 5))
    prove(
        lambda f: foundations.discrete_laplacian(f, spacing=0.5),
        [values],
        reference=lambda f: reference.laplacian(f, 0.5),
        kind="contraction",
        # sums of eight terms, times four
        dtypes=("float64", "float32"),
    )
    with jax.enable_x64(True):
        assert_close(foundations.discrete_laplacian(jnp.asarray(values)), ndimage.laplace(values)[1:-1, 1:-1])
        got = foundations.discrete_laplacian(jnp.asarray(values), boundary="periodic")
        assert_close(got, ndimage.laplace(values, mode="wrap"))
        line = rng.standard_normal(6)
        assert_close(foundations.discrete_laplacian(jnp.asarray(line)), reference.laplacian(line, 1.0))


@pytest.mark.row(32)
def test_discrete_laplacian_of_polynomials_and_its_order(x64):
    x, y = jnp.meshgrid(jnp.linspace(0, 1, 6), jnp.linspace(0, 1, 6), indexing="ij")
    squares = foundations.discrete_laplacian(x**2 + y**2, spacing=0.2)
    # 1 / h^2 magnifies rounding
    assert_close(squares, np.full((4, 4), 4.0), factor=10)
    cubes = foundations.discrete_laplacian(x**3, spacing=0.2)
    assert_close(cubes, 6 * x[1:-1, 1:-1], factor=10)
    # the error of other functions falls with the square of the spacing
    errors = []
    for points in (21, 41):
        grid = jnp.linspace(0, 1, points)
        got = foundations.discrete_laplacian(jnp.exp(grid), spacing=1 / (points - 1))
        errors.append(float(jnp.max(jnp.abs(got - jnp.exp(grid[1:-1])))))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
