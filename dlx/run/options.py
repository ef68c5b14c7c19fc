"""The options that every experiment has. An experiment's Config extends `Options` and changes its defaults."""

import dataclasses
import difflib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from dlx.errors import UsageError

__all__ = ["DEVICES", "LOG", "TRAINING", "Options", "refuse_together", "require"]

# groups of common options for `Options.uses`: those of a fit, of where it runs, of what `dlx.run` keeps of it
TRAINING = frozenset({"epochs", "steps", "batch_size", "optimizer", "learning_rate", "accumulate", "ema", "precision"})
DEVICES = frozenset(
    {"map", "devices", "parallel", "distributed", "coordinator", "processes", "process_id", "init_timeout"}
)
LOG = frozenset(
    {"log_every", "evaluate_every", "checkpoint_every", "keep_checkpoints", "checkpoint", "tensorboard"}
    | {"resume", "force_config"}
)


@dataclasses.dataclass(frozen=True)
class Options:
    """Options common to all experiments. Fields that change no result, or only its rounding, are named in `neutral`."""

    dataset: str = "digits"
    """Data set."""
    seeds: int = 1
    """Number of replicas with different seeds, trained at once."""
    seed: int = 0
    """First seed; the replicas take seed, seed + 1, ..."""
    epochs: float | None = None
    """Passes over the training data."""
    steps: int | None = None
    """Optimizer steps; goes before --epochs."""
    batch_size: int = 128
    """Examples in a step, in all devices together."""
    optimizer: str = "adam"
    """One of dlx.optim (adam) or of optax (optax.adamw)."""
    learning_rate: float = 1e-3
    """Step size of the optimizer."""
    accumulate: int = 1
    """Pieces of a batch that are computed one after the other and averaged, to save memory."""
    ema: float | None = None
    """Decay of a moving average of the parameters, which is then evaluated; None: no average."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Type of the computation; parameters are float32."""
    sweep: tuple[str, ...] = ()
    """Values tried side by side, each with all seeds, as learning_rate=0.1,0.03,0.01; several names go in step."""
    map: Literal["auto", "map", "vmap"] = "auto"
    """How a device runs its replicas: one after the other (map), all at once (vmap), or what is faster there."""

    devices: int | None = None
    """Devices of this run, in all processes together; None: one CPU, or every accelerator."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """Who cuts the work over devices: the compiler (jit), or the program (pmap, shard_map)."""
    platform: Literal["cpu", "gpu", "tpu"] | None = None
    """Kind of device; None: the best that JAX finds."""
    distributed: bool = False
    """This process is one of several; SLURM, Open MPI, Kubernetes and TPU pods are detected."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where nothing is detected."""
    processes: int | None = None
    """Number of processes, where nothing is detected."""
    process_id: int | None = None
    """This process, counted from 0, where nothing is detected."""
    init_timeout: int = 300
    """Seconds to wait for the other processes."""

    output_dir: Path = Path("runs")
    """Folder of the runs: OUTPUT_DIR/EXPERIMENT/NAME."""
    name: str | None = None
    """Name of the run's folder; None: the next free number."""
    resume: bool = False
    """Go on with the run --name, or with the newest one of equal configuration."""
    force_config: bool = False
    """Resume although the configuration differs."""
    config: Path | None = None
    """A saved config.json to run again; options beside it go before it."""
    log_every: int = 100
    """Steps between two lines of the log."""
    evaluate_every: int | None = None
    """Steps between two evaluations; None: once an epoch, at most 100 in a run."""
    checkpoint_every: int | None = None
    """Steps between two checkpoints; None: once an epoch, at most 10 in a run; 0: none."""
    keep_checkpoints: int = 2
    """How many of the last checkpoints to keep, beside the best."""
    checkpoint: Literal["safetensors", "orbax"] = "safetensors"
    """Format of the checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard events too."""
    cache: bool = True
    """Keep compiled programs for the next run."""
    allocator: Literal["default", "keep"] = "default"
    """Memory of the CPU: keep it between steps (faster for large models) or give it back (default)."""

    neutral: ClassVar[frozenset[str]] = (
        DEVICES | LOG | {"platform", "output_dir", "name", "config", "cache", "allocator"}
    )
    # a run may go on for longer; an experiment whose schedule depends on the total sets this to frozenset()
    length: ClassVar[frozenset[str]] = frozenset({"epochs", "steps"})
    # of one invocation; a saved configuration does not carry them to the next
    invocation: ClassVar[frozenset[str]] = frozenset({"name", "resume", "force_config", "config"})

    # what an experiment does not use of these it refuses, and neither --help nor config.json show it
    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG | {"sweep"}

    def __post_init__(self) -> None:
        for declared in dataclasses.fields(self):
            if declared.name in self.unused() and getattr(self, declared.name) != declared.default:
                raise UsageError(f"{option(declared.name)}: this experiment has no use for it.")
        for field in ("seeds", "batch_size", "accumulate", "log_every", "init_timeout", "keep_checkpoints"):
            require(self, field, at_least=1)
        for field in ("steps", "devices", "evaluate_every", "processes"):
            require(self, field, at_least=1)
        for field in ("seed", "checkpoint_every", "process_id"):
            require(self, field, at_least=0)
        require(self, "seed", below=2**32 - self.seeds)
        require(self, "epochs", above=0)
        require(self, "learning_rate", above=0)
        require(self, "ema", at_least=0, below=1)
        if self.batch_size % self.accumulate:
            raise UsageError(f"--batch-size {self.batch_size} does not divide by --accumulate {self.accumulate}.")
        self._check_empty()
        self._check_name()
        self._check_processes()
        self.sweep_values()

    @classmethod
    def unused(cls) -> frozenset[str]:
        """The common options that this experiment does not declare in `uses`."""
        return Options.uses - cls.uses

    def sweep_values(self) -> dict[str, tuple[float, ...]]:
        """`--sweep a=1,2 b=3,4` as {"a": (1.0, 2.0), "b": (3.0, 4.0)}; empty without a sweep."""
        values: dict[str, tuple[float, ...]] = {}
        for entry in self.sweep:
            name, equals, listed = entry.partition("=")
            name = name.strip().lstrip("-").replace("-", "_")
            if not equals or not name.isidentifier():
                raise UsageError(f"--sweep wants NAME=VALUE,VALUE,...; got {entry!r}.")
            if name in values:
                raise UsageError(f"--sweep names {name} twice.")
            values[name] = self._sweep_numbers(name, listed)
        lengths = {name: len(numbers) for name, numbers in values.items()}
        if len(set(lengths.values())) > 1:
            raise UsageError(
                f"--sweep takes one value of each name at a time, so all want equally many; got {lengths}."
            )
        return values

    def training_options(self) -> dict[str, Any]:
        """The options that `dlx.train.supervised` takes by name."""
        return {
            "accumulate": self.accumulate,
            "ema": self.ema,
            "dtype": None if self.precision == "float32" else self.precision,
        }

    @property
    def seed_values(self) -> tuple[int, ...]:
        """The seeds: seed, seed + 1, ..."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def _sweep_numbers(self, name: str, listed: str) -> tuple[float, ...]:
        known = [f.name for f in dataclasses.fields(self)
                 if isinstance(getattr(self, f.name), float) and f.name not in self.unused()]  # fmt: skip
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"perhaps you meant {near[0]}" if near else f"this experiment has {', '.join(known)}"
            raise UsageError(f"--sweep wants the name of an option that takes a real number; got {name!r}; {hint}.")
        numbers = []
        for text in listed.split(","):
            try:
                number = float(text)
            except ValueError:
                raise UsageError(f"--sweep {name} wants numbers between commas; got {text!r} in {listed!r}.") from None
            point: dict[str, Any] = {name: number, "sweep": ()}
            dataclasses.replace(self, **point)  # each value has to pass as an option of its own
            numbers.append(number)
        return tuple(numbers)

    def _check_empty(self) -> None:
        for field in dataclasses.fields(self):
            if field.name == "sweep":  # empty, it is no sweep
                continue
            # `--hidden` without a value comes as ()
            if getattr(self, field.name) == () and field.default not in ((), dataclasses.MISSING):
                raise UsageError(f"{option(field.name)} wants at least one value; got none.")

    def _check_name(self) -> None:
        if self.name is None:
            return
        if (
            not self.name
            or self.name in (".", "..")
            or set(self.name) & set('/\\:*?"<>|\0')
            or self.name != self.name.strip()
        ):
            raise UsageError(f"--name wants the name of a folder, without a slash; got {self.name!r}.")

    def _check_processes(self) -> None:
        if (self.processes is None) != (self.process_id is None):
            raise UsageError("--processes and --process-id go together.")
        if self.processes is not None and self.process_id is not None:
            require(self, "process_id", below=self.processes)
            if self.coordinator is None:
                raise UsageError("--processes wants --coordinator HOST:PORT, the address of process 0.")
        if self.coordinator is not None:
            host, _, port = self.coordinator.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise UsageError(f"--coordinator wants HOST:PORT; got {self.coordinator!r}.")


def option(field: str) -> str:
    """The command line's spelling of a field."""
    return "--" + field.replace("_", "-")


