"""Matching of descriptors: distances by one matrix product, nearest neighbours, ratio test, mutual matches."""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from dlx.checks import check_choice, check_floating, check_range
from dlx.image._solve import HIGHEST
from dlx.image.brief import hamming_distances

__all__ = ["Matches", "match_descriptors", "nearest_matches", "squared_distances"]

Mask = Bool[Array | np.ndarray, "..."] | None


class Matches(NamedTuple):
    """For each descriptor of the first set its partner in the second; meaningless where `valid` is False.

    Fields:
      partner: (first,) number of the nearest in the second set.
      distance: (first,) to it.
      second_distance: (first,) to the second nearest, infinite (the largest number of an integer dtype) where there
        is none.
      valid: (first,) whether the match passed every test.
    """

    partner: Int[Array, "first"]
    distance: Num[Array, "first"]
    second_distance: Num[Array, "first"]
    valid: Bool[Array, "first"]


def squared_distances(
    first: Float[Array | np.ndarray, "first features"], second: Float[Array | np.ndarray, "second features"]
) -> Float[Array, "first second"]:
    """Squared Euclidean distances between all pairs of rows, by one matrix product.

        d_ij = ||a_i||^2 + ||b_j||^2 - 2 a_i . b_j,    not below 0

    The subtraction leaves an error of a few eps (||a||^2 + ||b||^2): descriptors of unit length that are closer than
    5e-4 look equal in float32.

    Args:
      first: (first, features) a.
      second: (second, features) b.
    Returns: (first, second) d, dtype of `first`.
    Raises: ValueError if the numbers of features differ; TypeError if they are not floating.
    Source: notes 001 section 14, keypoint matching.
    """
    check_floating("first", first)
    check_floating("second", second)
    first, second = jnp.asarray(first), jnp.asarray(second).astype(jnp.result_type(first))
    _check_rows(first, second)
    product = jnp.matmul(first, second.T, precision=HIGHEST)
    sums = jnp.sum(first**2, axis=1)[:, None], jnp.sum(second**2, axis=1)[None]
    shape = product.shape
    return jnp.maximum(jnp.broadcast_to(sums[0], shape) + jnp.broadcast_to(sums[1], shape) - 2 * product, 0)


def nearest_matches(
    distances: Num[Array | np.ndarray, "first second"],
    first_valid: Mask = None,
    second_valid: Mask = None,
    *,
    ratio: float | None = None,
    mutual: bool = False,
    max_distance: float | None = None,
) -> Matches:
    """Nearest neighbours in a table of distances, and the tests that they must pass.

        j(i) = argmin_j d_ij,    ratio: d_i,j(i) < ratio d_i,second nearest,    mutual: argmin_i' d_i',j(i) = i

    Of equal distances the first counts. Where the second set has one valid row only there is no second nearest, and
    the ratio test passes.

    Args:
      distances: (first, second) d >= 0, floating or integer.
      first_valid: (first,) rows that exist; None: all.
      second_valid: (second,) columns that exist; None: all.
      ratio: of the ratio test, in (0, 1]; Lowe's 0.8 is for distances, 0.64 for squared ones. None: no test.
      mutual: keep a match only if its partner's nearest is it.
      max_distance: keep matches no farther than this. None: any.
    Returns: `Matches`, one for each row.
    Raises: ValueError if the table is empty or not two-dimensional, a mask does not fit, or an option is out of range.
    Source: Lowe 2004, section 7.1; notes 001 section 14.
    """
    distances = jnp.asarray(distances)
    if distances.ndim != 2 or 0 in distances.shape:
        raise ValueError(f"distances: got shape {distances.shape}, wanted (first, second), neither of them 0")
    if ratio is not None:
        check_range("ratio", ratio, 0, 1, open_low=True)
    if max_distance is not None:
        check_range("max_distance", max_distance, 0, float("inf"))
    first_mask = _mask("first_valid", first_valid, distances.shape[0])
    second_mask = _mask("second_valid", second_valid, distances.shape[1])
    return _nearest(distances, first_mask, second_mask, ratio=ratio, mutual=mutual, max_distance=max_distance)


def _mask(name: str, mask: Mask, size: int) -> Array | None:
    if mask is None:
        return None
    if jnp.shape(mask) != (size,):
        raise ValueError(f"{name}: got shape {jnp.shape(mask)}, wanted ({size},)")
    return jnp.asarray(mask, bool)


