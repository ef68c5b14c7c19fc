"""Published files on disk: by canonical name, plain or .gz, at any depth, accepted by the sha256 of their content."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dlx.data.decode import read_content
from dlx.errors import DatasetError

__all__ = ["AbsentError", "Archive", "Found", "find_archives"]


class AbsentError(DatasetError):
    """A place that simply does not have the data; nothing is damaged."""


class Archive(NamedTuple):
    """A published file.

    Attributes:
      name: canonical name without .gz; an archive that is used as it is published keeps its .tar.gz.
      content: sha256 of the decompressed content (of the file itself for a .tar.gz).
      published: sha256 of the file as it is served.
      urls: where it is served, best first; their last part is `name` or `name`.gz.
    """

    name: str
    content: str
    published: str
    urls: tuple[str, ...]


class Found(NamedTuple):
    """What a search gave.

    Attributes:
      contents: name of an archive -> its decompressed content, for those that were found.
      notes: one line for each place or file that did not serve.
      damaged: those of the notes that tell of a damaged file.
    """

    contents: dict[str, bytes]
    notes: list[str]
    damaged: list[str]


def find_archives(archives: Iterable[Archive], roots: Iterable[Path], others: Mapping[str, str] | None = None) -> Found:
    """Searches folders for published files.

    Args:
      archives: the files that are wanted.
      roots: folders to search at any depth, symbolic links followed.
      others: sha256 of content -> data set, of files that may bear the same name and belong to another data set.
    Returns: contents of those found, and a line about each place and each file that did not serve.
    """
    wanted = {archive.name: archive for archive in archives}
    found = Found({}, [], [])
    for root in roots:
        for path in _walk(root, found.notes):
            name = path.name if path.name in wanted else path.name.removesuffix(".gz")
            if name not in wanted or name in found.contents:
                continue
            try:
                content = read_content(path)
            except DatasetError as error:
                found.notes.append(str(error))
                found.damaged.append(str(error))
                continue
            digest = hashlib.sha256(content).hexdigest()
            if digest == wanted[name].content:
                found.contents[name] = content
            elif others and digest in others:
                found.notes.append(f"{path}: belongs to {others[digest]}")
            else:
                note = (
                    f"{path}: damaged or another file of that name: its content ({len(content)} bytes) has sha256 "
                    f"{digest}, expected {wanted[name].content}"
                )
                found.notes.append(note)
                found.damaged.append(note)
        missing = [name for name in wanted if name not in found.contents]
        if not missing:
            break
        found.notes.append(f"{root}: no {', '.join(missing)} (plain or .gz, at any depth)")
    return found


def _walk(root: Path, notes: list[str]) -> Iterator[Path]:
    """Files below `root` in a fixed order; a line in `notes` for each folder that cannot be read."""
    seen = set()
    walk = os.walk(
        root,
        followlinks=True,
        onerror=lambda error: notes.append(f"{error.filename}: cannot be read: {error.strerror}"),
    )
    for folder, below, files in walk:
        real = os.path.realpath(folder)
        if real in seen:  # a circle of symbolic links
            below.clear()
            continue
        seen.add(real)
        below.sort()
        yield from (Path(folder, file) for file in sorted(files))
