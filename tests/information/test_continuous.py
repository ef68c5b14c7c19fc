"""dlx.information: densities on a grid, Gaussians, uniform variables."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import information
from tests.proof import configurations, prove
from tests.tolerances import assert_close


@pytest.mark.row(283)
@configurations()
def test_differential_entropy_is_the_trapezoidal_rule(rng):
    points = np.sort(rng.uniform(-1, 1, 7))
    densities = rng.uniform(0.2, 2, (2, 7))
    densities /= np.trapezoid(densities, points)[:, None]

    def by_hand(densities, points):
        terms = -densities * np.log(densities)
        return np.array(
            [
                math.fsum((points[i + 1] - points[i]) * (f[i] + f[i + 1]) / 2 for i in range(len(points) - 1))
                for f in terms
            ]
        )

    prove(
        information.differential_entropy,
        [densities, points],
        reference=by_hand,
        kind="contraction",
        another=lambda a: 0.75 * a if a.ndim == 1 else a / 0.75,  # a density still
    )


@pytest.mark.row(283)
@pytest.mark.erratum("E67")
@pytest.mark.parametrize("stddev", [0.1, 1.0, 3.0])
def test_gaussian_entropy(x64, stddev):
    stats = pytest.importorskip("scipy.stats")
    want = stats.norm(scale=stddev).entropy()
    assert_close(information.gaussian_entropy(jnp.asarray(stddev)), want)
    assert_close(information.gaussian_entropy(jnp.asarray(stddev), base=2), want / math.log(2))
    # the trapezoidal rule is exact to rounding for a smooth function that vanishes at both ends
    points = np.linspace(-12 * stddev, 12 * stddev, 401)
    densities = stats.norm(scale=stddev).pdf(points)
    assert_close(information.differential_entropy(jnp.asarray(densities), jnp.asarray(points)), want)
    # by chance: the mean of -log p over samples
    samples = stats.norm(scale=stddev).rvs(20_000, random_state=0)
    # standard deviation of -log p is 1 / sqrt(2): four standard errors
    assert abs(-stats.norm(scale=stddev).logpdf(samples).mean() - want) < 4 * math.sqrt(0.5 / 20_000)


@pytest.mark.row(283)
def test_gaussian_entropy_gradients(rng):
    stddev = rng.uniform(0.2, 2, 3)
    prove(information.gaussian_entropy, [stddev], reference=lambda s: 0.5 * np.log(2 * np.pi * np.e * s * s))


@pytest.mark.row(283)
@configurations()
def test_multivariate_gaussian_entropy(rng):
    stats = pytest.importorskip("scipy.stats")
    factor = rng.standard_normal((3, 3))
    covariance = factor @ factor.T + np.eye(3)

    def by_hand(covariance):
        return 0.5 * np.log(np.linalg.det(2 * np.pi * np.e * covariance))

    def of_symmetric(covariance):
        return information.multivariate_gaussian_entropy((covariance + covariance.T) / 2)

    prove(of_symmetric, [covariance], reference=by_hand, kind="contraction", dtypes=("float64", "float32"))
    with jax.enable_x64(True):
        got = information.multivariate_gaussian_entropy(jnp.asarray(covariance))
        assert_close(got, stats.multivariate_normal(cov=covariance).entropy())
        diagonal = jnp.diag(jnp.array([0.5, 2.0]) ** 2)
        assert_close(
            information.multivariate_gaussian_entropy(diagonal, base=2),
            information.gaussian_entropy(jnp.array([0.5, 2.0]), base=2).sum(),
        )


@pytest.mark.row(283, 285)
@pytest.mark.erratum("E67")
def test_uniform_entropy(rng):
    low = rng.standard_normal(4)
    high = low + rng.uniform(0.5, 3, 4)
    # the difference of two rounded bfloat16 numbers is rounded once more, before its logarithm: a contraction
    prove(information.uniform_entropy, [low, high], reference=lambda a, b: np.log(b - a), kind="contraction")
    with jax.enable_x64(True):
        assert_close(information.uniform_entropy(jnp.asarray(0.0), jnp.asarray(8.0), base=2), 3)


@pytest.mark.row(285)
@pytest.mark.erratum("E67")
def test_the_uniform_density_has_the_largest_entropy_on_its_interval(x64, rng):
    points = jnp.linspace(-1.0, 2.0, 101)
    bound = information.uniform_entropy(jnp.asarray(-1.0), jnp.asarray(2.0))
    flat = jnp.full(101, 1 / 3)
    assert_close(information.differential_entropy(flat, points), bound)
    for _ in range(5):
        density = jnp.exp(jnp.polyval(jnp.asarray(rng.standard_normal(4)), points))
        density /= jnp.trapezoid(density, points)
        assert information.differential_entropy(density, points) < bound


@pytest.mark.row(286)
@pytest.mark.erratum("E68")
def test_joint_bounds_hold_for_discrete_variables_only(x64):
    """Two strongly correlated Gaussians: h(X, Y) is below h(X)."""
    covariance = jnp.array([[1.0, 0.999], [0.999, 1.0]])
    together = information.multivariate_gaussian_entropy(covariance)
    assert together < information.gaussian_entropy(jnp.asarray(1.0))


@pytest.mark.row(291)
@configurations()
def test_gaussian_kl_divergence(rng):
    torch = pytest.importorskip("torch")
    m1, m2 = rng.standard_normal((2, 3))
    s1, s2 = rng.uniform(0.5, 2, (2, 3))

    def by_hand(m1, s1, m2, s2):
        return np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5

    # two quotients and their squares, each rounded
    prove(information.gaussian_kl_divergence, [m1, s1, m2, s2], reference=by_hand, kind="contraction")
    normal = torch.distributions.Normal
    want = torch.distributions.kl_divergence(
        normal(torch.tensor(m1), torch.tensor(s1)), normal(torch.tensor(m2), torch.tensor(s2))
    )
    with jax.enable_x64(True):
        m1, s1, m2, s2 = (jnp.asarray(a) for a in (m1, s1, m2, s2))
        assert_close(information.gaussian_kl_divergence(m1, s1, m2, s2), want.numpy())
        assert_close(information.gaussian_kl_divergence(m1, s1, m1, s1), np.zeros(3))
        got = information.gaussian_kl_divergence(m1, s1, m2, s2, base=2)
        assert_close(got, want.numpy() / math.log(2))


@pytest.mark.row(288)
@configurations()
def test_gaussian_mutual_information(rng):
    rho = rng.uniform(-0.9, 0.9, 4)
    prove(
        information.gaussian_mutual_information,
        [rho],
        reference=lambda r: -0.5 * np.log1p(-r * r),
        # bfloat16 rounds 1 - rho before its logarithm
        kind="contraction",
    )
    with jax.enable_x64(True):
        single = information.gaussian_entropy(jnp.asarray(1.0))
        for r in rho:
            covariance = jnp.array([[1.0, r], [r, 1.0]])
            want = 2 * single - information.multivariate_gaussian_entropy(covariance)
            assert_close(information.gaussian_mutual_information(jnp.asarray(r)), want)
        bits = information.gaussian_mutual_information(jnp.asarray(math.sqrt(0.75)), base=2)
        assert_close(bits, 1)