@partial(jax.jit, static_argnames="mutual")
def _nearest(distances, first_valid, second_valid, *, ratio, mutual, max_distance) -> Matches:
    far = _far(distances.dtype)
    allowed = distances
    if second_valid is not None:
        allowed = jnp.where(second_valid[None], allowed, far)
    if first_valid is not None:
        allowed = jnp.where(first_valid[:, None], allowed, far)
    best, index, second = _two_smallest(allowed)
    # a NaN compares as False
    valid = best < far
    if ratio is not None:
        exact = jnp.promote_types(distances.dtype, jnp.float32)
        limit = jnp.asarray(ratio, exact) * second.astype(exact)
        valid = valid & ((best.astype(exact) < limit) | (second == far))
    if mutual:
        back = _first_smallest(allowed, axis=0)
        valid = valid & (back[index] == jnp.arange(len(index), dtype=jnp.int32))
    if max_distance is not None:
        valid = valid & (best <= max_distance)
    return Matches(index, best, second, valid)


def _far(dtype) -> jax.Array:
    """A distance that is none."""
    return jnp.asarray(jnp.inf if jnp.issubdtype(dtype, jnp.inexact) else jnp.iinfo(dtype).max, dtype)


def _two_smallest(table: Array) -> tuple[Array, Array, Array]:
    """The smallest entry of each row, where it stands first, and the smallest of the others."""
    index = _first_smallest(table, axis=1)
    best = jnp.take_along_axis(table, index[:, None], axis=1)[:, 0]
    columns = jax.lax.broadcasted_iota(jnp.int32, table.shape, 1)
    others = jnp.where(columns == index[:, None], _far(table.dtype), table)
    return best, index, jnp.min(others, axis=1)


def _first_smallest(table: Array, *, axis: int) -> Array:
    """Where the minimum stands first; two plain reductions, which XLA vectorises on a CPU, unlike its argmin."""
    table = jax.lax.stop_gradient(table)
    places = jax.lax.broadcasted_iota(jnp.int32, table.shape, axis)
    least = jnp.min(table, axis=axis, keepdims=True)
    found = jnp.min(jnp.where(table == least, places, table.shape[axis]), axis=axis)
    return jnp.minimum(found, table.shape[axis] - 1)  # a row of NaN equals nothing


def match_descriptors(
    first: Num[Array | np.ndarray, "first features"],
    second: Num[Array | np.ndarray, "second features"],
    first_valid: Mask = None,
    second_valid: Mask = None,
    *,
    metric: Literal["euclidean", "hamming"] = "euclidean",
    ratio: float | None = None,
    mutual: bool = False,
    max_distance: float | None = None,
) -> Matches:
    """Each descriptor's nearest neighbour in another image.

        euclidean: ||a_i - b_j||,    hamming: number of bits in which a_i and b_j differ

    Args:
      first: (first, features) descriptors; floating for "euclidean", packed bits in uint32 for "hamming".
      second: (second, features) descriptors of the other image.
      first_valid: (first,) descriptors that exist; None: all.
      second_valid: (second,) descriptors that exist; None: all.
      metric: "euclidean" or "hamming".
      ratio: keep a match if it is nearer than `ratio` times the second nearest (Lowe: 0.8). None: no test.
      mutual: keep a match only if its partner's nearest is it.
      max_distance: keep matches no farther than this. None: any.
    Returns: `Matches`; `distance` is differentiable for "euclidean" (with derivative 0 at distance 0).
    Raises: ValueError if the descriptors differ in length, a set is empty, a mask does not fit, or an option is out of
      range; TypeError if the dtype is not the metric's.
    Source: Lowe 2004, section 7.1; Calonder et al. 2010; notes 001 section 14.
    """
    check_choice("metric", metric, ("euclidean", "hamming"))
    if metric == "hamming":
        return nearest_matches(
            hamming_distances(first, second), first_valid, second_valid, ratio=ratio, mutual=mutual,
            max_distance=max_distance,
        )  # fmt: skip
    if ratio is not None:
        check_range("ratio", ratio, 0, 1, open_low=True)
    if max_distance is not None:
        check_range("max_distance", max_distance, 0, float("inf"))
    # the square root of the two that are kept, not of the table
    matches = nearest_matches(
        squared_distances(first, second),
        first_valid,
        second_valid,
        ratio=None if ratio is None else ratio**2,
        mutual=mutual,
        max_distance=None if max_distance is None else max_distance**2,
    )
    return matches._replace(distance=_root(matches.distance), second_distance=_root(matches.second_distance))


def _root(square: Array) -> Array:
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1)), 0)


def _check_rows(first: Array, second: Array) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"second: got shape {second.shape} for first of shape {first.shape}, wanted (first, features) and"
            " (second, features) with as many features"
        )
