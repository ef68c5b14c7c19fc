"""The list of cases: number, title, how it is provoked, what must hold."""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.faults.stage import FailedError, Seen, Stage

__all__ = ["CASES", "Case", "Outcome", "case"]

CASES: "dict[int, Case]" = {}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a case: what the user saw, why it failed ("" if it did not), seconds."""

    saw: str
    failure: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Case:
    """A fault.

    Fields:
      number, title: in the table.
      provoke: sets up a folder, runs processes, checks what must hold, returns what the user saw; its docstring says
        what it does.
      quick: takes less than 3 s.
    """

    number: int
    title: str
    provoke: Callable[[Stage], Seen]
    quick: bool

    @property
    def done(self) -> str:
        """What was done, in words."""
        return " ".join((self.provoke.__doc__ or "").split()).removesuffix(".")

    def run(self, shared: Path) -> Outcome:
        """Provokes the fault in a new folder."""
        begun = time.monotonic()
        saw, failure = "", ""
        with tempfile.TemporaryDirectory(prefix="dlx-fault-") as folder, Stage(Path(folder), shared) as stage:
            try:
                saw = shortened(self.provoke(stage), folder)
            except FailedError as error:
                failure = str(error).replace(f"{folder}/", "")
        return Outcome(saw, failure, time.monotonic() - begun)


def case(number: int, title: str, *, quick: bool = False) -> Callable:
    """Enters a function into the list."""

    def enter(provoke: Callable[[Stage], Seen]) -> Callable[[Stage], Seen]:
        if number in CASES:
            raise ValueError(f"case {number} is there already: {CASES[number].title}")
        CASES[number] = Case(number, title, provoke, quick)
        return provoke

    return enter


def shortened(seen: Seen, folder: str) -> str:
    """The message as it stood on the screen, without frames and temporary paths."""
    lines = [line.strip(" │╭╮╰╯─") for line in (seen.message or seen.out).replace(f"{folder}/", "").splitlines()]
    lines = [line for line in lines if line]
    if not seen.message:
        lines = ["(no message) " + " / ".join(line for line in lines[-3:] if not line.startswith("RESULT"))]
    return f"{' ⏎ '.join(lines)} [exit code {seen.code}]"
