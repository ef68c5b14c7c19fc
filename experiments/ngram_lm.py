"""N-gram language models: Laplace and Kneser-Ney smoothing (Chen and Goodman 1999; notes 001 sections 1 and 8).

    python -m experiments.ngram_lm --dataset ptb

CPU: about 10 s. Sparse counts (857,995 different 5-grams); e of Laplace smoothing is the best on the validation
text. Interpolated Kneser-Ney of order 5 with three discounts: test perplexity 141.1 +- 0 (ptb, 1 seed); Mikolov et al.
2011 have 141.2. Laplace smoothing towards the shorter context, the notes' form: laplace unigram perplexity 639.4 +- 0,
laplace bigram perplexity 219.7 +- 0, laplace trigram perplexity 198.8 +- 0 (ptb, 1 seed). Add-one smoothing gives 824
for bigrams and 3,764 for trigrams: it takes most of what was seen and gives it to what never comes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

import dlx
from dlx.run import Options, launch, open_run, require

KINDS = {
    "add_one": "add-one",
    "laplace": "Laplace, towards the shorter context",
    "kneser_ney_one": "Kneser-Ney, one discount a level",
    "kneser_ney": "Kneser-Ney, three discounts",
}


@dataclass(frozen=True)
class Config(Options):
    """Options of the n-gram models."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["python_docs", "ptb", "wikitext2"] = "ptb"
    """Text; python_docs is embedded."""
    order: int = 5
    """Length of the longest n-gram."""
    smoothings: tuple[float, ...] = (1, 3, 10, 30, 100, 300, 1000, 3000)
    """Values of e of Laplace smoothing that are tried on the validation text, at each order."""
    min_frequency: int = 1
    """How often a word must stand in the training text; rarer ones are one word, <unk>."""
    sample_length: int = 40
    """Words that each order writes for the report."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "order", at_least=1, at_most=9)
        require(self, "smoothings", above=0)
        require(self, "min_frequency", at_least=1)
        require(self, "sample_length", at_least=1)


def main(config: Config) -> dict:
    """Counts, fits the smoothing on the validation text, measures on the test text, and reports; returns the result."""
    corpus = dlx.data.load_corpus(config.dataset, "words", min_frequency=config.min_frequency)
    size, orders = len(corpus.vocabulary), range(1, config.order + 1)
    with open_run(config) as run:
        table = dlx.text.ngram_table(corpus.train, vocabulary=size, order=config.order)
        strengths: list[float] = []
        found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        models: list[Callable] = []
        for order in orders:
            strengths.append(fitted_smoothing(table, corpus.validation, strengths, config.smoothings))
            for kind, model in candidates(table, order, strengths).items():
                found[kind].append((perplexity(model, corpus.validation, order), perplexity(model, corpus.test, order)))
            models.append(model)
        for number, split in enumerate(("validation", "test")):
            run.table(f"Perplexity on the {split} text", perplexity_table(found, number))
        header = ["order", "different n-grams", "e of Laplace smoothing", "discounts of counts of 1, 2, more"]
        run.table("What was counted and fitted", [header] + [
            [order, f"{len(table.keys[order - 1]):,}", f"{strengths[order - 1]:g}",
             ", ".join(f"{d:.2f}" for d in dlx.text.kneser_ney(table, order=order).discounts[-1])]
            for order in orders])  # fmt: skip
        texts = {f"order {order}": written(corpus, models[order - 1], order, config) for order in orders}
        run.text("Written by the Kneser-Ney models", texts)
        run.picture("Perplexity on the test text by order", figure(found))
        best = {"test_perplexity": found["kneser_ney"][-1][1], "validation_perplexity": found["kneser_ney"][-1][0]}
        names = {1: "unigram", 2: "bigram", 3: "trigram"}
        laplace = {f"laplace_{names[n]}_perplexity": found["laplace"][n - 1][1] for n in orders if n in names}
        return run.finish({**best, **laplace, "unknown_share": float(np.mean(corpus.test == 0))})


def candidates(table: Any, order: int, strengths: list[float]) -> dict[str, Callable]:
    """{kind: windows -> probabilities} of one order."""
    text = dlx.text

    def laplace(windows: np.ndarray, smoothing: Any = strengths, backoff: Any = "shorter") -> np.ndarray:
        return text.laplace_probabilities(table, windows, smoothing=smoothing, backoff=backoff)

    fits = {"kneser_ney_one": text.kneser_ney(table, order=order, discount="one"),
            "kneser_ney": text.kneser_ney(table, order=order)}  # fmt: skip
    return {
        "add_one": lambda windows: laplace(windows, float(table.vocabulary), "uniform"),
        "laplace": laplace,
        **{name: (lambda windows, fit=fit: text.kneser_ney_probabilities(fit, windows)) for name, fit in fits.items()},
    }


def perplexity(model: Callable, tokens: np.ndarray, order: int) -> float:
    """Of every token behind the first, whose place is only that of a context."""
    windows = dlx.text.ngram_windows(tokens, order=order)[1:]
    return float(np.exp(-np.log(model(windows)).mean()))


def fitted_smoothing(table: Any, tokens: np.ndarray, shorter: list[float], values: tuple[float, ...]) -> float:
    """The e of the next order that is best on a text, those of the shorter orders being given."""
    order = len(shorter) + 1
    scores = [perplexity(candidates(table, order, [*shorter, value])["laplace"], tokens, order) for value in values]
    return values[int(np.argmin(scores))]


def written(corpus: Any, model: Callable, order: int, config: Config) -> str:
    """A text that a model draws word by word, <unk> left out, begun at the beginning of a line."""
    rng, size = np.random.default_rng(config.seed), len(corpus.vocabulary)
    ids = [int(corpus.train[0])]
    for _ in range(config.sample_length):
        context = np.broadcast_to(np.array(([-1] * order + ids)[len(ids) + 1 :], int), (size, order - 1))
        chances = model(np.column_stack([context, np.arange(size)]))
        chances[0] = 0
        ids.append(int(rng.choice(size, p=chances / chances.sum())))
    return corpus.lines(ids[1:])


def perplexity_table(found: dict[str, list[tuple[float, float]]], split: int) -> list[list[str]]:
    """A row for each kind of smoothing, a column for each order."""
    header = ["smoothing", *(f"{order}-gram" for order in range(1, len(found["laplace"]) + 1))]
    return [header, *([name, *(f"{values[split]:,.1f}" for values in found[kind])] for kind, name in KINDS.items())]


def figure(found: dict[str, list[tuple[float, float]]]) -> Any:
    """Curves over the order."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    for kind, name in KINDS.items():
        values = [test for _, test in found[kind]]
        axes.plot(range(1, len(values) + 1), values, marker="o", label=name)
    axes.set_yscale("log")
    axes.set_xticks(range(1, len(values) + 1))
    axes.set_xlabel("order")
    axes.set_ylabel("perplexity")
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
