"""Regularisation: polynomials of three degrees, weight decay and L1 in 200 dimensions, sparsity (notes 001 section 4).

    python -m experiments.regularization --dataset cubic --seeds 4
    python -m experiments.regularization --dataset diabetes --seeds 4

CPU: about 5 and 10 s. Decay gain 1080 +- 68 (cubic, 4 seeds): weight decay 3 divides the test loss in 200 dimensions,
83 without it, by as much; what it removes is what is left of initial weights of standard deviation 1, for the least
squares of smallest norm has 0.0102, ridge 0.0100. Test error degree 3: 0.0103 +- 0.0013 (cubic, 4 seeds); degree 1:
10.6; degree 20: 0.011 to 9.6 by the seed. 100 patients, 4 seeds, in variances of the label: test error least squares
degree 1 0.54 +- 0.06 (diabetes), of degree 3 2.3 to 23; test error ridge degree 3 0.63 +- 0.10 (diabetes), test error
lasso degree 3 0.58 +- 0.18 (diabetes); decay gain 6.1 +- 1.9 (diabetes).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import factorial
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.run import Options, launch, open_run, require
from dlx.run.options import DEVICES, LOG, TRAINING

# of x^i / i!, i = 0, 1, 2, 3
CUBIC = np.array([5.0, 1.2, -3.4, 5.6])
CAUSES = ("x", "x^2", "x^3")
PENALTIES = ("none", "decay", "l1")
RATES = 10.0 ** np.arange(-3, 1.26, 0.25)
# of the table of diabetes: all, and those set aside for testing
PATIENTS, HELD, FOLDS = 442, 88, 5
# tried by cross validation
TRIED = {"ridge": 10.0 ** np.arange(-3, 1.1, 0.5), "lasso": 10.0 ** np.arange(-2, 0.1, 0.25)}


@dataclass(frozen=True)
class Config(Options):
    """Options of the study."""

    uses: ClassVar[frozenset[str]] = TRAINING | DEVICES | LOG

    dataset: Literal["cubic", "diabetes"] = "cubic"
    """cubic: generated, a cubic with noise 0.1, and 200 weights of 0.01 with noise 0.01. diabetes: few patients of the
    table, the products of its ten columns as features, columns and labels scaled to deviation 1."""
    epochs: float | None = 100
    batch_size: int = 5
    optimizer: str = "sgd"
    learning_rate: float = 0.003
    degrees: tuple[int, ...] | None = None
    """Of the polynomials; None: 1, 3, 20 of one variable (cubic); 1, 2, 3 of ten columns (diabetes)."""
    examples: int | None = None
    """Examples for training; None: 20 with 200 weights (cubic; its polynomials have 100 points), 100 (diabetes)."""
    weight_decay: float = 3.0
    """Rate of the L2 penalty in gradient descent."""
    l1: float | None = None
    """Rate of the L1 penalty in gradient descent; None: 3 (cubic), 0.1 (diabetes)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "degrees", at_least=1, at_most=3 if self.dataset == "diabetes" else None)
        require(self, "examples", at_least=FOLDS, at_most=PATIENTS - HELD if self.dataset == "diabetes" else None)
        for field in ("weight_decay", "l1"):
            require(self, field, above=0)


def main(config: Config) -> dict:
    """Runs the three parts and reports; returns the result."""
    with open_run(config) as run:
        if config.dataset == "diabetes":
            metrics = fit_products(config, run)
            train, test = scaled_products(config, config.seed, degree=2)
            metrics |= train_linear(config, run, *({"inputs": x, "labels": y} for x, y in (train, test)), l1=0.1)
            sparsity(config, run, train, test, "products of two columns", dlx.data.card("diabetes").columns)
        else:
            metrics = fit_polynomials(config, run)
            draw = partial(dlx.data.linear_data, np.full(200, 0.01), 0.05, noise=0.01)
            splits = draw(examples=config.examples or 20, seed=0), draw(examples=100, seed=1)
            metrics |= train_linear(config, run, *splits, l1=3.0)
            points = [cubic(2 * config.seed + k) for k in (0, 1)]
            train, test = ((powers(x, 20), y) for x, y in points)
            scale = jnp.std(train[0], axis=0, keepdims=True)
            sparsity(config, run, (train[0] / scale, train[1]), (test[0] / scale, test[1]), "20 powers of x", CAUSES)
        return run.finish(metrics)


