"""The median of a sliding window."""

import jax
import jax.numpy as jnp

_NETWORK = 7


def median(extended: jax.Array, size: int) -> jax.Array:
    """Median of each size x size window of an image that already has its border."""
    height, width = extended.shape[0] - size + 1, extended.shape[1] - size + 1
    window = [extended[i : i + height, j : j + width] for i in range(size) for j in range(size)]
    if size > _NETWORK:
        return jnp.sort(jnp.stack(window), axis=0)[len(window) // 2]
    return _forgetful(window)


def _forgetful(values: list[jax.Array]) -> jax.Array:
    """Forgetful selection: of n // 2 + 2 candidates neither the least nor the greatest can be the median; drop both,
    take one more, and so on until three are left.
    """
    count = len(values) // 2 + 2
    if len(values) == 1:
        return values[0]
    kept, rest = list(values[:count]), list(values[count:])
    while True:
        kept = _without_extremes(kept)
        if not rest:
            return kept[0]
        kept.append(rest.pop(0))


def _without_extremes(values: list[jax.Array]) -> list[jax.Array]:
    """All but the least and the greatest: pairs first, then the lesser and the greater halves apart."""
    values = list(values)
    last = len(values) - 1
    for i in range(len(values) // 2):
        values[i], values[last - i] = jnp.minimum(values[i], values[last - i]), jnp.maximum(values[i], values[last - i])
    for i in range(1, (len(values) + 1) // 2):
        values[0], values[i] = jnp.minimum(values[0], values[i]), jnp.maximum(values[0], values[i])
    for i in range(len(values) // 2, last):
        values[last], values[i] = jnp.maximum(values[last], values[i]), jnp.minimum(values[last], values[i])
    return values[1:last]
