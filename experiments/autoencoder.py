"""Autoencoder: images through a code of 32 numbers, against principal components (Masci et al. 2011; notes 004 part 6).

    python -m experiments.autoencoder --seeds 3

The notes' encoder of convolutions and poolings, and a decoder of unpoolings and transposed convolutions, in three forms
trained on the same batches: a number goes to a corner of its block (nails), to the whole block (nearest), or to where
the pooling found its maximum (switches).

2 CPU cores: about 2 min. Squared error of a pixel: test loss 0.00727 +- 0.00014 with nails, test loss nearest 0.00777
+- 0.00014, loss of pca 0.01683 +- 0.00000 (mnist, 3 seeds): of the principal components' error a share of pca 0.432 +-
0.008 (mnist, 3 seeds). With switches test loss switches 0.00536 +- 0.00061 (mnist, 3 seeds), but they carry 6,272 bits
beside the code: alone they leave loss of switches alone 0.0214 +- 0.0005 (mnist, 3 seeds).
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
from dlx.run.figures import spread
from dlx.run.image_rows import rows_figure

# images whose codes are drawn, and those whose reconstructions are
DRAWN, SHOWN = 2000, 8


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["mnist", "fashion_mnist", "cifar10", "digits"] = "mnist"
    """Data set; its labels are used for colours in a picture only."""
    unpooling: tuple[Literal["nearest", "nails", "switches"], ...] = ("nails", "nearest", "switches")
    """Forms of unpooling, trained side by side on the same batches: see dlx.models.ConvAutoencoder."""
    code: int = 32
    """Numbers of the code, and principal components."""
    channels: tuple[int, ...] = (8, 32)
    """Of the convolutions of the encoder, each followed by a pooling that halves the sides."""
    activation: str = "leaky_relu"
    """One of dlx.nn; with so few channels all ReLUs of a layer can die."""
    epochs: float | None = 1
    batch_size: int = 32
    learning_rate: float = 3e-3
    """At the start, then down to 0 along half a cosine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "code", at_least=1)
        require(self, "channels", at_least=1)
        if len(set(self.unpooling)) < len(self.unpooling):
            raise UsageError(f"--unpooling names a form twice: {' '.join(self.unpooling)}.")


def main(config: Config) -> dict:
    """Trains the forms side by side, compares them with principal components and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    shape: Any = data.card.input_shape
    check_shape(config, shape)
    train, test = ({"inputs": split["inputs"]} for split in (data.train, data.test))
    prepare, loss = targets(data.card), pixel_error(data.card)
    steps = config.steps or max(
        1, round((config.epochs or 1) * dlx.train.steps_per_epoch(len(train["inputs"]), config.batch_size))
    )
    models: dict[str, dlx.models.ConvAutoencoder] = {
        form: dlx.models.ConvAutoencoder(
            shape=shape, code=config.code, channels=config.channels, unpool=form, activation=config.activation
        )
        for form in config.unpooling
    }
    schedule = dlx.optim.cosine_schedule(config.learning_rate, steps=steps)
    both = dlx.train.side_by_side({
        ending(config, form): dlx.train.supervised(
            model, loss, dlx.optim.create(config.optimizer, schedule), example=train, prepare=prepare,
            **config.training_options(),
        )
        for form, model in models.items()
    })  # fmt: skip
    with open_run(config) as run:
        state = run.fit(both.step, both.init, train, measured={"test": (both.measure, test)})
        states = run.layout.fetch("state", state)
        trained = {form: [dlx.train.replica_variables(states[ending(config, form)], replica=replica)
                          for replica in range(config.seeds)] for form in models}  # fmt: skip
        pixels = {split: getattr(data, split)["inputs"] / np.float32(data.card.scale) for split in ("train", "test")}
        linear = principal_components(pixels["train"], config.code)(pixels["test"])
        found = {"loss_of_pca": np.full(config.seeds, np.square(linear - pixels["test"]).mean())}
        found["share_of_pca"] = run.final["test_loss"] / found["loss_of_pca"]
        images = np.asarray(prepare(test)["inputs"])
        if "switches" in models:
            found |= beside_the_code(models["switches"], trained["switches"], images, loss)
        run.table("Squared error of a test pixel in [0, 1]", table(config, models, {**run.final, **found}))
        show(config, run, data, models, {form: replicas[0] for form, replicas in trained.items()}, linear, images)
        return run.finish(found)


def ending(config: Config, form: str) -> str:
    """Of the names of a form's metrics: those of the first have none."""
    return "" if form == config.unpooling[0] else f"_{form}"


