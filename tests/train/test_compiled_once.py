"""One compilation for the chunk and one for the evaluation, whatever lengths the chunks have."""

import jax
import numpy as np
import pytest

from dlx import train
from tests.train import tiny

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compilations():
    names = []

    def listen(event, _, **context):
        if event == COMPILED:
            names.append(context["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(("parallel", "devices"), [("jit", 1), ("jit", 2), ("pmap", 2), ("shard_map", 2)])
def test_compiled_once(parallel, devices, compilations):
    task = tiny.task(tiny.Softmax())

    def run(steps, log_every, every):
        layout = train.make_layout(1, devices=devices, parallel=parallel, batch_size=tiny.BATCH)
        measured = train.evaluator(task.measure, tiny.data(), batch_size=tiny.BATCH, layout=layout)
        hooks = [train.Evaluate({"test": measured}, every=every)]
        _, records = train.fit(
            task.step,
            task.init,
            tiny.data(),
            steps=steps,
            batch_size=tiny.BATCH,
            hooks=hooks,
            log_every=log_every,
            layout=layout,
        )
        return [record["step"] for record in records], sum("test_loss" in record for record in records)

    run(8, 7, 5)  # init, and the small programs that move arrays
    del compilations[:]
    assert run(23, 7, 5) == ([5, 7, 10, 14, 15, 20, 21, 23], 5)
    assert len(compilations) == 2, compilations


def test_seeds_share_one_compiled_init(compilations):
    task = tiny.task(tiny.Softmax())
    train.initialise(task.init, (0, 1))
    assert sum("init" in name for name in compilations) == 1, compilations
    del compilations[:]
    states = train.initialise(task.init, (0, 1))
    assert compilations == []
    assert not np.array_equal(states.params["kernel"][0], states.params["kernel"][1])
