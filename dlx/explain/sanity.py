"""Whether an explanation depends on what the model has learned."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Key, PyTree

from dlx.checks import check_floating, check_key, check_same_shape

__all__ = ["randomised", "rank_correlation", "weight_randomisation"]


def rank_correlation(
    first: Float[Array | np.ndarray, "batch *places"], second: Float[Array | np.ndarray, "batch *places"]
) -> Float[Array, "batch"]:
    """Spearman's correlation of two maps of each example.

        rho = corr(rank(first), rank(second)),    equal values share the mean of their ranks

    Args:
      first: (batch, ...).
      second: the same shape.
    Returns: (batch,) in [-1, 1]; NaN where a map has one value only.
    Raises: ValueError if shapes differ or there are no places; TypeError if arrays are not floating.
    Source: Spearman 1904; Adebayo et al. 2018, section 4.
    """
    for name, maps in (("first", first), ("second", second)):
        check_floating(name, maps)
        if len(maps.shape) < 2:
            raise ValueError(f"{name}: got shape {maps.shape}, wanted (batch, ...)")
    check_same_shape("second", second, "first", first)

    def one(a: Array, b: Array) -> Array:
        a, b = _centred_ranks(a.reshape(-1)), _centred_ranks(b.reshape(-1))
        return jnp.sum(a * b) / jnp.sqrt(jnp.sum(a * a) * jnp.sum(b * b))

    return jax.vmap(one)(jnp.asarray(first), jnp.asarray(second))


def _centred_ranks(values: Array) -> Array:
    """Ranks scaled to [-1, 1], so that their products do not overflow half precision."""
    ordered = jnp.sort(values)
    below = jnp.searchsorted(ordered, values, side="left")
    up_to = jnp.searchsorted(ordered, values, side="right")
    dtype = jnp.promote_types(values.dtype, jnp.float32)
    return (below + up_to - values.size).astype(dtype) / values.size


def randomised(key: Key[Array, ""], params: PyTree, prefix: str) -> PyTree:
    """Parameters with those of one layer shuffled.

    Each array below `prefix` has its entries in random order: size and spread stay, what was learned goes. An array
    whose entries are all equal, as a bias that was never trained, stays as it is.

    Args:
      key: of the shuffling.
      params: parameters of a model.
      prefix: path of the layer, as "dense_0" or "block_1/conv_0".
    Returns: the same tree.
    Raises: ValueError if nothing in `params` is below `prefix`.
    Source: Adebayo et al. 2018, section 4; shuffled weights, ibid., appendix.
    """
    check_key("key", key)
    leaves, tree = jax.tree_util.tree_flatten_with_path(params)
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    below = [path == prefix or path.startswith(f"{prefix}/") for path in paths]
    if not any(below):
        raise ValueError(f"prefix: got {prefix!r}, wanted the path of a layer; there are {', '.join(paths)}")
    arrays = [
        jax.random.permutation(jax.random.fold_in(key, number), leaf.reshape(-1)).reshape(leaf.shape)
        if inside
        else leaf
        for number, ((_, leaf), inside) in enumerate(zip(leaves, below, strict=True))
    ]
    return jax.tree.unflatten(tree, arrays)


def weight_randomisation(
    key: Key[Array, ""],
    explain: Callable[[PyTree], Array],
    params: PyTree,
    *,
    layers: Sequence[str | Sequence[str]],
    cascade: bool = True,
    absolute: bool = True,
) -> Float[Array, "layers batch"]:
    """The sanity check of an explanation: how alike its maps are before and after weights are made random.

        out_n = rank_correlation(explain(params), explain(params with layers[0..n] randomised))

    An explanation of what the model has learned falls to about 0; one that stays near 1 draws edges of the image.

    Args:
      key: of the random weights.
      explain: params -> maps (batch, ...), of fixed inputs and labels.
      params: of the trained model.
      layers: paths of layers, from the output down; those of one entry, as a convolution and its norm, go together.
      cascade: randomise entry by entry, keeping those above random; False: one entry at a time.
      absolute: compare absolute values, as for gradients; False compares signed maps.
    Returns: (layers, batch) rank correlations.
    Raises: ValueError if there are no layers or one does not exist.
    Source: Adebayo et al. 2018, section 4.
    """
    check_key("key", key)
    if not layers or isinstance(layers, str):
        raise ValueError(f"layers: got {layers!r}, wanted the paths of one or more layers")

    def shown(weights: PyTree) -> Array:
        maps = explain(weights)
        return jnp.abs(maps) if absolute else maps

    before, weights, found = shown(params), params, []
    for number, layer in enumerate(layers):
        own, weights = jax.random.fold_in(key, number), weights if cascade else params
        for part, path in enumerate((layer,) if isinstance(layer, str) else layer):
            one = own if isinstance(layer, str) else jax.random.fold_in(own, part)
            weights = randomised(one, weights, path)
        found.append(rank_correlation(before, shown(weights)))
    return jnp.stack(found)
