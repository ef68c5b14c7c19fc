"""What happens between chunks: evaluation, the stop on NaN, checkpoints. See `dlx.train.fit.Hook`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from dlx.errors import NonFiniteError
from dlx.train.fit import Moment
from dlx.train.layout import Layout

__all__ = ["Derive", "Evaluate", "SaveCheckpoints", "StopOnNonFinite"]


class Evaluate:
    """Adds {prefix}_{name} to the moment's metrics at every multiple of `every` and at the last step.

    Args:
      measured: prefix -> function(state) -> {name: (replicas,)}, as "test" -> `evaluator(...)`.
      every: in steps; 0: only at the end.
    """

    def __init__(self, measured: Mapping[str, Callable], *, every: int) -> None:
        self.measured, self.every = dict(measured), every
        self.last: tuple[int, dict[str, np.ndarray]] = (-1, {})
        self.seconds = 0.0

    def __call__(self, moment: Moment) -> None:
        if is_due(moment, self.every):
            moment.metrics.update(self.at(moment.step, moment.state))

    def at(self, step: int, state: Any) -> dict[str, np.ndarray]:
        """The metrics of this step's state, measured unless they have just been."""
        if self.last[0] != step:
            values = {
                f"{prefix}_{name}": value for prefix, run in self.measured.items() for name, value in run(state).items()
            }
            self.last = (step, values)
        return self.last[1]


class Derive:
    """Adds metrics that are functions of a moment's other ones, as a perplexity is of the mean loss.

    Args:
      function: {name: (replicas,)} -> further ones.
    """

    def __init__(self, function: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]) -> None:
        self.function = function

    def __call__(self, moment: Moment) -> None:
        moment.metrics.update(self.function(moment.metrics))


class StopOnNonFinite:
    """Reports each replica whose metrics are NaN or infinite, once, with its step; ends the run when none is left.

    Args:
      labels: a name for each replica, as "seed 0".
      layout: for a look into the state, to name the first leaf that is not finite.
      report: takes a line of text.
    """

    def __init__(self, labels: Sequence[str], layout: Layout, *, report: Callable[[str], None] | None = None) -> None:
        self.labels, self.layout = tuple(labels), layout
        self.report = report or (lambda line: print(line, file=sys.stderr))
        self.failed: dict[int, int] = {}

    def __call__(self, moment: Moment) -> None:
        new = [int(replica) for replica in np.flatnonzero(moment.first_bad) if int(replica) not in self.failed]
        self.failed.update({replica: int(moment.first_bad[replica]) for replica in new})
        for replica in new:
            others = "; the others go on" if len(self.failed) < len(self.labels) else ""
            self.report(self._line(replica, moment) + others)
        if len(self.failed) == len(self.labels):
            raise NonFiniteError(
                f"NaN or infinity in every seed, see above. The run stops at step {moment.step} and does not save it;"
                " earlier checkpoints are kept. A lower --learning-rate is the usual cure."
            )

    def _line(self, replica: int, moment: Moment) -> str:
        names = (
            ", ".join(name for name, value in moment.metrics.items() if not np.isfinite(value[replica])) or "a metric"
        )
        found = f"{self.labels[replica]}: {names} NaN or infinite from step {self.failed[replica]} on"
        return f"{found}; {self._leaf(replica, moment.state)}"

    def _leaf(self, replica: int, state: Any) -> str:
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.layout.fetch("state", state)):
            if isinstance(leaf, np.ndarray) and not np.all(np.isfinite(leaf[replica].astype(np.float64))):
                name = jax.tree_util.keystr(path, simple=True, separator="/")
                return f"found first in {name}"
        return "its state is finite"


class SaveCheckpoints:
    """Saves at every multiple of `every` and at the last step.

    Args:
      checkpoints: an owner of a folder with save(step, state, meta=..., score=...), which copies the state at once.
      layout: fetches the state to the host, a copy.
      every: in steps; 0: only at the end.
      meta: () -> JSON object to store along.
      score: metrics -> a number, larger is better, that marks the best checkpoint, or None; None: no best.
      whole: give `checkpoints` the state as it lies on the devices, for one that saves each process's part.
    """

    def __init__(
        self, checkpoints: Any, layout: Layout, *, every: int, meta: Callable[[], dict],
        score: Callable[[Mapping[str, np.ndarray]], float | None] | None = None, whole: bool = False,
    ) -> None:  # fmt: skip
        self.checkpoints, self.layout, self.every, self.meta, self.score, self.whole = (
            checkpoints,
            layout,
            every,
            meta,
            score,
            whole,
        )
        self.saved = -1

    def __call__(self, moment: Moment) -> None:
        if is_due(moment, self.every):
            self.save(moment)

    def save(self, moment: Moment) -> None:
        """Saves this moment's state now, unless it has just been."""
        if self.saved == moment.step:
            return
        state = moment.state if self.whole else self.layout.fetch("state", moment.state, copy=False)
        score = self.score(moment.metrics) if self.score else None
        self.checkpoints.save(moment.step, state, meta=self.meta(), score=score)
        self.saved = moment.step


def is_due(moment: Moment, every: int) -> bool:
    """Whether something that happens at every multiple of `every`, and at the end, happens now."""
    return moment.step == moment.steps or (every > 0 and moment.step % every == 0)
