"""A run folder belongs to one process at a time."""

import os
import socket
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

from dlx.errors import RunFolderError

__all__ = ["RunLock"]


class RunLock:
    """Exclusive use of a folder, from construction to `close` or the end of the process, however it ends.

    The system holds the lock (`flock` on the file `lock`), so that a file left by a killed process is in nobody's way;
    what the file says (process, host) only serves the message. Where the file system has no locks, a warning says that
    the run goes on without.

    Args:
      folder: must be there.
    Raises: RunFolderError if another process holds it, with its number, or if the file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "lock"
        self._handle: int | None = None
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunFolderError(f"{folder} cannot be locked: {error.strerror or error}") from error
        try:
            _lock(handle)
        except BlockingIOError:
            holder = os.read(handle, 1000).decode(errors="replace").strip() or "a process that did not leave its number"
            os.close(handle)
            raise RunFolderError(
                f"{folder} is in use by {holder}; wait for it, stop it, or choose another --name"
            ) from None
        except OSError as error:
            warnings.warn(f"{folder} is not locked against a second process: {error.strerror or error}", stacklevel=2)
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self._handle = handle

    def close(self) -> None:
        """Gives the folder up. The file stays: to delete it would let two others lock different files of one name."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError as error:  # not a POSIX system
        raise OSError(str(error)) from error
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
