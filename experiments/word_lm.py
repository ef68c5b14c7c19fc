"""A recurrent language model of words (Zaremba et al. 2014; Press and Wolf 2017; notes 001 section 8).

    python -m experiments.word_lm --dataset ptb

CPU: about 6 min. An LSTM of 256 units whose output's kernel is its table of words, dropout 0.2, Adam with a rate that
falls to 0, 4.75 passes; the validation text is read after each, the test text once and without a break: test perplexity
102.2 +- 0, validation perplexity 107.8 +- 0 (ptb, 1 seed). Zaremba et al. have 114.5 without dropout. The state of a
row is emptied with probability 0.02 at each step. Emptied once an epoch only, it led to models that knew the running
text and were lost on one that began: after half an epoch 3,411 in the validation text's 20 rows, 325 in the test text.
"""

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.continuations import continuations
from dlx.run.options import DEVICES, LOG, TRAINING
from dlx.run.plan import total_steps
from dlx.run.texts import check_vocabulary, check_windows, encode_given

PREFIXES = {"python_docs": "the class", "ptb": "the company said it", "wikitext2": "the company said it"}


@dataclass(frozen=True)
class Config(Options):
    """Options of the language model."""

    uses: ClassVar[frozenset[str]] = TRAINING - {"accumulate"} | DEVICES | LOG
    # the rate falls to 0 at the last step
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["python_docs", "ptb", "wikitext2"] = "ptb"
    """Text; python_docs is embedded."""
    epochs: float | None = 4.75
    batch_size: int = 20
    """Rows of the text that are read side by side."""
    learning_rate: float = 5e-3
    """Falls in a straight line to 0."""
    cell: Literal["rnn", "gru", "lstm"] = "lstm"
    """Kind of the recurrent layers."""
    units: int = 256
    """Of a layer, and numbers of a word's vector, which is also its row of the output's kernel."""
    num_layers: int = 1
    """Recurrent layers."""
    dropout: float = 0.2
    """Probability that a unit is off in training: of word vectors, between layers, before the output."""
    time: int = 35
    """Words of a batch's row; gradients do not reach behind its first."""
    reset: float = 0.02
    """Probability that a row's state is emptied at a step."""
    clip: float = 1.0
    """Largest norm of a gradient."""
    min_frequency: int = 1
    """How often a word must stand in the training text; rarer ones are one word, <unk>."""
    prefix: str | None = None
    """What the written texts begin with; None: something that fits the text."""
    sample_length: int = 60
    """Words that are written for the report."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("units", "num_layers", "time", "min_frequency", "sample_length"):
            require(self, field, at_least=1)
        require(self, "dropout", at_least=0, below=1)
        require(self, "clip", above=0)
        require(self, "reset", at_least=0, at_most=1)
        if self.prefix is not None and not self.prefix.strip():
            raise UsageError("--prefix wants at least one word.")


def main(config: Config) -> dict:
    """Trains, reads the test text once, writes texts, and reports; returns the result."""
    corpus = dlx.data.load_corpus(config.dataset, "words", min_frequency=config.min_frequency)
    check_windows(config, corpus.train)
    prefix = PREFIXES[config.dataset] if config.prefix is None else config.prefix
    if config.prefix is not None:
        encode_given("prefix", prefix, corpus)
    model = dlx.models.RecurrentLanguageModel(
        vocabulary=len(corpus.vocabulary), embedding=config.units, units=config.units, cell=config.cell, tied=True,
        num_layers=config.num_layers, dropout=config.dropout,
        cell_options={"forget_bias": 0.0} if config.cell == "lstm" else {},
        embedding_init=functools.partial(dlx.nn.normal, stddev=0.05),
        dtype=None if config.precision == "float32" else config.precision,
    )  # fmt: skip
    with open_run(config) as run:
        check_vocabulary(run, corpus.vocabulary)
        source = dlx.data.SequenceWindows(
            corpus.train, batch_size=config.batch_size, steps=config.time, seed=config.seed,
            process=(jax.process_index(), jax.process_count()),
        )  # fmt: skip
        steps = total_steps(config, source.batches_per_epoch)
        rate = dlx.optim.polynomial_schedule(config.learning_rate, steps=steps)
        optimizer = optax.chain(dlx.optim.clip_by_global_norm(config.clip), dlx.optim.create(config.optimizer, rate))
        task = dlx.train.recurrent(model, optimizer, batch_size=config.batch_size, reset=config.reset, ema=config.ema)
        held = dlx.train.text_rows(corpus.validation, rows=config.batch_size, steps=config.time)
        state = run.fit(
            task.step, task.init, source, measured={"validation": (task.measure, held)}, spec=task.spec,
            derived=dlx.train.perplexities,
        )  # fmt: skip
        rows = dlx.train.text_rows(corpus.test, steps=config.time)
        tested = dlx.train.evaluator(task.measure, rows, layout=run.layout)(state)["loss"]
        own = run.layout.fetch("state", state)
        params = jax.tree.map(lambda a: jnp.asarray(a[0]), own.params if own.ema is None else own.ema)
        run.text(
            f"Written by seed {config.seed} behind {prefix!r}",
            continuations(corpus, model, params, prefix, length=config.sample_length, seed=config.seed),
        )
        return run.finish({"test_perplexity": np.exp(tested)})


if __name__ == "__main__":
    launch(Config, main)
