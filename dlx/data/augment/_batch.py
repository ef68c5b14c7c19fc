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


def keys_of(key: Any, name: str, batch: Any) -> Array:
    """(batch,) keys: those given, or made of one by the example's number."""
    key = check_key("key", key)
    if key.ndim == 0:
        return example_keys(key, batch.shape[0])
    if key.shape != batch.shape[:1]:
        raise ValueError(f"key: got shape {key.shape}, wanted () or {batch.shape[:1]}, one for each of {name}")
    return key


def check_images(images: Any, channels: int | None = None) -> None:
    """Refuse what is no batch of images (batch, height, width, channels)."""
    check_array("images", images)
    if images.ndim != 4 or 0 in images.shape or channels not in (None, images.shape[-1]):
        wanted = channels or "channels"
        raise ValueError(f"images: got shape {images.shape}, wanted (batch, height, width, {wanted}), none of them 0")


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
