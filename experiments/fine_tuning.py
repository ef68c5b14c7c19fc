"""Fine-tuning: what a network that was trained on other classes is worth with few images (notes 001 section 10).

    python -m experiments.fine_tuning --seeds 3

A source network learns the first five classes. Then its layers, with a new output layer, are trained on 50 images of
each of the others, at learning rates below that of the output layer by a ratio, or frozen; beside them, on the same
images, the same network from scratch at two learning rates, of which the best on the test images counts.

2 CPU cores: about 4 min. Source accuracy 0.808 +- 0.004 (cifar10, 3 seeds). Accuracy ratio 1 0.729 +- 0.007, test
accuracy 0.723 +- 0.001 at ratio 10, accuracy ratio 100 0.727 +- 0.006, accuracy ratio 1000 0.721 +- 0.006,
accuracy frozen 0.719 +- 0.006; accuracy from scratch 0.713 +- 0.007 (cifar10, 3 seeds). The goal was
5 points more than from scratch; the target's classes are easy from scratch, and the source is small.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import band, spread


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison. Epochs, batches and learning rate are those of the source."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = Options.uses - {"sweep"}

    dataset: Literal["cifar10", "fashion_mnist", "mnist", "digits"] = "cifar10"
    """Data set, whose classes are divided."""
    source_classes: int = 5
    """The source has the first so many classes, the target the others."""
    images: int = 50
    """Training images of each class of the target, each seed its own."""
    epochs: float | None = 12
    batch_size: int = 64
    learning_rate: float = 3e-3
    """At the start, then down to 0 along half a cosine."""
    width: float = 0.5
    """Factor of the channels 32, 64 and 128 of the network."""
    ratios: tuple[float, ...] = (10, 1, 100, 1000)
    """Of the learning rate of the new output layer to that of the copied layers; the first is the run's."""
    target_rate: float = 1e-2
    """Learning rate of the new output layer at the start; down to 0 along half a cosine."""
    scratch_rates: tuple[float, ...] = (3e-3, 1e-2)
    """Learning rates tried from scratch, of which the best on the test images counts."""
    target_epochs: int = 40
    """Passes over the images of the target."""
    target_batch_size: int = 25
    """Of the target."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("source_classes", "images", "target_epochs", "target_batch_size"):
            require(self, field, at_least=1)
        require(self, "ratios", at_least=1)
        for field in ("width", "target_rate", "scratch_rates"):
            require(self, field, above=0)
        if len(set(self.ratios)) < len(self.ratios):
            raise UsageError(f"--ratios names one twice: {' '.join(f'{ratio:g}' for ratio in self.ratios)}.")


class Variant(NamedTuple):
    """A way to train on the target. A ratio of infinity freezes the copied layers."""

    name: str
    copied: bool
    learning_rate: float
    ratio: float


class Own(NamedTuple):
    """State of a replica of the target: the number of its images, and that of the training."""

    images: jax.Array
    inner: dlx.train.SupervisedState

    @property
    def step(self) -> jax.Array:
        """Steps done."""
        return self.inner.step


def main(config: Config) -> dict:
    """Trains on the source, then every variant on the target, and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    check_classes(config, data)
    cut, names = config.source_classes, data.card.classes
    source = {split: of_classes(getattr(data, split), 0, cut) for split in ("train", "test")}
    target = {split: of_classes(getattr(data, split), cut, len(names)) for split in ("train", "test")}
    per_epoch = dlx.train.steps_per_epoch(len(source["train"]["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    schedule = dlx.optim.cosine_schedule(config.learning_rate, steps=steps)
    task = task_of(config, data, cut, dlx.optim.create(config.optimizer, schedule), source["train"])
    with open_run(config) as run:
        state = run.fit(task.step, task.init, source["train"], measured={"source": (task.measure, source["test"])})
        state = run.layout.fetch("state", state)
        sources = [dlx.train.replica_variables(state, replica=replica) for replica in range(config.seeds)]
        variants = variants_of(config)
        found = on_target(config, data, sources, variants, target)
        tested = found["tested"]
        scratch = max((row for row, variant in enumerate(variants) if not variant.copied),
                      key=lambda row: tested[row].mean())  # fmt: skip
        first = next(row for row, own in enumerate(variants) if own.copied and own.ratio == config.ratios[0])
        run.table(
            f"The target's {len(names) - cut} classes with {config.images} images each: rate of the output layer, gain "
            "over the best from scratch (*), how far the layers below the output moved",
            table(variants, found, scratch),
        )
        shown = "mean, standard deviation and each seed" if config.seeds > 1 else "one seed"
        run.picture(f"Test accuracy by the ratio of the learning rates: {shown}",
                    ratios_figure(variants, found, scratch))  # fmt: skip
        metrics = {"test_accuracy": tested[first], "accuracy_gain": tested[first] - tested[scratch],
                   "accuracy_from_scratch": tested[scratch]}  # fmt: skip
        others = {f"accuracy_{variant.name.replace(' ', '_')}": tested[row]
                  for row, variant in enumerate(variants) if variant.copied and row != first}  # fmt: skip
        return run.finish(metrics | others)


def check_classes(config: Config, data: Any) -> None:
    """Refuses a division that leaves too little, before anything is compiled."""
    classes = len(data.card.classes)
    if not 2 <= config.source_classes <= classes - 2:
        raise UsageError(
            f"--source-classes {config.source_classes}: {data.name} has {classes} classes, of which source and target "
            "want two at least."
        )
    least = int(np.bincount(data.train["labels"])[config.source_classes :].min())
    if config.images > least:
        raise UsageError(f"--images {config.images}: {data.name} has {least} training images of one of the classes.")
    if config.target_batch_size > config.images * (classes - config.source_classes):
        raise UsageError(f"--target-batch-size {config.target_batch_size}: there are fewer images.")


def of_classes(split: dict, first: int, end: int) -> dict:
    """The examples of some classes, numbered from 0."""
    inside = (split["labels"] >= first) & (split["labels"] < end)
    return {"inputs": split["inputs"][inside], "labels": split["labels"][inside] - first}


def few(split: dict, images: int, seed: int) -> dict:
    """So many images of each class, drawn by the seed."""
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([rng.choice(np.flatnonzero(split["labels"] == label), images, replace=False)
                             for label in np.unique(split["labels"])])  # fmt: skip
    return {name: values[chosen] for name, values in split.items()}


def task_of(config: Config, data: Any, classes: int, optimizer: Any, example: dict) -> dlx.train.Supervised:
    """The network for so many classes."""
    return dlx.train.supervised(
        dlx.models.PlainCNN(outputs=classes, width=config.width),
        dlx.losses.softmax_cross_entropy,
        optimizer,
        example=example,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=dlx.data.prepare(data.card),
        **config.training_options(),
    )


def variants_of(config: Config) -> list[Variant]:
    """From scratch at each rate, then copied with each ratio, then copied and frozen."""
    tried = [Variant(f"from scratch, rate {rate:g}", False, rate, 1.0) for rate in config.scratch_rates]
    tuned = [Variant(f"ratio {ratio:g}", True, config.target_rate, ratio) for ratio in sorted(config.ratios)]
    return [*tried, *tuned, Variant("frozen", True, config.target_rate, np.inf)]


def target_task(config: Config, data: Any, target: dict, steps: int) -> dlx.train.Supervised:
    """The network for the target's classes; its optimizer's state holds both rates, so that variants are replicas."""
    decay = dlx.optim.cosine_schedule(1.0, steps=steps)

    def optimizer(learning_rate: Any, ratio: Any) -> optax.GradientTransformation:
        adam = dlx.optim.adam(learning_rate)
        return optax.chain(dlx.train.fine_tuning_optimizer(adam, ratio=ratio), optax.scale_by_schedule(decay))

    injected = optax.inject_hyperparams(optimizer)(learning_rate=config.target_rate, ratio=1.0)
    return task_of(config, data, len(data.card.classes) - config.source_classes, injected, target)


def on_own_images(task: dlx.train.Supervised) -> tuple:
    """(step, measure) of a task whose batches hold a row of images for each seed."""

    def step(state: Own, batch: Any, *, axis_name: str | None = None) -> tuple:
        own = {name: values[:, state.images] for name, values in batch.items()}
        inner, metrics = task.step(state.inner, own, axis_name=axis_name)
        return state._replace(inner=inner), metrics

    return step, lambda state, batch, weight: task.measure(state.inner, batch, weight)


def starts(config: Config, task: dlx.train.Supervised, variants: Sequence[Variant], sources: Sequence[dict]) -> Own:
    """The states of all variants and seeds, all seeds of a variant in a row.

    From scratch, or from the seed's own source network; a seed's output layer begins as the same numbers everywhere.
    """
    by_seed = []
    for seed, variables in zip(config.seed_values, sources, strict=True):
        inits = {False: task.init, True: dlx.train.start_from(task, variables).init}
        parts = []
        for copied, group in itertools.groupby(variants, lambda variant: variant.copied):
            rates, ratios = zip(*((variant.learning_rate, variant.ratio) for variant in group), strict=True)
            parts.append(dlx.train.initialise(inits[copied], (seed,), {"learning_rate": rates, "ratio": ratios}))
        by_seed.append(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts))
    inner = jax.tree.map(lambda *leaves: jnp.stack(leaves, 1).reshape(-1, *leaves[0].shape[1:]), *by_seed)
    return Own(jnp.tile(jnp.arange(config.seeds), len(variants)), inner)


def on_target(config: Config, data: Any, sources: Sequence[dict], variants: Sequence[Variant], target: dict) -> dict:
    """Trains all variants side by side: accuracies, and how far layers moved; (variants, seeds)."""
    own = [few(target["train"], config.images, seed) for seed in config.seed_values]
    train = {name: np.stack([split[name] for split in own], 1) for name in own[0]}
    size, shape = config.target_batch_size, (len(variants), config.seeds)
    steps = config.target_epochs * dlx.train.steps_per_epoch(len(train["labels"]), size)
    task = target_task(config, data, own[0], steps)
    step, measure = on_own_images(task)
    layout = dlx.train.make_layout(
        len(variants) * config.seeds, devices=config.devices, parallel=config.parallel, each=config.map, batch_size=size
    )
    begin = starts(config, task, variants, sources)
    before = jax.tree.map(np.asarray, begin.inner.params)
    state, records = dlx.train.fit(
        step, task.init, train, steps=steps, batch_size=size, seeds=config.seed_values,
        sweep={"variant": range(len(variants))}, log_every=-(-steps // 10), layout=layout, resume=(0, begin),
    )  # fmt: skip
    tested = dlx.train.evaluator(measure, target["test"], layout=layout)(state)["accuracy"]
    after = layout.fetch("state", state).inner.params
    return {
        "tested": tested.reshape(shape),
        "fitted": records[-1]["train_accuracy"].reshape(shape),
        "moved": moved(before, after).reshape(shape),
    }


def moved(before: dict, after: dict) -> np.ndarray:
    """(replicas,) |w - w_0| / |w_0| of the parameters of all layers but the output."""

    def squares(tree: dict) -> np.ndarray:
        leaves = jax.tree.leaves({name: layer for name, layer in tree.items() if name != "output"})
        return np.sum([np.square(leaf).reshape(len(leaf), -1).sum(1) for leaf in leaves], axis=0)

    return np.sqrt(squares(jax.tree.map(np.subtract, after, before)) / squares(before))


def table(variants: Sequence[Variant], found: dict, scratch: int) -> list[list[str]]:
    """A row for each variant."""
    rows = [["layers", "rate", "test accuracy", "gain", "train accuracy", "moved by"]]
    for row, variant in enumerate(variants):
        tested = found["tested"][row]
        name = variant.name.partition(",")[0] + (" *" if row == scratch else "")
        rows.append([name, f"{variant.learning_rate:g}", spread(tested), spread(tested - found["tested"][scratch]),
                     spread(found["fitted"][row]), f"{found['moved'][row].mean():.2%}"])  # fmt: skip
    return rows


def ratios_figure(variants: Sequence[Variant], found: dict, scratch: int) -> Any:
    """Accuracy against the ratio, frozen layers at the end, and that from scratch as a line across."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    rows = [row for row, variant in enumerate(variants) if variant.copied]
    places, tested = np.arange(len(rows)), found["tested"]
    band(axes, places, tested[rows], colour="tab:blue", label="copied, then trained")
    axes.plot(places, tested[rows], ".", color="tab:blue", alpha=0.5)
    whole = np.array([-0.3, len(rows) - 0.7])
    band(axes, whole, tested[[scratch, scratch]], colour="tab:gray", label="from scratch, its best rate")
    axes.set_xticks(places, [f"{variants[row].ratio:g}" if np.isfinite(variants[row].ratio) else "frozen"
                             for row in rows])  # fmt: skip
    axes.set(xlabel="learning rate of the output layer / that of the copied layers", ylabel="test accuracy")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
