"""One checkpoint, one file: safetensors with a manifest in its header, every byte under a checksum.

    8 bytes    length of the header, little endian
    header     JSON: an entry for each tensor, and "__metadata__" with the manifest and its sha256
    payload    the leaves, widest dtype first, without gaps

The manifest is JSON too: format version, step, score, versions of the libraries, the caller's `meta`, and of each leaf
its name (the path in the pytree), shape, dtype, crc32 and, for a typed key array, the generator. A reader checks the
manifest by its sha256, makes the header anew from the manifest, wants the file's header to be those very bytes, and the
payload to have the manifest's length and checksums: no byte is left unchecked. Nothing is pickled, and any safetensors
reader opens the file.
"""

import contextlib
import hashlib
import json
import math
import operator
import os
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from dlx import __version__
from dlx.errors import CheckpointError
from dlx.train.checkpoint.leaves import Leaf, check_template, fit_to_template, leaves_on_host

__all__ = [
    "FORMAT",
    "DamagedCheckpointError",
    "Restored",
    "encode_meta",
    "read",
    "read_arrays",
    "read_manifest",
    "verify",
    "versions",
    "write",
    "write_leaves",
]

FORMAT = 1
_KIND = "dlx checkpoint"
# safetensors' names of dtypes; any other is stored as its bytes (U8), and only the manifest knows its dtype.
_SAFETENSORS = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip


class DamagedCheckpointError(CheckpointError):
    """A file that is cut short, changed, unreadable, or no checkpoint: an older one may do instead."""


class Restored(NamedTuple):
    """What a checkpoint held.

    Fields:
      step: the step that it was saved at.
      state: in the template's structure; NumPy arrays, typed key arrays, Python numbers where the template has them.
      meta: the caller's.
      path: of the file.
    """

    step: int
    state: Any
    meta: dict
    path: Path


def versions() -> dict[str, str]:
    """Versions of the libraries that decide what a state means."""
    return {"dlx": __version__, "jax": jax.__version__, "numpy": np.__version__}


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(array.size).view(np.uint8).data  # bfloat16 and its like have no buffer of their own


def _size(entry: dict) -> int:
    return math.prod(entry["shape"]) * np.dtype(entry["dtype"]).itemsize


def _payload_order(entries: Sequence[dict]) -> list[int]:
    # Widest first, so that every leaf is aligned for readers that map the file into memory.
    return sorted(range(len(entries)), key=lambda i: -np.dtype(entries[i]["dtype"]).itemsize)


def _header(manifest: str) -> bytes:
    """The header as a function of the manifest alone, so that a reader can check every byte of it."""
    entries = json.loads(manifest)["leaves"]
    tensors, offset = {}, 0
    for i in _payload_order(entries):
        name, shape, dtype = (entries[i][field] for field in ("name", "shape", "dtype"))
        end = offset + _size(entries[i])
        if dtype not in _SAFETENSORS:
            shape = [*shape, np.dtype(dtype).itemsize]
        tensors[name] = {"dtype": _SAFETENSORS.get(dtype, "U8"), "shape": shape, "data_offsets": [offset, end]}
        offset = end
    about = {"format": _KIND, "manifest": manifest, "sha256": hashlib.sha256(manifest.encode()).hexdigest()}
    header = json.dumps({"__metadata__": about, **tensors}, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8)


def write(path: Path, state: Any, *, step: int, meta: dict, score: float | None = None) -> None:
    """Writes a checkpoint, and returns when it is on the disk: the name `path` only ever stands for a whole file.

    Args:
      path: of the file; a file that is there is replaced.
      state: any pytree of arrays, typed key arrays and Python numbers.
      step: that the state has done.
      meta: whatever JSON can hold; tuples come back as lists, as JSON has it.
      score: of this state, for `Checkpoints.best`.
    Raises: CheckpointError if the disk refuses; a file that was there is then intact.
    """
    write_leaves(path, leaves_on_host(state), step=step, meta=encode_meta(meta), score=score)


def encode_meta(meta: dict) -> str:
    """`meta` as JSON. Raises: TypeError if it is not a dictionary of what JSON can hold."""
    if not isinstance(meta, dict):
        raise TypeError(f"meta: wanted a dictionary, not {type(meta).__name__}")
    try:
        return json.dumps(meta)
    except (TypeError, ValueError) as error:
        raise TypeError(f"meta: wanted what JSON can hold: {error}") from None


