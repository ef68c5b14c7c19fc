"""How far the gradient of a recurrent network reaches back, by cell, and what clipping does to it (notes 004 "RNN").

    python -m experiments.gradient_flow --seeds 3

CPU: about 50 s. Without activation the norm is rho^k: fitted slopes are log rho, to 5e-9 for orthogonal kernels, and
for normal ones to a normal slope error of 0.012 +- 0.003 (3 seeds). In new networks it changes with each step back by:
factor tanh 0.94 +- 0.03, factor gru 0.77 +- 0.07, and with forget biases of 0, 1, 4 factor lstm 0 0.77 +- 0.07, factor
lstm 1 0.98 +- 0.07, factor lstm 4 1.082 +- 0.006 (3 seeds). After 600 steps those tell the first of 60 symbols whose
gradient reached it: test accuracy tanh 0.8 +- 0.3, test accuracy gru 0.240 +- 0.006 (3 seeds; chance is 0.25), test
accuracy lstm 0 0.22 +- 0.02, test accuracy lstm 1 1.000 +- 0.000, test accuracy lstm 4 1.000 +- 0.000 (3 seeds).
Clipping bounds the gradient, so that a step of SGD is at most learning rate times bound, and not the bound as in notes
001 (E99): clipped step over bound 1.000 +- 0.000 (3 seeds), and free step over bound 35 +- 17 (3 seeds) without.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.run import Options, launch, open_run, require

# the classes are the first symbols; the others come after them and mean nothing
CLASSES = 4
SYMBOLS = 8


@dataclass(frozen=True)
class Config(Options):
    """Options of the study."""

    # several networks are trained already
    uses: ClassVar[frozenset[str]] = Options.uses - {"sweep"}

    dataset: Literal["first_symbol"] = "first_symbol"
    """Task: tell at the end of a sequence of random symbols what its first one was."""
    steps: int | None = 600
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 5e-3
    evaluate_every: int | None = 100
    time: int = 60
    """Symbols of a sequence."""
    units: int = 48
    """Of each network."""
    examples: int = 4000
    """Training sequences; a quarter as many test."""
    radii: tuple[float, ...] = (0.8, 0.9, 1.0, 1.1, 1.2)
    """Spectral radii of the recurrent kernel of a network without activation."""
    forget_biases: tuple[float, ...] = (0.0, 1.0, 4.0)
    """Of the LSTMs, one each."""
    max_norm: float = 1.0
    """Longest gradient that clipping lets pass."""
    sgd_learning_rate: float = 0.05
    """Of SGD with clipping and without."""
    sgd_radius: float = 1.6
    """Spectral radius of the recurrent kernel from which SGD starts; a tanh network above 1 is chaotic."""
    sgd_steps: int = 200
    """Of SGD."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("units", "examples", "sgd_steps"):
            require(self, field, at_least=4)
        require(self, "time", at_least=8)
        for field in ("radii", "max_norm", "sgd_learning_rate", "sgd_radius"):
            require(self, field, above=0)
        require(self, "forget_biases", at_least=-20, at_most=20)


