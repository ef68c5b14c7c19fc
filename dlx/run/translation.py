"""What experiments of translation share: options, the run from training to BLEU, one's own sentences, the report."""

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import jax
import numpy as np

import dlx
from dlx.data.translation import TranslationSet, translation_set
from dlx.errors import UsageError
from dlx.run.options import DEVICES, LOG, TRAINING, Options, require
from dlx.run.session import Run, open_run
from dlx.run.texts import check_vocabulary
from dlx.run.timed import TimedRecords
from dlx.train.translation import bleu_scores, searches, translate

__all__ = ["TranslationOptions", "alignment_figure", "learning", "load_pairs", "run_translation"]

Network = Any


@dataclasses.dataclass(frozen=True)
class TranslationOptions(Options):
    """Options of a translation. With --translate and the name of a finished run nothing is trained again."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG
    invocation: ClassVar[frozenset[str]] = Options.invocation | {"translate"}

    dataset: Literal["fra_eng", "reverse", "copy"] = "fra_eng"
    """Pairs: English and French, or generated strings and what a task makes of them."""
    max_tokens: int = 9
    """Words and marks of a sentence, eight words and a mark; pairs with a longer one are left out."""
    vocabulary: int = 5000
    """Tokens of each language, four reserved ones among them."""
    epochs: float | None = 2
    learning_rate: float = 5e-3
    """At the end of the warm-up, then down to 0 along half a cosine."""
    warmup: int = 200
    """Steps in which the learning rate rises."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    label_smoothing: float = 0.0
    """Share of a label that is spread over all words."""
    dropout: float = 0.1
    """Probability that a unit is off in training."""
    beam: int = 5
    """Width of the beam search."""
    length_penalty: float = 0.75
    """Exponent of the length by which a beam search divides the log probability."""
    held: Literal["test", "validation"] = "test"
    """Which pairs BLEU is measured on; validation to choose a recipe."""
    translate: str | None = None
    """A sentence to translate, after training, or at once with --name of a finished run and --resume."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("max_tokens", "warmup", "beam"):
            require(self, field, at_least=1)
        require(self, "vocabulary", at_least=5)
        require(self, "clip", above=0)
        require(self, "length_penalty", at_least=0)
        for field in ("label_smoothing", "dropout"):
            require(self, field, at_least=0, below=1)
        if self.translate is not None and not self.translate.strip():
            raise UsageError(f"--translate wants a sentence; got {self.translate!r}.")


def load_pairs(config: TranslationOptions) -> TranslationSet:
    """The data set of a configuration.

    Raises: UsageError if the sentence to translate is too long, or the beam wider than the vocabulary.
    """
    text = dlx.data.load_text(config.dataset)
    data = translation_set(text, vocabulary=config.vocabulary, max_tokens=config.max_tokens, held=config.held)
    if config.beam > len(data.target):
        raise UsageError(f"--beam {config.beam}: the vocabulary has {len(data.target)} tokens.")
    own = data.tokens(config.translate or "")
    if len(own) > config.max_tokens:
        raise UsageError(
            f"--translate: {joined(data, own)!r} has {len(own)} tokens; this run takes {config.max_tokens}"
            " (--max-tokens)."
        )
    return data


def learning(config: TranslationOptions, data: TranslationSet) -> tuple[Any, int]:
    """The optimizer with its schedule and clipping, and the number of steps."""
    import optax

    per_epoch = dlx.train.steps_per_epoch(len(data.train["inputs"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    warmup = min(config.warmup, max(1, steps // 2))
    cosine = dlx.optim.cosine_schedule(config.learning_rate, steps=max(1, steps - warmup))
    rate = dlx.optim.warmup_schedule(cosine, steps=warmup, start=config.learning_rate / warmup)
    optimizer = dlx.optim.create(config.optimizer, rate)
    return optax.chain(dlx.optim.clip_by_global_norm(config.clip), optimizer), steps


def run_translation(
    config: TranslationOptions,
    data: TranslationSet,
    variants: Mapping[str, tuple[Network, dlx.train.Supervised]],
    *,
    titles: Mapping[str, str] | None = None,
    after: Callable[[Run, list[dict[str, Any]]], Mapping[str, Any]] | None = None,
) -> dict:
    """Trains variants side by side, measures BLEU of each, greedy and with a beam, and reports.

    Args:
      config: of the experiment.
      data: the pairs.
      variants: {ending: (network, task)}; "" is the first, the one that --translate asks.
      titles: {ending: what the tables call a variant}.
      after: after(run, [{ending: params} of each seed]) -> further metrics; may add pictures and tables.
    Returns: the result; with `translations` if a sentence was given. Of a finished run that one of the run itself.
    """
    init, step, measure = dlx.train.side_by_side({end: task for end, (_, task) in variants.items()})
    found = {end: searches(network, data, beam=config.beam, alpha=config.length_penalty)
             for end, (network, _) in variants.items()}  # fmt: skip
    with open_run(config) as run:
        check_vocabulary(run, data.source, name="source_vocabulary")
        check_vocabulary(run, data.target, name="target_vocabulary")
        run.records = TimedRecords(run.records.path)
        finished = config.translate is not None and run.folder.resumed and run.folder.summary.exists()
        measured = None if finished else {"test": (measure, data.test)}
        state = run.fit(step, init, data.train, measured=measured, derived=dlx.train.perplexities)
        seeds = params_of_seeds(run.layout.fetch("state", state), config.seeds)
        own = answer(run, data, found[""], seeds[0][""], config.translate)
        if finished:
            return {**json.loads(run.folder.summary.read_text(encoding="utf-8")), **own}
        metrics, answers = scores(config, data, found, seeds)
        named = {end: f"{(titles or {}).get(end, '')} {{}}".strip() for end in variants}
        run.table("BLEU in per cent", bleu_table(metrics, named))
        run.table("Translations", examples_table(data, answers, named))
        metrics |= dict(after(run, seeds)) if after else {}
        times = {"train_seconds": run.records.seconds, "processor_seconds": run.records.processor_seconds}
        return run.finish({**metrics, **times}, **own)


def params_of_seeds(state: Mapping[str, Any], seeds: int) -> list[dict[str, Any]]:
    """{ending: params} of each seed, the averaged ones where there are."""
    trained = {end: own.params if own.ema is None else own.ema for end, own in state.items()}
    return [jax.tree.map(lambda leaf, seed=seed: leaf[seed], trained) for seed in range(seeds)]


def answer(
    run: Run, data: TranslationSet, found: Mapping[str, Callable], params: Any, sentence: str | None
) -> dict[str, Any]:
    """Translates one's own sentence, prints it, and says which of its words the vocabulary has not."""
    if sentence is None:
        return {}
    tokens = data.tokens(sentence)
    unknown = [token for token in dict.fromkeys(tokens) if token not in data.source]
    texts = {name: joined(data, translate(search, params, data, [tokens], batch_size=1)[0])
             for name, search in found.items()}  # fmt: skip
    if unknown:
        run.note(f"Not among the {len(data.source)} words of the vocabulary: {', '.join(unknown)}.")
    if run.writes:
        for name, text in texts.items():
            print(f"{joined(data, tokens)} -> {text}  ({name})")
        sys.stdout.flush()
    return {"translations": {"source": joined(data, tokens), **texts, "unknown": unknown}}


