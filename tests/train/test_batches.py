"""Batches: a pure function of (seed, step), each example once an epoch."""

import functools

import numpy as np
import pytest

from dlx.errors import DatasetError
from dlx.train import batch_table, evaluation_table, steps_per_epoch
from dlx.train.batches import shuffled
from tests.proof import configurations


def drawn(seed: int, epochs: int, examples: int, batch_size: int) -> np.ndarray:
    """The batches of whole epochs, one epoch's permutation after the other."""
    used = examples // batch_size * batch_size
    orders = [np.random.default_rng([seed, epoch]).permutation(examples)[:used] for epoch in range(epochs)]
    return np.concatenate(orders).reshape(-1, batch_size)


@pytest.mark.row(1, 76)
@configurations()
def test_table_is_a_cut_of_the_epochs(rng):
    examples = int(rng.integers(1, 60))
    batch_size = int(rng.integers(1, examples + 1))
    step, count, seed = int(rng.integers(0, 40)), int(rng.integers(1, 30)), int(rng.integers(0, 2**31))
    epochs = -(-(step + count) // (examples // batch_size))
    table = batch_table((seed,), step=step, count=count, length=count + 3, examples=examples, batch_size=batch_size)
    assert table.shape == (1, count + 3, batch_size)
    assert table.dtype == np.int32
    np.testing.assert_array_equal(table[0, :count], drawn(seed, epochs, examples, batch_size)[step : step + count])


@pytest.mark.row(1)
@configurations()
def test_each_example_once_an_epoch_and_the_remainder_dropped(rng):
    batch_size, remainder = int(rng.integers(2, 9)), int(rng.integers(0, 2))
    examples = 4 * batch_size + remainder
    epochs = batch_table((5,), step=0, count=8, length=8, examples=examples, batch_size=batch_size)[0].reshape(2, -1)
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 4 * batch_size
        assert set(epoch.tolist()) <= set(range(examples))
    assert not np.array_equal(epochs[0], epochs[1])


def test_a_kept_order_changes_nothing():
    kept = functools.lru_cache(maxsize=4)(shuffled)
    for step in range(0, 40, 7):
        options = {"step": step, "count": 7, "length": 7, "examples": 10, "batch_size": 3}
        np.testing.assert_array_equal(batch_table((1, 2), order=kept, **options), batch_table((1, 2), **options))
    assert kept.cache_info().hits > 0


def test_rows_of_each_seed():
    def table(*seeds):
        return batch_table(seeds, step=2, count=5, length=5, examples=17, batch_size=4)

    several = table(3, 8, 3)
    np.testing.assert_array_equal(several[0], table(3)[0])
    np.testing.assert_array_equal(several[1], table(8)[0])
    np.testing.assert_array_equal(several[2], several[0])
    assert not np.array_equal(several[0], several[1])


@pytest.mark.row(1)
@pytest.mark.parametrize(("examples", "batch_size", "batches"), [(10, 4, 3), (8, 4, 2), (3, 4, 1), (1, 1, 1)])
def test_evaluation_covers_each_example_once(examples, batch_size, batches):
    index, weight = evaluation_table(examples, batch_size)
    assert index.shape == weight.shape == (batches, batch_size)
    np.testing.assert_array_equal(index[weight == 1], np.arange(examples))
    assert set(np.unique(weight)) <= {0.0, 1.0}
    assert index.min() >= 0
    assert index.max() < examples  # padding too reads an example that exists


def test_steps_per_epoch():
    assert [steps_per_epoch(n, 4) for n in (4, 7, 8)] == [1, 1, 2]
    with pytest.raises(DatasetError, match=r"3 example\(s\), fewer than one batch of --batch-size 4"):
        steps_per_epoch(3, 4)
