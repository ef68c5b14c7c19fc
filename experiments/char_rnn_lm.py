"""Recurrent language models of characters: RNN, GRU and LSTM on the same batches (notes 001 section 8).

    python -m experiments.char_rnn_lm --dataset tiny_shakespeare --seeds 3
    python -m experiments.char_rnn_lm --dataset time_machine --epochs 8 --dropout 0.2 --seeds 3
    python -m experiments.char_rnn_lm --dataset time_machine_10000 --notes --epochs 250
    python -m experiments.char_rnn_lm --dataset tang_poems --min-frequency 2 --embedding 256 --epochs 25 --dropout 0.4

CPU: about 3, 2, 1 and 1 min. Nats a character after two passes, 2.0 wanted: validation loss gru 1.652 +- 0.004
(tiny_shakespeare, 3 seeds), validation loss lstm 1.762 +- 0.008 (tiny_shakespeare, 3 seeds), validation loss rnn 1.841
+- 0.004 (tiny_shakespeare, 3 seeds). A novel: test perplexity gru 5.18 +- 0.02 (time_machine, 3 seeds), test perplexity
lstm 5.92 +- 0.03 (time_machine, 3 seeds), test perplexity rnn 7.02 +- 0.03 (time_machine, 3 seeds).

Its first 10,000 letters, learnt by heart as the notes have it (SGD at 100, gradients of norm 0.01), 1.5 wanted: train
perplexity gru 1.052 +- 0 (time_machine_10000, 1 seed), train perplexity lstm 1.069 +- 0 (time_machine_10000, 1 seed),
train perplexity rnn 1.404 +- 0 (time_machine_10000, 1 seed). In 14 rows that are twice as long as those trained on, and
begin elsewhere: learnt perplexity lstm 1.731 +- 0 (time_machine_10000, 1 seed).

Chinese poems, 24,000 characters of 1,669 kinds: test perplexity gru 182.8 +- 0 (tang_poems, 1 seed), test perplexity
lstm 185.7 +- 0 (tang_poems, 1 seed), test perplexity rnn 184.5 +- 0 (tang_poems, 1 seed); from the 11th of the 25
passes on GRU and LSTM gain nothing on the validation poems.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import optax

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.continuations import continuations
from dlx.run.options import DEVICES, LOG, TRAINING, refuse_together
from dlx.run.plan import total_steps
from dlx.run.texts import check_vocabulary, check_windows, encode_given

PREFIXES = {
    "python_docs": "The ",
    "tiny_shakespeare": "ROMEO:\n",
    "time_machine": "The Time Traveller ",
    "time_machine_10000": "time traveller ",
    "tang_poems": "明月",
    "song_poems": "明月",
}
NAMES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


@dataclass(frozen=True)
class Config(Options):
    """Options of the language models."""

    uses: ClassVar[frozenset[str]] = TRAINING - {"accumulate"} | DEVICES | LOG
    # the rate falls to 0 at the last step
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal[
        "python_docs", "tiny_shakespeare", "time_machine", "time_machine_10000", "tang_poems", "song_poems"
    ] = "tiny_shakespeare"
    """Text; python_docs is embedded; time_machine_10000: the first letters, lower case, to be learnt by heart."""
    epochs: float | None = 2
    batch_size: int = 32
    """Rows of the text that are read side by side."""
    learning_rate: float = 4e-3
    """Falls in a straight line to 0."""
    cells: tuple[str, ...] = ("lstm", "gru", "rnn")
    """Recurrent layers that are compared: rnn, gru, lstm."""
    units: int = 256
    """Of a recurrent layer."""
    num_layers: int = 1
    """Recurrent layers."""
    embedding: int | None = None
    """Numbers of a character's vector, which is its row of the output's kernel if they are as many as units; None:
    one-hot vectors."""
    dropout: float = 0.0
    """Probability that a unit is off in training: of the vectors, between layers, before the output."""
    time: int = 35
    """Characters of a batch's row; gradients do not reach behind its first."""
    sampling: Literal["adjacent", "random"] = "adjacent"
    """Whether a batch goes on where the one before ended."""
    reset: float = 0.02
    """Probability that a row's state is emptied at a step."""
    clip: float = 1.0
    """Largest norm of a gradient."""
    notes: bool = False
    """Train as the notes do: SGD at 100, gradients of norm 0.01 at most, a state that is emptied once an epoch."""
    min_frequency: int = 1
    """How often a character must stand in the training text; rarer ones are one character, <unk>."""
    prefix: str | None = None
    """What the written texts begin with; None: something that fits the text."""
    sample_length: int = 300
    """Characters that are written for the report."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("units", "num_layers", "embedding", "time", "min_frequency", "sample_length"):
            require(self, field, at_least=1)
        require(self, "cells", choices=tuple(NAMES))
        require(self, "dropout", at_least=0, below=1)
        require(self, "clip", above=0)
        require(self, "reset", at_least=0, at_most=1)
        if self.notes:
            idle = ("optimizer", "learning_rate", "clip", "reset")
            refuse_together(self, "--notes", idle, "SGD at 100, gradients of norm 0.01 at most, no reset")
        if self.prefix == "":
            raise UsageError("--prefix wants at least one character.")


def main(config: Config) -> dict:
    """Trains the cells side by side, measures, lets them write, and reports; returns the result."""
    learnt = config.dataset == "time_machine_10000"
    corpus = dlx.data.load_corpus(
        "time_machine" if learnt else config.dataset, "characters", min_frequency=config.min_frequency,
        letters=learnt, first=10_000 if learnt else None,
    )  # fmt: skip
    check_windows(config, corpus.train)
    if config.prefix is not None:
        encode_given("prefix", config.prefix, corpus)
    models = {cell: dlx.models.RecurrentLanguageModel(
        vocabulary=len(corpus.vocabulary), embedding=config.embedding, units=config.units, cell=cell,
        num_layers=config.num_layers, dropout=config.dropout, tied=config.embedding == config.units,
        dtype=None if config.precision == "float32" else config.precision,
    ) for cell in config.cells}  # fmt: skip
    with open_run(config) as run:
        check_vocabulary(run, corpus.vocabulary)
        source = dlx.data.SequenceWindows(
            corpus.train, batch_size=config.batch_size, steps=config.time, sampling=config.sampling, seed=config.seed,
            process=(jax.process_index(), jax.process_count()),
        )  # fmt: skip
        optimizer = optimizer_of(config, total_steps(config, source.batches_per_epoch))
        options: dict[str, Any] = {
            "batch_size": config.batch_size,
            "ema": config.ema,
            "reset": 0.0 if config.notes else config.reset,
        }
        tasks = {f"_{cell}": dlx.train.recurrent(model, optimizer, **options) for cell, model in models.items()}
        task = dlx.train.side_by_side(tasks)
        # rows long enough that their empty beginnings do not matter
        rows = max(1, min(config.batch_size, len(corpus.validation) // (20 * config.time)))
        held = dlx.train.text_rows(corpus.validation, rows=rows, steps=config.time)
        state = run.fit(
            task.step, task.init, source, measured={"learnt" if learnt else "validation": (task.measure, held)},
            spec={end: one.spec for end, one in tasks.items()}, derived=dlx.train.perplexities,
        )  # fmt: skip
        tested = {}
        if len(corpus.test) > 1:
            whole = dlx.train.text_rows(corpus.test, steps=config.time)
            losses = dlx.train.evaluator(task.measure, whole, layout=run.layout)(state)
            tested = dlx.train.perplexities({f"test_{name}": value for name, value in losses.items()})
        show_texts(config, run, corpus, models, run.layout.fetch("state", state))
        return run.finish(tested)


def optimizer_of(config: Config, steps: int) -> Any:
    """Clipping, and what makes a step of it."""
    # a step of SGD is as long as the rate times the clipped norm: 100 times 0.01
    clip, name = (0.01, "sgd") if config.notes else (config.clip, config.optimizer)
    rate = 100.0 if config.notes else dlx.optim.polynomial_schedule(config.learning_rate, steps=steps)
    return optax.chain(dlx.optim.clip_by_global_norm(clip), dlx.optim.create(name, rate))


def show_texts(config: Config, run: Any, corpus: Any, models: dict, states: Any) -> None:
    """What the first seed of each cell writes."""
    prefix = PREFIXES[config.dataset] if config.prefix is None else config.prefix
    for cell, model in models.items():
        own = states[f"_{cell}"]
        params = jax.tree.map(lambda a: jnp.asarray(a[0]), own.params if own.ema is None else own.ema)
        texts = continuations(corpus, model, params, prefix, length=config.sample_length, seed=config.seed)
        run.text(f"Written by the {NAMES[cell]} (seed {config.seed})", texts)


if __name__ == "__main__":
    launch(Config, main)
