"""The networks of the notes, one after another, on Fashion-MNIST (Zhang et al. 2023, chapters 7 and 8; notes 001).

    python -m experiments.modern_convnets --devices 2 --parallel pmap

AlexNet, VGG-11, NiN, GoogLeNet, ResNet-18 and DenseNet with a fraction of their channels and stems for small images,
and LeNet as it is, each for 10 s to 2 min with Adam under one cycle. One that fails loses no other's results, and
--name NAME --resume trains only those that are missing.

2 CPU cores: about 7 min, 750 s of processor time. After 1 to 3 epochs test accuracy lenet 0.886 +- 0.000, test accuracy
alexnet 0.877 +- 0.000, test accuracy vgg11 0.892 +- 0.000, test accuracy nin 0.857 +- 0.000, test accuracy googlenet
0.854 +- 0.000, test accuracy resnet18 0.906 +- 0.000, test accuracy densenet 0.892 +- 0.000 (fashion_mnist, 1 seed).
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.errors import DlxError, UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import band, spread
from dlx.run.options import DEVICES, TRAINING
from dlx.run.records import Records, read_records
from dlx.run.result import replica_labels
from dlx.run.strict_json import write
from dlx.run.weights import save_replicas

# the curves are measured on so many test images
SHOWN = 2000


Network = Literal["lenet", "alexnet", "vgg11", "nin", "googlenet", "resnet18", "densenet"]
Stem = Literal["imagenet", "cifar"]


class Recipe(NamedTuple):
    """How a network is made and trained.

    Fields: its name for people; build(outputs, width, stem); size of the images for which the full one is made; here
    factor of the channels, size of the images, peak of the learning rate, and epochs.
    """

    title: str
    build: Callable
    full_size: int
    width: float
    size: int
    rate: float
    epochs: float


def lenet(outputs: int, width: float, stem: Stem) -> dlx.models.LeNet:
    """With ReLU in place of the notes' sigmoid."""
    return dlx.models.LeNet(outputs, width=width, activation="relu", kernel_init="he_normal")


def alexnet(outputs: int, width: float, stem: Stem) -> dlx.models.AlexNet:
    """For small images 5x5 with stride 1 in place of 11x11 with stride 4."""
    return dlx.models.AlexNet(outputs, width=width, stem=stem)


def vgg11(outputs: int, width: float, stem: Stem) -> dlx.models.VGG:
    """Without batch norm."""
    return dlx.models.VGG(outputs, width=width)


def nin(outputs: int, width: float, stem: Stem) -> dlx.models.NiN:
    """For small images 5x5 with stride 1 in place of 11x11 with stride 4."""
    return dlx.models.NiN(outputs, width=width, stem=stem)


def googlenet(outputs: int, width: float, stem: Stem) -> dlx.models.GoogLeNet:
    """For small images 3x3 with stride 1 in place of 7x7 with stride 2 and pooling; no auxiliary heads."""
    return dlx.models.GoogLeNet(outputs, width=width, stem=stem)


def resnet18(outputs: int, width: float, stem: Stem) -> dlx.models.ResNet:
    """For small images 3x3 with stride 1 in place of 7x7 with stride 2 and pooling."""
    return dlx.models.ResNet.preset("resnet18", outputs=outputs, width=width, stem=stem)


def densenet(outputs: int, width: float, stem: Stem) -> dlx.models.DenseNet:
    """The notes' four blocks of four layers; stems as ResNet's."""
    return dlx.models.DenseNet.preset("notes", outputs=outputs, width=width, stem=stem)


