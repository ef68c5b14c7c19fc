"""Under- and over-fitting: capacity, cross validation, early stopping and other remedies (notes 003 line 624).

    python -m experiments.overfitting --seeds 4

CPU: about 15 s. Test error none 0.370 +- 0.013 (digits, 4 seeds), test error weight decay 0.334 +- 0.006, test error
dropout 0.341 +- 0.012, test error early stopping 0.343 +- 0.022, test error ten times the data 0.126 +- 0.009. A fifth
of the training labels is wrong. Polynomials: error best degree 0.106 +- 0.010, error chosen degree 0.121 +- 0.020.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.options import DEVICES, TRAINING


@dataclass(frozen=True)
class Config(Options):
    """Options of the study."""

    uses: ClassVar[frozenset[str]] = TRAINING - {"epochs"} | DEVICES | {"evaluate_every"}

    dataset: Literal["digits", "mnist", "fashion_mnist"] = "digits"
    """Images of which few are for training; the polynomials have points of their own."""
    steps: int | None = 2000
    batch_size: int = 50
    evaluate_every: int | None = 20
    examples: int = 100
    """Training images."""
    label_noise: float = 0.2
    """Share of the training images whose label is drawn anew from all classes."""
    hidden: tuple[int, ...] = (256,)
    """Widths of the hidden layers."""
    weight_decay: float = 0.05
    """Rate of the L2 penalty, where that is the remedy."""
    dropout: float = 0.8
    """Probability that a hidden unit is off in training, where that is the remedy."""
    patience: int = 10
    """Evaluations without a lower validation loss after which early stopping stops."""
    max_degree: int = 12
    """Polynomials of degree 1 to this are fitted."""
    points: int = 30
    """Training points of the polynomials: sin(pi x) with noise of standard deviation 0.3."""
    folds: int = 10
    """Of cross validation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("examples", "hidden", "patience", "max_degree"):
            require(self, field, at_least=1)
        require(self, "examples", at_least=self.batch_size)
        require(self, "label_noise", at_least=0, at_most=1)
        require(self, "weight_decay", above=0)
        require(self, "dropout", above=0, below=1)
        require(self, "points", at_least=4)
        require(self, "folds", at_least=2, at_most=self.points)


def main(config: Config) -> dict:
    """Runs the capacity sweep and the remedies, and reports; returns the result."""
    with open_run(config) as run:
        return run.finish({**remedies(config, run), **capacity(config, run)})


def capacity(config: Config, run: Any) -> dict:
    """Errors by degree for each seed, and the degree that cross validation chooses from the training points alone."""
    degrees = np.arange(1, config.max_degree + 1)
    train, fresh, crossed = [], [], []
    for seed in config.seed_values:
        (x, y), (held, held_y) = wave(config.points, 2 * seed), wave(1000, 2 * seed + 1)
        curve = dlx.linear.capacity_sweep(x, y, held, held_y, degrees=degrees.tolist())
        train.append(curve.train_error)
        fresh.append(curve.validation_error)
        features = dlx.linear.polynomial_features(x, degree=config.max_degree)
        crossed.append(
            [cross_validated(config, jnp.where((degrees <= degree)[None], features, 0), y) for degree in degrees]
        )
    rows, errors = np.arange(config.seeds), np.array(fresh)
    best, chosen = errors.argmin(1), np.array(crossed).argmin(1)
    curves = {"training": np.array(train), "fresh data": errors, "cross validation": np.array(crossed)}
    run.picture("Error of polynomials by degree (median and each seed)", capacity_figure(degrees, curves))
    return {
        "error_degree_1": errors[:, 0],
        "error_best_degree": errors[rows, best],
        "error_chosen_degree": errors[rows, chosen],
        "error_highest_degree": errors[:, -1],
        "best_degree": degrees[best],
        "chosen_degree": degrees[chosen],
    }


def cross_validated(config: Config, features: Any, targets: Any) -> float:
    """Mean squared error of least squares over the folds."""

    def score(model: Any, inputs: Any, wanted: Any) -> Any:
        return jnp.mean(dlx.losses.squared_error(dlx.linear.decision_function(model, inputs), wanted))

    return dlx.linear.cross_validate(dlx.linear.least_squares, score, features, targets, folds=config.folds).mean()


