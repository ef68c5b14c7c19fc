"""dlx.models: dropout in the convolutional networks, a key for each example."""

from typing import Any

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models
from dlx.models._convnet import drop
from tests.models.networks import KEY, variables

SMALL = {"width": 0.01, "outputs": 3}
NETWORKS = [
    (models.LeNet(dropout=0.5, outputs=3), 12),
    (models.AlexNet(**SMALL), 67),
    (models.VGG(**SMALL), 32),
    (models.NiN(**SMALL), 67),
    (models.GoogLeNet(dropout=0.4, **SMALL), 32),
    (models.GoogLeNet(auxiliary=True, **SMALL), 65),
]


class Dropping(flax.linen.Module):
    """Dropout and nothing else."""

    dropout: float = 0.5
    axis_name: Any = None

    def __call__(self, inputs):
        """In training."""
        return drop(self, inputs, True)


@pytest.mark.row(109)
@pytest.mark.parametrize(("model", "size"), NETWORKS, ids=[type(model).__name__ for model, _ in NETWORKS])
def test_is_on_in_training_only(model, size):
    weights, images = variables(model, size), jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)

    def shape(model, **options):
        return jax.eval_shape(lambda w, x: model.apply(w, x, **options), weights, images)

    logits = shape(model)  # needs no key
    with pytest.raises(flax.errors.InvalidRngError, match="dropout"):
        shape(model, train=True)
    off = {name: 0.0 for name in ("dropout", "auxiliary_dropout") if hasattr(model, name)}
    trained = shape(model.clone(**off), train=True)
    assert jax.tree.leaves(trained)[0].shape == logits.shape == (2, 3)


@pytest.mark.row(109)
def test_does_not_depend_on_the_cut():
    x = jnp.ones((4, 64))

    def apply(model):
        return lambda x: model.apply({}, x, rngs={"dropout": KEY})

    spec = jax.sharding.PartitionSpec("data")
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.jit(jax.shard_map(apply(Dropping(axis_name="data")), mesh=mesh, in_specs=spec, out_specs=spec))
    want = np.asarray(jax.jit(apply(Dropping()))(x))
    np.testing.assert_array_equal(split(x), want)
    assert set(np.unique(want)) == {0, 2}
    assert len(np.unique(want, axis=0)) == 4  # a mask for each example