def check_shape(config: Config, shape: tuple[int, ...]) -> None:
    """Refuses what the poolings or the components do not fit, before anything is compiled."""
    factor = 2 ** len(config.channels)
    if any(side % factor for side in shape[:2]):
        raise UsageError(
            f"--channels {' '.join(map(str, config.channels))}: {len(config.channels)} poolings want sides that are "
            f"multiples of {factor}; images of {config.dataset} are {shape[0]}x{shape[1]}."
        )
    if config.code > np.prod(shape):
        raise UsageError(f"--code {config.code}: images of {config.dataset} have {np.prod(shape)} numbers.")


def targets(card: Any) -> Callable:
    """Function of a batch: images standardised by the card, which are their own targets."""
    standardised = dlx.data.prepare(card)

    def prepare(batch: Mapping[str, Any]) -> dict:
        images = standardised({"inputs": batch["inputs"]})["inputs"]
        return {"inputs": images, "labels": images}

    return prepare


def pixel_error(card: Any) -> Callable:
    """Squared error of standardised images -> (batch,) that of pixels in [0, 1], the mean over an image."""
    deviation = np.asarray(card.std, np.float32).reshape(1, 1, 1, -1)

    def loss(outputs: jax.Array, images: jax.Array) -> jax.Array:
        return dlx.losses.squared_error(outputs * deviation, jnp.asarray(images) * deviation, features="mean")

    return loss


