"""Mutation: plants small faults in sampled functions, in a copy of the tree; the tests must notice.

    python -m tools.mutate --sample 40 --seed 0
    python -m tools.mutate --package dlx.nn --sample 20 --jobs 2

For `dlx/nn/x.py` it runs `tests/nn/test_x.py` and `tests/nn/test_x_*.py`; a mutant that those let live meets the other
test files that use its function by name. Prints each survivor, and after each mutant writes the kill rate to
docs/mutation.json (with `--package` only where `--output` says): a run that is stopped has counted what it tried.
tools/mutate_equivalent.toml lists mutants that no test can tell apart, with the reason.
"""

import argparse
import ast
import functools
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.mutators import Mutant, mutants

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "dlx.checks",
    "dlx.nn",
    "dlx.losses",
    "dlx.metrics",
    "dlx.optim",
    "dlx.backprop",
    "dlx.linear",
    "dlx.kernels",
    "dlx.information",
    "dlx.image",
    "dlx.explain",
    "dlx.detection",
    "dlx.text",
    "dlx.recsys",
    "dlx.energy",
    "dlx.rl",
    "dlx.foundations",
    "dlx.models",
    "dlx.train",
    "dlx.data",
)
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", "runs", "build", "dist", "results"
)
NO_TESTS = 5  # pytest's exit status when it collects none


class MutationError(Exception):
    """The run cannot be trusted: its baseline fails, or a list does not fit the source."""


def sources(root: Path, packages: list[str]) -> list[Path]:
    """The files of the packages that are there."""
    paths: set[Path] = set()
    for package in packages:
        base = root.joinpath(*package.split("."))
        paths |= set(base.rglob("*.py")) | ({base.with_suffix(".py")} if base.with_suffix(".py").is_file() else set())
    return sorted(path for path in paths if path.name != "__init__.py")


def sample(candidates: list[Mutant], size: int | None, seed: int) -> list[Mutant]:
    """`size` mutants in random order, from as many functions as there are: one each, then a second one each, ..."""
    random_ = random.Random(seed)
    by_function: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in candidates:
        by_function[mutant.file, mutant.function].append(mutant)
    ranked = []
    for group in by_function.values():
        random_.shuffle(group)
        ranked += [(turn, random_.random(), mutant) for turn, mutant in enumerate(group)]
    ranked.sort(key=lambda entry: entry[:2])
    chosen = [mutant for *_, mutant in ranked][:size]
    random_.shuffle(chosen)
    return chosen


def without_equivalent(root: Path, candidates: list[Mutant], files: set[str]) -> tuple[list[Mutant], list[Mutant]]:
    """(the mutants to try, the listed equivalent ones). An entry must have a reason and fit a mutant."""
    path = root / "tools" / "mutate_equivalent.toml"
    listed = tomllib.loads(path.read_text("utf-8")).get("mutant", []) if path.is_file() else []
    keys = set()
    for entry in listed:
        key = tuple(str(entry.get(name, "")).strip() for name in ("file", "function", "before", "after"))
        if not str(entry.get("reason", "")).strip():
            raise MutationError(f"{path.name}: no reason is given for {key}")
        keys.add(key)
    known = defaultdict(list)
    for mutant in candidates:
        known[mutant.file, mutant.function, mutant.before, mutant.after].append(mutant)
    for key in sorted(keys - set(known)):
        if key[0] in files:
            raise MutationError(f"{path.name}: {key} fits no mutant; was the source changed?")
    equivalent = {mutant for key in keys & set(known) for mutant in known[key]}
    return [mutant for mutant in candidates if mutant not in equivalent], list(equivalent)


