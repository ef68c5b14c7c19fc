"""Errors of weights: files and PyTorch states that do not fit, as a user meets them."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from dlx import models
from dlx.errors import CheckpointError

PARAMS = {"params": {"conv_0": {"kernel": np.zeros((3, 3, 1, 2)), "bias": np.zeros(2)}}}
OTHER = {"params": {"conv_0": {"kernel": np.zeros((3, 3, 1, 4))}, "output": {"bias": np.zeros(2)}}}
STATE = {"features.0.weight": np.zeros((2, 1, 3, 3)), "features.0.bias": np.zeros(2)}
NAMES = {"conv_0": "features.0"}


def test_another_architecture_lists_everything(tmp_path):
    models.save_weights(tmp_path / "w", OTHER)
    with pytest.raises(CheckpointError) as caught:
        models.load_weights(tmp_path / "w", PARAMS)
    assert str(caught.value) == (
        f"{tmp_path / 'w'}: weights of another architecture: 1 missing: params/conv_0/bias; 1 unexpected: "
        "params/output/bias; 1 of another shape: params/conv_0/kernel has (3, 3, 1, 4), wanted (3, 3, 1, 2)"
    )


def test_no_such_file(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere: no such file of weights"):
        models.load_weights(tmp_path / "nowhere", PARAMS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip, as PyTorch writes it", b"\x08" + bytes(15)])
def test_no_safetensors(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"w\.pth: cannot be read as safetensors: .*from_torch takes the weights"):
        models.load_weights(tmp_path / "w.pth", PARAMS)


def test_half_a_file(tmp_path):
    models.save_weights(tmp_path / "w", PARAMS)
    whole = (tmp_path / "w").read_bytes()
    (tmp_path / "w").write_bytes(whole[:-8])
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        models.load_weights(tmp_path / "w", PARAMS)


def test_a_folder(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        models.load_weights(tmp_path, PARAMS)
    with pytest.raises(CheckpointError, match="could not be written: Is a directory"):
        models.save_weights(tmp_path, PARAMS)


def test_a_checkpoint_of_a_run_is_called_so(tmp_path):
    from dlx.train import checkpoint

    checkpoint.write(tmp_path / "c", {**PARAMS, "step": np.int32(1)}, step=1, meta={})
    with pytest.raises(CheckpointError, match=r"1 unexpected: step\. This is the checkpoint of a run"):
        models.load_weights(tmp_path / "c", PARAMS)


def test_names_of_pytorch(tmp_path):
    save_file(STATE, tmp_path / "w")
    with pytest.raises(
        CheckpointError, match=r"2 unexpected: features\.0\..*looks like PyTorch's: .*load_named_weights"
    ):
        models.load_weights(tmp_path / "w", PARAMS)


def test_parameters_instead_of_all_variables(tmp_path):
    models.save_weights(tmp_path / "w", PARAMS)
    with pytest.raises(CheckpointError, match=r'2 missing: conv_0/.* Wanted are all variables of the model, {"params"'):
        models.load_weights(tmp_path / "w", PARAMS["params"])


def test_long_lists_are_cut(tmp_path):
    models.save_weights(tmp_path / "w", {"params": {f"a{n:02}": np.zeros(1) for n in range(99)}})
    with pytest.raises(CheckpointError, match=r"99 unexpected: params/a00, .*, params/a09 and 89 more$"):
        models.load_weights(tmp_path / "w", {})


class Sequential:
    """A module of PyTorch, as far as it matters here."""

    def state_dict(self):
        return STATE


CASES = [
    (lambda: models.save_weights("w", {"params": {"a": [1.0]}}), TypeError, "variables: got float at params/a/0"),
    (lambda: models.load_weights("w", PARAMS, skip=("params/head",)), ValueError, "skip: got 'params/head'.*conv_0"),
    (
        lambda: models.from_torch(Sequential(), PARAMS, NAMES),
        TypeError,
        r"^state: got Sequential, wanted its state_dict",
    ),
    (lambda: models.from_torch([1.0], PARAMS, NAMES), TypeError, r"^state: got list, wanted a state_dict\(\)$"),
    (lambda: models.from_torch(STATE, PARAMS["params"], NAMES), ValueError, "Wanted are all variables of the model"),
    (lambda: models.from_torch(STATE, PARAMS, {}), ValueError, "names: 1 layers without a name: conv_0"),
    (lambda: models.from_torch(STATE, PARAMS, {**NAMES, "fc": "x"}), ValueError, "names without a layer: fc"),
    (lambda: models.from_torch(STATE, PARAMS, NAMES, flattened={"fc": (1, 1, 1)}), ValueError, "without a layer: fc"),
    (
        lambda: models.from_torch({"features.0.weight": np.zeros((2, 3, 3, 3)), "head": np.zeros(1)}, PARAMS, NAMES),
        ValueError,
        r"state: .*1 missing: params/conv_0/bias \(features.0.bias\); 1 unexpected: head; 1 of another shape:"
        r" params/conv_0/kernel \(features.0.weight\) has \(3, 3, 3, 2\), wanted \(3, 3, 1, 2\)",
    ),
    (
        lambda: models.from_torch(STATE, {"params": {"conv_0": {"gain": np.zeros(1)}}}, NAMES),
        ValueError,
        "variables: got params/conv_0/gain, which PyTorch has no name for",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message):
        call()
