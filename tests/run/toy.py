"""A tiny experiment that trains nothing, and a way to run it as a person does."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TOY = '''"""Toy on digits (Nobody 1900).

    python -m toy --dataset digits

1 CPU core: 1 s. Test accuracy 0.5.
"""

from dataclasses import dataclass
from typing import Literal

from dlx.run import Options, launch, require


@dataclass(frozen=True)
class Config(Options):
    dataset: Literal["digits", "mnist"] = "digits"
    """Data set."""
    hidden: tuple[int, ...] = (256,)
    """Widths of the hidden layers."""
    dropout: float = 0.0
    """Probability that a unit is off."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "hidden", at_least=1)
        require(self, "dropout", at_least=0, below=1)


def main(config: Config) -> dict:
    BODY


if __name__ == "__main__":
    launch(Config, main)
'''

SAY = 'return {"batch_size": config.batch_size, "hidden": config.hidden, "bad": float("nan")}'


def write_toy(folder: Path, body: str = SAY) -> None:
    """Puts `toy.py` into a folder; `body` is what its main does, indented by four."""
    (folder / "toy.py").write_text(TOY.replace("BODY", body.replace("\n", "\n    ")))


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a process in which `python -m toy` works."""
    paths = os.pathsep.join([str(ROOT), str(folder)])
    return {**os.environ, "PYTHONPATH": paths, "DLX_CACHE_DIR": str(folder / "cache"), "COLUMNS": "80", **more}


def command(*args: str) -> list[str]:
    """The words that run the toy."""
    return [sys.executable, "-m", "toy", *args]


def run_toy(folder: Path, *args: str, body: str = SAY, **more: str) -> subprocess.CompletedProcess:
    """Runs the toy in a folder, to its end."""
    write_toy(folder, body)
    return subprocess.run(
        command(*args), cwd=folder, env=environment(folder, **more), capture_output=True, text=True, timeout=60
    )


def cpu_seconds(run: Callable[[], object]) -> float:
    """Processor time of the child processes of `run`: on a busy machine it says more than the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def result_of(stdout: str) -> dict:
    """The RESULT line, which has to be the last, as strict JSON."""
    last = stdout.splitlines()[-1]
    assert last.startswith("RESULT "), stdout

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(last.removeprefix("RESULT "), parse_constant=refuse)
