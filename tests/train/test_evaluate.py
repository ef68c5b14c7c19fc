"""Evaluation on the whole set equals NumPy, whatever the batches and devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import train
from tests.tolerances import assert_close
from tests.train import tiny


def placed(layout, seeds=(0,)):
    return layout.place("state", train.initialise(task().init, seeds))


def task():
    return tiny.task(tiny.Softmax())


def by_hand(params, data):
    logits = (np.float64(data["inputs"]) / 128 - 1) @ np.float64(params["kernel"]) + np.float64(params["bias"])
    labels = data["labels"]
    loss = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(labels)), labels]
    return {"loss": loss.mean(), "accuracy": (logits.argmax(1) == labels).mean()}


@pytest.mark.parametrize(
    ("examples", "batch_size", "parallel", "devices", "seeds"),
    [
        (40, 7, "jit", 1, (0,)),
        (13, 40, "jit", 1, (0,)),
        (41, 16, "jit", 8, (0,)),
        (41, 16, "pmap", 8, (0,)),
        (41, 16, "shard_map", 8, (0,)),
        (9, 2, "shard_map", 8, (0, 1)),
        (3, 1000, "jit", 8, (0, 1)),
    ],
)
def test_equals_numpy_on_the_whole_set(examples, batch_size, parallel, devices, seeds):
    layout = train.make_layout(len(seeds), devices=devices, parallel=parallel)
    state = placed(layout, seeds)
    got = train.evaluator(task().measure, tiny.data(examples), batch_size=batch_size, layout=layout)(state)
    params = layout.fetch("state", state).params
    for k in range(len(seeds)):
        want = by_hand(jax.tree.map(lambda a, k=k: a[k], params), tiny.data(examples))
        for name, value in got.items():
            assert value.shape == (len(seeds),)
            assert value.dtype == np.float64
            assert_close(value[k], want[name], dtype=np.float32)


def test_padding_that_gives_nan_does_not_leak():
    batch = {"inputs": np.array([[1.0] * 6, [np.nan] * 6, [np.inf] * 6], np.float32), "labels": np.array([0, 0, 1])}
    plain = tiny.task(tiny.Softmax(), prepare=None)
    state = plain.init(jax.random.key(0))
    masked = plain.measure(state, batch, np.array([1, 0, 0], np.float32))
    alone = plain.measure(state, {name: a[:1] for name, a in batch.items()}, np.ones(1, np.float32))
    assert np.isfinite(masked["loss"][0])
    assert masked == alone
    assert np.isnan(plain.measure(state, batch, np.ones(3, np.float32))["loss"][0])  # what is not padding shows


def test_values_per_position_are_counted():
    """A loss of (batch, time), as a language model's."""
    words = tiny.task(tiny.Softmax(), metrics={"each": lambda logits, labels: logits})
    state = words.init(jax.random.key(0))
    total, count = words.measure(state, tiny.data(4), np.array([1, 1, 0, 1], np.float32))["each"]
    logits = (np.float64(tiny.data(4)["inputs"]) / 128 - 1) @ np.float64(state.params["kernel"])
    assert count == 3 * tiny.CLASSES
    assert_close(total, logits[[0, 1, 3]].sum(), kind="contraction")


def test_measure_of_ones_own():
    def measure(state, batch, weight):
        return {"label": (jnp.sum(weight * batch["labels"]), weight.sum()), "nothing": (jnp.float32(0), jnp.float32(0))}

    layout = train.make_layout(2)
    got = train.evaluator(measure, tiny.data(11), batch_size=4)(layout.place("state", {"w": np.zeros((2, 1))}))
    np.testing.assert_allclose(got["label"], [tiny.data(11)["labels"].mean()] * 2, rtol=1e-6)
    assert np.isnan(got["nothing"]).all()


def test_evaluates_without_consuming_the_state():
    layout = train.make_layout(1)
    state = placed(layout)
    run = train.evaluator(task().measure, tiny.data(), layout=layout)
    assert {k: v.tolist() for k, v in run(state).items()} == {k: v.tolist() for k, v in run(state).items()}
