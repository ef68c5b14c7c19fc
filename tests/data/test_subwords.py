"""dlx.data: subwords by the package tokenizers; generated tasks."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx.data import sequence_task

TEXTS = ["low low low low low", "lower lower", "newest newest newest newest newest newest", "widest widest widest"]


@pytest.fixture(scope="module")
def subwords():
    pytest.importorskip("tokenizers")
    from dlx.data import train_subwords

    return train_subwords(TEXTS, size=300)


def test_merges_of_the_papers_example(subwords):
    # Sennrich et al. 2016: "e s", "es t" are among the first merges of low, lower, newest, widest
    assert subwords.index("est") >= 260
    ids = subwords.encode("lowest")
    assert ids.dtype == np.int32
    assert len(ids) < len("lowest")
    assert [subwords.index(token) for token in ("<pad>", "<bos>", "<eos>", "<unk>")] == [0, 1, 2, 3]
    assert 260 < len(subwords) <= 300
    with pytest.raises(ValueError, match="token: got 'lowest'"):
        subwords.index("lowest")


def test_every_text_has_ids(subwords):
    @settings(max_examples=40, deadline=None)
    @given(st.text())
    def check(text):
        if "<" in text:
            return
        assert subwords.decode(subwords.encode(text)) == text

    check()


def test_saved_and_read_again(subwords):
    from dlx.data import Subwords

    again = Subwords(subwords.as_json())
    assert again.encode("the newest").tolist() == subwords.encode("the newest").tolist()
    assert again.decode([1, *again.encode("low"), 2]) == "low"


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["copy", "reverse", "sort", "addition"]), st.integers(0, 9), st.integers(1, 3))
def test_tasks_follow_their_law(task, seed, low):
    pairs = sequence_task(task, examples=60, min_length=low, max_length=6, symbols="dcba", seed=seed)
    assert len({source for source, _ in pairs}) == len(pairs) == 60
    for source, target in pairs:
        if task == "addition":
            numbers = source.split("+")
            assert all(low <= len(n) <= 6 and (n == "0" or n[0] != "0") for n in numbers)
            assert sum(map(int, numbers)) == int(target)
            continue
        assert low <= len(source) <= 6
        if task == "copy":
            assert target == source
        elif task == "reverse":
            assert [*reversed(source)] == [*target]
        else:
            assert sorted(source) == sorted(target)
            # d before c before b before a
            assert all(first >= second for first, second in itertools.pairwise(target))
    assert sequence_task(task, examples=20, min_length=low, max_length=6, symbols="dcba", seed=seed) == pairs[:20]


def test_half_of_all_sources_can_be_had():
    pairs = sequence_task("copy", symbols="ab", max_length=3, examples=7)
    assert len({source for source, _ in pairs}) == 7
    digits = sequence_task("addition", max_length=1, examples=50)
    assert {n for source, _ in digits for n in source.split("+")} == set("0123456789")
    assert all(len(n) == 1 for source, _ in digits for n in source.split("+"))
