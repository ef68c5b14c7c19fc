"""dlx.nn: the position-wise network."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import prove
from tests.tolerances import assert_close

NAMES = "hidden_kernel", "hidden_bias", "output_kernel", "output_bias"


def arrays(rng):
    return [rng.standard_normal(shape) for shape in ((3, 5), (5,), (5, 2), (2,), (2, 4, 3))]


def loop(w, b, v, c, x):
    out = np.zeros((*x.shape[:-1], len(c)))
    for place in np.ndindex(out.shape):
        hidden = [max(0.0, sum(x[place[:-1]][i] * w[i, j] for i in range(len(w))) + b[j]) for j in range(len(b))]
        out[place] = sum(h * v[j, place[-1]] for j, h in enumerate(hidden)) + c[place[-1]]
    return out


@pytest.mark.row(241)
def test_feed_forward(rng):
    prove(
        lambda *a: nn.feed_forward(dict(zip(NAMES, a, strict=False)), a[-1]),
        arrays(rng),
        reference=loop,
        kind="contraction",
    )


@pytest.mark.row(241)
def test_exchanged_places_exchange_their_results(x64, rng):
    *params, x = [jnp.asarray(a) for a in arrays(rng)]
    params, order = dict(zip(NAMES, params, strict=True)), jnp.array([2, 0, 3, 1])
    out = nn.feed_forward(params, x, activation="tanh")
    assert_close(nn.feed_forward(params, x[:, order], activation="tanh"), out[:, order])
    # what stands between sees the hidden layer behind its activation
    off = nn.feed_forward(params, x, between=jnp.zeros_like)
    assert_close(off, np.broadcast_to(params["output_bias"], off.shape))
