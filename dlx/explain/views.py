"""Filters, activations and maps as pictures in [0, 1]."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from dlx.checks import check_count, check_floating, check_range

__all__ = ["activation_view", "filter_view", "overlay", "resize_maps"]

Maps = Float[Array | np.ndarray, "batch height width"]


def filter_view(
    kernel: Float[Array | np.ndarray, "height width in_channels out_channels"],
) -> Float[Array, "rows columns height width colours"]:
    """The filters of a convolution as pictures, each with its own range.

        out = 1/2 + w / (2 max |w|)    so that 0 is grey

    Args:
      kernel: (height, width, in_channels, out_channels).
    Returns: of kernels on colour images (1, out_channels, height, width, 3); of others a row of grey pictures for each
      input channel, (in_channels, out_channels, height, width, 1). A filter of zeros is grey.
    Raises: ValueError on another rank; TypeError if `kernel` is not floating.
    Source: Krizhevsky et al. 2012, figure 3.
    """
    _check("kernel", kernel, 4, "(height, width, in_channels, out_channels)")
    colours = 3 if kernel.shape[2] == 3 else 1
    pictures = jnp.transpose(jnp.asarray(kernel), (2, 3, 0, 1))[..., None]
    if colours == 3:
        pictures = jnp.moveaxis(pictures[..., 0], 0, -1)[None]
    largest = jnp.max(jnp.abs(pictures), axis=(2, 3, 4), keepdims=True)
    return 0.5 + pictures / (2 * jnp.where(largest == 0, 1, largest))


def activation_view(
    activations: Float[Array | np.ndarray, "batch height width channels"],
) -> Float[Array, "batch channels height width 1"]:
    """The channels of a layer as grey pictures, each with its own range.

        out = (A - min A) / (max A - min A)

    Args:
      activations: (batch, height, width, channels).
    Returns: (batch, channels, height, width, 1); a row for each example, as a grid of pictures wants it. A channel of
      one value is black.
    Raises: ValueError on another rank; TypeError if `activations` are not floating.
    Source: Zeiler and Fergus 2014, figure 2; notes 004, part 7.
    """
    _check("activations", activations, 4, "(batch, height, width, channels)")
    pictures = jnp.transpose(jnp.asarray(activations), (0, 3, 1, 2))
    return _stretched(pictures, (2, 3))[..., None]


def resize_maps(maps: Maps, *, shape: tuple[int, int]) -> Float[Array, "batch rows columns"]:
    """Maps of another size, by bilinear interpolation.

    Args:
      maps: (batch, height, width).
      shape: (rows, columns) of the result.
    Returns: (batch, rows, columns); centres of pixels fit as in `dlx.image.resize_bilinear`.
    Raises: ValueError on another rank or shape; TypeError if `maps` are not floating.
    Source: Selvaraju et al. 2017, section 3.
    """
    _check("maps", maps, 3, "(batch, height, width)")
    if len(shape) != 2:
        raise ValueError(f"shape: got {shape!r}, wanted (rows, columns)")
    for axis, number in enumerate(shape):
        check_count(f"shape[{axis}]", number)
    return jax.image.resize(jnp.asarray(maps), (len(maps), *shape), "bilinear", antialias=False)


def overlay(
    images: Float[Array | np.ndarray, "batch height width channels"], maps: Maps, *, opacity: float = 0.6
) -> Float[Array, "batch height width 3"]:
    """Images with a map laid over them in red.

        out = (1 - o m) image + o m (1, 0, 0),    m the map stretched to [0, 1], o the opacity

    Args:
      images: (batch, height, width, 1 or 3) in [0, 1].
      maps: (batch, height, width).
      opacity: of the largest value.
    Returns: (batch, height, width, 3).
    Raises: ValueError if shapes do not fit or `opacity` is outside [0, 1]; TypeError if arrays are not floating.
    Source: convention of this package.
    """
    _check("images", images, 4, "(batch, height, width, 1 or 3)")
    _check("maps", maps, 3, "(batch, height, width)")
    check_range("opacity", opacity, 0, 1)
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"images: got shape {images.shape}, wanted (batch, height, width, 1 or 3)")
    if maps.shape != images.shape[:3]:
        raise ValueError(f"maps: got shape {maps.shape}, wanted {images.shape[:3]}; resize_maps brings them there")
    share = opacity * _stretched(jnp.asarray(maps, images.dtype), (1, 2))[..., None]
    red = jnp.asarray([1, 0, 0], images.dtype).reshape(1, 1, 1, 3)
    return (1 - share) * jnp.asarray(images) + share * red


def _stretched(values: Array, axes: tuple[int, ...]) -> Array:
    low, high = jnp.min(values, axes, keepdims=True), jnp.max(values, axes, keepdims=True)
    return (values - low) / jnp.where(high == low, 1, high - low)


def _check(name: str, value: Any, axes: int, wanted: str) -> None:
    check_floating(name, value)
    if len(value.shape) != axes or 0 in value.shape:
        raise ValueError(f"{name}: got shape {value.shape}, wanted {wanted}, none of them 0")
