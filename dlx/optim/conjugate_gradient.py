"""Linear systems with a symmetric positive definite matrix, by conjugate gradients."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from dlx.checks import check_count, check_function, check_range
from dlx.optim._checks import check_same_tree, check_tree
from dlx.optim._schedule import Scalar
from dlx.optim._tree import add, dot

__all__ = ["ConjugateGradient", "conjugate_gradient"]


class ConjugateGradient(NamedTuple):
    """What conjugate gradients found."""

    solution: PyTree[Float[Array, "..."]]
    """x, shaped as b."""
    steps: Int[Array, ""]
    """How many were made."""
    residual: Float[Array, ""]
    """||b - A x||, as the recursion carries it."""
    converged: Bool[Array, ""]
    """Whether it is small enough. Never for a direction with p^T A p <= 0, where the recursion stops."""


def conjugate_gradient(
    matvec: Callable[[PyTree], PyTree],
    b: PyTree[Float[Array, "..."]],
    *,
    x0: PyTree[Float[Array, "..."]] | None = None,
    tol: Scalar = 1e-5,
    max_steps: int | None = None,
) -> ConjugateGradient:
    """Solves A x = b, which is the minimum of x^T A x / 2 - b^T x, along directions that A makes orthogonal.

        alpha = r^T r / p^T A p        x <- x + alpha p        r' = r - alpha A p
        p <- r' + (r'^T r' / r^T r) p

    In exact arithmetic n steps are enough for n unknowns, and as many as A has different eigenvalues. It stops when
    ||r|| <= tol ||b||. Momentum is the same with fixed coefficients.

    Args:
      matvec: x -> A x, A symmetric and positive definite.
      b: an array of any shape, or a tree of them.
      x0: where to begin; zero if None.
      tol: relative tolerance; 0 makes every step.
      max_steps: the number of unknowns if None.
    Returns: `ConjugateGradient`.
    Raises: ValueError if a number is out of its range, or x0 or A x is not shaped as b; TypeError if one is not
      floating or `matvec` is no function.
    Source: Hestenes and Stiefel 1952; notes 004 "momentum".
    """
    check_function("matvec", matvec, "x -> A x")
    check_tree("b", b)
    check_range("tol", tol, 0, math.inf, open_high=True)
    if max_steps is None:
        max_steps = sum(leaf.size for leaf in jax.tree.leaves(b))
    check_count("max_steps", max_steps)
    x = jax.tree.map(jnp.zeros_like, b) if x0 is None else x0
    check_same_tree("x0", x, "b", b)
    check_same_tree("matvec", jax.eval_shape(matvec, x), "b", b)
    r = b if x0 is None else add(b, -1.0, matvec(x))
    norm = dot(b, b)
    enough = jnp.asarray(tol, norm.dtype) ** 2 * norm

    def goes_on(carry):
        _, _, _, square, steps, positive = carry
        return (square > enough) & (steps < max_steps) & positive

    def step(carry):
        x, r, p, square, steps, _ = carry
        product = matvec(p)
        curvature = dot(p, product)
        positive = curvature > 0
        alpha = jnp.where(positive, square / jnp.where(positive, curvature, 1), 0)
        r = add(r, -alpha, product)
        new = dot(r, r)
        return add(x, alpha, p), r, add(r, new / square, p), new, steps + positive, positive

    start = (x, r, r, dot(r, r), jnp.zeros((), jnp.int32), jnp.asarray(True))
    x, _, _, square, steps, _ = jax.lax.while_loop(goes_on, step, start)
    return ConjugateGradient(x, steps, jnp.sqrt(square), square <= enough)
