"""What sampling, padding, tasks and subwords say of arguments and data that do not fit."""

import sys

import numpy as np
import pytest

from dlx import data
from dlx.errors import DatasetError, UsageError

TOKENS = np.arange(30)
CASES = [
    (lambda: data.random_starts(12, 2, 6), DatasetError, "holds 12 tokens, fewer than one batch: 2 subsequences of 6"),
    (lambda: data.random_starts(12, 2, 6, offset=0), DatasetError, "want 13"),
    (lambda: data.adjacent_starts(12, 2, 6), DatasetError, "holds 12 tokens"),
    (lambda: data.grid_blocks(TOKENS[:12], 2, 6), DatasetError, "holds 12 tokens"),
    (lambda: data.random_starts(30, 0, 6), ValueError, "batch_size must be at least 1, not 0"),
    (lambda: data.random_starts(30, 2, 0), ValueError, "steps must be at least 1, not 0"),
    (lambda: data.random_starts(30, 2, 6, offset=6), ValueError, r"offset must lie in 0\.\.5, not 6"),
    (lambda: data.adjacent_starts(30, 2, 6, offset=-1), ValueError, r"offset must lie in 0\.\.5, not -1"),
    (lambda: data.random_starts(30, 2, 6, seed=-1), ValueError, "seed must be at least 0"),
    (lambda: data.adjacent_starts(30, 2, 6, rows="row"), ValueError, "rows must be 'samples' or 'tokens', not 'row'"),
    (lambda: data.next_token_data(TOKENS, [24], 6), ValueError, r"0\.\.23 for 6 steps of 30 tokens, not 24\.\.24"),
    (lambda: data.next_token_data(TOKENS, [-1], 6), ValueError, r"not -1\.\.-1"),
    (lambda: data.next_token_data(TOKENS[None], [0], 6), ValueError, r"tokens must be \(S,\), not of shape \(1, 30\)"),
    (lambda: data.SequenceWindows(TOKENS, batch_size=2, steps=15), DatasetError, "holds 30 tokens"),
    (lambda: data.SequenceWindows(TOKENS, batch_size=2, steps=6, sampling="any"), ValueError, "sampling must be 'adj"),
    (lambda: data.SequenceWindows(TOKENS, batch_size=3, steps=2, process=(0, 2)), UsageError, "3 does not divide"),
    (lambda: data.pad_sequences([]), DatasetError, "no sequences"),
    (lambda: data.pad_sequences([[1], []]), DatasetError, "Sequence 1 is empty"),
    (lambda: data.pad_sequences([[1], [1, 2, 3]], length=2), DatasetError, "Sequence 1 has 3 tokens, more than .* 2"),
    (lambda: data.pad_sequences([[1]], length=0), ValueError, "length must be at least 1"),
    (lambda: data.translation_data([[1]], [], bos=1, eos=2), DatasetError, "1 sources, but 0 targets"),
    (lambda: data.translation_data([[1]], [[]], bos=1, eos=2), DatasetError, "Target 0 is empty"),
    (lambda: data.translation_data([[]], [[1]], bos=1, eos=2), DatasetError, "Source 0 is empty"),
    (lambda: data.bucket_batches([1], (3, 3), 2), ValueError, r"must be positive and ascend, not \(3, 3\)"),
    (lambda: data.bucket_batches([1], (), 2), ValueError, "must be positive and ascend"),
    (lambda: data.bucket_batches([1, 7], (3, 5), 2), DatasetError, "Sequence 1 has 7 tokens, more than .* boundary 5"),
    (lambda: data.bucket_batches([1], (3,), 0), ValueError, "batch_size must be at least 1"),
    (lambda: data.sequence_task("add"), ValueError, "task must be one of copy, reverse, sort, addition, not 'add'"),
    (lambda: data.sequence_task("copy", min_length=3, max_length=2), ValueError, "not 3 and 2"),
    (lambda: data.sequence_task("copy", min_length=0), ValueError, "1 <= min_length"),
    (lambda: data.sequence_task("copy", symbols="aa"), ValueError, "symbols must be .* different characters, not 'aa'"),
    (lambda: data.sequence_task("copy", symbols="ab", max_length=2, examples=4), ValueError, r"1\.\.3, half of the 6"),
    (lambda: data.sequence_task("addition", max_length=1, examples=51), ValueError, r"1\.\.50, half of the 100"),
    (lambda: data.sequence_task("addition", examples=0), ValueError, "not 0"),
    (lambda: data.train_subwords([], size=259), ValueError, "size must be at least 260"),
]


@pytest.mark.parametrize(("call", "error", "words"), CASES)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match=r"dlx\[text\]"):
        data.train_subwords(["a"], size=300)
    with pytest.raises(UsageError, match=r"dlx\[text\]"):
        data.Subwords("{}")


def test_damaged_subwords():
    pytest.importorskip("tokenizers")
    for content in ("{", "{}"):
        with pytest.raises(DatasetError, match="no saved tokenizer"):
            data.Subwords(content)
