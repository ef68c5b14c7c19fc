"""What a person sees while a run trains: a line a moment, or a progress bar on a terminal; and TensorBoard events."""

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlx.errors import UsageError
from dlx.run.signals import StopOnSignal

__all__ = ["Console", "TensorBoard"]

_BAR = "{percentage:3.0f}% {bar:10} {n_fmt}/{total_fmt}  {elapsed}<{remaining}{postfix}"


class Console:
    """A hook that shows step, losses, accuracies (means over replicas), examples per second and the time left.

    Lines come at most every `interval` seconds, whatever a chunk takes, and at the end of the fit; each holds the
    newest value of every metric since the one before.

    Args:
      stop: is asked to stop the fit when the reader of standard output has gone (`| head`), exit code 141.
      bar: a progress bar instead of lines; by default on a terminal that can move its cursor.
      interval: seconds between two lines.
    """

    def __init__(self, *, stop: StopOnSignal | None = None, bar: bool | None = None, interval: float = 1.0) -> None:
        able = sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self.stop, self.bar, self.interval = stop, able if bar is None else bar, interval
        self._progress: Any = None
        self._waiting: Any = None  # what has happened since the last line, as one moment
        self._printed = float("-inf")
        self._first, self._seconds = 0, 0.0
        self._shown: dict[str, float] = {}

    def __call__(self, moment: Any) -> None:
        """Takes the `Moment` of a chunk's end."""
        self._seconds += moment.seconds
        self._shown.update(_shown(moment.metrics))
        try:
            self._draw(moment) if self.bar else self._hold(moment)
        except BrokenPipeError:
            if self.stop is None:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.stop.request(141)

    def begin(self, step: int) -> None:
        """Says at which step a resumed run goes on."""
        self._first = step

    def close(self) -> None:
        """Prints what waits, as after a fit that was stopped, and leaves the bar as it stands."""
        if self._waiting is not None:
            with contextlib.suppress(BrokenPipeError):
                self._line(self._waiting)
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def _hold(self, moment: Any) -> None:
        if moment.compile_seconds:
            print(f"compiled in {moment.compile_seconds:.1f} s", flush=True)
        if self._waiting is not None:
            before = self._waiting
            moment = moment._replace(
                metrics={**before.metrics, **moment.metrics},
                examples=before.examples + moment.examples,
                seconds=before.seconds + moment.seconds,
            )
        self._waiting = moment
        if moment.step == moment.steps or time.monotonic() - self._printed >= self.interval:
            self._line(moment)

    def _line(self, moment: Any) -> None:
        self._waiting, self._printed = None, time.monotonic()
        width = len(str(moment.steps))
        parts = [f"step {moment.step:{width}d}/{moment.steps}"]
        parts += [f"epoch {moment.epoch:.2f}"] if moment.epoch else []
        parts += [f"{name} {value:.4f}" for name, value in _shown(moment.metrics).items()]
        parts += _throughput(moment)
        left = self._time_left(moment)
        print("  ".join(parts + ([f"{left} left"] if left else [])), flush=True)

    def _draw(self, moment: Any) -> None:
        if self._progress is None:
            from tqdm import tqdm

            # where a terminal does not know its width, tqdm would draw nothing
            width: dict[str, Any] = {"dynamic_ncols": True} if _terminal_width() else {"ncols": 80, "nrows": 24}
            self._progress = tqdm(total=moment.steps, initial=self._first, bar_format=_BAR, file=sys.stdout, **width)
        parts = [f"{name} {value:.4f}" for name, value in self._shown.items()]
        self._progress.set_postfix_str("  ".join(parts + _throughput(moment)), refresh=False)
        self._progress.update(moment.step - self._progress.n)
        if moment.step == moment.steps:
            self.close()

    def _time_left(self, moment: Any) -> str:
        done = moment.step - self._first
        if moment.step >= moment.steps or done <= 0:
            return ""
        return str(datetime.timedelta(seconds=round(self._seconds / done * (moment.steps - moment.step))))


class TensorBoard:
    """A hook that writes the mean of each metric, and each replica under `metric/seed_K`, as TensorBoard events.

    Args:
      folder: of the event files.
      replicas: a label for each, as "seed_0".
      step: events after this step, of a run that was cut short, are hidden.
    Raises: UsageError if tensorboardX is not installed.
    """

    def __init__(self, folder: Path, replicas: Sequence[str], *, step: int = 0) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise UsageError("--tensorboard needs tensorboardX: pip install 'dlx[tensorboard]'.") from None
        self.replicas = list(replicas)
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def __call__(self, moment: Any) -> None:
        """Takes the `Moment` of a chunk's end."""
        for name, values in moment.metrics.items():
            self._writer.add_scalar(name, _mean(values), moment.step)
            if len(self.replicas) > 1:
                for label, value in zip(self.replicas, values, strict=True):
                    self._writer.add_scalar(f"{name}/{label}", float(value), moment.step)
        if moment.examples and moment.seconds > 0:
            self._writer.add_scalar("examples_per_second", moment.examples / moment.seconds, moment.step)
        self._writer.flush()

    def close(self) -> None:
        """Closes the event file."""
        self._writer.close()


def _throughput(moment: Any) -> list[str]:
    return [f"{moment.examples / moment.seconds:,.0f} examples/s"] if moment.examples and moment.seconds > 0 else []


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 0


def _shown(metrics: dict[str, Any]) -> dict[str, float]:
    """Means of what is worth a place on a line: training loss and what was measured, or else what the step tells."""
    worth = [name for name in metrics if name == "train_loss" or not name.startswith("train_")]
    return {name: _mean(metrics[name]) for name in worth or metrics}


def _mean(values: Any) -> float:
    """Over the replicas that are finite; NaN without one."""
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")
