"""Initial values of parameters: every initializer is `init(key, shape, dtype)`, options by keyword."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dlx.checks import check_key, check_range

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "mxnet_default",
    "normal",
    "uniform",
    "zeros",
]

# standard deviation of a standard normal variable cut at -2 and 2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))
_CUT_STDDEV = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))


def zeros(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """All zeros, for biases; a kernel of zeros leaves all hidden units of a network equal for ever.

    Args:
      key: not used.
      shape: of the result.
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if a size is negative; TypeError if `dtype` is not floating.
    Source: notes 003 "symmetry breaking".
    """
    return constant(key, shape, dtype, value=0.0)


def constant(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, value: float = 0.0
) -> Float[Array, "..."]:
    """One value everywhere.

    Args:
      key: not used.
      shape: of the result.
      dtype: of the result.
      value: the value, finite.
    Returns: an array of `shape`.
    Raises: ValueError if `value` is not finite or a size is negative; TypeError if `dtype` is not floating.
    Source: Goodfellow et al. 2016, section 8.4.
    """
    del key
    check_range("value", value, -math.inf, math.inf, open_low=True, open_high=True)
    _check_result(shape, dtype)
    return jnp.full(tuple(shape), value, dtype)


def normal(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, stddev: float = 0.01
) -> Float[Array, "..."]:
    """Normal draws.

        w ~ N(0, stddev^2)

    Args:
      key: random key.
      shape: of the result.
      dtype: of the result.
      stddev: standard deviation; `stddev=1` is what the notes print for MXNet (see `mxnet_default`).
    Returns: an array of `shape`.
    Raises: ValueError if `stddev` or a size is negative; TypeError if `dtype` is not floating.
    Source: notes 003 "symmetry breaking" (0.01).
    """
    check_range("stddev", stddev, 0, math.inf, open_high=True)
    _check_draw(key, shape, dtype)
    return jax.random.normal(key, tuple(shape), dtype) * jnp.asarray(stddev, dtype)


def uniform(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, bound: float = 0.01
) -> Float[Array, "..."]:
    """Uniform draws around zero.

        w ~ U(-bound, bound)

    Args:
      key: random key.
      shape: of the result.
      dtype: of the result.
      bound: half the width of the interval.
    Returns: an array of `shape`.
    Raises: ValueError if `bound` or a size is negative; TypeError if `dtype` is not floating.
    Source: Goodfellow et al. 2016, section 8.4.
    """
    check_range("bound", bound, 0, math.inf, open_high=True)
    _check_draw(key, shape, dtype)
    return jax.random.uniform(key, tuple(shape), dtype, -1.0) * jnp.asarray(bound, dtype)


def mxnet_default(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """MXNet's default for kernels; its biases are zeros.

        w ~ U(-0.07, 0.07)

    The notes print N(0, 1); MXNet draws from this.

    Args:
      key: random key.
      shape: of the result.
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if a size is negative; TypeError if `dtype` is not floating.
    Source: Chen et al. 2015, `mxnet.init.Uniform`; notes 001 section 4.
    """
    return uniform(key, shape, dtype, bound=0.07)


def glorot_uniform(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Uniform draws whose variance balances forward and backward pass ("Xavier").

        w ~ U(-r, r),    r = sqrt(6 / (fan_in + fan_out)),    var w = 2 / (fan_in + fan_out)

    Args:
      key: random key.
      shape: (..., in, out); leading axes are the window of a convolution and count in both fans.
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if `shape` has fewer than two axes or a size is not positive; TypeError if `dtype` is not
      floating.
    Source: Glorot and Bengio 2010, eq. 16; notes 001 section 4.
    """
    fan_in, fan_out = _fans(shape)
    return _scaled_uniform(key, shape, dtype, 2 / (fan_in + fan_out))


def glorot_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Normal draws, cut at two standard deviations, with the variance of `glorot_uniform`.

        var w = 2 / (fan_in + fan_out)

    Cut as in JAX and Keras; PyTorch does not cut.

    Args:
      key: random key.
      shape: (..., in, out).
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if `shape` has fewer than two axes or a size is not positive; TypeError if `dtype` is not
      floating.
    Source: Glorot and Bengio 2010, eq. 12; notes 001 section 4.
    """
    fan_in, fan_out = _fans(shape)
    return _scaled_normal(key, shape, dtype, 2 / (fan_in + fan_out))


def he_uniform(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Uniform draws whose variance keeps the forward pass of rectifiers in scale.

        w ~ U(-r, r),    r = sqrt(6 / fan_in),    var w = 2 / fan_in

    Args:
      key: random key.
      shape: (..., in, out).
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if `shape` has fewer than two axes or a size is not positive; TypeError if `dtype` is not
      floating.
    Source: He et al. 2015, eq. 10.
    """
    return _scaled_uniform(key, shape, dtype, 2 / _fans(shape)[0])


def he_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Normal draws, cut at two standard deviations, with the variance of `he_uniform`.

        var w = 2 / fan_in

    Cut as in JAX and Keras; the paper and PyTorch do not cut.

    Args:
      key: random key.
      shape: (..., in, out).
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if `shape` has fewer than two axes or a size is not positive; TypeError if `dtype` is not
      floating.
    Source: He et al. 2015, eq. 10.
    """
    return _scaled_normal(key, shape, dtype, 2 / _fans(shape)[0])


def lecun_normal(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Normal draws, cut at two standard deviations, that keep the variance of a linear unit.

        var w = 1 / fan_in

    Flax's default for kernels.

    Args:
      key: random key.
      shape: (..., in, out).
      dtype: of the result.
    Returns: an array of `shape`.
    Raises: ValueError if `shape` has fewer than two axes or a size is not positive; TypeError if `dtype` is not
      floating.
    Source: LeCun et al. 1998, "Efficient BackProp", eq. 16.
    """
    return _scaled_normal(key, shape, dtype, 1 / _fans(shape)[0])


def _check_result(shape: Sequence[int], dtype) -> None:
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"dtype: got {jnp.dtype(dtype)}, wanted a floating dtype")
    _check_shape(shape)


def _check_shape(shape: Sequence[int]) -> None:
    if not isinstance(shape, tuple | list) or not all(isinstance(size, int | np.integer) for size in shape):
        raise TypeError(f"shape: got {shape!r}, wanted a tuple of ints")
    if any(size < 0 for size in shape):
        raise ValueError(f"shape: got {tuple(shape)}, wanted no negative size")


def _check_draw(key: Array, shape: Sequence[int], dtype) -> None:
    if check_key("key", key).ndim:
        raise ValueError(f"key: got shape {key.shape}, wanted one key; jax.vmap draws for several")
    _check_result(shape, dtype)


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    _check_shape(shape)
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"shape: got {tuple(shape)}, wanted (..., in, out), no size 0: a fan needs two axes")
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _scaled_uniform(key: Array, shape: Sequence[int], dtype, variance: float) -> Array:
    _check_draw(key, shape, dtype)
    return jax.random.uniform(key, tuple(shape), dtype, -1.0) * jnp.sqrt(3 * jnp.asarray(variance, dtype))


def _scaled_normal(key: Array, shape: Sequence[int], dtype, variance: float) -> Array:
    _check_draw(key, shape, dtype)
    stddev = jnp.sqrt(jnp.asarray(variance, dtype)) / jnp.asarray(_CUT_STDDEV, dtype)
    return jax.random.truncated_normal(key, -2.0, 2.0, tuple(shape), dtype) * stddev
