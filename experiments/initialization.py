"""Initialization of a deep tanh network, and the gradient that saturation takes away (notes 001 sections 1 and 4).

    python -m experiments.initialization --dataset mnist --seeds 3

CPU: about 1 min. Two epochs, Xavier: test accuracy 0.956 +- 0.008 (mnist, 3 seeds).
U(-0.07, 0.07): test accuracy mxnet default 0.881 +- 0.040 (mnist, 3 seeds).
N(0, 1): test accuracy normal 0.136 +- 0.003 (mnist, 3 seeds). Test accuracy zeros 0.1135 +- 0.0000 (mnist, 3 seeds).
A further layer multiplies the first one's gradient by: gradient factor sigmoid 0.237 +- 0.003 (mnist, 3 seeds).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import spread
from dlx.run.options import DEVICES, TRAINING


@dataclass(frozen=True)
class Config(Options):
    """Options of the study."""

    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES

    dataset: Literal["digits", "mnist", "fashion_mnist"] = "mnist"
    """Data set."""
    epochs: float | None = 2
    hidden: tuple[int, ...] = (100,) * 10
    """Widths of the hidden tanh layers."""
    depths: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Numbers of hidden layers of 100 units whose first gradient is measured."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "hidden", at_least=1)
        require(self, "depths", at_least=1, at_most=50)


INITIALIZERS: dict[str, str | Callable] = {
    "zeros": "zeros",
    "normal": partial(dlx.nn.normal, stddev=1.0),
    "mxnet_default": "mxnet_default",
    "glorot_uniform": "glorot_uniform",
}
TITLES = {"zeros": "zeros", "normal": "N(0, 1)", "mxnet_default": "U(-0.07, 0.07)", "glorot_uniform": "Xavier uniform"}
# each activation with the initializer that was made for it
ACTIVATIONS = {"sigmoid": "glorot_uniform", "tanh": "glorot_uniform", "relu": "he_normal"}


def main(config: Config) -> dict:
    """Looks at activations, trains, measures first gradients, and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    prepare = dlx.data.prepare(data.card)
    few = prepare({name: jnp.asarray(a[:500]) for name, a in data.train.items()})
    per_epoch = dlx.train.steps_per_epoch(len(data.train["labels"]), config.batch_size)
    steps = config.steps or max(1, round((config.epochs or 1) * per_epoch))
    deviations, accuracies, columns, drawn = {}, {}, {}, {}
    with open_run(config) as run:
        for name, kernel_init in INITIALIZERS.items():
            model = dlx.models.MLP(config.hidden, len(data.card.classes), activation="tanh", kernel_init=kernel_init)
            layers = activations(config, model, few["inputs"])
            deviations[name] = np.stack([layer.reshape(config.seeds, -1).std(1) for layer in layers])
            drawn[name] = [layer[0].ravel() for layer in layers]
            accuracies[name], columns[name] = trained(config, model, data, prepare, steps)
        rows = [["initializer", "std, first layer", "std, last layer", "test accuracy", "columns differ by"]]
        rows += [
            [TITLES[n], f"{s[0].mean():.3g}", f"{s[-1].mean():.3g}", spread(accuracies[n]), f"{columns[n].max():.3g}"]
            for n, s in deviations.items()
        ]
        run.table("Activations before training, accuracy and largest difference of hidden columns after it", rows)
        rows = [["layer", *TITLES.values()]]
        rows += [[str(k + 1), *(f"{s[k].mean():.2e}" for s in deviations.values())] for k in range(len(config.hidden))]
        run.picture("Activations by layer, before training", histograms_figure(drawn))
        run.picture("Standard deviation of the activations by layer", deviations_figure(deviations))
        run.table("Standard deviation of the activations", rows)
        norms = {name: first_gradients(config, name, few, len(data.card.classes)) for name in ACTIVATIONS}
        rows = [["hidden layers", *norms]]
        rows += [[str(d), *(f"{n[k].mean():.1e}" for n in norms.values())] for k, d in enumerate(config.depths)]
        run.table("Norm of the first layer's gradient", rows)
        run.picture("Norm of the first layer's gradient by depth", depths_figure(config, norms))
        shares = [sigmoid_share(config, few, len(data.card.classes), seed) for seed in config.seed_values]
        span = max(config.depths) - min(config.depths)
        decay = {
            f"gradient_factor_{name}": (n[-1] / n[0]) ** (1 / span) if span else np.ones(config.seeds)
            for name, n in norms.items()
        }
        run.step = steps
        return run.finish(
            {"test_accuracy": accuracies["glorot_uniform"]}
            | {f"test_accuracy_{name}": values for name, values in accuracies.items()}
            | {"zeros_column_gap": columns["zeros"], "sigmoid_share_of_weights": np.array(shares), **decay}
        )


def activations(config: Config, model: Any, inputs: Any) -> list[np.ndarray]:
    """(seeds, examples, units) for each hidden layer of new networks."""

    def new(seed: Any) -> Any:
        params = model.init(jax.random.key(seed), inputs[:1])["params"]
        return model.apply({"params": params}, inputs, mutable=["intermediates"])[1]["intermediates"]

    # `sow` keeps a tuple, one entry for each call of the layer
    kept = jax.jit(jax.vmap(new))(jnp.array(config.seed_values))
    return [np.asarray(kept[f"activation_{k}"][0]) for k in range(len(config.hidden))]