def fit_products(config: Config, run: Any) -> dict:
    """Least squares, ridge and lasso on the products of the table's columns; the penalties by cross validation."""
    degrees = config.degrees or (1, 2, 3)
    errors: dict[str, np.ndarray] = {}
    rows = [["degree", "features", "method", "train error", "test error", "sd"]]
    for degree in degrees:
        splits = [scaled_products(config, seed, degree=degree) for seed in config.seed_values]
        for name in ("least_squares", "ridge", "lasso"):
            models = [chosen(name, *train) for train, _ in splits]
            both = [[error(model, *split) for split in pair] for model, pair in zip(models, splits, strict=True)]
            train, test = np.array(both).T
            errors[f"test_error_{name}_degree_{degree}"] = test
            spread = test.std(ddof=1) if len(test) > 1 else 0.0
            numbers = (f"{value:.3f}" for value in (train.mean(), test.mean(), spread))
            rows.append([str(degree), str(splits[0][0][0].shape[1]), name.replace("_", " "), *numbers])
    run.table("Products of columns; error 1 is that of the mean label", rows)
    run.picture("Test error by degree, each seed and mean", products_figure(degrees, errors))
    return errors


def chosen(name: str, inputs: Any, targets: Any) -> Any:
    """The model of a method; its penalty is the one that cross validation on the training examples finds best."""
    if name == "least_squares":
        return dlx.linear.least_squares(inputs, targets)

    def fit(rate: float) -> Any:
        if name == "ridge":
            return lambda x, y: dlx.linear.ridge(x, y, l2=rate)
        return lambda x, y: dlx.linear.lasso(x, y, l1=rate, tolerance=1e-4).params

    scores = [
        dlx.linear.cross_validate(fit(float(rate)), error, inputs, targets, folds=FOLDS).mean() for rate in TRIED[name]
    ]
    return fit(float(TRIED[name][int(np.argmin(scores))]))(inputs, targets)


def error(model: Any, inputs: Any, targets: Any) -> Any:
    """Mean squared error."""
    return jnp.mean(dlx.losses.squared_error(dlx.linear.decision_function(model, inputs), targets))


def scaled_products(config: Config, seed: int, *, degree: int) -> tuple[tuple, ...]:
    """(features, labels) for training and testing: the seed chooses the patients; scales are those of training."""
    data = dlx.data.load("diabetes")
    inputs, labels = (np.concatenate([data.train[name], data.test[name]]) for name in ("inputs", "labels"))
    order = dlx.data.fixed_order(PATIENTS, seed=seed)
    kept, held = order[HELD : HELD + (config.examples or 100)], order[:HELD]

    def standardised(values: np.ndarray) -> np.ndarray:
        return (values - values[kept].mean(0)) / np.maximum(values[kept].std(0), 1e-6)

    columns = jnp.asarray(standardised(inputs), jnp.float32)
    features = standardised(np.asarray(dlx.linear.polynomial_features(columns, degree=degree)))
    values = standardised(labels)
    return tuple((jnp.asarray(features[rows]), jnp.asarray(values[rows], jnp.float32)) for rows in (kept, held))


