"""dlx.nn: receptive field."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations


@pytest.mark.row(94)
@configurations()
def test_receptive_field_is_where_the_jacobian_is_not_zero(rng):
    # one axis; windows at least as large as their stride leave no gap
    layers = []
    for _ in range(3):
        size = int(rng.integers(1, 4))
        layers.append((size, int(rng.integers(1, size + 1)), int(rng.integers(0, 2)), 1))
    length = 40

    def network(x):
        for size, stride, padding, dilation in layers:
            x = nn.conv2d(x, jnp.ones((size, 1, 1, 1)), stride=(stride, 1), padding=(padding, 0), dilation=dilation)
        return x[:, 0, 0]

    jacobian = np.asarray(jax.jacrev(network)(jnp.ones((length, 1, 1))))[:, :, 0, 0]
    field = nn.receptive_field(layers)
    inside = 0
    for unit, row in enumerate(jacobian):
        first = unit * field.stride + field.start
        seen = range(first, first + field.size)
        assert set(np.flatnonzero(row)) <= set(seen)
        # at the border a window that does not fit is left out, and its inputs with it
        if first >= 0 and seen[-1] < length:
            assert np.flatnonzero(row).tolist() == list(seen)
            inside += 1
    assert inside


@pytest.mark.row(94)
def test_receptive_fields_by_hand():
    assert nn.receptive_field([(3,), (3,)]) == nn.ReceptiveField(size=5, stride=1, start=0)
    assert nn.receptive_field([(3, 1, 1, 2)]) == nn.ReceptiveField(size=5, stride=1, start=-1)
    # VGG-16's five blocks up to its last pooling: 212 pixels of 32 apart (Araujo et al. 2019, table 1)
    block = [(3, 1, 1)], [(2, 2)]
    vgg = [layer for count in (2, 2, 3, 3, 3) for layer in count * block[0] + block[1]]
    assert nn.receptive_field(vgg)[:2] == (212, 32)
    assert nn.receptive_field([]) == (1, 1, 0)
