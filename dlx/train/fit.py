"""Training as a loop over compiled chunks of a pure step."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from dlx.errors import CheckpointError, UsageError
from dlx.train.feed import make_feed
from dlx.train.layout import Layout, make_layout
from dlx.train.program import Step, train_program
from dlx.train.replicas import initialise, sweep_points

__all__ = ["Hook", "Moment", "fit", "means"]


class Moment(NamedTuple):
    """What a hook sees between two chunks.

    Fields:
      step, steps: steps done, steps of the whole fit.
      epoch: passes over the data, 0.0 without data.
      state: stacked over replicas, as the layout has placed it; its memory is given to the next chunk.
      metrics: {"train_" + name: (replicas,) float64}, means since the previous moment; a hook may add others.
      examples: of all replicas since the previous moment.
      seconds: wall clock since the previous moment, without the hooks' own time.
      compile_seconds: of the first chunk, else 0.0.
      first_bad: (replicas,) the first step since the previous moment with a non-finite metric, 0 where there is none.
    """

    step: int
    steps: int
    epoch: float
    state: Any
    metrics: dict[str, np.ndarray]
    examples: int
    seconds: float
    compile_seconds: float
    first_bad: np.ndarray = np.zeros(0, int)


class Hook(Protocol):
    """Called at each chunk's end; True stops the fit. An attribute `every` asks for a chunk's end at its multiples."""

    def __call__(self, moment: Moment) -> bool | None: ...


def fit(
    step: Step,
    init: Callable,
    data: Any = None,
    *,
    steps: int,
    batch_size: int | None = None,
    seeds: Sequence[int] = (0,),
    sweep: Mapping[str, Sequence[float]] | None = None,
    hooks: Sequence[Hook] = (),
    log_every: int = 100,
    layout: Layout | None = None,
    resume: tuple[int, Any] | None = None,
) -> tuple[Any, list[dict]]:
    """Runs `step` for `steps` steps in compiled chunks, all replicas at once.

    Args:
      step: step(state, batch) -> (state, {name: (sum, count)}), pure. `batch` is None without data.
      init: init(key) -> state, any pytree.
      data: arrays with a leading axis of N examples, put on the devices as they are stored; a `WindowSource` for data
        too large for that; None for a step without data.
      steps: of each replica, counted from the beginning also when resuming.
      batch_size: B, in all devices together.
      seeds: a replica each; the replica's initial key and its order of the data come from its seed.
      sweep: {hyperparameter: values}, passed to `init` by name; every value runs with every seed.
      hooks: called at each chunk's end, in order.
      log_every: chunks end at its multiples, at those of the hooks' `every`, and at the last step.
      layout: devices, from `make_layout`; by default one device, or all accelerators, under jit.
      resume: (steps done, state stacked over replicas) to continue from: on the host, or as the layout has placed it,
        and then its memory is given away.
    Returns: (state stacked over replicas, as placed; one record for each chunk: step, epoch, metrics).
    Raises: UsageError for numbers that do not fit; CheckpointError if a resumed state's own counter disagrees.
    """
    replica_seeds = tuple(seeds) * len(sweep_points(sweep))
    _check(steps, log_every, batch_size, replica_seeds, data)
    layout = layout or make_layout(len(replica_seeds), batch_size=batch_size)
    layout.check_batch(batch_size)
    if layout.replicas != len(replica_seeds):
        raise UsageError(f"The layout is made for {layout.replicas} replica(s), and the run has {len(replica_seeds)}.")
    at, state = resume or (0, initialise(init, seeds, sweep))
    if at > steps:
        raise UsageError(f"--steps {steps}: the run has done {at} already.")
    _check_replicas(layout.replicas, state)
    _check_counter(at, state)
    state = layout.place("state", state)
    periods = [log_every, *(every for hook in hooks if (every := getattr(hook, "every", 0)))]

    def chunk_after(step: int) -> int:
        return min([steps - step, *(period - step % period for period in periods)])

    feed = make_feed(data, layout, replica_seeds, batch_size=batch_size, length=min(log_every, steps), step=at)
    program: Any = None
    records: list[dict] = []
    with contextlib.closing(feed):
        while at < steps:
            count = chunk_after(at)
            started, compile_seconds = time.perf_counter(), 0.0
            arguments = (state, *feed.take(at, count), np.int32(count))
            if program is None:
                program = train_program(step, layout, source=feed.source).lower(*arguments).compile()
                compile_seconds = time.perf_counter() - started
            state, sums, first_bad = program(*arguments)
            del arguments
            feed.prepare(at + count, chunk_after(at + count))  # on the host, while the devices work
            first_bad = layout.fetch("replica", first_bad)
            moment = Moment(
                step=at + count,
                steps=steps,
                epoch=feed.epoch(at + count),
                state=state,
                metrics={f"train_{name}": value for name, value in means(layout, sums).items()},
                examples=count * len(replica_seeds) * (batch_size or 0),
                seconds=time.perf_counter() - started - compile_seconds,
                compile_seconds=compile_seconds,
                first_bad=np.where(first_bad < count, at + first_bad + 1, 0),
            )
            at += count
            stops = [hook(moment) for hook in hooks]
            records.append({"step": at, "epoch": moment.epoch, **moment.metrics})
            if any(stops):
                break
    return state, records


def means(layout: Layout, sums: Mapping[str, tuple]) -> dict[str, np.ndarray]:
    """{name: (sum, count)} on the devices -> {name: (replicas,) float64}; NaN where nothing was counted."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {name: np.float64(total) / size for name, (total, size) in layout.fetch("replica", dict(sums)).items()}


def _check(steps: int, log_every: int, batch_size: int | None, seeds: tuple, data: Any) -> None:
    for name, value in (("steps", steps), ("log_every", log_every), ("seeds", len(seeds))):
        if value < 1:
            raise UsageError(f"--{name.replace('_', '-')} wants at least 1; got {value}.")
    if min(seeds) < 0:
        raise UsageError(f"--seed wants at least 0; got {min(seeds)}.")
    if data is not None and (batch_size is None or batch_size < 1):
        raise UsageError(f"--batch-size wants at least 1 when there are data; got {batch_size}.")


def _check_replicas(replicas: int, state: Any) -> None:
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(state)} - {(replicas,)}
    if sizes:
        raise CheckpointError(
            f"The state's leaves have first axes {sorted(sizes)}; a run of {replicas} replica(s) wants {(replicas,)}."
        )


def _check_counter(at: int, state: Any) -> None:
    own = getattr(state, "step", None)
    if own is not None and not np.all(np.asarray(own) == at):
        done = np.unique(np.asarray(own)).tolist()
        raise CheckpointError(f"The state has done {done} steps and the run {at}: they do not belong together.")
