"""First grade of agreement: the same bits in every leaf of the state."""

import numpy as np
import pytest

from dlx import train
from tests.train import tiny


class Capture:
    """Keeps a host copy of the state at one step, as a checkpoint does."""

    def __init__(self, layout, step, every=None):
        self.layout, self.step, self.every, self.state = layout, step, step if every is None else every, None

    def __call__(self, moment):
        if moment.step == self.step:
            self.state = self.layout.fetch("state", moment.state)


def fit(layout, *, seeds=(0,), log_every=3, **options):
    task = tiny.network_task()
    state, records = train.fit(
        task.step,
        task.init,
        tiny.data(),
        batch_size=tiny.BATCH,
        seeds=seeds,
        log_every=log_every,
        layout=layout,
        **options,
    )
    return layout.fetch("state", state), records


def test_the_digest_sees_every_leaf():
    state = tiny.trained()
    assert tiny.digest(state) == tiny.digest(tiny.trained())
    changed = np.nextafter(state.params["bias"], 1)
    assert tiny.digest(state) != tiny.digest(state._replace(params={**state.params, "bias": changed}))
    assert tiny.digest(state) != tiny.digest(state._replace(key=tiny.trained(seeds=(1,)).key))


def test_chunk_sizes():
    layout = train.make_layout(1)
    states = {every: tiny.digest(fit(layout, steps=16, log_every=every)[0]) for every in (1, 3, 7, 100)}
    assert len(set(states.values())) == 1
    assert states[3] != tiny.digest(fit(layout, steps=15)[0])


def test_hooks_change_nothing():
    layout = train.make_layout(1)
    task = tiny.network_task()
    measured = train.evaluator(task.measure, tiny.data(), batch_size=tiny.BATCH)
    hooks = [
        train.Evaluate({"test": measured}, every=6),
        Capture(layout, 5),
        train.StopOnNonFinite(("seed 0",), layout),
    ]
    with_hooks, records = fit(layout, steps=8, hooks=hooks)
    assert [record["step"] for record in records] == [3, 5, 6, 8]
    assert tiny.digest(with_hooks) == tiny.digest(fit(layout, steps=8)[0])


@pytest.mark.parametrize("k", [0, 1, 2])
def test_mapped_seed_equals_its_lone_run(k):
    assert tiny.digest(tiny.replica(tiny.trained(seeds=(0, 1, 2), each="map"), k)) == tiny.digest(
        tiny.trained(seeds=(k,))
    )


@pytest.mark.parametrize("parallel", ["pmap", "shard_map"])
def test_seeds_cut_over_devices_equal_lone_runs(parallel):
    both = tiny.trained(seeds=(0, 1), devices=2, parallel=parallel)
    for k in (0, 1):
        assert tiny.digest(tiny.replica(both, k)) == tiny.digest(tiny.trained(seeds=(k,)))


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_pmap_equals_shard_map(devices):
    pmapped = tiny.trained(devices=devices, parallel="pmap")
    assert tiny.digest(pmapped) == tiny.digest(tiny.trained(devices=devices, parallel="shard_map"))


@pytest.mark.parametrize("parallel", ["jit", "pmap", "shard_map"])
def test_resumed_equals_uninterrupted(parallel):
    """2N steps = N steps, host copy, N steps; in the middle of an epoch and with other chunks."""
    layout = train.make_layout(1, devices=2, parallel=parallel, batch_size=tiny.BATCH)
    half, _ = fit(layout, steps=5, hooks=[Capture(layout, 2)])  # chunks end at 2, 3, 4, 5
    resumed, records = fit(layout, steps=10, resume=(5, half))
    assert [record["step"] for record in records] == [6, 9, 10]
    capture = Capture(layout, 5)
    whole, _ = fit(layout, steps=10, hooks=[capture])
    assert tiny.digest(capture.state) == tiny.digest(half)
    assert tiny.digest(resumed) == tiny.digest(whole)


def test_resumed_on_other_devices_is_close():
    half = tiny.trained(devices=2, parallel="shard_map")
    there = tiny.run(steps=5, resume=(3, half))
    back = tiny.run(steps=5, resume=(3, half), devices=2, parallel="pmap")
    distance, name = tiny.furthest(back, there)
    assert 0 < distance < 2e-6, name


def test_resuming_at_the_end_returns_the_state_as_it_is():
    state, records = fit(train.make_layout(1), steps=3, resume=(3, tiny.trained()))
    assert records == []
    assert tiny.digest(state) == tiny.digest(tiny.trained())
