"""The recorded results: the commands in the experiments' docstrings, run as a user would, and the pages made of them.

    python -m tools.results --run [EXPERIMENT ...]               # run, store results/EXPERIMENT-DATASET.json
    python -m tools.results --write                              # README table, docs/results.md, docs/images/
    python -m tools.results --check                              # exit 1 if pages, docstrings and results/ differ
    python -m tools.results --record-presets [EXPERIMENT ...]    # the short runs that tests/experiments compares with

`--run --write` does both. Numbers in a docstring are written by hand; --check says which differ from the recorded ones.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.results_claims import problems
from tools.results_pages import pages
from tools.results_presets import load_presets, missing, record_presets
from tools.results_record import Documented, RunError, documented, load, record, run, store

ROOT = Path(__file__).resolve().parents[1]


def run_all(root: Path, names: Sequence[str], runs: Path) -> None:
    """Runs every command of these experiments (all, without names) one after the other, and stores each result at once.

    Raises: RunError at the first command that fails, or if an experiment names none.
    """
    for experiment in chosen(documented(root / "experiments"), names):
        if not experiment.commands:
            raise RunError(
                f"experiments/{experiment.name}.py: its docstring holds no indented `python -m experiments...`"
            )
        written: dict[Path, str] = {}
        for command in experiment.commands:
            print(f"$ {command}", flush=True)
            result, seconds = run(command, runs, root=root, echo=lambda line: print(f"  {line}", flush=True))
            path = store(root / "results", record(command, result, seconds, Path(root, result["run_folder"])))
            if path in written:
                raise RunError(
                    f"{path.name} would hold both `{written[path]}` and `{command}`; one command a data set."
                )
            written[path] = command
            print(f"  {path.relative_to(root)}, {seconds:.0f} s", flush=True)


def chosen(experiments: Sequence[Documented], names: Sequence[str]) -> list[Documented]:
    """Those that are named, or all.

    Raises: RunError naming those that there are, if one is unknown.
    """
    known = {experiment.name: experiment for experiment in experiments}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RunError(f"no experiment {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(experiments)


def write(root: Path) -> list[Path]:
    """Writes what is not as it should be; returns it."""
    stale = _stale(root)
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(stale)


def check(root: Path) -> list[str]:
    """What differs between docstrings, results/ and the pages; empty if all is well."""
    experiments = documented(root / "experiments")
    wrong = problems(experiments, load(root / "results"))
    wrong += missing([experiment.name for experiment in experiments], load_presets(root / "results"))
    return wrong + [f"{path.relative_to(root)}: stale; python -m tools.results --write" for path in _stale(root)]


def _stale(root: Path) -> dict[Path, str]:
    wanted = pages(root, documented(root / "experiments"), load(root / "results"))
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}


def main(args: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Does what the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.results", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--run", nargs="*", metavar="EXPERIMENT", help="run the docstrings' commands")
    parser.add_argument("--record-presets", nargs="*", metavar="EXPERIMENT", help="run the presets and record them")
    parser.add_argument("--write", action="store_true", help="write the pages")
    parser.add_argument("--check", action="store_true", help="compare docstrings, results and pages")
    parser.add_argument(
        "--runs-dir", type=Path, help="where runs go; by default a temporary folder, removed at the end"
    )
    given = parser.parse_args(args)
    if given.run is None and given.record_presets is None and not given.write and not given.check:
        parser.error("nothing to do: --run, --record-presets, --write or --check")
    try:
        with tempfile.TemporaryDirectory(prefix="dlx-results-") as temporary:
            runs = (given.runs_dir or Path(temporary)).resolve()
            if given.run is not None:
                run_all(root, given.run, runs)
            if given.record_presets is not None:
                names = [
                    experiment.name for experiment in chosen(documented(root / "experiments"), given.record_presets)
                ]
                record_presets(root, names, runs, echo=print)
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.write:
        print("\n".join(f"{path.relative_to(root)} written" for path in write(root)) or "nothing to write")
    wrong = check(root) if given.check else []
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
