"""Accuracy against time: the log with processor time in each line, and what a report shows of it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlx.run.records import Records, read_records

__all__ = ["TimedRecords", "by_epoch", "time_figure"]


class TimedRecords(Records):
    """The log with the processor time of all threads in each line: on a shared machine wall clock says little."""

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self.began, self.before = time.process_time(), 0.0

    @property
    def processor_seconds(self) -> float:
        """So far, with compilation, evaluation and the parts of a resumed run before this one."""
        return self.before + time.process_time() - self.began

    def __call__(self, moment: Any) -> None:
        """Takes the `Moment` of a chunk's end."""
        replicas = len(next(iter(moment.metrics.values())))
        moment.metrics["processor_seconds"] = np.full(replicas, self.processor_seconds)
        super().__call__(moment)

    def truncate(self, position: int) -> None:
        """Drops the lines after a position; the time counts on from the last that is kept."""
        super().truncate(position)
        lines = read_records(self.path) if self.path else []
        self.before = lines[-1]["processor_seconds"][0] if lines else 0.0


def by_epoch(lines: Sequence[Mapping]) -> list[list[str]]:
    """A row for each evaluation, of the lines of `TimedRecords` that have a test accuracy."""
    rows = [["epoch", "training accuracy", "test accuracy", "wall clock of training", "processor time"]]
    for line in lines:
        accuracies = [f"{np.mean(line[name]):.4f}" for name in ("train_accuracy", "test_accuracy")]
        times = [f"{line['seconds']:.0f} s", f"{np.mean(line['processor_seconds']):.0f} s"]
        rows.append([f"{line['epoch']:.3g}", *accuracies, *times])
    return rows


def time_figure(lines: Sequence[Mapping]) -> Any:
    """Test accuracy against the wall clock of training, and against the processor time of all threads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    accuracy = [np.mean(line["test_accuracy"]) for line in lines]
    processor = [np.mean(line["processor_seconds"]) for line in lines]
    axes.plot([line["seconds"] for line in lines], accuracy, "-o", markersize=3, label="wall clock of training")
    axes.plot(processor, accuracy, "-o", markersize=3, label="processor time of all threads, with evaluation")
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds")
    axes.set_ylabel("test accuracy")
    axes.legend(fontsize=8, loc="lower right")
    return figure
