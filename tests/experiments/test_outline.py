"""The first two parts of the project outline on the embedded digits: linear models by SGD, a network by Adam."""

import numpy as np
import pytest

import dlx
from dlx import losses, train


def accuracy_of(model, loss, optimizer, *, epochs):
    """Of the test digits, (2 seeds,)."""
    data = dlx.data.load("digits")
    task = train.supervised(
        model,
        loss,
        optimizer,
        example=data.train,
        metrics={"accuracy": dlx.metrics.accuracy},
        prepare=dlx.data.prepare(data.card),
    )
    steps = epochs * train.steps_per_epoch(len(data.train["labels"]), 32)
    state, _ = train.fit(task.step, task.init, data.train, steps=steps, batch_size=32, seeds=(0, 1), log_every=steps)
    return train.evaluator(task.measure, data.test)(state)["accuracy"]


def one_vs_all(loss):
    def summed(scores, labels):
        return loss(scores, 2 * dlx.nn.one_hot(labels, 10) - 1)

    return summed


@pytest.mark.row(362)
@pytest.mark.parametrize(
    "loss",
    [losses.softmax_cross_entropy, one_vs_all(losses.hinge), one_vs_all(losses.logistic)],
    ids=["softmax", "hinge", "logistic"],
)
def test_linear_models_by_sgd(loss):
    from sklearn.linear_model import LogisticRegression

    data = dlx.data.load("digits")
    prepared = {
        name: split["inputs"].reshape(len(split["inputs"]), -1) / 16
        for name, split in (("train", data.train), ("test", data.test))
    }
    library = LogisticRegression(max_iter=300).fit(prepared["train"], data.train["labels"])
    reference = library.score(prepared["test"], data.test["labels"])
    found = accuracy_of(dlx.models.Linear(10), loss, dlx.optim.create("sgd", 0.05), epochs=60)
    assert (found > reference - 0.03).all()


@pytest.mark.row(363)
def test_a_network_by_adam_beats_the_linear_model():
    linear = accuracy_of(dlx.models.Linear(10), losses.softmax_cross_entropy, dlx.optim.create("adam", 1e-3), epochs=25)
    network = accuracy_of(
        dlx.models.MLP((64,), 10), losses.softmax_cross_entropy, dlx.optim.create("adam", 1e-3), epochs=25
    )
    assert np.mean(network) > np.mean(linear)
    assert (network > 0.95).all()
