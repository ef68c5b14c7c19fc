"""From the words of the command line to a configuration, to `main(config)`, to the RESULT line and an exit code."""

import contextlib
import errno
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from dlx.errors import DlxError, UsageError
from dlx.run.configuration import experiment_of
from dlx.run.options import Options
from dlx.run.parsing import parse
from dlx.run.strict_json import dumps

__all__ = ["launch"]

_PEER_LOSS = (
    "another process of this run has gone. Start all of them again with the same --name and --resume:"
    " the run goes on after its last checkpoint"
)


def launch(config_class: type[Options], main: Callable[[Any], dict], args: Sequence[str] | None = None) -> NoReturn:
    """Runs an experiment from the command line and ends the process.

    The last line of standard output is `RESULT ` and a JSON object. Exit codes: 0; 1 an error; 2 a bad option or
    configuration; 130 Ctrl-C; 143 SIGTERM; 141 the reader of standard output has gone.

    Args:
      config_class: a frozen dataclass that extends `Options`.
      main: takes the configuration, returns the result.
      args: the words of the command line; by default those of this process.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the start: its number must not become that of a file of the run
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):  # an ASCII terminal shows `?`, not a traceback
            stream.reconfigure(errors="replace")
    with contextlib.suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with _plain_warnings():
        sys.exit(_guarded(config_class, main, list(sys.argv[1:] if args is None else args)))


def _guarded(config_class: type[Options], main: Callable[[Any], dict], args: list[str]) -> int:
    config = None
    try:
        config = parse(config_class, args)
        from dlx.run.startup import is_main_process, start

        start(config)
        result = main(config)
        if is_main_process():
            print(f"RESULT {dumps(result)}", flush=True)
        return 0
    except DlxError as error:
        hint = f"\nEvery option: {experiment_of(config_class).program} --help" if isinstance(error, UsageError) else ""
        return _fail(f"error: {error}{hint}", error.exit_code)
    except KeyboardInterrupt:
        return _fail("Interrupted.", 130)
    except BrokenPipeError:
        return _silence()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception as error:
        if config is not None and _is_argument_error(error):
            return _fail(f"error: {error}\nEvery option: {experiment_of(config_class).program} --help", 2)
        if config is not None and _is_out_of_memory(error):
            return _fail(f"error: {_memory_hint(config, error)}", 1)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f": {error.filename}" if error.filename else ""
            return _fail(f"error: {error.strerror}{where}. What was saved before is intact.", 1)
        if _is_peer_loss(error):
            what = str(error).splitlines()[0].rpartition("] ")[2]  # without the place in another library's code
            _fail(f"error: {_PEER_LOSS} ({what[:200]}).", 1)
            os._exit(1)  # leaving in order would wait for the process that is gone
        raise


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Shows a warning to the user (UserWarning) as one line, without the line of code that gave it."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_plain(message: Any, category: type[Warning], *where: Any) -> None:
            if category is UserWarning:
                print(f"warning: {message}", file=sys.stderr, flush=True)
            else:
                show(message, category, *where)

        warnings.showwarning = show_plain  # type: ignore[assignment]
        yield


def _fail(message: str, code: int) -> int:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # None where it was closed before the start
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)
    return code


def _silence() -> int:
    """Points standard output at nothing, so that the interpreter's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _is_argument_error(error: Exception) -> bool:
    """Whether a static check of dlx has refused a value: `NAME: got ..., wanted ...`."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    own = frame is not None and frame.tb_frame.f_globals.get("__name__", "").startswith("dlx.")
    return own and isinstance(error, ValueError | TypeError) and ": got " in str(error)


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _is_peer_loss(error: Exception) -> bool:
    text = str(error)
    return "Gloo" in text and any(
        word in text for word in ("Connection closed", "Connection reset", "Broken pipe", "Timed out")
    )


def _memory_hint(config: Options, error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0][:200]
    replicas = config.seeds * max(1, *(len(values) for values in config.sweep_values().values()), 1)
    cures = []
    if config.batch_size > 1:
        half = config.batch_size // 2
        if config.batch_size % (2 * config.accumulate) == 0:
            cures.append(f"--accumulate {2 * config.accumulate} (the same batch in smaller pieces)")
        cures.append(f"--batch-size {half}")
    if replicas > 1:
        cures.append(f"fewer than {replicas} replicas at once (--seeds, --sweep), or --map map")
    cures = cures or ["a smaller model"]
    return f"out of memory{f' ({first})' if first else ''}.\nTry {', or '.join(cures)}."
