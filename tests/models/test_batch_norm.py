"""BatchNorm against Flax's, and trained under jit, pmap and shard_map."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from dlx import train
from dlx.models import BatchNorm
from tests.tolerances import assert_close
from tests.train import tiny


@pytest.mark.row(124, 125)
def test_flax(rng, x64):
    """Two training steps and a prediction, the same variables in both."""
    x = jnp.asarray(2 + rng.standard_normal((4, 3, 2, 5)))
    ours, theirs = BatchNorm(param_dtype=jnp.float64), linen.BatchNorm(momentum=0.9, param_dtype=jnp.float64)
    variables = ours.init(jax.random.key(0), x, train=True)
    # Flax starts its statistics in float32, and 0.9 times a float32 is rounded
    want = jax.tree.map(lambda a: a.astype(jnp.float64), theirs.init(jax.random.key(0), x, use_running_average=False))
    jax.tree.map(assert_close, variables, want)
    for factor in (1, 3):
        got, changed = ours.apply(variables, factor * x, train=True, mutable=["batch_stats"])
        flax, other = theirs.apply(want, factor * x, use_running_average=False, mutable=["batch_stats"])
        assert_close(got, flax, kind="contraction")
        variables, want = {**variables, **changed}, {**want, **other}
        jax.tree.map(assert_close, variables["batch_stats"], want["batch_stats"])
    predicted = ours.apply(variables, x, train=False)
    assert_close(predicted, theirs.apply(want, x, use_running_average=True), kind="contraction")


def test_options(rng):
    x = jnp.asarray(rng.standard_normal((8, 3)), jnp.bfloat16)
    layer = BatchNorm(use_scale=False, use_bias=False, unbiased_running=True, momentum=0.0, dtype=jnp.float32)
    variables = layer.init(jax.random.key(0), x, train=False)
    assert set(variables) == {"batch_stats"}
    out, changed = layer.apply(variables, x, train=True, mutable=["batch_stats"])
    assert out.dtype == jnp.float32
    assert changed["batch_stats"]["var"].dtype == jnp.float32
    # with momentum 0 what stays is the batch, its variance divided by m - 1
    assert_close(changed["batch_stats"]["var"], np.asarray(x, np.float64).var(0, ddof=1), kind="contraction")
    last = BatchNorm(scale_init=linen.initializers.zeros).init(jax.random.key(0), x, train=False)
    assert (last["params"]["scale"] == 0).all()


class Network(linen.Module):
    """Dense, BatchNorm, tanh, dense."""

    axis_name: str | None = None

    @linen.compact
    def __call__(self, inputs, *, train):
        hidden = linen.Dense(8, use_bias=False)(inputs)
        hidden = jnp.tanh(BatchNorm(axis_name=self.axis_name, unbiased_running=True)(hidden, train=train))
        return linen.Dense(tiny.CLASSES)(hidden)


_ONE = []


def one_device(task):
    if not _ONE:
        _ONE.append(tiny.run(task, steps=3))
    return _ONE[0]


@pytest.mark.row(124, 125)
@pytest.mark.parametrize("parallel", ["jit", "pmap", "shard_map"])
def test_two_devices_train_as_one(parallel):
    task = train.supervised(
        Network(), tiny.cross_entropy, optax.sgd(0.1, momentum=0.9), example=tiny.data(), prepare=tiny.prepare
    )
    one, two = one_device(task), tiny.run(task, steps=3, devices=2, parallel=parallel)
    distance, name = tiny.furthest(two, one)
    assert distance < 2e-6, name
    stats = one.model_state["batch_stats"]["BatchNorm_0"]
    assert np.abs(stats["mean"]).max() > 1e-3
    assert np.abs(stats["var"] - 1).max() > 1e-3
