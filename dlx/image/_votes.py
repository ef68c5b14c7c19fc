"""Counting votes: a few hundred edge pixels at a time, as many times as there are edge pixels."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

_CHUNK = 256


def count_votes(
    edges: jax.Array, bins: int, vote: Callable[[jax.Array, jax.Array], jax.Array], chunk: int = _CHUNK
) -> jax.Array:
    """Votes in each of `bins`: `vote(x, y)` gives the bins that pixels of integer coordinates vote for, (points,
    votes), `bins` or more for none.

    The edge pixels are gathered first; most pixels of an image are none. The loop then has as many rounds as they need,
    which leaves shapes fixed and any number of them possible.
    """
    height, width = edges.shape
    total = jnp.sum(edges, dtype=jnp.int32)
    size = height * width + -(height * width) % chunk
    (places,) = jnp.nonzero(edges.reshape(-1), size=size, fill_value=height * width)

    def add(number: jax.Array, counts: jax.Array) -> jax.Array:
        some = lax.dynamic_slice(places, (number * chunk,), (chunk,))
        chosen = jnp.where((some < height * width)[:, None], vote(some % width, some // width), bins)
        return counts.at[chosen].add(1, mode="drop")

    return lax.fori_loop(0, -(-total // chunk), add, jnp.zeros(bins, jnp.int32))


def greedy_peaks(
    votes: jax.Array, count: int, distances: tuple[int, ...], threshold: jax.Array, twisted: bool = False
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The greatest bin, then the greatest outside a box around it, and so on. Returns (places, votes, valid).

    `twisted`: the second axis is an angle that goes round to its start with the first axis reversed.
    """
    coordinates = jnp.meshgrid(*(jnp.arange(size) for size in votes.shape), indexing="ij")

    def take(left: jax.Array, _: None) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        flat = jnp.argmax(left)
        place = jnp.stack(jnp.unravel_index(flat, votes.shape))
        apart = [jnp.abs(c - p) for c, p in zip(coordinates, place, strict=True)]
        near = jnp.stack([a <= d for a, d in zip(apart, distances, strict=True)]).all(axis=0)
        if twisted:
            mirrored = jnp.abs(coordinates[0] - (votes.shape[0] - 1 - place[0])) <= distances[0]
            near = near | (mirrored & (votes.shape[1] - apart[1] <= distances[1]))
        return jnp.where(near, -1, left), (place, left.reshape(-1)[flat])

    _, (places, found) = lax.scan(take, votes, None, length=count)
    return places, found, (found >= threshold) & (found > 0)
