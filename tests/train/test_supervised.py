"""One supervised step against a calculation by hand, and the builder's options."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import models, train
from tests.tolerances import assert_close
from tests.train import tiny


def by_hand(params: dict, batch: dict, learning_rate: float, penalty: float = 0.0) -> tuple[dict, dict]:
    """One step of softmax regression in float64: new params and the metrics' sums."""
    kernel, bias = np.float64(params["kernel"]), np.float64(params["bias"])
    x, y = np.float64(batch["inputs"]) / 128 - 1, batch["labels"]
    logits = x @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    error = (p - np.eye(tiny.CLASSES)[y]) / len(y)
    new = {
        "kernel": kernel - learning_rate * (x.T @ error + penalty * kernel),
        "bias": bias - learning_rate * error.sum(0),
    }
    return new, {"loss": -np.log(p[np.arange(len(y)), y]).sum(), "accuracy": float((p.argmax(1) == y).sum())}


@pytest.mark.row(76)
def test_steps_equal_the_calculation_by_hand():
    task = tiny.task(tiny.Softmax(), optax.sgd(0.5))
    state = train.initialise(task.init, (4,))
    params, data = jax.tree.map(lambda a: a[0], state.params), tiny.data()
    end, records = train.fit(task.step, task.init, data, steps=3, batch_size=tiny.BATCH, seeds=(4,), log_every=1)
    for step, batch in enumerate(train.batch_table((4,), step=0, count=3, length=3, examples=40, batch_size=16)[0]):
        params, sums = by_hand(params, {name: a[batch] for name, a in data.items()}, 0.5)
        assert records[step]["step"] == step + 1
        assert records[step]["epoch"] == (step + 1) / 2
        for name, total in sums.items():
            assert_close(records[step][f"train_{name}"], [total / tiny.BATCH], kind="contraction", dtype=np.float32)
    for name, want in params.items():
        assert_close(np.asarray(end.params[name][0]), want, kind="contraction")


@pytest.mark.row(76)
def test_epochs_of_steps_equal_the_calculation_by_hand_in_float64(x64):
    def prepare(batch):
        return {**batch, "inputs": batch["inputs"].astype(jnp.float64) / 128 - 1}

    data, seeds, steps = tiny.data(), (4, 9), 7  # two batches an epoch: three and a half epochs
    model = models.Linear(tiny.CLASSES, param_dtype=jnp.float64)
    task = train.supervised(model, tiny.cross_entropy, optax.sgd(0.5), example=data, prepare=prepare)
    start = train.initialise(task.init, seeds).params
    end, records = train.fit(task.step, task.init, data, steps=steps, batch_size=tiny.BATCH, seeds=seeds, log_every=1)
    tables = train.batch_table(seeds, step=0, count=steps, length=steps, examples=40, batch_size=tiny.BATCH)
    for replica, table in enumerate(tables):
        params = {name: np.asarray(leaf[replica]) for name, leaf in start.items()}
        for step, batch in enumerate(table):
            params, sums = by_hand(params, {name: array[batch] for name, array in data.items()}, 0.5)
            # metrics are added in float32
            assert records[step]["train_loss"][replica] == pytest.approx(sums["loss"] / tiny.BATCH, rel=1e-6)
        for name, want in params.items():
            assert_close(end.params[name][replica], want, kind="path")


def stepped(task: train.Supervised, batch: dict, steps: int = 1) -> tuple[Any, dict]:
    state, step = task.init(jax.random.key(1)), jax.jit(task.step)
    for _ in range(steps):
        state, sums = step(state, batch)
    return state, sums


def test_metrics_are_sums_and_counts():
    batch = tiny.data()
    task = tiny.task(tiny.Softmax())
    _, want = by_hand(task.init(jax.random.key(1)).params, batch, 0.0)
    _, sums = stepped(task, batch)
    for name, (total, count) in sums.items():
        assert_close(total, want[name], kind="contraction")
        assert count == 40


