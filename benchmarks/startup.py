"""How long a person waits: whole processes from their start to their first answer."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.worker import busy_seconds

__all__ = ["STARTS", "Start", "measure_starts"]

ROOT = Path(__file__).resolve().parent.parent
_MLP = ("-m", "experiments.mlp")


@dataclasses.dataclass(frozen=True)
class Start:
    """A command, what ends the clock, and the goal in seconds.

    Fields:
      until: the first words of the line that counts; None: the end of the process.
      cache: of compiled programs, and of everything else: "none" is an empty folder for each run, "filled" one that an
        earlier run has filled.
    """

    what: str
    words: tuple[str, ...]
    goal: float
    until: str | None = None
    cache: str = "filled"


_FIRST = (*_MLP, "--dataset", "digits", "--steps", "100", "--output-dir", "RUNS")
STARTS = {
    "first_metric_cold": Start("first metric, no compiled programs kept", _FIRST, 3.0, "step", "none"),
    "first_metric_warm": Start("first metric, compiled programs kept", _FIRST, 1.5, "step"),
    "help": Start("`python -m experiments.mlp --help`", (*_MLP, "--help"), 1.5),
    "list": Start("`python -m experiments`", ("-m", "experiments"), 0.5),
}


def measure_starts(runs: int, starts: dict[str, Start] = STARTS) -> dict[str, dict[str, Any]]:
    """Each command `runs` times, in turn, after one run that warms the disk and fills the cache.

    Returns: {name: {"wall": seconds, "cpu": processor seconds, "others": processors used by others}}, a list each.
    """
    found: dict[str, dict[str, Any]] = {name: {"wall": [], "cpu": [], "others": []} for name in starts}
    with tempfile.TemporaryDirectory(prefix="dlx-bench-") as folder:
        filled = Path(folder) / "filled"
        for start in starts.values():
            _one(start, filled, whole=True)
        for number in range(runs):
            for name in starts if number % 2 == 0 else reversed(starts):
                start = starts[name]
                with _empty(Path(folder)) if start.cache == "none" else contextlib.nullcontext(filled) as cache:
                    for key, value in _one(start, cache).items():
                        found[name][key].append(value)
    return found


@contextlib.contextmanager
def _empty(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


def _one(start: Start, cache: Path, *, whole: bool = False) -> dict[str, float]:
    """Runs a command until its line has come, or to its end."""
    with tempfile.TemporaryDirectory(prefix="dlx-bench-") as runs:
        words = [sys.executable, *(runs if word == "RUNS" else word for word in start.words)]
        environment = {**os.environ, "DLX_CACHE_DIR": str(cache), "COLUMNS": "120"}
        started, busy = time.perf_counter(), busy_seconds()
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        seen = start.until is None
        for line in process.stdout:
            if start.until is not None and line.startswith(start.until):
                seen = True
                if not whole:
                    break
        if seen and start.until is not None and not whole:
            wall = time.perf_counter() - started
            process.kill()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if start.until is None or whole:
            wall = time.perf_counter() - started
            seen = seen and process.returncode == 0
        if not seen:
            raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode} before {start.until or 'its end'}")
        cpu = usage.ru_utime + usage.ru_stime
        return {"wall": wall, "cpu": cpu, "others": max(0.0, busy_seconds() - busy - cpu) / wall}


def summary(times: dict[str, list[float]]) -> dict[str, float]:
    """Median and least of both clocks."""
    return {f"{name}_{of.__name__}": float(of(times[name])) for name in ("wall", "cpu") for of in (np.median, np.min)}
