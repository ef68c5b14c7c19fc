"""A decoder-only Transformer that writes Shakespeare, letter by letter (Radford et al. 2018; notes 001 section 11).

    python -m experiments.char_gpt

--name NAME --resume --prompt "KING:" lets a finished run write on. Three layers, 1.35 million parameters, 7.4 million
characters read; every character of the validation text is predicted once, in windows side by side (contexts of 1 to 128
characters) or, strided, in windows that move by 32 (of 97 to 128).

2 CPU cores: about 6 min. Validation loss 1.500 +- 0.000 (tiny_shakespeare, 1 seed) nats a character, validation bits
2.164 +- 0.000 (tiny_shakespeare, 1 seed); strided validation loss 1.477 +- 0.000 (tiny_shakespeare, 1 seed). The
training loss of the last steps is 1.20: for much longer or larger a training wants dropout. What it owes to what the
notes' Transformer has not, in short runs of 0.8 million parameters on 0.5 million characters: sinusoidal positions
2.42, rotary ones 2.03, then Muon and its rates 1.90, the squared ReLU and twice the rate 1.83. For an accelerator, not
measured: --context 256 --features 384 --num-heads 6 --num-layers 6 --dropout 0.2 --batch-size 64 --steps 4000.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

import dlx
from dlx.errors import DatasetError, UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.options import DEVICES, LOG, TRAINING, refuse_together
from dlx.run.texts import check_vocabulary, encode_given

TEMPERATURES = (0.5, 0.8, 1.0)


@dataclass(frozen=True)
class Config(Options):
    """Options of the language model."""

    # the rate falls to 0 at the last step
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG
    invocation: ClassVar[frozenset[str]] = Options.invocation | {"prompt"}

    dataset: Literal["python_docs", "tiny_shakespeare", "time_machine"] = "tiny_shakespeare"
    """Text; python_docs is embedded."""
    steps: int | None = 1800
    batch_size: int = 32
    optimizer: str = "muon"
    """muon: orthogonal steps for the kernels of the layers, Adam for the rest; or as everywhere."""
    learning_rate: float = 8e-3
    """At the end of the warm-up, then down to 0 along half a cosine."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = 0.1
    """Of Muon."""
    evaluate_every: int | None = 300
    checkpoint_every: int | None = 600
    allocator: Literal["default", "keep"] = "keep"
    context: int = 128
    """Characters that the network sees at most."""
    features: int = 192
    """Width of a character's vector and of all layers."""
    num_heads: int = 3
    """Heads of the attention; they divide the features."""
    num_layers: int = 3
    """Layers."""
    widening: int = 4
    """Units of a position-wise network for each feature."""
    positions: Literal["rotary", "sinusoidal", "learned"] = "rotary"
    """How the network knows positions; sinusoidal as in the paper and in the notes."""
    activation: str = "squared_relu"
    """Of the position-wise networks, one of dlx.nn; relu in the paper and in the notes."""
    norm_first: bool = True
    """Norms in front of the sub-layers, not behind them as in the paper."""
    dropout: float = 0.0
    """Probability that a unit is off in training."""
    stride: int = 32
    """After training the validation text is also predicted in windows that move by so much."""
    prompt: str | None = None
    """What the written texts begin with; None: how the validation text begins."""
    sample_length: int = 500
    """Characters that are written for the report."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("features", "num_heads", "num_layers", "widening", "stride", "sample_length"):
            require(self, field, at_least=1)
        require(self, "context", at_least=4)
        require(self, "stride", at_most=self.context)
        require(self, "weight_decay", at_least=0)
        for field in ("dropout", "warmup"):
            require(self, field, at_least=0, below=1)
        if self.features % self.num_heads:
            raise UsageError(f"--num-heads {self.num_heads} does not divide --features {self.features}.")
        if self.optimizer != "muon":
            refuse_together(self, f"--optimizer {self.optimizer}", ("weight_decay",), "it is Muon's")
        if self.prompt == "":
            raise UsageError("--prompt wants at least one character.")


def main(config: Config) -> dict:
    """Trains, measures, writes and reports; returns the result."""
    corpus = dlx.data.load_corpus(config.dataset, "characters")
    prompt = encode_prompt(config, corpus)
    if len(corpus.train) <= config.context:
        raise UsageError(f"--context {config.context}: the training text has {len(corpus.train)} characters.")
    model = dlx.models.TransformerLM(
        vocabulary=len(corpus.vocabulary),
        features=config.features,
        num_heads=config.num_heads,
        hidden=config.widening * config.features,
        num_layers=config.num_layers,
        max_length=config.context,
        positions=config.positions,
        dropout=config.dropout,
        norm_first=config.norm_first,
        activation=config.activation,
    )
    starts = {"inputs": np.arange(len(corpus.train) - config.context, dtype=np.int32)}
    steps = config.steps or max(1, round((config.epochs or 1) * len(starts["inputs"]) / config.batch_size))
    task = dlx.train.supervised(
        model,
        lambda logits, labels: dlx.losses.sequence_cross_entropy(logits, labels, how="sequence"),
        optimizer_of(config, steps),
        example=starts,
        prepare=lambda batch: windows(corpus.train, batch["inputs"], config.context),
        **config.training_options(),
    )
    measure, held = validation(corpus, model, config.context, config.context)
    with open_run(config) as run:
        check_vocabulary(run, corpus.vocabulary)
        finished = config.prompt is not None and run.folder.resumed and run.folder.summary.exists()
        measured = None if finished else {"validation": (measure, held)}
        state = run.fit(task.step, task.init, starts, measured=measured)
        own = run.layout.fetch("state", state)
        params = jax.tree.map(lambda a: a[0], own.params if own.ema is None else own.ema)
        texts = continued(config, corpus, model, params, prompt)
        if finished:
            print("\n\n".join(f"--- {label}\n{text}" for label, text in texts.items()))
            return {**json.loads(run.folder.summary.read_text(encoding="utf-8")), "texts": texts}
        run.text(f"Written behind the first characters (seed {config.seed})", texts)
        measure, held = validation(corpus, model, config.context, config.stride)
        strided = dlx.train.evaluator(measure, held, layout=run.layout)(state)["loss"]
        losses = {"strided_validation_loss": strided, "validation_bits": run.final["validation_loss"] / math.log(2)}
        return run.finish(losses, texts=texts)


def encode_prompt(config: Config, corpus: Any) -> np.ndarray:
    """Ids of the beginning, without the few characters that the training text lacks.

    Raises: UsageError that names characters which the vocabulary lacks.
    """
    if config.prompt is None:
        return corpus.validation[: config.context // 2]
    return encode_given("prompt", config.prompt, corpus)


def optimizer_of(config: Config, steps: int) -> optax.GradientTransformation:
    """Warm-up and cosine; clipping; Muon (Jordan et al. 2024) with steps as long as Adam's, or another one."""
    warmup = max(1, round(config.warmup * steps))
    cosine = dlx.optim.cosine_schedule(config.learning_rate, steps=max(1, steps - warmup))
    rate = dlx.optim.warmup_schedule(cosine, steps=warmup)
    if config.optimizer != "muon":
        return optax.chain(dlx.optim.clip_by_global_norm(1.0), dlx.optim.create(config.optimizer, rate))
    muon = optax.contrib.muon(
        rate, weight_decay=config.weight_decay, adam_b2=0.99, adam_learning_rate=lambda count: rate(count) / 2,
        muon_weight_dimension_numbers=kernels_of_layers, consistent_rms=0.2,
    )  # fmt: skip
    return optax.chain(dlx.optim.clip_by_global_norm(1.0), muon)


