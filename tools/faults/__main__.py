"""`python -m tools.faults [NUMBER ...] [--jobs 2] [--write]`."""

import argparse
import concurrent.futures
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from tools.faults.case import Case, Outcome
from tools.faults.cases import CASES
from tools.faults.stage import ROOT

PAGE = ROOT / "docs" / "faults.md"
_OPENING = """# Faults

What a person sees when something goes wrong. Each row was provoked and checked by `make faults`, which makes this page
(`python -m tools.faults --write`); paths of temporary folders are left out, `⏎` is a line's end. Every case also has to
end without a traceback and with at most twelve lines of messages.

| | case | what was done | what the user saw | verdict |
|---|---|---|---|---|
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Provokes faults and shows what the user sees of them.")
    parser.add_argument("numbers", nargs="*", type=int, help="cases; without one, all")
    parser.add_argument("--jobs", type=int, default=1, help="so many cases at a time")
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    options = parser.parse_args()
    unknown = [number for number in options.numbers if number not in CASES]
    if unknown:
        parser.error(f"there is no case {unknown[0]}; the cases are 1 to {max(CASES)}")
    chosen = [CASES[number] for number in options.numbers or sorted(CASES)]
    failed, rows = 0, _written_rows() if options.write else {}
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="dlx-faults-") as shared,
        concurrent.futures.ThreadPoolExecutor(options.jobs) as pool,
    ):
        for item, outcome in zip(chosen, pool.map(lambda item: item.run(Path(shared)), chosen), strict=True):
            print(shown(item, outcome), flush=True)
            rows[item.number] = row(item, outcome)
            failed += bool(outcome.failure)
    seconds = time.monotonic() - begun
    print(f"{len(chosen) - failed} of {len(chosen)} cases as they should be, {seconds:.0f} s")
    if options.write:
        kept = [rows[number] for number in sorted(rows) if number in CASES]
        PAGE.write_text(_OPENING + "".join(kept), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return int(failed > 0)


def _written_rows() -> dict[int, str]:
    """The rows of the page: a run of some cases writes only theirs anew."""
    lines = PAGE.read_text(encoding="utf-8").splitlines(keepends=True) if PAGE.exists() else []
    numbered = {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}
    return {int(number): line for number, line in numbered.items() if number.isdecimal()}


def shown(item: Case, outcome: Outcome) -> str:
    """A case on the terminal."""
    verdict = "FAILED" if outcome.failure else "ok"
    parts = [("done:", item.done), ("seen:", outcome.saw), ("failed:", outcome.failure)]
    lines = [f"{item.number:2d} {item.title}  {verdict}  {outcome.seconds:.1f} s"]
    for label, text in parts:
        for line in text.replace(" ⏎ ", "\n").splitlines():
            lines += textwrap.wrap(f"{label} {line}".strip(), 116, initial_indent="   ", subsequent_indent="     ")
            label = " " * len(label)
    return "\n".join(lines)


def row(item: Case, outcome: Outcome) -> str:
    """A case in the table."""
    saw = "-" if outcome.failure else "`" + outcome.saw.replace("`", "'") + "`"
    cells = [str(item.number), item.title, item.done, saw, "FAILED" if outcome.failure else "ok"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    sys.exit(main())
