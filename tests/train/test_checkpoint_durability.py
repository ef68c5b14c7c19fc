"""Checkpoints outlive a loss of power: what is renamed is on the disk, and the renaming too."""

import os
import stat
from types import SimpleNamespace

import numpy as np
import pytest

from dlx.train.checkpoint import file, write


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder cannot be opened")
def test_the_file_is_synced_before_its_renaming_and_the_folder_after_it(tmp_path, monkeypatch):
    target, synced, fsync = tmp_path / "a", [], os.fsync

    def noted(handle):
        synced.append(("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file", target.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    write(target, {"a": np.ones(3)}, step=1, meta={})
    assert synced == [("file", False), ("folder", True)]


def test_a_folder_is_opened_where_it_can_be_only(tmp_path, monkeypatch):
    opened = []

    def system(name):
        return SimpleNamespace(
            name=name, O_RDONLY=0, open=lambda folder, how: opened.append((name, folder)), fsync=id, close=id
        )

    for name in ("nt", "posix"):
        monkeypatch.setattr(file, "os", system(name))
        file._sync_folder(tmp_path)
    assert opened == [("posix", tmp_path)]
