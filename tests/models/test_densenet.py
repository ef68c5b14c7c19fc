"""dlx.models: DenseNet, its blocks and transitions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, models, train
from tests.models.test_resnet import KEY, count, shapes

SMALL = {"blocks": (1, 2), "channels": 4, "growth_rate": 2, "outputs": 3}


@pytest.mark.row(134)
@pytest.mark.gap("U26")
@pytest.mark.parametrize(
    ("preset", "outputs", "channels", "parameters"),
    [
        ("notes", 10, 1, 758_226),  # Dive into Deep Learning's DenseNet, counted by hand in test_count_of_the_notes
        # torchvision's documentation
        ("densenet121", 1000, 3, 7_978_856),
        ("densenet169", 1000, 3, 14_149_480),
        ("densenet201", 1000, 3, 20_013_928),
    ],
)
def test_parameter_counts(preset, outputs, channels, parameters):
    image = jnp.ones((1, 32, 32, channels))
    for remat in (False, True) if preset == "notes" else (False,):
        model = models.DenseNet.preset(preset, outputs=outputs, remat=remat)
        assert count(jax.eval_shape(model.init, KEY, image)) == parameters


@pytest.mark.row(134)
def test_count_of_the_notes():
    total, channels = 7 * 7 * 64 + 64 + 2 * 64, 64
    for block in range(4):
        for _ in range(4):
            total += 2 * channels + 9 * channels * 32 + 32
            channels += 32
        if block < 3:
            total += 2 * channels + channels * (channels // 2) + channels // 2
            channels //= 2
    assert channels == 248
    assert total + 2 * 248 + 248 * 10 + 10 == 758_226


@pytest.mark.row(132)
@pytest.mark.erratum("E28")
def test_dense_block(rng):
    x = jnp.asarray(rng.standard_normal((2, 6, 6, 3)), jnp.float32)
    block = models.DenseBlock(layers=2, growth_rate=10)
    out, variables = jax.jit(block.init_with_output)(KEY, x)
    assert out.shape == (2, 6, 6, 23)
    # the growth rate is the channels of each convolution, 13 of 23 channels stay what they were
    assert [variables["params"][f"conv_{i}"]["kernel"].shape for i in range(2)] == [(3, 3, 3, 10), (3, 3, 13, 10)]
    np.testing.assert_array_equal(out[..., :3], x)


@pytest.mark.row(133)
def test_transition_layer():
    x = jax.ShapeDtypeStruct((2, 9, 8, 23), jnp.float32)
    assert jax.eval_shape(models.TransitionLayer(channels=10).init_with_output, KEY, x)[0].shape == (2, 4, 4, 10)
    assert jax.eval_shape(models.TransitionLayer().init_with_output, KEY, x)[0].shape == (2, 4, 4, 11)


@pytest.mark.row(134)
def test_stages():
    _, notes = shapes(models.DenseNet.preset("notes"), 96, 1)
    assert notes["pool_0"] == (24, 24, 64)
    assert [notes[f"dense_{i}"] for i in range(4)] == [(24, 24, 192), (12, 12, 224), (6, 6, 240), (3, 3, 248)]
    assert [notes[f"transition_activation_{i}"][-1] for i in range(3)] == [96, 112, 120]
    assert (notes["features"], notes["pooled"]) == ((3, 3, 248), (248,))
    _, deep = shapes(models.DenseNet.preset("densenet121"), 224, 3)
    assert [deep[f"dense_{i}"] for i in range(4)] == [(56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 1024)]
    _, small = shapes(models.DenseNet.preset("notes", stem="cifar", width=0.25), 32, 3)
    assert [small[f"dense_{i}"] for i in range(2)] == [(32, 32, 16 + 4 * 8), (16, 16, 24 + 4 * 8)]


@pytest.mark.row(132, 133, 134)
@pytest.mark.parametrize(
    ("options", "in_training"),
    [
        # a bias before a norm has gradient zero in training: no largest entry to compare with
        pytest.param({"conv_bias": True}, False, id="notes"),
        pytest.param({"bottleneck": True}, True, id="bottleneck", marks=pytest.mark.slow),
        pytest.param({"blocks": (4, 4, 4, 4), "growth_rate": 8}, False, id="deep", marks=pytest.mark.slow),
    ],
)
def test_equals_pytorch(rng, options, in_training):
    torch = pytest.importorskip("torch")
    from tests.reference import torch_models, torch_resnets

    torch.manual_seed(0)
    options = {**SMALL, **options}
    theirs = torch_resnets.DenseNet(
        2,
        options["outputs"],
        options["blocks"],
        options["channels"],
        options["growth_rate"],
        bottleneck=options.get("bottleneck", False),
        bias=options.get("conv_bias", False),
    )
    torch_models.check_equal(
        torch_resnets.scatter(theirs, rng, shift=(-1.8, -1) if in_training else (0, 2)),
        models.DenseNet(unbiased_running=True, **options),
        theirs.names,
        rng.standard_normal((3, 30, 30, 2)),
        rng.integers(0, 3, 3),
        train=in_training,
    )


@pytest.mark.slow
@pytest.mark.row(134)
def test_trains(rng):
    data = {"inputs": rng.standard_normal((8, 8, 8, 1)).astype(np.float32), "labels": rng.integers(0, 3, 8)}
    data["inputs"] += data["labels"][:, None, None, None]
    task = train.supervised(
        models.DenseNet(stem="cifar", remat=True, **SMALL),
        losses.softmax_cross_entropy,
        optax.sgd(0.1),
        example=data,
    )
    state, step = jax.jit(task.init)(KEY), jax.jit(task.step)
    values = []
    for _ in range(5):
        state, metrics = step(state, data)
        values.append(float(metrics["loss"][0]))
    assert values[-1] < 0.9 * values[0]
