"""What a filter does to an impulse, to a sum and to a shift: how far it is from being its own kernel."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.image._images import FloatImage, check_odd

__all__ = ["impulse_response", "linearity_deviation", "shift_deviation"]

Filter = Callable[[jax.Array], jax.Array]


def impulse_response(function: Filter, *, size: int) -> FloatImage:
    """Result for a single bright pixel.

        h = function(delta),    delta 1 in the middle and 0 elsewhere

    A linear filter that follows shifts is the convolution with it.

    Args:
      function: one image to one of the same size.
      size: pixels a side, odd; at least twice the kernel's, less 1, if the border is to stay out of it.
    Returns: (size, size).
    Raises: ValueError for an even size.
    Source: notes 001 section 14.
    """
    check_odd("size", size)
    return function(jnp.zeros((size, size)).at[size // 2, size // 2].set(1))


def linearity_deviation(
    function: Filter, first: FloatImage, second: FloatImage, *, alpha: float = 2.0, beta: float = -3.0
) -> Float[Array, ""]:
    """How far a filter is from being linear.

        max |h(alpha f + beta g) - (alpha h(f) + beta h(g))|,    0 for a linear filter

    Mean and Gaussian filters are linear, the median is not. The notes mix the names of image and filter here.

    Args:
      function: h, one image to one array.
      first: f, (height, width).
      second: g, the same shape.
      alpha: factor of f.
      beta: factor of g.
    Returns: a scalar >= 0.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    if first.shape != second.shape:
        raise ValueError(f"second: got shape {second.shape}, wanted that of first, {first.shape}")
    apart = alpha * function(first) + beta * function(second)
    return jnp.max(jnp.abs(function(alpha * first + beta * second) - apart))


def shift_deviation(function: Filter, image: FloatImage, *, x: int = 1, y: int = 1) -> Float[Array, ""]:
    """How far a filter is from following a shift of its image.

        max |h(S f) - S h(f)|,    S moves by (x, y) and lets what leaves come in at the other side

    0 for a filter that extends its image by "wrap"; the notes' "time-invariant".

    Args:
      function: h, one image to one of the same size.
      image: f, (height, width).
      x: pixels to the right.
      y: pixels downwards.
    Returns: a scalar >= 0.
    Source: notes 001 section 14.
    """
    shifted = function(jnp.roll(image, (y, x), (0, 1)))
    return jnp.max(jnp.abs(shifted - jnp.roll(function(image), (y, x), (0, 1))))