def test_accumulated_pieces_equal_the_whole_batch():
    batch = tiny.data(128)
    whole, sums = stepped(tiny.task(tiny.Softmax()), batch, 2)
    pieces, piece_sums = stepped(tiny.task(tiny.Softmax(), accumulate=4), batch, 2)
    distance, name = tiny.furthest(pieces, whole)  # Adam's moments too
    assert distance < 2e-6, name
    assert 128.0 == sums["loss"][1] == piece_sums["loss"][1]
    assert_close(piece_sums["loss"][0], sums["loss"][0])
    wrong, _ = stepped(tiny.task(tiny.Softmax(), accumulate=4), tiny.data(64), 2)
    assert tiny.furthest(wrong, whole)[0] > 0.01


def test_accumulated_gradient_equals_that_of_the_whole_batch():
    batch = tiny.data(128)
    whole, _ = stepped(tiny.task(tiny.Softmax(), optax.sgd(1.0)), batch)
    pieces, _ = stepped(tiny.task(tiny.Softmax(), optax.sgd(1.0), accumulate=4), batch)
    start = tiny.task(tiny.Softmax()).init(jax.random.key(1)).params
    for name in start:
        assert_close(pieces.params[name] - start[name], whole.params[name] - start[name])


def test_accumulation_on_two_devices():
    task = tiny.task(tiny.Softmax(), accumulate=2)
    cut = tiny.run(task, steps=2, devices=2, parallel="shard_map")
    distance, name = tiny.furthest(cut, tiny.run(tiny.task(tiny.Softmax()), steps=2))
    assert distance < 2e-6, name


@pytest.mark.parametrize("accumulate", [1, 2])
def test_model_state_threads_through_steps_and_pieces(accumulate):
    task = tiny.task(tiny.Network(rate=0.0), optax.sgd(0.0), accumulate=accumulate)
    batch = {name: a[:16] for name, a in tiny.data().items()}
    state, _ = stepped(task, batch, 2)
    x = np.float64(batch["inputs"]) / 128 - 1
    mean, square = np.zeros(8), np.ones(8)
    for piece in 2 * np.split(x @ np.float64(state.params["kernel"]), accumulate):
        mean = 0.9 * mean + 0.1 * piece.mean(0)
        square = 0.9 * square + 0.1 * (piece**2).mean(0)
    assert_close(state.model_state["batch_stats"]["mean"], mean)
    assert_close(state.model_state["batch_stats"]["square"], square)


def test_random_streams_change_with_the_step_and_the_key_stays():
    task = tiny.task(tiny.Network(rate=0.5), optax.sgd(0.0))
    state = task.init(jax.random.key(1))
    step = jax.jit(task.step)
    first, sums = step(state, tiny.data())
    second, later = step(first._replace(model_state=state.model_state), tiny.data())
    assert not np.array_equal(sums["loss"][0], later["loss"][0])  # another mask
    _, again = step(first._replace(step=state.step, model_state=state.model_state), tiny.data())
    np.testing.assert_array_equal(sums["loss"][0], again["loss"][0])
    np.testing.assert_array_equal(tiny.raw(second.key), tiny.raw(state.key))
    assert int(second.step) == 2
    streams = [train.stream_key(state.key, jnp.int32(t), name) for t in (0, 1) for name in ("dropout", "augment")]
    assert len({tiny.raw(key).tobytes() for key in streams}) == 4


def noise(keys, batch):
    draws = jax.vmap(lambda key: jax.random.normal(key, batch["inputs"].shape[1:]))(keys)
    return {**batch, "inputs": batch["inputs"] + draws}


def test_augment_does_not_depend_on_how_the_batch_is_cut():
    task = tiny.task(tiny.Softmax(), augment=noise)
    ends = []
    for devices in (1, 2):
        layout = train.make_layout(1, devices=devices, parallel="shard_map", batch_size=tiny.BATCH)
        state, _ = train.fit(task.step, task.init, tiny.data(), steps=2, batch_size=tiny.BATCH, layout=layout)
        ends.append(layout.fetch("state", state).params)
    chex.assert_trees_all_close(*ends, rtol=2e-6, atol=2e-6)


