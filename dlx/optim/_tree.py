"""Vectors that are trees of arrays."""

import functools
import operator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def dot(a: PyTree, b: PyTree) -> Float[Array, ""]:
    """Inner product."""
    return functools.reduce(operator.add, (jnp.vdot(x, y) for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True)))


def add(a: PyTree, scale: Float[Array, ""] | float, b: PyTree) -> PyTree:
    """A + scale b, in the dtypes of a."""
    return jax.tree.map(lambda x, y: x + jnp.asarray(scale, x.dtype) * y, a, b)


def choose(condition: Array, a: PyTree, b: PyTree) -> PyTree:
    """A where the scalar condition holds, else b."""
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
