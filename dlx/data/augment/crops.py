"""Crops at random places, and crops of a random size that are resized to a fixed one."""

import math
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Int, Num

from dlx.checks import check_array, check_choice, check_count, check_key, check_range
from dlx.data.augment._batch import Images, Keys, as_floats, as_stored, check_images, draw, keys_of

__all__ = ["crop_and_resize", "pad_and_crop", "random_crop_window", "random_resized_crop"]

_TRIES = 10


def random_resized_crop(
    key: Keys,
    images: Images,
    *,
    shape: tuple[int, int] | None = None,
    scale: tuple[float, float] = (0.1, 1.0),
    ratio: tuple[float, float] = (0.5, 2.0),
    antialias: bool = True,
) -> Num[Array, "batch rows columns channels"]:
    """A window of random area and aspect out of each image, resized to one shape.

    The windows are those of `random_crop_window`, the resizing is that of `crop_and_resize`. torchvision's
    `RandomResizedCrop` with other defaults: its scale begins at 0.08, its aspects at 3/4 and end at 4/3.

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, channels), uint8, uint16 or floats.
      shape: (rows, columns) of the result; None for that of `images`.
      scale: least and largest share of the area.
      ratio: least and largest width / height.
      antialias: see `crop_and_resize`.
    Returns: (batch, rows, columns, channels) in the dtype of `images`.
    Raises: ValueError on another shape of images, keys of another number, or a range that is none; TypeError on
      integers without a known white.
    Source: Szegedy et al. 2015, section 6; torchvision, RandomResizedCrop; notes 001 section 10.
    """
    check_images(images)
    shape = (images.shape[1], images.shape[2]) if shape is None else _pair("shape", shape)
    keys = keys_of(key, "images", images)
    windows = random_crop_window(keys, size=(images.shape[1], images.shape[2]), scale=scale, ratio=ratio)
    return crop_and_resize(images, windows, shape=shape, antialias=antialias)


def random_crop_window(
    key: Keys,
    *,
    size: tuple[int, int],
    scale: tuple[float, float] = (0.1, 1.0),
    ratio: tuple[float, float] = (0.5, 2.0),
) -> Int[Array, "*batch 4"]:
    """The windows of `random_resized_crop`: (top, left, height, width) in whole pixels.

        area ~ U(scale) H W,    log aspect ~ U(log ratio),    width = round(sqrt(area aspect)),
        height = round(sqrt(area / aspect)),    top ~ U{0..H - height},    left ~ U{0..W - width}

    Of ten tries the first that fits into the image counts. If none does it is the central window of full width or
    height whose aspect is the nearest in `ratio`.

    Args:
      key: one key, or (batch,) keys.
      size: (H, W) of the images.
      scale: least and largest share of the area.
      ratio: least and largest width / height.
    Returns: (4,), or (batch, 4) int32.
    Raises: ValueError or TypeError on a size or a range that is none.
    Source: torchvision, RandomResizedCrop.get_params.
    """
    key = check_key("key", key)
    rows, columns = _pair("size", size)
    _check_increasing("scale", scale, 1.0)
    _check_increasing("ratio", ratio, math.inf)

    def one(key: Array) -> Array:
        areas, aspects, down, across = jax.random.uniform(key, (4, _TRIES), jnp.float32)
        area = rows * columns * (scale[0] + (scale[1] - scale[0]) * areas)
        aspect = jnp.exp(math.log(ratio[0]) + (math.log(ratio[1]) - math.log(ratio[0])) * aspects)
        width = jnp.round(jnp.sqrt(area * aspect)).astype(jnp.int32)
        height = jnp.round(jnp.sqrt(area / aspect)).astype(jnp.int32)
        fits = (width > 0) & (width <= columns) & (height > 0) & (height <= rows)
        top, left = _place(down, rows - height), _place(across, columns - width)
        tries = jnp.stack([top, left, height, width], axis=-1)
        return jnp.where(jnp.any(fits), tries[jnp.argmax(fits)], jnp.array(_fallback(rows, columns, ratio), jnp.int32))

    return one(key) if key.ndim == 0 else jax.vmap(one)(key)


def _place(uniform: Array, last: Array) -> Array:
    """An integer in 0..last; the largest number below 1 times n stays below n in float32."""
    return jnp.floor(uniform * (last + 1)).astype(jnp.int32)


def _fallback(rows: int, columns: int, ratio: tuple[float, float]) -> tuple[int, int, int, int]:
    height, width = rows, columns
    if columns / rows < ratio[0]:
        height = max(1, min(rows, round(columns / ratio[0])))
    elif columns / rows > ratio[1]:
        width = max(1, min(columns, round(rows * ratio[1])))
    return (rows - height) // 2, (columns - width) // 2, height, width


