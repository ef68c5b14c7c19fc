"""The first two parts of the project outline on the embedded digits: linear models by SGD, a network by Adam."""

import jax
import numpy as np
import pytest

import dlx
from dlx import losses, train
from tests.tolerances import assert_close


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


def torch_one_vs_all(loss):
    def summed(torch, scores, labels):
        signs = 2 * torch.nn.functional.one_hot(labels, 10).double() - 1
        return loss(torch, signs * scores).sum(1).mean()

    return summed


LINEAR = pytest.mark.row(362)
NETWORK = pytest.mark.row(363)
SOFTMAX = (
    losses.softmax_cross_entropy,
    lambda torch, scores, labels: torch.nn.functional.cross_entropy(scores, labels),
)
HINGE = (one_vs_all(losses.hinge), torch_one_vs_all(lambda torch, z: torch.relu(1 - z)))
LOGISTIC = (one_vs_all(losses.logistic), torch_one_vs_all(lambda torch, z: torch.nn.functional.softplus(-z)))


@pytest.mark.parametrize(
    ("losses_", "hidden", "optimizer", "rate"),
    [
        pytest.param(SOFTMAX, (), "sgd", 0.05, marks=LINEAR, id="softmax"),
        pytest.param(HINGE, (), "sgd", 0.05, marks=LINEAR, id="hinge"),
        pytest.param(LOGISTIC, (), "sgd", 0.05, marks=LINEAR, id="logistic"),
        pytest.param(SOFTMAX, (64,), "adam", 1e-3, marks=NETWORK, id="network"),
    ],
)
def test_an_epoch_is_pytorchs_in_float64(x64, losses_, hidden, optimizer, rate):
    torch = pytest.importorskip("torch")
    ours, theirs = losses_
    split = dlx.data.load("digits").train
    data = {"inputs": split["inputs"].reshape(-1, 64) / 16.0, "labels": split["labels"]}
    options = {"outputs": 10, "param_dtype": np.float64}
    model = dlx.models.MLP(hidden, **options) if hidden else dlx.models.Linear(**options)
    task = train.supervised(model, ours, dlx.optim.create(optimizer, rate), example=data)
    state, step = task.init(jax.random.key(0)), jax.jit(task.step)
    layers = [state.params[name] for name in sorted(state.params)] if hidden else [state.params]
    leaves = [torch.tensor(np.array(layer[n]), requires_grad=True) for layer in layers for n in ("kernel", "bias")]
    update = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](leaves, lr=rate)
    for batch in dlx.data.batches(data, 32):
        state, _ = step(state, batch)
        scores = torch.tensor(batch["inputs"])
        for number in range(0, len(leaves), 2):
            scores = torch.relu(scores) if number else scores
            scores = scores @ leaves[number] + leaves[number + 1]
        update.zero_grad()
        theirs(torch, scores, torch.tensor(batch["labels"]).long()).backward()
        update.step()
    layers = [state.params[name] for name in sorted(state.params)] if hidden else [state.params]
    for got, want in zip([layer[n] for layer in layers for n in ("kernel", "bias")], leaves, strict=True):
        assert_close(got, want.detach().numpy(), kind="path")


@pytest.mark.row(363)
def test_a_network_by_adam_beats_the_linear_model():
    linear = accuracy_of(dlx.models.Linear(10), losses.softmax_cross_entropy, dlx.optim.create("adam", 1e-3), epochs=25)
    network = accuracy_of(
        dlx.models.MLP((64,), 10), losses.softmax_cross_entropy, dlx.optim.create("adam", 1e-3), epochs=25
    )
    assert np.mean(network) > np.mean(linear)
    assert (network > 0.95).all()
