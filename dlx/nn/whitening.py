"""Whitening of windows: a convolution whose outputs are uncorrelated and of variance 1."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_floating, check_range
from dlx.nn._windows import as_pair
from dlx.nn.im2col import im2col

__all__ = ["whitening_kernel"]


def whitening_kernel(
    images: Float[Array, "batch height width channels"],
    *,
    window: int | Sequence[int] = 2,
    eps: float = 5e-4,
    both_signs: bool = False,
) -> tuple[Float[Array, "window_height window_width channels filters"], Float[Array, "filters"]]:
    """Kernel and bias with which `conv2d` whitens the windows of images: the principal components of windows, scaled.

        C = mean (p - mu) (p - mu)^T over all windows p,    C = sum_i l_i v_i v_i^T,    l_1 >= l_2 >= ...
        K_i = v_i / sqrt(l_i + eps),    b_i = -K_i . mu

    The outputs have mean 0, no correlations, and variance l_i / (l_i + eps). `eps` keeps down directions in which the
    images hardly vary, which are noise; it has the unit of the images' variance. An eigenvector's sign is free: its
    entry of largest magnitude is positive here. The covariance is that of all windows, in float32 at least; a few
    thousand images are enough, and memory is theirs times the window.

    Args:
      images: (batch, height, width, channels), scaled as the network will get them.
      window: an int or (rows, columns).
      eps: added to the variances.
      both_signs: give -K_i and -b_i too, behind the others: a ReLU then loses nothing.
    Returns: kernel, (rows, columns, channels, rows * columns * channels) or twice as many filters, and bias, of the
      dtype of `images`.
    Raises: ValueError if a window is larger than the images, there is one window only, or `eps` is not positive;
      TypeError if the images are not floating.
    Source: Coates et al. 2011, section 3.2; as a fixed first layer Page 2019, "How to train your ResNet", part 8.
    """
    check_floating("images", images)
    check_range("eps", eps, 0, math.inf, open_low=True, open_high=True)
    rows, columns = as_pair("window", window)
    if images.ndim != 4:
        raise ValueError(f"images: got shape {images.shape}, wanted (batch, height, width, channels)")
    wide = images.astype(jnp.promote_types(images.dtype, jnp.float32))
    windows = im2col(wide, (rows, columns))
    if len(windows) < 2:
        raise ValueError(f"images: got shape {images.shape} with {len(windows)} windows, wanted at least two")
    mean = jnp.mean(windows, axis=0)
    centred = windows - mean[None]
    variances, directions = jnp.linalg.eigh(centred.T @ centred / len(windows))
    # eigh sorts upwards, and may give what is zero a little below it
    variances, directions = jnp.maximum(variances[::-1], 0), directions[:, ::-1]
    largest = jnp.take_along_axis(directions, jnp.argmax(jnp.abs(directions), axis=0, keepdims=True), axis=0)
    filters = directions * jnp.sign(largest) / jnp.sqrt(variances + eps)[None]
    bias = -mean @ filters
    if both_signs:
        filters, bias = jnp.concatenate([filters, -filters], axis=1), jnp.concatenate([bias, -bias])
    # im2col counts through channels first
    kernel = filters.reshape(images.shape[-1], rows, columns, -1).transpose(1, 2, 0, 3)
    return kernel.astype(images.dtype), bias.astype(images.dtype)
