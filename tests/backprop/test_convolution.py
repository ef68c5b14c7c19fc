"""dlx.backprop: convolution by hand."""

import jax
import jax.numpy as jnp
import pytest

from dlx import backprop, nn
from tests.nn.windows import draw
from tests.proof import configurations
from tests.reference import convolution as reference
from tests.tolerances import assert_close


def drawn(rng):
    case = draw(rng, groups=False)
    options = {name: case["options"][name] for name in ("stride", "padding", "dilation")}
    return case, options, [jnp.asarray(case[name]) for name in ("images", "kernel")]


@pytest.mark.row(106)
@configurations()
def test_conv2d_backward(x64, rng):
    case, options, (x, k) = drawn(rng)
    y, pull = jax.vjp(lambda x, k, b: nn.conv2d(x, k, b, **options), x, k, jnp.asarray(case["bias"]))
    gradient = jnp.asarray(rng.standard_normal(y.shape))
    got = jax.jit(lambda g, x, k: backprop.conv2d_backward(g, x, k, **options))(gradient, x, k)
    loops = reference.conv2d_backward(gradient, case["images"], case["kernel"], *options.values())
    for ours, theirs, by_hand in zip(got, pull(gradient), loops, strict=True):
        assert_close(ours, theirs, kind="contraction", factor=10)  # sums of up to 200 terms
        assert_close(ours, by_hand, kind="contraction", factor=10)


@pytest.mark.row(107)
@configurations()
def test_conv_transpose2d_backward(x64, rng):
    _, options, (x, k) = drawn(rng)
    maps = jnp.asarray(rng.standard_normal(nn.conv2d(x, k, **options).shape))
    bias = jnp.zeros(k.shape[2])
    y, pull = jax.vjp(lambda m, k, b: nn.conv_transpose2d(m, k, b, **options), maps, k, bias)
    gradient = jnp.asarray(rng.standard_normal(y.shape))
    got = jax.jit(lambda g, m, k: backprop.conv_transpose2d_backward(g, m, k, **options))(gradient, maps, k)
    for ours, theirs in zip(got, pull(gradient), strict=True):
        assert_close(ours, theirs, kind="contraction", factor=10)
