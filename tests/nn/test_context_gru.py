"""dlx.nn: the decoder's gated unit."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import prove
from tests.reference import attention as reference
from tests.tolerances import assert_close

NAMES = "input_kernel", "hidden_kernel", "context_kernel", "bias"


def arrays(rng):
    shapes = (2, 9), (3, 9), (4, 9), (9,), (2, 3), (2, 2), (2, 4)
    return [rng.standard_normal(shape) for shape in shapes]


@pytest.mark.row(263)
@pytest.mark.erratum("E61")
def test_context_gru_cell(rng):
    def batch(*a):
        params = dict(zip(NAMES, a, strict=False))
        return np.array([reference.context_gru(params, *one) for one in zip(*a[-3:], strict=True)])

    prove(
        lambda *a: nn.context_gru_cell(dict(zip(NAMES, a, strict=False)), *a[-3:]),
        arrays(rng),
        reference=batch,
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(263)
def test_it_is_the_gated_unit_without_a_context(x64, rng):
    a = [jnp.asarray(part) for part in arrays(rng)]
    params, (hidden, inputs, context) = dict(zip(NAMES, a, strict=False)), a[-3:]
    plain = {name: value for name, value in params.items() if name != "context_kernel"}
    got = nn.context_gru_cell(params, hidden, inputs, jnp.zeros_like(context))
    assert_close(got, nn.gru_cell(plain, hidden, inputs))
    stacked = plain | {"input_kernel": jnp.concatenate([params["input_kernel"], params["context_kernel"]])}
    both = jnp.concatenate([inputs, context], -1)
    assert_close(nn.context_gru_cell(params, hidden, inputs, context), nn.gru_cell(stacked, hidden, both))
