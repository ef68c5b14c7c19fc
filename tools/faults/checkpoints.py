"""Faults around saving and resuming."""

import os
import re
import shutil

from tools.faults.case import case
from tools.faults.stage import SHORT, Process, Seen, Stage, must

# what one kill after the other meets; a save is under way at three of the four points
_POINTS = ("log", "half", "whole", "saved")


def begin(stage: Stage) -> None:
    """The first part of a run: it ends when the checkpoint of step 8 is on the disk."""
    seen = go_on(stage, fault="kill:8:saved").end()
    must(stage.checkpoints("a")[-1].name == "step_00000008.safetensors", "did not come to step 8", seen)


def go_on(stage: Stage, *more: str, name: str = "a", fault: str = "") -> Process:
    """The command that starts a run of 12 steps and goes on with it."""
    return stage.start(*SHORT, *more, "--name", name, "--resume", fault=fault)


@case(11, "kill -9 at each step, also in the midst of a save")
def killed_at_each_step(stage: Stage) -> Seen:
    """12 kills at the steps 1 to 12 (after the log's line; with half a checkpoint; before, after it gets its name)."""
    seen = None
    for step in range(1, 13):
        seen = go_on(stage, fault=f"kill:{step}:{_POINTS[step % 4]}").end().clean()
        must(seen.code == -9, f"was not killed at step {step}", seen)
    last = go_on(stage).end()
    stage.same_as(stage.uninterrupted(), last, "a")
    assert seen is not None
    return seen


@case(12, "kill -9 in the first save")
def killed_in_first_save(stage: Stage) -> Seen:
    """Killed when half of the first checkpoint is on the disk; the same command again."""
    killed = go_on(stage, fault="kill:1:half").end().clean()
    must(killed.code == -9 and not stage.checkpoints("a"), "was not killed in its first save", killed)
    seen = go_on(stage).end()
    stage.same_as(stage.uninterrupted(), seen, "a")
    return seen.ended(0, "holds no checkpoint yet", "step 0", "left unfinished")


@case(13, "two kills in a row")
def killed_twice(stage: Stage) -> Seen:
    """Killed in the save of step 5, again at once after the start, with a line of the log cut short."""
    go_on(stage, fault="kill:5:whole").end()
    with (stage.path("a") / "metrics.jsonl").open("a") as log:
        log.write('{"step": 6, "epoch": 0.5')
    go_on(stage, fault="kill:5:log").end()
    seen = go_on(stage).end()
    stage.same_as(stage.uninterrupted(), seen, "a")
    return seen.ended(0, "Going on after step 4")


@case(14, "newest checkpoint truncated")
def truncated(stage: Stage) -> Seen:
    """The newest checkpoint cut in half before `--resume`."""
    begin(stage)
    newest = stage.checkpoints("a")[-1]
    os.truncate(newest, newest.stat().st_size // 2)
    seen = go_on(stage).end()
    stage.same_as(stage.uninterrupted(), seen, "a")
    must(seen.message.count("warning") == 1, "not one warning", seen)
    return seen.ended(0, newest.name, "cut short", "step 7")


@case(15, "one bit flipped in the newest checkpoint")
def flipped(stage: Stage) -> Seen:
    """One bit of a parameter flipped before `--resume`."""
    begin(stage)
    newest = stage.checkpoints("a")[-1]
    flip(newest)
    seen = go_on(stage).end()
    stage.same_as(stage.uninterrupted(), seen, "a")
    must(seen.message.count("warning") == 1, "not one warning", seen)
    return seen.ended(0, newest.name, "checksum", "step 7")


@case(16, "every checkpoint damaged")
def all_damaged(stage: Stage) -> Seen:
    """One bit flipped in each checkpoint before `--resume`."""
    begin(stage)
    for file in stage.checkpoints("a"):
        flip(file)
    log = stage.log("a")
    names = [file.name for file in stage.checkpoints("a")]
    seen = go_on(stage).end().ended(1, *names, "checksum")
    must(stage.log("a") == log, "the log of the run was touched", seen)
    must([file.name for file in stage.checkpoints("a")] == names, "checkpoints were touched", seen)
    return seen


def flip(file: object) -> None:
    """Flips the lowest bit of a byte in the middle."""
    with open(file, "r+b") as opened:  # type: ignore[call-overload]
        opened.seek(os.path.getsize(file) // 2)  # type: ignore[arg-type]
        byte = opened.read(1)[0]
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte ^ 1]))


@case(17, "checkpoint with other leaves")
def other_leaves(stage: Stage) -> Seen:
    """`--resume --force-config --hidden 64 16` of a run with `--hidden 32`; then as it was."""
    begin(stage)
    log = stage.log("a")
    seen = go_on(stage, "--hidden", "64", "16", "--force-config").end()
    must(stage.log("a") == log, "the log of the run was touched", seen)
    stage.same_as(stage.uninterrupted(), go_on(stage).end(), "a")
    return seen.ended(1, "does not fit", "float32 (1, 64, 32)", "float32 (1, 64, 64)", "no such leaf")