def fit_polynomials(config: Config, run: Any) -> dict:
    """Least squares of each degree; squared errors on training and test points."""
    degrees = config.degrees or (1, 3, 20)
    metrics: dict[str, list[float]] = {}
    fits = []
    for seed in config.seed_values:
        points = {"train": cubic(2 * seed), "test": cubic(2 * seed + 1)}
        models = {degree: dlx.linear.least_squares(powers(points["train"][0], degree), points["train"][1])
                  for degree in degrees}  # fmt: skip
        for degree, model in models.items():
            for split, (x, y) in points.items():
                found = float(error(model, powers(x, degree), y))
                metrics.setdefault(f"{split}_error_degree_{degree}", []).append(found)
        fits.append((points, models))
    errors = {name: np.array(values) for name, values in metrics.items()}
    worst = int(errors[f"test_error_degree_{max(degrees)}"].argmax())
    caption = f"Polynomials (seed {config.seed_values[worst]}, on which degree {max(degrees)} is worst)"
    run.picture(caption, fits_figure(*fits[worst]))
    return errors


def train_linear(config: Config, run: Any, train: Any, test: Any, *, l1: float) -> dict:
    """Gradient descent of three linear models at once, a column each: no penalty, weight decay, L1."""
    l1, dimensions = config.l1 or l1, train["inputs"].shape[1]

    def penalty(params: Any) -> jax.Array:
        kernel = params["kernel"]
        return config.weight_decay / 2 * jnp.sum(kernel[:, 1] ** 2) + l1 * jnp.sum(jnp.abs(kernel[:, 2]))

    def column(number: int) -> Any:
        return lambda outputs, labels: dlx.losses.squared_error(outputs[:, number], labels, half=True)

    parts = {f"loss_{name}": column(number) for number, name in enumerate(PENALTIES)}
    task = dlx.train.supervised(
        dlx.models.Linear(len(PENALTIES), kernel_init=jax.nn.initializers.normal(1.0)),
        lambda outputs, labels: sum(part(outputs, labels) for part in parts.values()),
        dlx.optim.create(config.optimizer, config.learning_rate),
        example=train,
        metrics=parts,
        penalty=penalty,
        **config.training_options(),
    )

    def step(state: Any, batch: Any, **options: Any) -> tuple:
        state, metrics = task.step(state, batch, **options)
        return state, {name: metrics[name] for name in parts}  # the sum of the columns' losses says nothing

    def measure(*args: Any) -> dict:
        return {name: value for name, value in task.measure(*args).items() if name in parts}

    state = run.fit(step, task.init, train, measured={"test": (measure, test)})
    norms = np.linalg.norm(run.layout.fetch("state", state).params["kernel"], axis=1).mean(0)
    rows = [["penalty", "train loss", "test loss", "norm of the weights"]]
    for name, norm in zip(PENALTIES, norms, strict=True):
        losses = [f"{run.final[f'{split}_loss_{name}'].mean():.4g}" for split in ("train", "test")]
        rows.append([name, *losses, f"{norm:.3f}"])
    run.table(f"{dimensions} dimensions by gradient descent, from weights of standard deviation 1", rows)
    run.table(f"{dimensions} dimensions in closed form", closed_form(config, train, test))
    return {"decay_gain": run.final["test_loss_none"] / run.final["test_loss_decay"]}


def closed_form(config: Config, train: Any, test: Any) -> list[list[str]]:
    """The minima that gradient descent is on its way to; without a penalty, the one of smallest norm."""
    train, test = ({name: jnp.asarray(a) for name, a in split.items()} for split in (train, test))
    x, y = train["inputs"], train["labels"]
    found = {
        "least squares": dlx.linear.least_squares(x, y),
        f"ridge, {config.weight_decay:g}": dlx.linear.ridge(x, y, l2=config.weight_decay),
        "lasso, 0.01": dlx.linear.lasso(x, y, l1=0.01).params,
    }
    rows = [["method", "train loss", "test loss", "norm of the weights", "weights not 0"]]
    for name, model in found.items():
        losses = [float(dlx.linear.regularised_cost(model, s["inputs"], s["labels"])) for s in (train, test)]
        norm, count = np.linalg.norm(model.kernel), np.count_nonzero(model.kernel)
        rows.append([name, *(f"{loss:.3g}" for loss in losses), f"{norm:.3f}", str(count)])
    return rows


