"""dlx.data.load_corpus: named texts as ids of one vocabulary."""

import numpy as np
import pytest

from dlx.data import load_corpus, load_text
from dlx.errors import UsageError


@pytest.mark.row(137, function="dlx.data.load_corpus")
def test_words_of_the_embedded_text():
    corpus = load_corpus("python_docs", "words", min_frequency=2)
    assert corpus.vocabulary.tokens[0] == "<unk>"
    assert corpus.decode(corpus.train[:5]) == '<eos> the "assert" statement <eos>'
    end = corpus.vocabulary.index("<eos>")
    ids = corpus.vocabulary.encode(["the", "statement", "<eos>", "the", "<eos>"])
    assert corpus.lines(ids) == "the statement\nthe"
    lines = load_text("python_docs").validation.count("\n")
    # a mark behind each line, and one in front of the split
    assert (corpus.validation == end).sum() == lines + 1
    assert corpus.validation[0] == corpus.test[0] == end
    # rare words of the training text are unknown, so that the model has learnt what <unk> is
    assert 0 < (corpus.train == 0).mean() < 0.1
    np.testing.assert_array_equal(
        corpus.encode("the statement"), [corpus.vocabulary.index(w) for w in ("the", "statement")]
    )


def test_characters_and_letters():
    corpus = load_corpus("python_docs", "characters")
    text = load_text("python_docs")
    assert corpus.decode(corpus.train) == text.train
    assert len(corpus.test) == len(text.test)
    letters = load_corpus("python_docs", "characters", letters=True, first=1000)
    assert len(letters.train) == 1000
    assert len(letters.vocabulary) <= 28
    np.testing.assert_array_equal(letters.train, letters.validation)
    assert len(letters.test) == 0
    assert letters.decode(letters.train[:20]) == "the assert statement"


def test_errors():
    with pytest.raises(UsageError, match="--dataset copy holds pairs, not a running text"):
        load_corpus("copy", "words")
    with pytest.raises(UsageError, match="not of 'bytes'"):
        load_corpus("python_docs", "bytes")
