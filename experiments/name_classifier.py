"""The language of a name from its characters, by a recurrent network (notes 004 part 4).

    python -m experiments.name_classifier --seeds 3

CPU: about 2 min. Gated units that read at each character the vectors of the n-grams that end there: test accuracy
0.8373 +- 0.0039 (names, 3 seeds). On the same names logistic regression on 1- to 4-grams has 0.8329, naive Bayes
0.8134. For rare languages, test balanced accuracy 0.503 +- 0.016 (names, 3 seeds), with log prior in the loss test
balanced accuracy adjusted 0.626 +- 0.021 (names, 3 seeds), with weights test balanced accuracy weighted 0.620 +- 0.024
(names, 3 seeds); the baselines have 0.47 and 0.58. The price is test accuracy adjusted 0.567 +- 0.004 (names, 3 seeds)
and test accuracy weighted 0.746 +- 0.003 (names, 3 seeds). All networks of cross entropy together have 0.8445.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import confusion_figure, spread
from dlx.run.texts import check_vocabulary
from experiments._names import NGrams, generated, logistic_regression, naive_bayes, scores

# rows of a table of n-grams at most; those that are more share them
BUCKETS = 8191
# names whose answers are shown
EXAMPLES = ("Dostoyevsky", "Jackson", "Hayashi", "Nguyen", "O'Connor", "Papadopoulos", "García", "Dvořák")


@dataclass(frozen=True)
class Config(Options):
    """Options of the classifier."""

    # several networks are trained already
    uses: ClassVar[frozenset[str]] = Options.uses - {"sweep"}
    # a run may be asked for other names
    neutral: ClassVar[frozenset[str]] = Options.neutral | {"classify"}
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["names", "generated"] = "names"
    """Surnames of 18 languages; or, with no file, words of random Markov chains, of which the best answer is known."""
    epochs: float | None = 8
    batch_size: int = 64
    learning_rate: float = 5e-3
    ema: float | None = 0.995
    cell: Literal["rnn", "gru", "lstm"] = "gru"
    """Recurrent cell."""
    units: int = 96
    """Of a layer in one direction."""
    layers: int = 1
    """Recurrent layers."""
    bidirectional: bool = True
    """Read the name from its end as well."""
    embedding: int = 48
    """Width of the characters' vectors."""
    ngrams: int = 3
    """A character's vector is joined by those of the 2-grams, ..., n-grams that end in it; 1: characters alone."""
    ngram_width: int = 16
    """Width of the vectors of n-grams."""
    dropout: float = 0.5
    """Probability that a unit is off in training, between the layers and before the output."""
    longest: int = 15
    """Characters of a name that are read; of longer ones the end is cut off, 7 in 10,000."""
    pooled: bool = True
    """Read the largest and the mean state of the name beside the last one."""
    unknown: float = 0.1
    """Probability that a character of a training name is hidden."""
    label_smoothing: float = 0.1
    """Share of the labels' probability that goes to all languages equally."""
    adjustment: float = 1.0
    """Strength of both remedies for rare languages: of log prior in the adjusted loss, of 1 / prior in the weighted."""
    l2: tuple[float, ...] = (3e-5, 1e-4)
    """Penalties of the logistic regression; the one that is best on validation names is kept."""
    smoothing: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    """Added to the counts of naive Bayes; the one that is best on validation names is kept."""
    classify: tuple[str, ...] = ()
    """Names to be classified after the training; with --resume, by the trained run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("units", "layers", "embedding", "longest", "ngram_width"):
            require(self, field, at_least=1)
        for field in ("dropout", "unknown", "label_smoothing"):
            require(self, field, at_least=0, below=1)
        require(self, "ngrams", at_least=1, at_most=5)
        require(self, "adjustment", at_least=0)
        for field in ("l2", "smoothing"):
            require(self, field, above=0)
        if "" in self.classify:
            raise UsageError("--classify wants names; got an empty one.")


class Names(NamedTuple):
    """Splits of names with labels, languages, vocabulary, length; `best` is the law's own accuracy, if it is known."""

    splits: dict[str, list[tuple[str, str]]]
    data: dict[str, dict[str, np.ndarray]]
    languages: tuple[str, ...]
    vocabulary: dlx.text.Vocabulary
    length: int
    prior: np.ndarray
    best: float | None


