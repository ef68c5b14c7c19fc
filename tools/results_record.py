"""What a docstring says of its experiment, and what a run of its commands gives: one JSON file a run under results/."""

import ast
import datetime
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dlx.run.records import read_records
from dlx.run.result import score_name
from dlx.run.strict_json import plain

__all__ = ["Documented", "RunError", "documented", "load", "parse_result", "record", "run", "store"]

_COMMAND = re.compile(r"python3? -m experiments\.\w+")
_KEPT = ("experiment", "dataset", "seeds", "metrics", "failed_seeds", "steps", "seconds", "examples_per_second",
         "compile_seconds", "versions", "state_sha256", "sweep", "best")  # fmt: skip


class RunError(Exception):
    """A command that failed, or gave no result."""


class Documented(NamedTuple):
    """An experiment as its docstring describes it."""

    name: str
    title: str
    commands: tuple[str, ...]
    expected: str


def documented(folder: Path) -> list[Documented]:
    """The experiments of a folder that can be launched, read off their source; nothing is imported."""
    found = []
    for path in sorted(folder.glob("*.py")):
        source = path.read_text("utf-8")
        if path.name.startswith("_") or "launch(" not in source:
            continue
        doc = ast.get_docstring(ast.parse(source, str(path)), clean=False) or ""
        title, _, body = doc.partition("\n\n")
        lines = body.replace("\\\n", " ").splitlines()
        prose = [line for line in lines if line and not line.startswith(" ")]
        found.append(
            Documented(path.stem, " ".join(title.split()).removesuffix("."), _commands(lines), " ".join(prose))
        )
    return found


def _commands(lines: Sequence[str]) -> tuple[str, ...]:
    indented = [line.strip() for line in lines if line.startswith(" ")]
    return tuple(shlex.join(shlex.split(line, comments=True)) for line in indented if _COMMAND.match(line))


def run(command: str, runs: Path, *, root: Path, echo: Callable[[str], Any] | None = None) -> tuple[dict, float]:
    """Runs a command of a docstring in a process of its own, as a user would.

    Args:
      command: `python -m experiments.NAME ...`.
      runs: folder for its run folder.
      root: folder to run it in.
      echo: takes each line of the command's output as it comes.
    Returns: the result, and the seconds from start to end of the process.
    Raises: RunError with the end of the output, if it failed.
    """
    words = [sys.executable, *shlex.split(command)[1:], "--output-dir", str(runs)]
    began, lines = time.perf_counter(), []
    with subprocess.Popen(
        words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if echo and not line.startswith("RESULT "):
                echo(line.rstrip("\n"))
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RunError(f"exit code {process.returncode}: {command}\n{''.join(lines[-40:])}")
    result = parse_result("".join(lines))
    if result is None:
        raise RunError(f"no RESULT line: {command}\n{''.join(lines[-40:])}")
    return result, seconds


def parse_result(output: str) -> dict | None:
    """The object of the last RESULT line, or None."""
    found = [line for line in output.splitlines() if line.startswith("RESULT ")]
    return json.loads(found[-1].removeprefix("RESULT ")) if found else None


def record(command: str, result: Mapping[str, Any], wall_seconds: float, folder: Path) -> dict:
    """What results/ keeps of a run: no path, no name of a machine.

    Args:
      command: as the docstring has it.
      result: of the RESULT line.
      wall_seconds: of the whole process.
      folder: the run folder, for the log and the environment.
    """
    environment = json.loads((folder / "environment.json").read_text("utf-8"))[-1]
    return {
        "command": command,
        "result": {name: result[name] for name in _KEPT if name in result},
        "wall_seconds": round(wall_seconds, 1),
        "date": str(environment.get("started") or datetime.datetime.now(datetime.UTC).isoformat())[:10],
        "commit": environment.get("commit"),
        "machine": {name: environment.get(name) for name in ("processor", "cores", "devices")},
        "curve": _curve(result, folder),
    }


def _curve(result: Mapping[str, Any], folder: Path) -> dict:
    """The headline metric against the steps, one row of values a point; of the best value of a sweep."""
    name, seeds = score_name(result["metrics"]), len(result["seeds"])
    if name is None:
        raise RunError(f"{result['experiment']}: the result has no metric")
    swept = [row["values"] for row in result.get("sweep", [])]
    first = swept.index(result["best"]) * seeds if swept else 0
    held = [line for line in read_records(folder / "metrics.jsonl") if name in line]
    return {"metric": name, "steps": [line["step"] for line in held],
            "values": [[_rounded(value) for value in line[name][first : first + seeds]] for line in held]}  # fmt: skip


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def store(folder: Path, kept: Mapping[str, Any]) -> Path:
    """Writes EXPERIMENT-DATASET.json, whole or not at all."""
    result = kept["result"]
    return write_json(folder / f"{result['experiment']}-{result['dataset']}.json", kept)


def write_json(path: Path, value: Any) -> Path:
    """A JSON file for people: indented, each list of numbers on one line."""
    text = json.dumps(plain(value), indent=2, allow_nan=False)
    text = re.sub(
        r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text + "\n", "utf-8")
    os.replace(temporary, path)
    return path


def load(folder: Path) -> dict[str, dict]:
    """EXPERIMENT-DATASET -> what was stored of it, sorted."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != "presets.json"]
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}