def joined(data: TranslationSet, tokens: Sequence[str]) -> str:
    """Tokens as a text: words with spaces, characters without."""
    return ("" if data.tokens is dlx.text.characters else " ").join(tokens)


def scores(
    config: TranslationOptions, data: TranslationSet, found: Mapping[str, Mapping[str, Callable]], seeds: list[dict]
) -> tuple[dict[str, Any], dict[str, list[list[str]]]]:
    """BLEU of each variant and search, (seeds,), and the first seed's translations of all the sources."""
    references = data.references
    metrics: dict[str, Any] = {}
    answers: dict[str, list[list[str]]] = {}
    for end, own in found.items():
        for name, search in own.items():
            every = [translate(search, params[end], data, list(references)) for params in seeds]
            answers[name + end] = every[0]
            scored = [bleu_scores(one, list(references.values())) for one in every]
            exact = [np.mean([one in refs for one, refs in zip(texts, references.values(), strict=True)])
                     for texts in every]  # fmt: skip
            metrics |= {f"{kind}_{name}{end}": np.array([row[kind] for row in scored]) for kind in scored[0]}
            metrics[f"exact_{name}{end}"] = np.array(exact)
    return metrics, answers


def bleu_table(metrics: Mapping[str, np.ndarray], named: Mapping[str, str]) -> list[list[str]]:
    """A row for each variant and search; with several seeds means and standard deviations.

    Args:
      metrics: of `scores`.
      named: {ending: "what stands before {}"}, where {} is the search.
    """
    rows = [["search", "BLEU-4 of the corpus", "BLEU-2 of a sentence", "equal to a reference"]]
    for end, name in named.items():
        for search in ("greedy", "beam"):
            scales = {"bleu": 1, "book_bleu": 1, "exact": 100}
            cells = [spread(metrics[f"{kind}_{search}{end}"], scale) for kind, scale in scales.items()]
            rows.append([name.format(search), *cells])
    return rows


def spread(values: np.ndarray, scale: float) -> str:
    """Mean and standard deviation as text."""
    values = values * scale
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def examples_table(
    data: TranslationSet, answers: Mapping[str, list[list[str]]], named: Mapping[str, str], *, count: int = 24
) -> list[list[str]]:
    """Some sources, evenly from the shortest to the longest, one reference, and every translation."""
    references = data.references
    sources = list(references)
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    chosen = [order[i] for i in np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).astype(int))]
    names = {search + end: name.format(search) for end, name in named.items() for search in ("greedy", "beam")}
    rows = [["source", "reference", *names.values()]]
    for number in chosen:
        texts = [sources[number], references[sources[number]][0], *(answers[name][number] for name in names)]
        rows.append([joined(data, text) for text in texts])
    return rows


def alignment_figure(
    data: TranslationSet, weights: np.ndarray, numbers: Sequence[int], copies: Callable[[int], list[tuple[int, int]]]
) -> Any:
    """Attention of some test pairs: a row for each target word, a column for each source word, white is all of it.

    Args:
      data: the pairs.
      weights: (pairs, target places, source places), of `dlx.train.translation.alignments`.
      numbers: the pairs that are drawn.
      copies: pair -> its copies, (place in the target, place in the source), which are framed.
    Returns: a matplotlib figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    across = 3
    down = -(-len(numbers) // across)
    figure = Figure(figsize=(3.2 * across, 3.1 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes in grid[len(numbers) :]:
        axes.axis("off")
    for axes, number in zip(grid, numbers, strict=False):
        source, target = data.pairs[number]
        columns, rows = [*source, "<eos>"], [*target, "<eos>"]
        axes.imshow(weights[number, : len(rows), : len(columns)], cmap="gray", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        axes.tick_params(length=0)
        for time, place in copies(number):
            axes.add_patch(Rectangle((place - 0.5, time - 0.5), 1, 1, fill=False, edgecolor="tab:orange", linewidth=2))
    return figure
