"""Where the checkpoints of a run are kept, and how every process gets the newest one."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import jax

from dlx import train as engine
from dlx.errors import UsageError
from dlx.run.folder import RunFolder
from dlx.run.options import Options
from dlx.train.checkpoint import Checkpoints

__all__ = ["open_store", "restore"]


def open_store(config: Options, folder: RunFolder, closing: contextlib.ExitStack, *, writes: bool) -> Any:
    """The owner of the checkpoints in this process, or None where none are kept.

    Args:
      config, folder: of the run.
      closing: closes it.
      writes: whether this process writes for the run.
    Raises: UsageError where the format cannot hold a state that is cut in this way.
    """
    if config.checkpoint_every == 0 and not folder.resumed:
        return None
    if config.checkpoint == "orbax":
        if config.parallel == "pmap":
            raise UsageError(
                "--checkpoint orbax saves arrays as they lie on the devices, which --parallel pmap cuts in its own "
                "way; use --parallel jit or shard_map, or --checkpoint safetensors."
            )
        from dlx.train.orbax import OrbaxCheckpoints

        return closing.enter_context(OrbaxCheckpoints(folder.checkpoints, keep=config.keep_checkpoints, keep_best=True))
    if not writes:
        return _Nowhere()
    return closing.enter_context(Checkpoints(folder.checkpoints, keep=config.keep_checkpoints, keep_best=True))


def restore(
    config: Options, store: Any, init: Callable, layout: engine.Layout, *, note: Callable[[str], None]
) -> tuple[int, Any]:
    """(step, state) of the newest checkpoint that is whole, the same in every process; (0, ...) without one.

    Args:
      config: of the run.
      store: of `open_store`.
      init, layout: of the fit.
      note: takes a line on each checkpoint that was passed over.
    """
    template = engine.template(init, config.seed_values, config.sweep_values() or None, layout)
    restored = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if store is not None:
            restored = store.restore(template)
    for warning in caught:
        note(f"warning: {warning.message}")
    step, state = (restored.step, restored.state) if restored else (0, None)
    if jax.process_count() > 1 and config.checkpoint != "orbax":
        step, state = engine.from_first_process(step, state, template)
    return step, state


class _Nowhere:
    """The checkpoints of the processes beside the first: they only take part in fetching the state."""

    def save(self, step: int, state: Any, **about: Any) -> None: ...

    def restore(self, template: Any) -> None: ...
