"""Attention with several heads, and the cache of keys and values that makes decoding cheap."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_count, check_floating, is_known
from dlx.nn.attention import dot_product_attention
from dlx.nn.linear import affine
from dlx.nn.masks import check_mask
from dlx.nn.rotary import rotate_positions

__all__ = ["KeyValueCache", "multi_head_attention", "project_memory", "write_cache"]

PARTS = ("query", "key", "value", "output")


class KeyValueCache(NamedTuple):
    """Keys and values of all heads, (batch, heads, time, features) each."""

    keys: Float[Array, "..."]
    values: Float[Array, "..."]


def multi_head_attention(
    params: Mapping[str, Array],
    inputs: Float[Array, "batch queries features"],
    memory: Float[Array, "batch keys memory_features"] | KeyValueCache | None = None,
    mask: Bool[Array, "..."] | None = None,
    *,
    num_heads: int = 8,
    masking: Literal["exclude", "additive"] = "exclude",
    rotary: Float[Array, "length head_features"] | None = None,
    offset: int | Integer[Array, ""] | None = None,
    return_weights: bool = False,
) -> Float[Array, "batch queries outputs"] | tuple[Float[Array, "batch queries outputs"], Array]:
    """Several attentions beside each other, each in a subspace of its own.

        Z_h = attention(X W^Q_h, M W^K_h, M W^V_h),    Z = [Z_1, ..., Z_H] W^O

    with M = X (self-attention) or the memory (cross-attention). A kernel holds its heads beside each other: head h has
    columns h d to (h + 1) d of W^Q, d = width / H, as in PyTorch's MultiheadAttention. The notes' sizes of one head,
    (D / H, d_h), and of the output are not those of the paper, which these are.

    Args:
      params: {"query_kernel": (features, width), "key_kernel" and "value_kernel": (memory_features, width),
        "output_kernel": (width, outputs)}, and with them, all four or none, "query_bias", "key_bias", "value_bias":
        (width,) and "output_bias": (outputs,).
      inputs: (batch, queries, features) X.
      memory: (batch, keys, memory_features) M; None for `inputs`; or what `project_memory` made of it once for many
        calls.
      mask: bool, (queries, keys), or (batch or 1, queries or 1, keys), the same for all heads; True where a query may
        look.
      num_heads: H, divides the width.
      masking: see `attention_weights`.
      rotary: table of `sinusoidal_encoding` for the features of one head: queries and keys are turned by their
        positions, see `rotate_positions`. For self-attention; a cache has turned its keys already.
      offset: position of the first query (and key) in that table, None for 0.
      return_weights: give the weights (batch, num_heads, queries, keys) as well.
    Returns: (batch, queries, outputs); with `return_weights` (outputs, weights).
    Raises: ValueError if shapes do not fit, parameters are missing or an option is unknown; TypeError if an array is
      of another kind.
    Source: Vaswani et al. 2017, section 3.2.2; notes 001 section 11 (E56).
    """
    _check_params(params, num_heads)
    _check_sequence("inputs", inputs, params["query_kernel"])
    if rotary is not None and not (memory is None or isinstance(memory, KeyValueCache)):
        raise ValueError("rotary: got a memory beside it, whose places are not those of the inputs, wanted None")
    queries = _split(affine(inputs, params["query_kernel"], params.get("query_bias")), num_heads)
    if rotary is not None:
        queries = rotate_positions(queries, rotary, offset)
    if not isinstance(memory, KeyValueCache):
        kept = inputs if memory is None else memory
        memory = project_memory(params, kept, num_heads=num_heads, rotary=rotary, offset=offset)
    if mask is not None:
        check_mask("mask", mask)
        if mask.ndim > 3:
            raise ValueError(f"mask: got shape {mask.shape}, wanted (queries, keys) or (batch, queries, keys)")
        mask = mask[:, None] if mask.ndim == 3 else mask
    outputs, weights = dot_product_attention(
        queries, memory.keys, memory.values, mask, masking=masking, return_weights=True
    )
    merged = jnp.moveaxis(outputs, -3, -2).reshape(*inputs.shape[:2], -1)
    outputs = affine(merged, params["output_kernel"], params.get("output_bias"))
    return (outputs, weights) if return_weights else outputs


def project_memory(
    params: Mapping[str, Array],
    memory: Float[Array, "batch keys memory_features"],
    *,
    num_heads: int = 8,
    rotary: Float[Array, "length head_features"] | None = None,
    offset: int | Integer[Array, ""] | None = None,
) -> KeyValueCache:
    """Keys and values of all heads.

        K_h = M W^K_h + b^K_h,    V_h = M W^V_h + b^V_h

    Args:
      params: as `multi_head_attention` has them.
      memory: (batch, keys, memory_features) M.
      num_heads: H.
      rotary: see `multi_head_attention`; turns the keys.
      offset: position of the first of them.
    Returns: KeyValueCache(keys, values), both (batch, num_heads, keys, width / num_heads).
    Raises: ValueError if shapes do not fit; TypeError if an array is not floating.
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    _check_params(params, num_heads)
    _check_sequence("memory", memory, params["key_kernel"])
    keys, values = (
        _split(affine(memory, params[f"{p}_kernel"], params.get(f"{p}_bias")), num_heads) for p in ("key", "value")
    )
    return KeyValueCache(keys if rotary is None else rotate_positions(keys, rotary, offset), values)


