"""Which inputs a unit of a deep convolutional network can see."""

from collections.abc import Sequence
from typing import NamedTuple

from dlx.checks import check_count
from dlx.nn._windows import effective_size

__all__ = ["ReceptiveField", "receptive_field"]


class _Window(NamedTuple):
    """A convolution or pooling along one axis: its size, stride, zeros before the first entry, and dilation."""

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class ReceptiveField(NamedTuple):
    """Unit i of the output sees the inputs i * stride + start, ..., i * stride + start + size - 1.

    `start` is negative where padding is; what lies outside the image there is zero.
    """

    size: int
    stride: int
    start: int


def receptive_field(layers: Sequence[Sequence[int]]) -> ReceptiveField:
    """Receptive field of a stack of convolutions and poolings, along one axis.

        size = 1 + sum_l d_l (k_l - 1) prod_{m < l} s_m,    stride = prod_l s_l,    start = -sum_l p_l prod_{m < l} s_m

    All inputs that may change a unit; the field may be larger than the image, and at the border a unit may see less.
    Between the entries of dilated windows there may be inputs that do not.

    Args:
      layers: for each, input side first, (size, stride, padding, dilation) or the first of them;
        padding counts the zeros before the first entry.
    Returns: size, stride and start.
    Raises: ValueError if a number is out of range or there are more than four; TypeError if one is no int, or
      a layer no list.
    Source: Araujo et al. 2019, eq. 2 and 3; notes 001 section 6.
    """
    size, jump, start = 1, 1, 0
    if not isinstance(layers, list | tuple):
        raise TypeError(f"layers: got {layers!r} of type {type(layers).__name__}, wanted a list of layers")
    for layer in layers:
        if not isinstance(layer, list | tuple):
            raise TypeError(
                f"layers: got {layer!r} of type {type(layer).__name__}, wanted (size, stride, padding, dilation) or the"
                " first of them"
            )
        if not 1 <= len(layer) <= 4:
            raise ValueError(
                f"layers: got {tuple(layer)}, wanted (size, stride, padding, dilation) or the first of them"
            )
        window = _Window(*layer)
        for name in ("size", "stride", "dilation"):
            check_count(name, getattr(window, name))
        if isinstance(window.padding, bool) or not isinstance(window.padding, int):
            raise TypeError(f"padding: got {window.padding!r}, wanted an int")
        if window.padding < 0:
            raise ValueError(f"padding: got {window.padding}, wanted no negative number")
        size += (effective_size(window.size, window.dilation) - 1) * jump
        start -= window.padding * jump
        jump *= window.stride
    return ReceptiveField(size, jump, start)
