"""The sides that train a Transformer's encoder, dlx and PyTorch, and those that decode with and without a cache.

256 features, 4 heads, 4 layers, position-wise networks of 1,024 units, vocabulary 64, no dropout. Training: 128 tokens,
batch 16, Adam, cross entropy of tokens that are given; dlx's steps stand inside `fori_loop`, as in a training chunk,
and memory is kept between steps. An item is a step. Decoding: a beam of 4, 256 tokens, one compiled call; an item is a
token.
"""

import functools
import time
from typing import Any

import numpy as np

from benchmarks.worker import Port

VOCABULARY, FEATURES, HEADS, LAYERS, HIDDEN = 64, 256, 4, 4, 1024
TIME, BATCH, RATE = 128, 16, 1e-3
BEAM, LENGTH = 4, 256


def texts() -> np.ndarray:
    """Two batches of random tokens and labels, (2, 2, batch, time)."""
    return np.random.default_rng(0).integers(0, VOCABULARY, (2, 2, BATCH, TIME)).astype(np.int32)


def ours(port: Port, *, activation: str = "relu", devices: int = 1, steps: int = 3) -> None:
    """dlx.models.TransformerEncoder, whose table of tokens makes the logits."""
    from dlx.run import Options, start

    start(Options(devices=devices, cache=False, allocator="keep"))
    import jax
    import jax.numpy as jnp
    import optax
    from jax import lax

    import dlx

    model = dlx.models.TransformerEncoder(
        vocabulary=VOCABULARY, features=FEATURES, num_heads=HEADS, hidden=HIDDEN, num_layers=LAYERS, max_length=TIME,
        dropout=0.0, activation=activation,
    )  # fmt: skip
    optimizer = dlx.optim.adam(RATE)
    data = texts()
    params = jax.jit(model.init)(jax.random.key(0), data[0, 0])
    state = optimizer.init(params)

    def loss(params: Any, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        hidden: Any = model.apply(params, inputs, train=True)
        logits = dlx.nn.affine(hidden, params["params"]["embedding"].T)
        return dlx.losses.sequence_cross_entropy(logits, labels)

    def chunk(count: int, params: Any, state: Any, data: jax.Array) -> tuple:
        def body(number: jax.Array, carry: tuple) -> tuple:
            params, state, total = carry
            value, gradient = jax.value_and_grad(loss)(params, *data[number % 2])
            if devices > 1:
                gradient = lax.pmean(gradient, "data")
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, total + value

        return lax.fori_loop(0, count, body, (params, state, jnp.float32(0)))

    if devices > 1:
        pieces = np.stack(np.split(data, devices, axis=2))
        program: Any = jax.pmap(chunk, axis_name="data", in_axes=(None, None, None, 0))
    else:
        pieces, program = data, jax.jit(chunk)
    placed = jnp.asarray(pieces)
    began = time.perf_counter()
    jax.block_until_ready(program(1, params, state, placed))
    port.ready(compile_seconds=time.perf_counter() - began)
    while port.begin():
        jax.block_until_ready(program(steps, params, state, placed))
        port.end(steps)


def torch(port: Port, *, activation: str = "relu", steps: int = 3) -> None:
    """nn.Embedding and nn.TransformerEncoder, eager."""
    try:
        import torch
    except ImportError as error:
        port.skip(str(error))
        return
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, FEATURES)
            nn.init.normal_(self.table.weight, std=FEATURES**-0.5)
            layer = nn.TransformerEncoderLayer(
                FEATURES, HEADS, HIDDEN, dropout=0.0, activation=activation, batch_first=True
            )
            self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
            angles = torch.arange(TIME)[:, None] / 10_000 ** (torch.arange(0, FEATURES, 2) / FEATURES)
            table = torch.stack([angles.sin(), angles.cos()], -1).reshape(TIME, FEATURES)
            self.register_buffer("positions", table)

        def forward(self, tokens):
            hidden = self.layers(self.table(tokens) * FEATURES**0.5 + self.positions)
            return hidden @ self.table.weight.T

    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    data = torch.from_numpy(texts()).long()

    def run(count):
        for number in range(count):
            inputs, labels = data[number % 2]
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs).reshape(-1, VOCABULARY), labels.reshape(-1)).backward()
            optimizer.step()

    run(2)
    port.ready(threads=torch.get_num_threads())
    while port.begin():
        run(steps)
        port.end(steps)


def decode(port: Port, *, cached: bool, repeats: int = 1) -> None:
    """dlx.text.beam_search over a decoder-only model: by its cache, or by a forward pass of everything so far."""
    import jax
    import jax.numpy as jnp

    import dlx

    model = dlx.models.TransformerLM(
        vocabulary=VOCABULARY, features=FEATURES, num_heads=HEADS, hidden=HIDDEN, num_layers=LAYERS, max_length=LENGTH
    )
    variables = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))

    def from_cache(variables: Any, state: Any, tokens: jax.Array) -> tuple:
        return model.apply(variables, state, tokens, method="step")

    def from_scratch(variables: Any, state: Any, tokens: jax.Array) -> tuple:
        position, written = state
        written = written.at[:, position].set(tokens)
        # of static shape: what stands behind the position is not seen
        logits: Any = model.apply(variables, written)
        return logits[:, position], (position + 1, written)

    @jax.jit
    def search(variables: Any, start: jax.Array) -> jax.Array:
        if cached:
            state, step = model.apply(variables, 1, method="start"), from_cache
        else:
            state, step = (jnp.int32(0), jnp.zeros((1, LENGTH), jnp.int32)), from_scratch
        found = dlx.text.beam_search(functools.partial(step, variables), state, start, beam=BEAM, max_length=LENGTH)
        return found.tokens

    start, began = jnp.zeros(1, jnp.int32), time.perf_counter()
    tokens = jax.block_until_ready(search(variables, start))
    # equal on both sides: they answer the same question
    port.ready(compile_seconds=time.perf_counter() - began, checksum=int(jnp.sum(tokens[0, 0])))
    while port.begin():
        for _ in range(repeats):
            jax.block_until_ready(search(variables, start))
        port.end(repeats * LENGTH)
