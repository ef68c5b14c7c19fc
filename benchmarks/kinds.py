"""What a case of the benchmarks is."""

import dataclasses
from typing import Literal

from benchmarks.measure import Mode, Side

__all__ = ["Case", "Comparison"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One row.

    Fields:
      what: in words.
      side, against: names of sides.
      kind: "ratio", rate of `side` over that of `against`; "overhead", time of `side` over that of `against`, minus 1;
        "extra", milliseconds that `side` takes longer for each event; "inside", milliseconds of the event itself;
        "resident" and "planned", MiB of memory that `side` tells of.
      goal: at least (ratio) or at most (all others); None: told for information.
      modes: in which the goal holds; in others the row is told for information.
    """

    what: str
    side: str
    against: str
    kind: Literal["ratio", "overhead", "extra", "inside", "resident", "planned"] = "ratio"
    goal: float | None = None
    modes: tuple[Mode, ...] = ("1t", "2t")


@dataclasses.dataclass(frozen=True)
class Case:
    """Sides that are measured together, and the rows that come of them."""

    title: str
    sides: tuple[Side, ...]
    rows: tuple[Comparison, ...]
    modes: tuple[Mode, ...] = ("1t", "2t")
    events: int = 1
    """In a round, for the kind "extra"."""
    note: str = ""
    """A paragraph of the page, below the rows."""