def crop_and_resize(
    images: Images, windows: Int[Array, "batch 4"], *, shape: tuple[int, int] | None = None, antialias: bool = True
) -> Num[Array, "batch rows columns channels"]:
    """A window of each image, resized to one shape by bilinear interpolation.

        out[i, j] = sum_{h, w} a_ih b_jw image[h, w],    a_ih = t_ih / sum_h t_ih over the window,
        t_ih = max(0, 1 - |h - y_i| / s),    y_i = top + (i + 1/2) height / rows - 1/2,    s = max(1, height / rows)

    and b likewise. Only pixels of the window are looked at. Two matrix products for each image: the windows may be
    traced.

    Args:
      images: (batch, height, width, channels), uint8, uint16 or floats.
      windows: (batch, 4) of (top, left, height, width), inside of the image.
      shape: (rows, columns) of the result; None for that of `images`.
      antialias: as written; False keeps s = 1 where a window is made smaller, which skips pixels.
    Returns: (batch, rows, columns, channels) in the dtype of `images`; integers are rounded. Equal to PyTorch's
      "bilinear" on the window, with and without `antialias`.
    Raises: ValueError on another shape of images or windows; TypeError on integers without a known white.
    Source: torchvision, RandomResizedCrop; Szeliski 2022, section 3.5.1.
    """
    check_images(images)
    check_array("windows", windows)
    if windows.shape != (len(images), 4):
        raise ValueError(f"windows: got shape {windows.shape}, wanted {(len(images), 4)}, one for each image")
    rows, columns = images.shape[1:3] if shape is None else _pair("shape", shape)
    values = as_floats(images)
    wide = jnp.promote_types(values.dtype, jnp.float32)
    top, left, height, width = jnp.moveaxis(jnp.asarray(windows), -1, 0).astype(wide)
    down = _weights(top, height, images.shape[1], rows, antialias)
    across = _weights(left, width, images.shape[2], columns, antialias)
    # accelerators would make products of ten bits: visible in an image of eight
    precision = lax.Precision.HIGHEST
    values = jnp.einsum("bih,bhwc->biwc", down, values.astype(wide), precision=precision)
    return as_stored(jnp.einsum("bjw,biwc->bijc", across, values, precision=precision), images)


def _weights(start: Array, size: Array, old: int, new: int, antialias: bool) -> Array:
    """(batch, new, old): how much each old row adds to each new one."""
    step = (size / new)[:, None, None]
    first, last = start[:, None, None], (start + size - 1)[:, None, None]
    pixels = jnp.arange(old, dtype=start.dtype)[None, None, :]
    at = first + (jnp.arange(new, dtype=start.dtype)[None, :, None] + 0.5) * step - 0.5
    reach = jnp.maximum(step, 1) if antialias else jnp.ones_like(step)
    tent = jnp.maximum(0, 1 - jnp.abs(pixels - at) / reach)
    tent = jnp.where((pixels >= first) & (pixels <= last), tent, 0)
    return tent / jnp.sum(tent, axis=-1, keepdims=True)


def pad_and_crop(
    key: Keys, images: Images, *, padding: int = 4, mode: Literal["constant", "reflect", "edge"] = "constant"
) -> Num[Array, "batch height width channels"]:
    """Each image moved by a few pixels: padded on all sides, then cropped to its size at a random place.

        out[i, j] = padded[i + dy, j + dx],    dy, dx ~ U{0..2 padding}

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width, channels), of any numbers.
      padding: pixels on each side.
      mode: what is there: zeros, the image mirrored at its border pixel, or the border pixel.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape of images, keys of another number, or a padding that `mode` cannot fill;
      TypeError if `padding` is no int.
    Source: He et al. 2016, section 4.2; torchvision, RandomCrop(padding=4).
    """
    check_images(images)
    check_count("padding", padding)
    check_choice("mode", mode, ("constant", "reflect", "edge"))
    height, width, channels = images.shape[1:]
    if mode == "reflect" and padding >= min(height, width):
        raise ValueError(f"padding: got {padding}, wanted less than {min(height, width)}, a side of the image")
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = jnp.pad(jnp.asarray(images), around, mode=mode)
    moves = _place(draw(keys_of(key, "images", images), (2,)), jnp.asarray(2 * padding))

    def cut(image: Array, move: Array) -> Array:
        return lax.dynamic_slice(image, (move[0], move[1], 0), (height, width, channels))

    return jax.vmap(cut)(padded, moves)


def _pair(name: str, value: Sequence[int]) -> tuple[int, int]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f"{name}: got {value!r}, wanted (rows, columns)")
    for axis, number in enumerate(value):
        check_count(f"{name}[{axis}]", number)
    return value[0], value[1]


def _check_increasing(name: str, value: Sequence[float], high: float) -> None:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f"{name}: got {value!r}, wanted (least, largest)")
    for number in value:
        check_range(name, number, 0, high, open_low=True, open_high=math.isinf(high))
    if value[0] > value[1]:
        raise ValueError(f"{name}: got {value!r}, wanted (least, largest)")