@case(18, "disk full in the midst of a save")
def disk_full(stage: Stage) -> Seen:
    """From step 9 on a checkpoint finds no space left; then the same command with space."""
    must(os.path.exists("/dev/full"), "this system has no /dev/full")
    begin(stage)
    before = stage.checkpoints("a")
    seen = go_on(stage, fault="full:9").end()
    seen.ended(1, "step 9", "No space left on device", "--resume")
    must(stage.checkpoints("a") == before, "the last good checkpoint is gone", seen)
    stage.same_as(stage.uninterrupted(), go_on(stage).end(), "a")
    return seen


@case(19, "folder that cannot be written")
def unwritable(stage: Stage) -> Seen:
    """`--output-dir` below a file; in a folder without permission to write; `checkpoints` is a file."""
    (stage.folder / "file").write_text("")
    below = stage.run(*SHORT, "--output-dir", "file/runs").ended(1, "file/runs", "--output-dir")
    locked = stage.folder / "locked"
    locked.mkdir(mode=0o555)
    # permission bits do not bind root; the kernel's own folder does
    place = "/sys" if os.access(locked, os.W_OK) else "locked"
    denied = stage.run(*SHORT, "--output-dir", place).ended(1, place, "--output-dir")
    stage.path("a").mkdir(parents=True)
    (stage.path("a") / "checkpoints").write_text("")
    file = stage.run(*SHORT, "--name", "a", "--resume").ended(1, "runs/mlp/a/checkpoints is a file")
    for seen in (below, denied, file):
        must("step " not in seen.out, "found out only after the first step", seen)
    return Seen(1, "", f"{below.message}\n{denied.message}\n{file.message}", denied.seconds)


@case(20, "second process in the same folder")
def two_owners(stage: Stage) -> Seen:
    """The same `--name --resume` while the first process is still training."""
    first = stage.start(*SHORT, "--name", "a", fault="pace:2").wait_for("step  1/")
    stage.run(*SHORT, "--name", "a").ended(1, "exists", "--resume")
    seen = stage.run(*SHORT, "--name", "a", "--resume")
    must(first.popen.poll() is None, "the first process has ended", seen)
    return seen.ended(1, "in use", f"process {first.pid}")


@case(21, "checkpoint of another number of devices")
def other_devices(stage: Stage) -> Seen:
    """4 steps on 8 devices, resumed on 1 up to step 8, resumed on 2 up to step 12."""
    whole = stage.uninterrupted()
    words = list(SHORT)
    seen = None
    for steps, devices in ((4, 8), (8, 1), (12, 2)):
        words[words.index("--steps") + 1] = str(steps)
        seen = stage.run(*words, "--devices", str(devices), "--name", "a", "--resume")
        seen.ended(0)
    assert seen is not None
    losses = [line["train_loss"][0] for line in stage.log("a")]
    expected = [line["train_loss"][0] for line in whole["log"]]
    must(len(losses) == 12, f"the log has {len(losses)} steps", seen)
    furthest = max(abs(a - b) / b for a, b in zip(losses, expected, strict=True))
    must(furthest < 1e-6, f"the losses differ by {furthest:.1e} of their value", seen)
    return seen.ended(0, "Going on after step 8")


_NEWER = """
import sys
from pathlib import Path
from dlx.train.checkpoint import file
manifest, leaves = file.read_arrays(Path(sys.argv[1]))
if sys.argv[2] == "format":
    file.FORMAT += 1
    file.versions = lambda: {"dlx": "9.9.0", "jax": "0.99.0", "numpy": "9.0"}
else:
    file.versions = lambda: {"dlx": "0.0.9", "jax": "0.99.0", "numpy": "9.0"}
file.write_leaves(Path(sys.argv[1]), leaves, step=manifest["step"], meta="{}")
"""


@case(22, "checkpoint of another jax, or of a newer dlx")
def other_versions(stage: Stage) -> Seen:
    """A checkpoint that says it was written with jax 0.99; one of a format that is not known yet."""
    begin(stage)
    shutil.copytree(stage.path("a"), stage.path("b"))
    for name, kind in (("a", "jax"), ("b", "format")):
        stage.python("-c", _NEWER, str(stage.checkpoints(name)[-1]), kind).end().ended(0)
    stage.same_as(stage.uninterrupted(), go_on(stage).end(), "a")
    return go_on(stage, name="b").end().ended(1, "dlx 9.9.0", "update dlx")


@case(35, "another machine between save and resume")
def other_machine(stage: Stage) -> Seen:
    """Resumed where /proc/cpuinfo names another processor: compiled programs come from another cache folder."""
    begin(stage)
    cache = stage.folder / "cache"
    seen = stage.start(*SHORT, "--name", "a", "--resume", fault="cpu:Other", DLX_CACHE_DIR=str(cache)).end()
    stage.same_as(stage.uninterrupted(), seen, "a")
    folders = {kind.name for place in (cache, stage.shared / "cache") for kind in place.glob("xla-*")}
    must(len(folders) == 2, f"the processors share compiled programs: {folders}", seen)
    must(all(re.fullmatch(r"xla-[\d.]+-[0-9a-f]{12}", name) for name in folders), f"{folders}", seen)
    return seen.ended(0, "Going on after step 8")
