"""Weights on the command line: a run starts from those of a file, or only tests them, and hands its own out."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dlx
from dlx.errors import CheckpointError, UsageError
from dlx.run.options import Options

__all__ = ["FILE", "WeightsOptions", "from_file", "replica_variables", "save_replicas"]

FILE = "weights.safetensors"


@dataclasses.dataclass(frozen=True)
class WeightsOptions(Options):
    """Options of an experiment that takes weights; it calls `from_file` and `Run.save_weights`."""

    weights: Path | None = None
    """Start from the weights in this safetensors file or in this folder of a run; PyTorch's names will do."""
    evaluate_only: bool = False
    """Test the --weights and train nothing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.evaluate_only and self.weights is None:
            raise UsageError("--evaluate-only wants --weights FILE: there is nothing else to test.")


def from_file(config: WeightsOptions, task: Any, model: Any) -> Any:
    """A task that starts from the weights of a file. It is read here: errors come before anything is compiled.

    Args:
      config: of the run; a folder as --weights stands for the weights.safetensors in it.
      task: made by `dlx.train.supervised`.
      model: of the task; it says what PyTorch calls the layers, where the file has such names.
    Returns: the task with another `init`; as it is without --weights.
    Raises: CheckpointError naming --weights and the file: it is missing, is no safetensors file, or holds weights of
      another architecture, with every name and shape that does not fit.
    """
    if config.weights is None:
        return task
    import jax

    from dlx.run.startup import start

    start(config)
    state = jax.eval_shape(task.init, jax.random.key(0))
    wanted = {"params": state.params, **state.model_state}
    try:
        variables = dlx.models.load_named_weights(_file(config.weights), model, wanted)
    except CheckpointError as error:
        raise CheckpointError(f"--weights {error}") from error
    return dlx.train.start_from(task, variables, skip=())


def replica_variables(state: Any, number: int) -> dict:
    """{"params": ..., "batch_stats": ...} of one replica of a state: what is tested, the average where there is one."""
    import jax

    params = state.params if state.ema is None else state.ema
    return jax.tree.map(lambda leaf: leaf[number], {"params": params, **state.model_state})


def save_replicas(folder: Path, labels: Sequence[str], state: Any, *, name: str = "") -> list[Path]:
    """Writes the weights of every replica: weights.safetensors of a single one, else weights-LABEL.safetensors.

    Args:
      folder: of the run.
      labels: of the replicas, as "seed_0".
      state: of supervised learning, on the host, stacked over replicas.
      name: stands before the label, where a run has several models.
    Returns: the paths.
    Raises: CheckpointError if the disk refuses.
    """
    paths = []
    for number, label in enumerate(labels):
        parts = ["weights", *([name] if name else []), *([label.replace(" ", "-")] if len(labels) > 1 else [])]
        paths.append(folder / f"{'-'.join(parts)}.safetensors")
        dlx.models.save_weights(paths[-1], replica_variables(state, number))
    return paths


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / FILE).exists():
        return path / FILE
    held = sorted(file.name for file in path.glob("weights*.safetensors"))
    raise CheckpointError(
        f"{path}: a folder without {FILE}" + (f"; name one of {', '.join(held)} in it" if held else "")
    )
