"""Sines by a recurrent network: one step ahead, and free running on its own predictions (notes 001 section 8).

    python -m experiments.periodic_series --seeds 3

CPU: about 30 s. Mean squared error against the sines without their noise. Longer training windows help, free running
above all: with 5, 25, 100 time steps test one step error tanh 5 0.3 +- 0.2, test one step error tanh 25 0.0076 +-
0.0005, test one step error tanh 100 0.0045 +- 0.0007 (3 seeds), and over 200 steps of its own predictions test free
error tanh 5 4 +- 4, test free error tanh 25 0.9 +- 0.3, test free error tanh 100 0.015 +- 0.006 (3 seeds). Of those of
5 steps 2 of 3 end at a constant, as the notes say; with 100 the error after 200 steps is growth tanh 7 +- 2 (3 seeds)
times that after one. The notes prefer ReLU; here it is no better: test one step error relu 100 0.005 +- 0.001, test
free error relu 100 0.7 +- 0.6 (3 seeds). Scheduled sampling, from always the truth to never, is no remedy here: test
free error tanh sampled 0.21 +- 0.03, test free error relu sampled 0.7 +- 0.1 (3 seeds).
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require

# what a network predicts beyond twice the largest value of the sines, 1.5, is cut off: some of them diverge
LARGEST = 3.0


@dataclass(frozen=True)
class Config(Options):
    """Options of the forecasts."""

    # several networks are trained already
    uses: ClassVar[frozenset[str]] = Options.uses - {"sweep"}
    length: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["sines"] = "sines"
    """Two sines of the periods 50 and 20 with noise, see dlx.data.periodic_series; errors are against those without."""
    steps: int | None = 1500
    batch_size: int = 16
    optimizer: str = "adam"
    learning_rate: float = 5e-3
    evaluate_every: int | None = 250
    units: int = 32
    """Of the one recurrent layer."""
    times: tuple[int, ...] = (5, 10, 25, 50, 100)
    """Time steps of a training window, one network each; all divide the largest, so that a step sees equally much."""
    noise: float = 0.1
    """Standard deviation of the noise in the series that is read; the sines have a variance of 0.625."""
    train_length: int = 3000
    """Values to train on; the test is on as many after them."""
    warm_up: int = 100
    """Values that are given before free running begins."""
    horizon: int = 200
    """Steps that it then reads its own predictions."""
    first_free: float = 0.25
    """Scheduled sampling: up to this share of the training the true value is always read."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("units", "times", "warm_up", "horizon"):
            require(self, field, at_least=1)
        require(self, "noise", at_least=0)
        require(self, "train_length", at_least=max((*self.times, self.warm_up + self.horizon)) + 2)
        require(self, "first_free", at_least=0, at_most=1)
        longest = max(self.times)
        for time in self.times:
            if longest % time:
                raise UsageError(f"--times wants divisors of the largest, {longest}; got {time}.")


class Forecaster(nn.Module):
    """The next value after each one: a recurrent layer, an affine one, and where asked for its own last prediction."""

    units: int
    activation: str

    @nn.compact
    def __call__(self, inputs: Mapping[str, jax.Array], *, train: bool = False) -> jax.Array:
        """{"series": (batch, time, 1), "forced": (batch, time) bool} -> (batch, time, 1)."""
        shapes = {"input_kernel": (1, self.units), "hidden_kernel": (self.units,) * 2, "bias": (self.units,)}
        inits: tuple[Any, ...] = ("glorot_uniform", jax.nn.initializers.orthogonal(), "zeros")
        made = zip(shapes, inits, strict=True)
        layer = {name: self.param(name, dlx.nn.get_initializer(init), shapes[name]) for name, init in made}
        kernel = self.param("output_kernel", dlx.nn.get_initializer("glorot_uniform"), (self.units, 1))
        bias = self.param("output_bias", dlx.nn.get_initializer("zeros"), (1,))

        def step(hidden: jax.Array, value: jax.Array) -> tuple[jax.Array, jax.Array]:
            hidden = dlx.nn.rnn_cell(layer, hidden, value, activation=self.activation)
            return dlx.nn.affine(hidden, kernel, bias), hidden

        start = jnp.zeros((len(inputs["series"]), self.units))
        return dlx.nn.feedback_unroll(step, start, inputs["series"], inputs["forced"])[0]


def main(config: Config) -> dict:
    """Trains all networks on the same windows, lets them run free, and reports; returns the result."""
    train, test = windows(config)
    tasks = {}
    for end, (activation, time, sampled) in variants(config).items():
        model = Forecaster(config.units, activation)
        schedule = dlx.optim.cosine_schedule(config.learning_rate, steps=config.steps or 1500)
        task = dlx.train.supervised(
            model,
            functools.partial(dlx.losses.squared_error, features="mean"),
            dlx.optim.create(config.optimizer, schedule),
            example={"inputs": np.zeros((1, time, 1), np.float32)},
            prepare=functools.partial(read, prefix=time),
            **config.training_options(),
        )
        tasks[end] = forecast_task(config, task, model, time, sampled)
    both = dlx.train.side_by_side(tasks)
    with open_run(config) as run:
        placed = run.fit(both.step, both.init, train, measured={"test": (both.measure, test)})
        state = run.layout.fetch("state", placed)
        return run.finish(report(config, run, state, test))


