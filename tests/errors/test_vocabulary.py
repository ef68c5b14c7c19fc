"""What vocabularies say of unknown tokens, wrong ids and another training's vocabulary."""

import numpy as np
import pytest

from dlx.errors import CheckpointError
from dlx.text import Vocabulary, build_vocabulary

LETTERS = build_vocabulary("hello", reserved=())
WORDS = build_vocabulary(["to", "be"])
CASES = [
    (
        lambda: LETTERS.encode("help!!"),
        ValueError,
        r"tokens: got 'p', '!', first at 3, not in .* 4 tokens, which has no",
    ),
    (lambda: WORDS.encode(["to", "go"], strict=True), ValueError, "tokens: got 'go', first at 1, .* of 6 tokens$"),
    (lambda: LETTERS.encode("abcdfgijkm"), ValueError, r"'a', 'b', 'c', 'd', 'f', 'g', 'i', 'j', \.\.\., first at 0"),
    (lambda: LETTERS.index("<eos>"), ValueError, "token: got '<eos>', which is not in the vocabulary of 4"),
    (lambda: LETTERS.decode([0, 4]), ValueError, "ids: got 4, wanted 0 to 3"),
    (lambda: LETTERS.decode([-1]), ValueError, "ids: got -1, wanted 0 to 3"),
    (lambda: LETTERS.decode(np.zeros((2, 3), int)), ValueError, r"ids: got shape \(2, 3\), wanted \(time,\)"),
    (lambda: LETTERS.decode([0.5]), TypeError, "ids: got dtype float64, wanted integers"),
    (lambda: Vocabulary(["a", "b", "a"]), ValueError, "tokens: got 'a' more than once"),
    (lambda: Vocabulary([]), ValueError, "tokens: got none"),
    (lambda: Vocabulary(["a", 3]), TypeError, "tokens: got 3 of type int, wanted strings"),
    (lambda: Vocabulary(["a"], reserved=2), ValueError, "reserved: got 2, wanted 0 to 1"),
    (lambda: build_vocabulary("", reserved=()), ValueError, "tokens: got none"),
    (lambda: build_vocabulary("a", min_frequency=0), ValueError, "min_frequency: got 0"),
    (lambda: build_vocabulary("a", size=3), ValueError, "size: got 3, wanted at least 4"),
    (lambda: build_vocabulary("a", size=2.0), TypeError, "size: got 2.0"),
    (lambda: build_vocabulary("a", reserved=("x", "x")), ValueError, "tokens: got 'x' more than once"),
]


@pytest.mark.parametrize(("call", "error", "words"), CASES)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_another_vocabulary_than_the_checkpoints():
    with pytest.raises(CheckpointError) as caught:
        WORDS.check_fits(build_vocabulary(["to", "go", "go"]).as_dict())
    assert "another vocabulary, of 6 tokens (4 reserved), this one has 6 (4 reserved)" in str(caught.value)
    assert "they differ first at id 4: 'go' there, 'be' here" in str(caught.value)
    with pytest.raises(CheckpointError, match=r"of 4 tokens .* this one has 6"):
        WORDS.check_fits(LETTERS.as_dict())
    # one the beginning of the other
    with pytest.raises(
        CheckpointError, match=r"of 2 tokens \(0 reserved\), this one has 3 \(0 reserved\)\. Use the text"
    ):
        Vocabulary("abc").check_fits(Vocabulary("ab").as_dict())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tokens": [*"uvwxyz"]}, "its tokens have the digest"),
        ({"digest": 3}, "3 was saved with them"),
        ({"reserved": "1"}, "is damaged"),
        ({"tokens": 5}, "is damaged"),
    ],
)
def test_a_damaged_one(change, words):
    with pytest.raises(CheckpointError, match=words):
        Vocabulary.from_dict({**WORDS.as_dict(), **change})
    with pytest.raises(CheckpointError, match="is damaged: 'digest'"):
        Vocabulary.from_dict({"tokens": ["a"], "reserved": 0})
