"""Batches of subsequences for `fit`, read in the order that the state of a recurrent network needs."""

from typing import Literal

import numpy as np

from dlx.data.cards import Split
from dlx.data.sequences import adjacent_starts, next_token_data, random_starts
from dlx.errors import UsageError

__all__ = ["SequenceWindows"]


class SequenceWindows:
    """Random or adjacent sampling as a source of `dlx.train.fit`: the batch of a step is a function of seed and step.

    `fit(step, init, SequenceWindows(tokens, batch_size=32, steps=35), steps=..., batch_size=32)` reads it. All seeds
    of a run see the same batches. A batch is {"inputs": (B, T), "labels": (B, T), "first": (B,)}; `first` is True where
    the hidden state starts anew: in the first batch of an epoch with adjacent sampling, in every batch with random
    sampling.

    Args:
      tokens: (S,) ids.
      batch_size: B, of all processes together.
      steps: T.
      sampling: "adjacent" or "random".
      seed: of offsets and orders.
      offset: of every epoch; None draws one for each from 0..T-1.
      rows: of adjacent sampling, "samples" or "tokens".
      process: (index, count) of the processes that share a batch: (jax.process_index(), jax.process_count()).
    Raises: ValueError on a number out of range; UsageError if B does not divide over the processes; DatasetError if the
      text holds less than one batch.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        *,
        batch_size: int,
        steps: int,
        sampling: Literal["adjacent", "random"] = "adjacent",
        seed: int = 0,
        offset: int | None = None,
        rows: Literal["samples", "tokens"] = "samples",
        process: tuple[int, int] = (0, 1),
    ) -> None:
        if sampling not in ("adjacent", "random"):
            raise ValueError(f"sampling must be 'adjacent' or 'random', not {sampling!r}")
        if batch_size % process[1]:
            raise UsageError(f"--batch-size {batch_size} does not divide over {process[1]} processes.")
        self.tokens, self.batch_size, self.steps = np.asarray(tokens), batch_size, steps
        self.sampling, self.seed, self.offset, self.rows, self.process = sampling, seed, offset, rows, process
        # epochs are equally long: a smaller offset may leave room for one batch more, which is left out
        self._epoch = -1
        self.batches_per_epoch = len(self._starts(0, steps - 1 if offset is None else offset))
        self._next = 0

    def seek(self, step: int) -> None:
        """Goes to where the batch of `step` comes next."""
        self._next = step

    def window(self, count: int) -> Split:
        """The next `count` batches: inputs and labels (count, B, T), first (count, B); this process's part of each."""
        steps = range(self._next, self._next + count)
        self._next += count
        starts, first = zip(*map(self._batch, steps), strict=True)
        own = slice(self.process[0], None, self.process[1])
        places = np.stack(starts)[:, own]
        flags = np.broadcast_to(np.array(first)[:, None], places.shape)
        return {**next_token_data(self.tokens, places, self.steps), "first": np.ascontiguousarray(flags)}

    def _batch(self, step: int) -> tuple[np.ndarray, bool]:
        epoch, within = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._table = epoch, self._starts(epoch, self.offset)
        return self._table[within], within == 0 or self.sampling == "random"

    def _starts(self, epoch: int, offset: int | None) -> np.ndarray:
        length, sizes = len(self.tokens), (self.batch_size, self.steps)
        if self.sampling == "random":
            return random_starts(length, *sizes, seed=self.seed, epoch=epoch, offset=offset)
        return adjacent_starts(length, *sizes, seed=self.seed, epoch=epoch, offset=offset, rows=self.rows)