def wave(points: int, seed: int) -> tuple[Any, Any]:
    """Points x evenly distributed in [-1, 1], and sin(pi x) with noise of standard deviation 0.3."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (points, 1))
    y = np.sin(np.pi * x[:, 0]) + 0.3 * rng.normal(size=points)
    return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


def remedies(config: Config, run: Any) -> dict:
    """Trains a network on few images plainly and with each remedy; test errors."""
    data = dlx.data.load(config.dataset)
    rest, validation = dlx.data.hold_out(data.train, min(1000, len(data.train["labels"]) // 5))
    if 10 * config.examples > len(rest["labels"]):
        raise UsageError(
            f"--examples wants at most {len(rest['labels']) // 10} of {config.dataset}, since one remedy is ten times"
            f" as many; got {config.examples}."
        )
    noisy = relabelled(rest, config.label_noise, classes=len(data.card.classes))
    few, more = ({name: a[:n] for name, a in noisy.items()} for n in (config.examples, 10 * config.examples))
    recorded = {}
    for name, (changes, l2, train) in {
        "none": ({}, 0.0, few),
        "weight decay": ({}, config.weight_decay, few),
        "dropout": ({"dropout": config.dropout}, 0.0, few),
        "ten times the data": ({}, 0.0, more),
    }.items():
        # the report's curves are those of the plain network
        hooks = [run.records] if name == "none" else []
        recorded[name] = train_one(config, data, train, validation, l2=l2, hooks=hooks, **changes)
    losses = recorded["none"]["validation_loss"]
    rules = [dlx.linear.early_stopping(jnp.asarray(column), patience=config.patience) for column in losses.T]
    kept = np.array([int(rule.best_step) for rule in rules])
    ends = {name: (values, np.full(config.seeds, -1)) for name, values in recorded.items()}
    ends["early stopping"] = (recorded["none"], kept)
    errors, test_losses = (
        {name: values[metric][at, np.arange(config.seeds)] for name, (values, at) in ends.items()}
        for metric in ("test_error", "test_loss")
    )
    run.table("Test data, by remedy", comparison(errors, test_losses))
    run.picture("Validation loss: circles where early stopping keeps the weights", losses_figure(recorded, kept))
    metrics = {f"test_error_{name.replace(' ', '_')}": values for name, values in errors.items()}
    run.step = int(recorded["none"]["step"][-1])
    return {**metrics, "kept_step": recorded["none"]["step"][kept], "validation_loss_rise": losses[-1] / losses.min(0)}


def train_one(
    config: Config, data: Any, train: Any, validation: Any, *, l2: float = 0.0, hooks: Any = (), **changes: Any
) -> dict:
    """A fit; step (evaluations,), validation_loss, test_error and test_loss (evaluations, seeds)."""
    model = dlx.models.MLP(config.hidden, len(data.card.classes), **changes)
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create(config.optimizer, config.learning_rate, l2=l2),
        example=train,
        metrics={"error": lambda outputs, labels: 1.0 - dlx.metrics.accuracy(outputs, labels)},
        prepare=dlx.data.prepare(data.card),
        **config.training_options(),
    )
    layout = dlx.train.make_layout(
        config.seeds, parallel=config.parallel, devices=config.devices, each=config.map, batch_size=config.batch_size
    )
    held = {"validation": validation, "test": data.test}
    evaluate = dlx.train.Evaluate(
        {name: dlx.train.evaluator(task.measure, split, layout=layout) for name, split in held.items()},
        every=config.evaluate_every or 20,
    )
    _, records = dlx.train.fit(
        task.step, task.init, train, steps=config.steps or 2000, batch_size=config.batch_size,
        seeds=config.seed_values, hooks=[evaluate, *hooks], log_every=config.evaluate_every or 20, layout=layout,
    )  # fmt: skip
    return {
        name: np.array([line[name] for line in records])
        for name in ("step", "validation_loss", "test_error", "test_loss")
    }


def relabelled(split: Any, share: float, *, classes: int) -> dict:
    """The examples with a share of the labels drawn anew, always in the same way."""
    rng = np.random.default_rng(0)
    labels = np.array(split["labels"])
    changed = rng.random(len(labels)) < share
    labels[changed] = rng.integers(0, classes, changed.sum())
    return {**split, "labels": labels}


def comparison(errors: dict[str, np.ndarray], losses: dict[str, np.ndarray]) -> list[list[str]]:
    """A row for each remedy: error, its spread, its share of the error without, and loss."""
    rows = [["remedy", "test error", "sd", "of the error without", "test loss"]]
    for name, values in errors.items():
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        share = 100 * values.mean() / errors["none"].mean()
        rows.append([name, f"{values.mean():.4f}", f"{spread:.4f}", f"{share:.0f}%", f"{losses[name].mean():.3f}"])
    return rows


def capacity_figure(degrees: np.ndarray, curves: dict[str, np.ndarray]) -> Any:
    """Errors by degree on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for (label, errors), colour in zip(curves.items(), ("tab:gray", "tab:red", "tab:blue"), strict=True):
        axes.semilogy(degrees, errors.T, color=colour, linewidth=0.5, alpha=0.4)
        axes.semilogy(degrees, np.median(errors, 0), color=colour, linewidth=2, label=label)
    axes.set_xlabel("degree")
    axes.set_ylabel("mean squared error")
    axes.legend(fontsize=8)
    return figure


def losses_figure(recorded: dict[str, dict], kept: np.ndarray) -> Any:
    """Validation losses over the steps, means over the seeds, and where each seed would stop."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, values in recorded.items():
        axes.plot(values["step"], values["validation_loss"].mean(1), linewidth=1.3, label=name)
    plain = recorded["none"]
    lowest = plain["validation_loss"][kept, np.arange(len(kept))]
    axes.plot(plain["step"][kept], lowest, "o", color="black", fillstyle="none", markersize=5)
    axes.set_xlabel("step")
    axes.set_ylabel("validation loss")
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
