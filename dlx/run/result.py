"""The result of a run: what RESULT, summary.json and the report show."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dlx.run.configuration import experiment_of
from dlx.run.environment import versions
from dlx.run.folder import RunFolder
from dlx.run.options import Options

__all__ = ["build_result", "larger_is_better", "replica_labels", "score_name", "summarise", "sweep_points"]

_SMALLER_IS_BETTER = ("loss", "error", "perplexity", "distance", "seconds")


def build_result(
    config: Options, metrics: Mapping[str, Any], *, steps: int, seconds: float, examples_per_second: float,
    compile_seconds: float, folder: RunFolder | None = None, score: str | None = None, **more: Any,
) -> dict:  # fmt: skip
    """The result as a dict in the types of JSON (NaN stays NaN).

    Args:
      config: of the run.
      metrics: name -> (replicas,), replica (v, s) with the v-th value of the sweep and the s-th seed; or one number.
      steps, examples_per_second, compile_seconds: of the run's fit, 0 without one.
      seconds: wall clock of the run's whole work: fits, evaluations, whatever else it computes.
      folder: of the run; None: nothing was written.
      score: the metric that picks the best value of a sweep; by default an accuracy on test data, then its loss, ...
      more: fields that an experiment adds.
    Returns: experiment, dataset, seeds, metrics {name: {mean, std, per_seed}}, failed_seeds, steps, seconds,
      examples_per_second, compile_seconds, run_folder, versions. With a sweep `metrics` are those of the best value,
      and `sweep` has a row {values, metrics, failed_seeds} for each; `best` is one of its `values`.
    """
    points, seeds = sweep_points(config), list(config.seed_values)
    count = len(points) * len(seeds)
    table = {
        name: _per_replica(name, values, count).reshape(len(points), len(seeds))
        for name, values in sorted(metrics.items(), key=lambda item: _importance(item[0]))
    }
    rows = [{"values": point, **summarise({name: values[row] for name, values in table.items()}, seeds)}
            for row, point in enumerate(points)]  # fmt: skip
    best = _best_row(rows, score or score_name(metrics))
    result = {
        "experiment": experiment_of(type(config)).name, "dataset": config.dataset, "seeds": seeds,
        "metrics": rows[best]["metrics"], "failed_seeds": rows[best]["failed_seeds"],
        "steps": int(steps), "seconds": round(float(seconds), 3),
        "examples_per_second": round(float(examples_per_second), 1),
        "compile_seconds": round(float(compile_seconds), 3),
        "run_folder": None if folder is None else str(folder.path), "versions": versions(),
    }  # fmt: skip
    if config.sweep:
        result.update(sweep=rows, best=rows[best]["values"])
    return {**result, **more}


def summarise(metrics: Mapping[str, Any], seeds: Sequence[int]) -> dict:
    """{"metrics": {name: {mean, std, per_seed}}, "failed_seeds": [...]}.

    A seed with any value that is not finite is in `failed_seeds`: a loss of NaN makes an accuracy of 0. Mean and sample
    standard deviation (divisor n - 1; 0 for one seed) are over the other seeds.
    """
    table = {name: np.asarray(values, np.float64) for name, values in metrics.items()}
    good = np.ones(len(seeds), bool)
    for values in table.values():
        good &= np.isfinite(values)
    return {"metrics": {name: _statistics(values, good) for name, values in table.items()},
            "failed_seeds": [seed for seed, passed in zip(seeds, good, strict=True) if not passed]}  # fmt: skip


def sweep_points(config: Options) -> list[dict[str, float]]:
    """The values that are tried side by side, in the order of the replicas; [{}] without a sweep."""
    values = config.sweep_values()
    return [dict(zip(values, point, strict=True)) for point in zip(*values.values(), strict=True)] if values else [{}]


def replica_labels(config: Options) -> list[str]:
    """A label for each replica: "seed_0", or "learning_rate=0.1 seed_0"."""
    points = [" ".join(f"{name}={value:g}" for name, value in point.items()) for point in sweep_points(config)]
    return [f"{point} seed_{seed}".strip() for point in points for seed in config.seed_values]


def score_name(metrics: Iterable[str]) -> str | None:
    """The metric that judges a run: of test data, else of validation data, else the first; of these an accuracy."""
    return min(metrics, key=_importance, default=None)


def larger_is_better(name: str) -> bool:
    """Whether a metric of this name is to be large."""
    return not any(word in name for word in _SMALLER_IS_BETTER)


def _importance(name: str) -> tuple[bool, ...]:
    return not name.startswith("test_"), not name.startswith("validation_"), not name.endswith("accuracy")


def _best_row(rows: list[dict], score: str | None) -> int:
    if score is None:
        return 0
    means = np.array([row["metrics"][score]["mean"] for row in rows])
    # a value that lost a seed loses to one that did not
    merit = np.where(np.isnan(means), -np.inf, means if larger_is_better(score) else -means)
    return max(range(len(rows)), key=lambda row: (-len(rows[row]["failed_seeds"]), merit[row]))


def _per_replica(name: str, values: Any, count: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim == 0:
        values = np.full(count, values)
    if values.shape != (count,):
        raise ValueError(f"metrics[{name!r}] wants one number for each of {count} replicas; got shape {values.shape}.")
    return values


def _statistics(values: np.ndarray, good: np.ndarray) -> dict:
    mean = float(values[good].mean()) if good.any() else math.nan
    std = float(values[good].std(ddof=1)) if good.sum() > 1 else 0.0
    return {"mean": mean, "std": std, "per_seed": values.tolist()}
