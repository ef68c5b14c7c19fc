"""Multilayer perceptron on images, with dropout and weight decay (notes 001 section 4, 004 part 2).

    python -m experiments.mlp --dataset mnist --seeds 4
    python -m experiments.mlp --dataset fashion_mnist --seeds 4

2 CPU cores: 30 s each. Test accuracy 0.985 +- 0.001 (mnist, 4 seeds), 0.897 +- 0.001 (fashion_mnist, 4 seeds).
"""

from dataclasses import dataclass
from typing import Any, Literal

import dlx
from dlx.run import Options, launch, require


@dataclass(frozen=True)
class Config(Options):
    """Options of the multilayer perceptron."""

    dataset: Literal["digits", "mnist", "fashion_mnist", "cifar10"] = "mnist"
    """Data set."""
    epochs: float | None = 15
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    ema: float | None = 0.999
    hidden: tuple[int, ...] = (256,)
    """Widths of the hidden layers."""
    activation: str = "relu"
    """One of dlx.nn: relu, tanh, sigmoid, elu, ..."""
    dropout: float = 0.2
    """Probability that a hidden unit is off in training."""
    weight_decay: float = 0.0
    """Rate of the L2 penalty on the kernels, added to their gradients."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "hidden", at_least=1)
        require(self, "dropout", at_least=0, below=1)
        require(self, "weight_decay", at_least=0)


def main(config: Config) -> dict:
    """Trains, evaluates and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    model = dlx.models.MLP(config.hidden, len(data.card.classes), activation=config.activation, dropout=config.dropout)
    optimizer = dlx.optim.create(config.optimizer, config.learning_rate, l2=config.weight_decay)
    prepare = dlx.data.prepare(data.card)
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        optimizer,
        example=data.train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=prepare,
        **config.training_options(),
    )

    def show(run: Any, state: Any) -> None:
        run.show_answers(model, state, data, prepare)

    return dlx.run.train(config, task, data, after=show)


if __name__ == "__main__":
    launch(Config, main)
