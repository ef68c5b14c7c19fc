"""What all augmentations share: keys of examples, checks, and the way from stored numbers to floats and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Key, Num

from dlx.checks import check_array, check_key
from dlx.image import to_float
from dlx.nn import example_keys

Keys = Key[Array, ""] | Key[Array, "batch"]
Images = Num[Array | np.ndarray, "batch height width channels"]

_WHITE = {"uint8": 255, "uint16": 65535}
_CHANNELS = (1, 3, 4)


def keys_of(key: Any, name: str, batch: Any) -> Array:
    """(batch,) keys: those given, or made of one by the example's number."""
    key = check_key("key", key)
    if key.ndim == 0:
        return example_keys(key, batch.shape[0])
    if key.shape != batch.shape[:1]:
        raise ValueError(f"key: got shape {key.shape}, wanted () or {batch.shape[:1]}, one for each of {name}")
    return key


def check_images(images: Any, channels: str = "channels") -> None:
    """Refuse what is no batch of images (batch, height, width, channels), and what looks like PyTorch's NCHW.

    `channels` are those allowed, "3" or "1 or 3"; any by default.
    """
    check_array("images", images)
    wrong = images.ndim != 4 or 0 in images.shape
    wrong = wrong or (channels != "channels" and str(images.shape[-1]) not in channels.split(" or "))
    if wrong or _hint(images.shape):
        wanted = f"(batch, height, width, {channels}), none of them 0"
        raise ValueError(f"images: got shape {images.shape}, wanted {wanted}{_hint(images.shape)}")


def check_planes(images: Any) -> None:
    """Refuse what is no batch of images or of masks (batch, height, width)."""
    check_array("images", images)
    if images.ndim not in (3, 4) or _hint(images.shape):
        wanted = "(batch, height, width) and perhaps channels"
        raise ValueError(f"images: got shape {images.shape}, wanted {wanted}{_hint(images.shape)}")


def _hint(shape: tuple[int, ...]) -> str:
    """What the axes look like, if they look like others; channels are often 1, 3 or 4, sides of images seldom."""
    if len(shape) == 4 and shape[1] in _CHANNELS and shape[-1] > max(_CHANNELS):
        return "; looks like NCHW: jnp.moveaxis(images, 1, -1) makes NHWC"
    if len(shape) == 3 and shape[-1] in _CHANNELS and min(shape[:2]) > max(_CHANNELS):
        return "; looks like one image: images[None] makes a batch of it"
    return ""


def as_floats(images: Any) -> Array:
    """Integers of a known white as float32 in [0, 1], floats as they are."""
    return to_float(images)


def as_stored(values: Array, like: Any) -> Array:
    """Back to the dtype of `like`: integers are rounded to the nearest."""
    dtype = jnp.result_type(like)
    if jnp.issubdtype(dtype, jnp.floating):
        return values.astype(dtype)
    white = _WHITE[dtype.name]
    return jnp.clip(jnp.round(values * white), 0, white).astype(dtype)


def along(values: Array, like: Any) -> Array:
    """(batch,) numbers with axes of size 1 for the rest of a batch, so that they broadcast example by example."""
    return values.reshape(values.shape + (1,) * (like.ndim - 1))


def draw(keys: Array, shape: tuple[int, ...] = ()) -> Array:
    """(batch, *shape) float32 in [0, 1), whatever the default precision: the same in every run."""
    return jax.vmap(lambda key: jax.random.uniform(key, shape, jnp.float32))(keys)
