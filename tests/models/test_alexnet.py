"""dlx.models: AlexNet and its versions."""

import pytest

from dlx import models
from tests.models.networks import losses_of_two_steps, parameters, stages

NARROW = {"channels": (4, 6, 8, 8, 4), "dense": (8, 8), "dropout": 0.0}


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("model", "size", "channels", "want"),
    [
        (models.AlexNet(), 224, 1, 46_764_746),
        (models.AlexNet(), 224, 3, 46_787_978),
        (models.AlexNet(outputs=1000), 224, 3, 50_844_008),
        # weights and biases of the paper's layers, the second, fourth and fifth in two groups, fc6 of 6x6x256
        (models.AlexNet.preset("paper"), 227, 3, 60_965_224),
        (models.AlexNet.preset("torchvision"), 224, 3, 61_100_840),
    ],
    ids=["1 channel", "3 channels", "1000 classes", "paper", "torchvision"],
)
def test_parameters(model, size, channels, want):
    assert parameters(model, size, channels) == want


@pytest.mark.row(113)
def test_shapes_of_the_stages():
    assert stages(models.AlexNet(), 224) == {
        "": (10,),
        "activation_0": (54, 54, 96),
        "pool_0": (26, 26, 96),
        "activation_1": (26, 26, 256),
        "pool_1": (12, 12, 256),
        "activation_2": (12, 12, 384),
        "activation_3": (12, 12, 384),
        "activation_4": (12, 12, 256),
        "pool_4": (5, 5, 256),
        "activation_5": (4096,),
        "activation_6": (4096,),
    }
    small = stages(models.AlexNet(stem="cifar", width=0.25), 32)
    assert (small["activation_0"], small["pool_4"], small["activation_6"]) == ((32, 32, 24), (3, 3, 64), (1024,))
    assert stages(models.AlexNet(width=0.1), 67)["pool_4"] == (1, 1, 26)  # the smallest


@pytest.mark.row(113)
@pytest.mark.parametrize(
    ("size", "groups"), [pytest.param(67, 2, id="groups"), pytest.param(99, 1, id="99x99", marks=pytest.mark.slow)]
)
def test_equals_pytorch(rng, size, groups):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    # 99 -> 23 -> 11 -> 5 -> 2
    rows = {67: 1, 99: 2}[size]
    theirs = torch_models.alexnet(2, NARROW["channels"], 8, rows * rows * 4, groups=groups)
    inputs, labels = rng.standard_normal((2, size, size, 2)), rng.integers(0, 10, 2)
    flattened = {"dense_0": (rows, rows, 4)}
    model = models.AlexNet(groups=groups, **NARROW)
    torch_models.check_equal(theirs, model, torch_models.ALEXNET, inputs, labels, flattened=flattened)


@pytest.mark.row(113)
@pytest.mark.slow
def test_a_step_of_training_lowers_the_loss(rng):
    first, second = losses_of_two_steps(models.AlexNet(stem="cifar", **NARROW), 28, 1, rng)
    assert second < first


@pytest.mark.row(113)
@pytest.mark.slow
def test_the_numbers_of_torchvision():
    torchvision = pytest.importorskip("torchvision")
    theirs = sum(p.numel() for p in torchvision.models.alexnet().parameters())
    assert parameters(models.AlexNet.preset("torchvision"), 224) == theirs
