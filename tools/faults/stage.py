"""A temporary folder in which a case starts processes as a person would, and what that person then sees."""

import contextlib
import dataclasses
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

__all__ = ["ROOT", "FailedError", "Process", "Seen", "Stage", "must"]

ROOT = Path(__file__).resolve().parents[2]
_FOREIGN = ("JAX_", "XLA_", "DLX_", "TFDS_", "SLURM_", "OMPI_", "PYTHON", "HTTP", "http")
# nobody answers at an address of TEST-NET-1 (RFC 5737)
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy"), "http://192.0.2.1:3128")
SHORT = ("--dataset", "digits", "--steps", "12", "--hidden", "32", "--log-every", "1", "--checkpoint-every", "1")


class FailedError(Exception):
    """A case whose outcome is not what it has to be."""


def must(holds: bool, what: str, seen: Any = "") -> None:
    """Fails the case unless `holds`."""
    if not holds:
        raise FailedError(f"{what}\n{seen}".strip())


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a person saw of one process: exit code, standard output and error, seconds."""

    code: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        tail = "\n".join([*self.out.splitlines()[-6:], *self.err.splitlines()[-16:]])
        return f"exit code {self.code} after {self.seconds:.1f} s\n{tail}"

    @property
    def message(self) -> str:
        """Standard error."""
        return self.err.strip()

    def clean(self) -> Self:
        """No traceback, no line drawn over, no more than a screenful of messages."""
        text = self.out + self.err
        must("Traceback" not in text, "a traceback", self)
        must("\r" not in text, "a carriage return although nobody sits at a terminal", self)
        must(len(self.message.splitlines()) <= 12, "more than 12 lines of messages", self)
        return self

    def ended(self, code: int, *words: str) -> Self:
        """Ended with this exit code and a message that has these words."""
        self.clean()
        must(self.code == code, f"exit code {self.code}, not {code}", self)
        for word in words:
            must(word in self.message, f"the message does not say {word!r}", self)
        return self

    @functools.cached_property
    def result(self) -> dict:
        """The RESULT of a run that went well."""
        self.ended(0)
        last = (self.out.splitlines() or [""])[-1]
        must(last.startswith("RESULT "), "no RESULT line", self)
        return json.loads(last.removeprefix("RESULT "))

    @property
    def sha256(self) -> str:
        """Of the final state."""
        return self.result["state_sha256"]


class Process:
    """A process under way, its output in files."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._begun = time.monotonic()
        number = len(list(folder.glob("out.*")))
        self._paths = [folder / f"{name}.{number}" for name in ("out", "err")]
        with self._paths[0].open("wb") as out, self._paths[1].open("wb") as err:
            self.popen = subprocess.Popen(
                words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def wait_for(self, text: str, *, seconds: float = 60) -> Self:
        """Returns when the process has said `text`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.popen.poll() is None:
            if text in self._text(0) + self._text(1):
                return self
            time.sleep(0.02)
        raise FailedError(f"{text!r} never came\n{self.stop()}")

    def signal(self, number: int) -> Self:
        """Sends a signal."""
        self.popen.send_signal(number)
        return self

    def end(self, *, seconds: float = 90) -> Seen:
        """Waits for the end; a process that hangs is killed and fails the case."""
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise FailedError(f"still running after {seconds} s\n{self.stop()}") from None
        return Seen(self.popen.returncode, self._text(0), self._text(1), time.monotonic() - self._begun)

    def stop(self) -> Seen:
        """Kills it."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()
        return Seen(self.popen.returncode, self._text(0), self._text(1), time.monotonic() - self._begun)

    def _text(self, which: int) -> str:
        return self._paths[which].read_bytes().decode(errors="replace")


class Stage:
    """The temporary folder of a case.

    Args:
      folder: empty.
      shared: a folder for all cases: compiled programs, and the results of uninterrupted runs.
    """

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder, self.shared = folder, shared
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.stop()

    def start(self, *options: str, module: str = "experiments.mlp", fault: str = "", **environment: str) -> Process:
        """Starts an experiment, with a fault of `tools.faults.stand` if one is named."""
        stand = ["tools.faults.stand", fault] if fault else []
        return self.python("-m", *stand, module, *options, **environment)

    def python(self, *words: str, **environment: str) -> Process:
        """Starts Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        own = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(self.folder)]),
            "DLX_CACHE_DIR": str(self.shared / "cache"),
            "HOME": str(self.folder),
            "JAX_PLATFORMS": "cpu",
            "COLUMNS": "80",
        }
        process = Process([sys.executable, *words], self.folder, {**kept, **own, **environment})
        self.processes.append(process)
        return process

    def run(self, *options: str, **how: Any) -> Seen:
        """Runs an experiment to its end."""
        return self.start(*options, **how).end()

    def pair(self, *options: str, fault: str = "", port: int | None = None, **how: Any) -> list[Process]:
        """Starts two processes that train together; the fault is in the first."""
        address = f"127.0.0.1:{port or free_port()}"
        together = ("--coordinator", address, "--processes", "2", "--platform", "cpu", *options)
        return [
            self.start("--process-id", str(number), *together, fault=fault if number == 0 else "", **how)
            for number in (0, 1)
        ]

    def uninterrupted(self, *options: str) -> dict:
        """RESULT and log of a run that nothing disturbs, remembered for the other cases."""
        words = options or SHORT
        known = self.shared / ("run_" + "_".join(words).replace("/", "-").replace("--", "") + ".json")
        if not known.exists():
            result = self.run(*words, "--name", "uninterrupted").result
            text = json.dumps({**result, "log": self.log("uninterrupted")})
            partial = known.with_suffix(f".{os.getpid()}")
            partial.write_text(text)
            os.replace(partial, known)
        return json.loads(known.read_text())

    def path(self, name: str, experiment: str = "mlp") -> Path:
        """The folder of a run."""
        return self.folder / "runs" / experiment / name

    def checkpoints(self, name: str) -> list[Path]:
        """The checkpoints of a run, oldest first."""
        return sorted((self.path(name) / "checkpoints").glob("step_*.safetensors"))

    def log(self, name: str) -> list[dict]:
        """The lines of metrics.jsonl without what depends on the clock."""
        lines = [json.loads(line) for line in (self.path(name) / "metrics.jsonl").read_text().splitlines()]
        timed = ("seconds", "examples_per_second", "compile_seconds")
        return [{field: value for field, value in line.items() if field not in timed} for line in lines]

    def same_as(self, whole: dict, seen: Seen, name: str) -> None:
        """The state of an uninterrupted run, bit for bit, and its log, each step once."""
        must(seen.sha256 == whole["state_sha256"], "the final state differs from that of the uninterrupted run", seen)
        steps = [line["step"] for line in self.log(name)]
        must(steps == [line["step"] for line in whole["log"]], f"the log has the steps {steps}", seen)
        must(self.log(name) == whole["log"], "the log has other numbers than that of the uninterrupted run", seen)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
