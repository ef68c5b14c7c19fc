"""dlx.data.translation: pairs of sentences become arrays."""

import types

import numpy as np
import pytest

import dlx
from dlx.data import TextSet
from dlx.data.translation import translation_set
from dlx.errors import DatasetError

PAIRS = [
    ("Go on.", "Continue."),
    ("Go on.", "Vas-y."),
    ("Tom ran.", "Tom courut."),
    ("I ran to Boston.", "J'ai couru."),
]


def small_set(**changes):
    card = types.SimpleNamespace(kind="pairs", tier=3)
    test = [("Tom!", "Tom !"), ("TOM !", "Oh Tom !"), ("go on.", "Va."), ("Stop, Tom, and go!", "Stop Tom !")]
    options = {"vocabulary": 9, "max_tokens": 4, **changes}
    return translation_set(TextSet("pairs", PAIRS, PAIRS[:1], test, card), **options)


@pytest.mark.row(255, 256)
def test_pairs_become_arrays():
    data = small_set()
    # "I ran to Boston ." has five tokens; "go on ." is a training source in lower case; the last has seven
    assert data.pairs == [(["tom", "!"], ["tom", "!"]), (["tom", "!"], ["oh", "tom", "!"])]
    assert data.references == {("tom", "!"): [["tom", "!"], ["oh", "tom", "!"]]}
    assert data.source.tokens[4:] == (".", "go", "on", "ran", "tom")
    assert data.target.tokens[4:] == (".", "continue", "courut", "tom", "vas-y")
    assert data.length == 5
    number = data.source.index
    np.testing.assert_array_equal(data.train["inputs"][2], [number("tom"), number("ran"), number("."), 2, 0])
    np.testing.assert_array_equal(data.train["targets"][0], [1, data.target.index("continue"), 4, 0, 0])
    np.testing.assert_array_equal(data.train["labels"][0], [data.target.index("continue"), 4, 2, 0, 0])
    # "!" has no number
    np.testing.assert_array_equal(data.test["inputs"][0], [number("tom"), 3, 2, 0, 0])


def test_characters_of_a_generated_task():
    data = translation_set(dlx.data.load_text("reverse"), max_tokens=3)
    source, target = data.pairs[0]
    assert source == target[::-1]
    assert len(source) <= 3
    assert not {"".join(one) for one, _ in data.pairs} & {one for one, _ in dlx.data.load_text("reverse").train}


def test_texts_that_hold_no_such_pairs():
    with pytest.raises(DatasetError, match="no pairs of at most 1 tokens"):
        small_set(max_tokens=1)
    with pytest.raises(DatasetError, match="python_docs holds no pairs"):
        translation_set(dlx.data.load_text("python_docs"))
    with pytest.raises(ValueError, match="max_tokens"):
        small_set(max_tokens=0)
