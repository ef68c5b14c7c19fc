"""Penalties that act on the gradient."""

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from dlx.checks import check_choice, check_range
from dlx.optim._checks import check_updates
from dlx.optim._schedule import Scalar

__all__ = ["weight_decay"]

Mask = Literal["kernels", "all"] | Callable[[PyTree], PyTree[bool]]


def weight_decay(rate: Scalar, *, mask: Mask = "kernels") -> optax.GradientTransformation:
    """The gradient of an L2 penalty, to stand before the optimizer in `optax.chain`.

        J + lambda / 2 sum w^2,    g <- g + lambda w

    Under a scaled optimizer (Adam) this is the penalty, not the decoupled decay of AdamW.

    Args:
      rate: lambda.
      mask: which leaves: those named `kernel` or `..._kernel` (biases, scales and slopes stay free), all, or a function
        from the parameters to a tree of bools.
    Returns: a transformation without state; its update needs the parameters.
    Raises: ValueError if `rate` is negative, `mask` is unknown, no leaf is selected, the parameters are missing or
      updates have another tree or other shapes.
    Source: Krogh and Hertz 1991; notes 001 section 4, 003 "weight decay".
    """
    check_range("rate", rate, 0, math.inf, open_high=True)
    check_mask(mask)

    def init(params):
        selected(mask, params, required=True)
        return optax.EmptyState()

    def update(updates, state, params=None):
        if params is None:
            raise ValueError(
                "params: got None, wanted the parameters: weight_decay adds a multiple of them to the gradient"
            )
        check_updates(updates, params)
        updates = jax.tree.map(
            lambda use, g, w: g + jnp.asarray(rate, g.dtype) * w if use else g, selected(mask, params), updates, params
        )
        return updates, state

    return optax.GradientTransformation(init, update)


def check_mask(mask: Mask) -> None:
    """Refuse an unknown word."""
    if not callable(mask):
        check_choice("mask", mask, ("kernels", "all"))


def selected(mask: Mask, params: PyTree, *, required: bool = False) -> PyTree[bool]:
    """Which leaves a mask means; ValueError if it must be one at least and is none."""
    if callable(mask):
        chosen = mask(params)
    else:
        chosen = jax.tree_util.tree_map_with_path(lambda path, _: mask == "all" or _is_kernel(path), params)
    if required and not any(jax.tree.leaves(chosen)):
        raise ValueError(
            f"mask: got {mask!r}, wanted one that selects a leaf of the parameters; 'all' selects every one"
        )
    return chosen


def _is_kernel(path: tuple) -> bool:
    name = str(getattr(path[-1], "key", getattr(path[-1], "name", ""))) if path else ""
    return name == "kernel" or name.endswith("_kernel")
