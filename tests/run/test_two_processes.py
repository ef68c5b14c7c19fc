"""The command line on two processes: seeds on different hosts, with checkpoints, equal one process with two devices."""

import json
import os
import socket
import subprocess
import sys

import pytest


def command(folder, *options):
    words = [
        sys.executable,
        "-m",
        "experiments.mlp",
        "--dataset",
        "digits",
        "--hidden",
        "16",
        "--steps",
        "6",
        "--seeds",
        "2",
    ]
    words += ["--checkpoint-every", "2", "--log-every", "2", "--output-dir", str(folder), "--platform", "cpu", *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean)


def result(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1].removeprefix("RESULT "))


@pytest.mark.parametrize("parallel", ["shard_map", pytest.param("jit", marks=pytest.mark.slow)])
def test_seeds_on_two_hosts(tmp_path, parallel):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    shared = ("--coordinator", address, "--processes", "2", "--parallel", parallel, "--name", "two", "--process-id")
    processes = [command(tmp_path, *shared, number) for number in ("0", "1")]
    two = result(processes[0])
    processes[1].communicate(timeout=120)
    assert processes[1].returncode == 0
    one = result(command(tmp_path, "--devices", "2", "--parallel", parallel, "--name", "one"))
    assert two["state_sha256"] == one["state_sha256"]
    assert len(list((tmp_path / "mlp" / "two" / "checkpoints").glob("step_*.safetensors"))) >= 2
