"""Small things that the engine's tests train: data, a network with every random and shared part, and comparisons."""

import functools
import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import lax

from dlx import train

EXAMPLES, FEATURES, CLASSES, BATCH = 40, 6, 3, 16


@functools.cache
def data(examples: int = EXAMPLES) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "inputs": rng.integers(0, 256, (examples, FEATURES), np.uint8),
        "labels": rng.integers(0, CLASSES, examples).astype(np.int32),
    }


def prepare(batch: dict) -> dict:
    return {**batch, "inputs": batch["inputs"].astype(jnp.float32) / 128 - 1}


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def correct(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return (logits.argmax(-1) == labels).astype(jnp.float32)


class Network(nn.Module):
    """Hidden layer with batch statistics and dropout by keys per global example: what a cut batch can get wrong."""

    axis_name: str | None = None
    rate: float = 0.25

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        # no bias before the norm: its gradient is zero, and Adam turns the rounding noise into full steps
        hidden = inputs @ self.param("kernel", nn.initializers.normal(0.5), (FEATURES, 8))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (8,))
        square = self.variable("batch_stats", "square", jnp.ones, (8,))
        m, q = mean.value, square.value
        if train:
            m, q = hidden.mean(0), (hidden * hidden).mean(0)
            if self.axis_name:
                m, q = lax.pmean((m, q), self.axis_name)
            mean.value, square.value = 0.9 * mean.value + 0.1 * m, 0.9 * square.value + 0.1 * q
        hidden = jnp.tanh((hidden - m[None]) * lax.rsqrt(q - m * m + 1e-3)[None])
        if train and self.rate:
            first = lax.axis_index(self.axis_name) * len(inputs) if self.axis_name else 0
            keys = jax.vmap(jax.random.fold_in, (None, 0))(self.make_rng("dropout"), jnp.arange(len(inputs)) + first)
            kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - self.rate, (8,)))(keys)
            hidden = jnp.where(kept, hidden / (1 - self.rate), 0)
        out = hidden @ self.param("out", nn.initializers.normal(0.5), (8, CLASSES))
        return out + self.param("bias", nn.initializers.zeros, (CLASSES,))[None]


class Softmax(nn.Module):
    """Softmax regression, nothing random."""

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool) -> jax.Array:
        kernel = self.param("kernel", nn.initializers.normal(0.5), (FEATURES, CLASSES))
        return inputs @ kernel + self.param("bias", nn.initializers.zeros, (CLASSES,))[None]


def task(model: nn.Module | None = None, optimizer: Any = None, **options: Any) -> train.Supervised:
    optimizer = optax.adam(0.01) if optimizer is None else optimizer
    options = {"metrics": {"accuracy": correct}, "prepare": prepare, **options}
    return train.supervised(model or Network(), cross_entropy, optimizer, example=data(), **options)


@functools.cache
def network_task() -> train.Supervised:
    return task(ema=0.9)


def run(
    which: train.Supervised | None = None,
    *,
    steps: int,
    seeds: tuple[int, ...] = (0,),
    devices: int = 1,
    parallel: str = "jit",
    each: str = "auto",
    resume: Any = None,
    **options: Any,
) -> Any:
    """The host state after `steps` steps."""
    which = which or network_task()
    replicas = len(seeds) * len(train.sweep_points(options.get("sweep")))
    layout = train.make_layout(replicas, devices=devices, parallel=parallel, each=each, batch_size=BATCH)
    # chunks of one length, where a test does not want another: one program, compiled once a session
    options = {"data": data(), "batch_size": BATCH, "log_every": 3, **options}
    state, _ = train.fit(which.step, which.init, steps=steps, seeds=seeds, layout=layout, resume=resume, **options)
    return layout.fetch("state", state)


@functools.cache
def trained(*, devices: int = 1, parallel: str = "jit", each: str = "auto", seeds: tuple[int, ...] = (0,)) -> Any:
    """The host state of `network_task` after 3 steps, one of them in the second epoch; not to be written to."""
    return run(steps=3, devices=devices, parallel=parallel, each=each, seeds=seeds)


def raw(leaf: Any) -> np.ndarray:
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def replica(state: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index : index + 1], state)


def digest(state: Any) -> str:
    """sha256 of every leaf: name, type, shape and bits, keys too."""
    total = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        bits = raw(leaf)
        total.update(
            f"{jax.tree_util.keystr(path)} {leaf.dtype} {bits.shape}".encode() + np.ascontiguousarray(bits).tobytes()
        )
    return total.hexdigest()


def distance(state: Any, other: Any) -> dict[str, float]:
    """Per leaf the largest difference as a fraction of the largest entry."""

    def one(a: Any, b: Any) -> float:
        a, b = raw(a).astype(np.float64), raw(b).astype(np.float64)
        assert a.shape == b.shape
        return float(np.abs(a - b).max(initial=0) / (np.abs(b).max(initial=0) or 1.0))

    distances = jax.tree.map(one, state, other)
    return {jax.tree_util.keystr(path): value for path, value in jax.tree_util.tree_leaves_with_path(distances)}


def furthest(state: Any, other: Any) -> tuple[float, str]:
    return max((value, name) for name, value in distance(state, other).items())
