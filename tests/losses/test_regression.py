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
