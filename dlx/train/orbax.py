"""Checkpoints of state that is split over hosts, by orbax: the option `--checkpoint orbax`.

Each process writes its own part, and a state can be restored to other devices than those that saved it. Orbax keeps no
checksum of the payload: a flipped bit comes back as a wrong number without a word. Where the state fits one host,
prefer `dlx.train.checkpoint`.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np

from dlx.errors import CheckpointError, UsageError
from dlx.train.checkpoint.file import FORMAT, Restored, encode_meta, versions
from dlx.train.checkpoint.folder import Best
from dlx.train.checkpoint.leaves import check_template, is_key, named_leaves

__all__ = ["OrbaxCheckpoints"]


class OrbaxCheckpoints:
    """As `dlx.train.checkpoint.Checkpoints`, over orbax's CheckpointManager; every process makes the same calls.

    Args:
      folder: made if it is not there; one that all processes see.
      keep: so many of the newest are kept.
      keep_best: the one with the highest score is kept besides.
    Raises: UsageError without the package orbax-checkpoint; CheckpointError if the folder cannot be made.
    """

    def __init__(self, folder: Path, *, keep: int = 3, keep_best: bool = False) -> None:
        if keep < 1:
            raise ValueError(f"keep: wanted at least 1, not {keep}")
        try:
            import orbax.checkpoint as ocp
            from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN
        except ImportError as error:
            raise UsageError(f"orbax checkpoints need the package orbax-checkpoint: {error}") from error
        self._ocp = ocp
        self.folder = Path(folder).absolute()  # orbax takes no relative path
        best = BestN(get_metric_fn=_score, n=1, keep_checkpoints_without_metrics=False)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=AnyPreservationPolicy([LatestN(keep), *([best] if keep_best else [])]),
            best_fn=_score,
            cleanup_tmp_directories=True,
        )
        # orbax itself finds a file in place of the folder at the first save only
        if self.folder.exists() and not self.folder.is_dir():
            raise CheckpointError(f"checkpoints cannot be written to {self.folder}: it is a file")
        self._manager = self._orbax("open", lambda: ocp.CheckpointManager(self.folder, options=options))

    def save(self, step: int, state: Any, *, meta: dict, score: float | None = None, wait: bool = False) -> None:
        """Saves a state; on return it may be donated. Arguments and errors as of `Checkpoints.save`."""
        leaves = dict(named_leaves(state))
        encode_meta(meta)
        entries = [_entry(name, leaf) for name, leaf in leaves.items()]
        about = {"format": FORMAT, "versions": versions(), "meta": meta, "leaves": entries}
        # orbax refuses arrays without elements; the template knows them anyway
        stored = {name: leaf for name, leaf in leaves.items() if np.size(leaf) or is_key(leaf)}
        args = self._ocp.args.Composite(state=self._ocp.args.StandardSave(stored), about=self._ocp.args.JsonSave(about))
        metrics = {"score": float(score)} if score is not None and score == score else None
        if step in self._manager.all_steps():
            self._orbax("replace", lambda: self._manager.delete(step))
        if not self._orbax("write", lambda: self._manager.save(step, args=args, metrics=metrics, force=True)):
            newest = self._manager.latest_step()
            raise CheckpointError(f"{self.folder}: orbax did not save step {step}; the newest is {newest}")
        if wait:
            self.wait()

    def restore(self, template: Any, *, step: int | None = None) -> Restored | None:
        """The newest checkpoint that orbax can read, or that of `step`.

        Args:
          template: a state or its shapes. A jax array, or a ShapeDtypeStruct with a sharding, is restored to that
            sharding, whatever it was saved from.
          step: if given, only this one will do.
        Returns, Raises: as `dlx.train.checkpoint.restore`.
        """
        self.wait()
        steps = sorted(self._manager.all_steps(), reverse=True)
        if step is not None and step not in steps:
            raise CheckpointError(f"{self.folder} has no checkpoint of step {step}; it has {sorted(steps) or 'none'}")
        failures: list[str] = []
        for candidate in steps if step is None else [step]:
            try:
                about = self._item(candidate, "about", self._ocp.args.JsonRestore())
            except CheckpointError as error:
                failures.append(str(error))
                continue
            if about["format"] > FORMAT:
                raise CheckpointError(
                    f"{self.folder}: step {candidate} was written by dlx {about['versions']['dlx']} in format "
                    f"{about['format']}; this dlx reads formats up to {FORMAT}: update dlx"
                )
            check_template(about["leaves"], template, self.folder / str(candidate))  # orbax itself casts in silence
            try:
                state = self._state(candidate, template)
            except CheckpointError as error:
                failures.append(str(error))
                continue
            for failure in failures:
                warnings.warn(f"checkpoint passed over: {failure}; going on from step {candidate}", stacklevel=2)
            return Restored(candidate, state, about["meta"], self.folder / str(candidate))
        if failures:
            raise CheckpointError("\n  ".join([f"no checkpoint in {self.folder} can be read:", *failures]))
        return None

    def _state(self, step: int, template: Any) -> Any:
        named = dict(named_leaves(template))
        wanted = {name: _target(leaf) for name, leaf in named.items() if np.size(leaf) or is_key(leaf)}
        stored = self._item(step, "state", self._ocp.args.StandardRestore(wanted))
        leaves = [
            stored[name] if name in stored else np.zeros(np.shape(leaf), leaf.dtype) for name, leaf in named.items()
        ]
        return jax.tree.unflatten(jax.tree.structure(template), leaves)

    def _item(self, step: int, item: str, args: Any) -> Any:
        composite = self._ocp.args.Composite(**{item: args})
        return self._orbax(f"read step {step} from", lambda: self._manager.restore(step, args=composite)[item])

    def _orbax(self, what: str, call: Callable[[], Any]) -> Any:
        """Calls orbax; its errors are of any class, up to hundreds of lines, and the last line says what happened."""
        try:
            return call()
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reason = lines[-1][:300] if lines else type(error).__name__
            raise CheckpointError(f"orbax could not {what} {self.folder}: {reason}") from error

    def wait(self) -> None:
        """Returns when nothing is being written. Raises: CheckpointError if the last save failed."""

        def finish() -> None:
            self._manager.wait_until_finished()
            self._manager.check_for_errors()

        self._orbax("write", finish)

    def steps(self) -> list[int]:
        """The steps on the disk, ascending."""
        self.wait()
        return sorted(self._manager.all_steps())

    def best(self) -> Best | None:
        """The checkpoint with the highest score; None if none has one."""
        self.wait()
        scores = {step: self._manager.metrics(step) for step in self._manager.all_steps()}
        scored = [(metrics["score"], step) for step, metrics in scores.items() if metrics]
        return Best(max(scored)[1], max(scored)[0], self.folder / str(max(scored)[1])) if scored else None

    def close(self) -> None:
        """Waits for the last save. Raises: CheckpointError if it failed."""
        try:
            self.wait()
        finally:
            self._manager.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except CheckpointError as failed:
            if error is None:
                raise
            warnings.warn(str(failed), stacklevel=2)


def _score(metrics: dict) -> float:
    return metrics["score"]


def _entry(name: str, leaf: Any) -> dict:
    if is_key(leaf):
        data = jax.eval_shape(jax.random.key_data, leaf)
        return {
            "name": name,
            "shape": list(data.shape),
            "dtype": data.dtype.name,
            "key": str(jax.random.key_impl(leaf)),
        }
    array = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    return {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}


def _target(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
    return leaf
