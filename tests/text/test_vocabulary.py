"""dlx.text: tokens <-> ids, reserved tokens, minimum frequency, digests."""

import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx.text import BOS, EOS, PAD, RESERVED, UNK, Vocabulary, build_vocabulary

pytestmark = pytest.mark.row(137, function="dlx.text.build_vocabulary")
LINE = ["the", "cat", "sat", "on", "the", "mat", "the", "end"]


def test_by_hand():
    vocabulary = build_vocabulary(LINE)
    assert vocabulary.tokens == (PAD, BOS, EOS, UNK, "the", "cat", "end", "mat", "on", "sat")
    assert vocabulary.reserved == RESERVED == ("<pad>", "<bos>", "<eos>", "<unk>")
    ids = vocabulary.encode(["the", "dog", "sat"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [4, 3, 9]
    assert vocabulary.decode(ids) == ["the", UNK, "sat"]
    assert vocabulary.decode(ids, skip_reserved=True) == ["the", "sat"]
    assert [vocabulary.index(token) for token in RESERVED] == [0, 1, 2, 3]
    assert len(vocabulary) == 10
    assert "cat" in vocabulary
    assert "dog" not in vocabulary


@settings(deadline=None)
@given(st.text(min_size=1))
def test_round_trip_of_characters(text):
    vocabulary = build_vocabulary(text, reserved=())
    ids = vocabulary.encode(text)
    assert "".join(vocabulary.decode(ids)) == text
    assert ids.max() == len(set(text)) - 1
    # the commonest first
    counts = Counter(text)
    ordered = [counts[token] for token in vocabulary.tokens]
    assert ordered == sorted(ordered, reverse=True)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "dd", "e f", UNK, EOS]), max_size=30), st.integers(1, 4), st.randoms())
def test_frequency_and_order(tokens, least, random):
    vocabulary = build_vocabulary(tokens, min_frequency=least)
    counts = Counter(tokens)
    for token in set(tokens) - set(RESERVED):
        assert (token in vocabulary) == (counts[token] >= least)
    assert len(vocabulary.tokens) == len(set(vocabulary.tokens))
    decoded = vocabulary.decode(vocabulary.encode(tokens))
    assert decoded == [t if t in vocabulary else UNK for t in tokens]
    missing = [t for t in tokens if t not in vocabulary or t == UNK]
    assert vocabulary.unknown_share(tokens) == len(missing) / max(len(tokens), 1)
    # the order of the text does not matter
    shuffled = list(tokens)
    random.shuffle(shuffled)
    assert build_vocabulary(shuffled, min_frequency=least) == vocabulary


def test_size_keeps_the_commonest():
    assert build_vocabulary("aaabbc", size=6).tokens == (*RESERVED, "a", "b")
    assert build_vocabulary("aaabbc", size=4).tokens == RESERVED
    assert build_vocabulary("aaabbc", size=99, reserved=()).tokens == ("a", "b", "c")


def test_empty_sequences():
    vocabulary = build_vocabulary(LINE)
    assert vocabulary.encode([]).shape == (0,)
    assert vocabulary.decode([]) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=3), min_size=1, max_size=8, unique=True), st.integers(0, 8))
def test_saved_and_read_again(tokens, reserved):
    vocabulary = Vocabulary(tokens, reserved=min(reserved, len(tokens)))
    saved = json.loads(json.dumps(vocabulary.as_dict()))
    assert Vocabulary.from_dict(saved) == vocabulary
    assert hash(Vocabulary.from_dict(saved)) == hash(vocabulary)
    vocabulary.check_fits(saved)
    # of the order and of the number of reserved tokens
    others = [Vocabulary(tokens[::-1], reserved=len(vocabulary.reserved)), Vocabulary(tokens, reserved=0)]
    for other in others:
        assert (other.digest == vocabulary.digest) == (other == vocabulary)


def test_digest_is_that_of_the_tokens():
    want = hashlib.sha256(b'[1, "a", "\\u00e9"]').hexdigest()
    assert Vocabulary(["a", "é"], reserved=1).digest == want
    assert want[:12] in repr(Vocabulary(["a", "é"], reserved=1))
