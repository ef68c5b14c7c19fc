"""Batch norm and dropout: how fast and how well a small network learns with either, both, none (notes 004 part 5).

    python -m experiments.batchnorm_dropout --dataset fashion_mnist --seeds 3

2 CPU cores: about 5 min. On 4,000 examples, 10 epochs, each at its best rate of 0.1 to 1: test accuracy 0.786 +- 0.029
(fashion_mnist, 3 seeds), batch norm's, test accuracy none 0.785 +- 0.014 (fashion_mnist, 3 seeds), test accuracy
dropout 0.731 +- 0.015 (fashion_mnist, 3 seeds), test accuracy both 0.760 +- 0.016 (fashion_mnist, 3 seeds). Batch norm
has the plain network's last loss after epochs to plain loss batch norm 5.4 +- 1.7 (fashion_mnist, 3 seeds) of 10; small
batches do not hurt it here: accuracy batch norm batch 2 0.751 +- 0.020, accuracy batch norm batch 256 0.733 +- 0.017
(fashion_mnist, 3 seeds). Dropout before a norm makes its running variance, in variance shift both, 1.35 +- 0.06
(fashion_mnist, 3 seeds) times that of testing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import band, spread
from dlx.run.options import DEVICES, TRAINING

VARIANTS = {"none": "tab:gray", "batch_norm": "tab:blue", "dropout": "tab:orange", "both": "tab:green"}
# the curves are measured on so many examples
SHOWN = 2000


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison."""

    uses: ClassVar[frozenset[str]] = TRAINING - {"learning_rate", "optimizer"} | DEVICES

    dataset: Literal["fashion_mnist", "mnist", "cifar10", "digits"] = "fashion_mnist"
    """Data set."""
    epochs: float | None = 10
    batch_size: int = 64
    examples: int | None = 4000
    """Train on the first so many examples; None: on all."""
    rates: tuple[float, ...] = (0.1, 0.3, 1.0)
    """Learning rates of SGD, each tried with every variant."""
    dropout: float = 0.2
    """Probability that a unit of a pooled plane is off in training."""
    width: float = 0.25
    """Factor of the channels 32, 64 and 128 of the network."""
    activation: str = "relu"
    """One of dlx.nn: relu, sigmoid, ..."""
    batch_sizes: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
    """Of the second part; the learning rate is proportional to them, the least of --rates at --batch-size."""
    size_examples: int = 2000
    """Examples of the second part."""
    size_epochs: int = 12
    """Epochs of the second part."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("examples", "size_epochs"):
            require(self, field, at_least=1)
        for field in ("rates", "width"):
            require(self, field, above=0)
        require(self, "dropout", above=0, below=1)
        # of one image the variance is that of its plane
        require(self, "batch_sizes", at_least=1)
        require(self, "size_examples", at_least=max(self.batch_sizes))


def main(config: Config) -> dict:
    """Trains every variant with every rate, then two with every batch size, and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    # before the first part is trained for nothing
    if max(config.batch_sizes) > len(data.train["labels"]):
        raise UsageError(
            f"--batch-sizes {max(config.batch_sizes)}: {data.name} has {len(data.train['labels'])} examples."
        )
    train = {name: values[: config.examples] for name, values in data.train.items()}
    per_epoch = dlx.train.steps_per_epoch(len(train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    with open_run(config) as run:
        trained = {name: study(config, data, train, name, steps=steps, every=max(1, per_epoch // 2))
                   for name in VARIANTS}  # fmt: skip
        # a rate that makes one seed diverge loses
        means = {name: np.nan_to_num(own["losses"][-1].mean(-1), nan=np.inf) for name, own in trained.items()}
        best = {name: int(np.argmin(values)) for name, values in means.items()}
        # at its best rate the plain network comes as far as it can
        target = trained["none"]["losses"][-1, best["none"]]
        epochs = {name: epochs_to(own["epochs"], own["losses"][:, best[name]], target) for name, own in trained.items()}
        run.table(f"After {steps:,} steps; * each variant's rate of smallest training loss",
                  rates_table(config, trained, best, target))  # fmt: skip
        run.picture("Loss on training images by epoch: mean and standard deviation over the seeds",
                    curves_figure(config, trained, "losses", "loss"))  # fmt: skip
        run.picture("Accuracy on test images by epoch", curves_figure(config, trained, "accuracies", "accuracy"))
        by_size = {name: by_batch_size(config, data, name) for name in ("none", "batch_norm")}
        run.table("Test accuracy by batch size", sizes_table(config, by_size))
        run.picture("Test accuracy by batch size", sizes_figure(config, by_size))
        run.step = steps
        tested = {name: own["tested"][best[name]] for name, own in trained.items()}
        return run.finish(
            {"test_accuracy": tested["batch_norm"]}
            | {f"test_accuracy_{name}": values for name, values in tested.items() if name != "batch_norm"}
            | {f"epochs_to_plain_loss_{name}": values for name, values in epochs.items() if name != "none"}
            | {f"variance_shift_{name}": trained[name]["shift"][best[name]] for name in ("batch_norm", "both")}
            | {f"accuracy_{name}_batch_{size}": by_size[name][row] for name in by_size
               for row, size in enumerate(config.batch_sizes)}
        )  # fmt: skip


def network(config: Config, name: str, classes: int) -> dlx.models.PlainCNN:
    """A variant of the network."""
    rate = config.dropout if name in ("dropout", "both") else 0.0
    return dlx.models.PlainCNN(
        outputs=classes,
        width=config.width,
        use_norm=name in ("batch_norm", "both"),
        dropout=rate,
        activation=config.activation,
    )


def fitted(
    config: Config, data: Any, train: Mapping, model: Any, *, steps: int, batch_size: int, rates: Sequence[float],
    hooks: Callable = lambda task, layout: [],
) -> tuple:  # fmt: skip
    """(task, layout, state, records) of a fit with each of the rates and seeds."""
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create("sgd", 0.1),
        example=train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=dlx.data.prepare(data.card),
        **config.training_options(),
    )
    layout = dlx.train.make_layout(
        len(rates) * config.seeds, devices=config.devices, parallel=config.parallel, each=config.map,
        batch_size=batch_size,
    )  # fmt: skip
    state, records = dlx.train.fit(
        task.step, task.init, train, steps=steps, batch_size=batch_size, seeds=config.seed_values,
        sweep={"learning_rate": rates}, hooks=hooks(task, layout), log_every=min(steps, 500), layout=layout,
    )  # fmt: skip
    return task, layout, state, records


def study(config: Config, data: Any, train: Mapping, name: str, *, steps: int, every: int) -> dict[str, np.ndarray]:
    """A variant with every rate: curves (times, rates, seeds), and test accuracy and variance shift (rates, seeds)."""
    model = network(config, name, len(data.card.classes))

    def hooks(task: Any, layout: Any) -> list:
        few = {"fitted": train, "test": data.test}
        measured = {
            key: dlx.train.evaluator(task.measure, {n: a[:SHOWN] for n, a in split.items()}, layout=layout)
            for key, split in few.items()
        }
        return [dlx.train.Evaluate(measured, every=every)]

    task, layout, state, records = fitted(
        config, data, train, model, steps=steps, batch_size=config.batch_size, rates=config.rates, hooks=hooks
    )
    shape = len(config.rates), config.seeds
    tested = dlx.train.evaluator(task.measure, data.test, layout=layout)(state)["accuracy"]
    held = [record for record in records if "test_accuracy" in record]
    return {
        "epochs": np.array([record["epoch"] for record in held]),
        "losses": np.array([record["fitted_loss"] for record in held]).reshape(-1, *shape),
        "accuracies": np.array([record["test_accuracy"] for record in held]).reshape(-1, *shape),
        "tested": tested.reshape(shape),
        "shift": variance_shift(model, data, train, layout.fetch("state", state)).reshape(shape),
    }


def variance_shift(model: Any, data: Any, train: Mapping, state: Any) -> np.ndarray:
    """(replicas,) the last norm's running variance over the variance that its inputs have without dropout.

    Dropout off, at the time of testing, variances are not those that were averaged in training: Li et al. 2018.
    """
    if not model.use_norm:
        return np.ones(len(state.step))
    inputs = dlx.data.prepare(data.card)({"inputs": jnp.asarray(train["inputs"][:SHOWN])})["inputs"]
    # the running statistics of momentum 0 are those of the batch
    plain, last = model.clone(dropout=0.0, momentum=0.0), f"norm_{len(model.channels) - 1}"

    @jax.jit
    def ratio(params: Any, statistics: Any) -> jax.Array:
        variables = {"params": params, "batch_stats": statistics}
        _, changed = plain.apply(variables, inputs, train=True, mutable=["batch_stats"])
        return jnp.mean(statistics[last]["var"] / changed["batch_stats"][last]["var"])

    replicas = [jax.tree.map(lambda a, r=row: a[r], (state.params, state.model_state["batch_stats"]))
                for row in range(len(state.step))]  # fmt: skip
    return np.array([ratio(*replica) for replica in replicas])


def epochs_to(epochs: np.ndarray, losses: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(seeds,) epochs until the loss is at most the target, between two measurements in proportion; else all epochs.

    Args:
      epochs: (times,), rising.
      losses: (times, seeds).
      target: (seeds,).
    """
    found = []
    for column, wanted in zip(losses.T, target, strict=True):
        reached = np.flatnonzero(column <= wanted)
        at = int(reached[0]) if reached.size else len(epochs) - 1
        if at == 0 or not reached.size:
            found.append(epochs[at])
        else:
            share = (column[at - 1] - wanted) / (column[at - 1] - column[at])
            found.append(epochs[at - 1] + share * (epochs[at] - epochs[at - 1]))
    return np.array(found)


def by_batch_size(config: Config, data: Any, name: str) -> np.ndarray:
    """(sizes, seeds) test accuracy of a variant after equally many epochs; the rate is proportional to the size."""
    train = {key: values[: config.size_examples] for key, values in data.train.items()}
    accuracies = []
    for size in config.batch_sizes:
        steps = config.size_epochs * dlx.train.steps_per_epoch(len(train["labels"]), size)
        task, layout, state, _ = fitted(
            config, data, train, network(config, name, len(data.card.classes)), steps=steps, batch_size=size,
            rates=[min(config.rates) * size / config.batch_size],
        )  # fmt: skip
        accuracies.append(dlx.train.evaluator(task.measure, data.test, layout=layout)(state)["accuracy"])
    return np.array(accuracies)


def words(name: str) -> str:
    """A variant's name for people."""
    return name.replace("_", " ")


def rates_table(config: Config, trained: Mapping[str, dict], best: Mapping, target: np.ndarray) -> list[list[str]]:
    """A row for each rate and variant, with the epochs to the plain network's loss at this rate, and at its best."""
    reached = ["to the plain net's loss", "to its best"]
    rows = [["learning rate", "variant", "loss on training images", "test accuracy", *(f"epochs {r}" for r in reached)]]
    for number, rate in enumerate(config.rates):
        for name, own in trained.items():
            losses, times = own["losses"][:, number], []
            for wanted in (trained["none"]["losses"][-1, number], target):
                missed = int((losses.min(0) > wanted).sum())
                times.append(spread(epochs_to(own["epochs"], losses, wanted), digits=1))
                times[-1] += f", {missed} of {config.seeds} not" if missed else ""
            mark = " *" if best[name] == number else ""
            rows.append([f"{rate:g}{mark}", words(name), spread(losses[-1]), spread(own["tested"][number]), *times])
    return rows


def sizes_table(config: Config, by_size: Mapping[str, np.ndarray]) -> list[list[str]]:
    """A row for each batch size."""
    columns = [[spread(row) for row in values] for values in by_size.values()]
    return [
        ["batch size", *map(words, by_size)],
        *map(list, zip(map(str, config.batch_sizes), *columns, strict=True)),
    ]


def curves_figure(config: Config, trained: Mapping[str, dict], key: str, label: str) -> Any:
    """A panel for each rate, one below the other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 1.9 * len(config.rates) + 0.5), layout="constrained")
    panels = figure.subplots(len(config.rates), sharex=True, sharey=True, squeeze=False)[:, 0]
    for number, (axes, rate) in enumerate(zip(panels, config.rates, strict=True)):
        for name, own in trained.items():
            band(axes, own["epochs"], own[key][:, number], label=words(name), colour=VARIANTS[name])
        axes.set_title(f"learning rate {rate:g}", fontsize=9)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    panels[-1].set_xlabel("epoch")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
    return figure


def sizes_figure(config: Config, by_size: Mapping[str, np.ndarray]) -> Any:
    """Accuracy against batch size, with and without batch norm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, values in by_size.items():
        band(axes, config.batch_sizes, values, label=words(name), colour=VARIANTS[name])
        axes.plot(config.batch_sizes, values, ".", color=VARIANTS[name], alpha=0.5, markersize=5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(config.batch_sizes, [str(size) for size in config.batch_sizes])
    axes.set(xlabel="batch size", ylabel="test accuracy")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
