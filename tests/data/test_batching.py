"""dlx.data: minibatches and held-out examples."""

import itertools

import numpy as np
import pytest

from dlx.data import batches, epoch_order, fixed_order, hold_out, stratified
from tests.tolerances import assert_close


def numbered(examples):
    return {"inputs": np.arange(examples) * 10, "labels": np.arange(examples)}


@pytest.mark.row(1)
@pytest.mark.parametrize(("examples", "size"), [(10, 3), (12, 4), (5, 5), (7, 1)])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drop_last", [True, False])
def test_every_index_once_per_epoch(examples, size, shuffle, drop_last):
    got = list(batches(numbered(examples), size, seed=1, epoch=2, shuffle=shuffle, drop_last=drop_last))
    assert len(got) == (examples // size if drop_last else -(-examples // size))
    assert all(len(batch["labels"]) == size for batch in got[: examples // size])
    seen = np.concatenate([batch["labels"] for batch in got])
    assert len(set(seen)) == len(seen) == (examples - examples % size if drop_last else examples)
    for batch in got:
        np.testing.assert_array_equal(batch["inputs"], 10 * batch["labels"])
    if not shuffle:
        np.testing.assert_array_equal(seen, np.arange(len(seen)))


@pytest.mark.row(1)
def test_epochs_and_seeds_have_their_own_order():
    orders = [tuple(epoch_order(20, seed=seed, epoch=epoch)) for seed, epoch in itertools.product(range(3), range(3))]
    assert len(set(orders)) == 9
    assert orders[4] == tuple(epoch_order(20, seed=1, epoch=1))
    batch = next(batches(numbered(20), 20, seed=1, epoch=1))
    np.testing.assert_array_equal(batch["labels"], orders[4])


@pytest.mark.row(1)
@pytest.mark.parametrize("drop_last", [True, False])
def test_batches_are_pytorchs_of_the_same_order(rng, drop_last):
    library = pytest.importorskip("torch.utils.data")
    data = {"inputs": rng.standard_normal((11, 3)), "labels": rng.standard_normal(11)}
    rows = library.TensorDataset(*(library.default_convert(array) for array in data.values()))
    order = epoch_order(11, seed=2, epoch=5).tolist()
    want = list(library.DataLoader(rows, batch_size=4, sampler=order, drop_last=drop_last))
    got = list(batches(data, 4, seed=2, epoch=5, drop_last=drop_last))
    assert len(got) == len(want)
    for ours, (inputs, labels) in zip(got, want, strict=True):
        assert_close(ours["inputs"], inputs.numpy())
        assert_close(ours["labels"], labels.numpy())


@pytest.mark.row(1)
def test_any_first_example_is_as_likely():
    first = [epoch_order(4, seed=0, epoch=epoch)[0] for epoch in range(4000)]
    # 4000 draws of probability 1/4 have a standard deviation of 27
    assert (abs(np.bincount(first) - 1000) < 5 * 27).all()


def test_hold_out():
    train, validation = hold_out(numbered(10), 3, seed=4)
    assert (len(train["labels"]), len(validation["labels"])) == (7, 3)
    assert not set(train["labels"]) & set(validation["labels"])
    for part in (train, validation):
        np.testing.assert_array_equal(part["inputs"], 10 * part["labels"])
        assert (np.diff(part["labels"]) > 0).all()
    assert tuple(hold_out(numbered(100), 3, seed=5)[1]["labels"]) != tuple(hold_out(numbered(100), 3)[1]["labels"])


def test_fixed_order_is_what_it_was():
    # sorted(range(6), key=lambda i: sha256(f"0:{i}")), computed with sha256sum
    np.testing.assert_array_equal(fixed_order(6), FIXED)
    assert sorted(fixed_order(100, seed=7)) == list(range(100))
    assert tuple(fixed_order(100, seed=7)) != tuple(fixed_order(100, seed=8))


FIXED = [4, 3, 2, 0, 5, 1]


def test_stratified_by_hand():
    labels = np.repeat([0, 1, 2], [10, 5, 5])
    train, test = stratified(labels, 4, seed=1)
    np.testing.assert_array_equal(np.bincount(labels[test]), [2, 1, 1])
    assert sorted([*train, *test]) == list(range(20))
    # 7 * (10, 5, 5) / 20 = (3.5, 1.75, 1.75): the largest remainders get the two that are left
    np.testing.assert_array_equal(np.bincount(labels[stratified(labels, 7)[1]]), [3, 2, 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batches(numbered(3), 0), "batch_size must be at least 1, not 0"),
        (lambda: batches(numbered(3), 4), "batch_size 4 exceeds the 3 examples"),
        (lambda: batches(numbered(0), 1), "no examples"),
        (lambda: batches({}, 1), "no examples"),
        (lambda: batches({"a": np.zeros(2), "b": np.zeros(3)}, 1), "different lengths: {'a': 2, 'b': 3}"),
        (lambda: batches(numbered(3), 1, epoch=-1), "epoch must not be negative, not -1"),
        (lambda: hold_out(numbered(3), 3), r"examples must lie in 1\.\.2 to hold out of 3, not 3"),
        (lambda: hold_out(numbered(3), 0), "not 0"),
        (lambda: stratified(np.zeros(3, int), 3), r"test_examples must lie in 1\.\.2, not 3"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_single_example_can_be_held_out():
    data = {"inputs": np.arange(5)}
    train, held = hold_out(data, 1, seed=3)
    assert sorted([*train["inputs"], *held["inputs"]]) == [0, 1, 2, 3, 4]
    assert len(held["inputs"]) == 1
