"""What the experiments of convolutional networks make themselves."""

from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import data, nn
from dlx.errors import UsageError
from experiments import batchnorm_dropout, im2col, lenet


@pytest.mark.row(129, 366)
def test_epochs_to_a_loss():
    epochs = np.array([0.5, 1.0, 1.5, 2.0])
    losses = np.array([[2.0, 2.0, 1.0, 3.0], [1.0, 2.0, 0.9, 3.0], [0.5, 1.8, 0.8, 3.0], [0.7, 1.0, 0.7, 3.0]])
    got = batchnorm_dropout.epochs_to(epochs, losses, np.array([0.75, 1.2, 1.5, 2.9]))
    # half way; three quarters of the way; there at the first measurement; never
    np.testing.assert_allclose(got, [1.25, 1.875, 0.5, 2.0])


@pytest.mark.row(128, 366)
@pytest.mark.gap("U15")
def test_variants_differ_in_norm_and_dropout_alone():
    config = batchnorm_dropout.Config(dropout=0.3)
    models = {name: batchnorm_dropout.network(config, name, 10) for name in batchnorm_dropout.VARIANTS}
    found = {name: (model.use_norm, model.dropout) for name, model in models.items()}
    assert found == {"none": (False, 0.0), "batch_norm": (True, 0.0), "dropout": (False, 0.3), "both": (True, 0.3)}
    assert len({(model.channels, model.width, model.activation) for model in models.values()}) == 1


class State(NamedTuple):
    """What `variance_shift` reads of a state, stacked over replicas."""

    step: np.ndarray
    params: dict
    model_state: dict


@pytest.mark.row(128)
@pytest.mark.gap("U15")
def test_variance_shift_is_one_of_the_batch_itself(rng):
    digits = SimpleNamespace(card=data.card("digits"))
    train = {"inputs": rng.integers(0, 17, (50, 8, 8, 1)).astype(np.uint8)}
    model = batchnorm_dropout.network(batchnorm_dropout.Config(width=0.1), "both", 10)
    images = data.prepare(digits.card)({"inputs": jnp.asarray(train["inputs"])})["inputs"]
    variables = model.init(jax.random.key(0), images)
    # the moments of these images, dropout off
    _, own = model.clone(dropout=0.0, momentum=0.0).apply(variables, images, train=True, mutable=["batch_stats"])
    last = own["batch_stats"]["norm_2"]
    wider = {**own["batch_stats"], "norm_2": {**last, "var": 1.7 * last["var"]}}
    stacked = jax.tree.map(
        lambda *a: np.stack(a), *[(variables["params"], own["batch_stats"]), (variables["params"], wider)]
    )
    state = State(np.zeros(2), stacked[0], {"batch_stats": stacked[1]})
    np.testing.assert_allclose(batchnorm_dropout.variance_shift(model, digits, train, state), [1, 1.7], rtol=1e-5)
    plain = model.clone(use_norm=False)
    np.testing.assert_array_equal(batchnorm_dropout.variance_shift(plain, digits, train, state), [1, 1])


def test_batch_sizes_that_no_data_fill():
    with pytest.raises(UsageError, match="--size-examples wants at least 300"):
        batchnorm_dropout.Config(batch_sizes=(2, 300), size_examples=200)
    with pytest.raises(UsageError, match="--batch-sizes 2000: digits has"):
        batchnorm_dropout.main(batchnorm_dropout.Config(dataset="digits", batch_sizes=(2000,)))


def test_small_images_are_enlarged(rng):
    images = rng.standard_normal((2, 8, 9, 1)).astype(np.float32)
    got = lenet.enlarged(lambda batch: batch, (8, 9, 1))({"inputs": images, "labels": np.arange(2)})
    np.testing.assert_array_equal(got["inputs"], np.kron(images, np.ones((1, 2, 2, 1), np.float32)))
    np.testing.assert_array_equal(got["labels"], [0, 1])

    def same(batch):
        return batch

    assert lenet.enlarged(same, (28, 28, 1)) is same


def test_another_convolution_is_found_out():
    layer = im2col.Layer((7, 6, 2), (3, 3, 2, 4), stride=2, padding=1)
    programs = im2col.forms_of(layer)

    def flipped(images, kernel):
        return nn.conv2d(images, kernel[::-1, ::-1], stride=2, padding=1)

    programs["im2col"] = flipped, lambda images, kernel, weights: jax.vjp(flipped, images, kernel)[1](weights)
    gaps, seconds = im2col.compared(im2col.Config(batch=2, rounds=1), layer, programs, 0)
    assert gaps.shape == seconds.shape == (3, 2)
    assert (gaps[0] == 0).all()
    assert (gaps[1] > 0.1).all()
    assert (gaps[2] < 1e-5).all()
    assert (seconds > 0).all()


@pytest.mark.slow
@pytest.mark.row(127, 129)
def test_batch_norm_is_faster_and_gains_less_in_batches_of_two(tmp_path):
    config = batchnorm_dropout.Config(
        dataset="digits",
        seeds=2,
        epochs=6,
        rates=(0.3,),
        batch_sizes=(2, 32),
        size_examples=1000,
        size_epochs=4,
        output_dir=tmp_path,
    )
    found = batchnorm_dropout.main(config)["metrics"]
    assert max(found["epochs_to_plain_loss_batch_norm"]["per_seed"]) < 4
    # of a batch of two, moments are so rough that the norm gains less
    gains = {size: found[f"accuracy_batch_norm_batch_{size}"]["mean"] - found[f"accuracy_none_batch_{size}"]["mean"]
             for size in (2, 32)}  # fmt: skip
    assert 0 < gains[2] < gains[32] - 0.01