RECIPES: dict[Network, Recipe] = {
    "lenet": Recipe("LeNet", lenet, 28, 1.0, 28, 3e-3, 3),
    "alexnet": Recipe("AlexNet", alexnet, 224, 0.25, 28, 1e-3, 1.25),
    "vgg11": Recipe("VGG-11", vgg11, 224, 0.25, 32, 1e-3, 2),
    "nin": Recipe("NiN", nin, 224, 0.25, 28, 4e-3, 1.25),
    "googlenet": Recipe("GoogLeNet", googlenet, 96, 0.1875, 28, 2e-3, 1),
    "resnet18": Recipe("ResNet-18", resnet18, 224, 0.25, 28, 5e-3, 1),
    "densenet": Recipe("DenseNet", densenet, 224, 0.25, 28, 5e-3, 1),
}


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = TRAINING - {"learning_rate"} | DEVICES | {"resume", "force_config"}

    dataset: Literal["fashion_mnist", "mnist", "digits", "cifar10"] = "fashion_mnist"
    """Data set."""
    networks: tuple[Network, ...] = tuple(RECIPES)
    """Which networks, in this order."""
    epochs: float | None = None
    """Passes over the training data in place of each network's own, which take it about a minute."""
    batch_size: int = 128
    allocator: Literal["default", "keep"] = "keep"
    size: int | None = None
    """Rows and columns to which images are resized, 28 to 48, for VGG at the least 32; None: 28, for VGG 32."""
    width: float | None = None
    """Factor of the channels in place of each network's own."""
    rate: float | None = None
    """Peak of the learning rate in place of each network's own."""
    dropout: float = 0.2
    """Probability that a unit is off in training, of AlexNet, VGG and NiN."""
    examples: int | None = None
    """Train on the first so many examples; None: on all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "size", at_least=32 if "vgg11" in self.networks else 28, at_most=48)
        for field in ("width", "rate"):
            require(self, field, above=0)
        require(self, "dropout", at_least=0, below=1)
        require(self, "examples", at_least=1)
        if len(set(self.networks)) < len(self.networks):
            raise UsageError("--networks names one twice.")


def main(config: Config) -> dict:
    """Trains one network after another and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    train = {name: values[: config.examples] for name, values in data.train.items()}
    found: dict[Network, dict] = {}
    failed: dict[Network, Exception] = {}
    with open_run(config) as run, run.stopped.listening():
        for name in config.networks:
            # of a resumed run those that were finished are not trained again
            path = run.folder.path / f"{name}.json"
            if run.folder.resumed and path.exists():
                found[name] = json.loads(path.read_text("utf-8"))
                continue
            try:
                found[name] = study(config, run, data, train, name)
            except Exception as error:
                # the networks that are finished must not be lost
                failed[name] = error
                run.note(f"{RECIPES[name].title} failed: {first_line(error)}")
                continue
            if run.stopped.exit_code:
                run.note(f"Stopped by {run.stopped.reason}; {len(found) - 1} networks are finished. To go on: the same"
                         f" command with --name {run.folder.name} --resume")  # fmt: skip
                raise SystemExit(run.stopped.exit_code)
            if run.writes:
                write(path, found[name])
        if not found:
            raise next(iter(failed.values()))
        return report(config, run, found, failed)


