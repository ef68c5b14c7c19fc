"""`python -m experiments` lists every experiment; `python -m experiments WORD` those whose line has WORD.

Nothing is imported: docstrings and data sets are read off the source.
"""

import ast
import os
import sys
from pathlib import Path
from typing import NamedTuple

from experiments._unknown import no_such_experiment

__all__ = ["Entry", "entries", "main"]


class Entry(NamedTuple):
    """One line of the list."""

    name: str
    shows: str
    datasets: tuple[str, ...]
    expected: str

    def __str__(self) -> str:
        data = f"  [{', '.join(self.datasets)}]" if self.datasets else ""
        return f"{self.name}  {self.shows}{data}" + (f"  {self.expected}" if self.expected else "")


def entries(folder: Path) -> list[Entry]:
    """The experiments in a folder: every module with a docstring and a call of `launch`."""
    found = [_entry(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
    return [entry for entry in found if entry is not None]


def _entry(path: Path) -> Entry | None:
    source = path.read_text(encoding="utf-8")
    if "launch(" not in source:
        return None
    tree = ast.parse(source, str(path))
    paragraphs = [" ".join(part.split()) for part in (ast.get_docstring(tree) or "").split("\n\n") if part.strip()]
    first = paragraphs[0].removesuffix(".") if paragraphs else "(no description)"
    expected = paragraphs[-1] if len(paragraphs) > 1 and "python -m" not in paragraphs[-1] else ""
    return Entry(path.stem, first, _datasets(tree), expected)


def _datasets(tree: ast.Module) -> tuple[str, ...]:
    """The choices in `dataset: Literal[...] = default` of a class, the default first."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "dataset"):
            continue
        listed = [part.value for part in ast.walk(node.annotation)
                  if isinstance(part, ast.Constant) and isinstance(part.value, str)]  # fmt: skip
        default = getattr(node.value, "value", None)
        return tuple(sorted(listed, key=lambda name: name != default))
    return ()


def main(args: list[str] | None = None) -> int:
    """Prints the list, or the part of it that was asked for. Returns the exit code."""
    words = sys.argv[1:] if args is None else args
    if "-h" in words or "--help" in words:
        print(f"{(__doc__ or '').strip()}\n\nRun one: python -m experiments.NAME --help")
        return 0
    wanted = [word for word in words if word not in ("--list", "list")]
    listed = entries(Path(__file__).parent)
    chosen = [entry for entry in listed if all(word.lower() in str(entry).lower() for word in wanted)]
    if wanted and not chosen:
        print(no_such_experiment(" ".join(wanted), [entry.name for entry in listed]), file=sys.stderr)
        return 2
    try:
        print("\n".join(map(str, _aligned(chosen))), flush=True)
        if wanted:
            print(f"Run one: python -m experiments.{chosen[0].name} --help", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _aligned(listed: list[Entry]) -> list[Entry]:
    width = max((len(entry.name) for entry in listed), default=0)
    return [entry._replace(name=entry.name.ljust(width)) for entry in listed]


if __name__ == "__main__":
    sys.exit(main())
