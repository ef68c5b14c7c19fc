"""Measures dlx against PyTorch and against bare JAX, and writes the page.

python -m benchmarks                            everything that this machine can run
python -m benchmarks --only sgd adam --mode 1t  some cases, one mode; the results of the others stay
python -m benchmarks --write                    the page only, from the results there are
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.cases import CASES, Case
from benchmarks.measure import Mode, measure
from benchmarks.startup import measure_starts

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PAGE = ROOT / "benchmarks" / "results.json", ROOT / "docs" / "benchmarks.md"
MODES: tuple[Mode, ...] = ("1t", "2t", "accelerator")


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=[*CASES, "startup"], help="cases to measure; default: all")
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES), help="threads and clock; default: all")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each case, at least 5 to be trusted")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long 2t may wait for quiet rounds, a case")
    parser.add_argument("--write", action="store_true", help="only write the page")
    chosen = parser.parse_args(words)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not chosen.write:
        for name, mode in _wanted(chosen.only, chosen.mode):
            results.setdefault(name, {})[mode] = run(name, mode, rounds=chosen.rounds, seconds=chosen.seconds)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            print("\n".join(report.lines(name, mode, results[name][mode])), flush=True)
    PAGE.write_text(report.page(results))
    print(f"{PAGE.relative_to(ROOT)} written")


def _wanted(only: list[str] | None, modes: list[Mode]) -> list[tuple[str, Mode]]:
    """(case, mode) of what is asked for and possible here."""
    pairs = [(name, mode) for name, case in CASES.items() for mode in case.modes]
    pairs.append(("startup", "2t"))
    pairs = [(name, mode) for name, mode in pairs if mode in modes and (only is None or name in only)]
    if any(mode == "accelerator" for _, mode in pairs) and report.platform() == "cpu":
        print("Accelerator: skipped, JAX finds none here.")
        pairs = [(name, mode) for name, mode in pairs if mode != "accelerator"]
    return pairs


def run(name: str, mode: Mode, *, rounds: int, seconds: float, case: Case | None = None) -> dict[str, Any]:
    """Measures one case in one mode."""
    print(f"{name}, {mode} ...", file=sys.stderr, flush=True)
    if name == "startup":
        return {**report.circumstances(), "starts": measure_starts(rounds)}
    case = case or CASES[name]
    sides, used = measure(case.sides, mode, rounds=rounds, seconds=seconds)
    return {**report.circumstances(), **report.summarise(case, mode, sides, used)}


if __name__ == "__main__":
    main()
