"""Linear classifiers: one-vs-all hinge and logistic, softmax and perceptron, trained side by side (notes 004 part 1).

    python -m experiments.linear_classifiers --dataset mnist --seeds 4
    python -m experiments.linear_classifiers --dataset digits --seeds 4

2 CPU cores: about 20 s and 5 s. Test accuracy of the best 0.927 +- 0.002 (mnist, 4 seeds), 0.955 +- 0.004 (digits, 4
seeds). On MNIST: test accuracy softmax 0.9273 +- 0.0002 (mnist, 4 seeds), test accuracy perceptron 0.927 +- 0.002
(mnist, 4 seeds), test accuracy hinge 0.921 +- 0.001 (mnist, 4 seeds), test accuracy logistic 0.9205 +- 0.0004 (mnist, 4
seeds). Published for one-vs-all linear support vectors: 0.917.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

import dlx
from dlx.run import Options, launch, require
from dlx.run.figures import signed_colours


@dataclass(frozen=True)
class Config(Options):
    """Options of the linear classifiers."""

    dataset: Literal["digits", "mnist", "fashion_mnist"] = "mnist"
    """Data set."""
    epochs: float | None = 15
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 0.01
    ema: float | None = 0.999
    weight_decay: float = 0.0
    """Rate of the L2 penalty on all kernels, added to their gradients."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "weight_decay", at_least=0)


def one_vs_all(loss: Callable) -> Callable:
    """A loss of labels -1 and 1 as one of class numbers: a classifier for each class against all others, summed."""
    return lambda scores, labels: loss(scores, 2 * dlx.nn.one_hot(labels, scores.shape[-1]) - 1)


def perceptron_criterion(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """max_c s_c - s_y: the multi-class hinge loss without a margin, 0 wherever the answer is right."""
    return dlx.losses.multiclass_hinge(scores, labels, margin=0.0)


LOSSES: dict[str, Callable] = {
    "hinge": one_vs_all(dlx.losses.hinge),
    "logistic": one_vs_all(dlx.losses.logistic),
    "softmax": dlx.losses.softmax_cross_entropy,
    "perceptron": perceptron_criterion,
}


def main(config: Config) -> dict:
    """Trains the four, compares them and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    classes = len(data.card.classes)

    def head(function: Callable, number: int) -> Callable:
        """The function of one classifier's scores out of those of all."""
        return lambda scores, labels: function(scores[:, number * classes : (number + 1) * classes], labels)

    losses = [head(loss, number) for number, loss in enumerate(LOSSES.values())]

    def total(scores: jax.Array, labels: jax.Array) -> jax.Array:
        # no parameter is shared and the optimizer works entry by entry, so each part is trained as if it were alone
        return sum(loss(scores, labels) for loss in losses)

    task = dlx.train.supervised(
        dlx.models.Linear(len(LOSSES) * classes),
        total,
        dlx.optim.create(config.optimizer, config.learning_rate, l2=config.weight_decay),
        example=data.train,
        metrics={f"accuracy_{name}": head(dlx.metrics.accuracy, number) for number, name in enumerate(LOSSES)},
        prepare=dlx.data.prepare(data.card),
        **config.training_options(),
    )

    def compare(run: Any, state: Any) -> dict:
        accuracies = {name: run.final[f"test_accuracy_{name}"] for name in LOSSES}
        # (losses, values of a sweep, seeds): each value has a best loss of its own
        by_value = np.stack(list(accuracies.values())).reshape(len(LOSSES), -1, config.seeds)
        best = by_value.mean(2).argmax(0)
        kernels = (state.params if state.ema is None else state.ema)["kernel"][0]
        for name, kernel in zip(LOSSES, np.split(kernels, len(LOSSES), axis=1), strict=True):
            templates = kernel.T.reshape(2, -1, *data.card.input_shape).mean(-1)
            run.picture(f"{name}: weights of the classes (seed {config.seed})", signed_colours(templates))
        run.table("The four classifiers", comparison(run, accuracies, kernels))
        return {"test_accuracy": by_value[best, np.arange(len(best))].ravel()}

    return dlx.run.train(config, task, data, after=compare)


def comparison(run: Any, accuracies: dict[str, np.ndarray], kernels: np.ndarray) -> list[list[str]]:
    """A row for each classifier: accuracies, their spread over the seeds, and the size of the weights."""
    rows = [["loss", "test accuracy", "sd", "train accuracy", "norm of the weights"]]
    for (name, test), kernel in zip(accuracies.items(), np.split(kernels, len(accuracies), axis=1), strict=True):
        spread = test.std(ddof=1) if len(test) > 1 else 0.0
        train = run.final[f"train_accuracy_{name}"].mean()
        rows.append([name, f"{test.mean():.4f}", f"{spread:.4f}", f"{train:.4f}", f"{np.sqrt(np.sum(kernel**2)):.2f}"])
    return rows


if __name__ == "__main__":
    launch(Config, main)
