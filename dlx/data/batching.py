"""Minibatches and held-out examples, by NumPy and reproducible from a seed."""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from dlx.data.cards import Split

__all__ = ["batches", "epoch_order", "fixed_order", "hold_out", "stratified"]


def epoch_order(examples: int, *, seed: int = 0, epoch: int = 0, shuffle: bool = True) -> np.ndarray:
    """Order in which an epoch visits the examples: a pure function of seed and epoch.

    Args:
      examples: how many there are.
      seed: of the permutation.
      epoch: number of the epoch; each has its own permutation.
      shuffle: False gives 0, 1, 2, ...
    Returns: (examples,) int64, each index once.
    Raises: ValueError on a negative number.
    """
    for name, value in (("examples", examples), ("seed", seed), ("epoch", epoch)):
        if value < 0:
            raise ValueError(f"{name} must not be negative, not {value}")
    return np.random.default_rng((seed, epoch)).permutation(examples) if shuffle else np.arange(examples)


def batches(
    data: Mapping[str, np.ndarray],
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = True,
    drop_last: bool = True,
) -> Iterator[Split]:
    """Minibatches of one epoch; every example at most once, with `drop_last=False` exactly once.

    Args:
      data: {"inputs": (N, ...), "labels": (N, ...)} or any dict of arrays with one leading axis.
      batch_size: |B|.
      seed: of the shuffling.
      epoch: number of the epoch.
      shuffle: False keeps the order.
      drop_last: leave out the last batch if it is smaller than `batch_size`: floor(N / |B|) batches instead of ceil.
    Returns: an iterator over dicts of arrays with leading axis `batch_size` (the last may be smaller).
    Raises: ValueError if there are no examples, or fewer than one batch of them with `drop_last`, or lengths differ.
    Source: notes 001 section 1.
    """
    examples = _length(data)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    if drop_last and examples < batch_size:
        raise ValueError(f"batch_size {batch_size} exceeds the {examples} examples, so that an epoch has no batch")
    order = epoch_order(examples, seed=seed, epoch=epoch, shuffle=shuffle)
    stop = examples - examples % batch_size if drop_last else examples
    return (
        {name: array[order[start : start + batch_size]] for name, array in data.items()}
        for start in range(0, stop, batch_size)
    )


def hold_out(data: Mapping[str, np.ndarray], examples: int, *, seed: int = 0) -> tuple[Split, Split]:
    """Splits examples off at random for validation.

    Args:
      data: dict of arrays with one leading axis N.
      examples: how many to hold out, 1..N-1.
      seed: of the choice.
    Returns: (train, validation), disjoint, together all examples, each in the order of `data`.
    Raises: ValueError if `examples` is out of range.
    """
    total = _length(data)
    if not 0 < examples < total:
        raise ValueError(f"examples must lie in 1..{total - 1} to hold out of {total}, not {examples}")
    held = np.zeros(total, bool)
    held[epoch_order(total, seed=seed)[:examples]] = True
    return {name: array[~held] for name, array in data.items()}, {name: array[held] for name, array in data.items()}


def fixed_order(examples: int, *, seed: int = 0) -> np.ndarray:
    """Permutation that no version of NumPy changes: indices sorted by sha256("seed:index").

    Args:
      examples: how many.
      seed: any integer.
    Returns: (examples,) int64.
    """
    return np.array(
        sorted(range(examples), key=lambda index: hashlib.sha256(f"{seed}:{index}".encode()).digest()), np.int64
    )


def stratified(labels: np.ndarray, test_examples: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a split in which each class has its share, by `fixed_order` and largest remainders.

    Args:
      labels: (N,) integers.
      test_examples: size of the test split.
      seed: of the order.
    Returns: (train indices, test indices), both ascending.
    Raises: ValueError if `test_examples` is not in 1..N-1.
    """
    if not 0 < test_examples < len(labels):
        raise ValueError(f"test_examples must lie in 1..{len(labels) - 1}, not {test_examples}")
    kinds, counts = np.unique(labels, return_counts=True)
    share = counts * test_examples / len(labels)
    quota = np.floor(share).astype(int)
    # stable: of equal remainders the lower class wins
    quota[np.argsort(quota - share, kind="stable")[: test_examples - quota.sum()]] += 1
    order = fixed_order(len(labels), seed=seed)
    test = np.concatenate([order[labels[order] == kind][:n] for kind, n in zip(kinds, quota, strict=True)])
    return np.setdiff1d(np.arange(len(labels)), test), np.sort(test)


def _length(data: Mapping[str, np.ndarray]) -> int:
    """Common length of the leading axis."""
    lengths = {name: len(array) for name, array in data.items()}
    if not lengths or 0 in lengths.values():
        raise ValueError(f"data has no examples: {lengths}")
    if len(set(lengths.values())) > 1:
        raise ValueError(f"data has arrays of different lengths: {lengths}")
    return next(iter(lengths.values()))
