"""Mirror images of images, masks and boxes."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Num, Shaped

from dlx.checks import check_array, check_range
from dlx.data.augment._batch import Keys, along, check_planes, draw, keys_of

__all__ = [
    "flip_boxes_left_right",
    "flip_boxes_up_down",
    "flip_left_right",
    "flip_up_down",
    "random_flip_boxes_left_right",
    "random_flip_boxes_up_down",
    "random_flip_left_right",
    "random_flip_up_down",
]

Planes = Shaped[Array | np.ndarray, "batch height width *channels"]
Boxes = Num[Array | np.ndarray, "batch boxes 4"]


def flip_left_right(images: Planes) -> Shaped[Array, "batch height width *channels"]:
    """Columns in reverse order.

        out[b, i, j] = images[b, i, W - 1 - j]

    Args:
      images: (batch, height, width) or (batch, height, width, channels), of any dtype: images, or masks.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, or one that looks like (batch, channels, height, width) or one image.
    Source: notes 001 section 10, "image augmentation".
    """
    return jnp.flip(_planes(images), axis=2)


def flip_up_down(images: Planes) -> Shaped[Array, "batch height width *channels"]:
    """Rows in reverse order.

        out[b, i, j] = images[b, H - 1 - i, j]

    Args:
      images: (batch, height, width) or (batch, height, width, channels), of any dtype: images, or masks.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, or one that looks like (batch, channels, height, width) or one image.
    Source: notes 001 section 10, "image augmentation".
    """
    return jnp.flip(_planes(images), axis=1)


def flip_boxes_left_right(boxes: Boxes, *, width: float = 1.0) -> Num[Array, "batch boxes 4"]:
    """Boxes of images whose columns are in reverse order.

        (x_min, x_max) <- (width - x_max, width - x_min)

    Args:
      boxes: (batch, boxes, 4) as (x_min, y_min, x_max, y_max). They are edges: a box around the first pixel alone ends
        at x_max = 1.
      width: of the images in the unit of the boxes; 1 for fractions.
    Returns: the same shape and dtype.
    Raises: ValueError if the last axis is not 4.
    Source: notes 001 section 10, "image augmentation".
    """
    boxes = _boxes(boxes)
    x_min, y_min, x_max, y_max = (boxes[..., side] for side in range(4))
    return jnp.stack([width - x_max, y_min, width - x_min, y_max], axis=-1).astype(boxes.dtype)


def flip_boxes_up_down(boxes: Boxes, *, height: float = 1.0) -> Num[Array, "batch boxes 4"]:
    """Boxes of images whose rows are in reverse order.

        (y_min, y_max) <- (height - y_max, height - y_min)

    Args:
      boxes: (batch, boxes, 4) as (x_min, y_min, x_max, y_max), edges.
      height: of the images in the unit of the boxes; 1 for fractions.
    Returns: the same shape and dtype.
    Raises: ValueError if the last axis is not 4.
    Source: notes 001 section 10, "image augmentation".
    """
    boxes = _boxes(boxes)
    x_min, y_min, x_max, y_max = (boxes[..., side] for side in range(4))
    return jnp.stack([x_min, height - y_max, x_max, height - y_min], axis=-1).astype(boxes.dtype)


def random_flip_left_right(
    key: Keys, images: Planes, *, probability: float = 0.5
) -> Shaped[Array, "batch height width *channels"]:
    """Some of the images with their columns in reverse order, each by a coin of its own.

    Masks and boxes (`random_flip_boxes_left_right`) with the same keys turn with their images.

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width) or (batch, height, width, channels), of any dtype: images, or masks.
      probability: of a flip.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, or one that looks like NCHW or one image, keys of another number, or a
      `probability` outside [0, 1].
    Source: notes 001 section 10, "image augmentation".
    """
    flipped = flip_left_right(images)
    return jnp.where(_coins(key, images, "images", probability), flipped, jnp.asarray(images))


def random_flip_up_down(
    key: Keys, images: Planes, *, probability: float = 0.5
) -> Shaped[Array, "batch height width *channels"]:
    """Some of the images with their rows in reverse order, each by a coin of its own.

    Masks and boxes (`random_flip_boxes_up_down`) with the same keys turn with their images.

    Args:
      key: (batch,) keys, one for each image, or one key for all of them.
      images: (batch, height, width) or (batch, height, width, channels), of any dtype: images, or masks.
      probability: of a flip.
    Returns: the same shape and dtype.
    Raises: ValueError on another shape, or one that looks like NCHW or one image, keys of another number, or a
      `probability` outside [0, 1].
    Source: notes 001 section 10, "image augmentation".
    """
    flipped = flip_up_down(images)
    return jnp.where(_coins(key, images, "images", probability), flipped, jnp.asarray(images))


def random_flip_boxes_left_right(
    key: Keys, boxes: Boxes, *, probability: float = 0.5, width: float = 1.0
) -> Num[Array, "batch boxes 4"]:
    """The boxes of images that `random_flip_left_right` made with the same keys.

    Args:
      key: what the images were given.
      boxes: (batch, boxes, 4) as (x_min, y_min, x_max, y_max), edges.
      probability: what the images were given.
      width: of the images in the unit of the boxes; 1 for fractions.
    Returns: the same shape and dtype.
    Raises: ValueError if the last axis is not 4, keys of another number, or `probability` is outside [0, 1].
    Source: notes 001 section 10, "image augmentation".
    """
    flipped = flip_boxes_left_right(boxes, width=width)
    return jnp.where(_coins(key, boxes, "boxes", probability), flipped, jnp.asarray(boxes))


def random_flip_boxes_up_down(
    key: Keys, boxes: Boxes, *, probability: float = 0.5, height: float = 1.0
) -> Num[Array, "batch boxes 4"]:
    """The boxes of images that `random_flip_up_down` made with the same keys.

    Args:
      key: what the images were given.
      boxes: (batch, boxes, 4) as (x_min, y_min, x_max, y_max), edges.
      probability: what the images were given.
      height: of the images in the unit of the boxes; 1 for fractions.
    Returns: the same shape and dtype.
    Raises: ValueError if the last axis is not 4, keys of another number, or `probability` is outside [0, 1].
    Source: notes 001 section 10, "image augmentation".
    """
    flipped = flip_boxes_up_down(boxes, height=height)
    return jnp.where(_coins(key, boxes, "boxes", probability), flipped, jnp.asarray(boxes))


def _coins(key: Array, batch: Planes | Boxes, name: str, probability: float) -> Array:
    check_range("probability", probability, 0, 1)
    return along(draw(keys_of(key, name, batch)) < probability, batch)


def _planes(images: Planes) -> Array:
    check_planes(images)
    return jnp.asarray(images)


def _boxes(boxes: Boxes) -> Array:
    check_array("boxes", boxes)
    if boxes.ndim != 3 or boxes.shape[-1] != 4:
        raise ValueError(f"boxes: got shape {boxes.shape}, wanted (batch, boxes, 4)")
    return jnp.asarray(boxes)
