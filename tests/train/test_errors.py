"""What a user reads who asks the engine for what cannot be."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import train
from dlx.errors import CheckpointError, DatasetError, UsageError
from tests.train import tiny


def init(key):
    return {"w": jnp.zeros(())}


def step(state, batch):
    return state, {}


def fit(data=None, **options):
    return train.fit(step, init, tiny.data() if data is None else data, **{"steps": 2, "batch_size": 16, **options})


@pytest.mark.parametrize(("batch_size", "nearest"), [(100, 96), (101, 104), (97, 96), (3, 8)])
def test_batch_size_that_does_not_divide(batch_size, nearest):
    with pytest.raises(
        UsageError,
        match=f"--batch-size {batch_size} does not divide over 8 devices; the nearest that does is {nearest}",
    ):
        train.make_layout(1, devices=8, batch_size=batch_size)


def test_batch_is_cut_by_the_data_axis_only():
    assert train.make_layout(2, devices=8, batch_size=12).data_size == 4
    with pytest.raises(UsageError, match="over 8 devices"):
        train.make_layout(2, devices=8, batch_size=12, parallel="pmap")


@pytest.mark.parametrize("devices", [0, -1, 9])
def test_devices_that_are_not_there(devices):
    with pytest.raises(UsageError, match=rf"--devices {devices}: this run has 8 \w+ device"):
        train.make_layout(1, devices=devices)


def test_mapped_seeds_cut_by_the_compiler():
    with pytest.raises(UsageError, match=r"every seed on every device; use --parallel shard_map or --map vmap"):
        train.make_layout(2, devices=2, each="map")
    assert train.make_layout(2, devices=2).each == "vmap"


@pytest.mark.parametrize("parallel", ["pmap", "shard_map"])
def test_step_that_cannot_average(parallel):
    layout = train.make_layout(1, devices=2, parallel=parallel)
    with pytest.raises(
        UsageError, match=f"--parallel {parallel} cuts a batch over 2 devices, and this step takes no axis_name"
    ):
        fit(layout=layout)
    fit(layout=train.make_layout(2, devices=2, parallel=parallel), seeds=(0, 1))  # a seed on each: nothing to average


def test_less_data_than_a_batch():
    with pytest.raises(DatasetError, match=r"40 example\(s\), fewer than one batch of --batch-size 41"):
        fit(batch_size=41)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "--steps wants at least 1; got 0"),
        ({"log_every": 0}, "--log-every wants at least 1; got 0"),
        ({"seeds": ()}, "--seeds wants at least 1; got 0"),
        ({"batch_size": 0}, "--batch-size wants at least 1 .*got 0"),
        ({"batch_size": None}, "--batch-size wants at least 1 .*got None"),
        ({"sweep": {"a": (1, 2), "b": (1,)}}, r"sweep's lists want one common length.*'a': 2, 'b': 1"),
        ({"sweep": {"a": ()}}, "sweep's lists want one common length of at least 1"),
    ],
)
def test_numbers(options, message):
    with pytest.raises(UsageError, match=message):
        fit(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": np.zeros((4, 2)), "b": np.zeros(5)}, r"one common first axis; got .*'a'.*\(4,\).*'b'.*\(5,\)"),
        ({"a": np.float32(1)}, "one common first axis"),
        ({}, "one common first axis"),
    ],
)
def test_data_without_a_common_first_axis(data, message):
    with pytest.raises(DatasetError, match=message):
        fit(data, batch_size=1)
    with pytest.raises(DatasetError, match=message):
        train.evaluator(lambda state, batch, weight: {}, data)


def test_evaluation_of_nothing():
    with pytest.raises(DatasetError, match="no examples to measure on"):
        train.evaluator(lambda state, batch, weight: {}, {"a": np.zeros((0, 3))})


def test_resumed_counter_that_disagrees():
    task = tiny.task(tiny.Softmax())
    state = train.initialise(task.init, (0, 1))
    with pytest.raises(CheckpointError, match=r"has done \[0\] steps and the run 3"):
        train.fit(task.step, task.init, tiny.data(), steps=5, batch_size=16, seeds=(0, 1), resume=(3, state))
    mixed = state._replace(step=np.array([3, 2]))
    with pytest.raises(CheckpointError, match=r"has done \[2, 3\] steps"):
        train.fit(task.step, task.init, tiny.data(), steps=5, batch_size=16, seeds=(0, 1), resume=(3, mixed))


def test_numbers_of_replicas_that_disagree():
    with pytest.raises(UsageError, match=r"layout is made for 2 replica\(s\), and the run has 4"):
        fit(seeds=(0, 1, 2, 3), layout=train.make_layout(2, devices=2, parallel="shard_map"))
    two = {"w": np.zeros(2)}
    with pytest.raises(CheckpointError, match=r"first axes \[\(2,\)\]; a run of 3 replica\(s\) wants \(3,\)"):
        fit(seeds=(0, 1, 2), resume=(1, two))


def test_unknown_hyperparameter():
    swept = tiny.task(tiny.Softmax(), optax.inject_hyperparams(optax.sgd)(learning_rate=0.1))
    with pytest.raises(UsageError, match="--sweep momentun: the optimizer's hyperparameters are learning_rate"):
        swept.init(jax.random.key(0), momentun=0.9)
    with pytest.raises(UsageError, match=r"--sweep learning_rate: .* are none .optax.inject_hyperparams"):
        tiny.task(tiny.Softmax(), optax.sgd(0.1)).init(jax.random.key(0), learning_rate=0.5)


def test_builder_options():
    with pytest.raises(ValueError, match="accumulate wants at least 1; got 0"):
        tiny.task(accumulate=0)
    for ema in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"ema wants a decay in \[0, 1\); got {ema}"):
            tiny.task(ema=ema)
    task = tiny.task(tiny.Softmax(), accumulate=3)
    with pytest.raises(ValueError, match="a batch of 40 does not divide into accumulate=3 pieces"):
        task.step(task.init(jax.random.key(0)), tiny.data())


def test_a_resume_beyond_the_end():
    with pytest.raises(UsageError, match="--steps 2: the run has done 5 already"):
        fit(resume=(5, {"w": np.zeros(1)}))


def test_a_given_layout_has_to_divide_the_batch():
    layout = train.make_layout(1, devices=2, parallel="shard_map")
    with pytest.raises(UsageError, match="--batch-size 15 does not divide over 2 devices"):
        fit(batch_size=15, layout=layout)


def test_a_negative_seed():
    with pytest.raises(UsageError, match="--seed wants at least 0; got -1"):
        fit(seeds=(0, -1))


def test_a_sweep_that_init_does_not_take():
    with pytest.raises(UsageError, match="--sweep learning_rate: this run's init does not take it"):
        fit(sweep={"learning_rate": (0.1, 0.2)})