def principal_components(images: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """The best linear code of `count` numbers of some images, as a function: images -> reconstructions.

    No linear encoder and decoder have a smaller squared error on the images given (Eckart and Young 1936).
    """
    flat = images.reshape(len(images), -1)
    mean = flat.mean(0, dtype=np.float64).astype(flat.dtype)
    # the right singular vectors of the images are those of their covariance, which is a smaller matrix
    covariance = (flat - mean).T @ (flat - mean) / len(flat)
    directions = np.linalg.svd(covariance.astype(np.float64), hermitian=True)[2][:count].astype(flat.dtype)

    def reconstruct(images: np.ndarray) -> np.ndarray:
        codes = (images.reshape(len(images), -1) - mean) @ directions.T
        return (codes @ directions + mean).reshape(images.shape)

    return reconstruct


def taken_apart(model: Any) -> Callable:
    """Compiled function (variables, images) -> what the switches alone give, and the code with others' switches.

    Alone: the code is the mean of those of the images, which tells nothing. Others' are those of the image before.
    """

    @jax.jit
    def decoded(variables: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        code, switches = model.apply(variables, images, method="encode")
        others = [jnp.roll(places, 1, axis=0) for places in switches]
        alone = model.apply(variables, jnp.broadcast_to(code.mean(0), code.shape), switches, method="decode")
        return alone, model.apply(variables, code, others, method="decode")

    return decoded


def beside_the_code(model: Any, replicas: Sequence[dict], images: np.ndarray, loss: Callable) -> dict[str, np.ndarray]:
    """What the switches tell: errors with the code of no image, and with the switches of another; (seeds,) each."""
    decoded, size = taken_apart(model), min(1000, len(images))
    # whole parts only: each has its own mean code
    parts = [images[i : i + size] for i in range(0, len(images) - size + 1, size)]
    errors = [[[loss(made, part).mean() for made in decoded(variables, part)] for part in parts]
              for variables in replicas]  # fmt: skip
    alone, mixed = np.mean(errors, axis=1).T
    return {"loss_of_switches_alone": alone, "loss_with_other_switches": mixed}


def show(
    config: Config, run: Any, data: Any, models: Mapping[str, Any], trained: Mapping[str, dict], linear: np.ndarray,
    images: np.ndarray,
) -> None:  # fmt: skip
    """Pictures of the first seed: reconstructions, codes, and what passes beside them."""
    deviation, mean = (np.asarray(values, np.float32) for values in (data.card.std, data.card.mean))
    form, seed, few = config.unpooling[0], f"seed {config.seed}", images[:SHOWN]

    def seen(outputs: Any) -> np.ndarray:
        return np.clip(np.asarray(outputs) * deviation + mean, 0, 1)

    made = {name: seen(jax.jit(models[name].apply)(trained[name], few)) for name in models}
    rows = {"image": seen(few), f"{config.code} components": linear[:SHOWN], **made}
    run.picture(f"Test images, and what comes back through {config.code} numbers ({seed})", rows_figure(rows))
    drawn, labels = images[:DRAWN], data.test["labels"][:DRAWN]
    run.picture(f"Test images by class along their two main directions ({form}, {seed})",
                codes_figure(models[form], trained[form], drawn, labels, data.card.classes))  # fmt: skip
    if form != "switches":
        run.picture(f"Along the lines between the codes of two test images ({form}, {seed})",
                    seen(between(models[form], trained[form], few)))  # fmt: skip
    if "switches" in models:
        alone, mixed = taken_apart(models["switches"])(trained["switches"], few)
        rows = {"image": seen(few), "code and switches": made["switches"], "switches alone": seen(alone),
                "others' switches": seen(mixed)}  # fmt: skip
        run.picture(f"What passes beside the code: the switches ({seed})", rows_figure(rows))


def between(model: Any, variables: dict, images: np.ndarray, *, pairs: int = 4, steps: int = 9) -> np.ndarray:
    """(pairs, steps, height, width, channels) images decoded along the lines between the codes of two images."""

    @jax.jit
    def walk(variables: Any, images: jax.Array) -> jax.Array:
        code, _ = model.apply(variables, images, method="encode")
        share = jnp.linspace(0, 1, steps)[None, :, None]
        line = code[:pairs, None] * (1 - share) + code[pairs : 2 * pairs, None] * share
        return model.apply(variables, line.reshape(pairs * steps, -1), method="decode")

    return np.asarray(walk(variables, images)).reshape(pairs, steps, *images.shape[1:])


def table(config: Config, models: Mapping[str, Any], found: Mapping[str, np.ndarray]) -> list[list[str]]:
    """A row for principal components, for each form, and for what is left when code or switches are taken away."""
    height, width, _ = next(iter(models.values())).shape
    places = sum(height * width // 4 ** (n + 1) * channels for n, channels in enumerate(config.channels))
    pca, told = found["loss_of_pca"], {"switches": f"{2 * places:,} bits"}
    rows = [["decoder", "numbers of the code", "beside the code", "squared error", "share of PCA's"]]
    rows.append([f"{config.code} principal components", f"{config.code}", "nothing", f"{pca[0]:.5f}", "1"])
    for form in models:
        loss = found[f"test_loss{ending(config, form)}"]
        rows.append(
            [form, f"{config.code}", told.get(form, "nothing"), spread(loss, digits=5), f"{(loss / pca).mean():.3f}"]
        )
    if "switches" in models:
        for name, number in (("loss_of_switches_alone", "0"), ("loss_with_other_switches", f"{config.code}")):
            words, loss = name.removeprefix("loss_").removeprefix("of_").replace("_", " "), found[name]
            beside = told["switches"] if number == "0" else "bits of another image"
            rows.append([words, number, beside, spread(loss, digits=5), f"{(loss / pca).mean():.3f}"])
    return rows


def codes_figure(model: Any, variables: dict, images: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Any:
    """Two panels: codes of the network, and images themselves, along their first two principal components."""
    from matplotlib.figure import Figure

    codes = np.asarray(jax.jit(lambda v, x: model.apply(v, x, method="encode")[0])(variables, images))
    figure = Figure(figsize=(5.4, 3.3), layout="constrained")
    for axes, (title, points) in zip(
        figure.subplots(1, 2),
        (("code of the network", codes), ("pixels", images.reshape(len(images), -1))),
        strict=True,
    ):
        centred = points - points.mean(0)
        found = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        for label, name in enumerate(classes):
            axes.scatter(*found[labels == label].T, s=3, color=f"C{label % 10}", label=name)
        axes.set_title(title, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8, markerscale=4)
    return figure


if __name__ == "__main__":
    launch(Config, main)
