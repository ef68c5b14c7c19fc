"""Norms of the gradient by time: powers of the recurrent kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.tolerances import assert_close

T, U = 9, 4


@pytest.mark.row(153, function="dlx.nn.gradient_norms_by_time")
@pytest.mark.parametrize("rho", [0.5, 1.0, 2.0])
def test_gradient_norms_by_time_are_powers(rng, rho, x64):
    """W = rho Q with Q orthogonal: ||dL/dh_t|| = rho^(T - t) ||v||."""
    kernel = rho * np.linalg.qr(rng.standard_normal((U, U)))[0]
    v, inputs = rng.standard_normal(U), jnp.asarray(rng.standard_normal((1, T, U)))

    def cell(state, now):
        return state @ jnp.asarray(kernel) + now

    norms = nn.gradient_norms_by_time(cell, jnp.zeros((1, U)), inputs, lambda states: jnp.sum(states[0, -1] * v))
    want = np.linalg.norm(v) * rho ** np.arange(T - 1, -1, -1.0)
    assert_close(norms / want, np.ones(T), kind="contraction")


@pytest.mark.row(153)
def test_every_part_of_a_state_has_its_own(rng, x64):
    """An LSTM's memory with open forget gates keeps the gradient: 1 at every time where only c_T counts."""
    params = {"input_kernel": jnp.zeros((1, 4 * U)), "hidden_kernel": jnp.zeros((U, 4 * U)), "bias": jnp.zeros(4 * U)}
    state = nn.LSTMState(jnp.zeros((1, U)), jnp.zeros((1, U)))

    def cell(state, now):
        return nn.lstm_cell(params, state, now, forget_bias=800.0)

    found = nn.gradient_norms_by_time(cell, state, jnp.ones((1, T, 1)), lambda states: states.cell[0, -1, 0])
    np.testing.assert_array_equal(found.cell, np.ones(T))
    np.testing.assert_array_equal(found.hidden, np.zeros(T))


@pytest.mark.row(153)
def test_the_own_part_of_the_loss_counts(x64):
    """Sum of all states of h_t = 2 h_{t-1}: dL/dh_t = 1 + 2 + ... = 2^(T - t + 1) - 1."""
    found = nn.gradient_norms_by_time(lambda s, x: 2 * s, jnp.ones(1), jnp.zeros((1, T)), jnp.sum)
    np.testing.assert_array_equal(found, 2.0 ** np.arange(T, 0, -1) - 1)
    assert jax.tree.structure(found).num_leaves == 1