def test_augment_is_for_training_only():
    plain, noisy = tiny.task(tiny.Softmax()), tiny.task(tiny.Softmax(), augment=noise)
    weight = np.ones(40, np.float32)
    state = plain.init(jax.random.key(1))
    assert stepped(plain, tiny.data())[1]["loss"][0] != stepped(noisy, tiny.data())[1]["loss"][0]
    assert plain.measure(state, tiny.data(), weight) == noisy.measure(state, tiny.data(), weight)


def test_moving_average_of_params():
    decay, task = 0.3, tiny.task(tiny.Softmax(), optax.sgd(0.5), ema=0.3)
    state, step = task.init(jax.random.key(1)), jax.jit(task.step)
    average = np.float64(state.params["kernel"])
    for t in range(5):
        state, _ = step(state, tiny.data())
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * np.float64(state.params["kernel"])
    assert_close(state.ema["kernel"], average)
    weight = np.ones(40, np.float32)
    averaged = task.measure(state._replace(params=None), tiny.data(), weight)  # reads ema alone
    assert averaged == tiny.task(tiny.Softmax()).measure(
        state._replace(params=state.ema, ema=None), tiny.data(), weight
    )


def test_penalty_enters_the_gradient_and_not_the_reported_loss():
    batch = tiny.data()
    task = tiny.task(tiny.Softmax(), optax.sgd(0.5), penalty=lambda params: 0.05 * jnp.sum(params["kernel"] ** 2))
    start = task.init(jax.random.key(1)).params
    want, sums = by_hand(start, batch, 0.5, penalty=0.1)
    state, metrics = stepped(task, batch)
    assert_close(state.params["kernel"], want["kernel"])
    assert_close(metrics["loss"][0], sums["loss"], kind="contraction")


def test_bfloat16_computes_in_it_and_keeps_float32():
    seen = []

    class Spy(tiny.Softmax):
        def __call__(self, inputs, *, train):
            seen.append(
                (inputs.dtype, self.variables["params"]["kernel"].dtype if not self.is_initializing() else None)
            )
            return super().__call__(inputs, train=train)

    batch = tiny.data()
    full, sums = stepped(tiny.task(tiny.Softmax(), optax.sgd(0.5)), batch)
    half, half_sums = stepped(tiny.task(Spy(), optax.sgd(0.5), dtype=jnp.bfloat16), batch)
    assert seen[-1] == (jnp.bfloat16, jnp.bfloat16)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((half.params, half_sums)))
    assert_close(half.params["kernel"], full.params["kernel"], dtype=jnp.bfloat16)
    assert_close(half_sums["loss"][0] / 40, sums["loss"][0] / 40, dtype=jnp.bfloat16)
    assert not np.array_equal(half.params["kernel"], full.params["kernel"])


def test_sweep_equals_lone_runs():
    task = tiny.task(tiny.Softmax(), optax.inject_hyperparams(optax.adam)(0.01))
    both = tiny.run(task, steps=4, seeds=(0, 1), sweep={"learning_rate": (0.01, 0.3)})
    for index, (rate, seed) in enumerate([(0.01, 0), (0.01, 1), (0.3, 0), (0.3, 1)]):
        lone = tiny.run(task, steps=4, seeds=(seed,), sweep={"learning_rate": (rate,)})
        assert tiny.digest(tiny.replica(both, index)) == tiny.digest(lone)
    fixed = tiny.run(tiny.task(tiny.Softmax(), optax.adam(0.3)), steps=4, seeds=(1,))
    # contraction: 1 - b2 = 0.001 is rounded to float32 where b2 is a leaf, and only afterwards where it is a constant
    assert_close(tiny.replica(both, 3).params["kernel"], fixed.params["kernel"], kind="contraction")


def test_sweep_points():
    points = train.sweep_points({"a": (1, 2), "b": (3, 4)})
    assert points == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    assert train.sweep_points(None) == train.sweep_points({}) == [{}]