def variants(config: Config) -> dict[str, tuple[str, int, bool]]:
    """{ending: (activation, time steps, whether with scheduled sampling)}; with the most time steps both ways."""
    every = {f"_{name}_{time}": (name, time, False) for name in ("tanh", "relu") for time in config.times}
    return every | {f"_{name}_sampled": (name, max(config.times), True) for name in ("tanh", "relu")}


def windows(config: Config) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Training windows of noisy values and the next ones; test windows of later values and the next sines alone."""
    total = 2 * config.train_length
    noisy = dlx.data.periodic_series(length=total, noise=config.noise)
    clean = dlx.data.periodic_series(length=total, noise=0.0)
    span = max(config.times)
    starts = np.arange(config.train_length - span)
    train = dlx.data.next_token_data(noisy, starts, span)
    span = config.warm_up + config.horizon
    # phases that are no whole numbers of periods apart
    starts = config.train_length + np.arange(0, config.train_length - span, 7)
    inputs = dlx.data.next_token_data(noisy, starts, span)["inputs"]
    test = {"inputs": inputs, "labels": dlx.data.next_token_data(clean, starts, span)["labels"]}
    return tuple({name: a[..., None] for name, a in split.items()} for split in (train, test))  # type: ignore[return-value]


def read(batch: Mapping[str, Any], *, prefix: int) -> dict[str, Any]:
    """Series with their first values given; those that say themselves what is given stay as they are."""
    if isinstance(batch["inputs"], Mapping):
        return dict(batch)
    series = batch["inputs"]
    return {**batch, "inputs": {"series": series, "forced": dlx.nn.prefix_forcing(series.shape[:2], prefix)}}


def forecast_task(
    config: Config, task: dlx.train.Supervised, model: Forecaster, time: int, sampled: bool
) -> dlx.train.Supervised:
    """The task on windows of `time` steps, with scheduled sampling or without, and with the two errors as measure."""
    steps = config.steps or 1500

    def step(state: Any, batch: Mapping[str, Any], *, axis_name: str | None = None) -> tuple:
        series, labels = (batch[name].reshape(-1, time, 1) for name in ("inputs", "labels"))
        done = state.step / steps
        # from always to never, in a line
        ratio = jnp.clip((1 - done) / (1 - config.first_free + 1e-6), 0, 1) if sampled else 1.0
        key = dlx.train.stream_key(state.key, state.step, "sampling")
        forced = dlx.nn.scheduled_sampling(key, series.shape[:2], ratio=ratio)
        return task.step(state, {"inputs": {"series": series, "forced": forced}, "labels": labels}, axis_name=axis_name)

    def measure(state: Any, batch: Mapping[str, Any], weight: jax.Array) -> dict:
        sums = {}
        for name, prefix in (("one_step_error", config.warm_up + config.horizon), ("free_error", config.warm_up)):
            squares = squared_errors(config, model, state, batch, prefix)[:, config.warm_up :]
            sums[name] = (jnp.sum(weight[:, None] * squares), jnp.sum(weight) * squares.shape[1])
        return sums

    return dlx.train.Supervised(task.init, step, measure)


def predictions(model: Forecaster, state: Any, batch: Mapping[str, Any], prefix: int) -> jax.Array:
    """(windows, time) of a network that is given the first `prefix` values, cut off at `LARGEST`."""
    params = state.params if state.ema is None else state.ema
    outputs: Any = model.apply({"params": params}, read(batch, prefix=prefix)["inputs"])
    return jnp.clip(jnp.nan_to_num(outputs[..., 0], nan=LARGEST), -LARGEST, LARGEST)


def squared_errors(config: Config, model: Forecaster, state: Any, batch: Mapping[str, Any], prefix: int) -> jax.Array:
    """(windows, time) squared differences from the labels."""
    return jnp.square(predictions(model, state, batch, prefix) - batch["labels"][..., 0])


def report(config: Config, run: Any, state: Mapping[str, Any], test: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tables, pictures, and by how much what the notes say holds."""
    curves, swings, shown = {}, {}, {}
    truth, given = test["labels"][..., 0], {"inputs": jnp.asarray(test["inputs"])}
    for end, (activation, _, _) in variants(config).items():
        model = Forecaster(config.units, activation)
        free = jax.jit(jax.vmap(lambda own, m=model: predictions(m, own, given, config.warm_up)))(state[end])
        free = np.asarray(free)[:, :, config.warm_up - 1 :]
        # the prediction after the last given value is one step ahead
        curves[end] = np.square(free - truth[None, :, config.warm_up - 1 :]).mean(1)
        last = free[:, :, -config.horizon // 2 :]
        swings[end] = (last.std(-1) / truth[None, :, -last.shape[-1] :].std(-1)).mean(1)
        shown[end] = free[0, 0]
    one = {end: run.final["test_one_step_error" + end] for end in curves}
    rows = [["network", "time steps", "one step", "free", "k = 1", *(f"k = {k}" for k in marks(config)), "swing"]]
    for end, (activation, time, sampled) in variants(config).items():
        curve = curves[end].mean(0)
        rows.append([
            activation + (", scheduled sampling" if sampled else ""), str(time), f"{one[end].mean():.4f}",
            f"{run.final['test_free_error' + end].mean():.3f}", f"{curve[0]:.4f}",
            *(f"{curve[k - 1]:.3f}" for k in marks(config)), f"{swings[end].mean():.2f}",
        ])  # fmt: skip
    run.table("Mean squared error against the sines without noise: one step ahead, free running, k steps ahead; "
              "swing: standard deviation of what is predicted at the end over that of the sines", rows)  # fmt: skip
    run.picture("Error against the steps ahead k", curves_figure(config, curves))
    run.picture("Error against the time steps of a training window", times_figure(config, run.final))
    run.picture(f"The series, and free running from the line on (seed {config.seed})",
                series_figure(config, test, shown))  # fmt: skip
    few, many = min(config.times), max(config.times)
    found = {}
    for name in ("tanh", "relu"):
        found[f"one_step_error_ratio_{name}"] = one[f"_{name}_{few}"] / one[f"_{name}_{many}"]
        free = {end: run.final[f"test_free_error_{name}_{end}"] for end in (few, many, "sampled")}
        found[f"free_error_ratio_{name}"] = free[few] / free[many]
        found[f"sampling_error_ratio_{name}"] = free["sampled"] / free[many]
        found[f"growth_{name}"] = curves[f"_{name}_{many}"][:, -1] / curves[f"_{name}_{many}"][:, 0]
        found[f"swing_{name}_{few}"] = swings[f"_{name}_{few}"]
    return found


def marks(config: Config) -> list[int]:
    """Some numbers of steps ahead."""
    return sorted({max(1, config.horizon // 20), max(1, config.horizon // 4), config.horizon})


def curves_figure(config: Config, curves: Mapping[str, np.ndarray]) -> Any:
    """Mean squared error against k on a logarithmic axis, for each activation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("tanh", "relu"), strict=True):
        for end, (activation, time, sampled) in variants(config).items():
            if activation == name:
                values = curves[end].mean(0)
                label = "scheduled sampling" if sampled else f"{time} time steps"
                axes.semilogy(np.arange(1, len(values) + 1), values, "--" if sampled else "-", label=label)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("steps ahead k")
    figure.axes[0].set_ylabel("mean squared error")
    figure.axes[1].legend(fontsize=7)
    return figure


def times_figure(config: Config, final: Mapping[str, np.ndarray]) -> Any:
    """Both errors against the time steps of training, a line for each activation, a point for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    kinds = {"one_step_error": "one step ahead", "free_error": "free running"}
    for axes, (kind, words) in zip(figure.subplots(1, 2), kinds.items(), strict=True):
        for colour, name in (("tab:blue", "tanh"), ("tab:orange", "relu")):
            values = np.stack([final[f"test_{kind}_{name}_{time}"] for time in config.times])
            axes.loglog(config.times, values, "o", color=colour, alpha=0.4, markersize=4)
            axes.loglog(config.times, values.mean(1), color=colour, label=name)
        axes.set_xticks(config.times, [str(time) for time in config.times])
        axes.minorticks_off()
        axes.set_title(words, fontsize=9)
        axes.set_xlabel("time steps of a training window")
    figure.axes[0].set_ylabel("mean squared error")
    figure.axes[0].legend(fontsize=8)
    return figure


def series_figure(config: Config, test: Mapping[str, np.ndarray], shown: Mapping[str, np.ndarray]) -> Any:
    """One test window, and what some networks make of it after the values that are given."""
    from matplotlib.figure import Figure

    few, many = min(config.times), max(config.times)
    chosen = {name: [f"_{name}_{few}", f"_{name}_{many}", f"_{name}_sampled"] for name in ("tanh", "relu")}
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    place = np.arange(1, config.warm_up + config.horizon + 1)
    for axes, (name, ends) in zip(figure.subplots(2, 1, sharex=True, sharey=True), chosen.items(), strict=True):
        axes.plot(place, test["labels"][0, :, 0], color="black", linewidth=3, alpha=0.25, label="sines")
        for end, label in zip(ends, (f"{few} time steps", f"{many}", f"{many}, scheduled sampling"), strict=True):
            axes.plot(place[config.warm_up - 1 :], shown[end], linewidth=1, label=label)
        axes.axvline(config.warm_up, color="gray", linewidth=0.7)
        axes.set_ylabel(name)
        axes.set_ylim(-2.2, 3.1)
    figure.axes[0].legend(fontsize=7, ncols=4, loc="upper center")
    figure.axes[1].set_xlabel("step")
    return figure


if __name__ == "__main__":
    launch(Config, main)
