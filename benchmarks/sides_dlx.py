"""The sides that run dlx: `fit` with what a user has switched on, and a bare compiled loop of the same step."""

import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import dlx
from benchmarks.worker import Port
from dlx import train as engine
from dlx.run import Options, start
from dlx.run.console import Console
from dlx.run.records import Records
from dlx.train.checkpoint import Checkpoints

LEARNING_RATE = {"sgd": 0.1, "adam": 1e-3}


MODELS: dict[str, tuple[Any, str]] = {
    "mlp": (dlx.models.MLP, "mnist"),
    "lenet": (lambda hidden, outputs, dropout: dlx.models.LeNet(activation="relu"), "mnist"),
    "cifar_cnn": (lambda hidden, outputs, dropout: dlx.models.PlainCNN(), "cifar10"),
    "resnet18": (
        lambda hidden, outputs, dropout, **more: dlx.models.ResNet.preset("resnet18", stem="cifar", **more),
        "cifar10",
    ),
}
"""{name: (model of hidden widths, outputs and dropout; the data set whose images it gets)}."""


def random_images(examples: int, seed: int = 0, shape: tuple[int, ...] = (28, 28, 1)) -> dict[str, np.ndarray]:
    """Images and labels stored as MNIST and CIFAR-10 are; their content does not change the speed."""
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 256, (examples, *shape), np.uint8)
    return {"inputs": inputs, "labels": random.integers(0, 10, examples).astype(np.int32)}


def make_task(
    data: Any, optimizer: str, hidden: tuple[int, ...], dropout: float = 0.0, model: str = "mlp", **more: Any
) -> engine.Supervised:
    """As experiments/mlp.py makes it."""
    make, dataset = MODELS[model]
    return engine.supervised(
        make(tuple(hidden), 10, dropout=dropout, **more),
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create(optimizer, LEARNING_RATE[optimizer]),
        example=data,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=dlx.data.prepare(dlx.data.card(dataset)),
    )


class Rounds:
    """A hook that makes a round of every `every` steps of a fit. The first serves as warm-up."""

    def __init__(self, port: Port, every: int, timed: Any = None) -> None:
        self.port, self.every, self.timed = port, every, timed
        self.items, self.compile_seconds, self.warm = 0, 0.0, False

    def __call__(self, moment: engine.Moment) -> bool:
        self.items += moment.examples
        self.compile_seconds += moment.compile_seconds
        if moment.step % self.every:
            return False
        jax.block_until_ready(moment.state)
        inside = {"inside": self.timed.take()} if self.timed else {}
        if self.warm:
            self.port.end(self.items, **inside)
        else:
            self.port.ready(compile_seconds=self.compile_seconds)
        self.items, self.warm = 0, True
        return not self.port.begin()


class Timed:
    """A hook that notes how long another one, due at multiples of its `every`, keeps the loop."""

    def __init__(self, hook: Any) -> None:
        self.hook, self.every, self.seconds = hook, hook.every, []

    def __call__(self, moment: engine.Moment) -> bool | None:
        started = time.perf_counter()
        result = self.hook(moment)
        if moment.step % self.every == 0:
            self.seconds.append(time.perf_counter() - started)
        return result

    def take(self) -> list[float]:
        """The seconds noted since the last call."""
        seconds, self.seconds = self.seconds, []
        return seconds


def fit(
    port: Port, *, optimizer: str = "sgd", batch_size: int = 128, hidden: tuple[int, ...] = (256,), seeds: int = 1,
    dropout: float = 0.0, steps: int = 936, examples: int = 60_000, log_every: int = 100,
    devices: int | None = None, parallel: str = "jit",
    each: str = "auto", evaluate_every: int = 0, checkpoint_every: int = 0, allocator: str = "default",
    model: str = "mlp",
) -> None:  # fmt: skip
    """`dlx.train.fit` with shuffling, loss and accuracy, the stop on NaN, the log file and the console line."""
    start(Options(devices=devices, cache=False, allocator=allocator))
    shape = dlx.data.card(MODELS[model][1]).input_shape
    data = random_images(examples, shape=shape)
    task = make_task(data, optimizer, hidden, dropout, model)
    layout = engine.make_layout(seeds, devices=devices, parallel=parallel, each=each, batch_size=batch_size)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dlx-bench-")))
        hooks: list[Any] = [engine.StopOnNonFinite(range(seeds), layout)]
        if evaluate_every:
            test = engine.evaluator(task.measure, random_images(10_000, seed=1, shape=shape), layout=layout)
            hooks.append(engine.Evaluate({"test": test}, every=evaluate_every))
        hooks += [stack.enter_context(contextlib.closing(Records(folder / "metrics.jsonl"))), Console(bar=False)]
        saving = None
        if checkpoint_every:
            checkpoints = stack.enter_context(Checkpoints(folder / "checkpoints"))
            saving = Timed(engine.SaveCheckpoints(checkpoints, layout, every=checkpoint_every, meta=dict))
            hooks.append(saving)
        endless = steps * 1_000_000
        engine.fit(
            task.step, task.init, data, steps=endless, batch_size=batch_size, seeds=range(seeds), layout=layout,
            hooks=[*hooks, Rounds(port, steps, saving)], log_every=log_every,
        )  # fmt: skip


def bare(
    port: Port, *, optimizer: str = "sgd", batch_size: int = 128, hidden: tuple[int, ...] = (256,), steps: int = 936,
    examples: int = 60_000, chunk: int = 468, dropout: float = 0.0,
) -> None:  # fmt: skip
    """The same step in one compiled loop over a table of indices made once: no shuffling, no hooks, no records."""
    data = random_images(examples)
    task = make_task(data, optimizer, hidden, dropout)
    table = engine.batch_table((0,), step=0, count=chunk, length=chunk, examples=examples, batch_size=batch_size)[0]
    state = jax.jit(task.init)(jax.random.key(0))

    def loop(state: Any, data: Any, table: jax.Array) -> tuple:
        def body(k: jax.Array, carry: tuple) -> tuple:
            state, metrics = task.step(carry[0], jax.tree.map(lambda a: a[table[k]], data))
            return state, jax.tree.map(jnp.add, carry[1], metrics)

        batch = jax.tree.map(lambda a: a[table[0]], data)
        zero = jax.tree.map(jnp.zeros_like, jax.eval_shape(lambda s: task.step(s, batch)[1], state))
        return lax.fori_loop(0, table.shape[0], body, (state, zero))

    placed = jax.device_put((data, table))
    started = time.perf_counter()
    program = jax.jit(loop, donate_argnums=0).lower(state, *placed).compile()
    compile_seconds = time.perf_counter() - started
    state, _ = jax.block_until_ready(program(state, *placed))
    port.ready(compile_seconds=compile_seconds)
    while port.begin():
        for _ in range(steps // chunk):
            state, sums = program(state, *placed)
        jax.block_until_ready((state, sums))
        port.end(steps // chunk * chunk * batch_size)


def product(port: Port, *, size: int = 2048, repeats: int = 8) -> None:
    """Products of two square matrices; an item is 1,000 floating point operations."""
    matrix = jnp.asarray(np.random.default_rng(0).random((size, size), np.float32))
    multiply = jax.jit(jnp.matmul)
    for _ in range(2):
        multiply(matrix, matrix).block_until_ready()
    port.ready()
    while port.begin():
        for _ in range(repeats):
            multiply(matrix, matrix).block_until_ready()
        port.end(repeats * 2 * size**3 // 1000)
