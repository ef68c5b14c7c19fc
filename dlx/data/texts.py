"""Named texts: running text, pairs of sentences, labelled names; embedded ones, and canonical files by checksum."""

import difflib
import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

from dlx.data import decode_texts, text_archives
from dlx.data.find import Archive
from dlx.data.gather import Member, gather
from dlx.data.tasks import Task, sequence_task
from dlx.errors import DatasetError, UsageError

__all__ = ["TextCard", "TextSet", "load_text", "text_names"]

_TASK_SPLITS = {"train": 10_000, "validation": 1_000, "test": 1_000}


class TextCard(NamedTuple):
    """Facts about a text, known without loading it.

    Attributes:
      name: the name that `load_text` takes.
      title: one line.
      description: what it holds, and every choice that was made in preparing it.
      kind: what a split is: "text" a string, "pairs" a list of (source, target), "labelled" a list of (text, label).
      sizes: characters or pairs of train, validation and test; None where they depend on the version of Python.
      classes: the labels in the order of their numbers; empty unless `kind` is "labelled".
      licence: licence of the text.
      source: where it comes from.
      citation: what to cite.
      tier: 1 embedded or generated, 3 canonical files.
    """

    name: str
    title: str
    description: str
    kind: Literal["text", "pairs", "labelled"]
    sizes: tuple[int, int, int] | None
    classes: tuple[str, ...]
    licence: str
    source: str
    citation: str
    tier: Literal[1, 3]


class TextSet(NamedTuple):
    """A text and what is known about it.

    Attributes:
      name: the name that `load_text` takes.
      train: a string or a list of pairs, as the card's `kind` says.
      validation: the same.
      test: the same; empty where the field uses none.
      card: facts about the text.
    """

    name: str
    train: Any
    validation: Any
    test: Any
    card: TextCard


class TextEntry(NamedTuple):
    """How a text comes about: made, or decoded from files, some of them members of a .zip."""

    card: TextCard
    make: Callable[[], dict[str, Any]] | None = None
    archives: tuple[Archive, ...] = ()
    decode: Callable[[Mapping[str, bytes]], dict[str, Any]] | None = None
    members: Mapping[str, Member] | None = None


def text_names() -> tuple[str, ...]:
    """Names of all texts, embedded ones first. Loads nothing.

    Returns: what `load_text` takes.
    """
    return tuple(text_catalogue())


def load_text(name: str) -> TextSet:
    """Loads a text with its splits.

    Embedded and generated ones need no file. The others are found under DLX_DATA_DIR by their published name, plain or
    .gz, at any depth, or in the cache folder, or are fetched; each file is accepted by its sha256. Never is one text
    replaced by another.

    Args:
      name: one of `text_names()`.
    Returns: train, validation and test, and the card.
    Raises: UsageError on an unknown name; DatasetError if no place has the files, with all that was tried.
    """
    return load_text_from(text_catalogue(), name)


