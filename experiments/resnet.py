"""ResNet on CIFAR-10, narrow enough for a CPU or as wide as in the paper (He et al. 2015; notes 001 section 7).

    python -m experiments.resnet --devices 2 --parallel pmap

Flips, moved images, label smoothing, Nesterov's momentum under one cycle, weight decay on the kernels only, the first
half of the steps on images of three quarters of the size, test images together with their mirror images. For an
accelerator, meant for 0.94 and more, not run here: `--platform gpu --width 1 --epochs 30 --batch-size 512
--learning-rate 0.4 --crop 4 --small 0 --precision bfloat16`, with --remat where memory is short.

2 CPU cores: about 6 min, from 736 s of processor time; beside other work it took 13 min. Test accuracy 0.863 +- 0.000
(cifar10, 1 seed) after 6 epochs, which is not enough for it: train accuracy 0.858 +- 0.000 (cifar10, 1 seed).
experiments.cifar_cnn, made for this budget, comes further.
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
    """Options of the residual network."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG

    dataset: Literal["cifar10", "digits", "fashion_mnist", "mnist"] = "cifar10"
    """Data set."""
    epochs: float | None = 6
    batch_size: int = 128
    optimizer: str = "nesterov"
    learning_rate: float = 0.2
    """Peak of the schedule."""
    allocator: Literal["default", "keep"] = "keep"
    depth: Literal["18", "34", "50"] = "18"
    """Layers with weights."""
    width: float = 0.25
    """Factor of the channels 64, 128, 256 and 512."""
    remat: bool = False
    """Compute the activations of a block again for its gradient: less memory on an accelerator."""
    momentum: float = 0.9
    """Decay of the velocity, for momentum and nesterov."""
    weight_decay: float = 5e-4
    """Rate of the L2 penalty on the kernels, added to their gradients; scales and biases are free."""
    label_smoothing: float = 0.1
    """Share of a label that is spread over all classes."""
    schedule: Literal["one_cycle", "cosine"] = "one_cycle"
    """One cycle: up to the peak in a part of the steps, down to almost 0 in the others; cosine: from the peak down."""
    rise: float = 0.25
    """Part of the steps that go up in a cycle."""
    flips: bool = True
    """Mirror images at random in training."""
    crop: int = 2
    """Move images by up to so many pixels in training; 0: not."""
    mirrored: bool = True
    """Test with the mean answer to an image and its mirror image."""
    small: float = 0.5
    """Part of the steps, the first ones, that train on images of three quarters of the size."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "width", above=0)
        for field in ("momentum", "label_smoothing"):
            require(self, field, at_least=0, below=1)
        for field in ("weight_decay", "crop"):
            require(self, field, at_least=0)
        require(self, "rise", above=0, below=1)
        require(self, "small", at_least=0, at_most=1)


def main(config: Config) -> dict:
    """Trains, evaluates and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    prepare = dlx.data.prepare(data.card)
    model = dlx.models.ResNet.preset(
        f"resnet{config.depth}", outputs=len(data.card.classes), stem="cifar", width=config.width, remat=config.remat,
        mirrored=config.mirrored,
    )  # fmt: skip
    per_epoch = dlx.train.steps_per_epoch(len(data.train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    full = from_file(config, task(config, data, steps, model, prepare), model)
    step = full.step
    if config.small:
        first = task(config, data, steps, model, smaller(prepare))
        step = in_turn(first.step, full.step, round(config.small * steps))
    with open_run(config) as run:
        run.records = TimedRecords(run.records.path)
        state = run.fit(step, full.init, data.train, measured={"test": (full.measure, data.test)})
        lines = [line for line in read_records(run.folder.metrics) if "test_accuracy" in line]
        if lines:
            run.picture("Test accuracy against time", time_figure(lines))
            run.table("By epoch", by_epoch(lines))
        own = run.layout.fetch("state", state)
        run.save_weights(own)
        run.show_answers(model, own, data, prepare)
        return run.finish({"train_seconds": run.records.seconds, "processor_seconds": run.records.processor_seconds})


def task(config: Config, data: Any, steps: int, model: Any, prepare: Callable) -> dlx.train.Supervised:
    """Supervised learning with augmentation and a schedule."""
    options: dict[str, Any] = {"decay": config.momentum} if config.optimizer in ("momentum", "nesterov") else {}
    moves = [dlx.data.augment.random_flip_left_right] if config.flips else []
    if config.crop:
        moves.append(functools.partial(dlx.data.augment.pad_and_crop, padding=config.crop, mode="reflect"))
    return dlx.train.supervised(
        model,
        functools.partial(dlx.losses.softmax_cross_entropy, label_smoothing=config.label_smoothing),
        dlx.optim.create(config.optimizer, schedule(config, steps), l2=config.weight_decay, **options),
        example=data.train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=prepare,
        augment=dlx.data.augment.on_batch(dlx.data.augment.compose(*moves)) if moves else None,
        **config.training_options(),
    )


def schedule(config: Config, steps: int) -> Callable:
    """Steps done -> learning rate."""
    if config.schedule == "cosine":
        return dlx.optim.cosine_schedule(config.learning_rate, steps=steps)
    # a step at least goes up and one down
    steps = max(2, steps)
    return dlx.optim.one_cycle_schedule(config.learning_rate, steps=steps, rise=max(config.rise, 1.5 / steps))


if __name__ == "__main__":
    launch(Config, main)