def sparsity(config: Config, run: Any, train: tuple, test: tuple, what: str, names: Sequence[str]) -> None:
    """The lasso by l1: weights, how many are not 0, and errors; the first features, which have `names`, stand out."""
    kernels, rows = [], [["l1", "weights not 0", "train error", "test error"]]
    for rate in RATES:
        model = dlx.linear.lasso(*train, l1=float(rate), tolerance=1e-5).params
        errors = (error(model, *split) for split in (train, test))
        kernels.append(np.asarray(model.kernel))
        rows.append([f"{rate:.3g}", str(np.count_nonzero(model.kernel)), *(f"{float(e):.4g}" for e in errors)])
    run.table(f"Lasso on {what}", rows[:1] + rows[1::2])
    run.picture(f"Lasso: weights of {what} by l1 (seed {config.seed})", path_figure(np.array(kernels), names))


def cubic(seed: int) -> tuple[jax.Array, jax.Array]:
    """100 points x ~ N(0, 1) and y = 5 + 1.2 x - 3.4 x^2/2! + 5.6 x^3/3! + noise of standard deviation 0.1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=100)
    y = CUBIC[0] + np.asarray(powers(x, 3)) @ CUBIC[1:] + 0.1 * rng.normal(size=100)
    return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


def powers(x: Any, degree: int) -> jax.Array:
    """(N, degree): x^i / i! from i = 1 on."""
    return jnp.stack([jnp.asarray(x, jnp.float32) ** i / float(factorial(i)) for i in range(1, degree + 1)], 1)


def drawing() -> tuple[Any, Any]:
    """A figure and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    return figure, figure.subplots()


def fits_figure(points: dict[str, tuple], models: dict[int, Any]) -> Any:
    """The points, and the polynomials that were fitted to those for training."""
    x, y = (np.concatenate(both) for both in zip(*points.values(), strict=True))
    grid = np.linspace(x.min(), x.max(), 300)
    figure, axes = drawing()
    for (label, split), colour in zip(points.items(), ("black", "tab:red"), strict=True):
        axes.scatter(split[0], split[1], s=8, color=colour, alpha=0.5, label=label)
    for degree, model in models.items():
        values = dlx.linear.decision_function(model, powers(grid, degree))
        axes.plot(grid, values, linewidth=1.3, label=f"degree {degree}")
    axes.set_ylim(y.min() - 0.15 * np.ptp(y), y.max() + 0.15 * np.ptp(y))
    axes.set(xlabel="x", ylabel="y")
    axes.legend(fontsize=8)
    return figure


def products_figure(degrees: Any, errors: dict[str, np.ndarray]) -> Any:
    """A line for each method on a logarithmic axis."""
    figure, axes = drawing()
    for name, colour in (("least_squares", "tab:gray"), ("ridge", "tab:blue"), ("lasso", "tab:red")):
        values = np.array([errors[f"test_error_{name}_degree_{degree}"] for degree in degrees])
        axes.semilogy(degrees, values, "o", color=colour, alpha=0.4, markersize=4)
        axes.semilogy(degrees, values.mean(1), color=colour, label=name.replace("_", " "))
    axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the mean label")
    axes.set_xticks(degrees)
    axes.set_xlabel("degree")
    axes.set_ylabel("test error, variances of the label")
    axes.legend(fontsize=8)
    return figure


def path_figure(kernels: np.ndarray, names: Sequence[str]) -> Any:
    """Weights against l1; those that have names in colour."""
    figure, axes = drawing()
    axes.semilogx(RATES, kernels[:, len(names) :], color="0.7", linewidth=0.7)
    for number, name in enumerate(names):
        axes.semilogx(RATES, kernels[:, number], linewidth=1.5, label=name)
    axes.set(xlabel="l1", ylabel="weight of the scaled feature")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
