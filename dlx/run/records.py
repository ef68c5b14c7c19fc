"""The log of a run: one JSON line a moment, complete at every step, each step once also after a resume."""

import json
import math
import os
from pathlib import Path
from typing import Any

from dlx.errors import RunFolderError
from dlx.run.strict_json import dumps

__all__ = ["Records", "metric_names", "read_records"]

_OWN = ("step", "epoch", "seconds", "examples_per_second", "compile_seconds")


class Records:
    """A hook that appends to a file of JSON lines: step, epoch, seconds of training so far, examples_per_second of this
    chunk, and each metric as a list with one number a replica (null where it is not finite).

    Args:
      path: of the file; None writes nothing, as in the processes beside the first.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.step, self.seconds, self.compile_seconds, self.examples = 0, 0.0, 0.0, 0
        self.seconds_before = 0.0  # in the parts of a resumed run before this one
        self._file: Any = None

    def __call__(self, moment: Any) -> None:
        """Takes the `Moment` of a chunk's end."""
        self.step = int(moment.step)
        self.seconds += moment.seconds
        self.compile_seconds += moment.compile_seconds
        self.examples += moment.examples
        if self.path is None:
            return
        line: dict[str, Any] = {"step": self.step, "epoch": moment.epoch, "seconds": round(self.seconds, 6)}
        if moment.examples and moment.seconds > 0:
            line["examples_per_second"] = round(moment.examples / moment.seconds, 1)
        if moment.compile_seconds:
            line["compile_seconds"] = round(moment.compile_seconds, 6)
        self._open().write(dumps({**line, **moment.metrics}) + "\n")
        self._file.flush()

    @property
    def examples_per_second(self) -> float:
        """Throughput of this process's part of the run, all replicas together, without compilation and hooks."""
        own = self.seconds - self.seconds_before
        return self.examples / own if own > 0 else 0.0

    def position(self) -> int:
        """The last step written: what a checkpoint has to remember for `truncate`."""
        return self.step

    def truncate(self, position: int) -> None:
        """Drops the lines after a position, also a line cut short by a kill. Call it before the first moment."""
        self.close()
        self.step = position
        if self.path is None or not self.path.exists():
            return
        kept = [line for line in read_records(self.path) if line["step"] <= position]
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        temporary.write_text("".join(dumps(line) + "\n" for line in kept), encoding="utf-8")
        os.replace(temporary, self.path)
        self.seconds = self.seconds_before = float(kept[-1]["seconds"]) if kept else 0.0

    def close(self) -> None:
        """Closes the file; a later moment opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> Any:
        if self._file is None:
            assert self.path is not None
            self._file = self.path.open("a", encoding="utf-8")
        return self._file


def read_records(path: Path) -> list[dict[str, Any]]:
    """The lines of a log as dicts; null has become NaN. A last line that was cut short is left out.

    Raises: RunFolderError naming the line, if another one is damaged.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    records = []
    for number, line in enumerate(lines, 1):
        try:
            if line:
                records.append({name: _with_nan(value) for name, value in json.loads(line).items()})
        except (ValueError, AttributeError):
            if number < len(lines) and any(lines[number:]):
                raise RunFolderError(f"{path}, line {number}: not a record: {line[:60]!r}") from None
    return records


def metric_names(records: list[dict[str, Any]]) -> list[str]:
    """The metrics of a log in the order of their first appearance."""
    return list(dict.fromkeys(name for record in records for name in record if name not in _OWN))


def _with_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_nan(entry) for entry in value]
    return math.nan if value is None else value
