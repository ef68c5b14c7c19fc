"""The same engine carries every kind of step, under every transformation that applies to it."""

import functools

import numpy as np
import pytest

from dlx import train
from tests.train import tiny
from tests.train.kinds import KINDS

every_kind = pytest.mark.parametrize("kind", list(KINDS))
slow = functools.partial(pytest.param, marks=pytest.mark.slow)
cut_kinds = pytest.mark.parametrize(
    "kind", [name for name in KINDS if name != "image"]
)  # it has neither batch nor environments


def fitted(kind, *, seeds=(0, 1), steps=4, devices=1, parallel="jit", each="auto", resume=None, **options):
    init, step, data, batch_size, spec = KINDS[kind]
    layout = train.make_layout(
        len(seeds), devices=devices, parallel=parallel, each=each, spec=spec, batch_size=batch_size
    )
    options = {"log_every": 4, "seeds": seeds, "resume": resume, **options}
    state, records = train.fit(step, init, data, steps=steps, batch_size=batch_size, layout=layout, **options)
    return layout.fetch("state", state), records


@functools.cache
def reference(kind):
    """Two seeds, one after the other, on one device."""
    return fitted(kind)


def assert_agree(state, other):
    distance, name = tiny.furthest(state, other)
    assert distance < 5e-6, name  # rounding, over 4 steps


@every_kind
def test_chunk(kind):
    def third(moment): ...

    third.every = 3
    state, records = fitted(kind, hooks=[third])
    assert [record["step"] for record in records] == [3, 4]
    assert [record["step"] for record in reference(kind)[1]] == [4]
    assert tiny.digest(state) == tiny.digest(reference(kind)[0])


@every_kind
def test_seeds_map(kind):
    both = reference(kind)[0]
    for k in (0, 1):
        assert tiny.digest(tiny.replica(both, k)) == tiny.digest(fitted(kind, seeds=(k,))[0])
    assert tiny.digest(tiny.replica(both, 0)) != tiny.digest(tiny.replica(both, 1))


@every_kind
def test_seeds_vmap(kind):
    assert_agree(fitted(kind, each="vmap")[0], reference(kind)[0])


@every_kind
@pytest.mark.parametrize("parallel", ["shard_map", slow("jit"), slow("pmap")])
def test_seeds_on_devices(kind, parallel):
    state, _ = fitted(kind, devices=2, parallel=parallel)
    if parallel == "jit":  # the compiler cuts a vmap
        assert_agree(state, reference(kind)[0])
    else:
        assert tiny.digest(state) == tiny.digest(reference(kind)[0])


@every_kind
def test_resume(kind):
    half = reference(kind)[0]
    resumed, whole = (fitted(kind, steps=8, resume=start)[0] for start in ((4, half), None))
    assert tiny.digest(resumed) == tiny.digest(whole)
    assert tiny.digest(half) != tiny.digest(whole)


@cut_kinds
@pytest.mark.parametrize("parallel", ["jit", "shard_map", slow("pmap")])
def test_eight_devices(kind, parallel):
    """2 seeds x 4 pieces; under pmap 8 pieces. The metrics too: sums over all pieces."""
    state, records = fitted(kind, devices=8, parallel=parallel)
    assert_agree(state, reference(kind)[0])
    for ours, theirs in zip(records, reference(kind)[1], strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)


def test_environments_lie_where_the_spec_says():
    spec = KINDS["environments"].spec
    layout = train.make_layout(2, devices=8, parallel="shard_map", spec=spec)
    state = layout.place("state", train.initialise(KINDS["environments"].init, (0, 1)))
    assert state.position.sharding.shard_shape(state.position.shape) == (1, 4, 2)
    assert state.keys.sharding.shard_shape(state.keys.shape) == (1, 4)
    assert state.policy.sharding.shard_shape(state.policy.shape) == (1, 2)


def test_counting_counts_each_example_of_an_epoch_once():
    state, records = reference("counting")  # two epochs of 32 of the 40 examples
    labels = tiny.data()["labels"]
    table = train.batch_table((0, 1), step=0, count=4, length=4, examples=40, batch_size=16)
    for k in (0, 1):
        np.testing.assert_array_equal(state["seen"][k], np.bincount(labels[table[k].ravel()], minlength=tiny.CLASSES))
    assert records == [{"step": 4, "epoch": 2.0}]


@pytest.mark.parametrize(
    ("kind", "metric"), [("environments", "distance"), ("scatter", "error"), ("image", "loss"), ("supervised", "loss")]
)
def test_learns(kind, metric):
    values = [record[f"train_{metric}"] for record in fitted(kind, steps=60)[1]]
    assert (np.mean(values[-5:], axis=0) < np.mean(values[:5], axis=0)).all()


def test_without_data_there_are_no_epochs():
    assert [record["epoch"] for record in reference("image")[1]] == [0.0]
