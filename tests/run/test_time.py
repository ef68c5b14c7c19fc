"""What a run says of its time: the whole of its work, whether or not it has a fit."""

import time

import jax.numpy as jnp

from dlx.run import open_run
from dlx.run.options import Options


def test_a_run_without_a_fit_tells_its_time(tmp_path):
    with open_run(Options(output_dir=tmp_path, cache=False)) as run:
        time.sleep(0.05)
        result = run.finish({"answer": 42})
    assert 0.05 <= result["seconds"] < 30
    assert (result["steps"], result["compile_seconds"]) == (0, 0.0)


def test_the_time_of_a_fit_is_a_part_of_it(tmp_path):
    def init(key):
        return {"step": jnp.zeros((), jnp.int32)}

    def step(state, batch):
        return {"step": state["step"] + 1}, {"loss": (jnp.ones(()), jnp.ones(()))}

    config = Options(output_dir=tmp_path, cache=False, steps=10, log_every=5, checkpoint_every=0)
    with open_run(config) as run:
        run.fit(step, init)
        time.sleep(0.05)
        result = run.finish()
        training = run.records.seconds
    assert result["seconds"] >= training + result["compile_seconds"] + 0.05
    report = run.folder.report.read_text()
    assert "whole run" in report
    assert "s training" in report
