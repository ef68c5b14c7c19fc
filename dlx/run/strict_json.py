"""JSON as the standard has it: NaN and infinity become null, arrays become lists, a dataclass an object."""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["dumps", "plain", "write"]


def plain(value: Any) -> Any:
    """The value in the types of JSON.

    Args:
      value: nested mappings, sequences, dataclasses, paths, numbers, NumPy or JAX scalars and arrays.
    Raises: TypeError for anything else.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):  # NumPy and JAX, scalars too
        return plain(value.tolist())
    raise TypeError(f"cannot be written as JSON: {type(value).__name__} {value!r}")


def dumps(value: Any, *, indent: int | None = None) -> str:
    """One JSON text of `plain(value)`, ASCII only, so that every terminal and locale can show it."""
    return json.dumps(plain(value), allow_nan=False, indent=indent)


def write(path: Path, value: Any) -> None:
    """Writes a JSON file whole or not at all: temporary name, then rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(dumps(value, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)
