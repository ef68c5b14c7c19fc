"""Data that do not fit the devices: a Grain pipeline whose position is a function of the step alone."""

import gc
import weakref
from typing import Any

import jax
import numpy as np

from dlx.errors import DatasetError, UsageError

__all__ = ["GrainStream"]


class GrainStream:
    """Shuffled batches for `fit`, read by Grain's threads or worker processes.

    Step k takes examples k B, ..., k B + B - 1 of the shuffled epochs, one after the other. So nothing but the step has
    to be saved for an exact resume, whatever was read ahead and however many workers or processes there are.

    Args:
      source: random access (`len`, `[i]` -> a dict of arrays), or a `grain.MapDataset` with its own maps.
      batch_size: B, of all processes together.
      seed: of the order; each epoch has its own.
      shuffle: False keeps the order of the source.
      threads: that read at once.
      workers: processes that decode; 0: this one. A program that uses them needs the `if __name__ == "__main__"` guard.
    Raises: UsageError without the package grain (`pip install dlx[data]`) or if B does not divide over processes;
      DatasetError if there is less than one batch.
    """

    def __init__(
        self, source: Any, *, batch_size: int, seed: int = 0, shuffle: bool = True, threads: int = 4, workers: int = 0
    ) -> None:
        try:
            import grain.python as grain
        except ImportError as error:
            raise UsageError("GrainStream wants the package grain: pip install 'dlx[data]'.") from error
        if batch_size % jax.process_count():
            raise UsageError(f"--batch-size {batch_size} does not divide over {jax.process_count()} processes.")
        examples = source if isinstance(source, grain.MapDataset) else grain.MapDataset.source(source)
        self.batches_per_epoch = len(examples) // batch_size
        if self.batches_per_epoch == 0:
            raise DatasetError(
                f"The source holds {len(examples)} example(s), fewer than one batch of --batch-size {batch_size}."
            )
        ordered = examples.seed(seed).shuffle() if shuffle else examples
        # the slice drops each epoch's remainder, so that an epoch ends with a batch
        self.endless = ordered[: self.batches_per_epoch * batch_size].repeat()
        self.batch_size, self.threads, self.workers, self.grain = batch_size, threads, workers, grain
        self.iterators: list = []
        # threads and workers have to end before the interpreter takes their modules away
        self.close = weakref.finalize(self, _close, self.iterators)
        self.seek(0)

    def seek(self, step: int) -> None:
        """Goes to where the batch of `step` comes next."""
        processes, own = jax.process_count(), jax.process_index()
        part = self.endless[step * self.batch_size + own :: processes].batch(self.batch_size // processes)
        reader = part.to_iter_dataset(
            self.grain.ReadOptions(num_threads=self.threads, prefetch_buffer_size=4 * self.threads)
        )
        if self.workers:
            _parse_flags()
            reader = reader.mp_prefetch(self.grain.MultiprocessingOptions(num_workers=self.workers))
        _close(self.iterators)
        self.iterators.append(iter(reader))

    def window(self, count: int) -> Any:
        """The next `count` batches: each array (count, B, ...)."""
        batches = [next(self.iterators[0]) for _ in range(count)]
        return jax.tree.map(lambda *arrays: np.stack(arrays), *batches)


def _close(iterators: list) -> None:
    """Ends the iterator's threads and worker processes, and forgets it."""
    while iterators:
        iterators.pop().close()
    gc.collect()


def _parse_flags() -> None:
    from absl import flags

    # Grain's workers read absl flags, which only absl.app would have parsed
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
