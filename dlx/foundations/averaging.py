"""Exponentially weighted moving average."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating, check_range

__all__ = ["exponential_moving_average", "exponential_weights"]


def exponential_moving_average(
    values: Float[Array, "time *shape"],
    initial: Float[Array, "*shape"] | None = None,
    *,
    decay: float = 0.9,
    bias_correction: bool = False,
) -> Float[Array, "time *shape"]:
    """Exponentially weighted moving average of a sequence.

        y_t = g y_(t-1) + (1 - g) x_t = g^t y_0 + (1 - g) sum_(k=0)^(t-1) g^k x_(t-k)

    It remembers about 1 / (1 - g) values. From y_0 = 0, y_t is too small by the factor 1 - g^t; the bias correction
    divides by it, so that a constant sequence keeps its value. Computed for all t at once, in log2(time) steps.

    Args:
      values: (time, ...) x_1, x_2, ...
      initial: (...) y_0; None is 0.
      decay: g in [0, 1).
      bias_correction: divide y_t by 1 - g^t; not with `initial`.
    Returns: (time, ...) y_1, y_2, ..., dtype of `values`.
    Raises: ValueError if `decay` is outside [0, 1), the shapes do not fit, or `initial` comes with `bias_correction`;
      TypeError if `values` are not floating.
    Source: Kingma and Ba 2015, section 3; notes 001 section 1.
    """
    check_floating("values", values)
    check_range("decay", decay, 0, 1, open_high=True)
    if values.ndim == 0:
        raise ValueError("values: got a scalar, wanted (time, ...)")
    if initial is not None and bias_correction:
        raise ValueError("initial: got an array with bias_correction, which is for averages that start at 0")
    if initial is not None and initial.shape != values.shape[1:]:
        raise ValueError(f"initial: got shape {initial.shape}, wanted {values.shape[1:]}, that of one value")
    if values.shape[0] == 0:
        return values
    factors = jnp.full((values.shape[0],) + (1,) * (values.ndim - 1), decay, values.dtype)
    terms = (1 - decay) * values
    if initial is not None:
        terms = terms.at[0].add(decay * initial.astype(values.dtype))

    def then(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        # y -> a y + b is again such a map after another one, and this composition is associative
        (a, b), (c, d) = first, second
        return a * c, c * b + d

    powers, averages = lax.associative_scan(then, (factors, terms))
    return averages / (1 - powers) if bias_correction else averages


def exponential_weights(count: int, *, decay: float = 0.9) -> Float[Array, "{count}"]:
    """Weights of the last values in an exponentially weighted moving average.

        w_k = (1 - g) g^k,    sum_(k < n) w_k = 1 - g^n

    Args:
      count: number of weights, n.
      decay: g in [0, 1).
    Returns: (count,), the newest value's first, the default floating dtype.
    Raises: ValueError if `count` is not positive or `decay` is outside [0, 1).
    Source: notes 001 section 1.
    """
    check_count("count", count)
    check_range("decay", decay, 0, 1, open_high=True)
    return (1 - decay) * jnp.power(jnp.asarray(decay, float), jnp.arange(count))
