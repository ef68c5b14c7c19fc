"""dlx.foundations: Boolean functions by two layers of threshold units."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations, nn
from tests.proof import configurations
from tests.tolerances import assert_close


def evaluate(table, inputs):
    layers = foundations.boolean_network(table)
    return foundations.mlp(inputs, layers, activation=nn.heaviside, output_activation=nn.heaviside)[..., 0]


@pytest.mark.row(357)
def test_all_sixteen_functions_of_two_bits():
    """Compiled once, for all truth tables at a time."""
    tables = foundations.boolean_inputs(4)
    got = jax.jit(jax.vmap(evaluate, (0, None)))(tables, foundations.boolean_inputs(2))
    assert np.array_equal(got, tables)
    assert len({tuple(row) for row in np.asarray(got).tolist()}) == 16
    named = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0], "nand": [1, 1, 1, 0]}
    for name, want in named.items():
        table = jnp.array(want, float)
        for (a, b), y in zip([(0, 0), (0, 1), (1, 0), (1, 1)], want, strict=True):
            assert evaluate(table, jnp.array([a, b], float)) == y, name


@pytest.mark.row(357)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_parity_is_exact_and_needs_exponentially_many_units(x64, count):
    inputs, table = foundations.boolean_inputs(count), foundations.parity_table(count)
    assert inputs.shape == (2**count, count)
    assert table.tolist() == [sum(row) % 2 for row in np.asarray(inputs).tolist()]
    assert_close(evaluate(table, inputs), [sum(row) % 2 for row in np.asarray(inputs).tolist()])
    layers = foundations.boolean_network(table)
    assert layers[0]["kernel"].shape == (count, 2**count)


@pytest.mark.row(357)
@configurations()
def test_any_truth_table(rng):
    table = jnp.asarray(rng.integers(0, 2, 2**6), float)
    inputs = foundations.boolean_inputs(6)
    assert np.array_equal(evaluate(table, inputs), table)
    # exactly one hidden unit answers to each input
    first = foundations.boolean_network(table)[0]
    hidden = foundations.layer(inputs, first["kernel"], first["bias"], activation=nn.heaviside)
    assert np.array_equal(hidden, np.eye(64))
    # and the thresholds lie half way: noise below 1 / (2 n) on each input changes nothing
    noisy = inputs + jnp.asarray(rng.uniform(-1, 1, inputs.shape) * 0.99 / 12, jnp.float32)
    assert np.array_equal(evaluate(table, noisy), table)


@pytest.mark.row(357)
def test_the_rows_of_a_truth_table():
    assert foundations.boolean_inputs(2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert foundations.boolean_network(jnp.zeros(4, jnp.bfloat16))[0]["kernel"].dtype == jnp.bfloat16
