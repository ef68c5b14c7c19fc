"""dlx.nn: dropout and the keys of examples."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from dlx import nn
from tests.proof import configurations
from tests.tolerances import assert_close

KEY = jax.random.key(7)


@pytest.mark.row(67)
@pytest.mark.erratum("E12")
@pytest.mark.gap("U22")
@configurations()
def test_inverted_dropout(rng):
    rate = float(rng.uniform(0.1, 0.9))
    x = jnp.asarray(rng.uniform(1, 2, (4, 50_000)), jnp.float32)
    out = nn.dropout(nn.example_keys(KEY, 4), x, rate=rate, train=True)
    kept = np.asarray(out) != 0
    assert_close(np.asarray(out)[kept], (np.asarray(x) / (1 - rate))[kept], dtype=np.float32)
    # four standard deviations of a mean of 200,000 Bernoulli variables
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / x.size)
    noise = np.asarray(out - x, np.float64)
    spread = np.asarray(x) * np.sqrt(rate / (1 - rate))
    assert abs(noise.mean()) < 4 * np.sqrt(np.mean(spread**2) / x.size)
    assert abs(np.mean(noise**2) / np.mean(spread**2) - 1) < 0.05
    assert (nn.dropout(None, x, rate=rate, train=False) == x).all()


@pytest.mark.row(68)
@pytest.mark.erratum("E12")
def test_classic_dropout_scales_at_test_by_the_probability_of_keeping(rng):
    x = jnp.asarray(rng.uniform(1, 2, (4, 20)), jnp.float32)
    inverted = nn.dropout(KEY, x, rate=0.2, train=True)
    classic = nn.dropout(KEY, x, rate=0.2, train=True, mode="classic")
    assert_close(classic, 0.8 * inverted)
    assert_close(classic, np.where(inverted != 0, x, 0))
    assert_close(nn.dropout(None, x, rate=0.2, train=False, mode="classic"), 0.8 * x)
    with jax.enable_x64(True):
        # every mask of three units, each with its probability: the expectation in training is the value at test time
        x, masks = jnp.array([1.5, -2.0, 0.25]), np.array(list(itertools.product([0.0, 1.0], repeat=3)))
        chances = np.prod(np.where(masks == 1, 0.8, 0.2), axis=1)
        for function in (nn.dropout, nn.drop_connect):
            got = function(None, x, rate=0.2, train=False, mode="classic")
            assert_close(got, chances @ (masks * np.asarray(x)))


@pytest.mark.row(67)
def test_a_masked_unit_passes_no_gradient(rng):
    x = jnp.asarray(rng.uniform(1, 2, (4, 20)), jnp.float32)
    keys = nn.example_keys(KEY, 4)
    out, pull = jax.vjp(lambda x: nn.dropout(keys, x, rate=0.25, train=True), x)
    assert_close(pull(jnp.ones_like(x))[0], np.where(out != 0, 1 / 0.75, 0), dtype=np.float32)


@pytest.mark.row(67)
def test_rate_zero_and_dtype():
    x = jnp.ones((2, 8), jnp.bfloat16)
    assert (nn.dropout(KEY, x, rate=0.0, train=True) == x).all()
    low = nn.dropout(KEY, x, rate=0.5, train=True)
    assert low.dtype == jnp.bfloat16
    assert ((low != 0) == (nn.dropout(KEY, x.astype(jnp.float32), rate=0.5, train=True) != 0)).all()


@pytest.mark.row(67)
def test_eager_jit_and_vmap_draw_the_same_mask(rng):
    x = jnp.asarray(rng.uniform(1, 2, (4, 6)), jnp.float32)
    keys = nn.example_keys(KEY, 4)

    def drop(key, x):
        return nn.dropout(key, x, rate=0.5, train=True)

    want = drop(keys, x)
    assert (jax.jit(drop)(keys, x) == want).all()
    assert (jax.vmap(drop)(keys, x) == want).all()
    assert 0 < jnp.sum(want == 0) < want.size
    assert not (drop(nn.example_keys(jax.random.key(8), 4), x) == want).all()


@pytest.mark.row(67)
@pytest.mark.parametrize("devices", [1, 2, 8])
def test_a_mask_does_not_depend_on_the_cut(devices):
    x = jnp.ones((16, 12))

    def drop(key, x, axis_name=None):
        return nn.dropout(nn.example_keys(key, len(x), axis_name=axis_name), x, rate=0.5, train=True)

    mesh = jax.make_mesh((devices,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    cut = jax.shard_map(
        lambda key, x: drop(key, x, "data"),
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec("data")),
        out_specs=PartitionSpec("data"),
    )
    assert (jax.jit(cut)(KEY, x) == drop(KEY, x)).all()
    rows = drop(KEY, x)
    assert len(np.unique(np.asarray(rows), axis=0)) == 16


@pytest.mark.row(69)
def test_the_weight_scaling_rule_is_the_geometric_mean_of_all_submodels(x64, rng):
    features, classes = 5, 3
    x, kernel = jnp.asarray(rng.standard_normal(features)), jnp.asarray(rng.standard_normal((features, classes)))
    masks = np.array(list(itertools.product([0.0, 1.0], repeat=features)))
    logs = nn.log_softmax(nn.affine(jnp.asarray(masks) * x[None], kernel))
    ensemble = nn.softmax(jnp.mean(logs, axis=0))
    scaled = nn.dropout(None, x, rate=0.5, mode="classic", train=False)
    assert_close(ensemble, nn.softmax(nn.affine(scaled, kernel)))
    # a Monte Carlo mean over drawn masks comes near it
    keys = jax.random.split(KEY, 4000)
    drawn = jax.vmap(lambda key: nn.log_softmax(nn.affine(nn.dropout(key, x, mode="classic", train=True), kernel)))(
        keys
    )
    np.testing.assert_allclose(nn.softmax(jnp.mean(drawn, axis=0)), ensemble, atol=0.03)


@pytest.mark.row(69)
@pytest.mark.gap("U22")
def test_monte_carlo_dropout_averages_submodels(x64, rng):
    features = 6
    x, kernel = jnp.asarray(rng.standard_normal(features)), jnp.asarray(rng.standard_normal((features, 3)))

    def linear(key):
        return nn.affine(nn.dropout(key, x, rate=0.3, train=True), kernel)

    drawn = np.asarray(jax.vmap(linear)(jax.random.split(KEY, 20_000)))
    # of a linear model the mean over masks is the test-time output itself; five standard errors
    error = drawn.std(0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(0) - np.asarray(nn.affine(x, kernel))) < 5 * error).all()
    # and its variance is p / (1 - p) sum_i (x_i w_i)^2
    want = 0.3 / 0.7 * np.sum((np.asarray(x)[:, None] * np.asarray(kernel)) ** 2, axis=0)
    np.testing.assert_allclose(drawn.var(0), want, rtol=0.05)


@pytest.mark.row(67)
@pytest.mark.erratum("E12")
@pytest.mark.parametrize("per_example", [False, True])
def test_drop_connect(rng, per_example):
    kernel = jnp.asarray(rng.uniform(1, 2, (50, 40)), jnp.float32)
    key, rate = nn.example_keys(KEY, 30) if per_example else KEY, 0.3
    inverted = nn.drop_connect(key, kernel, rate=rate, train=True)
    assert inverted.shape == ((30, 50, 40) if per_example else (50, 40))
    mask = np.asarray(inverted) != 0
    assert_close(inverted, np.where(mask, kernel / 0.7, 0), dtype=np.float32)
    assert abs(mask.mean() - 0.7) < 4 * np.sqrt(0.21 / mask.size)
    assert 0 < mask[..., 0].mean() < 1  # single weights, not whole rows
    assert 0 < mask[..., 0, :].mean() < 1
    classic = nn.drop_connect(key, kernel, rate=rate, mode="classic", train=True)
    assert_close(classic, np.where(mask, kernel, 0), dtype=np.float32)
    assert_close(jax.jit(lambda k, w: nn.drop_connect(k, w, rate=rate, train=True))(key, kernel), inverted)
    if per_example:
        assert len(np.unique(mask.reshape(30, -1), axis=0)) == 30
        assert_close(inverted[3], nn.drop_connect(key[3], kernel, rate=rate, train=True))


@pytest.mark.row(68)
@pytest.mark.erratum("E12")
def test_drop_connect_at_test_time_and_rate_zero():
    kernel = jnp.ones((3, 2), jnp.bfloat16)
    assert (nn.drop_connect(None, kernel, rate=0.25, train=False) == kernel).all()
    assert (nn.drop_connect(None, kernel, rate=0.25, mode="classic", train=False) == 0.75 * kernel).all()
    for mode in ("inverted", "classic"):
        assert (nn.drop_connect(None, kernel, rate=0.0, mode=mode, train=True) == kernel).all()
    assert nn.drop_connect(KEY, kernel, train=True).dtype == jnp.bfloat16


@pytest.mark.row(67)
@pytest.mark.erratum("E12")
def test_drop_connect_applied_per_example(x64, rng):
    x, kernel = jnp.asarray(rng.standard_normal((4000, 3))), jnp.asarray(rng.standard_normal((3, 2)))
    kernels = nn.drop_connect(nn.example_keys(KEY, 4000), kernel, train=True)
    out, pull = jax.vjp(lambda kernels: jax.vmap(nn.affine)(jnp.ones_like(x), kernels), kernels)
    # every example has the mean of the whole kernel; five standard errors
    assert (np.abs(out.mean(0) - kernel.sum(0)) < 5 * out.std(0) / np.sqrt(4000)).all()
    assert_close(pull(jnp.ones_like(out))[0], np.ones((4000, 3, 2)))
