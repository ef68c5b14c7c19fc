"""Attention: scores of keys for a query, the weights that they make, and the mean of values under them."""

import math
from collections.abc import Mapping
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dlx.checks import check_choice, check_floating
from dlx.nn.masks import check_mask
from dlx.nn.softmax import softmax

__all__ = ["additive_scores", "attention_weights", "dot_product_attention", "dot_scores"]

FORBIDDEN = -1e9
"""What the notes add to the scores of keys that a query may not look at."""


def dot_scores(
    queries: Float[Array, "*batch queries features"],
    keys: Float[Array, "*batch keys features"],
    *,
    scaled: bool = False,
) -> Float[Array, "*batch queries keys"]:
    """Similarity of queries and keys by their dot products.

        e_ij = q_i^T k_j,    scaled: e_ij = q_i^T k_j / sqrt(features)

    The dot product of vectors of independent standard numbers has variance `features`; scaled it has 1, and the softmax
    of it keeps a gradient. Below float32 the products are summed in float32.

    Args:
      queries: (*batch, queries, features), decoder states s.
      keys: (*batch, keys, features), encoder states h.
      scaled: divide by the root of the features.
    Returns: (*batch, queries, keys), float32 at least.
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Luong et al. 2015, eq. 8; Vaswani et al. 2017, eq. 1; notes 001 section 11 (E61).
    """
    _check_pair("keys", keys, "queries", queries, last=True)
    wide = jnp.promote_types(jnp.result_type(queries, keys), jnp.float32)
    scores = jnp.einsum("...qf,...kf->...qk", queries, keys, preferred_element_type=wide)
    return scores / math.sqrt(queries.shape[-1]) if scaled else scores


def additive_scores(
    params: Mapping[str, Array],
    queries: Float[Array, "*batch queries features"],
    keys: Float[Array, "*batch keys key_features"],
) -> Float[Array, "*batch queries keys"]:
    """Similarity of queries and keys by a network of one hidden layer.

        e_ij = v^T tanh(q_i W_q + k_j W_k)

    Queries and keys may differ in their features.

    Args:
      params: {"query_kernel": (features, units), "key_kernel": (key_features, units), "vector": (units,)}.
      queries: (*batch, queries, features), decoder states s.
      keys: (*batch, keys, key_features), encoder states h.
    Returns: (*batch, queries, keys).
    Raises: ValueError if the shapes do not fit; TypeError if an array is not floating.
    Source: Bahdanau et al. 2015, appendix A.1.2; notes 001 section 11 (E61).
    """
    _check_pair("keys", keys, "queries", queries, last=False)
    names = ["key_kernel", "query_kernel", "vector"]
    if not isinstance(params, Mapping) or sorted(params) != names:
        came = sorted(params) if isinstance(params, Mapping) else type(params).__name__
        raise ValueError(f"params: got {came}, wanted {', '.join(names)}")
    units = params["vector"].shape[-1:]
    wanted = {"query_kernel": (queries.shape[-1], *units), "key_kernel": (keys.shape[-1], *units), "vector": units}
    for name, shape in wanted.items():
        check_floating(f"params[{name!r}]", params[name])
        if params[name].shape != shape or not units:
            raise ValueError(f"params[{name!r}]: got shape {params[name].shape}, wanted {shape or '(units,)'}")
    from_queries = (queries @ params["query_kernel"])[..., :, None, :]
    from_keys = (keys @ params["key_kernel"])[..., None, :, :]
    return jnp.tanh(from_queries + from_keys) @ params["vector"]


