"""Two processes on this machine train as one process with two devices does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from dlx import train
from tests.train import tiny

ROOT = Path(__file__).parents[2]


def trained(parallel, seeds):
    """Two devices: every leaf of the state after 3 steps, its sha256, and the loss on all data."""
    task = tiny.network_task()
    layout = train.make_layout(len(seeds), devices=2, parallel=parallel, batch_size=tiny.BATCH)
    state, records = train.fit(
        task.step, task.init, tiny.data(), steps=3, batch_size=tiny.BATCH, seeds=seeds, layout=layout, log_every=3
    )
    measured = train.evaluator(task.measure, tiny.data(), batch_size=tiny.BATCH, layout=layout)(state)
    host = layout.fetch("state", state)
    leaves = {jax.tree_util.keystr(path): tiny.raw(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(host)}
    return {
        **leaves,
        "sha256": tiny.digest(host),
        "train_loss": records[-1]["train_loss"],
        "test_loss": measured["loss"],
    }


def trained_by_two_processes(parallel, seeds, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    file = folder / "result.npz"
    logs = [folder / f"process{number}.txt" for number in (0, 1)]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    processes = []
    for number, log in enumerate(logs):
        command = [
            sys.executable,
            "-m",
            "tests.train.process_worker",
            address,
            str(number),
            "2",
            parallel,
            ",".join(map(str, seeds)),
            file,
        ]
        with log.open("w") as output:
            processes.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
            )
    try:
        codes = [process.wait(timeout=180) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert codes == [0, 0], "\n".join(log.read_text()[-2000:] for log in logs)
    return dict(np.load(file))


@pytest.mark.parametrize(
    ("parallel", "seeds"),
    [
        ("shard_map", (0,)),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [("jit", (0,)), ("pmap", (0,)), ("shard_map", (0, 1)), ("jit", (0, 1)), ("pmap", (0, 1))]
        ),
    ],
)
def test_two_processes_equal_two_devices(parallel, seeds, tmp_path):
    both, one = trained_by_two_processes(parallel, seeds, tmp_path), trained(parallel, seeds)
    assert both.keys() == one.keys()
    if parallel == "pmap" and len(seeds) > 1:  # with several processes it cuts the data, not the seeds
        for name in one.keys() - {"sha256"}:
            assert tiny.furthest(both[name], one[name])[0] < 2e-6, name
    else:
        assert str(both["sha256"]) == one["sha256"]
        np.testing.assert_allclose(both["train_loss"], one["train_loss"], rtol=1e-6)
        np.testing.assert_allclose(both["test_loss"], one["test_loss"], rtol=1e-6)