def load_text_from(entries: Mapping[str, TextEntry], name: str) -> TextSet:
    """`load_text` with a catalogue of one's own.

    Args:
      entries: name -> entry.
      name: one of them.
    Returns: train, validation and test, and the card.
    """
    if name not in entries:
        near = difflib.get_close_matches(str(name).lower().replace("-", "_"), entries, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        raise UsageError(f"Unknown text {name!r}{hint} The texts are: {', '.join(entries)}.")
    entry = entries[name]
    if entry.make:
        splits = entry.make()
    elif entry.decode:
        splits = entry.decode(_contents(entry))
    else:
        raise DatasetError(f"{name} has files but no decoder")
    return TextSet(name, splits["train"], splits["validation"], splits["test"], entry.card)


def _contents(entry: TextEntry) -> dict[str, bytes]:
    """Content of all files, from the first places that have them."""
    found = gather(entry.archives, name=entry.card.name, members=entry.members)
    if found.missing:
        raise DatasetError(_advice(entry, found.missing, found.notes))
    for note in found.damaged:
        warnings.warn(note, stacklevel=4)
    return found.contents


def _advice(entry: TextEntry, missing: list[Archive], notes: list[str]) -> str:
    """What was tried, how to put the files there, and which texts need none."""
    pairs = entry.card.kind == "pairs"
    instead = "copy, reverse, sort and addition are embedded and need" if pairs else "python_docs is embedded and needs"
    lines = [
        f"Text {entry.card.name!r} was not found. Tried:",
        *(f"- {note}" for note in dict.fromkeys(notes)),
        "To bring it in:",
        f"- put {', '.join(a.name for a in missing)} (from {entry.card.source}) anywhere under a folder, plain or .gz, "
        "and name the folder in DLX_DATA_DIR, or",
        "- run once with a network; the files are kept in the cache folder.",
        f"Without any of these: {instead} no file.",
    ]
    return "\n".join(lines)


def _documentation() -> dict[str, Any]:
    """The text that the running Python carries."""
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise DatasetError(f"This Python was installed without its documentation topics: {error}.") from error
    return decode_texts.documentation(topics)


def _task(task: Task) -> dict[str, Any]:
    """Splits of one draw, so that no source is in two of them."""
    pairs = sequence_task(task, examples=sum(_TASK_SPLITS.values()), max_length=10 if task != "addition" else 4)
    ends = (_TASK_SPLITS["train"], _TASK_SPLITS["train"] + _TASK_SPLITS["validation"])
    return {"train": pairs[: ends[0]], "validation": pairs[ends[0] : ends[1]], "test": pairs[ends[1] :]}


def _generated(task: Task) -> TextEntry:
    what = {
        "copy": "1 to 10 lower case letters, and the same",
        "reverse": "1 to 10 lower case letters, and the same from the end to the beginning",
        "sort": "1 to 10 lower case letters, and the same in alphabetical order",
        "addition": "two numbers of 1 to 4 digits with a plus between, and their sum",
    }[task]
    sizes = _TASK_SPLITS["train"], _TASK_SPLITS["validation"], _TASK_SPLITS["test"]
    card = TextCard(
        task, f"Generated strings: {task}", f"Pairs: {what}. The sources are all different. `dlx.data.sequence_task` "
        "makes others.", "pairs", sizes, (), "Apache-2.0", "dlx.data.sequence_task", "none", 1,
    )  # fmt: skip
    return TextEntry(card, functools.partial(_task, task))


@functools.cache
def text_catalogue() -> dict[str, TextEntry]:
    """All named texts.

    Returns: name -> entry.
    """
    from dlx.data.text_cards import CARDS

    files, decode = text_archives, decode_texts
    stored = {
        "tiny_shakespeare": (files.TINY_SHAKESPEARE, decode.contiguous("input.txt", 0.9, 0.1), None),
        "time_machine": (files.TIME_MACHINE, decode.contiguous("timemachine.txt", 0.9, 0.05), None),
        "ptb": (files.PTB, _official("ptb.{}.txt"), files.PTB_ZIP),
        "wikitext2": (files.WIKITEXT2, _official("wiki.{}.tokens"), None),
        "tang_poems": (files.TANG_POEMS, decode.poems("tangshi300.json"), None),
        "song_poems": (files.SONG_POEMS, decode.poems("songci300.json"), None),
        "fra_eng": (files.FRA_ENG, decode.pairs("fra.txt"), files.FRA_ENG_ZIP),
        "names": (files.NAMES, decode.names, None),
    }
    return {
        "python_docs": TextEntry(CARDS["python_docs"], _documentation),
        **{task: _generated(task) for task in get_args(Task)},
        **{name: TextEntry(CARDS[name], None, *rest) for name, rest in stored.items()},
    }


def _official(form: str) -> decode_texts.Decoder:
    return decode_texts.official({s: form.format(s[:5]) for s in ("train", "validation", "test")})
