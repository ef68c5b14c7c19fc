"""Augmentation: what mirrored, moved and recoloured images add to a small network (notes 001 section 10).

    python -m experiments.augmentation --sweep flips=0,1 crop=0,1 --evaluate-every 780 --devices 2 --parallel pmap

All combinations and seeds are replicas of one program, whose state says on which share of the images each kind works:
--sweep flips=0,1 crop=0.5,1 tries others. Few examples and many epochs, where there is most to gain; in the first
epochs, as long as a network has not fitted its examples, augmentation costs accuracy.

2 CPU cores: about 5 min. On 5,000 examples, flips and crop: test accuracy 0.6757 +- 0.0016 (cifar10, 3 seeds), accuracy
gain 0.0265 +- 0.0036 (cifar10, 3 seeds).
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import spread

KINDS = ("flips", "crop", "colour")


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison. It sweeps the kinds of augmentation; a kind that no sweep names is taken as given."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["cifar10", "fashion_mnist", "mnist", "digits"] = "cifar10"
    """Data set; colour wants one with colours."""
    examples: int | None = 5000
    """Train on the first so many examples; None: on all."""
    seeds: int = 3
    epochs: float | None = 30
    batch_size: int = 64
    learning_rate: float = 3e-3
    """At the start, then down to 0 along half a cosine."""
    sweep: tuple[str, ...] = ("flips=0,1,1,1", "crop=0,0,1,1", "colour=0,0,0,1")
    width: float = 1.0
    """Factor of the channels 32, 64 and 128 of the network."""
    flips: float = 1.0
    """Share of the training images that a coin mirrors or leaves."""
    crop: float = 1.0
    """Share of the training images that are padded and cropped, which moves them."""
    colour: float = 0.0
    """Share of the training images whose brightness, contrast, saturation and hue change."""
    padding: int = 4
    """Images are moved by up to so many pixels."""
    strength: float = 0.3
    """Of the changes of colour; of that of the hue a third."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in KINDS:
            require(self, field, at_least=0, at_most=1)
        for field in ("examples", "padding"):
            require(self, field, at_least=1)
        require(self, "width", above=0)
        require(self, "strength", at_least=0, at_most=1)
        others = ", ".join(sorted(set(self.sweep_values()) - set(KINDS)))
        if others:
            raise UsageError(f"--sweep {others}: this experiment sweeps {', '.join(KINDS)}.")


class Tried(NamedTuple):
    """State of a replica: the share of images that each kind of augmentation changes, and that of the training."""

    shares: dict[str, jax.Array]
    inner: dlx.train.SupervisedState

    @property
    def step(self) -> jax.Array:
        """Steps done."""
        return self.inner.step


