"""Interleaved rounds of several sides, and the ratio of two with its spread.

Two modes. `1t`: every side has one thread on one processor, and a rate is items for each second of the process's own
processor time, which other processes on the machine hardly change. `2t`: two threads and wall clock; a round counts as
quiet if other processes used less than 12 % of a processor while any of its sides ran.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

__all__ = ["Measured", "Mode", "Side", "measure", "median_interval", "run_side"]

Mode = Literal["1t", "2t", "accelerator"]
THREADS: dict[Mode, int] = {"1t": 1, "2t": 2, "accelerator": 0}
QUIET = 0.12
ENOUGH_QUIET = 5


@dataclasses.dataclass(frozen=True)
class Side:
    """A process: name, "module:function" called with (port, **options)."""

    name: str
    function: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Measured:
    """What came of a side: the facts that it told when ready, and its rounds; or why it was skipped."""

    facts: dict[str, Any]
    rounds: list[dict[str, Any]]
    skipped: str | None = None

    def rates(self, mode: Mode, chosen: Sequence[int]) -> np.ndarray:
        """Items a second of the chosen rounds, by the mode's clock."""
        clock = "cpu" if mode == "1t" else "wall"
        return np.array([self.rounds[i]["items"] / self.rounds[i][clock] for i in chosen])


def measure(
    sides: Sequence[Side], mode: Mode, *, rounds: int = 7, seconds: float = 180.0
) -> tuple[dict[str, Measured], list[int]]:
    """Runs every side once a round, in turn, the order reversed from round to round.

    Args:
      sides: each gets a process; all stay alive and only one works.
      mode: threads and clock.
      rounds: at least this many. In mode `2t` more follow until enough were quiet, or `seconds` have passed.
      seconds: see `rounds`.
    Returns: ({name: Measured}, the rounds to be used: the quiet ones in mode 2t if there are enough, else all).
    Raises: RuntimeError if a side's process ends too early; what it wrote to standard error says why.
    """
    with contextlib.ExitStack() as stack:
        running = {side.name: stack.enter_context(run_side(side, mode)) for side in sides}
        results = {name: Measured(facts, [], facts.get("skip")) for name, (facts, _) in running.items()}
        order = [name for name, result in results.items() if result.skipped is None]
        deadline, done = time.monotonic() + seconds, 0
        while order and (done < rounds or (_wants_more(results, mode) and time.monotonic() < deadline)):
            for name in order if done % 2 == 0 else reversed(order):
                time.sleep(0.05)  # the threads of the side before spin for a while
                results[name].rounds.append(running[name][1]())
            done += 1
    quiet = quiet_rounds(results)
    return results, quiet if mode == "2t" and len(quiet) >= ENOUGH_QUIET else list(range(done))


def quiet_rounds(results: dict[str, Measured]) -> list[int]:
    """Rounds in which other processes left the machine alone, whichever side ran."""
    loads = [[one["others"] for one in result.rounds] for result in results.values() if result.rounds]
    return [i for i, together in enumerate(zip(*loads, strict=True)) if max(together) < QUIET]


def _wants_more(results: dict[str, Measured], mode: Mode) -> bool:
    return mode == "2t" and len(quiet_rounds(results)) < ENOUGH_QUIET


@contextlib.contextmanager
def run_side(side: Side, mode: Mode) -> Iterator[tuple[dict[str, Any], Any]]:
    """Starts a side and waits until it is ready. Yields (facts, function that runs one round)."""
    threads = THREADS[mode]
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment = {**os.environ, **(limits if threads else {}), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    module, _, function = side.function.partition(":")
    worker = [sys.executable, "-m", "benchmarks.worker", module, function, str(threads), json.dumps(side.options)]
    process = subprocess.Popen(
        worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    commands, answers = process.stdin, process.stdout
    assert commands is not None
    assert answers is not None

    def answer() -> dict[str, Any]:
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{side.name}: the process ended with {process.wait()} before it answered")
        return json.loads(line)

    def one_round() -> dict[str, Any]:
        commands.write("go\n")
        commands.flush()
        return answer()

    try:
        yield answer(), one_round
    finally:
        with contextlib.suppress(BrokenPipeError):
            commands.close()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        answers.close()


def median_interval(values: Sequence[float] | np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """The median and the 95 % interval of the medians of 10,000 resamples (bootstrap)."""
    values = np.asarray(values, np.float64)
    drawn = np.random.default_rng(seed).choice(values, (10_000, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(np.median(values)), float(low), float(high)
