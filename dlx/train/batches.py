"""Which examples make up which batch: a pure function of (seed, step), computed on the host."""

from collections.abc import Callable

import numpy as np

from dlx.data.batching import epoch_order
from dlx.errors import DatasetError

__all__ = ["batch_table", "evaluation_table", "shuffled", "steps_per_epoch"]


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """floor(examples / batch_size): a remainder smaller than a batch waits for the next epoch's order.

    Raises: DatasetError when the data hold less than one batch.
    """
    if examples < batch_size:
        raise DatasetError(f"The data hold {examples} example(s), fewer than one batch of --batch-size {batch_size}.")
    return examples // batch_size


def shuffled(seed: int, epoch: int, examples: int) -> np.ndarray:
    """`dlx.data.epoch_order` as (examples,) int32."""
    return epoch_order(examples, seed=seed, epoch=epoch).astype(np.int32)


def batch_table(
    seeds: tuple[int, ...],
    *,
    step: int,
    count: int,
    length: int,
    examples: int,
    batch_size: int,
    order: Callable[[int, int, int], np.ndarray] = shuffled,
) -> np.ndarray:
    """Indices of the batches of steps step, ..., step + count - 1, without replacement within an epoch.

    Args:
      seeds: one for each replica.
      step: the first step, from 0.
      count: how many steps; rows beyond them, up to `length`, are zero and not to be used.
      examples: N.
      batch_size: B.
      order: (seed, epoch, examples) -> the order of an epoch; a cached one spares its drawing at every call.
    Returns: (replicas, length, B) int32.
    """
    per_epoch = steps_per_epoch(examples, batch_size)
    table = np.zeros((len(seeds), length, batch_size), np.int32)
    for replica, seed in enumerate(seeds):
        if seed in seeds[:replica]:
            table[replica] = table[seeds.index(seed)]
            continue
        done = 0
        while done < count:
            epoch, within = divmod(step + done, per_epoch)
            take = min(count - done, per_epoch - within)
            rows = order(seed, epoch, examples)[within * batch_size : (within + take) * batch_size]
            table[replica, done : done + take] = rows.reshape(take, batch_size)
            done += take
    return table


def evaluation_table(examples: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Every example once, in order: indices (K, B) int32, weights (K, B) float32, 0 where the last batch is padded."""
    batches = -(-examples // batch_size)
    index = np.zeros(batches * batch_size, np.int32)
    index[:examples] = np.arange(examples)
    weight = np.zeros(batches * batch_size, np.float32)
    weight[:examples] = 1.0
    return index.reshape(batches, batch_size), weight.reshape(batches, batch_size)
