"""What a chunk of steps reads: data on the devices and a table of indices, streaming batches, or nothing."""

import functools
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from dlx.errors import DatasetError, UsageError
from dlx.train.batches import batch_table, shuffled, steps_per_epoch
from dlx.train.layout import Layout

__all__ = ["WindowSource", "make_feed"]


@runtime_checkable
class WindowSource(Protocol):
    """Data that do not fit the devices. All replicas see the same batches."""

    batches_per_epoch: int

    def seek(self, step: int) -> None:
        """Goes to where the batch of `step` comes next."""

    def window(self, count: int) -> Any:
        """The next `count` batches, arrays (count, B, ...); with several processes this process's part of each."""


class _Nothing:
    source = "none"

    def take(self, step: int, count: int) -> tuple:
        return np.int32(0), np.int32(0)

    def prepare(self, step: int, count: int) -> None: ...

    def epoch(self, step: int) -> float:
        return 0.0

    def close(self) -> None: ...


class _Resident:
    """Data as they are stored, whole on every device; a chunk gets a table of indices."""

    source = "table"

    def __init__(self, data: Any, layout: Layout, seeds: tuple[int, ...], batch_size: int, length: int) -> None:
        self.examples = example_count(data)
        self.per_epoch = steps_per_epoch(self.examples, batch_size)
        self.layout, self.seeds, self.batch_size, self.length = layout, seeds, batch_size, length
        # an epoch's order serves many chunks, and a chunk may reach into the next epoch
        self.order = functools.lru_cache(maxsize=2 * len(seeds))(shuffled)
        self.ready = (-1, None)
        self.data = layout.place("shared", data)

    def prepare(self, step: int, count: int) -> None:
        table = batch_table(
            self.seeds,
            step=step,
            count=count,
            length=self.length,
            examples=self.examples,
            batch_size=self.batch_size,
            order=self.order,
        )
        self.ready = (step, self.layout.place("table", table))

    def take(self, step: int, count: int) -> tuple:
        if self.ready[0] != step:
            self.prepare(step, count)
        return self.data, self.ready[1]

    def epoch(self, step: int) -> float:
        return step / self.per_epoch

    def close(self) -> None: ...


class _Streaming:
    """Windows of batches, read ahead by a thread."""

    source = "window"

    def __init__(self, windows: WindowSource, layout: Layout, length: int, step: int) -> None:
        self.windows, self.layout, self.length = windows, layout, length
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="dlx-window")
        self.ready: tuple[int, Future | None] = (-1, None)
        windows.seek(step)

    def prepare(self, step: int, count: int) -> None:
        if count:
            self.ready = (step, self.reader.submit(self._padded, count))

    def take(self, step: int, count: int) -> tuple:
        if self.ready[0] != step:
            self.prepare(step, count)
        assert self.ready[1] is not None
        return self.layout.place_local("window", self.ready[1].result()), np.int32(0)

    def _padded(self, count: int) -> Any:
        window = self.windows.window(count)
        return jax.tree.map(
            lambda a: np.concatenate([a, np.zeros((self.length - count, *a.shape[1:]), a.dtype)]), window
        )

    def epoch(self, step: int) -> float:
        return step / self.windows.batches_per_epoch

    def close(self) -> None:
        self.reader.shutdown(cancel_futures=True)


def make_feed(
    data: Any, layout: Layout, seeds: Sequence[int], *, batch_size: int | None, length: int, step: int
) -> Any:
    """The feed for these data: nothing, arrays on the devices, or a stream read from `step` on.

    A feed has `source` (see `train_program`), `take(step, count)` -> the program's (data, table), `prepare(step,
    count)`, called while the devices work, `epoch(step)`, and `close()`.
    """
    if data is None:
        return _Nothing()
    if isinstance(data, WindowSource):
        return _Streaming(data, layout, length, step)
    if batch_size is None:
        raise UsageError("Data want a batch size.")
    return _Resident(data, layout, tuple(seeds), batch_size, length)


def example_count(data: Any) -> int:
    """The common length of the arrays' first axis.

    Raises: DatasetError if there is none, or lengths differ.
    """
    sizes = {jax.tree_util.keystr(path): np.shape(leaf)[:1] for path, leaf in jax.tree_util.tree_leaves_with_path(data)}
    if len(set(sizes.values())) != 1 or () in sizes.values():
        raise DatasetError(f"Data want arrays with one common first axis; got {sizes}.")
    return next(iter(sizes.values()))[0]
