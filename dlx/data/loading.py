"""`load`: a name -> arrays and a card, looked up on disk first; what fails says what was tried and what to do."""

import contextlib
import difflib
import hashlib
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from dlx.data.cache import cache_folder, read_cache, write_cache
from dlx.data.cards import Card, Dataset, Split
from dlx.data.catalogue import Entry, catalogue
from dlx.data.checks import check
from dlx.data.fetch import fetch_archive, unreachable
from dlx.data.find import AbsentError, find_archives
from dlx.data.prepared import prepared_root, read_prepared
from dlx.errors import DatasetError, UsageError

__all__ = ["card", "load", "names"]

_PATIENCE = 1.0  # seconds after which a person wants to know what goes on
_FORMAT = 1  # of the cached arrays; a change makes older caches be rebuilt


def names() -> tuple[str, ...]:
    """Names of all data sets, embedded ones first. Loads nothing.

    Returns: what `load` and `card` take.
    """
    return tuple(catalogue())


def card(name: str) -> Card:
    """Facts about a data set, without loading it.

    Args:
      name: one of `names()`.
    Returns: its card.
    Raises: UsageError on an unknown name, with the nearest ones.
    """
    return _entry(name, catalogue()).card


def load(name: str, *, cache: bool = True) -> Dataset:
    """Loads a data set.

    Embedded and generated sets need no file. The others are looked for in the cache, in a folder that TFDS prepared
    (TFDS_DATA_DIR), among the files under DLX_DATA_DIR, and are fetched last. Whichever serves, the arrays are the
    same, in their published order. Never is one data set replaced by another.

    Args:
      name: one of `names()`.
      cache: keep the arrays in one memory-mapped file in the cache folder (DLX_CACHE_DIR), and read them from there;
        they are read-only then.
    Returns: train and test arrays and the card.
    Raises: UsageError on an unknown name; DatasetError if no place has the data, with all that was tried.
    """
    return load_from(catalogue(), name, cache=cache)


def load_from(entries: Mapping[str, Entry], name: str, *, cache: bool = True) -> Dataset:
    """`load` with a catalogue of one's own.

    Args:
      entries: name -> entry.
      name: one of them.
      cache: as in `load`.
    Returns: train and test arrays and the card.
    """
    entry = _entry(name, entries)
    splits = entry.make() if entry.make else _stored(entry, entries, cache)
    return Dataset(name, splits["train"], splits["test"], entry.card)


