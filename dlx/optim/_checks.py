"""Checks that the optimizers share: functions, trees of arrays, gradients."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from dlx.checks import check_floating, check_function


def check_scalar(name: str, shape: tuple[int, ...]) -> None:
    """Refuse a function whose value is no scalar."""
    if shape != ():
        raise ValueError(f"{name}: got a value of shape {shape}, wanted a scalar")


def check_descent(function: Any, name: str, start: PyTree) -> None:
    """Refuse what is no function from a point to a scalar, and a start that is no point."""
    check_function("function", function, "from a point to a scalar")
    check_tree(name, start)
    check_scalar("function", jnp.shape(jax.eval_shape(function, start)))


def check_tree(name: str, tree: PyTree) -> None:
    """Refuse no leaves, and leaves that are not floating."""
    if not jax.tree.leaves(tree):
        raise ValueError(f"{name}: got no arrays, wanted one at least")
    check_leaves(name, tree)


def check_same_tree(name: str, tree: PyTree, other_name: str, other: PyTree) -> None:
    """Refuse a tree of other arrays than another has."""
    check_tree(name, tree)
    structure: Any = jax.tree.structure(tree)
    wanted: Any = jax.tree.structure(other)
    if structure != wanted:
        raise ValueError(f"{name}: got the tree {structure}, wanted {wanted}, that of {other_name}")
    shapes, of_other = (jax.tree.map(lambda leaf: leaf.shape, one) for one in (tree, other))
    if shapes != of_other:
        raise ValueError(f"{name}: got shape {shapes}, wanted {of_other}, the shape of {other_name}")


def check_leaves(name: str, tree: PyTree) -> None:
    """Refuse leaves that are not floating: in the dtype of integers a rate below 1 is 0."""
    for leaf in jax.tree.leaves(tree):
        check_floating(name, leaf)


def check_updates(updates: PyTree, like: PyTree, *, name: str = "updates") -> None:
    """Refuse updates that do not have the tree and the shapes of the parameters: they would be broadcast, unseen."""
    check_leaves(name, updates)
    structure: Any = jax.tree.structure(updates)
    wanted: Any = jax.tree.structure(like)
    if structure != wanted:
        raise ValueError(f"{name}: {_difference(updates, like)}")
    for (path, leaf), other in zip(jax.tree.leaves_with_path(updates), jax.tree.leaves(like), strict=True):
        if leaf.shape != jnp.shape(other):
            place = f"{_path(path)}: " if path else ""
            raise ValueError(f"{name}: {place}got shape {leaf.shape}, wanted {jnp.shape(other)}")


def _difference(updates: PyTree, like: PyTree) -> str:
    """The first leaf that only one of two trees has; the trees themselves where the leaves have the same paths."""
    came, wanted = ([_path(path) for path, _ in jax.tree.leaves_with_path(tree)] for tree in (updates, like))
    for path in wanted:
        if path not in came:
            return f"got no {path or 'single array'}, wanted the tree of the parameters"
    for path in came:
        if path not in wanted:
            return f"got {path or 'a single array'}, which the parameters do not have"
    return f"got the tree {jax.tree.structure(updates)}, wanted {jax.tree.structure(like)}"


def _path(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
