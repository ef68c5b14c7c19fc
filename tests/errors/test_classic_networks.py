"""Errors of LeNet, AlexNet, VGG, NiN and GoogLeNet as a user meets them: before anything is compiled."""

import jax
import jax.numpy as jnp
import pytest

from dlx import losses, models

KEY = jax.random.key(0)
NETWORKS = (models.LeNet, models.AlexNet, models.VGG, models.NiN, models.GoogLeNet)


def init(model, shape, dtype=jnp.float32):
    return lambda: jax.eval_shape(model.init, KEY, jax.ShapeDtypeStruct(shape, dtype))


def apply(model, made_for, shape):
    def call():
        weights = jax.eval_shape(model.init, KEY, jax.ShapeDtypeStruct(made_for, jnp.float32))
        return jax.eval_shape(model.apply, weights, jax.ShapeDtypeStruct(shape, jnp.float32))

    return call


CASES = [
    (lambda: models.LeNet.preset("lecun"), ValueError, "name: got 'lecun', wanted one of .* nearest: lecun98"),
    (lambda: models.VGG.preset("vgg12"), ValueError, "name: got 'vgg12', wanted one of vgg11, vgg13, vgg16, vgg19"),
    (lambda: models.AlexNet.preset("caffe"), ValueError, "name: got 'caffe', wanted one of d2l, paper, torchvision"),
    (lambda: models.GoogLeNet.preset("v3"), ValueError, "name: got 'v3', wanted one of d2l, paper"),
    (lambda: models.LeNet(pad=-1), ValueError, "pad: got -1, wanted an int of at least 0"),
    (lambda: models.LeNet(pool="mean"), ValueError, "pool: got 'mean', wanted one of max, avg, trainable"),
    (lambda: models.LeNet(dense=(120,)), ValueError, r"dense: got \(120,\), wanted 2 numbers"),
    (lambda: models.LeNet.preset("lecun98", width=2.0), ValueError, "width: got 2.0, wanted 1, as the connections"),
    (lambda: models.LeNet.preset("lecun98", outputs=100), ValueError, "outputs: got 100, wanted at most 64"),
    (lambda: models.AlexNet(channels=(1, 2)), ValueError, r"channels: got \(1, 2\), wanted 5 numbers"),
    (lambda: models.AlexNet(groups=0), ValueError, "groups: got 0, wanted a positive int"),
    (lambda: models.AlexNet(stem="tiny"), ValueError, "stem: got 'tiny', wanted one of imagenet, cifar"),
    (lambda: models.VGG(blocks=()), ValueError, r"blocks: got \(\), wanted \(convolutions, channels\)"),
    (lambda: models.VGG(blocks=(64, 128)), ValueError, r"blocks: got \(64, 128\), wanted \(convolutions, channels\)"),
    (lambda: models.VGGBlock(0, 4), ValueError, "convolutions: got 0, wanted a positive int"),
    (lambda: models.NiN(channels=(96, 256)), ValueError, r"channels: got \(96, 256\), wanted 3 numbers"),
    (lambda: models.NiNBlock(0), ValueError, "channels: got 0, wanted a positive int"),
    (lambda: models.Inception((1, 2, 3, 4)), ValueError, r"channels: got \(1, 2, 3, 4\), wanted \(n1, \(n21, n22\)"),
    (lambda: models.GoogLeNet(auxiliary_dropout=1.0), ValueError, r"auxiliary_dropout: got 1.0, wanted .* \[0, 1\)"),
    (lambda: models.with_auxiliary(losses.softmax_cross_entropy, weight=-1), ValueError, "weight: got -1, wanted"),
    (init(models.LeNet(), (1, 11, 28, 1)), ValueError, "inputs: got images of 11x28 .* at least 12x12"),
    (init(models.AlexNet(), (1, 66, 66, 3)), ValueError, "inputs: got images of 66x66 .* at least 67x67"),
    (init(models.VGG(), (1, 28, 28, 1)), ValueError, "inputs: got images of 28x28 .* at least 32x32"),
    (init(models.NiN(), (1, 32, 32, 3)), ValueError, "inputs: got images of 32x32 .* at least 67x67"),
    (init(models.GoogLeNet(auxiliary=True), (1, 64, 64, 3)), ValueError, "inputs: got images of 64x64 .*least 65x65"),
    (
        apply(models.LeNet(), (1, 28, 28, 1), (1, 32, 32, 1)),
        ValueError,
        "makes 576 features for dense_0.*with 400 rows",
    ),
    (apply(models.AlexNet(), (1, 99, 99, 1), (1, 224, 224, 1)), ValueError, "makes 6400 features for dense_0"),
    (apply(models.VGG(), (1, 32, 32, 1), (1, 64, 64, 1)), ValueError, "makes 2048 features for dense_0.*with 512 rows"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:32] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("network", NETWORKS)
def test_wrong_images(network):
    model, images = network(), jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    weights = jax.eval_shape(model.init, KEY, images)

    def call(shape, dtype=jnp.float32):
        return jax.jit(model.apply).lower(weights, jax.ShapeDtypeStruct(shape, dtype))

    with pytest.raises(ValueError, match=r"inputs: got shape \(1, 3, 224, 224\).*looks like NCHW"):
        call((1, 3, 224, 224))
    with pytest.raises(ValueError, match=r"inputs: got shape \(224, 224, 3\).*batch of one image"):
        call((224, 224, 3))
    with pytest.raises(ValueError, match=r"inputs: got 1 channels .* wanted 3"):
        call((1, 224, 224, 1))
    with pytest.raises(TypeError, match="inputs: got dtype uint8, wanted a floating dtype"):
        call((1, 224, 224, 3), jnp.uint8)
    with pytest.raises(ValueError, match="outputs: got 0"):
        network(outputs=0)
    with pytest.raises(ValueError, match=r"activation: got 'rlu'.*relu"):
        network(activation="rlu")
    with pytest.raises(ValueError, match="width: got 0, wanted"):
        network(width=0)
    with pytest.raises(ValueError, match="dropout: got 1"):
        network(dropout=1)
    with pytest.raises(ValueError, match="initializer: got 'he'"):
        network(kernel_init="he")
