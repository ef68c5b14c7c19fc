"""dlx.nn: layer norm."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from dlx import nn
from tests.proof import configurations, prove, shape
from tests.tolerances import assert_close


def by_hand(x, scale, bias):
    """One row at a time; the variance with the divisor n."""
    out = np.empty(x.shape)
    for index in np.ndindex(*x.shape[:-1]):
        mean = sum(x[index]) / len(x[index])
        variance = sum((v - mean) ** 2 for v in x[index]) / len(x[index])
        out[index] = (x[index] - mean) / np.sqrt(variance + 1e-5) * scale + bias
    return out


@configurations()
def test_layer_norm(rng):
    torch = pytest.importorskip("torch")
    # of two features or more: one is its own mean
    x = 3 * rng.standard_normal(shape(rng, 3, low=2)) + 1
    scale, bias = rng.uniform(0.5, 2, x.shape[-1:]), rng.standard_normal(x.shape[-1:])
    # the scale is one for the whole stack: vmap over it is another map, and is compared as such
    prove(nn.layer_norm, [x, scale, bias], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        eps = float(rng.uniform(1e-6, 1e-2))
        ours = nn.layer_norm(*(jnp.asarray(a) for a in (x, scale, bias)), eps=eps)
        theirs = torch.nn.functional.layer_norm(
            torch.tensor(x), x.shape[-1:], torch.tensor(scale), torch.tensor(bias), eps
        )
        assert_close(ours, theirs.numpy(), kind="contraction")
        module = linen.LayerNorm(epsilon=eps, use_fast_variance=False)
        params = {"scale": jnp.asarray(scale), "bias": jnp.asarray(bias)}
        assert_close(ours, module.apply({"params": params}, jnp.asarray(x)), kind="contraction")


def test_without_scale_and_bias_rows_have_mean_zero_and_variance_one(x64, rng):
    x = jnp.asarray(5 * rng.standard_normal((4, 7)) + 2)
    out = nn.layer_norm(x, eps=1e-30)
    assert_close(out.mean(-1), np.zeros(4))
    assert_close(out.var(-1), np.ones(4))
    assert_close(nn.layer_norm(x + 3, eps=1e-30), out)
    assert_close(nn.layer_norm(2 * x, eps=1e-30), out)


def test_rows_of_equal_numbers_and_large_means():
    assert (nn.layer_norm(jnp.full((2, 3), 7.0)) == 0).all()
    assert np.isfinite(jax.grad(lambda x: nn.layer_norm(x)[0].sum())(jnp.full(3, 7.0))).all()
    # E[x^2] - E[x]^2 has no digit left here
    out = nn.layer_norm(jnp.array([9999.0, 10000.0, 10001.0], jnp.float32))
    np.testing.assert_allclose(out, np.array([-1, 0, 1]) / np.sqrt(2 / 3 + 1e-5), rtol=1e-6)


def test_moments_of_small_types_are_those_of_float32():
    # their mean is 2, their sum 8000, of which bfloat16 keeps two digits
    x = jnp.tile(jnp.array([1.0, 3.0], jnp.bfloat16), 2000)
    out = nn.layer_norm(x, jnp.ones(4000, jnp.float32))
    assert out.dtype == jnp.bfloat16
    assert_close(out, np.tile([-1.0, 1.0], 2000))
