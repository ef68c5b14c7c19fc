"""dlx.data: sampling of subsequences, padding, pairs, buckets."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlx.nn
from dlx.data import (
    Padded,
    SequenceWindows,
    adjacent_starts,
    bucket_batches,
    grid_blocks,
    next_token_data,
    pad_sequences,
    random_starts,
    translation_data,
)

TOY = np.arange(30)
SIZES = st.tuples(st.integers(1, 5), st.integers(1, 7)).flatmap(
    lambda size: st.tuples(st.integers(size[0] * size[1] + size[1], 160), st.just(size[0]), st.just(size[1]))
)
ROWS = st.sampled_from(["samples", "tokens"])


def two_rows(first, second):
    """Two rows of six consecutive numbers."""
    return [list(range(first, first + 6)), list(range(second, second + 6))]


@pytest.mark.row(138, function="dlx.data.random_starts")
@pytest.mark.erratum("E30")
def test_toy_at_random():
    starts = random_starts(30, 2, 6, offset=0)
    # floor(29 / 6) = 4; the notes' floor(30 / 6) = 5 would want a label behind the end
    assert starts.shape == (2, 2)
    assert sorted(starts.ravel().tolist()) == [0, 6, 12, 18]
    assert random_starts(30, 2, 6, offset=5).shape == (2, 2)
    assert random_starts(31, 1, 6, offset=0).shape == (5, 1)
    assert random_starts(30, 2, 6, offset=1, shuffle=False).tolist() == [[1, 7], [13, 19]]
    orders = {tuple(random_starts(30, 2, 6, offset=0, epoch=epoch).ravel().tolist()) for epoch in range(8)}
    assert len(orders) > 1
    offsets = {int(random_starts(30, 2, 6, epoch=epoch).min() % 6) for epoch in range(60)}
    assert offsets == set(range(6))
    np.testing.assert_array_equal(random_starts(30, 2, 6, seed=3, epoch=5), random_starts(30, 2, 6, seed=3, epoch=5))


@pytest.mark.row(139, function="dlx.data.adjacent_starts")
def test_toy_in_adjacent_batches():
    batches = next_token_data(TOY, adjacent_starts(30, 2, 6), 6)["inputs"]
    assert batches.tolist() == [two_rows(0, 12), two_rows(6, 18)]
    # the text cut into two rows of floor(29 / 2) = 14 tokens
    batches = next_token_data(TOY, adjacent_starts(30, 2, 6, rows="tokens"), 6)["inputs"]
    assert batches.tolist() == [two_rows(0, 14), two_rows(6, 20)]


@pytest.mark.row(138, function="dlx.data.random_starts")
@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 99), st.integers(0, 3))
def test_random_subsequences_cover_the_text_once(sizes, seed, epoch):
    length, batch, steps = sizes
    starts = random_starts(length, batch, steps, seed=seed, epoch=epoch)
    text = np.random.default_rng(seed).integers(50, size=length)
    data = next_token_data(text, starts, steps)
    assert data["inputs"].shape == data["labels"].shape == (*starts.shape, steps)
    np.testing.assert_array_equal(data["inputs"][..., 1:], data["labels"][..., :-1])
    np.testing.assert_array_equal(data["labels"][..., -1], text[starts + steps])
    # one offset, multiples of T after it, none twice; what is missing is less than a batch
    offset = starts.min() % steps
    assert (starts % steps == offset).all()
    places = (starts[..., None] + np.arange(steps)).ravel()
    assert len(set(places.tolist())) == len(places)
    count = sum(1 for start in range(offset, length) if (start - offset) % steps == 0 and start + steps < length)
    assert starts.size == count // batch * batch


@pytest.mark.row(139, function="dlx.data.adjacent_starts")
@settings(max_examples=60, deadline=None)
@given(SIZES, ROWS, st.integers(0, 6))
def test_adjacent_batches_continue(sizes, rows, offset):
    length, batch, steps = sizes
    offset %= steps
    starts = adjacent_starts(length, batch, steps, offset=offset, rows=rows)
    np.testing.assert_array_equal(np.diff(starts, axis=0), steps)
    data = next_token_data(np.arange(length), starts, steps)
    np.testing.assert_array_equal(data["labels"][:-1, :, -1], data["inputs"][1:, :, 0])
    places = data["inputs"].ravel()
    assert len(set(places.tolist())) == len(places)
    assert starts.shape == (random_starts(length, batch, steps, offset=offset).shape)
    if rows == "samples":  # the same subsequences
        want = random_starts(length, batch, steps, offset=offset, shuffle=False)
        np.testing.assert_array_equal(np.sort(starts.ravel()), want.ravel())
    else:  # from the formula of Dive into Deep Learning: the text as a matrix of B rows
        width = (length - offset - 1) // batch
        matrix = np.arange(offset, offset + width * batch).reshape(batch, width)
        want = [matrix[:, first : first + steps] for first in range(0, width // steps * steps, steps)]
        np.testing.assert_array_equal(data["inputs"], want)


@pytest.mark.row(140, function="dlx.data.grid_blocks")
@pytest.mark.erratum("E32")
@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_grid_in_order_is_adjacent(sizes):
    length, batch, steps = sizes
    text = np.random.default_rng(length).integers(9, size=length)
    inputs, labels = grid_blocks(text, batch, steps)
    want = next_token_data(text, adjacent_starts(length, batch, steps), steps)
    np.testing.assert_array_equal(inputs, want["inputs"])
    np.testing.assert_array_equal(labels, want["labels"])


@pytest.mark.erratum("E32")
def test_the_notes_grid():
    # the notes' picture, 1 to 32 in two rows of four blocks, and the label that the last block needs
    inputs, _ = grid_blocks(np.arange(1, 34), 2, 4)
    assert inputs[:, 0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
    assert inputs[:, 1].tolist() == [[17, 18, 19, 20], [21, 22, 23, 24], [25, 26, 27, 28], [29, 30, 31, 32]]
    # blocks in another order do not continue each other
    shuffled = inputs[[2, 0, 3, 1]]
    assert (shuffled[1:, :, 0] != shuffled[:-1, :, -1] + 1).any()


@pytest.mark.row(147)
def test_ids_as_one_matrix_a_step():
    ids = next_token_data(TOY % 5, adjacent_starts(30, 2, 6), 6)["inputs"][0]
    steps = np.asarray(dlx.nn.one_hot(jnp.asarray(ids.T), 5))
    assert steps.shape == (6, 2, 5)
    for t in range(6):
        for j in range(2):
            assert steps[t, j].tolist() == [float(v == ids[j, t]) for v in range(5)]


@pytest.mark.erratum("E31")
@settings(max_examples=30, deadline=None)
@given(SIZES, ROWS, st.sampled_from([None, 0]), st.integers(0, 9))
def test_windows_are_a_function_of_the_step(sizes, rows, offset, seed):
    length, batch, steps = sizes
    text = np.arange(length)
    source = SequenceWindows(text, batch_size=batch, steps=steps, rows=rows, offset=offset, seed=seed)
    per_epoch = source.batches_per_epoch
    window = source.window(2 * per_epoch + 1)
    assert window["inputs"].shape == (2 * per_epoch + 1, batch, steps)
    assert window["first"].shape == (2 * per_epoch + 1, batch)
    # the state starts anew once an epoch, and is carried on everywhere else
    begins = window["first"][:, 0]
    assert np.flatnonzero(begins).tolist() == [0, per_epoch, 2 * per_epoch]
    follows = (window["inputs"][1:, :, 0] == window["labels"][:-1, :, -1]).all(1)
    assert (follows | begins[1:]).all()
    for step in (0, per_epoch - 1, per_epoch, 2 * per_epoch):
        other = SequenceWindows(text, batch_size=batch, steps=steps, rows=rows, offset=offset, seed=seed)
        other.seek(step)
        for name, array in other.window(1).items():
            np.testing.assert_array_equal(array[0], window[name][step])


def test_windows_at_random():
    source = SequenceWindows(TOY, batch_size=2, steps=6, sampling="random", seed=1)
    # at the largest offset, 5, floor(24 / 6) = 4 subsequences: 2 batches in every epoch
    assert source.batches_per_epoch == 2
    window = source.window(20)
    assert window["first"].all()
    for epoch in range(10):
        starts = window["inputs"][2 * epoch : 2 * epoch + 2, :, 0]
        assert len(np.unique(starts)) == 4
        assert len(np.unique(starts % 6)) == 1
    assert len(np.unique(window["inputs"][:, 0, 0] % 6)) > 1


def test_epochs_are_equally_long():
    # 29 tokens: floor(28 / 6) = 4 subsequences at offset 0, floor(23 / 6) = 3 at offset 5
    for sampling in ("random", "adjacent"):
        source = SequenceWindows(TOY[:29], batch_size=2, steps=6, sampling=sampling)
        assert source.batches_per_epoch == 1
        assert source.window(20)["inputs"].shape == (20, 2, 6)
    assert SequenceWindows(TOY[:29], batch_size=2, steps=6, offset=0).batches_per_epoch == 2


def test_windows_of_several_processes():
    whole = SequenceWindows(TOY, batch_size=4, steps=3).window(5)
    parts = [SequenceWindows(TOY, batch_size=4, steps=3, process=(i, 2)).window(5) for i in range(2)]
    for name, array in whole.items():
        for i, part in enumerate(parts):
            np.testing.assert_array_equal(part[name], array[:, i::2])


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=5), st.integers(0, 3))
def test_padding(sequences, more):
    length = max(map(len, sequences)) + more
    padded = pad_sequences(sequences, pad=0, length=length if more else None)
    assert isinstance(padded, Padded)
    assert padded.ids.shape == padded.mask.shape == (len(sequences), length)
    assert (padded.ids.dtype, padded.lengths.dtype, padded.mask.dtype) == (np.int32, np.int32, bool)
    np.testing.assert_array_equal(padded.mask, padded.ids > 0)
    np.testing.assert_array_equal(padded.lengths, padded.mask.sum(1))
    assert [row[:n].tolist() for row, n in zip(padded.ids, padded.lengths, strict=True)] == sequences


def test_truncation():
    padded = pad_sequences([[1, 2, 3], [4]], pad=-1, length=2, truncate=True)
    assert padded.ids.tolist() == [[1, 2], [4, -1]]
    assert padded.lengths.tolist() == [2, 1]


def test_pairs_by_hand():
    data = translation_data([[5, 6], [7]], [[8], [8, 9]], bos=1, eos=2)
    assert data["inputs"].tolist() == [[5, 6, 2], [7, 2, 0]]
    assert data["input_lengths"].tolist() == [3, 2]
    assert data["targets"].tolist() == [[1, 8, 0], [1, 8, 9]]
    assert data["labels"].tolist() == [[8, 2, 0], [8, 9, 2]]
    assert data["label_lengths"].tolist() == [2, 3]
    short = translation_data([[5, 6]], [[8, 9]], bos=1, eos=2, source_length=2, target_length=5, truncate=True)
    assert short["inputs"].tolist() == [[5, 6]]
    assert short["labels"].tolist() == [[8, 9, 2, 0, 0]]
    assert {array.dtype for array in short.values()} == {np.dtype(np.int32)}


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 7), st.integers(0, 5), st.booleans())
def test_buckets(lengths, batch_size, epoch, drop_last):
    found = bucket_batches(lengths, (4, 9, 20), batch_size, epoch=epoch, drop_last=drop_last)
    seen = [i for _, members in found for i in members.tolist()]
    assert len(seen) == len(set(seen))
    for edge, members in found:
        below = {4: -1, 9: 4, 20: 9}[edge]
        assert all(below < lengths[i] <= edge for i in members)
        assert len(members) == batch_size or (not drop_last and len(members) < batch_size)
    per_bucket = [sum(low < n <= high for n in lengths) for low, high in ((-1, 4), (4, 9), (9, 20))]
    want = [n // batch_size * batch_size if drop_last else n for n in per_bucket]
    assert [sum(len(m) for edge, m in found if edge == high) for high in (4, 9, 20)] == want
    again = bucket_batches(lengths, (4, 9, 20), batch_size, epoch=epoch, drop_last=drop_last)
    assert [(e, m.tolist()) for e, m in again] == [(e, m.tolist()) for e, m in found]


def test_buckets_change_their_order():
    epochs = [bucket_batches([1, 9] * 20, (5, 10), 4, epoch=epoch) for epoch in range(3)]
    orders = [[edge for edge, _ in found] for found in epochs]
    assert sorted(orders[0]) == [5] * 5 + [10] * 5
    assert orders[0] != orders[1] or orders[1] != orders[2]
    # other sequences come together
    together = [{tuple(sorted(members.tolist())) for _, members in found} for found in epochs]
    assert together[0] != together[1]
