"""dlx.nn: positions as rotations."""

import cmath

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.nn.test_attention import head_params
from tests.proof import configurations, prove
from tests.tolerances import assert_close


def by_hand(x, first=0):
    """Each pair as a complex number, times e^(i p w)."""
    found, half = np.zeros(x.shape), x.shape[-1] // 2
    for place in np.ndindex(*x.shape[:-1], half):
        *rest, time, i = place
        turn = cmath.exp(1j * (first + time) / 10_000 ** (2 * i / x.shape[-1]))
        turned = complex(x[(*rest, time, i)], x[(*rest, time, i + half)]) * turn
        found[(*rest, time, i)], found[(*rest, time, i + half)] = turned.real, turned.imag
    return found


@pytest.mark.row(242)
@configurations()
def test_rotate_positions(rng):
    time, features = int(rng.integers(1, 6)), 2 * int(rng.integers(1, 4))
    with jax.enable_x64(True):
        table = np.asarray(nn.sinusoidal_encoding(9, features))
    prove(lambda x: nn.rotate_positions(x, jnp.asarray(table, x.dtype), 2), [rng.standard_normal((2, time, features))],
          reference=lambda x: by_hand(x, 2))  # fmt: skip


@pytest.mark.row(242)
def test_products_know_the_distance_only(x64, rng):
    table = nn.sinusoidal_encoding(40, 6)
    query, key = (jnp.broadcast_to(jnp.asarray(rng.standard_normal(6)), (40, 6)) for _ in range(2))
    products = nn.rotate_positions(query, table) @ nn.rotate_positions(key, table).T
    for distance in (-7, 0, 3):
        along = jnp.diagonal(products, distance)
        assert_close(along, jnp.broadcast_to(along[0], along.shape))
    assert abs(products[0, 3] - products[3, 0]) > 1e-3
    assert_close(jnp.sum(nn.rotate_positions(query, table) ** 2, -1), jnp.sum(query**2, -1))


@pytest.mark.row(242)
def test_places_outside_the_table():
    x, table = jnp.ones((1, 2, 4)), nn.sinusoidal_encoding(3, 4)
    turned = jax.jit(nn.rotate_positions)
    assert np.isfinite(turned(x, table, 1)).all()
    assert np.isnan(turned(x, table, 2)[:, 1]).all()
    assert np.isnan(turned(x, table, -1)[:, 0]).all()
    assert nn.rotate_positions(x.astype(jnp.bfloat16), table).dtype == jnp.bfloat16


@pytest.mark.row(238, 246)
@pytest.mark.gap("U8")
def test_attention_with_rotary_positions(x64, rng):
    """Moved along the table nothing changes; a cache, whose keys were turned when they came in, gives the same."""
    params = jax.tree.map(jnp.asarray, head_params(rng, width=8))
    table, x = nn.sinusoidal_encoding(9, 4), jnp.asarray(rng.standard_normal((2, 4, 4)))
    mask = nn.causal_mask(4)
    plain = nn.multi_head_attention(params, x, None, mask, num_heads=2)
    whole = nn.multi_head_attention(params, x, None, mask, num_heads=2, rotary=table)
    assert jnp.abs(plain - whole).max() > 1e-3
    assert_close(nn.multi_head_attention(params, x, None, mask, num_heads=2, rotary=table, offset=5), whole)
    cache = nn.KeyValueCache(jnp.zeros((2, 2, 6, 4)), jnp.zeros((2, 2, 6, 4)))
    for first in (0, 2):
        part = x[:, first : first + 2]
        cache = nn.write_cache(cache, nn.project_memory(params, part, num_heads=2, rotary=table, offset=first), first)
        seen = nn.causal_mask(2, 6, offset=first)
        got = nn.multi_head_attention(params, part, cache, seen, num_heads=2, rotary=table, offset=first)
        assert_close(got, whole[:, first : first + 2])
