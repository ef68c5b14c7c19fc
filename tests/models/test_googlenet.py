"""dlx.models: GoogLeNet and its block."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx import losses, metrics, models
from tests.models.networks import count, losses_of_two_steps, parameters, stages, variables
from tests.tolerances import assert_close

BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


@pytest.mark.row(120)
@pytest.mark.erratum("E23")
@pytest.mark.parametrize(
    ("model", "channels", "want"),
    [
        (models.GoogLeNet(), 1, 5_977_530),
        (models.GoogLeNet(), 3, 5_983_802),
        (models.GoogLeNet(outputs=1000), 3, 6_998_552),
        # and of each head a convolution from 512 and 528 to 128, 4x4x128 to 1024, 1024 to 1000
        (models.GoogLeNet.preset("paper"), 3, 6_998_552 + (512 + 528 + 2) * 128 + 2 * (2049 * 1024 + 1025 * 1000)),
    ],
    ids=["1 channel", "3 channels", "1000 classes", "paper"],
)
def test_parameters(model, channels, want):
    assert parameters(model, 224, channels) == want


@pytest.mark.row(119, 120)
@pytest.mark.erratum("E23", "E24")
def test_shapes_of_the_stages():
    found = stages(models.GoogLeNet(), 96)
    sizes = dict.fromkeys(BLOCKS[:2], 12) | dict.fromkeys(BLOCKS[2:7], 6) | dict.fromkeys(BLOCKS[7:], 3)
    channels = (256, 480, 512, 512, 512, 528, 832, 832, 1024)
    assert {name: size for name, size in found.items() if "inception" in name} == {
        f"inception_{name}/outputs": (sizes[name], sizes[name], c) for name, c in zip(BLOCKS, channels, strict=True)
    }
    assert [found[f"pool_{i}"] for i in range(4)] == [(24, 24, 64), (12, 12, 192), (6, 6, 480), (3, 3, 832)]
    assert [found[f"activation_{i}"] for i in range(3)] == [(48, 48, 64), (24, 24, 64), (24, 24, 192)]
    assert (found["pooled"], found[""]) == ((1024,), (10,))
    small = stages(models.GoogLeNet(stem="cifar", width=0.5), 32)
    assert [small[f"pool_{i}"] for i in (1, 2, 3)] == [(16, 16, 96), (8, 8, 240), (4, 4, 416)]


@pytest.mark.row(119, 120)
@pytest.mark.erratum("E24")
@pytest.mark.gap("U25")
def test_layers_of_the_blocks():
    weights = variables(models.GoogLeNet(), 96)["params"]
    # of the layers' widths alone: one kernel, one bias for each output
    assert count(weights["inception_3a"]) == 64 * 193 + 96 * 193 + 128 * 865 + 16 * 193 + 32 * 401 + 32 * 193
    assert count(weights["inception_5b"]) == 384 * 833 + 192 * 833 + 384 * 1729 + 48 * 833 + 128 * 1201 + 128 * 833

    def ratio(name):
        return [weights[name][layer]["bias"].size for layer in ("conv_1", "conv_22", "conv_32", "conv_4")]

    assert ratio("inception_3a") == [32 * n for n in (2, 4, 1, 1)]
    assert ratio("inception_3b") == [32 * n for n in (4, 6, 3, 2)]


@pytest.mark.row(119)
@pytest.mark.erratum("E24")
def test_a_block_equals_pytorch(rng):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    torch = torch_models.torch
    channels = (2, (3, 4), (1, 2), 3)
    theirs = torch.nn.Sequential(
        torch_models.Inception(3, *channels), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    names = {ours: f"0.{name}" for ours, name in torch_models.INCEPTION.items()}
    inputs, labels = rng.standard_normal((2, 5, 6, 3)), rng.integers(0, 11, 2)
    torch_models.check_equal(theirs, models.Inception(channels), names, inputs, labels, combine=mean_of_maps)


def mean_of_maps(outputs):
    """The mean over the plane of NHWC; PyTorch's network has it in itself."""
    return outputs.mean((1, 2)) if outputs.ndim == 4 else outputs


@pytest.mark.row(120)
@pytest.mark.erratum("E23")
@pytest.mark.slow
@pytest.mark.parametrize("auxiliary", [False, True])
def test_equals_pytorch(rng, auxiliary):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    theirs = torch_models.GoogLeNet(2, 8, side=int(auxiliary))
    names = torch_models.GOOGLENET | (torch_models.HEADS if auxiliary else {})
    model = models.GoogLeNet(width=1 / 8, auxiliary=auxiliary, auxiliary_dropout=0.0)
    inputs, labels = rng.standard_normal((2, 65, 65, 2)), rng.integers(0, 10, 2)

    def combine(outputs):
        return outputs[0] + 0.3 * (outputs[1][0] + 2 * outputs[1][1]) if auxiliary else outputs

    torch_models.check_equal(theirs, model, names, inputs, labels, train=True, combine=combine)


@pytest.mark.row(120)
@pytest.mark.erratum("E23")
def test_the_loss_with_auxiliary_heads(rng):
    logits, first, second = (jnp.asarray(rng.standard_normal((4, 3)), jnp.float32) for _ in range(3))
    labels = jnp.asarray([0, 2, 1, 1])
    loss = models.with_auxiliary(losses.softmax_cross_entropy)
    one = losses.softmax_cross_entropy
    want = one(logits, labels) + 0.3 * (one(first, labels) + one(second, labels))
    assert_close(loss((logits, (first, second)), labels), want)
    assert_close(loss(logits, labels), one(logits, labels))  # in evaluation
    hits = models.with_auxiliary(metrics.accuracy, weight=0)((logits, (first, second)), labels)
    np.testing.assert_array_equal(hits, metrics.accuracy(logits, labels))


@pytest.mark.row(120)
@pytest.mark.erratum("E23")
@pytest.mark.slow
def test_a_step_of_training_lowers_the_loss(rng):
    model = models.GoogLeNet(stem="cifar", width=1 / 16, auxiliary=True, auxiliary_dropout=0.0, remat=True)
    loss = models.with_auxiliary(losses.softmax_cross_entropy)
    first, second = losses_of_two_steps(model, 28, 1, rng, loss=loss)
    assert second < first
