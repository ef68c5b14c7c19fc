"""Perplexity of a language model, from its cross entropies."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from dlx.checks import check_array, check_entries, check_floating, check_same_shape, is_known

__all__ = ["perplexity"]


def perplexity(
    cross_entropies: Float[Array, "*shape"],
    tokens: Float[Array, "*shape"] | Integer[Array, "*shape"] | None = None,
) -> Float[Array, ""]:
    """Exponential of the mean cross entropy of a token.

        PP = exp(sum_i n_i l_i / sum_i n_i) = (prod_t P(w_t | w_1, ..., w_{t-1}))^(-1 / T)

    |V| for a model that knows nothing, 1 for a perfect one. Means of several batches must be weighted by their tokens
    before the exponential; the notes' text takes the sum in places, their formula this mean.

    Args:
      cross_entropies: l in nats: of single tokens, or means over tokens, one for each batch.
      tokens: n, how many tokens each stands for, or a mask as numbers; None weighs all alike.
    Returns: scalar, dtype of `cross_entropies`; infinity where it overflows.
    Raises: ValueError if shapes differ, a cross entropy is negative by more than rounding, a number of tokens is
      negative or all are 0 (in a compiled function that gives 1); TypeError if `cross_entropies` are not floating.
    Source: Jelinek et al. 1977; notes 001 section 8 (E33).
    """
    check_floating("cross_entropies", cross_entropies)
    if 0 in cross_entropies.shape:
        raise ValueError(f"cross_entropies: got shape {cross_entropies.shape}, wanted at least one number")
    if tokens is None:
        _check_not_negative(cross_entropies, jnp.ones_like(cross_entropies))
        return jnp.exp(jnp.mean(cross_entropies))
    check_array("tokens", tokens)
    check_same_shape("tokens", tokens, "cross_entropies", cross_entropies)
    check_entries("tokens", tokens, 0)
    if is_known(tokens) and not np.asarray(tokens).any():
        raise ValueError("tokens: all are 0, wanted at least one token")
    _check_not_negative(cross_entropies, tokens)
    counts = tokens.astype(cross_entropies.dtype)
    total = jnp.sum(jnp.where(counts == 0, 0, counts * cross_entropies))
    count = jnp.sum(counts)
    return jnp.exp(total / jnp.where(count == 0, 1, count))


def _check_not_negative(cross_entropies: Array, tokens: Array) -> None:
    """Refuse log-likelihoods taken for their negatives; NaN passes, it shows."""
    if is_known(cross_entropies) and is_known(tokens):
        found = np.where(np.asarray(tokens) == 0, 0, np.asarray(cross_entropies, np.float64))
        # the cross entropy of a certain token is rounded to either side of 0
        if (found < -1e-2).any():
            raise ValueError(
                f"cross_entropies: got {np.nanmin(found):g}, wanted numbers >= 0, negative log-likelihoods"
            )
