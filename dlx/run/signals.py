"""Ctrl-C and SIGTERM stop a fit at the next chunk's end, so that its state can be saved."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["StopOnSignal"]

_NAMES = {130: "Ctrl-C", 143: "SIGTERM", 141: "a closed standard output"}


class StopOnSignal:
    """A hook that stops the fit after a signal; a second signal ends the process at once.

    Put it last, and use it around the fit: `with stop.listening(): fit(..., hooks=[..., stop])`. Then `stop.exit_code`
    is 0, 130 (SIGINT), 143 (SIGTERM) or what `request` was given.

    With several processes a signal to any one stops all of them at the same chunk: JAX's preemption service, which has
    taken SIGTERM over, agrees on it. That needs the same chunks in every process.
    """

    def __init__(self) -> None:
        self.exit_code = 0
        self.stopped_at: int | None = None
        self._requested = 0
        self._calls = 0

    def __call__(self, moment: Any) -> bool:
        """Whether to stop at this `Moment`."""
        if not self._due():
            return False
        self.exit_code, self.stopped_at = self._requested or 143, int(moment.step)
        return True

    @property
    def reason(self) -> str:
        """What stopped the fit, in words."""
        return _NAMES.get(self.exit_code, f"exit code {self.exit_code}")

    def request(self, exit_code: int) -> None:
        """Asks for a stop at the next chunk's end; the first request's exit code holds."""
        first = not self._requested
        self._requested = self._requested or exit_code
        if first and _several_processes():
            os.kill(os.getpid(), signal.SIGTERM)  # tells the preemption service, which tells the other processes

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handles the signals within, and gives them back to whom they belonged."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # under several processes SIGTERM belongs to JAX's preemption service
        watched = [signal.SIGINT] if _several_processes() else [signal.SIGINT, signal.SIGTERM]
        before = {number: signal.signal(number, self._handle) for number in watched}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        code = 128 + number
        if self._requested:
            os._exit(code)
        self.request(code)
        # not print: the signal may have come in the midst of one
        os.write(2, f"\n{_NAMES[code]}: stopping at the end of this chunk; once more ends at once.\n".encode())

    def _due(self) -> bool:
        if not _several_processes():
            return self._requested != 0
        from jax.experimental import multihost_utils

        # the service counts calls: it wants numbers without gaps, which step numbers at chunk ends are not
        self._calls += 1
        return multihost_utils.reached_preemption_sync_point(self._calls)


def _several_processes() -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized() and jax.process_count() > 1
