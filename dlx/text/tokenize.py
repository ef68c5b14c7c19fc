"""Text -> tokens: characters, words, and the two ways in which the field's corpora are cleaned before."""

import re
from collections.abc import Iterable

__all__ = ["characters", "letters_only", "lines_with_end", "separate_punctuation", "words"]

_PUNCTUATION = re.compile(r"(?<=[^\s.,!?;:])(?=[.,!?;:])")
_SPACES = re.compile(r"[\u00a0\u2009\u202f]")  # French puts them before ! ? ; :


def characters(text: str) -> list[str]:
    """A token for each character (Unicode code point), white space too; "".join is the inverse.

    Args:
      text: any string.
    Returns: its characters in order.
    Source: notes 001 section 8 (each character becomes an index).
    """
    return list(text)


def words(text: str) -> list[str]:
    """A token for each run of characters between white space.

    What white space there was is lost: " ".join is the inverse for text with single spaces.

    Args:
      text: any string.
    Returns: its words in order; none for a text of nothing but white space.
    Source: notes 001 section 8 (each word becomes an index).
    """
    return text.split()


def letters_only(text: str) -> str:
    """Lower case a to z, and one space for each run of anything else.

    Args:
      text: any string; letters with accents count as anything else.
    Returns: the cleaned text, without space at its ends.
    Source: Zhang et al., Dive into Deep Learning, section 9.2 (The Time Machine).
    """
    return re.sub("[^a-z]+", " ", text.lower()).strip()


def separate_punctuation(text: str) -> str:
    """Lower case, with a space before each of . , ! ? ; : that follows something else, so that `words` cuts it off.

    Marks that follow each other stay together. No-break and thin spaces become spaces.

    Args:
      text: any string.
    Returns: the cleaned text.
    Source: Zhang et al., Dive into Deep Learning, section 10.5 (English-French), which treats . , ! ?.
    """
    return _PUNCTUATION.sub(" ", _SPACES.sub(" ", text).lower())


def lines_with_end(text: str, *, end: str = "<eos>") -> list[str]:
    """Words of a text, with a mark after each line, the empty ones too.

    Args:
      text: lines that each end in a newline; a last one without it counts as well.
      end: the mark.
    Returns: words and marks in order.
    Source: Zaremba et al. 2014 (Penn Treebank: the end of a line is a token).
    """
    lines: Iterable[str] = text.split("\n")[: None if text and not text.endswith("\n") else -1]
    return [token for line in lines for token in (*line.split(), end)]
