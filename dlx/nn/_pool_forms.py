"""The geometry of pooling windows."""

from typing import Any, NamedTuple

import jax

from dlx.checks import check_count, check_floating

Pair = tuple[int, int]
Pairs = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


class Windows(NamedTuple):
    """Where the windows of a pooling lie, every pair for rows and columns.

    Fields: size of a plane; window; stride; low, padding before; high, padding after as asked for; count of windows.
    """

    size: Pair
    window: Pair
    stride: Pair
    low: Pair
    high: Pair
    count: Pair

    @property
    def after(self) -> Pair:
        """Padding after the plane up to the end of the last window; negative where no window reaches the end."""
        ends = [(n - 1) * s + k for n, s, k in zip(self.count, self.stride, self.window, strict=True)]
        return ends[0] - self.size[0] - self.low[0], ends[1] - self.size[1] - self.low[1]


def make_windows(inputs: jax.Array, window: Any, stride: Any, padding: Any, ceil_mode: bool) -> Windows:
    """The geometry for `inputs` (..., height, width, channels); ValueError or TypeError if there is none."""
    check_planes(inputs)
    window = as_pair("window", window)
    stride = window if stride is None else as_pair("stride", stride)
    (low, high), size = _padding(padding, window), inputs.shape[-3:-1]
    count = []
    for axis, name in enumerate(("height", "width")):
        room = size[axis] + low[axis] + high[axis] - window[axis]
        if room < 0:
            raise ValueError(
                f"window: got {window} for a {name} of {size[axis]} with padding {low[axis]} and {high[axis]}, wanted"
                " at most the padded size"
            )
        steps = -(-room // stride[axis]) if ceil_mode else room // stride[axis]
        # a window must begin inside the plane or the padding before it
        count.append(steps + 1 - (steps * stride[axis] >= size[axis] + low[axis] and ceil_mode))
    return Windows(size, window, stride, low, high, (count[0], count[1]))


def check_planes(inputs: jax.Array) -> None:
    """Refuse what is no stack of floating planes."""
    check_floating("inputs", inputs)
    if inputs.ndim < 3 or 0 in inputs.shape[-3:]:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (..., height, width, channels), none of them 0")


def as_pair(name: str, value: Any) -> Pair:
    """A positive int for rows and columns, or one of each."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name}: got {value!r}, wanted an int or a pair of them, for rows and columns")
    for one in pair:
        check_count(name, one)
    return pair


def _padding(padding: Any, window: Pair) -> tuple[Pair, Pair]:
    """((before rows, before columns), (after rows, after columns))."""
    pairs = tuple(padding) if isinstance(padding, tuple | list) else (padding, padding)
    pairs = tuple(tuple(one) if isinstance(one, tuple | list) else (one, one) for one in pairs)
    if len(pairs) != 2 or any(len(one) != 2 for one in pairs):
        raise ValueError(
            f"padding: got {padding!r}, wanted an int, a pair (rows, columns) or a pair of pairs (before, after)"
        )
    for pair, extent in zip(pairs, window, strict=True):
        for one in pair:
            if isinstance(one, bool) or not isinstance(one, int):
                raise TypeError(f"padding: got {one!r} of type {type(one).__name__}, wanted an int")
            if not 0 <= one < extent:
                raise ValueError(
                    f"padding: got {one} for a window of {extent}, wanted 0..{extent - 1}: a window wholly in the"
                    " padding has no maximum and no mean"
                )
    return (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])
