"""Subwords: byte-level byte-pair encoding by the package tokenizers (`pip install dlx[text]`)."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from dlx.errors import DatasetError, UsageError

__all__ = ["Subwords", "train_subwords"]

_RESERVED = ("<pad>", "<bos>", "<eos>", "<unk>")


class Subwords:
    """A byte-level tokenizer: every text has ids, and `decode(encode(text))` is the text.

    Args:
      content: the JSON that `as_json` gave.
    Raises: UsageError without the package tokenizers; DatasetError if the content is damaged.
    """

    def __init__(self, content: str) -> None:
        try:
            json.loads(content)
            self._tokenizer = _package().Tokenizer.from_str(content)
        except UsageError:
            raise
        # the package raises plain Exception
        except Exception as error:
            raise DatasetError(f"This is no saved tokenizer: {error}.") from error

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def index(self, token: str) -> int:
        """The id of a token, a reserved one for example.

        Raises: ValueError if there is none.
        """
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise ValueError(f"token: got {token!r}, which is not among the {len(self)} subwords")
        return number

    def encode(self, text: str) -> np.ndarray:
        """Ids of a text, (time,) int32; the names of reserved tokens in a text become their ids."""
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    def decode(self, ids: Any) -> str:
        """The text of (time,) ids; reserved tokens are left out."""
        return self._tokenizer.decode(np.asarray(ids).tolist())

    def as_json(self) -> str:
        """What `Subwords` takes."""
        return self._tokenizer.to_str()


def train_subwords(texts: Iterable[str], *, size: int = 5000, min_frequency: int = 2) -> Subwords:
    """Learns byte-pair merges from texts.

    Args:
      texts: of the training split alone.
      size: ids, among them 4 reserved ones ("<pad>", "<bos>", "<eos>", "<unk>", ids 0 to 3) and the 256 bytes.
      min_frequency: how often a pair must occur to be merged.
    Returns: the tokenizer.
    Raises: UsageError without the package tokenizers; ValueError if `size` is below 260.
    Source: Sennrich et al. 2016; Radford et al. 2019, section 2.2 (bytes).
    """
    if size < 256 + len(_RESERVED):
        raise ValueError(f"size must be at least {256 + len(_RESERVED)}, the bytes and reserved tokens, not {size}")
    tokenizers = _package()
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=list(_RESERVED),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return Subwords(tokenizer.to_str())


def _package() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise UsageError("Subwords want the package tokenizers: pip install dlx[text].") from error
    return tokenizers
