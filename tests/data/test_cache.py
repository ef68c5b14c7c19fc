"""dlx.data: the memory-mapped cache."""

import os
import stat

import numpy as np
import pytest

from dlx.data.cache import cache_folder, read_cache, write_cache
from dlx.errors import DatasetError

ARRAYS = {
    "train.inputs": np.arange(60, dtype=np.uint8).reshape(3, 4, 5),
    "train.labels": np.array([1, 2, 3], np.int32),
    "empty": np.zeros((0, 2), np.float32),
    "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
}


def test_round_trip(tmp_path):
    path = tmp_path / "made" / "a.dlxdata"
    write_cache(path, ARRAYS, "key")
    got = read_cache(path, "key")
    assert got is not None
    assert list(got) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype
        assert not got[name].size or got[name].ctypes.data % 64 == 0
        assert not got[name].flags.writeable
    assert [file.name for file in path.parent.iterdir()] == ["a.dlxdata"]


def test_is_mapped_not_read(tmp_path):
    path = tmp_path / "a"
    write_cache(path, ARRAYS, "key")
    array = read_cache(path, "key")["train.inputs"]
    base = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_other_key_and_no_file(tmp_path):
    write_cache(tmp_path / "a", ARRAYS, "key")
    assert read_cache(tmp_path / "a", "another") is None
    assert read_cache(tmp_path / "b", "key") is None


def error_of(path):
    try:
        read_cache(path, "key")
    except DatasetError as error:
        return str(error)
    return None


def test_every_flipped_bit_is_found_or_harmless(tmp_path):
    path = tmp_path / "a"
    write_cache(path, ARRAYS, "key")
    content, found = path.read_bytes(), 0
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        message = error_of(path)
        if message is None:  # padding between arrays
            for name, array in ARRAYS.items():
                np.testing.assert_array_equal(read_cache(path, "key")[name], array)
        else:
            assert str(path) in message
            found += 1
    assert found >= len(content) - 3 * 64


@pytest.mark.parametrize("cut", [7, 100])
def test_every_truncation_is_found(tmp_path, cut):
    path = tmp_path / "a"
    write_cache(path, ARRAYS, "key")
    content = path.read_bytes()
    for length in range(0, len(content), cut):
        path.write_bytes(content[:length])
        with pytest.raises(DatasetError, match="damaged"):
            read_cache(path, "key")


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_cache(path, {"x": np.arange(3)}, "old")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_cache(path, ARRAYS, "new")
    np.testing.assert_array_equal(read_cache(path, "old")["x"], [0, 1, 2])
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_others_may_read_it(tmp_path):
    write_cache(tmp_path / "a", ARRAYS, "key")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


def test_folder(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("DLX_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "dlx"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert cache_folder() == tmp_path / "home" / ".cache" / "dlx"
