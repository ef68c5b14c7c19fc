"""What every data set must hold before a model sees it."""

from collections.abc import Mapping

import numpy as np

from dlx.errors import DatasetError

__all__ = ["check"]


def check(data: Mapping[str, np.ndarray], *, classes: int | None = None, where: str = "data") -> None:
    """Checks arrays as `load` gives them; use it on your own.

    Args:
      data: {"inputs": (N, ...), "labels": (N, ...)}.
      classes: number of classes; labels must be integers in 0..classes-1. None: labels are real numbers.
      where: name of the data, for messages.
    Raises: DatasetError naming the first example that is wrong: no examples, inputs and labels of different length,
      NaN or infinite inputs or labels, a label out of range.
    """
    for name in ("inputs", "labels"):
        if name not in data:
            raise DatasetError(f"{where}: no {name!r}; it has {', '.join(map(repr, data)) or 'nothing'}")
    inputs, labels = np.asarray(data["inputs"]), np.asarray(data["labels"])
    if not inputs.ndim or not labels.ndim or not len(inputs) or not len(labels):
        raise DatasetError(f"{where}: no examples: inputs have shape {inputs.shape}, labels {labels.shape}")
    if len(inputs) != len(labels):
        raise DatasetError(f"{where}: {len(inputs)} inputs, but {len(labels)} labels")
    _check_finite(inputs, "input", where)
    if classes is None:
        _check_finite(labels, "label", where)
        return
    if labels.dtype.kind not in "iu":
        raise DatasetError(f"{where}: labels of {classes} classes must be integers, not {labels.dtype}")
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if outside.size:
        example = int(outside[0]) // (labels.size // len(labels))
        raise DatasetError(
            f"{where}: example {example} has label {labels.reshape(-1)[outside[0]]}, outside 0..{classes - 1}"
            f" ({outside.size} such label(s))"
        )


def _check_finite(array: np.ndarray, what: str, where: str) -> None:
    """No NaN, no infinity."""
    if array.dtype.kind != "f":
        return
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        example, entry = divmod(int(wrong[0]), array.size // len(array))
        raise DatasetError(
            f"{where}: example {example} has {what} {array.reshape(-1)[wrong[0]]} (entry {entry} of the example; "
            f"{wrong.size} such value(s))"
        )
