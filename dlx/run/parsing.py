"""From the words of a command line to a configuration."""

import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Union

from dlx.errors import UsageError
from dlx.run.configuration import experiment_of, read_config
from dlx.run.options import Options

__all__ = ["parse"]

_METAVARS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
_WANTED = {int: "a whole number", float: "a number"}


def parse(config_class: type[Options], args: Sequence[str]) -> Any:
    """The configuration that the words of a command line describe.

    Args:
      config_class: a frozen dataclass; a docstring line under each field is its help.
      args: the words; `--config FILE` among them gives the defaults for the others, and so does a run's folder that
        `--name NAME --resume` goes on with.
    Raises: UsageError; SystemExit(2) after tyro's own message, SystemExit(0) after --help.
    """
    import tyro

    experiment = experiment_of(config_class)
    _refuse_unused(config_class, args)
    path = _config_path(args)
    default: Any = tyro.MISSING_NONPROP
    if path is not None:
        default, missing = read_config(path, config_class)
        if missing:
            print(f"{path} does not have {', '.join(missing)}: taking the default.", file=sys.stderr)

    narrowed = _narrowed(config_class)

    def read(default: Any) -> Any:
        if isinstance(default, config_class):
            default = narrowed(**_fields(default))
        found: Any = tyro.cli(
            narrowed,
            prog=experiment.program,
            description=experiment.doc,
            args=list(args),
            default=default,
            registry=_registry(),
        )
        return config_class(**_fields(found))

    config = read(default)
    if path is None and getattr(config, "resume", False) and config.name:
        saved = config.output_dir / experiment.name / config.name / "config.json"
        if saved.exists():  # what is not said on the command line stays as the run has it
            return read(read_config(saved, config_class)[0])
    return config


def _refuse_unused(config_class: type[Options], args: Sequence[str]) -> None:
    """Names an option that other experiments have: the parser would only say that it does not know it."""
    for word in args:
        name = word.partition("=")[0].lstrip("-").replace("-", "_")
        if word.startswith("--") and name.removeprefix("no_") in config_class.unused():
            raise UsageError(f"{word.partition('=')[0]}: this experiment has no use for it.")


def _narrowed(config_class: type[Options]) -> Any:
    """The class with the fields hidden that the experiment does not use."""
    import tyro

    suppress: Any = tyro.conf.Suppress
    hints, unused = typing.get_type_hints(config_class), config_class.unused()
    hidden: list[tuple] = [
        (field.name, suppress[hints[field.name]], field.default)
        for field in dataclasses.fields(config_class)
        if field.name in unused
    ]
    return dataclasses.make_dataclass(config_class.__name__, hidden, bases=(config_class,), frozen=True)


def _fields(config: Options) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def _config_path(args: Sequence[str]) -> Path | None:
    """The file named by --config, which has to be read before the other words can be parsed against it."""
    for index, word in enumerate(args):
        if word == "--config" and index + 1 < len(args):
            return Path(args[index + 1])
        if word.startswith("--config="):
            return Path(word.partition("=")[2])
    return None


def _registry() -> Any:
    """`int`, `float`, `T | None` with one clear line for a word of another type, where tyro lists what it tried."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

    registry = ConstructorRegistry()

    @registry.primitive_rule
    def rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
        kind, optional = _split_optional(info.type)
        if kind not in _METAVARS or not (optional or kind in _WANTED):
            return None
        kinds = (kind, *((int,) if kind is float else ()), *((type(None),) if optional else ()))
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar=_METAVARS[kind],
            instance_from_str=_reader(kind, optional),
            is_instance=lambda value: isinstance(value, kinds),
            str_from_instance=lambda value: ["none" if value is None else str(value)],
        )

    return registry


def _split_optional(hint: Any) -> tuple[Any, bool]:
    """`T | None` as (T, True), anything else as (itself, False)."""
    parts = typing.get_args(hint)
    if typing.get_origin(hint) in (Union, types.UnionType) and len(parts) == 2 and type(None) in parts:
        return next(part for part in parts if part is not type(None)), True
    return hint, False


def _reader(kind: type, optional: bool) -> Callable[[list[str]], Any]:
    def read(words: list[str]) -> Any:
        if optional and words[0].lower() == "none":
            return None
        try:
            return kind(words[0])
        except ValueError:
            raise ValueError(f"wants {_WANTED.get(kind, kind.__name__)}; got {words[0]!r}") from None

    return read
