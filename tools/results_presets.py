"""Short runs of the experiments on embedded data, recorded so that a slow test can hold later versions to them.

results/presets.json: experiment -> {arguments, metric} written by hand, and {mean, std, seeds, seconds} as recorded.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.results_record import run, write_json

__all__ = ["agrees", "allowed", "command", "load_presets", "missing", "record_presets"]


def load_presets(folder: Path) -> dict[str, dict]:
    """The presets of results/, none if there is no file."""
    path = folder / "presets.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def command(experiment: str, preset: Mapping[str, Any]) -> str:
    """What a person would type to run a preset."""
    return f"python -m experiments.{experiment} {shlex.join(preset['arguments'])}"


def record_presets(root: Path, names: Sequence[str], runs: Path, *, echo: Callable[[str], Any] | None = None) -> None:
    """Runs presets (all, or those named) and writes what came out beside their arguments.

    Raises: KeyError naming an experiment without an entry.
    """
    for name in names or list(load_presets(root / "results")):
        result, seconds = run(command(name, load_presets(root / "results")[name]), runs, root=root)
        # read again and written at once: another run may have recorded its own meanwhile, and a stop loses one at most
        presets = load_presets(root / "results")
        preset = presets[name]
        statistics = result["metrics"][preset["metric"]]
        preset.update(
            mean=statistics["mean"], std=statistics["std"], seeds=len(result["seeds"]), seconds=round(seconds, 1)
        )
        write_json(root / "results" / "presets.json", dict(sorted(presets.items())))
        if echo:
            echo(f"{name}: {preset['metric']} {preset['mean']:.6g} +- {preset['std']:.2g}, {seconds:.1f} s")


def allowed(preset: Mapping[str, Any]) -> float:
    """How far the mean may be from the recorded one: 3 sd, at the least 0.005 for an accuracy and 5% for others."""
    least = 0.005 if preset["metric"].endswith("accuracy") else 0.05 * abs(preset["mean"])
    return max(3 * preset["std"], least)


def agrees(preset: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a run's mean over the same number of seeds is the recorded one, within `allowed`."""
    same = len(result["seeds"]) == preset["seeds"] and not result.get("failed_seeds")
    mean = result["metrics"][preset["metric"]]["mean"]
    return same and mean is not None and abs(mean - preset["mean"]) <= allowed(preset)


def missing(experiments: Sequence[str], presets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What --check says of the presets: experiments without one, presets without a recording or an experiment."""
    wrong = [f"{name}: no preset; give results/presets.json its arguments and metric, then --record-presets {name}"
             for name in experiments if name not in presets]  # fmt: skip
    wrong += [f"{name}: its preset is not recorded; python -m tools.results --record-presets {name}"
              for name, preset in presets.items() if "mean" not in preset]  # fmt: skip
    return wrong + [f"results/presets.json: no experiment {name}" for name in presets if name not in experiments]
