"""What ResNet, DenseNet, the networks for CIFAR-10, the autoencoder and whitening say when they are used wrongly."""

import jax
import jax.numpy as jnp
import pytest

from dlx import models, nn

KEY = jax.random.key(0)
X = jnp.ones((2, 32, 32, 3))
RESNET, FAST = models.ResNet(blocks=(1,), channels=2), models.CIFARNet(channels=(2, 2))
CODER = models.ConvAutoencoder(shape=(8, 8, 1), channels=(2,), code=3)
KERNEL, BIAS = jnp.ones((2, 2, 3, 12)), jnp.ones(12)


def init(model, inputs):
    return jax.eval_shape(model.init, KEY, inputs)


def used(model, made_for, inputs, **options):
    return jax.eval_shape(lambda v, x: model.apply(v, x, **options), init(model, made_for), inputs)


CASES = [
    (lambda: init(RESNET, X.astype(jnp.uint8)), TypeError, "inputs: got dtype uint8, wanted a floating dtype"),
    (lambda: init(RESNET, X[0]), ValueError, r"inputs: got shape \(32, 32, 3\), wanted \(batch, .* batch of one image"),
    (lambda: init(RESNET, jnp.moveaxis(X, -1, 1)), ValueError, r"got shape \(2, 3, 32, 32\), .* looks like NCHW"),
    (lambda: used(RESNET, X, X[..., :1]), ValueError, "inputs: got 1 channels .* wanted 3, as the weights have"),
    (lambda: used(models.DenseNet(), X, X[..., :1]), ValueError, "inputs: got 1 channels .* wanted 3"),
    (lambda: init(models.DenseNet(), X[:, :28]), ValueError, "got images of 28x32 .* wanted at least 29x29"),
    (lambda: init(models.DenseNet(stem="cifar"), X[:, :7]), ValueError, "7x32 .* at least 8x8"),
    (lambda: init(models.PlainCNN(), X[:, :7]), ValueError, "7x32 .* wanted at least 8x8"),
    (lambda: init(models.CIFARNet(), X[:, :8]), ValueError, "8x32 .* wanted at least 9x9"),
    (lambda: used(FAST, X, X[..., :1]), ValueError, "inputs: got 1 channels .* wanted 3"),
    (
        lambda: used(models.CIFARNet(channels=(2,), whitening=(KERNEL, BIAS)), X, X[..., :1]),
        ValueError,
        "inputs: got 1 channels .* wanted 3",
    ),
    (lambda: models.ResNet.preset("resnet19"), ValueError, "name: got 'resnet19', .* nearest: resnet18"),
    (lambda: models.DenseNet.preset("densenet"), ValueError, "name: got 'densenet', wanted one of notes, densenet121"),
    (lambda: models.ResNet(stem="cifar10"), ValueError, "stem: got 'cifar10', .* nearest: cifar"),
    (lambda: models.ResNet(blocks=()), ValueError, r"blocks: got \(\), wanted the blocks"),
    (lambda: models.ResNet(blocks=(2, 0)), ValueError, "blocks: got 0, wanted a positive int"),
    (lambda: models.ResNet(width=0), ValueError, r"width: got 0, wanted a number in \(0, inf\)"),
    (lambda: models.ResNet(activation="rely"), ValueError, "activation: got 'rely', .* nearest: relu"),
    (lambda: models.ResNet(momentum=1.5), ValueError, "momentum: got 1.5"),
    (lambda: models.ResidualBlock(stride=0), ValueError, "stride: got 0"),
    (lambda: models.DenseBlock(growth_rate=0), ValueError, "growth_rate: got 0"),
    (lambda: models.TransitionLayer(channels=0), ValueError, "channels: got 0"),
    (lambda: models.PlainCNN(dropout=1.0), ValueError, r"dropout: got 1.0, wanted a number in \[0, 1\)"),
    (lambda: models.CIFARNet(channels=64), ValueError, "channels: got 64, wanted the channels of one or more"),
    (lambda: models.CIFARNet(whitening=KERNEL), ValueError, "whitening: got shapes .* dlx.nn.whitening_kernel gives"),
    (lambda: models.CIFARNet(whitening=(KERNEL, BIAS[1:])), ValueError, r"whitening: got shapes .*\(11,\)"),
    (lambda: models.ConvAutoencoder(shape=(30, 28, 1)), ValueError, r"shape: got \(30, 28, 1\), .* multiples of 4"),
    (lambda: models.ConvAutoencoder(shape=(28, 28)), ValueError, r"shape: got \(28, 28\), wanted \(height, width"),
    (lambda: models.ConvAutoencoder(unpool="switch"), ValueError, "unpool: got 'switch', .* nearest: switches"),
    (lambda: models.ConvAutoencoder(code=0), ValueError, "code: got 0"),
    (lambda: init(CODER, X), ValueError, r"inputs: got images of \(32, 32, 3\), wanted \(8, 8, 1\)"),
    (
        lambda: used(CODER.clone(unpool="switches"), jnp.ones((1, 8, 8, 1)), jnp.ones((1, 3)), method="decode"),
        ValueError,
        "switches: got 0 arrays, wanted those of 1 poolings, as encode gives them",
    ),
    (
        lambda: used(CODER, jnp.ones((1, 8, 8, 1)), jnp.ones((1, 4)), method="decode"),
        ValueError,
        r"code: got shape \(1, 4\), wanted \(batch, 3\)",
    ),
    (lambda: nn.whitening_kernel(X[0]), ValueError, r"images: got shape \(32, 32, 3\), wanted \(batch,"),
    (lambda: nn.whitening_kernel(X[:1, :2, :2]), ValueError, "images: .* with 1 windows, wanted at least two"),
    (lambda: nn.whitening_kernel(X, window=33), ValueError, "33"),
    (lambda: nn.whitening_kernel(X, eps=0.0), ValueError, "eps: got 0.0"),
    (lambda: nn.whitening_kernel(X.astype(jnp.uint8)), TypeError, "images: got dtype uint8"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
