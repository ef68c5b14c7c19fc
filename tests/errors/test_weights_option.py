"""Errors of --weights: files that do not fit, before anything is compiled."""

import numpy as np
import pytest

import dlx
from dlx.errors import CheckpointError, UsageError
from dlx.run.weights import WeightsOptions, from_file


def start(path, outputs=2):
    model = dlx.models.Linear(outputs)
    task = dlx.train.supervised(
        model, dlx.losses.softmax_cross_entropy, dlx.optim.create("sgd", 0.1),
        example={"inputs": np.zeros((4, 3), np.float32), "labels": np.zeros(4, np.int32)},
    )  # fmt: skip
    return from_file(WeightsOptions(weights=path), task, model)


def test_nothing_to_evaluate():
    with pytest.raises(UsageError, match="--evaluate-only wants --weights FILE"):
        WeightsOptions(evaluate_only=True)


def test_no_such_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"--weights .*nothing: no such file of weights"):
        start(tmp_path / "nothing")


def test_no_safetensors(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"PK\x03\x04 a zip, as PyTorch writes it")
    with pytest.raises(CheckpointError, match=r"--weights .*w\.pth: cannot be read as safetensors"):
        start(tmp_path / "w.pth")


def test_folders_without_one_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"a folder without weights\.safetensors$"):
        start(tmp_path)
    (tmp_path / "weights-seed_1.safetensors").touch()
    with pytest.raises(CheckpointError, match=r"; name one of weights-seed_1\.safetensors in it$"):
        start(tmp_path)


def test_another_architecture(tmp_path):
    variables = {"params": {"kernel": np.zeros((3, 4), np.float32), "bias": np.zeros(4, np.float32)}}
    dlx.models.save_weights(tmp_path / "w", {"params": {**variables["params"], "more": np.zeros(1)}})
    with pytest.raises(CheckpointError) as caught:
        start(tmp_path / "w")
    assert str(caught.value) == (
        f"--weights {tmp_path / 'w'}: weights of another architecture: 1 unexpected: params/more; 2 of another shape: "
        "params/bias has (4,), wanted (2,), params/kernel has (3, 4), wanted (3, 2)"
    )


def test_names_of_nobody(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros((2, 3), np.float32)}, tmp_path / "w")
    with pytest.raises(CheckpointError, match=r"--weights .*: weight is no name of dlx, and Linear has none"):
        start(tmp_path / "w")
