"""Which tokens may be drawn."""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating, check_not_scalar, check_range
from dlx.nn import softmax

__all__ = ["truncate_logits"]


def truncate_logits(
    logits: Float[Array, "*batch vocabulary"],
    *,
    temperature: float | Float[Array, ""] = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float[Array, "*batch vocabulary"]:
    """Logits with a temperature, and -inf for the tokens of the tail.

        z' = z / temperature
        top_k: the k largest stay      top_p: of the tokens by falling probability p = softmax(z'), the fewest whose
        sum reaches top_p stay: token i does if the sum of those before it is below top_p

    With both, the k largest are looked for first. Tokens as probable as the last one that stays do so too.

    Args:
      logits: (*batch, vocabulary) z.
      temperature: below 1 sharpens, above 1 flattens.
      top_k: number of tokens, None for all.
      top_p: mass, in (0, 1], None for all of it.
    Returns: the shape and dtype of `logits`.
    Raises: ValueError if an option is out of range or `top_k` is larger than the vocabulary; TypeError if `logits` are
      not floating.
    Source: Fan et al. 2018, section 5.4 (top k); Holtzman et al. 2020, section 3.1 (top p).
    """
    check_floating("logits", logits)
    check_not_scalar("logits", logits, "(..., vocabulary)")
    check_range("temperature", temperature, 0, math.inf, open_low=True, open_high=True)
    logits = logits / jnp.asarray(temperature, logits.dtype)
    if top_k is not None:
        check_count("top_k", top_k)
        if top_k > logits.shape[-1]:
            raise ValueError(f"top_k: got {top_k}, wanted at most {logits.shape[-1]}, the vocabulary")
        smallest = lax.top_k(logits, top_k)[0][..., -1:]
        logits = jnp.where(logits >= smallest, logits, -jnp.inf)
    if top_p is not None:
        check_range("top_p", top_p, 0, 1, open_low=True)
        falling = -jnp.sort(-logits, axis=-1)
        chances = softmax(falling)
        before = jnp.cumsum(chances, axis=-1) - chances
        smallest = jnp.min(jnp.where(before < top_p, falling, jnp.inf), axis=-1, keepdims=True)
        logits = jnp.where(logits >= smallest, logits, -jnp.inf)
    return logits
