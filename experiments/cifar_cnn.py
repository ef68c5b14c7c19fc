"""Convolutional network on CIFAR-10, trained in minutes on a CPU (Page 2019; Jordan 2024; notes 004 part 3).

    python -m experiments.cifar_cnn --devices 2 --parallel pmap

A fixed first layer that whitens 2x2 windows of training images, three groups of two convolutions, label smoothing,
Nesterov's momentum under a triangle, mirrored and moved images, the first steps on images of three quarters of the
size (tested at full size they look bad until the switch), and test images together with their mirror images. One core
needs 0.13 s for a step of 128 images of 24x24 and 0.19 s for one of 32x32; the two devices of the command are the two
cores. --allocator keep is the default here.

2 CPU cores: 4 min 20 s, 482 s of processor time. Test accuracy 0.907 +- 0.000
(cifar10, 1 seed) with the mirror images, test accuracy without flips 0.898 +- 0.000 (cifar10, 1 seed).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import dlx
from dlx.run import launch, open_run, require
from dlx.run.options import DEVICES, LOG, TRAINING
from dlx.run.records import read_records
from dlx.run.timed import TimedRecords, by_epoch, time_figure
from dlx.run.weights import WeightsOptions, from_file
from dlx.train.stages import in_turn, smaller


@dataclass(frozen=True)
class Config(WeightsOptions):
    """Options of the fast network."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG

    dataset: Literal["cifar10", "digits", "fashion_mnist", "mnist"] = "cifar10"
    """Data set."""
    epochs: float | None = 7
    batch_size: int = 128
    optimizer: str = "nesterov"
    learning_rate: float = 0.25
    """Peak of the triangle: from a fifth of it straight up in a quarter of the steps, then straight down to 0."""
    allocator: Literal["default", "keep"] = "keep"
    channels: tuple[int, ...] = (32, 128, 128)
    """Channels of the groups of two convolutions; each group halves height and width."""
    activation: str = "relu"
    """One of dlx.nn: relu, elu, ..."""
    momentum: float = 0.85
    """Decay of the velocity, for momentum and nesterov."""
    weight_decay: float = 1e-3
    """Rate of the L2 penalty on the kernels, added to their gradients."""
    label_smoothing: float = 0.2
    """Share of a label that is spread over all classes."""
    whitening: bool = True
    """First layer from the principal components of training images; else it is trained."""
    flips: bool = True
    """Mirror images at random in training."""
    crop: int = 2
    """Move images by up to so many pixels in training; 0: not."""
    mirrored: bool = True
    """Test with the mean answer to an image and its mirror image."""
    small: float = 0.4
    """Part of the steps, the first ones, that train on images of three quarters of the size."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "channels", at_least=1)
        for field in ("momentum", "label_smoothing"):
            require(self, field, at_least=0, below=1)
        for field in ("weight_decay", "crop"):
            require(self, field, at_least=0)
        require(self, "small", at_least=0, at_most=1)


def main(config: Config) -> dict:
    """Trains, evaluates and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    with open_run(config) as run:
        run.records = TimedRecords(run.records.path)
        prepare = dlx.data.prepare(data.card)
        model = network(config, data, prepare)
        per_epoch = dlx.train.steps_per_epoch(len(data.train["labels"]), config.batch_size)
        steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
        build = functools.partial(task, config, data, steps)
        full = from_file(config, build(model, prepare), model)
        step = full.step
        if config.small:
            step = in_turn(build(model, smaller(prepare)).step, full.step, round(config.small * steps))
        state = run.fit(step, full.init, data.train, measured={"test": (full.measure, data.test)})
        once = build(model.clone(mirrored=False), prepare)
        without = dlx.train.evaluator(once.measure, data.test, layout=run.layout)(state)["accuracy"]
        lines = [line for line in read_records(run.folder.metrics) if "test_accuracy" in line]
        if lines:
            run.picture("Test accuracy against time", time_figure(lines))
            run.table("By epoch", by_epoch(lines))
        own = run.layout.fetch("state", state)
        run.save_weights(own)
        run.show_answers(model, own, data, prepare)
        return run.finish(
            {
                "test_accuracy_without_flips": without,
                "train_seconds": run.records.seconds,
                "processor_seconds": run.records.processor_seconds,
            }
        )


def network(config: Config, data: Any, prepare: Callable) -> dlx.models.CIFARNet:
    """The network, whose first layer whitens the images as `prepare` makes them."""
    images = prepare({"inputs": data.train["inputs"][:5000]})["inputs"]
    return dlx.models.CIFARNet(
        outputs=len(data.card.classes),
        channels=config.channels,
        activation=config.activation,
        mirrored=config.mirrored,
        # running statistics that forget as fast, in images, as 0.6 does with batches of 1024
        momentum=0.6 ** (config.batch_size / 1024),
        whitening=dlx.nn.whitening_kernel(images, both_signs=True) if config.whitening else None,
    )


def task(config: Config, data: Any, steps: int, model: Any, prepare: Callable) -> dlx.train.Supervised:
    """Supervised learning with augmentation and a triangle as learning rate."""
    options: dict[str, Any] = {"decay": config.momentum} if config.optimizer in ("momentum", "nesterov") else {}
    moves = [dlx.data.augment.random_flip_left_right] if config.flips else []
    if config.crop:
        moves.append(functools.partial(dlx.data.augment.pad_and_crop, padding=config.crop, mode="reflect"))
    return dlx.train.supervised(
        model,
        functools.partial(dlx.losses.softmax_cross_entropy, label_smoothing=config.label_smoothing),
        dlx.optim.create(config.optimizer, triangle(config.learning_rate, steps), l2=config.weight_decay, **options),
        example=data.train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=prepare,
        augment=dlx.data.augment.on_batch(dlx.data.augment.compose(*moves)) if moves else None,
        **config.training_options(),
    )


def triangle(peak: float, steps: int) -> Callable:
    """From a fifth of the peak straight up in a quarter of the steps, then straight down to 0."""
    rise = max(1, steps // 4)
    fall = dlx.optim.polynomial_schedule(peak, steps=max(1, steps - rise))
    return dlx.optim.warmup_schedule(fall, steps=rise, start=peak / 5)


if __name__ == "__main__":
    launch(Config, main)
