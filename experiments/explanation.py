"""Explanation: where a network looks, scored where the truth is known, and what of it was learned (notes 004 part 7).

    python -m experiments.explanation --seeds 3

A network learns the digit on a canvas among pieces of other digits, so that the box in which the reason lies is known.
Each map's strongest place points into it or misses (Zhang et al. 2018), and maps are compared with those of weights
that are made random from the output down (Adebayo et al. 2018): what hardly changes was not learned.

2 CPU cores: about 1.5 min. Test accuracy 0.930 +- 0.012 (digits, 3 seeds). The strongest place lies in the box for
pointing grad cam 0.984 +- 0.010, pointing class activation map 0.960 +- 0.003, pointing occlusion 0.959 +- 0.004,
pointing smooth grad 0.939 +- 0.023, pointing guided backpropagation 0.928 +- 0.042, pointing integrated gradients
0.871 +- 0.029, pointing saliency 0.571 +- 0.177 (digits, 3 seeds); for random drawn pixels, pointing random ink 0.357
+- 0.035 (digits, 3 seeds). With all weights random the rank correlation with the trained network's map falls to
0.1 or less, but for correlation guided backpropagation 0.384 +- 0.073 and correlation integrated gradients 0.992 +-
0.000 (digits, 3 seeds), whose zeros are those of the image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx import explain
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import band, spread
from dlx.run.image_rows import rows_figure

# Grad-CAM's layer, and what the mean over the plane is taken of
LAST, POOLED = "activation_2", "pool_2"
# from the output down: what becomes random together
STAGES = {"output": "output", "third": ("norm_2", "conv_2"), "second": ("norm_1", "conv_1"),
          "first": ("norm_0", "conv_0")}  # fmt: skip
METHODS = Literal["saliency", "guided_backpropagation", "smooth_grad", "integrated_gradients", "occlusion",
                  "class_activation_map", "grad_cam"]  # fmt: skip
# maps whose sign says for or against
SIGNED = ("occlusion", "class_activation_map")
# maps that do not ask the network
GUESSES = ("centre", "random", "random_ink")
SHOWN = 5
# (side of a canvas, factor of the digits): a digit takes a ninth of the canvas's area, or somewhat more
CANVASES = {"digits": (48, 2), "mnist": (64, 1)}


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison."""

    # the schedule depends on the total: another length is another run
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["digits", "mnist", "cifar10"] = "digits"
    """Digits, which are put on canvases among pieces of other digits, so that boxes are known; or photographs."""
    examples: int = 6000
    """Canvases, or photographs, for training."""
    tested: int = 300
    """Test images that are explained."""
    compared: int = 50
    """Test images whose maps are compared with those of random weights; so many are explained at once."""
    epochs: float | None = 8
    batch_size: int = 64
    learning_rate: float = 5e-3
    """At the start, then down to 0 along half a cosine."""
    width: float = 0.5
    """Factor of the channels 32, 64 and 128 of the network."""
    maps: tuple[METHODS, ...] = get_args(METHODS)
    """Methods of dlx.explain."""
    window: int = 8
    """Side of the square that occlusion covers."""
    samples: int = 16
    """Noisy copies of SmoothGrad, and points of integrated gradients."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("examples", "tested", "compared", "samples"):
            require(self, field, at_least=1)
        require(self, "window", at_least=2)
        require(self, "width", above=0)


def main(config: Config) -> dict:
    """Trains, explains and reports; returns the result."""
    train, test, classes, prepare = images(config)
    per_epoch = dlx.train.steps_per_epoch(len(train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    model = dlx.models.PlainCNN(outputs=len(classes), width=config.width)
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create(config.optimizer, dlx.optim.cosine_schedule(config.learning_rate, steps=steps)),
        example=train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=prepare,
        **config.training_options(),
    )
    learned = {name: test[name] for name in ("inputs", "labels")}
    with open_run(config) as run:
        state = run.fit(task.step, task.init, train, measured={"test": (task.measure, learned)})
        state = run.layout.fetch("state", state)
        inputs, methods = np.asarray(prepare(learned)["inputs"]), explanations(config, model)
        found: list[dict] = []
        for replica in range(config.seeds):
            variables = dlx.train.replica_variables(state, replica=replica)
            maps = {name: in_parts(method, variables, inputs, test["labels"], size=config.compared)
                    for name, method in methods.items()}  # fmt: skip
            correlations, stages = compared(config, methods, variables, inputs, test["labels"], replica)
            found.append(correlations)
            if "boxes" in test:
                found[-1] |= pointing({**maps, **guesses(inputs, config.seed + replica)}, test["boxes"])
            if replica == 0:
                show(config, run, maps, stages, test, classes)
                see(config, run, model, variables, inputs[:4])
        measured = {name: np.array([own[name] for own in found]) for name in found[0]}
        if "boxes" in test:
            run.table(
                f"Pointing game on {len(inputs)} canvases: share of the maps whose maximum is in the box; "
                f"{', '.join(words(name) for name in GUESSES)} are chance",
                pointing_table(measured),
            )
        told = f"Rank correlation of {config.compared} images' maps with those of weights made random"
        run.table(f"{told}: 1 is a map that they leave unchanged", correlations_table(methods, measured))
        shown = "mean and standard deviation over the seeds" if config.seeds > 1 else "one seed"
        run.picture(f"{told}: {shown}", correlations_figure(methods, measured))
        # of a cascade what is left at its end
        return run.finish({name: values[:, -1] if values.ndim == 2 else values for name, values in measured.items()})


def images(config: Config) -> tuple[dict, dict, tuple[str, ...], Callable]:
    """Training data, test data (with boxes, where they are known), names of classes, and `prepare`."""
    data = dlx.data.load(config.dataset)
    if config.dataset not in CANVASES:
        train, test = ({name: values[:count] for name, values in split.items()}
                       for split, count in ((data.train, config.examples), (data.test, config.tested)))  # fmt: skip
        return train, test, data.card.classes, dlx.data.prepare(data.card)
    size, zoom = CANVASES[config.dataset]
    train, test = (
        dlx.data.digits_on_canvas(
            (split["inputs"] * (255.0 / data.card.scale)).astype(np.uint8), split["labels"], examples=count, size=size,
            zoom=zoom, seed=number,
        )
        for number, (split, count) in enumerate(((data.train, config.examples), (data.test, config.tested)))
    )  # fmt: skip
    del train["boxes"]

    def prepare(batch: Mapping[str, Any]) -> dict:
        # black, which says nothing, is 0: the baseline of integrated gradients and what occlusion covers with
        return {**batch, "inputs": jnp.asarray(batch["inputs"], jnp.float32) / 255}

    return train, test, data.card.classes, prepare


def explanations(config: Config, model: Any) -> dict[str, Callable]:
    """{method: compiled function (variables, inputs, labels) -> maps (batch, height, width)}."""

    def forward(variables: Any, activation: Any = None) -> Callable:
        network = model if activation is None else model.clone(activation=activation)
        return lambda inputs: network.apply(variables, inputs)

    def strongest(maps: jax.Array) -> jax.Array:
        return jnp.max(jnp.abs(maps), axis=-1)

    def guided(v: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return strongest(explain.guided_backpropagation(lambda x, rectifier: forward(v, rectifier)(x), x, y))

    def smooth(v: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return strongest(explain.smooth_grad(jax.random.key(0), forward(v), x, y, samples=config.samples))

    def integrated(v: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return strongest(explain.integrated_gradients(forward(v), x, y, steps=config.samples))

    def occluded(v: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return explain.occlusion(forward(v), x, y, window=config.window, stride=config.window // 2)

    def cam(v: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        _, pooled = dlx.models.tapped(model, v, POOLED)(x, None)
        return explain.resize_maps(
            explain.class_activation_map(pooled, v["params"]["output"]["kernel"], y), shape=(x.shape[1], x.shape[2])
        )

    def grad_cam(v: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return explain.resize_maps(
            explain.grad_cam(dlx.models.tapped(model, v, LAST), x, y), shape=(x.shape[1], x.shape[2])
        )

    methods = {"saliency": lambda v, x, y: explain.saliency(forward(v), x, y), "guided_backpropagation": guided,
               "smooth_grad": smooth, "integrated_gradients": integrated, "occlusion": occluded,
               "class_activation_map": cam, "grad_cam": grad_cam}  # fmt: skip
    return {name: jax.jit(methods[name]) for name in config.maps}


def in_parts(function: Callable, variables: Any, inputs: np.ndarray, labels: np.ndarray, *, size: int) -> np.ndarray:
    """Maps of many images, equally many at a time: one compilation serves all."""
    count = len(inputs)
    parts = [np.arange(start, start + size) % count for start in range(0, count, size)]
    return np.concatenate([function(variables, inputs[part], labels[part]) for part in parts])[:count]


def guesses(inputs: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Maps of those who do not ask the network: they point at the centre, anywhere, and at any pixel of ink."""
    rng, shape = np.random.default_rng(seed), inputs.shape[:3]
    centre, anywhere = np.zeros(shape, np.float32), rng.random(shape, np.float32)
    centre[:, shape[1] // 2, shape[2] // 2] = 1
    return dict(zip(GUESSES, (centre, anywhere, anywhere * (inputs[..., 0] > 0.5)), strict=True))


def pointing(maps: Mapping[str, np.ndarray], boxes: np.ndarray) -> dict[str, float]:
    """Shares of the maps whose strongest place lies in the box."""
    return {f"pointing_{name}": float(explain.pointing_game(own, boxes).mean()) for name, own in maps.items()}


def compared(
    config: Config, methods: Mapping[str, Callable], variables: Mapping[str, Any], inputs: np.ndarray,
    labels: np.ndarray, replica: int,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:  # fmt: skip
    """Maps against those of weights that are made random from the output down.

    Returns: {"correlation_METHOD": (stages,)}; {method: (1 + stages, height, width)} the maps of the first image.
    """
    others = {name: own for name, own in variables.items() if name != "params"}
    part = np.arange(config.compared) % len(inputs)
    correlations, stages = {}, {}
    for name, method in methods.items():
        kept: list[np.ndarray] = []

        def explained(params: Any, method: Callable = method, kept: list = kept) -> jax.Array:
            maps = method({"params": params, **others}, inputs[part], labels[part])
            kept.append(np.asarray(maps[0]))
            return maps

        found = explain.weight_randomisation(
            jax.random.key(replica), explained, variables["params"], layers=list(STAGES.values()),
            absolute=name not in SIGNED,
        )  # fmt: skip
        # a map of one value tells nothing of the trained one
        correlations[f"correlation_{name}"] = np.nan_to_num(found).mean(1)
        stages[name] = np.stack(kept)
    return correlations, stages


def show(
    config: Config, run: Any, maps: Mapping[str, np.ndarray], stages: Mapping[str, np.ndarray],
    test: Mapping[str, np.ndarray], classes: Sequence[str],
) -> None:  # fmt: skip
    """Pictures of the first seed: maps over some images, and one image's maps as weights become random."""
    seed, boxes, few = f"seed {config.seed}", test.get("boxes"), slice(SHOWN)
    images = test["inputs"][few] / np.float32(255)
    rows = {"image": images, **{words(name): laid_over(images, own[few]) for name, own in maps.items()}}
    points = {words(name): np.array([np.unravel_index(one.argmax(), one.shape)[::-1] for one in own[few]])
              for name, own in maps.items()}  # fmt: skip
    told = "" if boxes is None else "; the box holds the digit"
    run.picture(
        f"Maps of the true class, with a cross at their maximum{told} ({seed})",
        rows_figure(rows, columns=[classes[label] for label in test["labels"][few]], points=points, dark=True, side=0.8,
                    boxes=None if boxes is None else boxes[few]),
    )  # fmt: skip
    rows = {words(name): laid_over(images[:1].repeat(len(own), 0), own) for name, own in stages.items()}
    run.picture(f"One image's maps as weights become random, from the output down to the first layer ({seed})",
                rows_figure(rows, columns=["trained", *STAGES], dark=True, side=0.8))  # fmt: skip


def see(config: Config, run: Any, model: Any, variables: Mapping[str, Any], inputs: np.ndarray) -> None:
    """Pictures of the first layer: its filters, and what they make of some images."""
    seed = f"seed {config.seed}"
    run.picture(f"Filters of the first layer ({seed})", explain.filter_view(variables["params"]["conv_0"]["kernel"]))
    seen = jax.jit(lambda v, x: dlx.models.tapped(model, v, "activation_0")(x, None)[1])(variables, inputs)
    run.picture(f"Activations of the first layer, a row for each image ({seed})", explain.activation_view(seen))


def laid_over(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Images with what speaks for the class in red."""
    return np.asarray(explain.overlay(images, np.maximum(maps, 0)))


def pointing_table(measured: Mapping[str, np.ndarray]) -> list[list[str]]:
    """A row for each method, and for those who guess."""
    rows = [[words(name.removeprefix("pointing_")), spread(values, digits=3)] for name, values in measured.items()
            if name.startswith("pointing_")]  # fmt: skip
    return [["map", "share of maxima in the box"], *rows]


def correlations_table(methods: Mapping[str, Any], measured: Mapping[str, np.ndarray]) -> list[list[str]]:
    """A row for each method, a column for each stage."""
    return [["map", *STAGES],
            *([words(name), *(spread(column, digits=2) for column in measured[f"correlation_{name}"].T)]
              for name in methods)]  # fmt: skip


def correlations_figure(methods: Mapping[str, Any], measured: Mapping[str, np.ndarray]) -> Any:
    """Rank correlations along the cascade."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(methods):
        values = measured[f"correlation_{name}"].T
        band(axes, range(len(STAGES) + 1), np.vstack([np.ones(values.shape[1]), values]), label=words(name),
             colour=f"C{number}")  # fmt: skip
    axes.set_xticks(range(len(STAGES) + 1), ["trained", *STAGES])
    axes.set(xlabel="random from the output down to the layer", ylabel="rank correlation with the trained")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return figure


def words(name: str) -> str:
    """A method's name for people."""
    return name.replace("_", " ")


if __name__ == "__main__":
    launch(Config, main)
