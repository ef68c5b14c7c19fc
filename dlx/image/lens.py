"""The thin lens: 1 / f = 1 / u + 1 / v. The notes' first fraction lost its f.

Distances are positive on the usual side: u in front of the lens, v behind it. A negative v is a virtual image, a
negative f a diverging lens, and infinity is a distance like any other.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_same_shape

__all__ = ["lens_focal_length", "lens_image_distance", "lens_magnification", "lens_object_distance"]

Distances = Float[Array | np.ndarray, "*shape"] | float


def lens_image_distance(focal_length: Distances, object_distance: Distances) -> Float[Array, "*shape"]:
    """Where the image of an object is sharp.

        v = 1 / (1 / f - 1 / u);    u = 2 f gives v = 2 f, u = f infinity

    Args:
      focal_length: f, not 0, an array or a number.
      object_distance: u, not 0, the same shape.
    Returns: v.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    return _other(focal_length, object_distance, "object_distance")


def lens_object_distance(focal_length: Distances, image_distance: Distances) -> Float[Array, "*shape"]:
    """Where an object is sharp on a sensor.

        u = 1 / (1 / f - 1 / v)

    Args:
      focal_length: f, not 0, an array or a number.
      image_distance: v, not 0, the same shape.
    Returns: u.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    return _other(focal_length, image_distance, "image_distance")


def lens_focal_length(object_distance: Distances, image_distance: Distances) -> Float[Array, "*shape"]:
    """The lens that makes this image of this object.

        f = 1 / (1 / u + 1 / v)

    Args:
      object_distance: u, not 0.
      image_distance: v, not 0, the same shape.
    Returns: f.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    near, far = jnp.asarray(image_distance), jnp.asarray(object_distance)
    check_same_shape("image_distance", near, "object_distance", far)
    return 1 / (1 / far + 1 / near)


def lens_magnification(focal_length: Distances, object_distance: Distances) -> Float[Array, "*shape"]:
    """Size of the image over size of the object.

        m = -v / u = f / (f - u);    negative: upside down

    Args:
      focal_length: f, not 0, an array or a number.
      object_distance: u, the same shape.
    Returns: m.
    Raises: ValueError if the shapes differ.
    Source: notes 001 section 14.
    """
    focal, far = jnp.asarray(focal_length), jnp.asarray(object_distance)
    check_same_shape("object_distance", far, "focal_length", focal)
    return focal / (focal - far)


def _other(focal_length: Distances, distance: Distances, name: str) -> Float[Array, "*shape"]:
    focal, known = jnp.asarray(focal_length), jnp.asarray(distance)
    check_same_shape(name, known, "focal_length", focal)
    return 1 / (1 / focal - 1 / known)
