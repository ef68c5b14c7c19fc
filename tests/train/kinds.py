"""One tiny instance of each kind of training that is a pure step; `spec` says what is cut over devices."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import PartitionSpec as P

from dlx import train
from dlx.data import SequenceWindows
from dlx.models import RecurrentLanguageModel
from tests.train import tiny


class Kind(NamedTuple):
    init: Any
    step: Any
    data: Any = None
    batch_size: int | None = None
    spec: Any = P()


def mean_over(axis_name: str | None, tree: Any) -> Any:
    return lax.pmean(tree, axis_name) if axis_name else tree


def example_keys(key: jax.Array, count: int, axis_name: str | None) -> jax.Array:
    first = lax.axis_index(axis_name) * count if axis_name else 0
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(count))


# Two optimizers in the state: a generator of points on a line against a logistic discriminator


class GanState(NamedTuple):
    step: jax.Array
    generator: Any
    discriminator: Any
    generator_opt: Any
    discriminator_opt: Any
    key: jax.Array


_generator_opt, _discriminator_opt = optax.adam(0.02), optax.sgd(0.1)


def gan_init(key: jax.Array) -> GanState:
    g_key, d_key, run_key = jax.random.split(key, 3)
    g = {"scale": jax.random.normal(g_key, (2,)), "shift": jnp.zeros(2)}
    d = {"w": jax.random.normal(d_key, (2,))}
    return GanState(jnp.int32(0), g, d, _generator_opt.init(g), _discriminator_opt.init(d), run_key)


def gan_step(state: GanState, batch: dict, *, axis_name: str | None = None) -> tuple:
    count = len(batch["inputs"])
    keys = example_keys(jax.random.fold_in(state.key, state.step), count, axis_name)
    noise = jax.vmap(lambda key: jax.random.normal(key, (2,)))(keys)

    def fake(g: Any) -> jax.Array:
        return noise * g["scale"][None] + g["shift"][None]

    def d_loss(d: Any) -> jax.Array:
        return jnp.mean(jax.nn.softplus(-batch["inputs"] @ d["w"]) + jax.nn.softplus(fake(state.generator) @ d["w"]))

    def g_loss(g: Any) -> jax.Array:
        return jnp.mean(jax.nn.softplus(-fake(g) @ discriminator["w"]))

    loss, gradient = jax.value_and_grad(d_loss)(state.discriminator)
    updates, d_opt = _discriminator_opt.update(mean_over(axis_name, gradient), state.discriminator_opt)
    discriminator = optax.apply_updates(state.discriminator, updates)
    updates, g_opt = _generator_opt.update(mean_over(axis_name, jax.grad(g_loss)(state.generator)), state.generator_opt)
    generator = optax.apply_updates(state.generator, updates)
    return GanState(state.step + 1, generator, discriminator, g_opt, d_opt, state.key), {
        "loss": (loss * count, jnp.float32(count))
    }


def gan() -> Kind:
    points = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32) + 1
    return Kind(gan_init, gan_step, {"inputs": points}, 16)


# No loss: how often each label was seen


def counting() -> Kind:
    def step(state: dict, batch: dict, *, axis_name: str | None = None) -> tuple:
        seen = jnp.zeros_like(state["seen"]).at[batch["labels"]].add(1)
        return {"seen": state["seen"] + (lax.psum(seen, axis_name) if axis_name else seen), "key": state["key"]}, {}

    return Kind(lambda key: {"seen": jnp.zeros(tiny.CLASSES, jnp.int32), "key": key}, step, tiny.data(), 16)


# Environments in a split state, no batch: points that move by chance and by a shared policy towards the origin


class EnvironmentState(NamedTuple):
    step: jax.Array
    policy: jax.Array
    position: jax.Array
    keys: jax.Array


def environments() -> Kind:
    def init(key: jax.Array) -> EnvironmentState:
        keys = jax.random.split(key, 16)
        return EnvironmentState(jnp.int32(0), jnp.zeros(2), jax.vmap(lambda k: jax.random.normal(k, (2,)))(keys), keys)

    def step(state: EnvironmentState, batch: None, *, axis_name: str | None = None) -> tuple:
        keys = jax.vmap(jax.random.fold_in, (0, None))(state.keys, state.step)
        drift = 0.1 * jax.vmap(lambda k: jax.random.normal(k, (2,)))(keys)

        def cost(policy: jax.Array) -> tuple:
            position = state.position * (1 - policy)[None] + drift
            return jnp.mean(position**2), position

        gradient, position = jax.grad(cost, has_aux=True)(state.policy)
        policy = state.policy - 0.1 * mean_over(axis_name, gradient)
        metrics = {"distance": (jnp.sum(position**2), jnp.float32(len(position)))}
        return EnvironmentState(state.step + 1, policy, position, state.keys), metrics

    return Kind(init, step, spec=EnvironmentState(P(), P(), P("data"), P("data")))


# Scatter updates: the rows of a table that a batch of pairs touches, some of them twice


def scatter() -> Kind:
    def init(key: jax.Array) -> dict:
        return {"table": jax.random.normal(key, (10, 4)), "step": jnp.int32(0)}

    def step(state: dict, batch: dict, *, axis_name: str | None = None) -> tuple:
        left, right = state["table"][batch["left"]], state["table"][batch["right"]]
        error = jax.nn.sigmoid((left * right).sum(1)) - batch["together"]
        change = jnp.zeros_like(state["table"]).at[batch["left"]].add(error[:, None] * right)
        change = change.at[batch["right"]].add(error[:, None] * left) / len(error)
        table = state["table"] - 0.5 * mean_over(axis_name, change)
        return {"table": table, "step": state["step"] + 1}, {"error": (jnp.sum(error**2), jnp.float32(len(error)))}

    rng = np.random.default_rng(2)
    pairs = {name: rng.integers(0, 10, 40).astype(np.int32) for name in ("left", "right")}
    return Kind(init, step, {**pairs, "together": rng.integers(0, 2, 40).astype(np.float32)}, 16)


# The input as parameter: an image pulled towards the Gram matrix of another


def image() -> Kind:
    optimizer = optax.adam(0.05)
    style = np.random.default_rng(3).normal(size=(8, 3)).astype(np.float32)
    wanted = style.T @ style

    def init(key: jax.Array) -> dict:
        pixels = jax.random.normal(key, (8, 3))
        return {"pixels": pixels, "opt": optimizer.init(pixels)}

    def step(state: dict, batch: None) -> tuple:
        loss, gradient = jax.value_and_grad(lambda x: jnp.mean((x.T @ x - wanted) ** 2))(state["pixels"])
        updates, opt = optimizer.update(gradient, state["opt"])
        return {"pixels": state["pixels"] + updates, "opt": opt}, {"loss": (loss, jnp.float32(1))}

    return Kind(init, step)


# A state of the model behind each row of a batch, which the next batch goes on from


def carried() -> Kind:
    tokens = np.random.default_rng(4).integers(0, 5, 150).astype(np.int32)
    model = RecurrentLanguageModel(vocabulary=5, embedding=4, cell="rnn", units=4, dropout=0.25)
    task = train.recurrent(model, optax.adam(0.01), batch_size=16, ema=0.9)
    # three batches an epoch, so that four steps see the state emptied
    source = SequenceWindows(tokens, batch_size=16, steps=3, offset=0)
    return Kind(task.init, task.step, source, 16, task.spec)


def supervised() -> Kind:
    task = tiny.task(tiny.Softmax(), ema=0.9)
    return Kind(task.init, task.step, tiny.data(), 16)


KINDS = {
    "supervised": supervised(),
    "gan": gan(),
    "counting": counting(),
    "environments": environments(),
    "scatter": scatter(),
    "image": image(),
    "carried": carried(),
}
