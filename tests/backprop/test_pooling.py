"""Backward rules of pooling against loops and the gradients of dlx.nn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, nn
from tests.proof import configurations
from tests.reference import pooling as reference
from tests.tolerances import assert_close

OPTIONS = [
    {"window": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0)), "ceil_mode": False},
    {"window": (3, 3), "stride": (2, 2), "padding": ((1, 1), (1, 0)), "ceil_mode": True},
]


@pytest.mark.row(101, 102)
@pytest.mark.parametrize("options", OPTIONS, ids=["apart", "overlapping"])
@configurations(1)
def test_pooling_backward(rng, options):
    """max_pool2d_backward, avg_pool2d_backward: loop = closed form = jax.vjp, with ties."""
    x = np.maximum(rng.standard_normal((2, 5, 7, 3)), 0)
    order = list(options.values())
    cases = [("max", backprop.max_pool2d_backward, nn.max_pool2d, {})]
    average = "avg", backprop.avg_pool2d_backward, nn.avg_pool2d
    cases += [(*average, {"count_include_pad": flag}) for flag in (True, False)]
    for kind, rule, function, more in cases:
        out, shares = reference.pool(kind, x, *order, **more)
        gradient = rng.standard_normal(out.shape)
        with jax.enable_x64(True):

            def both(g, x, rule=rule, function=function, more=more):
                _, pull = jax.vjp(lambda x: function(x, **options, **more), x)
                return rule(g, x, **options, **more), pull(g)[0]

            got, automatic = jax.jit(both)(jnp.asarray(gradient), jnp.asarray(x))
        assert_close(got, reference.backward(gradient, x.shape, shares))
        assert_close(automatic, got)


@pytest.mark.row(103)
def test_global_pooling_backward(rng, x64):
    """global_avg_pool2d_backward, global_max_pool2d_backward."""
    x, gradient = jnp.asarray(rng.integers(0, 4, (2, 3, 4, 5)), float), jnp.asarray(rng.standard_normal((2, 5)))
    for rule, function in (
        (backprop.global_avg_pool2d_backward, nn.global_avg_pool2d),
        (backprop.global_max_pool2d_backward, nn.global_max_pool2d),
    ):
        got = rule(gradient, x)
        assert_close(got, jax.vjp(function, x)[1](gradient)[0])
        assert_close(got.sum((1, 2)), gradient)
