"""Learning rates of their own for parts of the parameters."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree

from dlx.checks import came, check_range
from dlx.optim._schedule import Scalar

__all__ = ["GroupsState", "groups"]


class GroupsState(NamedTuple):
    """State of `groups`."""

    inner: tuple[Any, ...]
    """One state for each pattern, in order, and one for the rest."""


def groups(
    rules: Mapping[str, Scalar | optax.GradientTransformation],
    *,
    default: Scalar | optax.GradientTransformation = 1.0,
) -> optax.GradientTransformation:
    """A factor, or an optimizer, for each group of parameters.

        u_i <- f_k u_i    for parameter i of group k

    Behind an optimizer in `optax.chain` a factor is the ratio of the group's learning rate to the common one; in fine
    tuning 1 for a new output layer and 0.001 for the layers below. In front of a scaled one (Adam) it would cancel.
    A factor 0 freezes: the update is zero whatever came in, NaN included.

        optax.chain(optim.adam(0.01), optim.groups({"^encoder/": 0.001}))
        optim.groups({"^encoder/": 0.0, "bias$": optim.sgd(0.1)}, default=optim.adam(0.001))

    Args:
      rules: {pattern: factor or transformation}. A pattern is a regular expression, searched in the parameter's path
        ("encoder/layers_0/kernel"); the first that is found counts.
      default: of the parameters that no pattern finds.
    Returns: a transformation with the state `GroupsState`.
    Raises: ValueError if there is no rule, a pattern is no regular expression or is left without a parameter, or a
      factor is negative or not finite; TypeError if `rules` are no mapping of words.
    Source: optax, `multi_transform`; notes 001 section 10, "fine-tuning".
    """
    if not isinstance(rules, Mapping):
        raise TypeError(f"rules: got {came(rules)}, wanted {{pattern: factor or transformation}}")
    if not rules:
        raise ValueError("rules: got none, wanted {pattern: factor or transformation}")
    for pattern in rules:
        if not isinstance(pattern, str):
            raise TypeError(f"rules: got the pattern {came(pattern)}, wanted a regular expression")
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"rules: got the pattern {pattern!r}, wanted a regular expression: {error}") from None
    members = [
        optax.with_extra_args_support(_transformation(name, rule))
        for name, rule in (*((f"rules[{pattern!r}]", rule) for pattern, rule in rules.items()), ("default", default))
    ]

    def init(params):
        labels = _labels(list(rules), params)
        return GroupsState(tuple(m.init(_part(params, labels, i)) for i, m in enumerate(members)))

    def update(updates, state, params=None, **extra):
        labels = _labels(list(rules), updates)
        leaves, tree = jax.tree.flatten(updates)
        inner = []
        for i, (member, own) in enumerate(zip(members, state.inner, strict=True)):
            part = None if params is None else _part(params, labels, i)
            changed, own = member.update(_part(updates, labels, i), own, part, **extra)
            places = [place for place, label in enumerate(labels) if label == i]
            for place, leaf in zip(places, jax.tree.leaves(changed), strict=True):
                leaves[place] = leaf
            inner.append(own)
        return jax.tree.unflatten(tree, leaves), GroupsState(tuple(inner))

    return optax.GradientTransformationExtraArgs(init, update)


def _transformation(name: str, rule: Any) -> optax.GradientTransformation:
    if isinstance(rule, optax.GradientTransformation):
        return rule
    check_range(name, rule, 0, math.inf, open_high=True)
    if not isinstance(rule, jax.Array) and rule == 0:
        return optax.set_to_zero()

    def scale(g: Array) -> Array:
        return jnp.asarray(rule, g.dtype) * g

    return optax.stateless(lambda updates, params: jax.tree.map(scale, updates))


def _labels(patterns: Sequence[str], params: PyTree) -> list[int]:
    """For each leaf the number of its pattern, that of the default if it has none."""
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree.leaves_with_path(params)]
    found = [[i for i, pattern in enumerate(patterns) if re.search(pattern, path)] for path in paths]
    labels = [numbers[0] if numbers else len(patterns) for numbers in found]
    for i, pattern in enumerate(patterns):
        if i not in labels:
            taken = "earlier patterns have what it finds" if any(i in numbers for numbers in found) else "none has it"
            raise ValueError(
                f"rules: got the pattern {pattern!r}, wanted one of a parameter ({taken}); there are {', '.join(paths)}"
            )
    return labels


def _part(tree: PyTree, labels: Sequence[int], number: int) -> PyTree:
    """The tree with other groups' leaves replaced by nodes without leaves, so that paths stay as they are."""
    leaves, structure = jax.tree.flatten(tree)
    kept = [leaf if label == number else optax.MaskedNode() for leaf, label in zip(leaves, labels, strict=True)]
    return jax.tree.unflatten(structure, kept)
