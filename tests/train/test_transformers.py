"""Training steps of Transformers: the loss falls, replicas are trainings of their own, padding is never 0 / 0."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dlx
from dlx.losses import sequence_cross_entropy
from tests.tolerances import assert_close

SMALL = {"vocabulary": 6, "features": 8, "num_heads": 2, "hidden": 8, "num_layers": 1, "max_length": 4, "dropout": 0.0}
TOKENS = np.random.default_rng(0).integers(1, 6, (8, 5)).astype(np.int32)
TOKENS[::2, 3:] = 0  # padding
DATA = {"inputs": TOKENS[:, :-1], "labels": TOKENS[:, 1:]}


def loss(logits, labels):
    return sequence_cross_entropy(logits, labels, labels != 0, how="sequence")


class Both(dlx.models.Transformer):
    """Reads a source and, to predict the labels, the same from its second token on."""

    def __call__(self, tokens, *, train=False):
        return super().__call__(tokens[..., 0], tokens[..., 1], jnp.sum(tokens[..., 0] != 0, -1), train=train)


def both(batch):
    return {**batch, "inputs": jnp.stack([batch["inputs"], batch["inputs"]], -1)}


@functools.cache
def task(kind):
    make, prepare = {"lm": (dlx.models.TransformerLM, None), "both": (Both, both)}[kind]
    return dlx.train.supervised(make(**SMALL), loss, optax.adam(0.01), example=DATA, prepare=prepare)


@pytest.mark.row(246)
@pytest.mark.parametrize("kind", ["lm", "both"])
def test_a_few_steps_lower_the_loss_of_every_seed(kind):
    """Seeds at once by vmap are those that run one after the other."""
    ends, records = {}, {}
    for each in ("vmap", "map"):
        layout = dlx.train.make_layout(2, each=each, batch_size=8)
        ends[each], records[each] = dlx.train.fit(
            task(kind).step, task(kind).init, DATA, steps=20, batch_size=8, seeds=(0, 1), log_every=1, layout=layout
        )
    losses = np.array([line["train_loss"] for line in records["map"]])
    assert (losses[-1] < 0.8 * losses[0]).all()
    assert losses[0, 0] != losses[0, 1]
    for line, other in zip(*records.values(), strict=True):
        # rounding differs, and twenty steps of Adam carry it on
        assert_close(line["train_loss"], other["train_loss"], dtype=np.float32, factor=100)


@pytest.mark.row(240)
def test_a_batch_without_a_target_changes_nothing_and_is_no_nan():
    """In a compiled step a mask cannot be looked at; where it can, it is an error."""
    own = task("lm")
    state = jax.jit(own.init)(jax.random.key(0))
    empty = {"inputs": jnp.asarray(DATA["inputs"]), "labels": jnp.zeros((8, 4), jnp.int32)}
    after, sums = jax.jit(own.step)(state, empty)
    assert float(sums["loss"][0]) == 0
    jax.tree.map(np.testing.assert_array_equal, after.params, state.params)
    with pytest.raises(ValueError, match="mask: it keeps no token of this batch"):
        loss(jnp.zeros((8, 4, 6)), empty["labels"])


@pytest.mark.row(240)
def test_padding_gets_no_gradient_and_gives_none():
    """One sequence is nothing but padding; what stands in padding does not change the step."""
    own = task("both")
    state = jax.jit(own.init)(jax.random.key(0))
    inputs, labels = np.array(DATA["inputs"]), np.array(DATA["labels"])
    inputs[0], labels[0] = 0, 0
    step = jax.jit(own.step)
    after, sums = step(state, {"inputs": inputs, "labels": labels})
    assert np.isfinite(float(sums["loss"][0]))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))
