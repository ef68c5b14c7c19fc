"""`python -m experiments.nmae`: Python would only say that there is no such module; this names the nearest."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["exit_if_unknown", "no_such_experiment"]


def exit_if_unknown(words: Sequence[str]) -> None:
    """Ends the process with a message and exit code 2 if the words run an experiment that is not there.

    Args:
      words: of the command line, with those that Python itself takes (`sys.orig_argv`).
    """
    wanted = next((word for word in words[1:] if word.startswith("experiments.")), "")
    folder, name = Path(__file__).parent, wanted.removeprefix("experiments.")
    if wanted and not any((folder / found).exists() for found in (f"{name}.py", name)):
        names = [path.stem for path in folder.glob("*.py") if not path.name.startswith("_")]
        print(no_such_experiment(name, names), file=sys.stderr)
        sys.exit(2)


def no_such_experiment(name: str, names: Sequence[str]) -> str:
    """A message with the experiments whose names are near."""
    near = difflib.get_close_matches(name.removeprefix("experiments."), names, 3, 0.4)
    hint = f" Perhaps you meant: {', '.join(near)}." if near else ""
    return f"error: no experiment {name!r}.{hint}\nThe list: python -m experiments"
