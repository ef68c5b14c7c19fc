"""One side of a comparison: a process of its own that says when it is ready and then runs rounds on command.

    python -m benchmarks.worker MODULE FUNCTION THREADS OPTIONS

FUNCTION(port, **OPTIONS) prepares, warms up and calls `port.ready`; then, until `port.begin` says no, it runs a round
and reports it by `port.end`. Its own standard output goes nowhere.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO


class Port:
    """The worker's end of the conversation with `benchmarks.measure`."""

    def __init__(self, commands: TextIO, answers: TextIO) -> None:
        self.commands, self.answers = commands, answers
        self.clocks = (0.0, 0.0, 0.0)

    def ready(self, **facts: Any) -> None:
        """Prepared, compiled and warm. `facts` (compile_seconds, ...) come into the results."""
        self._answer(facts)

    def skip(self, reason: str) -> None:
        """Says why it cannot run here."""
        self._answer({"skip": reason})

    def begin(self) -> bool:
        """Waits for the command and starts the clocks; False at the end."""
        go = self.commands.readline().strip() == "go"
        self.clocks = (time.perf_counter(), time.process_time(), busy_seconds())
        return go

    def end(self, items: int, **facts: Any) -> None:
        """Stops the clocks; the caller has waited for its results before."""
        wall, cpu, busy = time.perf_counter(), time.process_time(), busy_seconds()
        wall, cpu, busy = wall - self.clocks[0], cpu - self.clocks[1], busy - self.clocks[2]
        self._answer({"items": items, "wall": wall, "cpu": cpu, "others": max(0.0, busy - cpu) / wall, **facts})

    def _answer(self, facts: dict[str, Any]) -> None:
        self.answers.write(json.dumps(facts) + "\n")
        self.answers.flush()


def busy_seconds() -> float:
    """Processor seconds spent so far by all programs, and by the host in their place; 0 where Linux does not say."""
    try:
        line = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return 0.0
    # user nice system idle iowait irq softirq steal
    ticks = [int(field) for field in line[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def pin(threads: int) -> None:
    """Keeps this process on as many processors as it has threads; 0 leaves it free."""
    if threads and hasattr(os, "sched_setaffinity"):
        own = sorted(os.sched_getaffinity(0))
        # the last ones: interrupts tend to come to the first
        os.sched_setaffinity(0, own[-threads:])


def main() -> None:
    module, function, threads, options = sys.argv[1:]
    pin(int(threads))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    getattr(importlib.import_module(module), function)(Port(sys.stdin, answers), **json.loads(options))


if __name__ == "__main__":
    main()
