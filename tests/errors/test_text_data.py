"""Texts that are nowhere: the message says what was tried, and what needs no file."""

import socket
import sys
import time

import pytest

import dlx.data
from dlx.data.texts import text_catalogue
from dlx.errors import DatasetError, UsageError


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine with no data, no cache and no network."""
    monkeypatch.setenv("DLX_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("DLX_DATA_DIR", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def fail(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


@pytest.mark.parametrize("name", [name for name, one in text_catalogue().items() if one.archives])
def test_nowhere(name):
    start = time.monotonic()
    with pytest.raises(DatasetError) as caught:
        dlx.data.load_text(name)
    assert time.monotonic() - start < 2
    message, one = str(caught.value), text_catalogue()[name]
    words = [f"Text '{name}' was not found. Tried:", "DLX_DATA_DIR is not set", *(a.name for a in one.archives)]
    words += ["its name does not resolve", "To bring it in:", "name the folder in DLX_DATA_DIR", one.card.source]
    words.append("copy, reverse, sort and addition are embedded" if name == "fra_eng" else "python_docs is embedded")
    for word in words:
        assert word in message, message


def test_a_damaged_file(monkeypatch, tmp_path):
    path = tmp_path / "ptb.train.txt"
    path.write_bytes(b"not ptb")
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetError) as caught:
        dlx.data.load_text("ptb")
    assert f"{path}: damaged or another file of that name" in str(caught.value)
    assert "no ptb.train.txt, ptb.valid.txt, ptb.test.txt" in str(caught.value)


def test_a_python_without_topics(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DatasetError, match="without its documentation topics"):
        dlx.data.load_text("python_docs")


@pytest.mark.parametrize(
    ("name", "words"), [("PTB", "did you mean ptb"), ("zzz", r"'zzz'\. The texts are: python_docs")]
)
def test_unknown_names(name, words):
    with pytest.raises(UsageError, match=words):
        dlx.data.load_text(name)
