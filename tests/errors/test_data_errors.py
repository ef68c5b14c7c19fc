"""Data faults, each as a user meets it: the message names the thing, what came, and what to do."""

import os
import socket
import time

import numpy as np
import pytest

import dlx.data
from dlx.data.loading import load_from
from dlx.errors import DatasetError, UsageError
from tests.data import tiny


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine with no data, no cache and no network."""
    monkeypatch.setenv("DLX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "TFDS_DATA_DIR",
        "DLX_DATA_DIR",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)

    def fail(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


def message_of(call, kind=DatasetError):
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def tiny_message(monkeypatch, root):
    monkeypatch.setenv("DLX_DATA_DIR", str(root))
    entries = {"tiny": tiny.entry("http://nowhere.invalid"), "other": tiny.entry("http://nowhere.invalid", seed=1)}
    entries["other"] = entries["other"]._replace(card=entries["other"].card._replace(name="other"))
    return message_of(lambda: load_from(entries, "tiny"))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "california_housing", "airfoil"])
def test_no_network_and_no_folder(name, tmp_path):
    start = time.monotonic()
    message = message_of(lambda: dlx.data.load(name))
    assert time.monotonic() - start < 2
    instead = "digits" if dlx.data.card(name).tier == 2 else "diabetes"
    words = [
        f"Data set '{name}'",
        f"cache: {tmp_path / 'cache' / name}.dlxdata: not there",
        "DLX_DATA_DIR is not set",
        "its name does not resolve",
        "https://" if name not in ("airfoil",) else "http://d2l-data",
        "To bring it in:",
        f"--dataset {instead} is embedded",
    ]
    if dlx.data.card(name).tier == 2:
        words += ["TFDS_DATA_DIR is not set", f"{tmp_path / 'home' / 'tensorflow_datasets'}: no such folder"]
    for word in words:
        assert word in message
    assert dlx.data.load(instead).train["inputs"].size


def test_folders_that_lack_it(monkeypatch, tmp_path):
    (tmp_path / "tfds" / "imagenet").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    message = message_of(lambda: dlx.data.load("mnist"))
    assert (
        f"TFDS_DATA_DIR: {tmp_path / 'tfds'}: no mnist/VERSION/dataset_info.json there (it holds imagenet)" in message
    )
    assert f"{tmp_path / 'data'}: no train-images-idx3-ubyte" in message


def test_folders_that_do_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "a"))
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "b"))
    message = message_of(lambda: dlx.data.load("cifar10"))
    assert f"{tmp_path / 'a'}: no such folder" in message
    assert f"{tmp_path / 'b'}: cannot be read: No such file or directory" in message


def test_folders_that_may_not_be_read(monkeypatch, tmp_path):
    for name, variable in (("tfds", "TFDS_DATA_DIR"), ("data", "DLX_DATA_DIR")):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0)
        monkeypatch.setenv(variable, str(tmp_path / name))
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # nobody: to root every folder can be read
    try:
        message = message_of(lambda: dlx.data.load("mnist"))
    finally:
        if root:
            os.seteuid(0)
    for name in ("tfds", "data"):
        (tmp_path / name).chmod(0o700)
        assert f"{tmp_path / name}: cannot be read: Permission denied" in message


def test_damaged_file(monkeypatch, tmp_path):
    for name, content in tiny.contents().items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    message = tiny_message(monkeypatch, tmp_path)
    assert f"{path}: damaged" in message
    assert f"sha256 {tiny.sha256(content)}, expected {tiny.sha256(tiny.contents()[path.name])}" in message


@pytest.mark.parametrize("keep", [5, 20, -1])
def test_truncated_gzip(monkeypatch, tmp_path, keep):
    for name, content in tiny.contents().items():
        (tmp_path / f"{name}.gz").write_bytes(tiny.zipped(content))
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    content = path.read_bytes()[:keep]
    path.write_bytes(content)
    assert f"{path}: truncated: the gzip stream ends at byte {len(content)}" in tiny_message(monkeypatch, tmp_path)


def test_gzip_that_is_none(monkeypatch, tmp_path):
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"<html>not found</html>")
    assert "damaged gzip member that starts at byte 0" in tiny_message(monkeypatch, tmp_path)


def test_files_of_another_data_set(monkeypatch, tmp_path):
    for name, content in tiny.contents(seed=1).items():
        (tmp_path / name).write_bytes(content)
    message = tiny_message(monkeypatch, tmp_path)
    assert f"{tmp_path / 'train-images-idx3-ubyte'}: belongs to other" in message
    assert "damaged" not in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "truncated at byte 0: an idx file starts with 4 bytes"),
        (b"\x00\x00\x08", "truncated at byte 3"),
        (b"\x89PNG rest", "byte offset 0: magic number 0x89504e47"),
        (b"\x00\x00\x07\x01\x00\x00\x00\x00", "byte offset 0: magic number 0x00000701"),
        (b"\x00\x00\x08\x03\x00\x00", "truncated at byte 6: the header of 3 axes takes 16 bytes"),
        (tiny.idx(np.zeros((2, 3), np.uint8))[:-1], r"truncated at byte 17: the header promises shape \(2, 3\)"),
        (tiny.idx(np.zeros((2, 3), np.uint8)) + b"x", r"too long at byte 18: the header promises shape \(2, 3\)"),
    ],
)
def test_idx_that_is_wrong(tmp_path, content, words):
    path = tmp_path / "labels.idx"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=words) as caught:
        dlx.data.read_idx(path)
    assert str(path) in str(caught.value)


def test_idx_that_is_not_there(tmp_path):
    assert (
        message_of(lambda: dlx.data.read_idx(tmp_path / "x"))
        == f"{tmp_path / 'x'}: cannot be read: No such file or directory"
    )


def data(inputs=((0.0, 1.0), (2.0, 3.0), (4.0, 5.0)), labels=(0, 1, 2)):
    return {"inputs": np.array(inputs), "labels": np.array(labels)}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (data(labels=(0, 3, 7)), "mine: example 1 has label 3, outside 0..2 (2 such label(s))"),
        (data(labels=(0, 1, -1)), "mine: example 2 has label -1, outside 0..2"),
        (data(labels=(0.0, 1.0, 2.0)), "mine: labels of 3 classes must be integers, not float64"),
        (
            data(inputs=((0, 1), (2, np.nan), (np.nan, 5))),
            "example 1 has input nan (entry 1 of the example; 2 such value(s))",
        ),
        (data(inputs=((0, 1), (2, 3), (np.inf, 5))), "mine: example 2 has input inf (entry 0 of the example"),
        (data(labels=(0, 1)), "mine: 3 inputs, but 2 labels"),
        (data(inputs=np.zeros((0, 2)), labels=np.zeros(0, int)), "mine: no examples: inputs have shape (0, 2)"),
        ({"inputs": np.zeros(3)}, "mine: no 'labels'; it has 'inputs'"),
    ],
)
def test_wrong_values(arrays, words):
    assert words in message_of(lambda: dlx.data.check(arrays, classes=3, where="mine"))


def test_wrong_targets_of_a_regression():
    words = "data: example 1 has label nan"
    assert words in message_of(lambda: dlx.data.check(data(labels=(0, np.nan, 1))))
    dlx.data.check(data(labels=(-5.0, 1e9, 0)))


def test_published_files_with_a_label_out_of_range(monkeypatch, tmp_path):
    """Checksums fit, yet the card says otherwise: the arrays are refused before anything is cached."""
    entry = tiny.entry("http://nowhere.invalid")
    entry = entry._replace(card=entry.card._replace(classes=("a", "b")))
    for name, content in tiny.contents().items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    labels = tiny.arrays()["train"][1]
    message = message_of(lambda: load_from({"tiny": entry}, "tiny"))
    assert f"tiny train: example {int(np.argmax(labels == 2))} has label 2, outside 0..1" in message
    assert not (tmp_path / "cache" / "tiny.dlxdata").exists()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mnits", "did you mean mnist"),
        ("Fashion-MNIST", "did you mean fashion_mnist"),
        ("cifar", "did you mean cifar10"),
    ],
)
@pytest.mark.parametrize("function", [dlx.data.load, dlx.data.card])
def test_unknown_name(name, near, function):
    message = message_of(lambda: function(name), UsageError)
    assert f"Unknown data set {name!r}" in message
    assert near in message
    assert all(known in message for known in dlx.data.names())


def test_a_name_like_no_other():
    message = message_of(lambda: dlx.data.load("xyzzy"), UsageError)
    assert "did you mean" not in message
    assert UsageError.exit_code == 2
    assert DatasetError.exit_code == 1


def test_embedded_data_without_scikit_learn(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install scikit-learn" in message_of(lambda: dlx.data.load("digits"))