def kernels_of_layers(params: Any) -> Any:
    """Which parameters Muon is for: matrices inside layers, not the table of characters."""

    def dimensions(path: tuple, leaf: Any) -> Any:
        inside = any(str(getattr(key, "key", "")).startswith("layers_") for key in path)
        return optax.contrib.MuonDimensionNumbers() if inside and leaf.ndim == 2 else None

    return jax.tree_util.tree_map_with_path(dimensions, params)


def windows(text: np.ndarray, starts: jax.Array, context: int) -> dict[str, jax.Array]:
    """Inputs and labels, (batch, context) each, from a text that lies on the device."""
    stored = jnp.asarray(text, jnp.uint8 if text.max() < 256 else jnp.int32)
    found = stored[starts[:, None] + jnp.arange(context + 1)[None]].astype(jnp.int32)
    return {"inputs": found[:, :-1], "labels": found[:, 1:]}


def validation(corpus: Any, model: Any, context: int, stride: int) -> tuple[Any, dict[str, np.ndarray]]:
    """(measure, data): every character of the validation text is predicted once, by windows that move by `stride`.

    A window counts its last `stride` labels, whose contexts have context - stride + 1 to context characters. What
    stands before the validation text is the end of the training text.
    """
    if not len(corpus.validation):
        raise DatasetError("The text has no validation split.")
    text = np.concatenate([corpus.train[-context:], corpus.validation])
    ends = np.minimum(np.arange(stride, len(corpus.validation) + stride, stride), len(corpus.validation))
    data = {"inputs": (ends - 1).astype(np.int32), "counts": np.diff(ends, prepend=0).astype(np.int32)}

    def measure(state: Any, batch: Mapping[str, jax.Array], weight: jax.Array) -> dict:
        params = state.params if state.ema is None else state.ema
        batch = {**batch, **windows(text, batch["inputs"], context)}
        logits = model.apply({"params": params}, batch["inputs"])
        counted = jnp.arange(context)[None] >= context - batch["counts"][:, None]
        counted &= weight[:, None] > 0
        values = dlx.losses.sequence_cross_entropy(logits, batch["labels"], counted, how="none")
        return {"loss": (jnp.sum(values), jnp.sum(counted, dtype=values.dtype))}

    return measure, data


