"""dlx.models: VGG and its block."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models
from tests.models.networks import KEY, losses_of_two_steps, parameters, stages
from tests.tolerances import assert_close

SMALL = {"blocks": ((1, 4), (2, 6)), "dense": (8, 8), "dropout": 0.0}


@pytest.mark.row(115, 116)
@pytest.mark.parametrize(
    ("model", "channels", "want"),
    [
        (models.VGG(), 1, 128_806_154),
        (models.VGG.preset("vgg11", outputs=1000), 3, 132_863_336),
        (models.VGG.preset("vgg13", outputs=1000), 3, 133_047_848),
        (models.VGG.preset("vgg16", outputs=1000), 3, 138_357_544),
        (models.VGG.preset("vgg19", outputs=1000), 3, 143_667_240),
        (models.VGG.preset("vgg19", head=False), 3, 20_024_384),
        # torchvision's vgg11_bn: 2,752 channels with a scale and a shift
        (models.VGG(outputs=1000, batch_norm=True, conv_bias=True), 3, 132_868_840),
        (models.VGG(outputs=1000, batch_norm=True), 3, 132_868_840 - 2_752),
    ],
    ids=["1 channel", "vgg11", "vgg13", "vgg16", "vgg19", "features", "vgg11_bn", "vgg11_bn without biases"],
)
def test_parameters(model, channels, want):
    assert parameters(model, 224, channels) == want


@pytest.mark.row(114, 115)
@pytest.mark.erratum("E22")
def test_shapes_of_the_stages():
    found = stages(models.VGG(), 224)
    pooled = [found[f"block_{i}/pool"] for i in range(5)]
    assert pooled == [(112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)]
    assert found["block_4/activation_1"] == (14, 14, 512)
    assert (found["activation_0"], found["activation_1"], found[""]) == ((4096,), (4096,), (10,))
    assert sum(name.startswith("block") and "activation" in name for name in found) == 8  # convolutions of VGG-11
    nineteen = stages(models.VGG.preset("vgg19", head=False), 45)
    assert sum("activation" in name for name in nineteen) == 16
    assert nineteen[""] == (1, 1, 512)
    # as a configuration file gives them
    assert models.VGG(blocks=[[1, 4]], dense=[8, 8]) == models.VGG(blocks=((1, 4),), dense=(8, 8))


@pytest.mark.row(114)
@pytest.mark.erratum("E22")
def test_a_block_halves_height_and_width(rng):
    block = models.VGGBlock(1, 2)
    x = jnp.asarray(rng.standard_normal((1, 4, 6, 3)), jnp.float32)
    weights = block.init(KEY, x)
    outputs, kept = block.apply(weights, x, mutable=["intermediates"])
    wide = np.asarray(kept["intermediates"]["activation_0"][0])
    assert wide.shape == (1, 4, 6, 2)
    assert wide.min() == 0
    assert_close(outputs, wide.reshape(1, 2, 2, 3, 2, 2).max((2, 4)))


@pytest.mark.row(114, 115)
@pytest.mark.parametrize(
    ("blocks", "size", "batch_norm"),
    [
        pytest.param(SMALL["blocks"], 8, True, id="with batch norms"),
        pytest.param(((1, 4), (1, 8), (2, 16), (2, 32), (2, 32)), 32, False, id="vgg11", marks=pytest.mark.slow),
        pytest.param(((2, 2), (2, 4), (4, 8), (4, 8), (4, 8)), 64, False, id="vgg19", marks=pytest.mark.slow),
    ],
)
def test_equals_pytorch(rng, blocks, size, batch_norm):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    rows, features = size // 2 ** len(blocks), blocks[-1][1]
    theirs, names = torch_models.vgg(2, blocks, 8, rows * rows * features, batch_norm=batch_norm)
    inputs, labels = rng.standard_normal((3, size, size, 2)), rng.integers(0, 10, 3)
    model = models.VGG(blocks=blocks, dense=(8, 8), dropout=0.0, batch_norm=batch_norm, unbiased_running=True)
    flattened = {"dense_0": (rows, rows, features)}
    torch_models.check_equal(theirs, model, names, inputs, labels, flattened=flattened, train=True)


@pytest.mark.row(115)
def test_memory_saved_changes_no_gradient(rng):
    x = jnp.asarray(rng.standard_normal((2, 4, 4, 1)), jnp.float32)
    small = {"blocks": ((1, 4), (1, 4)), "dense": (4, 4), "dropout": 0.0}
    plain, saving = (models.VGG(remat=remat, batch_norm=True, **small) for remat in (False, True))
    weights = jax.jit(plain.init)(KEY, x)
    assert jax.tree.structure(jax.eval_shape(saving.init, KEY, x)) == jax.tree.structure(weights)

    def gradient(model):
        def loss(params):
            variables = {**weights, "params": params}
            logits, changed = model.apply(variables, x, train=True, mutable=["batch_stats", "intermediates"])
            return jnp.sum(logits[:, 0]), changed

        return jax.jit(jax.grad(loss, has_aux=True))

    want, got = gradient(plain), gradient(saving)
    # compiled another way, and batch norms divide by a deviation
    jax.tree.map(
        lambda g, w: assert_close(g, w, kind="contraction", factor=10), got(weights["params"]), want(weights["params"])
    )
    text = str(jax.make_jaxpr(got)(weights["params"]))
    assert text.count("remat") == 2 or text.count("checkpoint") == 2


@pytest.mark.row(115)
@pytest.mark.slow
def test_a_step_of_training_lowers_the_loss(rng):
    first, second = losses_of_two_steps(models.VGG(batch_norm=True, **SMALL), 8, 1, rng)
    assert second < first


@pytest.mark.row(115, 116)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19"])
def test_the_numbers_of_torchvision(name):
    torchvision = pytest.importorskip("torchvision")
    theirs = sum(p.numel() for p in getattr(torchvision.models, name)().parameters())
    assert parameters(models.VGG.preset(name, outputs=1000), 224) == theirs
