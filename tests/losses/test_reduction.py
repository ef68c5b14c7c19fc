"""dlx.losses: reduce."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import losses
from tests.proof import configurations, prove, shape
from tests.tolerances import assert_close


@pytest.mark.row(17)
@configurations()
@pytest.mark.parametrize("how", ["mean", "sum", "none"])
def test_reduce(rng, how):
    values = rng.standard_normal(shape(rng))
    weights = rng.uniform(0.5, 2, values.shape)
    plain = {"mean": np.mean, "sum": np.sum, "none": lambda v: v}[how]
    weighted = {
        "mean": lambda v, w: np.average(v, weights=w),
        "sum": lambda v, w: np.sum(v * w),
        "none": lambda v, w: v * w,
    }[how]
    prove(lambda v: losses.reduce(v, how=how), [values], reference=plain, kind="contraction")
    prove(lambda v, w: losses.reduce(v, w, how=how), [values, weights], reference=weighted, kind="contraction")


def test_padding_of_weight_zero_is_not_looked_at():
    values, weights = jnp.array([1.0, 3.0, jnp.nan]), jnp.array([1.0, 1.0, 0.0])
    assert losses.reduce(values, weights) == 2
    assert losses.reduce(values, weights, how="sum") == 4
    assert np.isfinite(jax.grad(losses.reduce)(values, weights)).all()


def test_weights_that_are_all_zero_give_zero_and_no_gradient():
    value, gradient = jax.value_and_grad(losses.reduce)(jnp.ones(3), jnp.zeros(3))
    assert_close(value, 0)
    assert_close(gradient, np.zeros(3))
