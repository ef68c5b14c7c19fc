"""Bytes of published files -> splits of texts, pairs and labelled names. Every choice of a split is made here."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from dlx.data.batching import fixed_order, stratified
from dlx.errors import DatasetError

__all__ = ["contiguous", "documentation", "names", "official", "pairs", "poems"]

T = TypeVar("T")
Splits = dict[str, Any]
Decoder = Callable[[Mapping[str, bytes]], Splits]
_PARTS = 20  # a hash puts a sentence or a topic into one of them


def contiguous(file: str, train: float, validation: float) -> Decoder:
    """A decoder of one text, cut into its beginning, its middle and its end; shares of its characters."""

    def decode(contents: Mapping[str, bytes]) -> Splits:
        text = _text(contents, file)
        first, second = int(len(text) * train), int(len(text) * (train + validation))
        return {"train": text[:first], "validation": text[first:second], "test": text[second:]}

    return decode


def official(files: Mapping[str, str]) -> Decoder:
    """A decoder of published splits; split -> file."""
    return lambda contents: {split: _text(contents, file) for split, file in files.items()}


def poems(file: str) -> Decoder:
    """A decoder of poems: 90, 5 and 5 per cent of them, a blank line after each."""

    def decode(contents: Mapping[str, bytes]) -> Splits:
        try:
            several = ["\n".join(poem["paragraphs"]) for poem in json.loads(contents[file])]
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{file}: not a list of poems with paragraphs: {error!r}") from None
        # the same poem twice would stand in two splits
        several = list(dict.fromkeys(several))
        chosen = _shares(several, 0.05)
        return {split: "".join(f"{poem}\n\n" for poem in part) for split, part in chosen.items()}

    return decode


def pairs(file: str) -> Decoder:
    """A decoder of lines `source TAB target`; a hash of the source says in which split a pair is."""

    def decode(contents: Mapping[str, bytes]) -> Splits:
        splits: Splits = {"train": [], "validation": [], "test": []}
        for number, line in enumerate(_text(contents, file).rstrip("\n").split("\n"), 1):
            parts = line.split("\t")
            if len(parts) < 2:
                raise DatasetError(f"{file}: line {number}: no tab between source and target: {line!r}")
            splits[_split_of(parts[0], validation=0, test=1)].append((parts[0], parts[1]))
        return splits

    return decode


def names(contents: Mapping[str, bytes]) -> Splits:
    """Names with their language: 80, 10 and 10 per cent of each language, without repeats inside a language."""
    labelled: list[tuple[str, str]] = []
    for file in sorted(contents):
        language = file.removesuffix(".txt")
        # dict.fromkeys: repeats go, the order stays
        labelled += [(name, language) for name in dict.fromkeys(_text(contents, file).split("\n")) if name.strip()]
    rest, test = _stratified(labelled, len(labelled) // 10)
    train, validation = _stratified(rest, len(test))
    return {"train": train, "validation": validation, "test": test}


def documentation(topics: Mapping[str, str]) -> Splits:
    """Python's documentation topics; a hash of a topic's name says in which split it is.

    Sections stand in several topics; a paragraph is kept in the first of them only, so that no split repeats another.

    Args:
      topics: name -> text.
    Returns: texts.
    """
    splits: Splits = {"train": "", "validation": "", "test": ""}
    seen: set[str] = set()
    for name in sorted(topics):
        kept = []
        for paragraph in re.split(r"\n\s*\n", topics[name].strip("\n")):
            key = " ".join(paragraph.split())
            if key not in seen:
                seen.add(key)
                kept.append(paragraph.rstrip())
        splits[_split_of(name, validation=12, test=19)] += "".join(f"{paragraph}\n\n" for paragraph in kept)
    return splits


def _text(contents: Mapping[str, bytes], file: str) -> str:
    """UTF-8, or an error with the byte."""
    try:
        return contents[file].decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: byte offset {error.start}: not UTF-8: {error.reason}") from None


def _split_of(text: str, *, validation: int, test: int) -> str:
    """Split of a text by a hash of it: the same whatever other texts are there."""
    part = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % _PARTS
    return {validation: "validation", test: "test"}.get(part, "train")


def _shares(items: Sequence[T], share: float) -> dict[str, list[T]]:
    """Validation and test of `share` each; every split in the order of `items`."""
    held = int(len(items) * share)
    order = fixed_order(len(items))
    parts = {"validation": order[:held], "test": order[held : 2 * held], "train": order[2 * held :]}
    return {split: [items[i] for i in sorted(numbers.tolist())] for split, numbers in parts.items()}


def _stratified(labelled: Sequence[tuple[str, str]], held: int) -> tuple[list, list]:
    """Each language has its share in both parts."""
    languages = sorted({language for _, language in labelled})
    kept, out = stratified(np.array([languages.index(language) for _, language in labelled]), held)
    return [labelled[i] for i in kept.tolist()], [labelled[i] for i in out.tolist()]