def attention_weights(
    scores: Float[Array, "*batch queries keys"],
    mask: Bool[Array, "..."] | None = None,
    *,
    masking: Literal["exclude", "additive"] = "exclude",
) -> Float[Array, "*batch queries keys"]:
    """Softmax of scores over the keys that the mask allows.

        exclude    a_ij = m_ij exp(e_ij) / sum_k m_ik exp(e_ik), and 0 if a query may look at nothing
        additive   a_ij = softmax_j(e_ij - 1e9 (1 - m_ij))

    "additive" is the notes' constant: it equals the other form where a query has a key left and scores are far below
    1e9. A query that has none spreads its weight over the forbidden keys, in float32 evenly, since 1e9 swallows the
    scores; -inf would make it NaN, as PyTorch's function does. The notes multiply scores by the constant, which gives
    forbidden keys with negative scores all the weight.

    Args:
      scores: (*batch, queries, keys).
      mask: bool, broadcasts to the shape of `scores`; True where a query may look. None allows all.
      masking: how what is forbidden is left out.
    Returns: the shape and dtype of `scores`; rows have the sum 1, or 0 where "exclude" has nothing left.
    Raises: ValueError if `mask` does not broadcast to `scores`, or `masking` is unknown; TypeError if `scores` are not
      floating or `mask` is not bool.
    Source: Vaswani et al. 2017, section 3.2.3; notes 001 section 11 (E54, E61).
    """
    check_floating("scores", scores)
    check_choice("masking", masking, ("exclude", "additive"))
    if scores.ndim < 2 or 0 in scores.shape[-1:]:
        raise ValueError(f"scores: got shape {scores.shape}, wanted (..., queries, keys) with at least one key")
    if mask is None:
        return softmax(scores)
    mask = broadcast_mask(mask, scores.shape)
    if masking == "additive":
        return softmax(scores + jnp.where(mask, 0, jnp.asarray(FORBIDDEN, scores.dtype)))
    # the lowest number and not -inf: a row of those would be NaN, and its gradient too
    weights = softmax(jnp.where(mask, scores, jnp.finfo(scores.dtype).min))
    return jnp.where(mask, weights, 0)


def dot_product_attention(
    queries: Float[Array, "*batch queries features"],
    keys: Float[Array, "*batch keys features"],
    values: Float[Array, "*batch keys outputs"],
    mask: Bool[Array, "..."] | None = None,
    *,
    masking: Literal["exclude", "additive"] = "exclude",
    return_weights: bool = False,
) -> Float[Array, "*batch queries outputs"] | tuple[Float[Array, "*batch queries outputs"], Array]:
    """Scaled dot-product attention: each query gets a mean of values, weighted by how its key fits.

        Z = softmax(Q K^T / sqrt(features)) V

    Heads are an axis of the batch: (batch, heads, time, features), as in PyTorch; JAX's own function has them behind
    the time. What a query may not look at is left out as `attention_weights` says; a query that may look at nothing
    gets 0. The notes print K's kernel for V too.

    Args:
      queries: (*batch, queries, features) Q.
      keys: (*batch, keys, features) K.
      values: (*batch, keys, outputs) V.
      mask: bool, broadcasts to (*batch, queries, keys); True where a query may look. None allows all.
      masking: see `attention_weights`.
      return_weights: give the weights as well.
    Returns: (*batch, queries, outputs), dtype of `values`; with `return_weights` (outputs, weights).
    Raises: ValueError if shapes do not fit or an option is unknown; TypeError if an array is of another kind.
    Source: Vaswani et al. 2017, eq. 1; notes 001 section 11 (E54, E56).
    """
    _check_pair("values", values, "keys", keys, last=False)
    if values.shape[:-1] != keys.shape[:-1]:
        raise ValueError(f"values: got shape {values.shape} for keys of shape {keys.shape}, wanted one for each key")
    weights = attention_weights(dot_scores(queries, keys, scaled=True), mask, masking=masking)
    outputs = jnp.einsum("...qk,...ko->...qo", weights.astype(values.dtype), values)
    return (outputs, weights) if return_weights else outputs


def broadcast_mask(mask: Array, shape: tuple[int, ...]) -> Array:
    """The mask in the shape of the scores."""
    check_mask("mask", mask)
    try:
        return jnp.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(
            f"mask: got shape {mask.shape}, wanted one that broadcasts to {shape}, (..., queries, keys)"
        ) from None


def _check_pair(name: str, value: Array, other_name: str, other: Array, *, last: bool) -> None:
    check_floating(other_name, other)
    check_floating(name, value)
    if value.ndim < 2 or value.ndim != other.ndim or value.shape[:-2] != other.shape[:-2]:
        raise ValueError(
            f"{name}: got shape {value.shape} for {other_name} of shape {other.shape}, wanted (..., {name}, features)"
            " with the same leading axes"
        )
    if last and value.shape[-1] != other.shape[-1]:
        raise ValueError(
            f"{name}: got shape {value.shape}, wanted {other.shape[-1]} features, as {other_name} have them"
        )