def write_cache(cache: KeyValueCache, new: KeyValueCache, position: int | Integer[Array, ""]) -> KeyValueCache:
    """The cache with the keys and values of further places in it.

        K[position : position + n] = K_new,    V likewise

    Behind them the cache holds whatever it held: a causal mask with `offset` keeps queries away from it.

    Args:
      cache: arrays (batch, heads, length, features); zeros at the start.
      new: arrays (batch, heads, n, features), as `project_memory` makes them.
      position: of the first one. In a compiled function, where it cannot be looked at, one that leads over the end
        writes NaN.
    Returns: the cache, shapes as before.
    Raises: ValueError if shapes do not fit or the new places do not.
    Source: Shazeer 2019, section 2.4 (incremental decoding).
    """
    length, places = cache.keys.shape[-2], new.keys.shape[-2]
    for name, old, part in zip(cache._fields, cache, new, strict=True):
        if old.ndim != 4 or part.shape != (*old.shape[:2], places, old.shape[3]):
            raise ValueError(f"new.{name}: got shape {part.shape} for a cache of shape {old.shape}")
    if is_known(position) and not 0 <= int(position) <= length - places:
        raise ValueError(f"position: got {int(position)} for {places} places, wanted 0..{length - places}: the cache"
                         f" holds {length}")  # fmt: skip
    # the update alone would be shifted back to fit
    fits = (position >= 0) & (position <= length - places)
    start = tuple(jnp.asarray(place, jnp.int32) for place in (0, 0, position, 0))
    written = [
        lax.dynamic_update_slice(old, jnp.where(fits, part, jnp.nan).astype(old.dtype), start)
        for old, part in zip(cache, new, strict=True)
    ]
    return KeyValueCache(*written)


def _split(projected: Array, num_heads: int) -> Array:
    """(batch, time, width) -> (batch, heads, time, width / heads)."""
    shape = (*projected.shape[:-1], num_heads, projected.shape[-1] // num_heads)
    return jnp.moveaxis(projected.reshape(shape), -2, -3)


def _check_sequence(name: str, value: Array, kernel: Array) -> None:
    check_floating(name, value)
    if value.ndim != 3 or value.shape[-1] != kernel.shape[0]:
        raise ValueError(f"{name}: got shape {value.shape}, wanted (batch, time, {kernel.shape[0]})")
    if 0 in value.shape:
        raise ValueError(f"{name}: got shape {value.shape}, an empty batch or time")


def _check_params(params: Mapping[str, Array], num_heads: int) -> None:
    check_count("num_heads", num_heads)
    kernels, biases = {f"{part}_kernel" for part in PARTS}, {f"{part}_bias" for part in PARTS}
    if not isinstance(params, Mapping) or set(params) not in (kernels, kernels | biases):
        came = sorted(params) if isinstance(params, Mapping) else type(params).__name__
        raise ValueError(f"params: got {came}, wanted {', '.join(sorted(kernels))}, and their biases, all or none")
    for name, value in params.items():
        check_floating(f"params[{name!r}]", value)
        if value.ndim != (2 if name in kernels else 1):
            wanted_axes = "two axes" if name in kernels else "one axis"
            raise ValueError(f"params[{name!r}]: got shape {value.shape}, wanted {wanted_axes}")
    width = params["query_kernel"].shape[1]
    if width % num_heads:
        raise ValueError(f"num_heads: got {num_heads}, wanted a divisor of {width}, the columns of query_kernel")
    memory = params["key_kernel"].shape[0]
    wanted = {"key_kernel": (memory, width), "value_kernel": (memory, width), "query_bias": (width,),
              "key_bias": (width,), "value_bias": (width,), "output_bias": params["output_kernel"].shape[1:],
              "output_kernel": (width, params["output_kernel"].shape[1])}  # fmt: skip
    for name, shape in wanted.items():
        if name in params and params[name].shape != shape:
            raise ValueError(f"params[{name!r}]: got shape {params[name].shape}, wanted {shape}")
