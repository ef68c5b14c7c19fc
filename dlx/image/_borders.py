"""What stands beyond the border of an image, by SciPy's names; NumPy's `pad` has other names for the same."""

from collections.abc import Sequence
from typing import get_args

import jax
import jax.numpy as jnp

from dlx.checks import check_choice
from dlx.image._images import Mode

MODES: tuple[Mode, ...] = get_args(Mode)
_NUMPY = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap", "constant": "constant"}


def check_mode(mode: str) -> None:
    """Refuse an unknown mode."""
    check_choice("mode", mode, MODES)


def pad(image: jax.Array, widths: Sequence[tuple[int, int]], *, mode: Mode = "reflect", fill: float = 0.0) -> jax.Array:
    """Extend an array beyond its borders.

        reflect   d c b a | a b c d | d c b a       mirror    d c b | a b c d | c b a
        nearest   a a a a | a b c d | d d d d       wrap      a b c d | a b c d | a b c d
        constant  k k k k | a b c d | k k k k, k = `fill`

    An extension longer than the array goes on in the same pattern, as SciPy's does. `widths` are (before, after) for
    each axis.
    """
    check_mode(mode)
    if not any(before or after for before, after in widths):
        return image
    if mode == "constant":
        return jnp.pad(image, widths, constant_values=fill)
    if mode == "mirror":
        # the mirror image of one pixel is that pixel; NumPy's pad leaves this case undefined
        for axis, size in enumerate(image.shape):
            if size == 1 and any(widths[axis]):
                only = [widths[axis] if i == axis else (0, 0) for i in range(image.ndim)]
                image = jnp.pad(image, only, mode="edge")
                widths = [(0, 0) if i == axis else pair for i, pair in enumerate(widths)]
    return jnp.pad(image, widths, mode=_NUMPY[mode])
