"""Points of the plane, one by one or in pairs: what they are, and the checks that all functions of them share."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

Points = Float[Array | np.ndarray, "pairs 2"]
Weights = Num[Array | np.ndarray, "pairs"] | Bool[Array | np.ndarray, "pairs"] | None
Matrix = Float[Array | np.ndarray, "3 3"]


def check_pairs(source: Points, target: Points, weights: Weights, *, least: int) -> tuple[Array, Array, Array]:
    """Points of one dtype and weights, ones where there are none; refuses too few and unpaired ones."""
    check_solvable("source", source)
    check_solvable("target", target)
    source = jnp.asarray(source)
    target = jnp.asarray(target).astype(source.dtype)
    if source.ndim != 2 or source.shape[1] != 2:
        raise ValueError(f"source: got shape {source.shape}, wanted (pairs, 2)")
    if source.shape != target.shape:
        raise ValueError(f"target: got shape {target.shape}, wanted {source.shape}, that of source: points are pairs")
    if source.shape[0] < least:
        raise ValueError(f"source: got {source.shape[0]} pairs of points, wanted at least {least}")
    if weights is None:
        return source, target, jnp.ones(source.shape[0], source.dtype)
    if jnp.shape(weights) != source.shape[:1]:
        raise ValueError(f"weights: got shape {jnp.shape(weights)}, wanted {source.shape[:1]}, one for each pair")
    weights = jnp.asarray(weights).astype(source.dtype)
    # what has no weight may hold anything
    kept = (weights > 0)[:, None]
    return jnp.where(kept, source, 0), jnp.where(kept, target, 0), jnp.where(kept[:, 0], weights, 0)


def check_matrix(name: str, matrix: Any) -> None:
    """Refuse what is no (3, 3) matrix."""
    if jnp.shape(matrix) != (3, 3):
        raise ValueError(
            f"{name}: got shape {jnp.shape(matrix)}, wanted (3, 3); an affine map gets the last row (0, 0, 1)"
        )


def check_points(name: str, points: Any, size: int = 2) -> None:
    """Refuse what is no list of points."""
    shape = jnp.shape(points)
    if len(shape) != 2 or shape[1] != size:
        one = f"; one point is {name}[None]" if shape == (size,) else ""
        raise ValueError(f"{name}: got shape {shape}, wanted (points, {size}){one}")


def check_solvable(name: str, value: Num[Array | np.ndarray, "..."]) -> None:
    """Refuse what LAPACK does not solve in."""
    if jnp.result_type(value) not in (jnp.float32, jnp.float64):
        raise TypeError(f"{name}: got dtype {jnp.result_type(value)}, wanted float32 or float64")
