"""Perceptron: what it learns (AND, OR, separable points) and what it cannot, XOR (notes 001 section 2, 003 line 144).

    python -m experiments.perceptron --dataset planes --seeds 8
    python -m experiments.perceptron --dataset digits --seeds 8

CPU: about 6 s each. Mistakes 31 +- 12 (planes, 8 seeds), the bound allows 1,033. Images of 3 and 8, which a plane
separates: mistakes 61 +- 17 (digits, 8 seeds), the bound allows 475; test accuracy 0.993 +- 0.007
(digits, 8 seeds). AND, OR, NAND are learnt without error, XOR never.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

import dlx
from dlx.errors import UsageError
from dlx.run import Options, launch, open_run, require
from dlx.run.figures import signed_colours

TRUTH_TABLES = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "nand": (1, 1, 1, 0), "xor": (0, 1, 1, 0)}


@dataclass(frozen=True)
class Config(Options):
    """Options of the perceptron."""

    uses: ClassVar[frozenset[str]] = frozenset({"epochs", "learning_rate"})

    dataset: Literal["planes", "digits"] = "planes"
    """Points on the two sides of a random line, or images of two digits; the seed draws them or their order."""
    learning_rate: float = 1.0
    epochs: float | None = 1000
    examples: int = 200
    """Points on the two sides of a line."""
    margin: float = 0.05
    """Smallest distance of such a point from the line."""
    pair: tuple[int, int] = (3, 8)
    """The two digits."""
    parity: int = 6
    """Inputs of the largest parity function that two layers compute."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("examples", "parity"):
            require(self, field, at_least=1)
        require(self, "margin", above=0, below=1)
        require(self, "pair", at_least=0, at_most=9)
        if self.pair[0] == self.pair[1]:
            raise UsageError(f"--pair wants two different digits; got {self.pair[0]} twice.")


def main(config: Config) -> dict:
    """Trains on truth tables and on points, and reports; returns the result."""
    epochs = int(config.epochs or 1000)
    inputs = dlx.foundations.boolean_inputs(2)

    def train(points: Any, labels: Any) -> Any:
        return dlx.linear.perceptron(points, labels, learning_rate=config.learning_rate, max_epochs=epochs)

    with open_run(config) as run:
        rows, errors = [["function", "epochs", "mistakes", "errors at the end"]], {}
        for name, table in TRUTH_TABLES.items():
            labels = jnp.array(table)
            fit = train(inputs, labels)
            errors[name] = int(jnp.sum(dlx.linear.perceptron_output(fit.params, inputs) != labels))
            rows.append([name.upper(), str(int(fit.epochs)), str(int(fit.mistakes)), str(errors[name])])
        run.table("Truth tables", rows)
        boolean = sum(two_layer_errors(table) for table in every_table(2))
        parity = max(two_layer_errors(dlx.foundations.parity_table(n)) for n in range(1, config.parity + 1))
        mistakes, bounds, accuracies = [], [], []
        for seed in config.seed_values:
            points, labels, plane = separable(config, seed) if config.dataset == "planes" else digits(config, seed)
            fit = train(points, labels)
            if not bool(fit.converged):
                run.note(f"seed {seed}: not separated after {epochs} epochs")
            mistakes.append(int(fit.mistakes))
            bounds.append(float(dlx.linear.novikoff_bound(plane, points, labels)))
            if config.dataset == "digits":
                held, held_labels = pair_of(config, "test")
                right = dlx.linear.perceptron_output(fit.params, held) == held_labels
                accuracies.append(float(jnp.mean(right)))
            if seed == config.seed and config.dataset == "planes":
                run.picture(f"Points and the line found (seed {seed})", plane_figure(points, labels, fit.params))
            elif seed == config.seed:
                weights = signed_colours(np.asarray(fit.params.kernel).reshape(8, 8))
                caption = f"Weights of the pixels (seed {seed}): red for a {max(config.pair)}, blue against it"
                run.picture(caption, weights)
        metrics = {
            "mistakes": np.array(mistakes), "novikoff_bound": np.array(bounds),
            "linear_table_errors": sum(errors[name] for name in ("and", "or", "nand")), "xor_errors": errors["xor"],
            "boolean_network_errors": boolean, "parity_network_errors": parity,
        }  # fmt: skip
        if accuracies:
            metrics["test_accuracy"] = np.array(accuracies)
        return run.finish(metrics)


def pair_of(config: Config, split: str) -> tuple[jnp.ndarray, jnp.ndarray]:
    """Images of the two digits as rows of 64 pixels in [0, 1]; class 1 is the larger digit."""
    data = getattr(dlx.data.load("digits"), split)
    chosen = np.isin(data["labels"], config.pair)
    pixels = data["inputs"][chosen].reshape(-1, 64).astype(np.float32) / 16
    return jnp.asarray(pixels), jnp.asarray(data["labels"][chosen] == max(config.pair), jnp.int32)


def digits(config: Config, seed: int) -> tuple[jnp.ndarray, jnp.ndarray, Any]:
    """The training images of the two digits in the seed's order, and the plane of support vectors without slack."""
    points, labels = pair_of(config, "train")
    order = np.random.default_rng(seed).permutation(len(labels))
    points, labels = points[order], labels[order]
    fit = dlx.kernels.kernel_svm(points @ points.T, labels, cost=1e4)
    return points, labels, dlx.linear.LinearParams(fit.coefficients @ points, fit.bias)


def every_table(count: int) -> list[jnp.ndarray]:
    """The 2^(2^n) truth tables of n inputs."""
    rows = 2**count
    return [jnp.array([(number >> row) & 1 for row in range(rows)], jnp.float32) for number in range(2**rows)]


def two_layer_errors(table: jnp.ndarray) -> int:
    """Wrong answers of the two-layer network that is built for a truth table."""
    inputs = dlx.foundations.boolean_inputs(int(np.log2(len(table))))
    step = dlx.nn.heaviside
    outputs = dlx.foundations.mlp(
        inputs, dlx.foundations.boolean_network(table), activation=step, output_activation=step
    )
    return int(jnp.sum(outputs[:, 0] != table))


def separable(config: Config, seed: int) -> tuple[jnp.ndarray, jnp.ndarray, Any]:
    """Points of the square [-1, 1]^2 on the two sides of a random line, none nearer to it than the margin; the line."""
    rng = np.random.default_rng(seed)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3)
    normal = np.array([np.cos(angle), np.sin(angle)])
    points = rng.uniform(-1, 1, (40 * config.examples, 2))
    distance = points @ normal + offset
    kept = np.flatnonzero(np.abs(distance) >= config.margin)[: config.examples]
    line = dlx.linear.LinearParams(jnp.asarray(normal, jnp.float32), jnp.asarray(offset, jnp.float32))
    return jnp.asarray(points[kept], jnp.float32), jnp.asarray(distance[kept] > 0, jnp.int32), line


def plane_figure(points: Any, labels: Any, params: Any) -> Any:
    """The two classes and the line w x + b = 0."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    for label, marker in ((0, "o"), (1, "^")):
        chosen = np.asarray(points)[np.asarray(labels) == label]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=14, marker=marker, label=f"class {label}")
    grid = np.linspace(-1, 1, 200)
    x, y = np.meshgrid(grid, grid)
    weights = np.asarray(params.kernel)
    axes.contour(x, y, weights[0] * x + weights[1] * y + float(params.bias), levels=[0], colors="black")
    axes.set_aspect("equal")
    axes.set_xlabel("x1")
    axes.set_ylabel("x2")
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
