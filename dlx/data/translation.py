"""Pairs of sentences as arrays for translation, with a vocabulary of each side."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from dlx.checks import check_count
from dlx.data.cards import Split
from dlx.data.sequences import translation_data
from dlx.data.texts import TextSet
from dlx.errors import DatasetError
from dlx.text import BOS, EOS, PAD, RESERVED, Vocabulary, build_vocabulary, characters, separate_punctuation, words

__all__ = ["PADDING", "Tokens", "TranslationSet", "translation_set"]

Tokens = Sequence[str]
PADDING = RESERVED.index(PAD)


class TranslationSet(NamedTuple):
    """Pairs of sentences, split and numbered.

    Fields:
      tokens: text -> its tokens.
      source, target: vocabularies of the training pairs.
      train, test: {"inputs", "targets", "labels"} of `translation_data`, padded to `length`.
      pairs: the tokens of the test pairs, as they were before words became <unk>.
      length: of a padded sentence, <eos> counted.
    """

    tokens: Callable[[str], list[str]]
    source: Vocabulary
    target: Vocabulary
    train: Split
    test: Split
    pairs: list[tuple[list[str], list[str]]]
    length: int

    @property
    def references(self) -> dict[tuple[str, ...], list[list[str]]]:
        """Each source of the test pairs with all its translations."""
        found: dict[tuple[str, ...], list[list[str]]] = {}
        for source, target in self.pairs:
            found.setdefault(tuple(source), []).append(target)
        return found


def translation_set(
    text: TextSet, *, vocabulary: int = 5000, max_tokens: int = 9, held: Literal["test", "validation"] = "test"
) -> TranslationSet:
    """Short pairs of a text, with vocabularies of the training split.

    The tokens are words and marks in lower case, or the characters of a generated task. What stands in both splits as
    the same source, after lower case, is left out of the test pairs.

    Args:
      text: of `dlx.data.load_text`, pairs.
      vocabulary: tokens of each side, reserved ones counted; the rarer ones become <unk>.
      max_tokens: of a sentence; pairs with a longer one are left out.
      held: which split the test pairs come from; recipes are chosen on "validation".
    Returns: TranslationSet.
    Raises: DatasetError if the text has no pairs, or none so short; ValueError if a number is not positive.
    """
    check_count("vocabulary", vocabulary)
    check_count("max_tokens", max_tokens)
    if text.card.kind != "pairs":
        raise DatasetError(f"{text.name} holds no pairs of sentences.")
    tokens: Callable[[str], list[str]] = characters if text.card.tier == 1 else _words_and_marks

    def short(split: Sequence[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
        both = [(tokens(source), tokens(target)) for source, target in split]
        return [pair for pair in both if all(0 < len(side) <= max_tokens for side in pair)]

    train = short(text.train)
    seen = {tuple(source) for source, _ in train}
    pairs = [pair for pair in short(getattr(text, held)) if tuple(pair[0]) not in seen]
    if not train or not pairs:
        raise DatasetError(f"{text.name} has no pairs of at most {max_tokens} tokens a side.")
    source, target = (
        build_vocabulary([token for pair in train for token in pair[side]], size=vocabulary) for side in (0, 1)
    )

    def arrays(split: Sequence[tuple[list[str], list[str]]]) -> Split:
        made = translation_data(
            [source.encode(one) for one, _ in split],
            [target.encode(other) for _, other in split],
            bos=target.index(BOS),
            eos=target.index(EOS),
            pad=PADDING,
            source_length=max_tokens + 1,
            target_length=max_tokens + 1,
        )
        return {name: made[name] for name in ("inputs", "targets", "labels")}

    return TranslationSet(tokens, source, target, arrays(train), arrays(pairs), pairs, max_tokens + 1)


def _words_and_marks(text: str) -> list[str]:
    return words(separate_punctuation(text))
