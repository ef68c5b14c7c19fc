"""Augmentations one after the other, and as the `augment` of `dlx.train.supervised`."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Shaped

from dlx.data.augment._batch import Keys, keys_of

__all__ = ["compose", "on_batch"]

Function = Callable[..., Array]
"""Of (key, images): an augmentation, its options bound by `functools.partial`."""


def compose(*functions: Function) -> Function:
    """Augmentations one after the other, with randomness of their own.

        x_n = f_n(fold_in(key, n), x_{n-1})

    The same function twice draws twice.

    Args:
      functions: of (key, images), in order; `functools.partial` binds their options.
    Returns: a function of (key, images).
    Raises: ValueError if there is no function, TypeError if one cannot be called.
    Source: convention of this package; torchvision's `Compose`.
    """
    if not functions:
        raise ValueError("functions: got none, wanted functions of (key, images)")
    for function in functions:
        if not callable(function):
            raise TypeError(f"functions: got {function!r}, wanted functions of (key, images)")

    def composed(key: Keys, images: Shaped[Array | np.ndarray, "batch ..."]) -> Array:
        keys, images = keys_of(key, "images", images), jnp.asarray(images)
        for number, function in enumerate(functions):
            images = function(jax.vmap(jax.random.fold_in, (0, None))(keys, number), images)
        return images

    return composed


def on_batch(function: Function, *, name: str = "inputs") -> Callable[[Array, Mapping[str, Any]], dict[str, Any]]:
    """An augmentation of images as the `augment(keys, batch)` that `dlx.train.supervised` wants.

    Args:
      function: of (key, images), as `compose` makes it.
      name: of the images in the batch.
    Returns: a function (keys, batch) -> batch; everything else in the batch stays as it was.
    Raises: TypeError if `function` cannot be called; when called, ValueError if the batch has no such name.
    Source: convention of this package.
    """
    if not callable(function):
        raise TypeError(f"function: got {function!r}, wanted a function of (key, images)")

    def augment(keys: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        if name not in batch:
            raise ValueError(f"batch: got {', '.join(batch)}, wanted {name!r} among them")
        return {**batch, name: function(keys, batch[name])}

    return augment
