"""dlx.foundations: shifts, invariance and equivariance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations, nn
from tests.proof import configurations, prove
from tests.tolerances import assert_close

OFFSETS = (1, 2, 3, 5, -2)


@pytest.mark.row(34, 35)
@configurations()
def test_shift(rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    values = rng.standard_normal((3, 5))

    def ours(x):
        return [
            (foundations.shift(x, offset=k), foundations.shift(x, offset=k, axis=0, boundary="zero"))
            for k in (0, 2, -1, 7)
        ]

    def by_hand(x):
        return [(np.roll(x, k, -1), ndimage.shift(x, (k, 0), order=0, mode="constant")) for k in (0, 2, -1, 7)]

    prove(ours, [values], reference=by_hand)


@pytest.mark.row(34)
@pytest.mark.erratum("E8")
@configurations()
def test_global_pooling_is_invariant_and_a_dense_layer_is_not(x64, rng):
    x = jnp.asarray(rng.standard_normal((3, 8)))
    kernel = jnp.asarray(rng.standard_normal((8, 4)))
    deviation = foundations.invariance_deviation
    assert deviation(lambda x: jnp.max(x, axis=-1), x, offsets=OFFSETS) == 0
    # a mean adds in another order
    assert_close(deviation(lambda x: jnp.mean(x, axis=-1), x, offsets=OFFSETS), 0)
    assert deviation(lambda x: nn.affine(x, kernel), x, offsets=OFFSETS) > 0.1
    # a dense layer that is invariant weighs every place alike
    assert_close(deviation(lambda x: nn.affine(x, jnp.ones((8, 4))), x, offsets=OFFSETS), 0, factor=10)


def pool(x):
    return jnp.max(x.reshape(*x.shape[:-1], -1, 2), axis=-1)


@pytest.mark.row(34, 35)
@pytest.mark.erratum("E8")
@configurations()
def test_pooling_with_a_stride_is_only_nearly_invariant(x64, rng):
    x = jnp.asarray(rng.standard_normal((3, 8)))
    assert foundations.invariance_deviation(pool, x) > 0.1
    assert foundations.equivariance_deviation(pool, x, offsets=(2, 4, -6), stride=2) == 0
    assert foundations.equivariance_deviation(pool, x, offsets=(1,), stride=2) > 0.1
    # a smooth input moves its maxima less than its values
    wave = jnp.sin(2 * jnp.pi * jnp.arange(64) / 64)
    assert foundations.invariance_deviation(pool, wave) < 0.11


@pytest.mark.row(35)
@configurations()
def test_circular_convolution_is_equivariant(x64, rng):
    x, kernel = jnp.asarray(rng.standard_normal(8)), jnp.asarray(rng.standard_normal(3))

    def circular(x):
        return foundations.convolve(jnp.pad(x, 1, mode="wrap"), kernel, mode="valid")

    deviation = foundations.equivariance_deviation
    assert_close(deviation(circular, x, offsets=OFFSETS), 0)
    assert_close(deviation(lambda x: circular(x)[::2], x, offsets=(2, 4, -2), stride=2), 0)
    assert deviation(lambda x: circular(x)[::2], x, offsets=(1, 3), stride=2) > 0.1
    # zeros at the edge are no translation of what a circle holds there
    assert deviation(lambda x: foundations.convolve(x, kernel, mode="same"), x, offsets=OFFSETS) > 0.1
    # and a dense layer is not equivariant either
    matrix = jnp.asarray(rng.standard_normal((8, 8)))
    assert deviation(lambda x: x @ matrix, x, offsets=OFFSETS) > 0.1


@pytest.mark.row(35)
def test_axes_edges_and_compilation(x64, rng):
    x = jnp.pad(jnp.asarray(rng.standard_normal((2, 3, 4))), ((0, 0), (3, 3), (0, 0)))
    # along axis 1 of the input, axis 0 of the value; content stays inside, so zeros may enter
    moved = foundations.equivariance_deviation(
        lambda x: jnp.sum(x, axis=(0, 2)), x, offsets=(1, -2), axis=1, output_axis=0, boundary="zero"
    )
    assert moved == 0
    total = jax.jit(lambda x: foundations.invariance_deviation(jnp.max, x, offsets=OFFSETS, axis=1))
    assert total(x) == 0
    assert_close(jax.vmap(lambda x: foundations.invariance_deviation(lambda x: x[0], x, axis=0))(jnp.eye(3)), [1, 0, 1])
