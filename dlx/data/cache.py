"""One memory-mapped file a data set: magic, length and crc32 of a JSON header, the header, arrays.

Arrays start at multiples of 64 bytes, so that JAX can use them without a copy.
"""

import json
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dlx.errors import DatasetError

__all__ = ["cache_folder", "read_cache", "write_cache"]

_MAGIC = b"dlxdata1"
_ALIGNMENT = 64


def cache_folder() -> Path:
    """Folder for what can be made or fetched again: DLX_CACHE_DIR, else `dlx` in the user's cache directory.

    Returns: its path; the folder need not exist yet.
    """
    named = os.environ.get("DLX_CACHE_DIR")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    return Path(base).expanduser() / "dlx"


def write_cache(path: Path, arrays: dict[str, np.ndarray], key: str) -> None:
    """Writes arrays so that a reader sees the whole file or none: temporary name, fsync, rename.

    Args:
      path: of the file; its folder is made.
      arrays: name -> array of numbers.
      key: says what the arrays were made from; `read_cache` refuses another.
    Raises: OSError if the folder cannot be written.
    """
    entries: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, array in arrays.items():
        flat = np.ascontiguousarray(array)
        offset = -(-offset // _ALIGNMENT) * _ALIGNMENT
        entries[name] = {
            "dtype": flat.dtype.str,
            "shape": list(flat.shape),
            "offset": offset,
            "crc32": zlib.crc32(flat.reshape(-1).view(np.uint8).data),
        }
        offset += flat.nbytes
    header = json.dumps({"key": key, "arrays": entries, "bytes": offset}).encode()
    header += b" " * (-(len(_MAGIC) + 16 + len(header)) % _ALIGNMENT)
    start = _MAGIC + len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(8, "little")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(start + header)
            data_start = file.tell()
            for name, array in arrays.items():
                file.write(b"\0" * (data_start + entries[name]["offset"] - file.tell()))
                file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_cache(path: Path, key: str) -> dict[str, np.ndarray] | None:
    """Memory-maps a file that `write_cache` wrote, after comparing its size and the checksum of each array.

    Args:
      path: of the file.
      key: the key it was written with.
    Returns: name -> read-only array, or None where there is no file or one with another key (made from other data).
    Raises: DatasetError if the file is damaged.
    """
    try:
        with path.open("rb") as file:
            start, size = file.read(len(_MAGIC) + 16), os.fstat(file.fileno()).st_size
            if len(start) < len(_MAGIC) + 16 or start[: len(_MAGIC)] != _MAGIC:
                raise DatasetError(f"{path}: damaged: it does not start with {_MAGIC!r}")
            length, checksum = (int.from_bytes(start[at : at + 8], "little") for at in (8, 16))
            data_start = len(start) + length
            content = file.read(length) if data_start <= size else b""
            if zlib.crc32(content) != checksum or not content:
                raise DatasetError(f"{path}: damaged: the header's checksum is wrong or the file ends before it")
            header = json.loads(content)
            if header["key"] != key:
                return None
            if size != data_start + header["bytes"]:
                raise DatasetError(f"{path}: damaged: {size} bytes, {data_start + header['bytes']} were written")
            mapped = np.memmap(file, np.uint8, mode="r") if size > data_start else np.empty(data_start, np.uint8)
        return {
            name: _checked(path, name, entry, np.asarray(mapped[data_start + entry["offset"] :]))
            for name, entry in header["arrays"].items()
        }
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error


def _checked(path: Path, name: str, entry: dict, tail: np.ndarray) -> np.ndarray:
    """The array that `entry` describes at the start of `tail`."""
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    raw = tail[: dtype.itemsize * math.prod(shape)]
    found = zlib.crc32(raw.data)
    if found != entry["crc32"]:
        raise DatasetError(f"{path}: damaged: array {name!r} has crc32 {found:08x}, {entry['crc32']:08x} was written")
    return raw.view(dtype).reshape(shape)
