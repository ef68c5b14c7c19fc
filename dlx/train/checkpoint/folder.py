"""A folder of checkpoints: saved by a thread, the newest few and the best kept, damaged ones passed over."""

import contextlib
import os
import re
import tempfile
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from dlx.errors import CheckpointError
from dlx.train.checkpoint.file import (
    DamagedCheckpointError,
    Restored,
    encode_meta,
    read,
    read_manifest,
    write_leaves,
)
from dlx.train.checkpoint.leaves import Leaf, leaves_on_host

__all__ = ["Best", "Checkpoints", "checkpoint_path", "find_checkpoints", "restore"]


class Best(NamedTuple):
    """The checkpoint with the highest score."""

    step: int
    score: float
    path: Path


def checkpoint_path(folder: Path, step: int) -> Path:
    """The file of a step: `step_00001234.safetensors`."""
    return folder / f"step_{step:08d}.safetensors"


def find_checkpoints(folder: Path) -> dict[int, Path]:
    """{step: file} of a folder, the newest step first; without a folder, none."""
    if not folder.is_dir():
        return {}
    named = [(re.fullmatch(r"step_(\d{8,})\.safetensors", path.name), path) for path in folder.iterdir()]
    return dict(sorted(((int(match[1]), path) for match, path in named if match), reverse=True))


def restore(folder: Path, template: Any, *, step: int | None = None) -> Restored | None:
    """The newest checkpoint of a folder that can be read, or that of `step`. Writes nothing.

    A damaged or unreadable file is passed over with a warning that names it and says why. One that is whole but does
    not fit `template`, or is of a newer dlx, is an error and never a reason to go back to an older one.

    Args:
      folder: that holds the files.
      template: a state, or its shapes (`jax.eval_shape`).
      step: if given, only this one will do.
    Returns: None if the folder holds no checkpoint.
    Raises: CheckpointError if no file can be read although there are some, or if `step` is not there.
    """
    files = find_checkpoints(folder)
    if step is not None:
        if step not in files:
            raise CheckpointError(f"{folder} has no checkpoint of step {step}; it has {sorted(files) or 'none'}")
        files = {step: files[step]}
    failures: list[str] = []
    for file_step, path in files.items():
        try:
            restored = read(path, template)
            if restored.step != file_step:
                raise DamagedCheckpointError(f"{path}: renamed: it holds step {restored.step}")
        except DamagedCheckpointError as error:
            failures.append(str(error))
            continue
        for failure in failures:
            warnings.warn(f"checkpoint passed over: {failure}; going on from step {file_step}", stacklevel=2)
        return restored
    if failures:
        wrong = "\n  ".join([f"no checkpoint in {folder} can be read:", *failures])
        raise CheckpointError(
            f"{wrong}\nNothing was changed. Put a good copy back, or start anew under another --name."
        )
    return None