def trained(config: Config, model: Any, data: Any, prepare: Callable, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(seeds,) test accuracy, and the largest difference of two columns of a hidden kernel, after training."""
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create(config.optimizer, config.learning_rate),
        example=data.train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=prepare,
        **config.training_options(),
    )
    layout = dlx.train.make_layout(
        config.seeds, devices=config.devices, parallel=config.parallel, each=config.map, batch_size=config.batch_size
    )
    state, _ = dlx.train.fit(
        task.step, task.init, data.train, steps=steps, batch_size=config.batch_size, seeds=config.seed_values,
        log_every=min(steps, 500), layout=layout,
    )  # fmt: skip
    accuracy = dlx.train.evaluator(task.measure, data.test, layout=layout)(state)["accuracy"]
    params = layout.fetch("state", state).params
    kernels = [params[f"hidden_{k}"]["kernel"] for k in range(len(config.hidden))]
    # the widest spread of a row is the largest difference of two columns
    gaps = [np.ptp(kernel, axis=-1).reshape(config.seeds, -1).max(1) for kernel in kernels]
    return accuracy, np.max(gaps, axis=0)


def deep_gradient(activation: str, depth: int, classes: int) -> Callable:
    """The function (key, batch) -> (params, gradients) of the mean cross entropy of a new network."""
    model = dlx.models.MLP((100,) * depth, classes, activation=activation, kernel_init=ACTIVATIONS[activation])

    def gradient(key: jax.Array, batch: Any) -> tuple:
        def cost(params: Any) -> jax.Array:
            outputs: Any = model.apply({"params": params}, batch["inputs"])
            return jnp.mean(dlx.losses.softmax_cross_entropy(outputs, batch["labels"]))

        params = model.init(key, batch["inputs"][:1])["params"]
        return params, jax.grad(cost)(params)

    return gradient


def first_gradients(config: Config, activation: str, batch: Any, classes: int) -> np.ndarray:
    """(depths, seeds) norms of the gradient of the first layer's kernel."""

    def norm(gradient: Callable, seed: Any) -> jax.Array:
        return jnp.linalg.norm(gradient(jax.random.key(seed), batch)[1]["hidden_0"]["kernel"])

    seeds = jnp.array(config.seed_values)
    return np.stack([
        jax.jit(jax.vmap(partial(norm, deep_gradient(activation, depth, classes))))(seeds) for depth in config.depths
    ])  # fmt: skip


def sigmoid_share(config: Config, batch: Any, classes: int, seed: int) -> float:
    """Largest |delta_l| / (|W_{l+1}| |delta_{l+1}|) of one example in the deepest sigmoid network: at most 1/4.

    delta_l = sigmoid'(z_l) * (W_{l+1} delta_{l+1}) is the gradient by the bias, and sigmoid' is at most 1/4.
    """
    depth = max(config.depths)
    one = {name: a[:1] for name, a in batch.items()}
    params, gradients = jax.jit(deep_gradient("sigmoid", depth, classes))(jax.random.key(seed), one)
    names = [*(f"hidden_{k}" for k in range(depth)), "output"]
    deltas = [float(np.linalg.norm(gradients[name]["bias"])) for name in names]
    sizes = [float(np.linalg.norm(params[name]["kernel"], 2)) for name in names]
    return max(deltas[k] / (sizes[k + 1] * deltas[k + 1]) for k in range(depth))


def histograms_figure(drawn: dict[str, list[np.ndarray]]) -> Any:
    """A row for each initializer, a histogram for some of the layers, as shares of the activations."""
    from matplotlib.figure import Figure

    count = len(next(iter(drawn.values())))
    shown = np.unique(np.linspace(0, count - 1, min(4, count)).round().astype(int))
    figure = Figure(figsize=(5, 1.05 * len(drawn) + 0.3), layout="constrained")
    grid = figure.subplots(len(drawn), len(shown), sharex=True, sharey=True, squeeze=False)
    for row, (name, layers) in zip(grid, drawn.items(), strict=True):
        for axes, layer in zip(row, shown, strict=True):
            values = layers[layer]
            axes.hist(values, bins=41, range=(-1, 1), weights=np.full(len(values), 1 / len(values)), color="tab:blue")
            axes.set_yscale("log")
            axes.set_ylim(1e-4, 2)
            axes.set_xticks([-1, 0, 1])
            axes.set_yticks([1e-4, 1e-2, 1])
            axes.minorticks_off()
            axes.tick_params(labelsize=6)
            if name == next(iter(drawn)):
                axes.set_title(f"layer {layer + 1}", fontsize=8)
        row[0].set_ylabel(TITLES[name], fontsize=8)
    return figure


def deviations_figure(deviations: dict[str, np.ndarray]) -> Any:
    """Standard deviation by layer, a line for each initializer; zeros has none to draw on this axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, values in deviations.items():
        if values.any():
            axes.semilogy(np.arange(1, len(values) + 1), values.mean(1), "-o", markersize=3, label=TITLES[name])
    axes.set_xticks(np.arange(1, len(deviations["zeros"]) + 1))
    axes.set_xlabel("hidden layer")
    axes.set_ylabel("standard deviation")
    axes.legend(fontsize=8)
    return figure


def depths_figure(config: Config, norms: dict[str, np.ndarray]) -> Any:
    """Norms against depth for each activation, with the line (1/4)^L through the sigmoid's first point."""
    from matplotlib.figure import Figure

    depths = np.array(config.depths)
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, values in norms.items():
        axes.semilogy(depths, values.mean(1), "-o", markersize=3, label=name)
    start = norms["sigmoid"][0].mean()
    axes.semilogy(depths, start * 0.25 ** (depths - depths[0]), "--", color="black", linewidth=1, label="(1/4)^L")
    axes.set_xticks(depths)
    axes.set_xlabel("hidden layers L")
    axes.set_ylabel("norm of the first layer's gradient")
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
