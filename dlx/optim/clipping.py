"""Clipping of gradients, as optax transformations."""

import functools
import math

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from dlx.checks import check_range
from dlx.optim._checks import check_leaves
from dlx.optim._schedule import Scalar

__all__ = ["clip_by_global_norm", "clip_by_value", "global_norm"]


def global_norm(tree: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    """Euclidean norm of all leaves taken as one vector.

        sqrt(sum_leaves sum_i x_i^2)

    Args:
      tree: arrays, a gradient; half precision is added up in float32.
    Returns: scalar, 0 for no leaves; float32, or float64 where a leaf is.
    Raises: TypeError if a leaf is no array of a floating dtype.
    Source: Pascanu et al. 2013, algorithm 1.
    """
    check_leaves("tree", tree)
    leaves = jax.tree.leaves(tree)
    dtype = functools.reduce(jnp.promote_types, (leaf.dtype for leaf in leaves), jnp.float32)
    squares = [jnp.sum(jnp.square(leaf.astype(dtype))) for leaf in leaves]
    return jnp.sqrt(sum(squares, start=jnp.zeros((), dtype)))


def clip_by_global_norm(max_norm: Scalar) -> optax.GradientTransformation:
    """A gradient longer than allowed, shortened in its own direction.

        g <- g min(1, c / ||g||)

    ||g|| is over all parameters together. PyTorch divides by ||g|| + 1e-6. A gradient that is not finite stays so.

    Args:
      max_norm: c, positive.
    Returns: a transformation without state.
    Raises: ValueError if `max_norm` is not positive and finite.
    Source: Pascanu et al. 2013, algorithm 1; notes 001 section 8.
    """
    check_range("max_norm", max_norm, 0, math.inf, open_low=True, open_high=True)

    def update(updates, state, params=None):
        del params
        check_leaves("updates", updates)
        norm = global_norm(updates)
        bound = jnp.asarray(max_norm, norm.dtype)
        # no division where nothing is cut: c / 0, and a short gradient stays as it is to the last bit
        scale = jnp.where(norm > bound, bound / norm, jnp.where(jnp.isnan(norm), norm, 1))
        return jax.tree.map(lambda g: scale.astype(g.dtype) * g, updates), state

    return optax.GradientTransformation(_no_state, update)


def clip_by_value(limit: Scalar) -> optax.GradientTransformation:
    """Every entry of the gradient cut to an interval; its direction changes.

        g_i <- max(-c, min(c, g_i))

    NaN stays, infinity becomes c.

    Args:
      limit: c, positive.
    Returns: a transformation without state.
    Raises: ValueError if `limit` is not positive and finite.
    Source: Mikolov 2012, section 3.2.2.
    """
    check_range("limit", limit, 0, math.inf, open_low=True, open_high=True)

    def update(updates, state, params=None):
        del params
        check_leaves("updates", updates)
        return jax.tree.map(
            lambda g: jnp.clip(g, -jnp.asarray(limit, g.dtype), jnp.asarray(limit, g.dtype)), updates
        ), state

    return optax.GradientTransformation(_no_state, update)


def _no_state(params: PyTree) -> optax.EmptyState:
    del params
    return optax.EmptyState()