class NameClassifier(dlx.models.CharacterClassifier):
    """`CharacterClassifier` that finds the length of a name by its padding, id 0, and hides characters in training.

    With `ngrams` above 1 it reads at each character the vectors of the n-grams that end there too, as fastText does of
    words (Bojanowski et al. 2017): what a linear model on n-grams knows by heart, the recurrent layer need not learn.
    """

    unknown: float = 0.0
    ngrams: int = 1
    ngram_width: int = 16

    def __call__(self, tokens: jax.Array, lengths: jax.Array | None = None, *, train: bool = False) -> jax.Array:
        """(batch, length) ids -> (batch, languages) logits."""
        present = tokens != 0
        if train and self.unknown:
            keys = dlx.nn.example_keys(self.make_rng("dropout"), len(tokens), axis_name=self.axis_name)
            hidden = jax.vmap(lambda key: jax.random.bernoulli(key, self.unknown, tokens.shape[1:]))(keys)
            tokens = jnp.where(present & hidden, 1, tokens)
        return super().__call__(tokens, jnp.sum(present, -1) if lengths is None else lengths, train=train)

    def _vectors(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        vectors, table = super()._vectors(tokens)
        parts = [vectors]
        for order in range(2, self.ngrams + 1):
            rows = min(BUCKETS, self.vocabulary**order)
            init = functools.partial(dlx.nn.normal, stddev=0.1)
            own = self.param(f"embedding_{order}", init, (rows, self.ngram_width), self.param_dtype)
            numbers = ngram_numbers(tokens, self.vocabulary, order)
            parts.append(dlx.nn.embedding(own.astype(vectors.dtype), numbers % rows))
        return jnp.concatenate(parts, -1), table


def ngram_numbers(tokens: jax.Array, vocabulary: int, order: int) -> jax.Array:
    """(names, length) a number for the n-gram that ends at each character; 0 stands before the beginning."""
    shifted = (jnp.pad(tokens, ((0, 0), (k, 0)))[:, : tokens.shape[1]] * vocabulary**k for k in range(order))
    return sum(shifted, start=jnp.zeros_like(tokens))


def main(config: Config) -> dict:
    """Trains with three losses, fits both baselines on the same names, and reports; returns the result."""
    names = load(config)
    asked = encoded(names, config.classify) if config.classify else None
    train, test = names.data["train"], names.data["test"]
    per_epoch = dlx.train.steps_per_epoch(len(train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    options = {"bidirectional": config.bidirectional} | ({"reset_after": True} if config.cell == "gru" else {})
    model = NameClassifier(
        vocabulary=len(names.vocabulary), embedding=config.embedding, cell=config.cell, units=config.units,
        num_layers=config.layers, dropout=config.dropout, cell_options=options, outputs=len(names.languages),
        pooled=config.pooled, unknown=config.unknown, ngrams=config.ngrams, ngram_width=config.ngram_width,
        embedding_init=functools.partial(dlx.nn.normal, stddev=0.3),
    )  # fmt: skip
    schedule = dlx.optim.cosine_schedule(config.learning_rate, steps=steps)
    both = dlx.train.side_by_side({
        end: dlx.train.supervised(
            model, loss, dlx.optim.create(config.optimizer, schedule), example=train,
            metrics={"accuracy": dlx.metrics.accuracy}, **config.training_options(),
        )
        for end, loss in losses(names.prior, config.adjustment, config.label_smoothing).items()
    })  # fmt: skip
    with open_run(config) as run:
        check_vocabulary(run, names.vocabulary)
        for line in remarks(names, config.classify):
            run.note(line)
        placed = run.fit(both.step, both.init, train, measured={"test": (both.measure, test)})
        state = run.layout.fetch("state", placed)
        params = {end: own.params if own.ema is None else own.ema for end, own in state.items()}
        answer = jax.jit(jax.vmap(lambda own, ids: model.apply({"params": own}, ids), (0, None)))
        logits = {end: np.asarray(answer(own, test["inputs"])) for end, own in params.items()}
        show(config, run, names, model, params[""], asked)
        return run.finish(compare(config, run, names, logits))


def losses(prior: np.ndarray, strength: float, label_smoothing: float) -> dict[str, Callable]:
    """{ending: loss}: cross entropy, the same of logits to which log prior is added, and with weights 1 / prior.

    The adjusted loss teaches logits from which the classes' frequencies have gone: the largest is the best answer in
    the mean over classes (Menon et al. 2021). The weights have the mean 1 over the training names.
    """
    logs = strength * np.log(prior).astype(np.float32)
    weights = (prior**-strength / np.sum(prior * prior**-strength)).astype(np.float32)
    plain = functools.partial(dlx.losses.softmax_cross_entropy, label_smoothing=label_smoothing)

    def weighted(logits: jax.Array, labels: jax.Array) -> jax.Array:
        return jnp.asarray(weights)[labels] * plain(logits, labels)

    return {"": plain, "_adjusted": lambda logits, labels: plain(logits + logs[None], labels), "_weighted": weighted}


def load(config: Config) -> Names:
    """Names in small letters as ids; characters that occur once in the training names are unknown."""
    best = None
    if config.dataset == "names":
        found = dlx.data.load_text("names")
        splits, languages = (
            {split: getattr(found, split) for split in ("train", "validation", "test")},
            found.card.classes,
        )
    else:
        splits, languages, best = generated()
    text = "".join(name for name, _ in splits["train"]).lower()
    vocabulary = dlx.text.build_vocabulary(text, min_frequency=2, reserved=(dlx.text.PAD, dlx.text.UNK))
    length = min(config.longest, max(len(name) for name, _ in splits["train"]))
    counts = np.bincount([languages.index(language) for _, language in splits["train"]], minlength=len(languages))
    names = Names(splits, {}, tuple(languages), vocabulary, length, counts / counts.sum(), best)
    data = {split: {"inputs": encoded(names, [name for name, _ in pairs]),
                    "labels": np.array([languages.index(language) for _, language in pairs], np.int32)}
            for split, pairs in splits.items()}  # fmt: skip
    return names._replace(data=data)


def encoded(names: Names, several: Sequence[str]) -> np.ndarray:
    """(names, length) ids."""
    ids = [names.vocabulary.encode(name.lower()) for name in several]
    return dlx.data.pad_sequences(ids, length=names.length, truncate=True).ids


def remarks(names: Names, several: Sequence[str]) -> list[str]:
    """What of some names the networks cannot read: characters that the vocabulary lacks, and the end of long ones."""
    lines = []
    for name in several:
        unknown = [c for c in dict.fromkeys(name.lower()[: names.length]) if c not in names.vocabulary]
        if unknown:
            lines.append(
                f"--classify {name}: not in the vocabulary, read as {dlx.text.UNK}: {', '.join(map(repr, unknown))}."
            )
        if len(name.lower()) > names.length:
            lines.append(
                f"--classify {name}: only the first {names.length} of {len(name)} characters are read (--longest)."
            )
    return lines


def show(config: Config, run: Any, names: Names, model: NameClassifier, params: Any, asked: np.ndarray | None) -> None:
    """The three most probable languages of some names, by the first seed; those of `asked` go to the screen."""
    test = names.splits["test"]
    given = EXAMPLES if config.dataset == "names" else tuple(name for name, _ in test[:8])
    own = jax.tree.map(lambda a: jnp.asarray(a[0]), params)
    answer: Any = jax.jit(lambda ids: model.apply({"params": own}, ids))

    def lines(several: Sequence[str], ids: np.ndarray) -> list[list[str]]:
        probabilities = np.asarray(jax.nn.softmax(answer(ids)))
        first = np.argsort(-probabilities, axis=1)[:, :3]
        return [[name, *(f"{names.languages[c]} {p[c]:.2f}" for c in row)]
                for name, p, row in zip(several, probabilities, first, strict=True)]  # fmt: skip

    rows = [["name", "first", "second", "third"], *lines(given, encoded(names, given))]
    run.table(f"Most probable languages (seed {config.seed})", rows)
    for line in lines(config.classify, asked) if asked is not None else ():
        print("  ".join(line), flush=True)


def compare(config: Config, run: Any, names: Names, logits: dict[str, np.ndarray]) -> dict[str, np.ndarray | float]:
    """Accuracy and balanced accuracy of networks and baselines on the test names, as a table and as metrics."""
    labels = names.data["test"]["labels"]
    together = np.log(np.mean(np.asarray(jax.nn.softmax(logits[""])), 0, keepdims=True))
    networks = {
        "": ("network", logits[""]),
        "_adjusted": ("network, adjusted loss", logits["_adjusted"]),
        "_weighted": ("network, weighted loss", logits["_weighted"]),
        "_afterwards": ("network, log prior taken off afterwards", logits[""] - np.log(names.prior)),
        "_ensemble": (f"{len(logits[''])} networks together", together),
    }
    rows, found = [["answer", "test accuracy", "balanced accuracy"]], {}
    for end, (title, own) in networks.items():
        values = np.array([judged(one.argmax(-1), labels) for one in own]).T
        rows.append([title, *(spread(v) for v in values)])
        for name, v in zip(("test_accuracy", "test_balanced_accuracy"), values, strict=True):
            # what is one for all seeds is one number
            found[name + end] = v if end != "_ensemble" else v[0]
    more, metrics = baselines(config, names)
    run.table("Test names" + (f"; of the law itself {names.best:.4f}" if names.best else ""), rows + more)
    for end, title in (("", "cross entropy"), ("_adjusted", "adjusted loss")):
        run.picture(f"Answers by true language, {title} (first seed)",
                    confusion_figure(labels, logits[end][0].argmax(-1), classes=names.languages))  # fmt: skip
    return found | metrics


def judged(answers: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, and the mean over the languages of the share of their names that are found."""
    right = answers == labels
    return float(right.mean()), float(np.mean([right[labels == c].mean() for c in np.unique(labels)]))


def baselines(config: Config, names: Names) -> tuple[list[list[str]], dict[str, float]]:
    """Rows of logistic regression and naive Bayes on 1- to 4-grams, and the best of each by the validation names."""
    grams = NGrams([name for name, _ in names.splits["train"]])
    tables = {split: grams.table([name for name, _ in pairs]) for split, pairs in names.splits.items()}
    labels = {split: own["labels"] for split, own in names.data.items()}
    sizes = (len(grams), len(names.languages))
    rows, metrics = [], {}
    kinds: dict[str, tuple[str, Sequence[float], Callable]] = {
        "logistic_regression": ("l2", config.l2, logistic_regression),
        "naive_bayes": ("smoothing", config.smoothing, naive_bayes),
    }
    for name, (option, values, fit) in kinds.items():
        judgements = []
        for value in values:
            kernel, bias = fit(tables["train"], labels["train"], sizes=sizes, **{option: value})
            answers = {s: np.asarray(scores(kernel, bias, tables[s], len(labels[s]))) for s in ("validation", "test")}
            judgements.append({s: judged(answers[s].argmax(-1), labels[s]) for s in answers})
            rows.append(
                [f"{name.replace('_', ' ')}, {option} {value:g}", *(f"{v:.4f}" for v in judgements[-1]["test"])]
            )
        # each number from the setting that is best for it on the validation names
        for place, metric in enumerate(("test_accuracy", "test_balanced_accuracy")):
            metrics[f"{metric}_{name}"] = max(judgements, key=lambda j: j["validation"][place])["test"][place]
    return rows, metrics


if __name__ == "__main__":
    launch(Config, main)