def _entry(name: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry, or an error with the nearest names."""
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(str(name).lower().replace("-", "_"), entries, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    raise UsageError(f"Unknown data set {name!r}{hint} The data sets are: {', '.join(entries)}.")


def _stored(entry: Entry, entries: Mapping[str, Entry], cache: bool) -> dict[str, Split]:
    """Arrays of tiers 2 and 3: from the cache, else from the first place that has them."""
    path, key = cache_folder() / f"{entry.card.name}.dlxdata", _key(entry)
    rebuilding = ""
    if cache:
        try:
            arrays = read_cache(path, key)
        except DatasetError as error:
            rebuilding, arrays = f"{error}; it is made anew", None
        if arrays is not None:
            return _nested(arrays)
    with _announced(f"preparing {entry.card.name} ..." + (" (once: the cache keeps it)" if cache else "")):
        splits, damaged = _first(entry, entries, f"cache: {rebuilding or path}" + ("" if rebuilding else ": not there"))
    for note in [rebuilding, *damaged]:
        if note:
            warnings.warn(note, stacklevel=4)
    for split, data in splits.items():
        check(data, classes=len(entry.card.classes) or None, where=f"{entry.card.name} {split}")
    if not cache:
        return splits
    try:
        write_cache(path, {f"{s}.{name}": array for s, data in splits.items() for name, array in data.items()}, key)
        return _nested(read_cache(path, key) or {})
    except OSError as error:
        warnings.warn(f"{path}: the data are not cached: {error.strerror}", stacklevel=4)
        return splits


@contextlib.contextmanager
def _announced(line: str) -> Iterator[None]:
    """Says on standard error what takes so long, if it does take long."""
    timer = threading.Timer(_PATIENCE, lambda: print(line, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _first(entry: Entry, entries: Mapping[str, Entry], note: str) -> tuple[dict[str, Split], list[str]]:
    """Arrays from the first place that has them, and what was found damaged on the way."""
    notes = [note]
    damaged: list[str] = []
    for place, read in _places(entry, entries, notes, damaged):
        try:
            return read(), damaged
        except AbsentError as error:
            notes.append(f"{place}: {error}")
        except DatasetError as error:
            notes.append(f"{place}: {error}")
            damaged.append(str(error))
    raise DatasetError(_advice(entry, notes))


def _places(
    entry: Entry, entries: Mapping[str, Entry], notes: list[str], damaged: list[str]
) -> Iterator[tuple[str, Callable[[], dict[str, Split]]]]:
    """The places to look at after the cache, in order."""
    if entry.prepared:
        yield "prepared", lambda: _prepared(entry)
    yield "fetch", lambda: _archives(entry, entries, notes, damaged)


def _prepared(entry: Entry) -> dict[str, Split]:
    """TFDS's folder; its pixels are compared with those published, since PNG records carry no checksum that is read."""
    root = prepared_root()
    splits = read_prepared(str(entry.prepared), root, entry.card)
    for split, expected in entry.digests.items():
        found = hashlib.sha256(splits[split]["inputs"].data)
        found.update(splits[split]["labels"].astype(np.uint8).data)
        if found.hexdigest() != expected:
            raise DatasetError(
                f"{root / str(entry.prepared)}: damaged: the examples of split {split!r} have sha256 "
                f"{found.hexdigest()}, expected {expected}"
            )
    return splits


def _archives(entry: Entry, entries: Mapping[str, Entry], notes: list[str], damaged: list[str]) -> dict[str, Split]:
    """Published files: those on disk, and the rest fetched."""
    named, downloads = os.environ.get("DLX_DATA_DIR"), cache_folder() / "downloads" / entry.card.name
    if not named:
        notes.append("files: DLX_DATA_DIR is not set")
    roots = [Path(named).expanduser()] if named else []
    others = {a.content: e.card.name for e in entries.values() if e is not entry for a in e.archives}
    found = find_archives(entry.archives, [*roots, *([downloads] if os.path.isdir(downloads) else [])], others)
    notes += [f"files: {note}" for note in found.notes]
    damaged += found.damaged
    missing = [archive for archive in entry.archives if archive.name not in found.contents]
    closed = unreachable([url for archive in missing for url in archive.urls])
    contents = found.contents | {archive.name: fetch_archive(archive, downloads, closed) for archive in missing}
    if entry.decode is None:
        raise DatasetError(f"{entry.card.name} has files but no decoder")
    return entry.decode(contents)


def _advice(entry: Entry, notes: list[str]) -> str:
    """What was tried, how to put the data there, and what runs without them."""
    files = ", ".join(
        archive.urls[0].rsplit("/", 1)[-1] if archive.urls else archive.name for archive in entry.archives
    )
    ways = [
        f"- put {files}"
        + (f" (from {entry.archives[0].urls[0].rsplit('/', 1)[0]}/)" if entry.archives[0].urls else "")
        + " anywhere under a folder and name that folder in DLX_DATA_DIR, or",
        "- run once with a network; the data are kept in the cache folder.",
    ]
    if entry.prepared:
        ways.insert(0, f"- name a folder with {entry.prepared} as TFDS prepares it (array_record) in TFDS_DATA_DIR, or")
    lines = [f"Data set {entry.card.name!r} was not found. Tried:", *(f"- {note}" for note in notes)]
    instead = f"Without any of these: --dataset {entry.instead} is embedded and needs no file."
    return "\n".join([*lines, "To bring it in:", *ways, instead])


def _key(entry: Entry) -> str:
    """Changes whenever the cached arrays might."""
    facts = (
        _FORMAT,
        (entry.card.description, entry.card.input_shape, entry.card.dtype),
        tuple((a.name, a.content) for a in entry.archives),
        tuple(entry.digests.items()),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _nested(arrays: dict[str, np.ndarray]) -> dict[str, Split]:
    """{"train.inputs": a} -> {"train": {"inputs": a}}."""
    splits: dict[str, Split] = {"train": {}, "test": {}}
    for name, array in arrays.items():
        split, part = name.split(".")
        splits[split][part] = array
    return splits
