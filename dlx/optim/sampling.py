"""Gradients estimated from a sample of the examples."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from dlx.checks import check_array, check_count, check_function, check_key, check_not_scalar
from dlx.optim._checks import check_tree

__all__ = ["minibatch_gradient", "sample_minibatch"]


def sample_minibatch(
    key: Key[Array, ""], examples: int, batch_size: int, *, replace: bool = False
) -> Int[Array, "{batch_size}"]:
    """Numbers of the examples of one minibatch, drawn uniformly.

    Batches drawn so are independent of each other; an epoch, each example once, is `dlx.data.epoch_order`.

    Args:
      key: a key.
      examples: n.
      batch_size: B; at most n without replacement.
      replace: an example may come twice.
    Returns: (B,) integers in [0, n).
    Raises: ValueError if a count is not positive, or B > n without replacement; TypeError if one is no int.
    Source: Bottou 2010, section 2; notes 001 section 9.
    """
    check_key("key", key)
    check_count("examples", examples)
    check_count("batch_size", batch_size)
    if not replace and batch_size > examples:
        raise ValueError(f"batch_size: got {batch_size}, wanted at most {examples} examples without replacement")
    if replace:
        return jax.random.randint(key, (batch_size,), 0, examples)
    return jax.random.permutation(key, examples)[:batch_size]


def minibatch_gradient(
    key: Key[Array, ""],
    loss: Callable[[PyTree, PyTree], Float[Array, ""]],
    params: PyTree[Float[Array, "..."]],
    examples: PyTree[Array],
    *,
    batch_size: int = 1,
    replace: bool = False,
) -> PyTree[Float[Array, "..."]]:
    """The gradient of the mean loss over a random minibatch: an unbiased estimate of the full one.

        g = 1/B sum_(j in batch) grad J_j,    E g = grad J
        Var g = sigma^2 / B with replacement,  sigma^2 / B (n - B) / (n - 1) without

    sigma^2 is the variance of grad J_j over the n examples. B = 1 is stochastic gradient descent; what the notes call
    batch gradient descent is B > 1, and B = n without replacement is the full gradient.

    Args:
      key: a key.
      loss: (params, one example) -> loss of that example.
      params: what to differentiate for.
      examples: arrays (n, ...).
      batch_size: B.
      replace: an example may come twice.
    Returns: shaped as `params`.
    Raises: ValueError if B is not positive, or larger than n without replacement, or the leading axes differ; TypeError
      if `loss` is no function, `params` are not floating or `examples` no arrays.
    Source: Robbins and Monro 1951; Bottou 2010; notes 001 section 9.
    """
    check_key("key", key)
    check_function("loss", loss, "(params, one example) -> loss of that example")
    check_tree("params", params)
    for leaf in jax.tree.leaves(examples):
        check_array("examples", leaf)
        check_not_scalar("examples", leaf, "arrays (n, ...)")
    sizes = sorted({leaf.shape[0] for leaf in jax.tree.leaves(examples)})
    if len(sizes) != 1:
        raise ValueError(f"examples: got leading axes {sizes}, wanted one and the same for all arrays")
    chosen = sample_minibatch(key, sizes[0], batch_size, replace=replace)
    batch = jax.tree.map(lambda leaf: leaf[chosen], examples)
    return jax.grad(lambda p: jnp.mean(jax.vmap(loss, (None, 0))(p, batch)))(params)
