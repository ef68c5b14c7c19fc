"""Softmax regression on images: one affine layer, softmax and cross entropy (notes 001 section 4, 004 part 1).

    python -m experiments.softmax_regression --dataset mnist --seeds 4
    python -m experiments.softmax_regression --dataset fashion_mnist --seeds 4

2 CPU cores: 30 s each. Test accuracy 0.927 +- 0.001 (mnist, 4 seeds), 0.846 +- 0.001 (fashion_mnist, 4 seeds).
"""

from dataclasses import dataclass
from typing import Literal

import dlx
from dlx.run import Options, launch, require


@dataclass(frozen=True)
class Config(Options):
    """Options of softmax regression."""

    dataset: Literal["digits", "mnist", "fashion_mnist", "cifar10"] = "mnist"
    """Data set."""
    epochs: float | None = 15
    batch_size: int = 256
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    ema: float | None = 0.999
    weight_decay: float = 0.0
    """Rate of the L2 penalty on the kernel, added to its gradient."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "weight_decay", at_least=0)


def main(config: Config) -> dict:
    """Trains, evaluates and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    model = dlx.models.Linear(len(data.card.classes))
    optimizer = dlx.optim.create(config.optimizer, config.learning_rate, l2=config.weight_decay)
    task = dlx.train.supervised(
        model,
        dlx.losses.softmax_cross_entropy,
        optimizer,
        example=data.train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=dlx.data.prepare(data.card),
        **config.training_options(),
    )
    return dlx.run.train(config, task, data)


if __name__ == "__main__":
    launch(Config, main)
