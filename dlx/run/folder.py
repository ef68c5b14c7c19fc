"""The folder of a run: OUTPUT_DIR/EXPERIMENT/NAME, found, made and checked before the first step."""

import contextlib
import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from dlx.errors import RunFolderError, UsageError
from dlx.run.configuration import Difference, differences, experiment_of, saved_config
from dlx.run.options import Options
from dlx.run.strict_json import write

__all__ = ["RunFolder", "open_folder"]


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The paths in a run's folder.

    Fields:
      path: of the folder.
      resumed: whether it holds an earlier part of this run.
    """

    path: Path
    resumed: bool = False

    @property
    def name(self) -> str:
        """The last part of the path: what --name takes."""
        return self.path.name

    @property
    def config(self) -> Path:
        """config.json: the resolved options; `--config` reads it."""
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        """environment.json: a list, one entry each time that the run was started or resumed."""
        return self.path / "environment.json"

    @property
    def metrics(self) -> Path:
        """metrics.jsonl, of `Records`."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def summary(self) -> Path:
        """summary.json: the result."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"

    @property
    def tensorboard(self) -> Path:
        """The folder of the TensorBoard events."""
        return self.path / "tensorboard"

    def write_config(self, config: Options) -> None:
        """Writes config.json; for a resumed run once its checkpoint fits, so that a refusal changes nothing."""
        write(self.config, saved_config(config))

    def add_environment(self, entry: dict) -> list[dict]:
        """Appends to environment.json and returns all its entries."""
        entries: list[dict] = []
        with contextlib.suppress(OSError, ValueError):
            entries = list(json.loads(self.environment.read_text(encoding="utf-8")))
        entries.append(entry)
        write(self.environment, entries)
        return entries


def open_folder(config: Options) -> RunFolder:
    """Makes the run's folder with its config.json, or finds the one to resume.

    With several processes the first one does it, on a file system that all see, and tells the others.

    Raises, in every process: RunFolderError if the folder is taken or cannot be written, UsageError if it holds another
      configuration.
    """
    import jax

    if jax.process_count() == 1:
        return _open(config)
    said: dict[str, Any] = {}
    if jax.process_index() == 0:
        try:
            found = _open(config)
            said = {"path": str(found.path), "resumed": found.resumed}
        except (RunFolderError, UsageError) as error:
            said = {"error": str(error), "usage": isinstance(error, UsageError)}
    told = _tell(said)
    if "error" in told:
        raise (UsageError if told["usage"] else RunFolderError)(told["error"])
    return RunFolder(Path(told["path"]), told["resumed"])


def _open(config: Options) -> RunFolder:
    parent = config.output_dir / experiment_of(type(config)).name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        if config.resume:
            folder = _resume_named(parent / config.name, config) if config.name else _resume_newest(parent, config)
        else:
            folder = RunFolder(_make_named(parent / config.name, config) if config.name else _make_next(parent))
        with tempfile.TemporaryFile(dir=folder.path) as file:
            file.write(b"0" * 4096)  # a full disk says so here
        if not folder.resumed:
            folder.write_config(config)
    except OSError as error:
        where = error.filename or parent
        raise RunFolderError(
            f"{where}: cannot be written: {error.strerror}. --output-dir names another place."
        ) from None
    return folder


def _make_next(parent: Path) -> Path:
    """The next free number; another process that takes it at the same time only moves us on."""
    number = max((int(path.name) for path in parent.iterdir() if path.name.isdecimal()), default=0) + 1
    while True:
        try:
            (parent / str(number)).mkdir()
            return parent / str(number)
        except FileExistsError:
            number += 1


def _make_named(path: Path, config: Options) -> Path:
    try:
        path.mkdir()
    except FileExistsError:
        cure = "Choose" if "resume" in config.unused() else "Add --resume to go on with it, or choose"
        raise RunFolderError(f"{path} exists. {cure} another --name.") from None
    return path


def _resume_named(path: Path, config: Options) -> RunFolder:
    saved = _saved_options(path)
    if saved is None:  # the same command line can start a run and go on with it
        path.mkdir(exist_ok=True)
        _note(f"{path} holds no run yet: starting one.")
        return RunFolder(path)
    found = differences(saved, config, but=config.neutral | config.length)
    if found and not config.force_config:
        raise UsageError(
            f"{path} was made with another configuration:\n{_listed(found)}\n"
            "Give these options their saved values, choose another --name, or add --force-config."
        )
    if found:
        _note(f"{path}: resuming with another configuration, as --force-config asks:\n{_listed(found)}")
    return RunFolder(path, resumed=True)


def _resume_newest(parent: Path, config: Options) -> RunFolder:
    candidates = [(path, saved) for path in _newest_first(parent) if (saved := _saved_options(path)) is not None]
    for but in (config.neutral, config.neutral | config.length):  # a run of the same length before one of another
        for path, saved in candidates:
            if not differences(saved, config, but=but):
                _note(f"Resuming {path}.")
                return RunFolder(path, resumed=True)
    if not candidates:
        raise RunFolderError(f"--resume: {parent} holds no run yet.")
    path, saved = candidates[0]
    found = differences(saved, config, but=config.neutral | config.length)
    raise UsageError(
        f"--resume: no run in {parent} has this configuration. The newest, {path.name}, differs in:\n{_listed(found)}\n"
        f"--name {path.name} --force-config goes on with it all the same."
    )


def _newest_first(parent: Path) -> list[Path]:
    configs = list(parent.glob("*/config.json"))
    return [path.parent for path in sorted(configs, key=lambda path: (path.stat().st_mtime_ns, path), reverse=True)]


def _saved_options(path: Path) -> dict | None:
    """The options in a run's config.json, None where there is no such file."""
    file = path / "config.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["options"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise RunFolderError(f"{file} is damaged: it holds no options. Choose another --name.") from None


def _listed(found: list[Difference]) -> str:
    return "\n".join(f"  {difference}" for difference in found)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tell(message: dict[str, Any]) -> dict[str, Any]:
    """The message of process 0, in every process."""
    import numpy as np
    from jax.experimental import multihost_utils

    sent = np.zeros(4096, np.uint8)
    text = json.dumps(message).encode()[: sent.size]
    sent[: len(text)] = np.frombuffer(text, np.uint8)
    return json.loads(bytes(np.asarray(multihost_utils.broadcast_one_to_all(sent), np.uint8)).rstrip(b"\0"))