def write_leaves(path: Path, leaves: Sequence[Leaf], *, step: int, meta: str, score: float | None = None) -> None:
    """`write` of leaves that are on the host and `meta` that is JSON already: the part that a thread can do."""
    entries = []
    for name, array, prng in leaves:
        entry = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
        entry["crc32"] = f"{zlib.crc32(_bytes(array)):08x}"
        entries.append({**entry, "key": prng} if prng else entry)
    manifest = {
        "format": FORMAT,
        "step": operator.index(step),
        "score": None if score is None else float(score),
        "versions": versions(),
        "meta": json.loads(meta),
        "leaves": entries,
    }
    header = _header(json.dumps(manifest, separators=(",", ":")))
    temporary = path.with_name(f".{path.name}.tmp")  # the same folder: only there is a rename atomic
    try:
        with open(temporary, "wb") as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            for i in _payload_order(entries):
                file.write(_bytes(leaves[i].array))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CheckpointError(
                f"the checkpoint of step {step} could not be written to {path.parent}: {error.strerror or error}; "
                "older checkpoints are intact, and --resume goes on from the last of them"
            ) from error
        raise


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the rename itself is on the disk
    finally:
        os.close(handle)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        raise DamagedCheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parse_manifest(file: BufferedReader, path: Path) -> dict:
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise DamagedCheckpointError(f"{path}: cut short or damaged: {size} bytes do not hold the header")
    header = file.read(length)
    text = ""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        about = json.loads(header)["__metadata__"]
        if about["format"] == _KIND and hashlib.sha256(about["manifest"].encode()).hexdigest() == about["sha256"]:
            text = about["manifest"]
    if not text:
        raise DamagedCheckpointError(f"{path}: the header is damaged, or not of a dlx checkpoint")
    manifest = json.loads(text)
    if manifest["format"] > FORMAT:  # before anything that a later format may do otherwise
        raise CheckpointError(
            f"{path}: written by dlx {manifest['versions']['dlx']} in format {manifest['format']}; "
            f"this dlx ({__version__}) reads formats up to {FORMAT}: update dlx"
        )
    if header != _header(text):
        raise DamagedCheckpointError(f"{path}: the header is damaged")
    expected = 8 + length + sum(_size(entry) for entry in manifest["leaves"])
    if size != expected:
        raise DamagedCheckpointError(f"{path}: cut short or damaged: {size} bytes instead of {expected}")
    return manifest


def _read_payload(file: BufferedReader, path: Path, entries: Sequence[dict]) -> list[Leaf]:
    leaves = {}
    for i in _payload_order(entries):
        data = np.empty(_size(entries[i]), np.uint8)
        if file.readinto(data.data) != data.size or f"{zlib.crc32(data.data):08x}" != entries[i]["crc32"]:
            raise DamagedCheckpointError(f"{path}: damaged: leaf {entries[i]['name']} does not have its checksum")
        array = data.view(np.dtype(entries[i]["dtype"])).reshape(entries[i]["shape"])
        leaves[i] = Leaf(entries[i]["name"], array, entries[i].get("key"))
    return [leaves[i] for i in range(len(entries))]


def read_manifest(path: Path) -> dict:
    """The manifest: the file's header and length are checked, its payload is not read.

    Raises: DamagedCheckpointError; CheckpointError for a file of a newer dlx.
    """
    with _opened(path) as file:
        return _parse_manifest(file, path)


def read_arrays(path: Path) -> tuple[dict, list[Leaf]]:
    """Manifest and leaves without a template, every byte checked. Raises: as `read_manifest`."""
    with _opened(path) as file:
        manifest = _parse_manifest(file, path)
        return manifest, _read_payload(file, path, manifest["leaves"])


def verify(path: Path) -> dict:
    """Checks every byte of a file and returns the manifest. Raises: as `read_manifest`."""
    return read_arrays(path)[0]


def read(path: Path, template: Any) -> Restored:
    """A checkpoint in the structure of `template`: a state, or its shapes (`jax.eval_shape`).

    Raises: DamagedCheckpointError; CheckpointError if a name, shape or dtype is not that of `template`: nothing is
      cast, reshaped or left out.
    """
    with _opened(path) as file:
        manifest = _parse_manifest(file, path)
        check_template(manifest["leaves"], template, path)  # before the payload: a misfit is said at once
        leaves = _read_payload(file, path, manifest["leaves"])
    return Restored(manifest["step"], fit_to_template(leaves, template), manifest["meta"], path)
