"""dlx.nn: positions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.reference import attention as reference
from tests.tolerances import assert_close


@pytest.mark.row(242)
@pytest.mark.erratum("E55")
@pytest.mark.parametrize("features", [6, 7])
def test_sinusoidal_encoding(x64, features):
    want = [[reference.position(p, j, features) for j in range(features)] for p in range(9)]
    table = nn.sinusoidal_encoding(9, features)
    assert table.dtype == jnp.float64
    assert_close(table, want)
    assert nn.sinusoidal_encoding(2, 3, dtype=jnp.bfloat16).dtype == jnp.bfloat16


@pytest.mark.row(242)
@pytest.mark.erratum("E55")
def test_a_step_is_a_linear_map(x64):
    """PE[p + k] = PE[p] M_k for all p: least squares leaves nothing over in the paper's form, much in the notes'."""

    def left_over(variant):
        table = np.asarray(nn.sinusoidal_encoding(60, 8, variant=variant))
        before, after = table[:-5], table[5:]
        return np.abs(before @ np.linalg.lstsq(before, after, rcond=None)[0] - after).max()

    assert left_over("paper") < 1e-10
    assert left_over("notes") > 1e-3


@pytest.mark.row(242)
@pytest.mark.erratum("E55")
def test_the_notes_variant(x64):
    notes, paper = nn.sinusoidal_encoding(4, 4, variant="notes"), nn.sinusoidal_encoding(4, 4)
    assert_close(notes[:, ::2], paper[:, ::2])
    assert_close(notes[3, 1], np.cos(3 / 10_000**0.25))
    assert_close(paper[3, 1], np.cos(3.0))


@pytest.mark.row(242)
def test_add_positions(x64, rng):
    x, table = jnp.asarray(rng.standard_normal((2, 3, 4))), jnp.asarray(rng.standard_normal((5, 4)))
    assert_close(nn.add_positions(x, table), np.asarray(x) + np.asarray(table)[None, :3])
    assert_close(nn.add_positions(x, table, 2), np.asarray(x) + np.asarray(table)[None, 2:])
    compiled = jax.jit(nn.add_positions)
    assert_close(compiled(x, table, 1), np.asarray(x) + np.asarray(table)[None, 1:4])
    assert np.isnan(compiled(x, table, 3)[:, 2]).all()
    assert np.isnan(compiled(x, table, -1)[:, 0]).all()
    assert nn.add_positions(x.astype(jnp.bfloat16), table).dtype == jnp.bfloat16
