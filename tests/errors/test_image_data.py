"""Sets of images that are nowhere: the message says what was tried, and what needs no file."""

import importlib.util
import socket
import time

import pytest

import dlx.data
from dlx.data.images import image_catalogue
from dlx.errors import DatasetError


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine with no data, no cache, no network and no scikit-image."""
    monkeypatch.setenv("DLX_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("DLX_DATA_DIR", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def fail(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "skimage" else find(name))


@pytest.mark.parametrize("name", ["camera", "graffiti", "rubber_whale", "chessboard", "chessboard_corners"])
def test_nowhere(name):
    start = time.monotonic()
    with pytest.raises(DatasetError) as caught:
        dlx.data.load_images(name)
    assert time.monotonic() - start < 2
    message = str(caught.value)
    one = image_catalogue()[name]
    words = [f"Set of images '{name}' was not found", "DLX_DATA_DIR is not set", *(a.name for a in one.archives)]
    words += ["china and flower are embedded", "To bring it in:"]
    if name == "camera":
        words += ["scikit-image, which carries it, is not installed", "pip install scikit-image"]
    if name == "chessboard_corners":
        words.append("corners.npz has no public address")
    else:
        words.append("its name does not resolve")
    for word in words:
        assert word in message, message
    assert dlx.data.load_images("china").arrays["china"].any()


def test_a_damaged_file(monkeypatch, tmp_path):
    path = tmp_path / "box.png"
    path.write_bytes(b"not box")
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetError, match=f"{path}: damaged or another file of that name"):
        dlx.data.load_images("box")
