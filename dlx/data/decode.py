"""Bytes of published files -> arrays: gzip, idx (MNIST), CIFAR-10's binary version. Nothing is unpickled."""

import io
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from dlx.errors import DatasetError

__all__ = ["decode_cifar10", "decode_idx", "read_content", "read_idx", "unzip"]

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CIFAR_RECORD = 1 + 3 * 32 * 32


def unzip(content: bytes, where: str | os.PathLike[str]) -> bytes:
    """Decompresses gzip.

    Args:
      content: bytes of a .gz file.
      where: its name, for messages.
    Returns: the decompressed bytes.
    Raises: DatasetError with the byte offset at which the stream is damaged or ends.
    """
    parts, left, size = [], content, 0
    while left:
        stream = zlib.decompressobj(wbits=31)
        offset = len(content) - len(left)
        try:
            parts.append(stream.decompress(left))
        except zlib.error as error:
            raise DatasetError(f"{where}: damaged gzip member that starts at byte {offset}: {error}") from None
        size += len(parts[-1])
        if not stream.eof:
            raise DatasetError(
                f"{where}: truncated: the gzip stream ends at byte {len(content)}, after {size} decompressed bytes"
            )
        left = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_content(path: str | os.PathLike[str]) -> bytes:
    """Content of a file, decompressed if its name ends in .gz (a .tar.gz stays compressed).

    Args:
      path: of the file.
    Returns: its content.
    Raises: DatasetError if the file cannot be read or decompressed.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    return unzip(content, path) if path.suffix == ".gz" and not path.name.endswith(".tar.gz") else content


def decode_idx(content: bytes, where: str | os.PathLike[str]) -> np.ndarray:
    """Decodes the idx format: two zero bytes, a type, the number of axes, their big-endian sizes, the values.

    Args:
      content: bytes of the (decompressed) file.
      where: its name, for messages.
    Returns: the array, in the machine's byte order; read-only.
    Raises: DatasetError with the byte offset of what is wrong.
    Source: LeCun, Cortes and Burges, the MNIST database, "The IDX file format".
    """
    if len(content) < 4:
        raise DatasetError(
            f"{where}: truncated at byte {len(content)}: an idx file starts with 4 bytes of magic number"
        )
    if content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise DatasetError(
            f"{where}: byte offset 0: magic number 0x{content[:4].hex()} is not idx's 0x0000TTNN, TT (type) one of "
            f"{', '.join(f'{code:02x}' for code in _IDX_TYPES)}"
        )
    dtype, axes = np.dtype(_IDX_TYPES[content[2]]), content[3]
    header = 4 + 4 * axes
    if len(content) < header:
        raise DatasetError(f"{where}: truncated at byte {len(content)}: the header of {axes} axes takes {header} bytes")
    shape = struct.unpack(f">{axes}I", content[4:header])
    wanted = header + dtype.itemsize * math.prod(shape)
    if len(content) != wanted:
        what = "truncated" if len(content) < wanted else "too long"
        raise DatasetError(
            f"{where}: {what} at byte {min(len(content), wanted)}: the header promises shape {shape} of "
            f"{dtype.itemsize}-byte values, {wanted} bytes in all; the file has {len(content)}"
        )
    return np.frombuffer(content, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads an idx file, plain or .gz.

    Args:
      path: of the file.
    Returns: the array; read-only.
    Raises: DatasetError with the file and the byte offset of what is wrong.
    """
    return decode_idx(read_content(path), path)


def decode_cifar10(content: bytes, where: str | os.PathLike[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Decodes cifar-10-binary.tar.gz: records of one label byte and 3 x 32 x 32 pixels, one colour plane after another.

    Args:
      content: bytes of the archive, compressed or not.
      where: its name, for messages.
    Returns: {"train": (images (50000, 32, 32, 3) uint8, labels (50000,) uint8), "test": ...}; as many as there are.
    Raises: DatasetError with the member and the byte offset of what is wrong.
    Source: Krizhevsky 2009; the "binary version" of https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    import tarfile

    members: dict[str, np.ndarray] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                stem = Path(member.name).name
                file = archive.extractfile(member) if member.isfile() and stem.endswith("_batch.bin") else None
                if file is None and member.isfile() and stem.startswith("data_batch_"):
                    file = archive.extractfile(member)
                if file is not None:
                    members[stem] = _cifar_records(file.read(), f"{where}:{member.name}")
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DatasetError(f"{where}: damaged archive: {error}") from None
    wanted = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
    missing = [name for names in wanted.values() for name in names if name not in members]
    if missing:
        raise DatasetError(f"{where}: the archive lacks {', '.join(missing)}")
    splits = {split: np.concatenate([members[name] for name in names]) for split, names in wanted.items()}
    return {
        split: (np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), rows[:, 0])
        for split, rows in splits.items()
    }


def _cifar_records(content: bytes, where: str) -> np.ndarray:
    """(records, 3073) uint8."""
    records, rest = divmod(len(content), _CIFAR_RECORD)
    if rest or not records:
        raise DatasetError(
            f"{where}: truncated at byte {len(content)}: record {records} of {_CIFAR_RECORD} bytes has only {rest}"
        )
    return np.frombuffer(content, np.uint8).reshape(records, _CIFAR_RECORD)