class Checkpoints:
    """The checkpoints of one run. One owner at a time: hold the run's lock.

    A save copies the state in the calling thread and leaves the rest to a thread of its own. One save is under way at a
    time: the next waits for it, none is dropped. What went wrong in the thread is raised by the next call of a method.
    The copy's memory, as much as the state takes, is kept for the next save.

    Args:
      folder: made if it is not there.
      keep: so many of the newest are kept.
      keep_best: the one with the highest score is kept besides.
      writer_thread: False to write in the calling thread.
    Raises: CheckpointError if the folder cannot be made or written to, so that a run learns it before its first step.
    """

    def __init__(self, folder: Path, *, keep: int = 3, keep_best: bool = False, writer_thread: bool = True) -> None:
        if keep < 1:
            raise ValueError(f"keep: wanted at least 1, not {keep}")
        self.folder, self.keep, self.keep_best = Path(folder), keep, keep_best
        _make_writable(self.folder)
        for stale in self.folder.glob(".step_*.tmp"):
            warnings.warn(f"removed {stale}: a checkpoint that was left unfinished", stacklevel=2)
            stale.unlink(missing_ok=True)
        self._scores = {step: _score(path) for step, path in find_checkpoints(self.folder).items()}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint") if writer_thread else None
        self._pending: Future | None = None
        self._leaves: list[Leaf] = []

    def save(self, step: int, state: Any, *, meta: dict, score: float | None = None, wait: bool = False) -> None:
        """Saves a state; on return it may be donated or changed.

        Args:
          step: that the state has done.
          state: any pytree of arrays, typed key arrays and Python numbers, readable by this process.
          meta: whatever JSON can hold: configuration, record position, state of a data iterator.
          score: the higher the better; NaN is never the best.
          wait: return only when the file is on the disk.
        Raises: CheckpointError of this save (with `wait`) or of the one before it; in the latter case this one is not
          begun. TypeError, ValueError for a state or `meta` that cannot be saved.
        """
        text = encode_meta(meta)
        self.wait()
        leaves = self._leaves = leaves_on_host(state, reuse=self._leaves)  # the save before it is done with them
        if self._writer is None:
            self._write(step, leaves, text, score)
            return
        self._pending = self._writer.submit(self._write, step, leaves, text, score)
        if wait:
            self.wait()

    def _write(self, step: int, leaves: list[Leaf], meta: str, score: float | None) -> None:
        write_leaves(checkpoint_path(self.folder, step), leaves, step=step, meta=meta, score=score)
        self._scores[step] = score
        try:
            self._prune(step)
        except OSError as error:  # the state is safe: no reason to end a run
            warnings.warn(f"old checkpoints in {self.folder} could not be deleted: {error}", stacklevel=2)

    def _prune(self, newest: int) -> None:
        """Deletes what need not be kept, once the file of step `newest` stands."""
        files = find_checkpoints(self.folder)
        kept = set([step for step in files if step <= newest][: self.keep])
        if self.keep_best and (best := self._best(files)):
            kept.add(best.step)
        for step, path in files.items():
            if step > newest:
                # Damaged, or of a course that was left by a restore of an older step: must not count as the newest.
                aside = path.with_name(path.name + ".aside")
                os.replace(path, aside)
                warnings.warn(f"{path} is later than step {newest}, just saved: renamed {aside.name}", stacklevel=2)
            elif step not in kept:
                path.unlink(missing_ok=True)

    def _best(self, files: dict[int, Path]) -> Best | None:
        scored = [(score, step) for step in files if (score := self._scores.get(step)) is not None and score == score]
        return Best(max(scored)[1], max(scored)[0], files[max(scored)[1]]) if scored else None

    def wait(self) -> None:
        """Returns when nothing is being written. Raises: CheckpointError if the last save failed; once."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def restore(self, template: Any, *, step: int | None = None) -> Restored | None:
        """See the function `restore`; waits for a save that is under way."""
        self.wait()
        return restore(self.folder, template, step=step)

    def steps(self) -> list[int]:
        """The steps on the disk, ascending."""
        self.wait()
        return sorted(find_checkpoints(self.folder))

    def best(self) -> Best | None:
        """The checkpoint with the highest score, the latest of equals; None if none has one."""
        self.wait()
        return self._best(find_checkpoints(self.folder))

    def close(self) -> None:
        """Waits for the last save and ends the thread. Raises: CheckpointError if that save failed."""
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except CheckpointError as failed:
            if error is None:
                raise
            warnings.warn(str(failed), stacklevel=2)  # the error under way matters more


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:  # permission bits say too little: read-only mounts, quotas
            probe.write(b"x")
    except OSError as error:
        taken = next((str(part) for part in (folder, *folder.parents) if part.exists() and not part.is_dir()), None)
        why = f"{taken} is a file" if taken else error.strerror or str(error)
        raise CheckpointError(f"checkpoints cannot be written to {folder}: {why}") from error


def _score(path: Path) -> float | None:
    with contextlib.suppress(CheckpointError):
        return read_manifest(path)["score"]
    return None
