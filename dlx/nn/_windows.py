"""The arithmetic of a window that slides over an image: pairs, padding, sizes."""

import difflib
from collections.abc import Sequence
from typing import Any, Literal

__all__ = ["Padding", "Pads", "as_pads", "as_pair", "effective_size", "output_size", "padded_output_size"]

Padding = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"]
"""One number for every side, (rows, columns), ((top, bottom), (left, right)), "same" or "valid"."""

Pads = tuple[tuple[int, int], tuple[int, int]]


def as_pair(name: str, value: int | Sequence[Any], low: int = 1) -> tuple[int, int]:
    """(rows, columns) of an int or a pair, each at least `low`."""
    pair: Any = (value, value) if _is_int(value) else value
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(_is_int(one) for one in pair):
        raise TypeError(f"{name}: got {value!r}, wanted an int or a pair of ints (rows, columns)")
    if min(pair) < low:
        raise ValueError(f"{name}: got {value!r}, wanted at least {low}")
    return pair[0], pair[1]


def as_pads(
    padding: Padding,
    size: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...] = (1, 1),
    dilation: tuple[int, ...] = (1, 1),
) -> Pads:
    """((top, bottom), (left, right)) for an image of this size."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            near = difflib.get_close_matches(padding.lower(), ("same", "valid"), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"padding: got {padding!r}, wanted an int, a pair, a pair of pairs, 'same' or 'valid'{hint}"
            )
        if padding == "valid":
            return (0, 0), (0, 0)
        down, across = map(_same, size, window, stride, dilation)
        return down, across
    if isinstance(padding, tuple | list) and len(padding) == 2 and not any(_is_int(one) for one in padding):
        top, left = (as_pair("padding", one, 0) for one in padding)
        return top, left
    rows, columns = as_pair("padding", padding, 0)
    return (rows, rows), (columns, columns)


def effective_size(window: int, dilation: int) -> int:
    """Size of a window whose entries lie `dilation` apart."""
    return dilation * (window - 1) + 1


def output_size(size: int, window: int, stride: int = 1, pads: Sequence[int] = (0, 0), dilation: int = 1) -> int:
    """floor((n + p - d (k - 1) - 1) / s) + 1."""
    return (size + sum(pads) - effective_size(window, dilation)) // stride + 1


def padded_output_size(
    name: str,
    size: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    dilation: tuple[int, ...] = (1, 1),
) -> tuple[int, int]:
    """(rows, columns) of the output; refuses a window that is larger than the padded image."""
    padded = tuple(n + sum(p) for n, p in zip(size, pads, strict=True))
    reach = tuple(map(effective_size, window, dilation))
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        spread = f" that reaches over {reach} with its dilation" if reach != window else ""
        raise ValueError(
            f"{name}: got a window of {window}{spread}, larger than the input of {size} padded to {padded}"
        )
    rows, columns = map(output_size, size, window, stride, pads, dilation)
    return rows, columns


def _same(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """Pads with which ceil(size / stride) windows fit; the odd zero comes after."""
    total = max((-(-size // stride) - 1) * stride + effective_size(window, dilation) - size, 0)
    return total // 2, total - total // 2


def _is_int(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
