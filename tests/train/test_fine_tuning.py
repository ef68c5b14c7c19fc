"""dlx.train: parameters of another model, and learning rates of old and new layers."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import data, losses, models, optim, train
from dlx.data import augment
from tests.tolerances import assert_close

pytestmark = pytest.mark.row(179)

FEATURES, BATCH = 6, 16


def examples(classes, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "inputs": rng.standard_normal((48, FEATURES)).astype(np.float32),
        "labels": rng.integers(0, classes, 48).astype(np.int32),
    }


def task(optimizer, outputs=4, **options):
    model = models.MLP(hidden=(5, 3), outputs=outputs, activation="tanh")
    return train.supervised(model, losses.softmax_cross_entropy, optimizer, example=examples(outputs), **options)


@pytest.fixture(scope="module")
def source():
    return train.initialise(task(optax.sgd(0.1), outputs=7).init, (3,))


@pytest.fixture(scope="module")
def trained(source):
    return {"params": jax.tree.map(lambda a: a[0], source.params)}


def test_everything_but_the_head_is_copied(trained):
    own = jax.tree.map(lambda a: a[0], train.initialise(task(optax.sgd(0.1)).init, (8,)).params)
    copied = train.copy_parameters(trained["params"], own)
    assert isinstance(copied, train.Copied)
    layers = [f"hidden_{n}/{leaf}" for n in (0, 1) for leaf in ("bias", "kernel")]
    assert (list(copied.copied), copied.kept) == (layers, ("output/bias", "output/kernel"))
    assert copied.unused == copied.kept
    for name, origin in (("hidden_0", trained["params"]), ("hidden_1", trained["params"]), ("output", own)):
        jax.tree.map(np.testing.assert_array_equal, copied.params[name], origin[name])
    same = train.copy_parameters(trained["params"], trained["params"], skip=())
    jax.tree.map(np.testing.assert_array_equal, same.params, trained["params"])
    low = train.copy_parameters(trained["params"], jax.tree.map(lambda a: a.astype(jnp.bfloat16), own))
    assert {leaf.dtype for leaf in jax.tree.leaves(low.params)} == {jnp.dtype(jnp.bfloat16)}


def test_a_task_starts_from_a_trained_model_and_ends_with_its_frozen_layers(trained):
    frozen = train.fine_tuning_optimizer(optim.adam(0.05), ratio=math.inf)
    tuned = train.start_from(task(frozen, ema=0.9), trained)
    start = train.initialise(tuned.init, (0, 1))
    end, _ = train.fit(tuned.step, tuned.init, examples(4), steps=5, batch_size=BATCH, seeds=(0, 1))
    for name in ("hidden_0", "hidden_1"):
        # the mean of equal numbers is rounded: of the end's only the parameters
        for params in (start.params, start.ema, end.params):
            want = jax.tree.map(lambda b: np.stack([b, b]), trained["params"][name])
            jax.tree.map(np.testing.assert_array_equal, params[name], want)
    moved = np.abs(end.params["output"]["kernel"] - start.params["output"]["kernel"])
    assert moved.min(axis=(1, 2)).min() > 0
    assert (start.params["output"]["kernel"][0] != start.params["output"]["kernel"][1]).any()  # from scratch, each


def test_other_collections_come_along():
    class Counted(models.MLP.__bases__[0]):
        outputs: int = 4

        @models.mlp.nn.compact
        def __call__(self, inputs, *, train=False):
            self.variable("batch_stats", "mean", jnp.zeros, (FEATURES,))
            return models.Linear(self.outputs, name="output")(inputs)

    plain = train.supervised(Counted(), losses.softmax_cross_entropy, optax.sgd(0.1), example=examples(4))
    old = plain.init(jax.random.key(0))
    variables = {"params": old.params, "batch_stats": {"mean": jnp.arange(6.0)}}
    new = train.start_from(plain, variables).init(jax.random.key(1))
    np.testing.assert_array_equal(new.model_state["batch_stats"]["mean"], np.arange(6.0))
    assert (new.params["output"]["kernel"] != old.params["output"]["kernel"]).any()
    with pytest.raises(ValueError, match="variables: got the collections params, wanted batch_stats, params"):
        train.start_from(plain, {"params": old.params}).init(jax.random.key(1))


@pytest.mark.parametrize("ratio", [1.0, 10.0, 1000.0])
def test_ratios_are_exact(x64, ratio):
    params = {name: {"kernel": jnp.asarray(np.random.default_rng(0).standard_normal(5))} for name in "abc"}
    gradient = jax.tree.map(lambda a: a**2 - 0.3, params)
    make = functools.partial(train.fine_tuning_optimizer, optim.adam(0.01), new=("c",), frozen=("a",))
    plain = optim.adam(0.01)
    want = plain.update(gradient, plain.init(params), params)[0]
    fixed, swept = make(ratio=ratio), optax.inject_hyperparams(make)(ratio=7.0)
    state = swept.init(params)
    state.hyperparams["ratio"] = jnp.asarray(ratio)
    for optimizer, start in ((fixed, fixed.init(params)), (swept, state)):
        got = optimizer.update(gradient, start, params)[0]
        assert (got["a"]["kernel"] == 0).all()
        assert_close(got["b"]["kernel"], want["b"]["kernel"] / ratio)
        np.testing.assert_array_equal(got["c"]["kernel"], want["c"]["kernel"])


def test_what_does_not_fit_is_listed(trained):
    params, other = trained["params"], {"hidden_0": {"kernel": np.ones((6, 9))}, "extra": np.ones(2)}
    with pytest.raises(ValueError, match="source: does not fit") as caught:
        train.copy_parameters(params, {**other, "output": params["output"]})
    message = str(caught.value)
    assert "hidden_0/kernel has shape (6, 5), wanted (6, 9)" in message
    assert "extra is missing in the source" in message
    assert "hidden_1/bias is missing in the target" in message
    assert "output" not in message.partition("outside of output: ")[2]
    own = task(optax.sgd(0.1)).init(jax.random.key(0)).params
    with pytest.raises(ValueError, match=r"output/bias has shape \(7,\), wanted \(4,\)"):
        train.copy_parameters(params, own, skip=())
    for skip, error, message in (
        (("head",), ValueError, "skip: got 'head'"),
        ("output", TypeError, "the string 'output'"),
    ):
        with pytest.raises(error, match=message):
            train.copy_parameters(params, params, skip=skip)
    with pytest.raises(ValueError, match=r"ratio: got 0\.5"):
        train.fine_tuning_optimizer(optax.sgd(0.1), ratio=0.5)
    with pytest.raises(ValueError, match="new: got none"):
        train.fine_tuning_optimizer(optax.sgd(0.1), new=())
    with pytest.raises(ValueError, match="head"):
        train.fine_tuning_optimizer(optax.sgd(0.1), new=("head",)).init(params)


@pytest.mark.row(176, 178)
def test_augmentation_in_a_step_does_not_depend_on_the_cut():
    canvas = data.digits_on_canvas(examples=BATCH, size=32, distractors=0)
    batch = {"inputs": canvas["inputs"], "labels": canvas["labels"]}

    def prepare(batch):
        return {**batch, "inputs": batch["inputs"].astype(jnp.float32) / 255}

    function = augment.compose(augment.random_flip_left_right, augment.random_brightness, augment.pad_and_crop)
    found = []
    for chosen in (None, augment.on_batch(function)):
        built = train.supervised(
            models.Linear(10),
            losses.softmax_cross_entropy,
            optax.sgd(0.1),
            example=batch,
            prepare=prepare,
            augment=chosen,
        )
        for devices in (1, 4) if chosen else (1,):
            layout = train.make_layout(1, devices=devices, parallel="shard_map", batch_size=BATCH)
            state, _ = train.fit(built.step, built.init, batch, steps=2, batch_size=BATCH, layout=layout)
            found.append(layout.fetch("state", state).params["kernel"])
    plain, whole, cut = found
    np.testing.assert_allclose(cut, whole, rtol=2e-6, atol=2e-6)
    assert np.abs(whole - plain).max() > 1e-4


def test_the_model_of_one_replica(source):
    own = train.replica_variables(source, replica=0)
    assert set(own) == {"params"}
    jax.tree.map(lambda got, want: np.testing.assert_array_equal(got, want[0]), own["params"], source.params)
    averaged = source._replace(
        ema=jax.tree.map(lambda a: a + 1, source.params), model_state={"batch_stats": np.ones(1)}
    )
    own = train.replica_variables(averaged, replica=-1)
    assert own["batch_stats"] == 1
    jax.tree.map(lambda got, want: np.testing.assert_array_equal(got, want[0] + 1), own["params"], source.params)
    with pytest.raises(IndexError, match="replica: got 1, wanted the number of one of 1"):
        train.replica_variables(source, replica=1)
