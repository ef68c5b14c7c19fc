"""Where the windows of a pooling lie."""

from typing import Any, NamedTuple

import jax
import numpy as np

from dlx.checks import check_floating
from dlx.nn._windows import Padding, as_pads, as_pair, padded_output_size

Pair = tuple[int, int]


class Windows(NamedTuple):
    """The geometry of a pooling, every pair for rows and columns.

    Fields: size of a plane; window; stride; low, padding before; high, padding after as asked for; counts of windows.
    """

    size: Pair
    window: Pair
    stride: Pair
    low: Pair
    high: Pair
    counts: Pair

    @property
    def area(self) -> int:
        """Entries of a window."""
        return self.window[0] * self.window[1]

    def entries(self, *, padded: bool) -> np.ndarray:
        """(rows, columns, 1) entries of each window, inside the plane or inside the padded plane."""
        lengths = []
        for size, k, s, low, high, n in zip(*self, strict=True):
            first = np.arange(n) * s - low
            start, end = (-low, size + high) if padded else (0, size)
            lengths.append(np.minimum(first + k, end) - np.maximum(first, start))
        return (lengths[0][:, None] * lengths[1])[:, :, None]

    def inside(self, a: int, b: int) -> np.ndarray:
        """(rows, columns, 1): whether entry (a, b) of each window lies in the plane."""
        rows, columns = (
            (first >= 0) & (first < size)
            for first, size in zip((self.first(0) + a, self.first(1) + b), self.size, strict=True)
        )
        return (rows[:, None] & columns)[:, :, None]

    def first(self, axis: int) -> np.ndarray:
        """The row (axis 0) or column (axis 1) at which each window begins, negative in the padding."""
        return np.arange(self.counts[axis]) * self.stride[axis] - self.low[axis]


def make_windows(size: Pair, window: Any, stride: Any, padding: Padding, ceil_mode: bool) -> Windows:
    """The geometry for planes of one size; ValueError or TypeError if there is none."""
    window = as_pair("window", window)
    stride = window if stride is None else as_pair("stride", stride)
    (top, bottom), (left, right) = pads = as_pads(padding, size, window, stride)
    for pair, extent in zip(pads, window, strict=True):
        if max(pair) >= extent:
            raise ValueError(
                f"padding: got {max(pair)} for a window of {extent}, wanted 0..{extent - 1}: a window wholly in the"
                " padding has no maximum and no mean"
            )
    count = padded_output_size("window", size, window, stride, pads)
    if ceil_mode:
        rows, columns = map(_count_up, size, window, stride, pads)
        count = rows, columns
    return Windows(size, window, stride, (top, left), (bottom, right), count)


def check_planes(inputs: jax.Array) -> Pair:
    """Refuse what is no stack of floating planes; height and width."""
    check_floating("inputs", inputs)
    if inputs.ndim < 3 or 0 in inputs.shape[-3:]:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (..., height, width, channels), none of them 0")
    return inputs.shape[-3], inputs.shape[-2]


def _count_up(size: int, window: int, stride: int, pads: Pair) -> int:
    steps = -(-(size + sum(pads) - window) // stride)
    # a window must begin inside the plane or the padding before it
    return steps + (steps * stride < size + pads[0])
