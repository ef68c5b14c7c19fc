"""The command line around an experiment. Importing it imports neither jax nor matplotlib: names load on first use."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlx.run.command import launch
    from dlx.run.options import Options, require
    from dlx.run.session import open_run, train
    from dlx.run.startup import start

__all__ = ["Options", "launch", "open_run", "require", "start", "train"]

_HOMES = {
    "Options": "dlx.run.options",
    "launch": "dlx.run.command",
    "open_run": "dlx.run.session",
    "require": "dlx.run.options",
    "start": "dlx.run.startup",
    "train": "dlx.run.session",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dlx.run' has no attribute {name!r}; it has {', '.join(__all__)}")
    # kept in the namespace: the next access does not come here
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