def continued(config: Config, corpus: Any, model: Any, params: Any, prompt: np.ndarray) -> dict[str, str]:
    """{temperature: the beginning and what follows}, of the first seed; one compiled call for all temperatures."""

    @jax.jit
    def write(params: Any, prompt: jax.Array, key: jax.Array) -> jax.Array:
        def one(temperature: jax.Array, key: jax.Array) -> jax.Array:
            return go_on(model, params, key, prompt, config.sample_length, temperature)

        return lax.map(lambda pair: one(*pair), (jnp.array(TEMPERATURES), jax.random.split(key, len(TEMPERATURES))))

    found = write(params, jnp.asarray(prompt), jax.random.key(config.seed))
    begun = "".join(corpus.vocabulary.decode(prompt))
    rows = ["".join(corpus.vocabulary.decode(row)) for row in np.asarray(found)]
    return {f"temperature {value:g}": begun + row for value, row in zip(TEMPERATURES, rows, strict=True)}


def go_on(model: Any, params: Any, key: jax.Array, prompt: jax.Array, length: int, temperature: Any) -> jax.Array:
    """(length,) characters behind a beginning, with the cache; when it is full, the last half is read again."""
    half = model.max_length // 2

    def piece(key: jax.Array, given: jax.Array, count: int) -> jax.Array:
        variables = {"params": params}
        state = model.apply(variables, 1, method="start")
        if len(given) > 1:
            _, state = model.apply(variables, state, given[None, :-1], method="extend")

        def step(state: Any, tokens: jax.Array) -> tuple:
            logits, state = model.apply(variables, state, tokens, method="step")
            # <unk> is never written
            return logits.at[:, 0].set(-jnp.inf), state

        drawn = dlx.text.sample_tokens(key, step, state, given[-1:], max_length=count, temperature=temperature)
        return drawn.tokens[0]

    given = prompt[-half:].astype(jnp.int32)
    first = piece(jax.random.fold_in(key, 0), given, model.max_length - len(given))
    seen = jnp.concatenate([given, first])[-half:]

    def more(seen: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
        written = piece(jax.random.fold_in(key, number), seen, half)
        return written, written

    pieces = max(0, -(-(length - len(first)) // half))
    _, rest = lax.scan(more, seen, jnp.arange(1, pieces + 1))
    return jnp.concatenate([first, rest.reshape(-1)])[:length]


if __name__ == "__main__":
    launch(Config, main)
