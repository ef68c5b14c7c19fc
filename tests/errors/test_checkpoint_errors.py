"""Checkpoints under faults: each case as a user meets it, with the message that is read."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx.errors import CheckpointError, RunFolderError
from dlx.run.lock import RunLock
from dlx.train.checkpoint import Checkpoints, find_checkpoints, read, restore, verify, write

STATE = {"params": {"kernel": jnp.ones((3, 4)), "bias": jnp.zeros(4)}, "key": jax.random.key(0), "step": jnp.int32(1)}


def changed(**leaves):
    return {**STATE, "params": {**STATE["params"], **leaves}}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (changed(kernel=jnp.ones((3, 5))), ["params/kernel", "float32 (3, 4)", "float32 (3, 5)"]),
        (changed(kernel=jnp.ones((3, 4), jnp.bfloat16)), ["params/kernel", "float32 (3, 4)", "bfloat16 (3, 4)"]),
        (changed(scale=jnp.ones(4)), ["params/scale", "the checkpoint has no such leaf", "float32 (4,)"]),
        ({"params": STATE["params"], "key": STATE["key"]}, ["step", "int32 ()", "the state no such leaf"]),
        ({**STATE, "key": jax.random.key(0, impl="rbg")}, ["key", "key<fry> ()", "key<rbg> ()"]),
        ({**STATE, "key": jax.random.key_data(STATE["key"])}, ["key", "key<fry> ()", "uint32 (2,)"]),
        ({**STATE, "key": jax.random.split(STATE["key"], 2)}, ["key", "key<fry> ()", "key<fry> (2,)"]),
        ({**STATE, "step": 1}, ["step", "int32 ()", "int64 ()"]),
    ],
)
def test_a_leaf_that_does_not_fit_is_named_and_never_a_reason_to_fall_back(tmp_path, template, words):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, template, meta={})  # an older file that would fit
        checkpoints.save(2, STATE, meta={})
        with pytest.raises(CheckpointError, match=r"step_00000002\.safetensors does not fit the state") as caught:
            checkpoints.restore(template)
        assert not [word for word in words if word not in str(caught.value)], caught.value
        assert len(str(caught.value).splitlines()) == 2
        assert checkpoints.restore(template, step=1).step == 1


def test_many_leaves_that_do_not_fit_give_a_short_message(tmp_path):
    write(tmp_path / "a", [1.0] * 100, step=1, meta={})
    with pytest.raises(CheckpointError, match=r"\.\.\. and 92 more$") as caught:
        read(tmp_path / "a", [1] * 100)
    assert len(str(caught.value).splitlines()) == 10


def test_all_files_damaged_is_an_error_that_lists_them(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, STATE, meta={})
    for path in find_checkpoints(tmp_path).values():
        path.write_bytes(b"x" * 100)
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* can be read") as caught:
        restore(tmp_path, STATE)
    lines = str(caught.value).splitlines()
    assert ["step_00000002" in lines[1], "step_00000001" in lines[2], len(lines)] == [True, True, 4]
    assert "--name" in lines[3]


def test_a_missing_step_names_those_that_are_there(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, STATE, meta={})
        with pytest.raises(CheckpointError, match=r"no checkpoint of step 4; it has \[3\]"):
            checkpoints.restore(STATE, step=4)


def test_a_renamed_file_is_not_taken_for_another_step(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, STATE, meta={}, wait=True)
        (tmp_path / "step_00000003.safetensors").rename(tmp_path / "step_00000009.safetensors")
        with pytest.raises(CheckpointError, match="renamed: it holds step 3"):
            checkpoints.restore(STATE)


def test_a_newer_format_is_no_reason_to_fall_back(tmp_path, monkeypatch):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, STATE, meta={}, wait=True)
        monkeypatch.setattr("dlx.train.checkpoint.file.FORMAT", 2)
        checkpoints.save(2, STATE, meta={}, wait=True)
        monkeypatch.setattr("dlx.train.checkpoint.file.FORMAT", 1)
        with pytest.raises(CheckpointError, match=r"step_00000002.* in format 2; .* reads formats up to 1: update dlx"):
            checkpoints.restore(STATE)


def test_another_jax_loads_and_its_version_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr("dlx.train.checkpoint.file.versions", lambda: {"dlx": "0.0.1", "jax": "9.9", "numpy": "9"})
    write(tmp_path / "a", STATE, step=1, meta={})
    monkeypatch.undo()
    assert verify(tmp_path / "a")["versions"]["jax"] == "9.9"
    assert read(tmp_path / "a", STATE).step == 1


def test_a_foreign_safetensors_file_is_not_taken_for_a_checkpoint(tmp_path):
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    (tmp_path / "step_00000001.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    with pytest.raises(CheckpointError, match="not of a dlx checkpoint"):
        restore(tmp_path, STATE)


@pytest.mark.parametrize(
    ("state", "meta", "error", "words"),
    [
        ({"a": {"name": "text"}}, {}, TypeError, "leaf a/name has dtype <U4"),
        ({"a": object()}, {}, TypeError, "leaf a has dtype object"),
        ({"a/b": 1, "a": {"b": 2}}, {}, ValueError, "the name 'a/b' of a leaf is taken"),
        ({"__metadata__": 1}, {}, ValueError, "'__metadata__'"),
        ({"a": np.zeros(2, ">f4")}, {}, TypeError, "native byte order"),
        ({"a": 1}, {"path": object()}, TypeError, "meta: wanted what JSON can hold"),
        ({"a": 1}, [], TypeError, "meta: wanted a dictionary, not list"),
    ],
)
def test_what_cannot_be_saved_is_refused_in_the_calling_thread(tmp_path, state, meta, error, words):
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(error, match=words):
            checkpoints.save(1, state, meta=meta)
        assert checkpoints.steps() == []


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_is_told_once_and_leaves_the_last_good_file(tmp_path, monkeypatch, failing):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, STATE, meta={}, wait=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        checkpoints.save(2, STATE, meta={})  # in the thread: nothing is known yet
        with pytest.raises(CheckpointError, match=r"step 2 could not .*No space left on device; older .* intact"):
            checkpoints.save(3, STATE, meta={})
        checkpoints.save(3, STATE, meta={})
        with pytest.raises(CheckpointError, match="step 3"):
            checkpoints.close()
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000001.safetensors"]
    assert verify(tmp_path / "step_00000001.safetensors")["step"] == 1


def test_a_really_full_disk(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(mount, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a small file system")
    try:
        state = {"a": np.random.default_rng(0).normal(size=50_000)}  # 400 kB: two fit, three do not
        checkpoints = Checkpoints(tmp_path, keep=3)
        checkpoints.save(1, state, meta={})
        checkpoints.save(2, state, meta={}, wait=True)
        with pytest.raises(CheckpointError, match="No space left on device"):
            checkpoints.save(3, state, meta={}, wait=True)
        checkpoints.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == [f"step_0000000{i}.safetensors" for i in (1, 2)]
        np.testing.assert_array_equal(restore(tmp_path, state).state["a"], state["a"])
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True, timeout=10)


def test_a_failed_save_does_not_hide_the_error_under_way(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fails_in_a_step():
        with Checkpoints(tmp_path) as checkpoints:
            checkpoints.save(1, STATE, meta={})
            raise ZeroDivisionError

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="No space left"), pytest.raises(ZeroDivisionError):
        fails_in_a_step()


def test_a_folder_that_cannot_be_written_to_is_told_before_the_first_step(tmp_path, monkeypatch):
    taken = tmp_path / "run"
    taken.write_text("")
    for folder in (taken, taken / "checkpoints"):
        with pytest.raises(CheckpointError, match=rf"cannot be written to {folder}: {taken} is a file"):
            Checkpoints(folder)

    def read_only(*_args, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(CheckpointError, match="Read-only file system"):
        Checkpoints(tmp_path / "other")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permission bits do not stop root")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CheckpointError, match="Permission denied"):
        Checkpoints(tmp_path)


def test_a_file_left_by_a_killed_first_save_is_removed_and_told(tmp_path):
    (tmp_path / ".step_00000001.safetensors.tmp").write_bytes(b"half")
    with pytest.warns(UserWarning, match=r"removed .*a checkpoint that was left unfinished"):
        checkpoints = Checkpoints(tmp_path)
    assert checkpoints.restore(STATE) is None
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, STATE, meta={}, wait=True)
        (tmp_path / "step_00000002.safetensors").mkdir()
        with pytest.warns(UserWarning, match="cannot be read: Is a directory"):
            assert checkpoints.restore(STATE).step == 1


SAVING = """
import os, sys, numpy as np
from pathlib import Path
from dlx.train.checkpoint import Checkpoints
import warnings; warnings.simplefilter("ignore")
checkpoints = Checkpoints(Path(sys.argv[1]), keep=2)
last = checkpoints.restore({"a": np.zeros(150_000, int)})
step = last.step if last else 0
print(os.getpid(), flush=True)
while True:
    step += 1
    checkpoints.save(step, {"a": np.full(150_000, step)}, meta={"step": step})
