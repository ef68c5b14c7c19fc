"""dlx.foundations: exponentially weighted moving average."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations
from tests.proof import configurations, prove
from tests.reference import foundations as reference
from tests.tolerances import assert_close


@pytest.mark.row(29)
@configurations()
def test_exponential_moving_average(rng):
    optax = pytest.importorskip("optax")
    decay = float(rng.uniform(0.5, 0.95))
    values, initial = rng.standard_normal((7, 2)), rng.standard_normal(2)
    prove(
        lambda x, y: foundations.exponential_moving_average(x, y, decay=decay),
        [values, initial],
        reference=lambda x, y: reference.moving_average(x, decay, y),
        kind="contraction",
    )
    with jax.enable_x64(True):
        for debias in (False, True):
            transform = optax.ema(decay, debias=debias)
            state, want = transform.init(jnp.zeros(2)), []
            for value in values:
                average, state = transform.update(jnp.asarray(value), state)
                want.append(average)
            got = foundations.exponential_moving_average(jnp.asarray(values), decay=decay, bias_correction=debias)
            assert_close(got, want)


@pytest.mark.row(29)
@configurations()
def test_the_average_is_its_closed_form(x64, rng):
    decay, values = 0.8, rng.standard_normal(20)
    weights = foundations.exponential_weights(20, decay=decay)
    assert_close(weights, [0.2 * 0.8**k for k in range(20)])
    assert_close(weights.sum(), 1 - decay**20)
    averages = foundations.exponential_moving_average(jnp.asarray(values), decay=decay)
    want = [sum(float(weights[k]) * values[t - k] for k in range(t + 1)) for t in range(20)]
    assert_close(averages, want)
    corrected = foundations.exponential_moving_average(jnp.asarray(values), decay=decay, bias_correction=True)
    assert_close(corrected, [want[t] / (1 - decay ** (t + 1)) for t in range(20)])


@pytest.mark.row(29)
def test_window_constant_and_no_memory(x64):
    constant = jnp.full((50, 1), 3.0)
    average = functools.partial(foundations.exponential_moving_average, constant)
    assert_close(average(decay=0.9, bias_correction=True), constant)
    assert_close(average(decay=0.0), constant)
    # after 1 / (1 - g) values, a share of 1 - 1/e of the average is theirs
    share = foundations.exponential_weights(1000, decay=0.999).sum()
    assert share == pytest.approx(1 - np.exp(-1), abs=1e-3)
    assert foundations.exponential_moving_average(jnp.zeros((0, 2))).shape == (0, 2)