def main(config: Config) -> dict:
    """Measures at the beginning, trains, measures again, clips, and reports; returns the result."""
    train, test = (first_symbol(config, n, seed) for seed, n in enumerate((config.examples, config.examples // 4)))
    few = {name: jnp.asarray(values[:100]) for name, values in test.items()}
    cells = kinds(config)
    tasks = {
        end: dlx.train.supervised(
            model,
            dlx.losses.softmax_cross_entropy,
            dlx.optim.create(config.optimizer, config.learning_rate),
            example=train,
            metrics={"accuracy": dlx.metrics.accuracy},
            **config.training_options(),
        )
        for end, model in cells.items()
    }
    both = dlx.train.side_by_side(tasks)
    with open_run(config) as run:
        slopes = powers(config, run)
        new = dlx.train.initialise(both.init, config.seed_values)
        placed = run.fit(both.step, both.init, train, measured={"test": (both.measure, test)})
        state = run.layout.fetch("state", placed)
        norms = {
            when: {end: by_seed(model, own[end], few) for end, model in cells.items()}
            for when, own in (("before training", new), ("after training", state))
        }
        factors = {when: {end: np.exp(slope(values)) for end, values in of.items()} for when, of in norms.items()}
        reaches = {
            when: {end: values[:, -1] / values[:, 0] for end, values in of.items()} for when, of in norms.items()
        }
        rows = [["cell", "factor a step, before", "after training", "first symbol's share of the norm, before",
                 "after training", "test accuracy"]]  # fmt: skip
        for end in cells:
            shown = [f"{factors[when][end].mean():.3f}" for when in norms]
            shown += [f"{np.exp(np.log(reaches[when][end]).mean()):.1e}" for when in norms]
            rows.append([title(end), *shown, f"{run.final['test_accuracy' + end].mean():.3f}"])
        run.table(f"The gradient of the loss by the state, {config.time - 1} steps from the end to the beginning", rows)
        run.picture("Norm of the gradient by the state, against the distance from the end", norms_figure(norms))
        clipped = clipping(config, run, train)
        return run.finish(
            slopes | clipped
            | {f"factor{end}": values for end, values in factors["before training"].items()}
            | {f"factor_trained{end}": values for end, values in factors["after training"].items()}
        )  # fmt: skip


def first_symbol(config: Config, examples: int, seed: int) -> dict[str, np.ndarray]:
    """Sequences of symbols, one of the first four and then others, and the number of the first."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=examples).astype(np.int32)
    others = rng.integers(CLASSES, SYMBOLS, size=(examples, config.time - 1))
    return {"inputs": np.concatenate([labels[:, None], others], 1).astype(np.int32), "labels": labels}


def kinds(config: Config) -> dict[str, dlx.models.CharacterClassifier]:
    """{ending: model}; all recurrent kernels begin with a spectral radius of about 1."""

    def model(cell: str, **options: Any) -> dlx.models.CharacterClassifier:
        return dlx.models.CharacterClassifier(
            vocabulary=SYMBOLS, cell=cell, units=config.units, outputs=CLASSES,
            cell_options={"hidden_init": "glorot_uniform", **options},
        )  # fmt: skip

    lstms = {f"_lstm_{bias:g}": model("lstm", forget_bias=bias) for bias in config.forget_biases}
    return {"_tanh": model("rnn"), "_gru": model("gru"), **lstms}


def title(end: str) -> str:
    """The ending as words: "LSTM, forget bias 1"."""
    kind, _, bias = end[1:].partition("_")
    return {"tanh": "tanh RNN", "gru": "GRU"}.get(kind, f"LSTM, forget bias {bias}")


def by_seed(model: Any, state: Any, batch: Mapping[str, jax.Array]) -> np.ndarray:
    """(seeds, time) norms of the gradient of the mean loss by the state, 0, 1, ... steps from the end."""

    def norms(params: Any) -> jax.Array:
        layer = params["recurrent"]["layer_0"]
        zeros = jnp.zeros((len(batch["labels"]), model.units))
        start = dlx.nn.LSTMState(zeros, zeros) if model.cell == "lstm" else zeros
        step: Callable[[Any, Any], Any] = {
            "rnn": lambda state, inputs: dlx.nn.rnn_cell(layer, state, inputs),
            "gru": lambda state, inputs: dlx.nn.gru_cell(layer, state, inputs),
            "lstm": lambda state, inputs: dlx.nn.lstm_cell(
                layer, state, inputs, forget_bias=model.cell_options.get("forget_bias", 1.0)
            ),
        }[model.cell]

        def loss(states: Any) -> jax.Array:
            last = (states.hidden if model.cell == "lstm" else states)[:, -1]
            logits = dlx.nn.affine(last, params["output"]["kernel"], params["output"]["bias"])
            return jnp.mean(dlx.losses.softmax_cross_entropy(logits, batch["labels"]))

        inputs = dlx.nn.one_hot(batch["inputs"], SYMBOLS)
        # of an LSTM the hidden state and the memory together
        parts = jax.tree.leaves(dlx.nn.gradient_norms_by_time(step, start, inputs, loss))
        return jnp.sqrt(sum(jnp.square(part) for part in parts))[::-1]

    params = state.params if state.ema is None else state.ema
    return np.asarray(jax.jit(jax.vmap(norms))(jax.tree.map(jnp.asarray, params)))


def slope(norms: np.ndarray) -> np.ndarray:
    """(..., time) -> (...) slope of the line through log norm against the distance, the first quarter left out."""
    distance = np.arange(norms.shape[-1])[norms.shape[-1] // 4 :]
    logs = np.log(np.maximum(norms[..., distance].astype(np.float64), np.finfo(np.float32).tiny))
    centred = distance - distance.mean()
    return logs @ centred / (centred @ centred)


def kernel_of_radius(rng: np.random.Generator, units: int, radius: float, kind: str) -> np.ndarray:
    """A random kernel whose largest eigenvalue has this absolute value: orthogonal up to a factor, or normal."""
    kernel = rng.normal(size=(units, units))
    if kind == "orthogonal":
        return radius * np.linalg.qr(kernel)[0]
    return radius * kernel / np.abs(np.linalg.eigvals(kernel)).max()


def powers(config: Config, run: Any) -> dict[str, np.ndarray]:
    """Norms of a network without activation, h_t = h_{t-1} W; how far the fitted slopes are from log rho."""
    found = {kind: np.zeros((len(config.radii), config.seeds, config.time)) for kind in ("orthogonal", "normal")}

    @jax.jit
    def norms(kernel: jax.Array, direction: jax.Array) -> jax.Array:
        start = jnp.zeros((1, config.units))
        return dlx.nn.gradient_norms_by_time(
            lambda state, _: state @ kernel, start, jnp.zeros((1, config.time, 1)),
            lambda states: jnp.sum(states[:, -1] * direction[None]),
        )[::-1]  # fmt: skip

    for kind, values in found.items():
        for row, radius in enumerate(config.radii):
            for column, seed in enumerate(config.seed_values):
                rng = np.random.default_rng([seed, row])
                kernel = kernel_of_radius(rng, config.units, radius, kind)
                direction = rng.normal(size=config.units)
                values[row, column] = norms(jnp.float32(kernel), jnp.float32(direction / np.linalg.norm(direction)))
    fitted = {kind: slope(values) for kind, values in found.items()}
    rows = [["spectral radius", "log", "slope, orthogonal kernel", "slope, normal kernel"]]
    rows += [
        [f"{radius:g}", f"{np.log(radius):.4f}", *(f"{fitted[kind][row].mean():.4f}" for kind in found)]
        for row, radius in enumerate(config.radii)
    ]
    run.table("Slope of log norm against the distance, without activation", rows)
    run.picture("Norm of the gradient without activation, by spectral radius", radii_figure(config, found))
    return {
        f"{kind}_slope_error": np.abs(values - np.log(config.radii)[:, None]).max(0) for kind, values in fitted.items()
    }


def clipping(config: Config, run: Any, data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """SGD from an exploding network with clipping and without: norms of the gradients that come, and of the steps."""
    model = dlx.models.CharacterClassifier(vocabulary=SYMBOLS, cell="rnn", units=config.units, outputs=CLASSES)
    rate, bound = config.sgd_learning_rate, config.max_norm
    clip = dlx.optim.clip_by_global_norm(bound)
    count = len(data["labels"]) // config.batch_size
    shaped = {name: jnp.asarray(values[: count * config.batch_size]) for name, values in data.items()}
    batches = {name: values.reshape(count, config.batch_size, *values.shape[1:]) for name, values in shaped.items()}

    def norms(key: jax.Array, kernel: jax.Array, clipped: bool) -> jax.Array:
        params = model.init(key, batches["inputs"][0, :1])["params"]
        params["recurrent"]["layer_0"]["hidden_kernel"] = kernel

        def step(params: Any, number: jax.Array) -> tuple:
            batch = {name: values[number % count] for name, values in batches.items()}

            def cost(params: Any) -> jax.Array:
                logits: Any = model.apply({"params": params}, batch["inputs"])
                return jnp.mean(dlx.losses.softmax_cross_entropy(logits, batch["labels"]))

            gradient = jax.grad(cost)(params)
            kept = clip.update(gradient, clip.init(params))[0] if clipped else gradient
            change = jax.tree.map(lambda g: -rate * g, kept)
            found = jnp.stack([dlx.optim.global_norm(gradient), dlx.optim.global_norm(change)])
            return jax.tree.map(jnp.add, params, change), found

        return jax.lax.scan(step, params, jnp.arange(config.sgd_steps))[1]

    kernels = [kernel_of_radius(np.random.default_rng(s), config.units, config.sgd_radius, "normal")
               for s in config.seed_values]  # fmt: skip
    keys = jnp.stack([jax.random.key(seed) for seed in config.seed_values])
    run_all = jax.jit(jax.vmap(norms, (0, 0, None)), static_argnums=2)
    found = {how: np.asarray(run_all(keys, jnp.float32(kernels), how == "clipped")) for how in ("clipped", "free")}
    largest = {how: values.max(1) for how, values in found.items()}
    rows = [["SGD", "longest gradient", "longest step", "longest step / (learning rate x bound)"]]
    for how, (gradient, step) in ((how, values.max(0)) for how, values in largest.items()):
        words = f"clipped to {bound:g}" if how == "clipped" else "without clipping"
        rows.append([words, f"{gradient:.3g}", f"{step:.3g}", f"{step / (rate * bound):.3g}"])
    run.table(f"Clipping: learning rate {rate:g}, {config.sgd_steps} steps, all seeds", rows)
    run.picture(f"Norms of gradients and steps with clipping and without (seed {config.seed})",
                clipping_figure(config, {how: values[0] for how, values in found.items()}))  # fmt: skip
    return {
        "clipped_step_over_bound": largest["clipped"][:, 1] / (rate * bound),
        "free_step_over_bound": largest["free"][:, 1] / (rate * bound),
    }


def norms_figure(norms: Mapping[str, Mapping[str, np.ndarray]]) -> Any:
    """Norms relative to that of the last state, a line for each cell, before and after training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    for axes, (when, of) in zip(figure.subplots(1, 2, sharey=True), norms.items(), strict=True):
        for end, values in of.items():
            relative = values / values[:, :1]
            # the mean of logarithms: a mean of norms shows only the largest
            mean = np.exp(np.log(np.maximum(relative, 1e-30)).mean(0))
            axes.semilogy(mean, label=title(end))
        axes.set_title(when, fontsize=9)
        axes.set_xlabel("steps from the end")
    figure.axes[0].set_ylabel("norm / norm at the end")
    figure.axes[1].legend(fontsize=7)
    return figure


def radii_figure(config: Config, found: Mapping[str, np.ndarray]) -> Any:
    """Norms of the first seed, a line for each spectral radius, with rho^k dashed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    distance = np.arange(config.time)
    for axes, (kind, values) in zip(figure.subplots(1, 2, sharey=True), found.items(), strict=True):
        for row, radius in enumerate(config.radii):
            axes.semilogy(distance, values[row, 0], color=f"C{row}", label=f"{radius:g}")
            axes.semilogy(distance, radius**distance, "--", color="black", linewidth=0.7)
        axes.set_title(f"{kind} kernel", fontsize=9)
        axes.set_xlabel("steps from the end k")
    figure.axes[0].set_ylabel("norm; dashed: radius^k")
    figure.axes[0].legend(title="spectral radius", title_fontsize=7, fontsize=7)
    return figure


def clipping_figure(config: Config, found: Mapping[str, np.ndarray]) -> Any:
    """Norms of gradients and of steps against the steps, and the bound of a clipped step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.0), layout="constrained")
    bounds = (config.max_norm, config.sgd_learning_rate * config.max_norm)
    names = ("norm of the gradient", "norm of the step")
    for column, (axes, name, bound) in enumerate(zip(figure.subplots(1, 2), names, bounds, strict=True)):
        for how, label in (("free", "without clipping"), ("clipped", "clipped")):
            axes.semilogy(found[how][:, column], linewidth=0.8, label=label)
        axes.axhline(bound, color="black", linestyle="--", linewidth=0.8, label="bound")
        axes.set_xlabel("step")
        axes.set_ylabel(name)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=7)
    return figure


if __name__ == "__main__":
    launch(Config, main)
