"""Pooling of planes: the maximum or the mean of windows, and of the whole plane."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.nn._pool_forms import window_max, window_sum
from dlx.nn._pool_windows import check_planes, make_windows
from dlx.nn._windows import Padding

__all__ = ["avg_pool2d", "global_avg_pool2d", "global_max_pool2d", "max_pool2d"]


def max_pool2d(
    inputs: Float[Array, "*batch height width channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> Float[Array, "*batch rows columns channels"]:
    """The maximum of each window, channel by channel.

        y_ijc = max { x_{si+a-p, tj+b-q, c} : 0 <= a < k, 0 <= b < l, inside the plane }

        rows = floor((height + p + p' - k) / s) + 1,    columns alike

    Padding never is the maximum, also of negative numbers. A NaN makes every window that holds it NaN. The gradient of
    a window goes to its first maximum in the order of rows, so that equal numbers (the zeros of a ReLU) count once.

    Args:
      inputs: (*batch, height, width, channels).
      window: k, l, one int for both.
      stride: s, t; None for `window`, which then do not overlap.
      padding: p before and p' after: an int, a pair (rows, columns), a pair of pairs ((p, p'), (q, q')), "same" or
        "valid". Less than the window, so that every window holds an entry (PyTorch: at most half of it).
      ceil_mode: round the number of rows and columns up, the last window reaching over the edge, if it begins inside
        the plane or the padding before it (PyTorch's rule).
    Returns: (*batch, rows, columns, channels), dtype of `inputs`.
    Raises: ValueError if a window does not fit into the padded plane or the padding is as large as the window;
      TypeError if `inputs` are not floating.
    Source: Goodfellow et al. 2016, section 9.3; notes 001 section 6, 004 "pooling".
    """
    windows = make_windows(check_planes(inputs), window, stride, padding, ceil_mode)
    return window_max(inputs.reshape(-1, *inputs.shape[-3:]), windows).reshape(
        *inputs.shape[:-3], *windows.counts, inputs.shape[-1]
    )


def avg_pool2d(
    inputs: Float[Array, "*batch height width channels"],
    *,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Float[Array, "*batch rows columns channels"]:
    """The mean of each window, channel by channel.

        y_ijc = 1/n_ij sum_{a, b} x_{si+a-p, tj+b-q, c},    n_ij = k l, or the entries inside the plane

    Padding adds zeros; with `count_include_pad` they are counted (PyTorch's and Flax's default). What a window reaches
    beyond the padding with `ceil_mode` is never counted.

    Args:
      inputs: (*batch, height, width, channels).
      window: k, l, one int for both.
      stride: s, t; None for `window`.
      padding: as for `max_pool2d`.
      ceil_mode: as for `max_pool2d`.
      count_include_pad: divide by the number of padded entries too.
    Returns: (*batch, rows, columns, channels), dtype of `inputs`.
    Raises: ValueError if a window does not fit into the padded plane or the padding is as large as the window;
      TypeError if `inputs` are not floating.
    Source: Goodfellow et al. 2016, section 9.3; notes 001 section 6.
    """
    windows = make_windows(check_planes(inputs), window, stride, padding, ceil_mode)
    wide = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    totals = window_sum(wide.reshape(-1, *inputs.shape[-3:]), windows)
    counts = windows.entries(padded=count_include_pad).astype(totals.dtype)
    means = totals / jnp.broadcast_to(counts, totals.shape)
    return means.astype(inputs.dtype).reshape(*inputs.shape[:-3], *windows.counts, inputs.shape[-1])


def global_avg_pool2d(inputs: Float[Array, "*batch height width channels"]) -> Float[Array, "*batch channels"]:
    """The mean of each channel over its plane.

        y_c = 1/(H W) sum_{i, j} x_ijc

    Exactly the same for a plane that is shifted around; what strided windows give changes with the shift (E8).

    Args:
      inputs: (*batch, height, width, channels).
    Returns: (*batch, channels), dtype of `inputs`.
    Raises: ValueError if there is no plane; TypeError if `inputs` are not floating.
    Source: Lin et al. 2013, section 3.2; notes 001 sections 6 and 10.
    """
    check_planes(inputs)
    return jnp.mean(inputs, axis=(-3, -2))


def global_max_pool2d(inputs: Float[Array, "*batch height width channels"]) -> Float[Array, "*batch channels"]:
    """The maximum of each channel over its plane.

        y_c = max_{i, j} x_ijc

    Exactly the same for a plane that is shifted around. The gradient goes to the first maximum.

    Args:
      inputs: (*batch, height, width, channels).
    Returns: (*batch, channels), dtype of `inputs`.
    Raises: ValueError if there is no plane; TypeError if `inputs` are not floating.
    Source: notes 001 sections 6 and 10.
    """
    check_planes(inputs)
    flat = inputs.reshape(*inputs.shape[:-3], -1, inputs.shape[-1])
    first = lax.stop_gradient(jnp.argmax(flat, axis=-2, keepdims=True))
    # not jnp.max: its gradient is shared between equal maxima
    chosen = lax.broadcasted_iota(first.dtype, flat.shape, flat.ndim - 2) == first
    return jnp.sum(jnp.where(chosen, flat, 0), axis=-2)