def refuse_together(config: Any, switch: str, fields: Sequence[str], why: str) -> None:
    """Refuses options that have no effect as others stand; those at their defaults pass.

    Args:
      config: the dataclass instance, in its `__post_init__`.
      switch: the option that makes them idle, as "--notes".
      fields: names of the idle ones.
      why: what happens instead, the end of the message.
    Raises: UsageError naming both options.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    for field in fields:
        if getattr(config, field) != defaults[field]:
            raise UsageError(f"{option(field)} {getattr(config, field)} has no effect with {switch}: {why}.")


def require(
    config: Any, field: str, *, at_least: float | None = None, above: float | None = None, at_most: float | None = None,
    below: float | None = None, choices: Sequence | None = None,
) -> None:  # fmt: skip
    """Checks one field of a configuration; None passes, and a tuple is checked entry by entry.

    Args:
      config: the dataclass instance, in its `__post_init__`.
      field: its name.
      at_least, above, at_most, below: bounds of a number; NaN and infinity never pass.
      choices: the values allowed.
    Raises: UsageError naming option, value and range.
    """
    value = getattr(config, field)
    bounds = [(at_least, "at least", float.__ge__), (above, "more than", float.__gt__),
              (at_most, "at most", float.__le__), (below, "less than", float.__lt__)]  # fmt: skip
    for entry in value if isinstance(value, tuple) else (value,):
        if entry is None:
            continue
        if choices is not None and entry not in choices:
            raise UsageError(f"{option(field)} wants one of {', '.join(map(str, choices))}; got {entry}.")
        stated = [(limit, text, holds) for limit, text, holds in bounds if limit is not None]
        if stated and not (
            math.isfinite(entry) and all(holds(float(entry), float(limit)) for limit, _, holds in stated)
        ):
            raise UsageError(
                f"{option(field)} wants {' and '.join(f'{text} {limit}' for limit, text, _ in stated)}; got {entry}."
            )
