"""Named texts as ids of one vocabulary: what a language model trains on and is tested on."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from dlx.data.texts import TextCard, load_text
from dlx.errors import UsageError

if TYPE_CHECKING:
    from dlx.text import Vocabulary

__all__ = ["Corpus", "load_corpus"]

END = "<eos>"
_IN_WORDS = ("ptb", "wikitext2")  # their files hold words between spaces


class Corpus(NamedTuple):
    """A text in ids.

    Attributes:
      vocabulary: of the training split.
      train: (time,) int32.
      validation: (time,) int32.
      test: (time,) int32; nothing to predict where the field has no test split.
      unit: "words" or "characters".
      card: facts about the text.
    """

    vocabulary: "Vocabulary"
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    unit: Literal["words", "characters"]
    card: TextCard

    def encode(self, text: str) -> np.ndarray:
        """(time,) ids of a text that is made of words between spaces, or of characters."""
        return self.vocabulary.encode(text.split() if self.unit == "words" else text)

    def decode(self, ids: Any) -> str:
        """The text of ids."""
        return (" " if self.unit == "words" else "").join(self.vocabulary.decode(ids))

    def lines(self, ids: Any) -> str:
        """The text of ids as one reads it: of words, a new line behind each <eos>, which is left out."""
        text = self.decode(ids)
        return text.replace(f" {END} ", "\n").removesuffix(f" {END}") if self.unit == "words" else text


def load_corpus(
    name: str,
    unit: Literal["words", "characters"],
    *,
    min_frequency: int = 1,
    size: int | None = None,
    letters: bool = False,
    first: int | None = None,
) -> Corpus:
    """Loads a named text, and its splits as ids.

    Words: each line ends in <eos>, which also stands before each split, so that its first word has a context and every
    word of the split is predicted. Text that is no list of words is put in lower case and its punctuation cut off.
    What the vocabulary lacks is <unk>, id 0.

    Args:
      name: of a text of `text_names()`, not of pairs or labelled names.
      unit: "words" or "characters".
      min_frequency: how often a word or character must stand in the training split to be in the vocabulary.
      size: ids at most.
      letters: keep nothing but lower case letters and single spaces, see `dlx.text.letters_only`.
      first: keep only so many words or characters of the training split, which then is the validation split too: a
        text to be learnt by heart.
    Returns: Corpus.
    Raises: UsageError if the text has another kind, or `unit` is unknown; DatasetError if it cannot be found.
    """
    # dlx.text imports JAX
    from dlx.text import UNK, build_vocabulary, letters_only, lines_with_end, separate_punctuation

    if unit not in ("words", "characters"):
        raise UsageError(f"A corpus is made of words or of characters, not of {unit!r}.")
    found = load_text(name)
    if found.card.kind != "text":
        raise UsageError(f"--dataset {name} holds {found.card.kind}, not a running text.")

    def tokens(split: str) -> list[str]:
        content = letters_only(split) if letters else split
        if unit == "characters":
            return list(content)
        return lines_with_end(content if name in _IN_WORDS else separate_punctuation(content), end=END)

    splits = [tokens(split) for split in (found.train, found.validation, found.test)]
    if first is not None:
        splits = [splits[0][:first], splits[0][:first], []]
    vocabulary = build_vocabulary(splits[0], min_frequency=min_frequency, size=size, reserved=(UNK,))
    before = [END] if unit == "words" else []
    train, validation, test = (vocabulary.encode([*before, *split]) for split in splits)
    return Corpus(vocabulary, train, validation, test, unit, found.card)
