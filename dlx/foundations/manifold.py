"""How many dimensions data have: the spectrum of principal components and two numbers made of it."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from dlx.checks import check_entries, check_floating, check_range, is_known

__all__ = ["components_for_fraction", "participation_ratio", "principal_variances"]


def principal_variances(data: Float[Array, "samples features"]) -> Float[Array, "components"]:
    """Variances along the principal components, the largest first.

        X - mean = U S V^T,    l_i = S_ii^2 / (n - 1)

    Args:
      data: (samples, features) X, at least 2 samples.
    Returns: (min(samples, features),), dtype of `data`.
    Raises: ValueError if `data` is no matrix of at least 2 samples; TypeError if it is not floating.
    Source: Goodfellow et al. 2016, sections 2.12 and 5.11.3; notes 001 section 15.
    """
    check_floating("data", data)
    if data.ndim != 2 or data.shape[0] < 2:
        raise ValueError(f"data: got shape {data.shape}, wanted (samples, features), at least 2 samples")
    centred = data - jnp.mean(data, axis=0, keepdims=True)
    return jnp.linalg.svd(centred, compute_uv=False) ** 2 / (data.shape[0] - 1)


def _check_variances(variances: Array) -> None:
    check_floating("variances", variances)
    if variances.ndim == 0:
        raise ValueError("variances: got a scalar, wanted (*batch, components)")
    check_entries("variances", variances, 0)


def participation_ratio(variances: Float[Array, "*batch components"]) -> Float[Array, "*batch"]:
    """Intrinsic dimension: how many components share the variance.

        D = (sum_i l_i)^2 / sum_i l_i^2

    k equal variances, and zeros, give k.

    Args:
      variances: (*batch, components) l.
    Returns: (*batch,) from 1 to the number of components; NaN without any variance.
    Raises: ValueError if `variances` are a scalar, negative or not finite; TypeError if they are not floating.
    Source: Gao et al. 2017, eq. 5; notes 001 section 15.
    """
    _check_variances(variances)
    # fractions first: squares of small or large variances would leave the range of the dtype
    fractions = variances / jnp.sum(variances, axis=-1, keepdims=True)
    return 1 / jnp.sum(fractions**2, axis=-1)


def components_for_fraction(
    variances: Float[Array, "*batch components"], *, fraction: float = 0.95
) -> Integer[Array, "*batch"]:
    """How many principal components hold a fraction of the variance.

        min k with sum_(i <= k) l_i >= fraction sum_i l_i

    Args:
      variances: (*batch, components) l, the largest first.
      fraction: in (0, 1].
    Returns: (*batch,) integers from 1 to the number of components.
    Raises: ValueError if `fraction` is outside (0, 1] or `variances` are a scalar, negative, not finite or not in
      falling order; TypeError if they are not floating.
    Source: Jolliffe 2002, section 6.1.1; notes 001 section 15.
    """
    _check_variances(variances)
    check_range("fraction", fraction, 0, 1, open_low=True)
    if is_known(variances) and (np.diff(np.asarray(variances, np.float64)) > 0).any():
        raise ValueError("variances: got one that is larger than the one before, wanted the largest first")
    sums = jnp.cumsum(variances, axis=-1)
    # of the last sum, so that a fraction of 1 is reached in spite of rounding
    return jnp.sum(sums < fraction * sums[..., -1:], axis=-1) + 1