def main(config: Config) -> dict:
    """Trains with every combination and seed side by side and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    train = {name: values[: config.examples] for name, values in data.train.items()}
    shares = shares_of(config)
    check_colours(data, shares)
    functions = augmentations(config, shares)
    per_epoch = dlx.train.steps_per_epoch(len(train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    task = dlx.train.supervised(
        dlx.models.PlainCNN(outputs=len(data.card.classes), width=config.width),
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create(config.optimizer, dlx.optim.cosine_schedule(config.learning_rate, steps=steps)),
        example=train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=dlx.data.prepare(data.card),
        **config.training_options(),
    )
    step, init, measure = with_shares(task, functions, {name: getattr(config, name) for name in KINDS})
    with open_run(config) as run:
        run.fit(step, init, train, measured={"test": (measure, data.test)})
        tested = run.final["test_accuracy"].reshape(len(shares), config.seeds)
        gains = tested - tested[plain_row(shares)]
        trained = run.final["train_accuracy"].reshape(tested.shape)
        run.table("Accuracy", table(shares, tested, trained, gains))
        run.picture(
            "Training images, and what each combination makes of them", examples(functions, shares, train["inputs"])
        )
        return run.finish({"accuracy_gain": gains.ravel()})


def shares_of(config: Config) -> list[dict[str, float]]:
    """The combinations that are tried, in the order of the replicas: {kind: share of images}."""
    given = {name: getattr(config, name) for name in KINDS}
    swept = config.sweep_values()
    count = len(next(iter(swept.values()), (0,)))
    rows = [{name: values[row] for name, values in swept.items()} for row in range(count)]
    return [{**given, **{name: value for name, value in row.items() if name in KINDS}} for row in rows]


def plain_row(shares: list[dict[str, float]]) -> int:
    """The combination to which the others are compared: that without augmentation, else the first."""
    return next((row for row, share in enumerate(shares) if not any(share.values())), 0)


def check_colours(data: Any, shares: list[dict[str, float]]) -> None:
    """Grey images have no colours to change."""
    channels = data.train["inputs"].shape[-1]
    if channels != 3 and any(share["colour"] for share in shares):
        raise UsageError(
            f"--dataset {data.name} has images of {channels} channel: no colour to change; "
            "give --colour 0 --sweep flips=0,1,1 crop=0,0,1"
        )


def augmentations(config: Config, shares: list[dict[str, float]]) -> dict[str, Callable]:
    """{kind: function of (keys, images)} of the kinds that some combination has."""
    augment, strength = dlx.data.augment, config.strength
    colours: dict[str, Any] = {
        "brightness": strength,
        "contrast": strength,
        "saturation": strength,
        "hue": strength / 3,
    }
    functions: dict[str, Callable] = {
        "flips": augment.random_flip_left_right,
        "crop": functools.partial(augment.pad_and_crop, padding=config.padding, mode="reflect"),
        "colour": functools.partial(augment.colour_jitter, **colours),
    }
    return {name: function for name, function in functions.items() if any(share[name] for share in shares)}


def augmented(functions: Mapping[str, Callable], shares: Mapping[str, Any], keys: jax.Array, images: Any) -> Any:
    """Images after one kind of augmentation and the next, each on a share of them."""

    def change(function: Callable, share: Any, keys: jax.Array, images: Any) -> Any:
        coins, keys = (jax.vmap(jax.random.fold_in, (0, None))(keys, part) for part in (0, 1))
        chosen = jax.vmap(jax.random.uniform)(coins) < share
        return jnp.where(chosen.reshape(-1, 1, 1, 1), function(keys, images), images)

    for number, (name, function) in enumerate(functions.items()):
        own = jax.vmap(jax.random.fold_in, (0, None))(keys, number)
        # what no image of a replica gets is not computed
        images = jax.lax.cond(
            shares[name] > 0, functools.partial(change, function), lambda *given: given[-1], shares[name], own, images
        )
    return images


def with_shares(task: dlx.train.Supervised, functions: dict[str, Callable], given: Mapping[str, float]) -> tuple:
    """(step, init, measure) of a task whose images are augmented by shares that stand in the state.

    Shares in the state make replicas of one program of what would be programs of their own.
    """

    def init(key: jax.Array, **changes: Any) -> Tried:
        shares = {name: jnp.float32(changes.pop(name, value)) for name, value in given.items()}
        return Tried(shares, task.init(key, **changes))

    def step(state: Tried, batch: Any, *, axis_name: str | None = None) -> tuple:
        inner, images = state.inner, jnp.asarray(batch["inputs"])
        key = dlx.train.stream_key(inner.key, inner.step, "augment")
        keys = dlx.nn.example_keys(key, len(images), axis_name=axis_name)
        batch = {**batch, "inputs": augmented(functions, state.shares, keys, images)}
        inner, metrics = task.step(inner, batch, axis_name=axis_name)
        return state._replace(inner=inner), metrics

    def measure(state: Tried, batch: Any, weight: jax.Array) -> dict:
        return task.measure(state.inner, batch, weight)

    return step, init, measure


def words(share: Mapping[str, float]) -> str:
    """A combination in words."""
    parts = [name if value == 1 else f"{name} of {value:.0%}" for name, value in share.items() if value]
    return " + ".join(parts) or "none"


def table(shares: list[dict[str, float]], tested: np.ndarray, trained: np.ndarray, gains: np.ndarray) -> list:
    """A row for each combination: means over the seeds, and their standard deviations."""
    rows = [
        ["augmentation", "test accuracy", f"more than with {words(shares[plain_row(shares)])}", "training accuracy"]
    ]
    for share, *values in zip(shares, tested, gains, trained, strict=True):
        rows.append([words(share), *map(spread, values)])
    return rows


def examples(functions: dict[str, Callable], shares: list[dict[str, float]], images: np.ndarray) -> np.ndarray:
    """(combinations, 10, height, width, channels) in [0, 1]: a row for each combination, the same images in each."""
    count = min(10, len(images))
    keys = dlx.nn.example_keys(jax.random.key(0), count)
    apply = jax.jit(functools.partial(augmented, functions))
    top = 255 if images.shape[-1] == 3 else images[:count].max()
    rows = [np.asarray(apply({name: jnp.float32(value) for name, value in share.items()}, keys, images[:count]))
            for share in shares]  # fmt: skip
    # enlarged pixel by pixel: a page would show ten small images in a row too small
    return (np.stack(rows).astype(np.float32) / top).repeat(2, axis=2).repeat(2, axis=3)


if __name__ == "__main__":
    launch(Config, main)