class Tests:
    """Which test files meet a mutant."""

    def __init__(self, root: Path, sources: list[Path]) -> None:
        self.sources = sources
        self.names: dict[str, set[str]] = {}
        for path in sorted((root / "tests").rglob("test_*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            names = _names(tree)
            if "getattr" in names:  # getattr(dlx.nn, "relu") uses a function by its text
                names |= {
                    node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str
                }
            self.names[path.relative_to(root).as_posix()] = names

    def mirrored(self, file: str) -> tuple[str, ...]:
        """`tests/nn/test_x.py` and `tests/nn/test_x_*.py` of `dlx/nn/x.py`."""
        *folders, name = Path(file).with_suffix("").parts[1:]
        base = "/".join(["tests", *folders, f"test_{name}"])
        return tuple(test for test in self.names if test == f"{base}.py" or test.startswith(f"{base}_"))

    def using(self, mutant: Mutant) -> tuple[str, ...]:
        """The test files that use the function; where none does, those that use what calls it, and so on."""
        names = {mutant.function.split(".")[0]}
        seen = set(names)
        while names:
            if tests := tuple(test for test, used in self.names.items() if names & used):
                return tests
            names = {caller for name in names for caller in self.callers[name]} - seen
            seen |= names
        return ()

    @functools.cached_property
    def callers(self) -> dict[str, set[str]]:
        """Of each name, the functions and classes of the mutated packages whose text has it."""
        callers = defaultdict(set)
        for path in self.sources:
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    for name in _names(node):
                        callers[name].add(node.name)
        return callers


def _names(tree: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


class Runner:
    """Runs tests in copies of the tree, one a job."""

    def __init__(self, root: Path, folder: Path, jobs: int, timeout: float) -> None:
        self.copies: queue.Queue[Path] = queue.Queue()
        self.timeout = timeout
        for job in range(jobs):
            self.copies.put(shutil.copytree(root, folder / f"copy{job}", ignore=LEFT_OUT))
        self.baselines: dict[tuple[str, ...], float | None] = {}

    def pytest(self, copy: Path, tests: tuple[str, ...], timeout: float) -> tuple[int | None, str]:
        """(exit status, output); None for a run out of time."""
        # Bytecode of a changed file can pass for that of the original when size and second agree.
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy), "PYTHONHASHSEED": "0"}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow and not real_data",
            *tests,
        ]
        process = subprocess.Popen(command, cwd=copy, env=environment, text=True, start_new_session=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return None, ""
        return process.returncode, output

    def baseline(self, copy: Path, tests: tuple[str, ...]) -> float | None:
        """Seconds of the unchanged tree's tests; None if there is nothing to run."""
        if tests not in self.baselines:
            start = time.monotonic()
            status, output = self.pytest(copy, tests, self.timeout) if tests else (NO_TESTS, "")
            if status not in (0, NO_TESTS):
                what = "takes too long" if status is None else f"fails (exit status {status})"
                raise MutationError(f"the unchanged tree {what}: {' '.join(tests)}\n{output[-3000:]}")
            self.baselines[tests] = None if status == NO_TESTS else time.monotonic() - start
        return self.baselines[tests]

    def verdict(self, mutant: Mutant, stages: list[tuple[str, ...]]) -> str:
        """`killed`, `timeout` (killed by the clock), `survived` or `not_covered`."""
        copy = self.copies.get()
        try:
            covered = False
            for tests in stages:
                seconds = self.baseline(copy, tests)
                if seconds is None:
                    continue
                covered = True
                path, original = copy / mutant.file, (copy / mutant.file).read_text("utf-8")
                try:
                    path.write_text(mutant.source, "utf-8")
                    status, _ = self.pytest(copy, tests, min(self.timeout, 10 + 3 * seconds))
                finally:
                    path.write_text(original, "utf-8")
                if status != 0:
                    return "timeout" if status is None else "killed"
            return "survived" if covered else "not_covered"
        finally:
            self.copies.put(copy)


def report(verdicts: dict[Mutant, str], equivalent: list[Mutant], options: argparse.Namespace) -> dict:
    """What docs/mutation.json holds; nothing in it depends on the clock."""
    counts = Counter("killed" if verdict == "timeout" else verdict for verdict in verdicts.values())
    alive = [(mutant, verdict) for mutant, verdict in verdicts.items() if verdict in ("survived", "not_covered")]
    alive.sort(key=lambda entry: (entry[0].file, entry[0].line, entry[0].after))
    return {
        "seed": options.seed,
        "mutants": len(verdicts),
        "killed": counts["killed"],
        "survived": counts["survived"],
        "not_covered": counts["not_covered"],
        "equivalent": len(equivalent),
        "kill_rate": round(counts["killed"] / len(verdicts), 3),
        "alive": [{"file": mutant.file, "function": mutant.function, "line": mutant.line, "verdict": verdict,
                   "before": mutant.before, "after": mutant.after} for mutant, verdict in alive],
    }  # fmt: skip


def mutate(root: Path, options: argparse.Namespace, output: Path | None) -> dict:
    """Samples, runs, prints, writes; the report."""
    files = sources(root, options.package or list(PACKAGES))
    every = [mutant for path in files for mutant in mutants(path, root)]
    if not every:
        raise MutationError("nothing to mutate: no function in " + ", ".join(options.package or PACKAGES))
    named = {path.relative_to(root).as_posix() for path in files}
    candidates, equivalent = without_equivalent(root, every, named)
    chosen = sample(candidates, options.sample, options.seed)
    print(
        f"{len(chosen)} of {len(candidates)} mutants in {len(files)} files ({len(equivalent)} equivalent left out)",
        flush=True,
    )
    tests = Tests(root, sources(root, ["dlx"]))

    def stages(mutant: Mutant) -> list[tuple[str, ...]]:
        mirrored = tests.mirrored(mutant.file)
        others = tuple(test for test in tests.using(mutant) if test not in mirrored)
        return [mirrored, others]

    def one(mutant: Mutant) -> str:
        verdict = runner.verdict(mutant, stages(mutant))
        print(f"{verdict:12}{mutant.file}:{mutant.line} {mutant.function} ({mutant.kind})", flush=True)
        if verdict in ("survived", "not_covered"):
            print("    " + mutant.diff().replace("\n", "\n    "), flush=True)
        return verdict

    verdicts: dict[Mutant, str] = {}
    with tempfile.TemporaryDirectory(prefix="dlx-mutate-") as folder:
        runner = Runner(root, Path(folder), options.jobs, options.timeout)
        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, verdict in zip(chosen, pool.map(one, chosen), strict=True):
                verdicts[mutant] = verdict
                result = report(verdicts, equivalent, options)
                if output:
                    output.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return result


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=40, help="mutants to try (default 40); 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("--package", action="append", help="a package to mutate, such as dlx.nn; may be given again")
    parser.add_argument("--jobs", type=int, default=1, help="copies that run at once (default 1)")
    parser.add_argument(
        "--timeout", type=float, default=900.0, help="seconds that one run of tests may take (default 900)"
    )
    parser.add_argument("--output", type=Path, help="the report (default: docs/mutation.json, without --package)")
    parser.add_argument("--goal", type=float, default=0.0, help="exit 1 if fewer are killed, such as 0.95")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout (default: this one)")
    options = parser.parse_args(argv)
    options.sample = options.sample or None
    output = options.output or (None if options.package else options.root / "docs" / "mutation.json")
    try:
        result = mutate(options.root.resolve(), options, output)
    except MutationError as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 2
    print(", ".join(f"{name} {result[name]}" for name in ("killed", "survived", "not_covered", "kill_rate")))
    return 1 if result["kill_rate"] < options.goal else 0


if __name__ == "__main__":
    sys.exit(main())
