"""A Transformer, encoder and decoder, learns laws of strings: copy, reverse, sort, add (notes 001 section 11).

    python -m experiments.transformer_tasks --dataset copy
    python -m experiments.transformer_tasks --dataset reverse
    python -m experiments.transformer_tasks --dataset sort
    python -m experiments.transformer_tasks --dataset addition --steps 1000

Strings of 1 to 10 letters, sums of two numbers of 1 to 4 digits; 50,000 train, 1,000 others are decoded greedily with
the cache, and an answer counts if all of it is right. The network is the paper's, two layers of 64 features.

2 CPU cores: about 2 min for the four. Test sequence accuracy 0.998 +- 0.001 (copy, 3 seeds), 1.000 +- 0.000 (reverse,
3 seeds), 0.997 +- 0.001 (sort, 3 seeds), 0.84 +- 0.02 (addition, 3 seeds), which 1,000 steps do not finish. Of the
head of the decoder that looks most to where the symbols of the reversed string stand, mass on true places 0.70 +- 0.01
(reverse, 3 seeds), and most on true places 0.94 +- 0.04 (reverse, 3 seeds); the picture shows the other diagonal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import numpy as np

import dlx
from dlx.data import TextSet, sequence_task
from dlx.data.translation import TranslationSet, translation_set
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.options import DEVICES, LOG, TRAINING
from dlx.train.translation import searches, translate, translation_task

TESTED = 1000


@dataclass(frozen=True)
class Config(Options):
    """Options of the tasks."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG

    dataset: Literal["copy", "reverse", "sort", "addition"] = "copy"
    """What becomes of a string; strings of letters, or two numbers with a plus between."""
    seeds: int = 3
    steps: int | None = 500
    batch_size: int = 128
    learning_rate: float = 2e-3
    """At the end of the warm-up; of the paper's schedule a factor."""
    schedule: Literal["cosine", "paper"] = "cosine"
    """Behind the warm-up: half a cosine down to 0, or D^-0.5 t^-0.5 as in the paper."""
    warmup: int = 100
    """Steps in which the learning rate rises."""
    evaluate_every: int | None = 250
    checkpoint_every: int | None = 0
    examples: int = 50_000
    """Pairs to train on; 1,000 others are tested."""
    max_length: int | None = None
    """Letters of a source, or digits of a summand, at most; None: 10 letters, 4 digits."""
    features: int = 64
    """D, width of a symbol's vector and of all layers."""
    num_heads: int = 4
    """Heads of the attention; they divide the features."""
    hidden: int = 256
    """Units of the position-wise networks."""
    num_layers: int = 2
    """Layers of the encoder, and of the decoder."""
    norm_first: bool = False
    """Norms in front of the sub-layers, not behind them as in the paper."""
    dropout: float = 0.0
    """Probability that a unit is off in training."""
    label_smoothing: float = 0.0
    """Share of a label that is spread over all symbols; 0.1 in the paper."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("warmup", "examples", "max_length", "features", "num_heads", "hidden", "num_layers"):
            require(self, field, at_least=1)
        for field in ("dropout", "label_smoothing"):
            require(self, field, at_least=0, below=1)
        if self.features % self.num_heads:
            raise UsageError(f"--num-heads {self.num_heads} does not divide --features {self.features}.")


def main(config: Config) -> dict:
    """Trains, decodes the held-out strings and reports; returns the result."""
    data = strings(config)
    network = dlx.models.Transformer(
        vocabulary=len(data.source),
        target_vocabulary=len(data.target),
        features=config.features,
        num_heads=config.num_heads,
        hidden=config.hidden,
        num_layers=config.num_layers,
        max_length=data.length,
        dropout=config.dropout,
        norm_first=config.norm_first,
    )
    optimizer = dlx.optim.create(config.optimizer, rate_of(config, len(data.train["inputs"])))
    task = translation_task(
        network, data, optimizer, label_smoothing=config.label_smoothing, **config.training_options()
    )
    greedy = searches(network, data)["greedy"]
    sources = [source for source, _ in data.pairs]
    with open_run(config) as run:
        state = run.fit(task.step, task.init, data.train, measured={"test": (task.measure, data.test)})
        own = run.layout.fetch("state", state)
        own = own.params if own.ema is None else own.ema
        seeds = [jax.tree.map(lambda leaf, seed=seed: leaf[seed], own) for seed in range(config.seeds)]
        found = [translate(greedy, params, data, sources, batch_size=min(TESTED, len(sources))) for params in seeds]
        right = np.array([[one == target for one, (_, target) in zip(texts, data.pairs, strict=True)]
                          for texts in found])  # fmt: skip
        metrics = {"test_sequence_accuracy": right.mean(1)}
        run.table("Held-out strings by length", by_length(sources, right))
        run.table(f"Some of them (seed {config.seed})", some(data, found[0]))
        weights = [cross_attention(network, params, data) for params in seeds]
        places = [true_places(config.dataset, source) for source in sources]
        if config.dataset != "addition":
            metrics["mass_on_true_places"], metrics["most_on_true_places"] = np.array(
                [attention_on(one, places) for one in weights]
            ).T
        longest = int(np.argmax([len(source) for source in sources]))
        run.picture(
            f"Attention of the decoder to the source, a row for each layer (seed {config.seed}); framed, where a symbol"
            " comes from",
            attention_figure(*data.pairs[longest], weights[0][:, longest], places[longest]),
        )
        return run.finish(metrics)


def strings(config: Config) -> TranslationSet:
    """Generated pairs, no source twice.

    Raises: UsageError if there are not so many.
    """
    addition = config.dataset == "addition"
    longest = config.max_length or (4 if addition else 10)
    try:
        pairs = sequence_task(config.dataset, examples=config.examples + TESTED, max_length=longest)
    except ValueError as error:
        raise UsageError(f"--examples {config.examples} --max-length {longest}: {error}.") from None
    card = dlx.data.load_text(config.dataset).card
    text = TextSet(config.dataset, pairs[: config.examples], [], pairs[config.examples :], card)
    # the sum of two numbers may have a digit more
    return translation_set(text, max_tokens=2 * longest + 1 if addition else longest)


def rate_of(config: Config, examples: int) -> Any:
    """Steps done -> learning rate.

    paper   lr D^-0.5 min(t^-0.5, t W^-1.5)    with W steps of warm-up (Vaswani et al. 2017, eq. 3)
    """
    steps = config.steps or max(1, round((config.epochs or 1) * dlx.train.steps_per_epoch(examples, config.batch_size)))
    warmup = min(config.warmup, max(1, steps // 2))
    if config.schedule == "paper":
        highest = config.learning_rate * (config.features * warmup) ** -0.5
        # (1 + t / W)^-0.5, t steps after the warm-up, is (t' / W)^-0.5
        after = dlx.optim.inverse_time_schedule(highest, decay=1 / warmup, power=0.5)
        return dlx.optim.warmup_schedule(after, steps=warmup)
    cosine = dlx.optim.cosine_schedule(config.learning_rate, steps=max(1, steps - warmup))
    return dlx.optim.warmup_schedule(cosine, steps=warmup)


def by_length(sources: Sequence[Sequence[str]], right: np.ndarray) -> list[list[str]]:
    """A row for each length of the source: how many, and the share that all seeds together get right."""
    lengths = np.array([len(source) for source in sources])
    rows = [["symbols of the source", "strings", "right"]]
    return rows + [[str(n), str((lengths == n).sum()), f"{right[:, lengths == n].mean():.4f}"]
                   for n in np.unique(lengths)]  # fmt: skip


def some(data: TranslationSet, found: Sequence[Sequence[str]], count: int = 12) -> list[list[str]]:
    """Sources, targets and answers, those that are wrong first."""
    order = sorted(range(len(found)), key=lambda i: (found[i] == data.pairs[i][1], i))[:count]
    return [["source", "target", "answer"]] + [
        ["".join(part) for part in (*data.pairs[i], found[i])] for i in sorted(order)
    ]


def cross_attention(network: Any, params: Any, data: TranslationSet) -> np.ndarray:
    """(layers, strings, heads, target places, source places): weights with the right beginnings as input."""

    @jax.jit
    def weights(params: Any, source: jax.Array, target: jax.Array) -> list[jax.Array]:
        lengths = (source != 0).sum(1)
        _, kept = network.apply({"params": params}, source, target, lengths, mutable=["intermediates"])
        layers = kept["intermediates"]["decoder"]
        return [layers[f"layers_{n}"]["cross_attention"]["attention"][0] for n in range(network.num_layers)]

    return np.stack(weights(params, data.test["inputs"], data.test["targets"]))


def true_places(task: str, source: Sequence[str]) -> list[int]:
    """Where in the source each symbol of the target stands; of equal letters to sort any will do: their first."""
    places = list(range(len(source)))
    if task == "sort":
        return [source.index(source[i]) for i in sorted(places, key=lambda i: source[i])]
    return {"copy": places, "reverse": places[::-1]}.get(task, [])


def attention_on(weights: np.ndarray, places: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Of the head that looks there most: its mean weight on the true places, and how often it has its largest there.

    Strings in which a letter stands twice are left out where that makes a place doubtful.
    """
    kept = [number for number, row in enumerate(places) if len(set(row)) == len(row)]
    layers, _, heads = weights.shape[:3]
    mass, hits = np.zeros((2, layers, heads))
    count = sum(len(places[number]) for number in kept)
    for number in kept:
        for time, place in enumerate(places[number]):
            row = weights[:, number, :, time]
            mass += row[..., place]
            hits += row.argmax(-1) == place
    best = np.unravel_index(mass.argmax(), mass.shape)
    return float(mass[best] / count), float(hits[best] / count)


def attention_figure(source: Sequence[str], target: Sequence[str], weights: np.ndarray, places: Sequence[int]) -> Any:
    """Layers by heads: a row of each picture is a symbol of the target, white is all attention."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    layers, heads = weights.shape[:2]
    columns, rows = [*source, "end"], [*target, "end"]
    figure = Figure(figsize=(2.6 * heads, 2.6 * layers), layout="constrained")
    for (layer, head), axes in np.ndenumerate(figure.subplots(layers, heads, squeeze=False)):
        axes.imshow(weights[layer, head, : len(rows), : len(columns)], cmap="gray", vmin=0, vmax=1)
        axes.set_xticks(range(len(columns)), columns, fontsize=8)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        axes.tick_params(length=0)
        axes.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=8)
        for time, place in enumerate(places):
            axes.add_patch(Rectangle((place - 0.5, time - 0.5), 1, 1, fill=False, edgecolor="tab:orange"))
    return figure


if __name__ == "__main__":
    launch(Config, main)
