"""Convolution of functions on a grid."""

from typing import Literal

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_choice, check_floating

__all__ = ["convolve"]


def convolve(
    signal: Float[Array, "*signal"], kernel: Float[Array, "*kernel"], *, mode: Literal["full", "same", "valid"] = "full"
) -> Float[Array, "*outputs"]:
    """Discrete convolution in any number of dimensions.

        (f * g)(x) = sum_t f(t) g(x - t) = sum_t f(x - t) g(t)

    The kernel is flipped on every axis, then slid; a convolutional layer, which does not flip, computes the
    cross-correlation. Commutative, associative, linear in each argument, and a difference of the result is the
    convolution with a difference: (f * g)' = f' * g = f * g'. NaN and infinity go through every output that they enter,
    as in IEEE arithmetic: infinity in the kernel times the 0 outside the signal, or a 0 of the other, is NaN.

    Args:
      signal: f, any number of axes; 0 outside.
      kernel: g, as many axes.
      mode: "full" every x where the two overlap: sizes f + g - 1; "same" its middle, in the shape of `signal`, as
        scipy.signal has it (NumPy takes the longer one's); "valid" where one covers the other: sizes |f - g| + 1.
    Returns: the convolution, dtype of `signal`.
    Raises: ValueError if the numbers of axes differ, one is empty, neither covers the other with "valid", or `mode` is
      unknown; TypeError if one is not floating.
    Source: Goodfellow et al. 2016, section 9.1; notes 001 section 1.
    """
    check_floating("signal", signal)
    check_floating("kernel", kernel)
    check_choice("mode", mode, ("full", "same", "valid"))
    if kernel.ndim != signal.ndim or signal.ndim == 0 or 0 in (*signal.shape, *kernel.shape):
        raise ValueError(
            f"kernel: got shape {kernel.shape} for a signal of shape {signal.shape}, wanted as many axes, none empty"
        )
    if mode == "valid" and any(k > s for k, s in zip(kernel.shape, signal.shape, strict=True)):
        if any(k < s for k, s in zip(kernel.shape, signal.shape, strict=True)):
            raise ValueError(
                f"kernel: got shape {kernel.shape} for a signal of shape {signal.shape}, wanted one to cover the other"
            )
        signal, kernel = kernel, signal
    padding = [_padding(size, mode) for size in kernel.shape]
    outputs = lax.conv_general_dilated(
        signal[None, None],
        jnp.flip(kernel.astype(signal.dtype))[None, None],
        window_strides=(1,) * signal.ndim,
        padding=padding,
    )
    return outputs[0, 0]


def _padding(size: int, mode: str) -> tuple[int, int]:
    """Zeros before and after an axis, for a kernel of this size."""
    if mode == "valid":
        return 0, 0
    if mode == "full":
        return size - 1, size - 1
    return size // 2, (size - 1) // 2
