"""Vocabulary: tokens <-> ids, with reserved tokens in front, and a digest that a checkpoint can be checked against."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dlx.checks import came, check_count, check_integers
from dlx.errors import CheckpointError

__all__ = ["BOS", "EOS", "PAD", "RESERVED", "UNK", "Vocabulary", "build_vocabulary"]

PAD, BOS, EOS, UNK = RESERVED = ("<pad>", "<bos>", "<eos>", "<unk>")
_SHOWN = 8  # tokens of a long list that an error names


class Vocabulary:
    """Tokens and their ids 0, ..., len - 1; `build_vocabulary` makes it of a text.

    Two vocabularies are equal if they hold the same tokens in the same order. Nothing changes one.

    Args:
      tokens: all different, in the order of their ids.
      reserved: how many of them, from id 0 on, are no part of the text.
    Raises: ValueError if a token comes twice or there is none; TypeError if one is no string.
    """

    def __init__(self, tokens: Iterable[str], *, reserved: int = 0) -> None:
        self.tokens = tuple(tokens)
        wrong = [token for token in self.tokens if not isinstance(token, str)]
        if wrong:
            raise TypeError(f"tokens: got {came(wrong[0])}, wanted strings")
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"tokens: got {twice!r} more than once, wanted tokens that are all different")
        if not 0 <= reserved <= len(self.tokens):
            raise ValueError(f"reserved: got {reserved}, wanted 0 to {len(self.tokens)}")
        if not self.tokens:
            raise ValueError("tokens: got none, wanted at least one")
        self.reserved = self.tokens[:reserved]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self.tokens, self.reserved) == (other.tokens, other.reserved)

    def __hash__(self) -> int:
        return hash((self.tokens, self.reserved))

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, {len(self.reserved)} reserved, {self.digest[:12]})"

    def index(self, token: str) -> int:
        """The id of a token that is there.

        Raises: ValueError if it is not.
        """
        if token not in self._ids:
            raise ValueError(f"token: got {token!r}, which is not in the vocabulary of {len(self)} tokens")
        return self._ids[token]

    def encode(self, tokens: Iterable[str], *, strict: bool = False) -> np.ndarray:
        """Ids of tokens.

        Args:
          tokens: a list of words, or a string for a vocabulary of characters.
          strict: refuse unknown tokens also where there is an <unk> that stands for them.
        Returns: (time,) int32.
        Raises: ValueError that names the unknown tokens, with the place of the first.
        """
        tokens = list(tokens)
        unknown = None if strict or UNK not in self.reserved else self._ids[UNK]
        ids = [self._ids.get(token, unknown) for token in tokens]
        if unknown is None and None in ids:
            missing = list(dict.fromkeys(token for token in tokens if token not in self._ids))
            listed = ", ".join(map(repr, missing[:_SHOWN])) + (", ..." if len(missing) > _SHOWN else "")
            raise ValueError(
                f"tokens: got {listed}, first at {ids.index(None)}, not in the vocabulary of {len(self)} tokens"
                + ("" if UNK in self.reserved else f", which has no {UNK}")
            )
        return np.array(ids, np.int32)

    def decode(self, ids: Any, *, skip_reserved: bool = False) -> list[str]:
        """Tokens of ids.

        Args:
          ids: (time,) integers.
          skip_reserved: leave reserved tokens out.
        Returns: the tokens; "".join or " ".join makes a text of them.
        Raises: ValueError if an id is outside 0..len-1 or `ids` is no vector; TypeError if they are no integers.
        """
        array = np.asarray(ids, np.int32 if np.size(ids) == 0 else None)
        check_integers("ids", array)
        if array.ndim != 1:
            raise ValueError(f"ids: got shape {array.shape}, wanted (time,); one sequence at a time")
        outside = array[(array < 0) | (array >= len(self))]
        if outside.size:
            raise ValueError(f"ids: got {outside[0]}, wanted 0 to {len(self) - 1}")
        first = len(self.reserved) if skip_reserved else 0
        return [self.tokens[number] for number in array.tolist() if number >= first]

    def unknown_share(self, tokens: Iterable[str]) -> float:
        """Share of tokens that are not in the vocabulary, <unk> counted as one of them; 0 of no tokens."""
        tokens = list(tokens)
        missing = sum(token not in self._ids or token == UNK for token in tokens)
        return missing / max(len(tokens), 1)

    @property
    def digest(self) -> str:
        """Sha256 of the tokens in their order, and how many are reserved."""
        content = json.dumps([len(self.reserved), *self.tokens], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold; `Vocabulary.from_dict` is the inverse."""
        return {"tokens": list(self.tokens), "reserved": len(self.reserved), "digest": self.digest}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Vocabulary":
        """The vocabulary that `as_dict` saved.

        Raises: CheckpointError if a part is missing or the digest is not that of the tokens.
        """
        try:
            vocabulary = cls(saved["tokens"], reserved=saved["reserved"])
            digest = saved["digest"]
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"The saved vocabulary is damaged: {error}.") from error
        if vocabulary.digest != digest:
            raise CheckpointError(
                f"The saved vocabulary is damaged: its tokens have the digest {vocabulary.digest[:12]}, "
                f"{str(digest)[:12]} was saved with them."
            )
        return vocabulary

    def check_fits(self, saved: Mapping[str, Any]) -> None:
        """Refuses a checkpoint that was trained with another vocabulary.

        Args:
          saved: what `as_dict` gave when it was trained.
        Raises: CheckpointError that names the first id at which the two differ.
        """
        other = Vocabulary.from_dict(saved)
        if self == other:
            return
        sizes = f"of {len(other)} tokens ({len(other.reserved)} reserved), this one has {len(self)}"
        differing = (i for i, (a, b) in enumerate(zip(other.tokens, self.tokens, strict=False)) if a != b)
        first = next(differing, None)
        where = (
            ""
            if first is None
            else f"; they differ first at id {first}: {other.tokens[first]!r} there, {self.tokens[first]!r} here"
        )
        raise CheckpointError(
            f"The checkpoint was trained with another vocabulary, {sizes} ({len(self.reserved)} reserved){where}. "
            "Use the text, tokens and minimum frequency of that training."
        )


def build_vocabulary(
    tokens: Iterable[str],
    *,
    min_frequency: int = 1,
    size: int | None = None,
    reserved: Sequence[str] = RESERVED,
) -> Vocabulary:
    """Vocabulary of the tokens of a text: reserved ones first, then by falling count, equal counts by code points.

    Args:
      tokens: a list of words, or a string for a vocabulary of characters; of the training split alone.
      min_frequency: how often a token must occur to be in; the others become <unk>.
      size: at most so many ids, the reserved ones among them; the rarest are left out.
      reserved: tokens that get the first ids whether they occur or not; without "<unk>", unknown tokens are an error.
    Returns: the vocabulary.
    Raises: ValueError if no id is left, `min_frequency` or `size` is not positive, or a reserved token comes twice;
      TypeError if those are no integers.
    Source: notes 001 section 8; Zhang et al., Dive into Deep Learning, section 9.2.
    """
    check_count("min_frequency", min_frequency)
    if size is not None:
        check_count("size", size)
        if size < len(reserved):
            raise ValueError(f"size: got {size}, wanted at least {len(reserved)}, the number of reserved tokens")
    counts = Counter(tokens)
    for token in reserved:
        counts.pop(token, None)
    kept = sorted((t for t, n in counts.items() if n >= min_frequency), key=lambda token: (-counts[token], token))
    return Vocabulary([*reserved, *kept][:size], reserved=len(reserved))