def study(config: Config, run: Any, data: Any, train: Mapping, name: Network) -> dict:
    """Trains a network; what the table has of it, with one value a seed, and its curve."""
    model = network(config, name, len(data.card.classes))
    per_epoch = dlx.train.steps_per_epoch(len(train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or RECIPES[name].epochs) * per_epoch))
    rate = dlx.optim.one_cycle_schedule(
        config.rate or RECIPES[name].rate, steps=max(2, steps), rise=max(0.25, 1.5 / max(2, steps))
    )
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create(config.optimizer, rate),
        example=train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=resized(dlx.data.prepare(data.card), config.size or RECIPES[name].size),
        **config.training_options(),
    )
    labels = replica_labels(config)
    layout = dlx.train.make_layout(
        config.seeds, devices=config.devices, parallel=config.parallel, each=config.map, batch_size=config.batch_size
    )
    few = {split: values[:SHOWN] for split, values in data.test.items()}
    evaluate = {"shown": dlx.train.evaluator(task.measure, few, layout=layout)}
    records = Records(run.folder.path / f"{name}.jsonl" if run.writes else None)
    records.truncate(0)
    state, done = dlx.train.fit(
        task.step, task.init, train, steps=steps, batch_size=config.batch_size, seeds=config.seed_values,
        hooks=[
            dlx.train.Evaluate(evaluate, every=max(1, per_epoch // 6)),
            dlx.train.StopOnNonFinite(labels, layout, report=run.note), records, run.stopped,
        ],
        log_every=min(steps, 100), layout=layout,
    )  # fmt: skip
    records.close()
    tested = dlx.train.evaluator(task.measure, data.test, layout=layout)(state)
    own = layout.fetch("state", state)
    if run.writes:
        save_replicas(run.folder.path, labels, own, name=name)
    small, full = (parameters(*each) for each in counted(config, name, data))
    run.step = done[-1]["step"]
    run.note(f"{RECIPES[name].title}: test accuracy {spread(tested['accuracy'])}, {records.seconds:.0f} s")
    return {
        "parameters": small,
        "full_parameters": full,
        "examples_per_second": records.examples_per_second,
        "seconds": records.seconds,
        "compile_seconds": records.compile_seconds,
        "train_loss": done[-1]["train_loss"],
        "test_accuracy": tested["accuracy"],
        "test_loss": tested["loss"],
        "steps": run.step,
    }


def network(config: Config, name: Network, outputs: int) -> Any:
    """A network in the width in which it is trained."""
    recipe = RECIPES[name]
    model = recipe.build(outputs, config.width or recipe.width, "cifar")
    # GoogLeNet has dropout too, but none in the notes; LeNet has none in the paper
    return model.clone(dropout=config.dropout) if name in ("alexnet", "vgg11", "nin") else model


def counted(config: Config, name: Network, data: Any) -> list[tuple]:
    """(model, shape of an image) of the network that is trained, and of the notes' full one."""
    outputs, channels, recipe = len(data.card.classes), data.card.input_shape[-1], RECIPES[name]
    pairs = (
        (network(config, name, outputs), config.size or recipe.size),
        (recipe.build(outputs, 1.0, "imagenet"), recipe.full_size),
    )
    return [(model, (size, size, channels)) for model, size in pairs]


def parameters(model: Any, shape: tuple[int, ...]) -> int:
    """How many parameters a network has for images of a shape; nothing is computed."""
    init = functools.partial(model.init, jax.random.key(0))
    shapes = jax.eval_shape(init, jax.ShapeDtypeStruct((1, *shape), jnp.float32))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


def resized(prepare: Callable, size: int) -> Callable:
    """`prepare`, and then images of `size` rows and columns."""

    def function(batch: Mapping) -> dict:
        batch = prepare(batch)
        count, _, _, channels = batch["inputs"].shape
        return {**batch, "inputs": jax.image.resize(batch["inputs"], (count, size, size, channels), "linear")}

    return function


def first_line(error: Exception) -> str:
    """What went wrong, in a line."""
    text = (str(error).splitlines() or [""])[0][:200]
    return text if isinstance(error, DlxError) else f"{type(error).__name__}: {text}"


def report(config: Config, run: Any, found: Mapping[Network, dict], failed: Mapping[Network, Exception]) -> dict:
    """Table and curves; returns the result."""
    rows = [["network", "parameters", "of the full one", "examples a second", "training", "compiling", "training loss",
             "test accuracy"]]  # fmt: skip
    for name, own in found.items():
        rows.append([
            RECIPES[name].title, f"{own['parameters']:,}", f"{own['full_parameters']:,}",
            f"{own['examples_per_second']:,.0f}", f"{own['seconds']:.0f} s", f"{own['compile_seconds']:.0f} s",
            spread(np.array(own["train_loss"])), spread(np.array(own["test_accuracy"])),
        ])  # fmt: skip
    rows += [[RECIPES[name].title, *6 * [""], f"failed: {first_line(error)}"] for name, error in failed.items()]
    # the training loss picks the headline: test data choose nothing
    best = min(found, key=lambda name: np.nan_to_num(np.mean(found[name]["train_loss"]), nan=np.inf))
    run.table(f"Networks; the headline test accuracy is that of {RECIPES[best].title}, of the smallest training loss",
              rows)  # fmt: skip
    logs = {name: read_records(run.folder.path / f"{name}.jsonl") for name in found} if run.writes else {}
    run.picture(f"Accuracy on {SHOWN:,} test images against the time of training", time_figure(logs))
    return run.finish(
        {"test_accuracy": found[best]["test_accuracy"]}
        | {f"test_accuracy_{name}": own["test_accuracy"] for name, own in found.items()}
        | {f"examples_per_second_{name}": own["examples_per_second"] for name, own in found.items()},
        failed_networks=list(failed),
    )


def time_figure(logs: Mapping[Network, list[dict]]) -> Any:
    """A line for each network: mean and spread over the seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for number, (name, lines) in enumerate(logs.items()):
        held = [line for line in lines if "shown_accuracy" in line]
        values = np.array([line["shown_accuracy"] for line in held])
        if len(held):
            band(axes, [line["seconds"] for line in held], values, label=RECIPES[name].title, colour=f"C{number}")
    axes.set(xlabel="seconds of training", ylabel="accuracy on test images")
    axes.set_xscale("log")
    axes.grid(alpha=0.3, which="both")
    if axes.lines:
        # the start, where all are poor, would take most of the height
        axes.set_ylim(bottom=max(0.0, max(np.max(np.asarray(line.get_ydata())) for line in axes.lines) - 0.3))
        axes.legend(fontsize=8, loc="lower right")
    return figure


if __name__ == "__main__":
    launch(Config, main)
