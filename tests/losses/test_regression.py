"""dlx.losses: squared and absolute error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import losses
from tests.proof import configurations, prove, shape
from tests.reference import losses as reference
from tests.tolerances import assert_close

CASES = [
    pytest.param(losses.squared_error, 2, "mse_loss", marks=pytest.mark.row(24)),
    pytest.param(losses.absolute_error, 1, "l1_loss", marks=pytest.mark.row(27)),
]


@configurations()
@pytest.mark.parametrize(("function", "power", "library"), CASES)
def test_errors(rng, function, power, library):
    torch = pytest.importorskip("torch")
    h, y = rng.standard_normal((2, *shape(rng, 3)))
    prove(function, [h, y], reference=reference.summed_error(power), kind="contraction")
    theirs = getattr(torch.nn.functional, library)(torch.tensor(h), torch.tensor(y)).numpy()
    with jax.enable_x64(True):
        assert_close(losses.reduce(function(jnp.asarray(h), jnp.asarray(y), features="mean")), theirs)
        assert_close(function(jnp.asarray(h[:, 0, 0]), jnp.asarray(y[:, 0, 0])), np.abs(h - y)[:, 0, 0] ** power)


@pytest.mark.row(24)
def test_half_squared_error_has_the_gradient_of_the_notes(x64, rng):
    h, y = jnp.asarray(rng.standard_normal((2, 4, 3)))
    assert_close(losses.squared_error(h, y, half=True), losses.squared_error(h, y) / 2)
    assert_close(jax.grad(lambda h: losses.squared_error(h, y, half=True).sum())(h), h - y)


@pytest.mark.row(27)
def test_the_gradient_of_absolute_error_is_zero_where_nothing_is_wrong():
    h, y = jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 3.0, 2.0])
    assert jax.grad(lambda h: losses.absolute_error(h, y).sum())(h).tolist() == [0, -1, 1]


def knee(alpha, beta):
    """Of the difference d: alpha d^2 / beta within beta, beyond it |d| - alpha beta."""
    return lambda d: alpha * d * d / beta if abs(d) < beta else abs(d) - alpha * beta


@configurations()
@pytest.mark.parametrize(
    "name", [pytest.param("smooth_l1", marks=pytest.mark.row(21)), pytest.param("huber", marks=pytest.mark.row(22))]
)
def test_smooth_l1_and_huber(rng, name):
    torch = pytest.importorskip("torch").nn.functional
    from torch import tensor

    beta = 1.0 if name == "smooth_l1" else float(rng.uniform(0.5, 2))
    options = {} if name == "smooth_l1" else {"beta": beta}
    h, y = 1.5 * rng.standard_normal((2, *shape(rng)))
    h.flat[0] = y.flat[0] + 0.1  # both branches are entered
    h.flat[-1] = y.flat[-1] - 3 * beta

    def by_hand(h, y):
        return np.array([sum(map(knee(0.5, beta), row)) for row in h - y])

    def function(h, y):
        return getattr(losses, name)(h, y, **options)

    prove(function, [h, y], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        ours = jnp.asarray(h), jnp.asarray(y)
        want = torch.smooth_l1_loss(tensor(h), tensor(y), beta=beta, reduction="none").numpy()
        assert_close(function(*ours), want.sum(1))
        assert_close(getattr(losses, name)(*ours, features="mean", **options), want.mean(1))
        huber = torch.huber_loss(tensor(h), tensor(y), delta=beta, reduction="none").numpy()
        assert_close(beta * function(*ours), huber.sum(1))


@pytest.mark.row(21)
@pytest.mark.erratum("E5")
def test_smooth_l1_is_continuous_for_one_half_only(x64):
    below, at = jnp.array([1 - 1e-9]), jnp.array([1.0])
    zero = jnp.zeros(1)
    for alpha in (0.25, 0.5, 1.0):
        jump = losses.smooth_l1(at, zero, alpha=alpha) - losses.smooth_l1(below, zero, alpha=alpha)
        np.testing.assert_allclose(jump, 1 - 2 * alpha, atol=1e-8)
    d = jnp.array([-3.0, -0.5, 0.0, 0.5, 3.0])
    assert_close(losses.smooth_l1(d, jnp.zeros(5), alpha=0.25), [knee(0.25, 1.0)(v) for v in d.tolist()])
    assert_close(jax.grad(lambda d: losses.smooth_l1(d, jnp.zeros(5)).sum())(d), [-1, -0.5, 0, 0.5, 1])
    # the derivatives meet at the knee, on both sides
    for function in (losses.smooth_l1, losses.huber):
        slopes = jax.vmap(jax.grad(lambda d, f=function: f(d[None], zero)[0]))(
            jnp.array([-1.0, -1 + 1e-9, 1 - 1e-9, 1.0])
        )
        np.testing.assert_allclose(slopes, [-1, -1, 1, 1], atol=1e-8)


@pytest.mark.row(22)
def test_huber_tends_to_the_absolute_error(x64, rng):
    h, y = jnp.asarray(rng.standard_normal((2, 5, 3)))
    np.testing.assert_allclose(losses.huber(h, y, beta=1e-9), losses.absolute_error(h, y), atol=1e-8)
    # and beta times it to half the squared error
    assert_close(1e3 * losses.huber(h, y, beta=1e3), losses.squared_error(h, y, half=True))


@pytest.mark.row(24, 349)
@pytest.mark.erratum("E86")
def test_half_squared_error_is_the_gaussian_likelihood_to_a_constant(x64, rng):
    stats = pytest.importorskip("scipy.stats")
    h, y = rng.standard_normal((2, 6, 3))
    likelihood = -stats.norm.logpdf(y, loc=h).sum(1)
    assert_close(losses.squared_error(jnp.asarray(h), jnp.asarray(y), half=True), likelihood - 1.5 * np.log(2 * np.pi))


@pytest.mark.row(24)
def test_the_mean_is_the_mean_squared_error_of_scikit_learn(x64, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    h, y = rng.standard_normal((2, 7, 3))
    weights = rng.uniform(0.1, 1, 7)
    got = losses.reduce(losses.squared_error(jnp.asarray(h), jnp.asarray(y), features="mean"), jnp.asarray(weights))
    assert_close(got, sklearn.mean_squared_error(y, h, sample_weight=weights))
