"""dlx.nn: masks of attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn


@pytest.mark.row(239)
@pytest.mark.erratum("E54")
def test_causal_mask():
    assert (nn.causal_mask(3) == np.tril(np.ones((3, 3), bool))).all()
    want = [[True, True, True, False], [True, True, True, True]]
    assert (nn.causal_mask(2, 4, offset=2) == np.array(want)).all()
    assert (jax.jit(lambda place: nn.causal_mask(2, 4, offset=place))(2) == np.array(want)).all()


@pytest.mark.row(240)
def test_padding_mask():
    want = [[[True, True, False]], [[False, False, False]], [[True, True, True]]]
    assert (nn.padding_mask(jnp.array([2, 0, 3]), 3) == np.array(want)).all()
    assert nn.padding_mask(jnp.ones((2, 4), int), 3).shape == (2, 4, 1, 3)


@pytest.mark.row(239, 240)
def test_combine_masks():
    both = nn.combine_masks(None, nn.causal_mask(2), nn.padding_mask(jnp.array([1, 2]), 2))
    assert (both == np.array([[[True, False], [True, False]], [[True, False], [True, True]]])).all()
    assert nn.combine_masks() is None
    assert nn.combine_masks(None, None) is None
