"""A neural n-gram model: the next word from the vectors of those before it (Bengio et al. 2003; notes 001 section 11).

    python -m experiments.neural_ngram_lm --dataset ptb

CPU: about 3 min. Four words of context, vectors of 100 numbers, 200 hidden units, three passes: test perplexity
139.5 +- 0 (ptb, 1 seed); Mikolov et al. 2011 have 140.2. The n-gram model of equal order, Kneser-Ney's with three
discounts: test perplexity kneser ney 141.1 +- 0 (ptb, 1 seed). They err in different places: an equal mixture of both,
the share chosen on the validation text, test perplexity both 116.9 +- 0 (ptb, 1 seed).
"""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import spread
from dlx.run.options import DEVICES, LOG, TRAINING
from dlx.run.plan import total_steps
from dlx.run.texts import check_vocabulary


@dataclass(frozen=True)
class Config(Options):
    """Options of the neural n-gram model."""

    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG
    # the rate falls to 0 at the last step
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["python_docs", "ptb", "wikitext2"] = "ptb"
    """Text; python_docs is embedded."""
    epochs: float | None = 3
    batch_size: int = 512
    learning_rate: float = 3e-3
    order: int = 5
    """Words of an n-gram: one less is the context."""
    embedding: int = 100
    """Numbers of a word's vector."""
    hidden: int = 200
    """Units of the hidden layer."""
    dropout: float = 0.2
    """Probability that a hidden unit is off in training."""
    min_frequency: int = 1
    """How often a word must stand in the training text; rarer ones are one word, <unk>."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "order", at_least=2)
        require(self, "embedding", at_least=1)
        require(self, "hidden", at_least=1)
        require(self, "dropout", at_least=0, below=1)
        require(self, "min_frequency", at_least=1)


def main(config: Config) -> dict:
    """Trains, measures on the test text once, and reports; returns the result."""
    corpus = dlx.data.load_corpus(config.dataset, "words", min_frequency=config.min_frequency)
    size, order = len(corpus.vocabulary), config.order
    train, held, test = (examples(tokens, order) for tokens in (corpus.train, corpus.validation, corpus.test))
    model = dlx.models.FeedForwardLanguageModel(
        vocabulary=size, context=order - 1, embedding=config.embedding, units=config.hidden, dropout=config.dropout,
        embedding_init=functools.partial(dlx.nn.normal, stddev=0.1),
    )  # fmt: skip
    steps = total_steps(config, dlx.train.steps_per_epoch(len(train["inputs"]), config.batch_size))
    rate = dlx.optim.polynomial_schedule(config.learning_rate, steps=steps)
    task = dlx.train.supervised(
        model, dlx.losses.softmax_cross_entropy, dlx.optim.create(config.optimizer, rate), example=train,
        **config.training_options(),
    )  # fmt: skip
    with open_run(config) as run:
        check_vocabulary(run, corpus.vocabulary)
        state = run.fit(
            task.step, task.init, train, measured={"validation": (task.measure, held)}, derived=dlx.train.perplexities
        )
        own = run.layout.fetch("state", state)
        params = own.params if own.ema is None else own.ema
        neural = [np.stack([probabilities(model, jax.tree.map(lambda a: jnp.asarray(a[k]), params), split)  # noqa: B023
                            for k in range(config.seeds)]) for split in (held, test)]  # fmt: skip
        counted = [counts(corpus, order, tokens) for tokens in (corpus.validation, corpus.test)]
        share = best_share(neural[0], counted[0])
        found = {
            "test_perplexity": perplexity(neural[1]),
            "test_perplexity_kneser_ney": perplexity(counted[1]),
            "test_perplexity_both": perplexity(mixed(neural[1], counted[1], share)),
        }
        run.table(f"Perplexity on the test text, {order}-grams", [["model", "perplexity"], *(
            [name, spread(np.atleast_1d(found[key]), digits=1)] for name, key in (
                ("neural", "test_perplexity"), ("Kneser-Ney, three discounts", "test_perplexity_kneser_ney"),
                ("both, mixed as is best for the validation text", "test_perplexity_both")))])  # fmt: skip
        run.table(f"Words whose vectors are nearest (seed {config.seed})", neighbours(corpus, params["embedding"][0]))
        return run.finish({**found, "neural_share": share})


def examples(tokens: np.ndarray, order: int) -> dict[str, np.ndarray]:
    """Each word behind the first, and those before it; in front of the text stands its first token, <eos>."""
    windows = dlx.text.ngram_windows(tokens, order=order)[1:]
    windows = np.where(windows < 0, tokens[0], windows).astype(np.int32)
    return {"inputs": windows[:, :-1], "labels": windows[:, -1]}


def probabilities(model: Any, params: Any, split: dict[str, np.ndarray], *, size: int = 2000) -> np.ndarray:
    """(words,) what the model says of each word that came."""

    @jax.jit
    def of(inputs: jax.Array, labels: jax.Array) -> jax.Array:
        return jnp.exp(-dlx.losses.softmax_cross_entropy(model.apply({"params": params}, inputs), labels))

    places = range(0, len(split["labels"]), size)
    return np.concatenate([of(split["inputs"][i : i + size], split["labels"][i : i + size]) for i in places])


def counts(corpus: Any, order: int, tokens: np.ndarray) -> np.ndarray:
    """The same of the n-gram model of equal order."""
    table = dlx.text.ngram_table(corpus.train, vocabulary=len(corpus.vocabulary), order=order)
    windows = dlx.text.ngram_windows(tokens, order=order)[1:]
    return dlx.text.kneser_ney_probabilities(dlx.text.kneser_ney(table), windows)


def perplexity(chances: np.ndarray) -> np.ndarray:
    """Of the words of the last axis."""
    return np.exp(-np.log(np.asarray(chances, np.float64)).mean(-1))


def mixed(neural: np.ndarray, counted: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A mixture of two models: (seeds, words)."""
    return share[:, None] * neural + (1 - share[:, None]) * counted[None]


def best_share(neural: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(seeds,) the neural model's share with the smallest perplexity, of 0, 0.05, ..., 1."""
    shares = np.linspace(0, 1, 21)
    scores = [perplexity(mixed(neural, counted, np.full(len(neural), share))) for share in shares]
    return shares[np.argmin(scores, axis=0)]


def neighbours(corpus: Any, vectors: np.ndarray, count: int = 6) -> list[list[str]]:
    """For frequent words, those at the smallest angles."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    words = [
        word
        for word in ("company", "he", "monday", "york", "million", "rose", "class", "if")
        if word in corpus.vocabulary
    ]
    rows = [["word", "nearest"]]
    for word in words:
        near = np.argsort(-(unit @ unit[corpus.vocabulary.index(word)]))[1 : count + 1]
        rows.append([word, ", ".join(corpus.vocabulary.decode(near))])
    return rows


if __name__ == "__main__":
    launch(Config, main)
