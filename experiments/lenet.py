"""LeNet on images of digits and of clothes, as the notes have it and as one trains it now (LeCun et al. 1998).

    python -m experiments.lenet --dataset mnist --seeds 3
    python -m experiments.lenet --dataset fashion_mnist --seeds 3 --epochs 8 --notes

CPU: about 3 and 5 min. ReLU, Adam and an average of the parameters: test accuracy 0.993 +- 0.001 (mnist, 3 seeds; the
paper has 0.99), 0.9065 +- 0.0005 (fashion_mnist, 3 seeds). Beside it on the same batches the notes' form, sigmoid and
SGD at 0.9: test accuracy notes 0.873 +- 0.008 (fashion_mnist, 3 seeds), 0.82 after 3 of the 8 epochs of batches of 128.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

import dlx
from dlx.run import launch, open_run, require
from dlx.run.weights import WeightsOptions, from_file

# two poolings and two convolutions without padding take 16 pixels to one
SMALLEST = 16


@dataclass(frozen=True)
class Config(WeightsOptions):
    """Options of LeNet."""

    dataset: Literal["digits", "mnist", "fashion_mnist"] = "mnist"
    """Data set; digits, of 8x8, are enlarged pixel by pixel to 16x16."""
    epochs: float | None = 10
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    ema: float | None = 0.998
    preset: Literal["seed001", "seed000", "d2l-v2", "lecun98"] = "seed001"
    """Version of the network, see dlx.models.LeNet; with lecun98 images of 28x28 are padded to the paper's 32x32."""
    activation: str | None = "relu"
    """One of dlx.nn: relu, tanh, sigmoid, elu, ...; None: the version's own, a sigmoid, the paper's tanh in lecun98."""
    pool: Literal["max", "avg", "trainable"] | None = None
    """Pooling; None: the version's own."""
    dropout: float = 0.0
    """Probability that a unit of the hidden dense layers is off in training."""
    notes: bool = False
    """Train the notes' form beside it on the same batches, its metrics end in _notes: seed001, sigmoid, SGD."""
    notes_learning_rate: float = 0.9
    """Of the notes' form."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "dropout", at_least=0, below=1)
        require(self, "notes_learning_rate", above=0)


def main(config: Config) -> dict:
    """Trains, evaluates and reports; returns the result."""
    data = dlx.data.load(config.dataset)
    classes, prepare = len(data.card.classes), enlarged(dlx.data.prepare(data.card), data.card.input_shape)
    changes = {"activation": config.activation, "pool": config.pool, "pad": 2 if config.preset == "lecun98" else None}
    given = {name: value for name, value in changes.items() if value is not None}
    model = dlx.models.LeNet.preset(config.preset, outputs=classes, dropout=config.dropout, **given)

    def task(model: Any, optimizer: Any, **options: Any) -> dlx.train.Supervised:
        return dlx.train.supervised(
            model,
            dlx.losses.softmax_cross_entropy,
            optimizer,
            example=data.train,
            metrics={"accuracy": dlx.metrics.accuracy},
            prepare=prepare,
            **options,
        )

    options = config.training_options()
    own_task = task(model, dlx.optim.create(config.optimizer, config.learning_rate), **options)
    tasks = {"": from_file(config, own_task, model)}
    if config.notes:
        sgd = dlx.optim.create("sgd", config.notes_learning_rate)
        tasks["_notes"] = task(dlx.models.LeNet(classes), sgd, **{**options, "ema": None})
    both = dlx.train.side_by_side(tasks)
    with open_run(config) as run:
        state = run.fit(both.step, both.init, data.train, measured={"test": (both.measure, data.test)})
        own = run.layout.fetch("state", state)[""]
        run.save_weights(own)
        run.show_answers(model, own, data, prepare)
        show_layers(config, run, model, own, prepare(data.test)["inputs"][:4])
        return run.finish()


def enlarged(prepare: Callable, shape: tuple[int, ...]) -> Callable:
    """`prepare`, and then each pixel repeated until images are large enough."""
    factor = max(1, -(-SMALLEST // min(shape[:2])))

    def larger(batch: Mapping[str, Any]) -> dict:
        batch = prepare(batch)
        return {**batch, "inputs": jnp.repeat(jnp.repeat(batch["inputs"], factor, axis=1), factor, axis=2)}

    return larger if factor > 1 else prepare


def show_layers(config: Config, run: Any, model: Any, state: Any, images: Any) -> None:
    """Pictures of the first filters and of what both convolutions make of some images, of the first seed."""
    params, others = jax.tree.map(lambda a: a[0], (state.params if state.ema is None else state.ema, state.model_state))
    _, kept = model.apply({"params": params, **others}, images, mutable=["intermediates"])
    seed = f"seed {config.seed}"
    run.picture(f"Filters of the first layer ({seed})", dlx.explain.filter_view(params["conv_0"]["kernel"]))
    for number, words in enumerate(("first", "second")):
        maps = np.asarray(kept["intermediates"][f"activation_{number}"][0])
        run.picture(f"Activations of the {words} layer, a row for each image ({seed})",
                    dlx.explain.activation_view(maps))  # fmt: skip


if __name__ == "__main__":
    launch(Config, main)
