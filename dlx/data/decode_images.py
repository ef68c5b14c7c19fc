"""Bytes of image files -> arrays: pictures, Middlebury's flow, matrices as OpenCV writes them."""

import io
import re
import struct

import numpy as np

from dlx.errors import DatasetError

__all__ = ["decode_flow", "decode_image", "decode_matrix", "encode_flow"]

_MAGIC = b"PIEH"  # the float 202021.25, by which a reader knows the order of bytes
_UNKNOWN = 1e10
_LARGEST = 1e9


def decode_image(content: bytes, where: str) -> np.ndarray:
    """A PNG or JPEG file.

    Args:
      content: of the file.
      where: its name, for messages.
    Returns: (height, width) uint8 of a grey picture, (height, width, 3) of any other; transparency is left out.
    Raises: DatasetError if it is no picture.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            return np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{where}: not a picture that can be read: {error}") from error


def decode_flow(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """A .flo file of the Middlebury benchmark.

    Args:
      content: "PIEH", width and height as int32, then (u, v) as float32 row by row, all little-endian.
      where: its name, for messages.
    Returns: flow (height, width, 2) float32, 0 where it is not known, and known (height, width) bool.
    Raises: DatasetError if the bytes are not those of such a file.
    """
    if content[:4] != _MAGIC or len(content) < 12:
        raise DatasetError(f"{where}: not a .flo file: it begins with {content[:4]!r}, expected {_MAGIC!r}")
    width, height = struct.unpack("<2i", content[4:12])
    if width < 1 or height < 1 or len(content) != 12 + 8 * width * height:
        raise DatasetError(f"{where}: {len(content)} bytes, expected {12 + 8 * width * height} for {width} x {height}")
    flow = np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)
    known = np.all(np.abs(flow) <= _LARGEST, axis=-1)  # False for NaN
    return np.where(known[..., None], flow, np.float32(0)), known


def encode_flow(flow: np.ndarray, known: np.ndarray | None = None) -> bytes:
    """The content of a .flo file, which `decode_flow` reads.

    Args:
      flow: (height, width, 2).
      known: (height, width) where it is known; None: where it is finite.
    Returns: the bytes.
    Raises: ValueError if the shapes do not fit.
    """
    flow = np.asarray(flow, np.float32)
    if flow.ndim != 3 or flow.shape[-1] != 2:
        raise ValueError(f"flow: got shape {flow.shape}, wanted (height, width, 2)")
    known = np.isfinite(flow).all(axis=-1) if known is None else np.asarray(known, bool)
    if known.shape != flow.shape[:2]:
        raise ValueError(f"known: got shape {known.shape}, wanted {flow.shape[:2]}")
    numbers = np.where(known[..., None], flow, np.float32(_UNKNOWN)).astype("<f4")
    return _MAGIC + struct.pack("<2i", flow.shape[1], flow.shape[0]) + numbers.tobytes()


def decode_matrix(content: bytes, name: str, where: str) -> np.ndarray:
    """A matrix in a file of OpenCV, XML or YAML.

    Args:
      content: of the file.
      name: of the matrix.
      where: the file's name, for messages.
    Returns: (rows, columns) float64.
    Raises: DatasetError if there is no such matrix.
    """
    text = content.decode("utf-8", "replace")
    found = re.search(rf"<{name}\b.*?</{name}>|^{name}:.*?\]", text, re.DOTALL | re.MULTILINE)
    parts = found and re.search(r"rows\W+(\d+).*?cols\W+(\d+).*?data\W*?[>\[](.*?)[<\]]", found[0], re.DOTALL)
    if not parts:
        raise DatasetError(f"{where}: no matrix {name!r} there")
    rows, columns = int(parts[1]), int(parts[2])
    numbers = np.array(parts[3].replace(",", " ").split(), np.float64)
    if numbers.size != rows * columns:
        raise DatasetError(f"{where}: matrix {name!r} has {numbers.size} numbers, expected {rows} x {columns}")
    return numbers.reshape(rows, columns)