"""


# Imports once, then forks a saving process for each line that it reads.
STARTER = """
import os, sys, jax, dlx.train.checkpoint
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        exec(compile(sys.argv[2], "saving", "exec"), {"__name__": "saving"})
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


def test_kill_at_random_times_while_saving(tmp_path):
    before = 0
    template = {"a": np.zeros(150_000, int)}
    rng = np.random.default_rng(int(time.time()))
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STARTER, str(tmp_path), SAVING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            for _ in range(10):
                process.stdin.write("go\n")
                saving = int(process.stdout.readline())
                time.sleep(rng.uniform(0.0, 0.12))
                os.kill(saving, signal.SIGKILL)
                assert process.stdout.readline() == "ended\n"
                for path in find_checkpoints(tmp_path).values():
                    verify(path)
                if restored := restore(tmp_path, template):
                    assert restored.step >= before
                    assert restored.meta == {"step": restored.step}
                    assert (restored.state["a"] == restored.step).all()
                    before = restored.step
            process.stdin.close()
            assert process.wait(20) == 0
        finally:
            process.kill()  # the saving process is dead by then, unless it never came up
    assert before > 0


HOLDING = """
import sys, time
from pathlib import Path
from dlx.run.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_on_the_same_run_reads_who_holds_it(tmp_path):
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=env
    ) as other:
        assert other.stdout.readline() == "held\n"
        try:
            with pytest.raises(RunFolderError, match=rf"{tmp_path} is in use by process {other.pid} on .*--name"):
                RunLock(tmp_path)
        finally:
            other.kill()
            other.wait(10)
    assert f"process {other.pid}" in (tmp_path / "lock").read_text()  # left by the killed process, in nobody's way
    with RunLock(tmp_path) as lock:
        with pytest.raises(RunFolderError, match=f"process {os.getpid()}"):
            RunLock(tmp_path)
        lock.close()
        RunLock(tmp_path).close()


def test_a_lock_that_cannot_be_made(tmp_path):
    with pytest.raises(RunFolderError, match="cannot be locked: No such file"):
        RunLock(tmp_path / "missing")
