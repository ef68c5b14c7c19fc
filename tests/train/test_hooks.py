"""What happens between chunks: boundaries, moments, evaluation, checkpoints, NaN in some seeds or all."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import train
from dlx.errors import NonFiniteError
from tests.train import tiny


@functools.cache
def softmax_task():
    return tiny.task(tiny.Softmax())


def fit(hooks, *, step=None, steps=8, seeds=(0,), log_every=3, layout=None):
    task = softmax_task()
    return train.fit(
        step or task.step,
        task.init,
        tiny.data(),
        steps=steps,
        batch_size=tiny.BATCH,
        seeds=seeds,
        hooks=hooks,
        log_every=log_every,
        layout=layout,
    )


class Seen:
    def __init__(self, every=0, stop_at=None):
        self.every, self.stop_at, self.moments = every, stop_at, []

    def __call__(self, moment):
        self.moments.append(moment._replace(state=None))
        return moment.step == self.stop_at


def test_moments():
    seen = Seen(every=4)
    _, records = fit([seen, lambda moment: moment.metrics.update(extra=np.array([moment.step]))], seeds=(0, 1))
    assert [m.step for m in seen.moments] == [3, 4, 6, 8]
    assert [m.steps for m in seen.moments] == [8] * 4
    assert [m.epoch for m in seen.moments] == [1.5, 2.0, 3.0, 4.0]
    assert [m.examples for m in seen.moments] == [2 * 16 * n for n in (3, 1, 2, 2)]
    assert seen.moments[0].compile_seconds > 0
    assert all(m.compile_seconds == 0 for m in seen.moments[1:])
    assert all(m.seconds > 0 for m in seen.moments)
    for moment, record in zip(seen.moments, records, strict=True):
        assert record["extra"] == moment.step  # what a hook adds is recorded
        assert moment.metrics["train_loss"].shape == (2,)
        assert moment.metrics["train_loss"].dtype == np.float64
        np.testing.assert_array_equal(record["train_loss"], moment.metrics["train_loss"])
        np.testing.assert_array_equal(moment.first_bad, [0, 0])


def test_means_are_over_the_steps_since_the_previous_moment():
    single, chunks = Seen(), Seen()
    fit([single], log_every=1, steps=6)
    fit([chunks], steps=6)
    losses = [m.metrics["train_loss"][0] for m in single.moments]
    np.testing.assert_allclose(
        [m.metrics["train_loss"][0] for m in chunks.moments], np.reshape(losses, (2, 3)).mean(1), rtol=1e-6
    )


def test_a_hook_stops_the_fit_after_the_others_have_run():
    seen = Seen()
    state, records = fit([Seen(stop_at=6), seen])
    assert seen.moments[-1].step == records[-1]["step"] == int(state.step[0]) == 6


def test_time_of_hooks_is_left_out():
    seen = Seen()
    fit([lambda moment: __import__("time").sleep(0.2), seen])
    assert all(m.seconds < 0.2 for m in seen.moments[1:])


def test_evaluate_at_its_multiples_and_at_the_end():
    calls = []

    def measured(state):
        calls.append(int(state.step[0]))
        return {"loss": np.array([float(calls[-1])])}

    evaluate = train.Evaluate({"test": measured, "valid": measured}, every=4)
    _, records = fit([evaluate], steps=10)
    assert [record["step"] for record in records if "test_loss" in record] == [4, 8, 10]
    assert records[-1]["test_loss"] == records[-1]["valid_loss"] == 10.0
    assert calls == [4, 4, 8, 8, 10, 10]
    evaluate.at(10, None)  # has just been measured
    assert len(calls) == 6
    _, records = fit([train.Evaluate({"test": measured}, every=0)])
    assert ["test_loss" in record for record in records] == [False, False, True]


class Folder:
    def __init__(self):
        self.saved = []

    def save(self, step, state, *, meta, score):
        self.saved.append((step, state, meta, score))


def test_checkpoints_hold_host_copies_of_their_step():
    folder, layout = Folder(), train.make_layout(2)
    save = train.SaveCheckpoints(
        folder, layout, every=6, meta=lambda: {"note": 1}, score=lambda metrics: metrics["train_accuracy"].mean()
    )
    seen = Seen()
    fit([seen, save], seeds=(0, 1), layout=layout)
    assert [step for step, *_ in folder.saved] == [6, 8]
    for step, state, meta, score in folder.saved:
        assert state.step.tolist() == [step, step]
        assert isinstance(
            state.params["kernel"], np.ndarray
        )  # its memory is its own: later chunks were donated the rest
        assert meta == {"note": 1}
        assert score == next(m.metrics["train_accuracy"].mean() for m in seen.moments if m.step == step)
    want, _ = fit([], seeds=(0, 1), steps=6)
    assert tiny.digest(folder.saved[0][1]) == tiny.digest(layout.fetch("state", want))


def test_a_moment_is_saved_once():
    folder, layout = Folder(), train.make_layout(1)
    save = train.SaveCheckpoints(folder, layout, every=3, meta=dict)
    fit([save, save.save, save.save], steps=6)
    assert [(step, score) for step, _, _, score in folder.saved] == [(3, None), (6, None)]


def test_whole_states_are_saved_as_they_lie():
    folder, layout = Folder(), train.make_layout(2, devices=2)
    save = train.SaveCheckpoints(folder, layout, every=0, meta=dict, whole=True)
    state, _ = fit([save], seeds=(0, 1), layout=layout)
    assert folder.saved[0][1] is state


def poisoned(*seeds):
    """The step, with NaN in the params of these seeds before the fifth step."""
    bad = np.stack([jax.random.key_data(jax.random.split(jax.random.key(seed))[1]) for seed in seeds])

    def step(state, batch):
        mine = (jax.random.key_data(state.key)[None] == bad).all(1).any()
        spoilt = jax.tree.map(lambda p: jnp.where(mine & (state.step == 4), jnp.nan, p), state.params)
        return softmax_task().step(state._replace(params=spoilt), batch)

    return step


def test_nan_in_one_seed_leaves_the_others_alone():
    lines, layout = [], train.make_layout(3)
    stop = train.StopOnNonFinite(("seed 0", "seed 1", "seed 2"), layout, report=lines.append)
    seen = Seen()
    state, records = fit([stop, seen], step=poisoned(1), seeds=(0, 1, 2), layout=layout)
    assert len(lines) == 1  # once, though it stays NaN
    assert lines[0].startswith("seed 1: train_loss NaN or infinite from step 5 on;")
    assert "params/" in lines[0]
    assert stop.failed == {1: 5}
    assert [m.first_bad.tolist() for m in seen.moments] == [[0, 0, 0], [0, 5, 0], [0, 7, 0]]
    assert records[-1]["step"] == 8
    assert np.isnan(records[-1]["train_loss"]).tolist() == [False, True, False]
    for k in (0, 2):
        lone = fit([], step=poisoned(1), seeds=(k,))[0]
        assert tiny.digest(tiny.replica(layout.fetch("state", state), k)) == tiny.digest(
            train.make_layout(1).fetch("state", lone)
        )


@pytest.mark.parametrize("parallel", ["jit", "shard_map"])
def test_nan_in_every_seed_ends_the_run(parallel, capsys):
    layout = train.make_layout(2, devices=2, parallel=parallel)  # a seed on each device
    with pytest.raises(NonFiniteError, match=r"every seed.* stops at step 6 .*--learning-rate"):
        fit([train.StopOnNonFinite(("seed 3", "seed 4"), layout)], step=poisoned(3, 4), seeds=(3, 4), layout=layout)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["seed 3", "seed 4"]


def test_nan_on_one_device_of_a_cut_batch_is_seen():
    def step(state, batch, *, axis_name=None):
        spoilt = jnp.where((state["step"] == 1) & (jax.lax.axis_index(axis_name) == 1), jnp.inf, 1.0)
        return {"step": state["step"] + 1}, {"loss": (spoilt, jnp.float32(1))}

    layout, seen = train.make_layout(1, devices=2, parallel="shard_map"), Seen()
    train.fit(step, lambda key: {"step": jnp.int32(0)}, steps=3, layout=layout, hooks=[seen])
    assert seen.moments[0].first_bad.tolist() == [2]
