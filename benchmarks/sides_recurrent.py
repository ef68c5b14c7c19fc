"""The sides that train a recurrent language model: dlx with its two backward passes, and PyTorch.

Vocabulary 64, embedding 256, one layer of 256 units, 35 steps, batch 32, SGD with clipping by the global norm. dlx's
steps stand inside `fori_loop`, as in a training chunk. The GRU resets after the product, the only form that PyTorch
has; `gru paper` is Cho's, against it. An item is a step.
"""

import time
from typing import Any

import numpy as np

from benchmarks.worker import Port

VOCABULARY, UNITS, STEPS, BATCH = 64, 256, 35, 32
RATE, MAX_NORM = 0.1, 1.0
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("rnn", {}),
    "gru": ("gru", {"reset_after": True}),
    "gru paper": ("gru", {}),
    "lstm": ("lstm", {}),
}


def texts() -> np.ndarray:
    """Two batches of random tokens, (2, batch, time + 1)."""
    return np.random.default_rng(0).integers(0, VOCABULARY, (2, BATCH, STEPS + 1)).astype(np.int32)


def ours(port: Port, *, cell: str, backward: str = "hand", steps: int = 10) -> None:
    """dlx.models.RecurrentLanguageModel."""
    import jax
    import jax.numpy as jnp
    import optax
    from jax import lax

    import dlx

    name, options = CELLS[cell]
    model = dlx.models.RecurrentLanguageModel(
        vocabulary=VOCABULARY, embedding=UNITS, units=UNITS, cell=name, cell_options={**options, "backward": backward}
    )
    optimizer = optax.chain(dlx.optim.clip_by_global_norm(MAX_NORM), optax.sgd(RATE))
    tokens = jnp.asarray(texts())
    params = jax.jit(model.init)(jax.random.key(0), tokens[0, :, :-1])
    state = optimizer.init(params)

    def loss(params, batch):
        return dlx.losses.sequence_cross_entropy(model.apply(params, batch[:, :-1], train=True), batch[:, 1:])

    @jax.jit
    def chunk(count, params, state, tokens):
        def body(number, carry):
            params, state, total = carry
            value, gradient = jax.value_and_grad(loss)(params, tokens[number % 2])
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, total + value

        return lax.fori_loop(0, count, body, (params, state, jnp.float32(0)))

    start = time.perf_counter()
    jax.block_until_ready(chunk(1, params, state, tokens))
    port.ready(compile_seconds=time.perf_counter() - start)
    while port.begin():
        jax.block_until_ready(chunk(steps, params, state, tokens))
        port.end(steps)


def torch(port: Port, *, cell: str, steps: int = 10) -> None:
    """nn.Embedding, nn.RNN / nn.GRU / nn.LSTM, nn.Linear, eager."""
    try:
        import torch
    except ImportError as error:
        port.skip(str(error))
        return
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, UNITS)
            kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[CELLS[cell][0]]
            # time first is the layout that it is fastest with
            self.layer, self.output = kind(UNITS, UNITS), nn.Linear(UNITS, VOCABULARY)

        def forward(self, tokens):
            return self.output(self.layer(self.table(tokens))[0])

    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    batches = torch.from_numpy(texts()).long().transpose(1, 2).contiguous()

    def run(count):
        for number in range(count):
            batch = batches[number % 2]
            optimizer.zero_grad()
            logits = model(batch[:-1]).reshape(-1, VOCABULARY)
            nn.functional.cross_entropy(logits, batch[1:].reshape(-1)).backward()
            nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
            optimizer.step()

    run(2)
    port.ready(threads=torch.get_num_threads())
    while port.begin():
        run(steps)
        port.end(steps)
