"""Dropout of units and of weights, with masks that do not depend on how a batch is cut over devices."""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from dlx.checks import check_choice, check_count, check_floating, check_key, check_range, is_known

__all__ = ["drop_connect", "dropout", "example_keys"]


def example_keys(key: Key[Array, ""], count: int, *, axis_name: str | None = None) -> Key[Array, "{count}"]:
    """One random key per example of a batch, from its number in the global batch.

        key_i = fold_in(key, d count + i)    on device d of the mapped axis

    A global batch cut over devices draws the same numbers for every example as the whole batch on one device.

    Args:
      key: the key of the whole batch, equal on all devices.
      count: examples on this device, equal on all devices.
      axis_name: the mapped axis over which the batch is cut, None if it is not.
    Returns: (count,) keys.
    Raises: ValueError if `count` is not positive or `key` has an axis; TypeError if `key` is not a typed key.
    Source: counter-based random numbers, Salmon et al. 2011.
    """
    check_count("count", count)
    if check_key("key", key).ndim:
        raise ValueError(f"key: got shape {key.shape}, wanted one key")
    index = jnp.arange(count)
    if axis_name is not None:
        index = index + lax.axis_index(axis_name) * count
    return jax.vmap(jax.random.fold_in, (None, 0))(key, index)


def dropout(
    key: Key[Array, ""] | Key[Array, "batch"] | None,
    inputs: Float[Array, "*shape"],
    *,
    rate: float = 0.5,
    mode: Literal["inverted", "classic"] = "inverted",
    train: bool,
) -> Float[Array, "*shape"]:
    """Set each unit to zero with probability `rate` during training.

        inverted   train: m x / (1 - p)    test: x               m ~ Bernoulli(1 - p)
        classic    train: m x              test: (1 - p) x

    In both a unit has the same expectation in training and test. The notes scale in training and again at test, by p:
    each mode scales once, the classic one by 1 - p. A unit that is off passes no gradient.

    Args:
      key: (batch,) keys, one for each row of `inputs` (`example_keys`), or one key for all of them; None if no mask is
        drawn.
      inputs: any shape.
      rate: p, the probability that a unit is off, in [0, 1).
      mode: where the scale is applied.
      train: draw a mask, or compute the test-time value.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if `rate`, `mode` or the number of keys does not fit; TypeError if a mask needs a key and has
      none, or `inputs` are not floating.
    Source: Srivastava et al. 2014, sections 4 and 10; notes 001 section 4, 004 "dropout".
    """
    check_floating("inputs", inputs)
    if not _is_masked(rate, mode, train):
        return inputs * (1 - rate) if mode == "classic" and not train else inputs
    key = check_key("key", key)
    if key.ndim == 0:
        mask = _mask(key, inputs.shape, rate)
    elif key.shape == inputs.shape[:1]:
        mask = jax.vmap(lambda one: _mask(one, inputs.shape[1:], rate))(key)
    else:
        raise ValueError(f"key: got shape {key.shape}, wanted () or {inputs.shape[:1]}, one for each row of inputs")
    return jnp.where(mask, inputs / (1 - rate) if mode == "inverted" else inputs, 0)


def drop_connect(
    key: Key[Array, ""] | Key[Array, "batch"] | None,
    kernel: Float[Array, "*shape"],
    *,
    rate: float = 0.5,
    mode: Literal["inverted", "classic"] = "inverted",
    train: bool,
) -> Float[Array, "*shape"] | Float[Array, "batch *shape"]:
    """Set each weight to zero with probability `rate` during training.

        inverted   train: m W / (1 - p)    test: W               m ~ Bernoulli(1 - p), the shape of W
        classic    train: m W              test: (1 - p) W

    The notes drop weights where they mean units (`dropout`); this drops weights. With one key the whole batch shares
    a mask. With a key per example, as the paper has it, every example gets a kernel of its own, to be applied with
    `jax.vmap(affine)`: exact, at batch times the memory. At test time the paper draws the unit's input from a normal
    distribution with the moments of m W x; this takes its mean.

    Args:
      key: one key, or (batch,) keys (`example_keys`); None if no mask is drawn.
      kernel: the weights, any shape.
      rate: p, the probability that a weight is off, in [0, 1).
      mode: where the scale is applied.
      train: draw a mask, or compute the test-time value.
    Returns: the shape and dtype of `kernel`; (batch, *shape) if masks are drawn from (batch,) keys.
    Raises: ValueError if `rate` or `mode` does not fit or `key` has more than one axis; TypeError if a mask needs a key
      and has none, or `kernel` is not floating.
    Source: Wan et al. 2013, section 3; notes 001 section 4.
    """
    check_floating("kernel", kernel)
    if not _is_masked(rate, mode, train):
        return kernel * (1 - rate) if mode == "classic" and not train else kernel
    key = check_key("key", key)
    if key.ndim > 1:
        raise ValueError(f"key: got shape {key.shape}, wanted () or (batch,)")
    kept = kernel / (1 - rate) if mode == "inverted" else kernel
    if key.ndim == 0:
        return jnp.where(_mask(key, kernel.shape, rate), kept, 0)
    return jax.vmap(lambda one: jnp.where(_mask(one, kernel.shape, rate), kept, 0))(key)


def _is_masked(rate: float, mode: str, train: bool) -> bool:
    if not is_known(rate):
        raise TypeError("rate: got a traced number, wanted one that is known when the function is compiled")
    check_range("rate", rate, 0, 1, open_high=True)
    check_choice("mode", mode, ("inverted", "classic"))
    return train and rate != 0


def _mask(key: Array, shape: tuple[int, ...], rate: float) -> Array:
    # integers, so that the mask is the same in every floating dtype
    return jax.random.bits(key, shape, jnp.uint32) >= jnp.uint32(round(rate * 2**32))
