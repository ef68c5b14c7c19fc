"""A configuration as JSON and back, and what differs between two of them."""

import dataclasses
import difflib
import json
import shlex
import sys
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union

import dlx
from dlx.errors import UsageError
from dlx.run.options import Options, option
from dlx.run.strict_json import plain

__all__ = [
    "Difference",
    "Experiment",
    "command_line",
    "differences",
    "experiment_of",
    "from_json",
    "read_config",
    "saved_config",
]


class Experiment(NamedTuple):
    """What the module of an experiment says of it: the name of its file, its docstring, and how it is called."""

    name: str
    doc: str
    program: str


class Difference(NamedTuple):
    """One field whose values differ."""

    field: str
    saved: Any
    given: Any

    def __str__(self) -> str:
        return f"{option(self.field)}: saved {_shown(self.saved)}, given {_shown(self.given)}"


def experiment_of(config_class: type) -> Experiment:
    """The experiment that defines this Config, also where Python runs it as `__main__`."""
    name = config_class.__module__
    module = sys.modules.get(name)
    doc = (getattr(module, "__doc__", None) or "").strip()
    if name != "__main__":
        return Experiment(name.rpartition(".")[2], doc, f"python -m {name}")
    spec = getattr(module, "__spec__", None)
    if spec is not None:
        name = spec.name.removesuffix(".__main__")
        return Experiment(name.rpartition(".")[2], doc, f"python -m {name}")
    file = Path(getattr(module, "__file__", None) or "experiment")
    return Experiment(file.stem, doc, f"python {file}")


def saved_config(config: Options) -> dict:
    """The content of config.json: experiment, version, and every option that the experiment has and that lasts."""
    skipped = config.invocation | config.unused()
    options = {name: value for name, value in plain(config).items() if name not in skipped}
    return {"experiment": experiment_of(type(config)).name, "dlx": dlx.__version__, "options": options}


def read_config(path: Path, config_class: type) -> tuple[Any, list[str]]:
    """A saved configuration, of this or an older version.

    Args:
      path: of a config.json, or of a JSON object of options.
      config_class: what to make of it.
    Returns: the configuration, and the names of the options that the file does not have, which take their default.
    Raises: UsageError naming the file, and every unknown option in it.
    """
    path = path / "config.json" if path.is_dir() else path
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"--config {path}: not JSON: {error}.") from None
    if not isinstance(saved, dict):
        raise UsageError(f"--config {path}: wants a JSON object; got {type(saved).__name__}.")
    options = saved
    if isinstance(saved.get("options"), dict):
        options = saved["options"]
        experiment, here = saved.get("experiment"), experiment_of(config_class).name
        if experiment not in (None, here):
            raise UsageError(f"--config {path}: saved by the experiment {experiment}; this is {here}.")
    version = saved.get("dlx")
    try:
        return from_json(config_class, options)
    except UsageError as error:
        other = (
            f" (saved by dlx {version}; this is {dlx.__version__})" if version not in (None, dlx.__version__) else ""
        )
        raise UsageError(f"--config {path}{other}: {error}") from None


def from_json(config_class: type, values: dict, *, prefix: str = "") -> tuple[Any, list[str]]:
    """A dataclass from a JSON object, and the names of the fields that it did not have.

    Raises: UsageError naming the unknown fields, or a field whose value is of another type.
    """
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}
    unknown = [name for name in values if name not in fields]
    if unknown:
        raise UsageError("unknown " + "; ".join(f"{prefix}{name}{_nearest(name, fields)}" for name in unknown) + ".")
    hints = typing.get_type_hints(config_class)
    decoded = {name: _decode(hints[name], value, f"{prefix}{name}") for name, value in values.items()}
    skipped = config_class.invocation | config_class.unused() if issubclass(config_class, Options) else ()
    missing = [f"{prefix}{name}" for name in fields if name not in values and name not in skipped]
    without = [name for name, field in fields.items() if name not in values
               and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING]  # fmt: skip
    if without:
        raise UsageError(f"{', '.join(prefix + name for name in without)} missing, and there is no default.")
    return config_class(**decoded), missing


def differences(saved: dict, config: Options, *, but: Iterable[str] = ()) -> list[Difference]:
    """The options whose values differ between a config.json's "options" and a configuration, `but` these.

    A saved option that this version does not know differs, and so does one that is missing unless it has its default.
    """
    given, skipped = plain(config), {*but, *config.invocation}
    defaults = {field.name: plain(field.default) for field in dataclasses.fields(config)
                if field.default is not dataclasses.MISSING}  # fmt: skip
    names = [name for name in [*given, *(name for name in saved if name not in given)] if name not in skipped]
    found = [Difference(name, saved.get(name, defaults.get(name)), given.get(name)) for name in names]
    return [difference for difference in found if difference.saved != difference.given]


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, value, where)
    if origin is Literal:
        if value in arguments:
            return value
        raise UsageError(f"{where} wants one of {', '.join(map(str, arguments))}; got {_shown(value)}.")
    if origin is tuple and isinstance(value, list):
        each = arguments[:1] * len(value) if arguments[-1:] == (...,) else arguments
        if len(each) == len(value):
            return tuple(_decode(part, entry, where) for part, entry in zip(each, value, strict=True))
    elif origin is dict and isinstance(value, dict):
        return {_decode(arguments[0], key, where): _decode(arguments[1], entry, where) for key, entry in value.items()}
    elif dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return from_json(hint, value, prefix=f"{where}.")[0]
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif hint is Path and isinstance(value, str):
        return Path(value)
    elif hint is Any or hint is type(value) or ((hint is None or hint is type(None)) and value is None):
        return value
    raise UsageError(f"{where} wants {_wanted(hint)}; got {_shown(value)}.")


def _decode_union(choices: tuple, value: Any, where: str) -> Any:
    for choice in choices:
        try:
            return _decode(choice, value, where)
        except UsageError:
            continue
    raise UsageError(f"{where} wants {' or '.join(_wanted(choice) for choice in choices)}; got {_shown(value)}.")


def _wanted(hint: Any) -> str:
    if hint is None or hint is type(None):
        return "null"
    if typing.get_origin(hint) is tuple:
        return "a list of " + ", ".join(_wanted(part) for part in typing.get_args(hint) if part is not ...)
    return "a path" if hint is Path else getattr(hint, "__name__", str(hint))


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" (perhaps {near[0]})" if near else ""


def _shown(value: Any) -> str:
    return json.dumps(plain(value))


def command_line(config: Options) -> str:
    """The command that makes this configuration: every option that has not its default, but those of one invocation."""
    words = [experiment_of(type(config)).program, *_words(config, "", {*config.invocation, "output_dir"})]
    return " ".join(words)


def _words(config: Any, prefix: str, skipped: set[str]) -> list[str]:
    words: list[str] = []
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), f"{prefix}{field.name}"
        if field.name in skipped or value == field.default:
            continue
        if dataclasses.is_dataclass(value):
            words += _words(value, f"{name}.", set())
        elif isinstance(value, bool):
            words.append(option(name) if value else option(f"no-{name}"))
        else:
            entries = value if isinstance(value, tuple) else (value,)
            words += [option(name), *(shlex.quote(_word(entry)) for entry in entries)]
    return words


def _word(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
