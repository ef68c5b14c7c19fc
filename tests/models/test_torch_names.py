"""dlx.models: the names that PyTorch gives to the layers of our networks, and files with them."""

import jax
import numpy as np
import pytest

from dlx import models
from dlx.errors import CheckpointError
from tests.tolerances import assert_network_close


def shapes(model, size, channels=3, dtype=np.float32):
    return jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, size, size, channels), dtype))


def numbers(names, prefix="features."):
    return sorted(int(name.removeprefix(prefix)) for name in names.values() if name.startswith(prefix))


@pytest.mark.parametrize(
    ("network", "features"),
    [
        (("vgg11", {}), [0, 3, 6, 8, 11, 13, 16, 18]),
        (("vgg16", {}), [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]),
        (("vgg11", {"batch_norm": True}), [0, 1, 4, 5, 8, 9, 11, 12, 15, 16, 18, 19, 22, 23, 25, 26]),
    ],
    ids=["vgg11", "vgg16", "vgg11_bn"],
)
def test_vgg(network, features):
    # the numbers are those of torchvision's vgg11, vgg16 and vgg11_bn
    name, changes = network
    model = models.VGG.preset(name, **changes)
    names, flattened = models.torch_names(model, shapes(model, 224))
    assert numbers(names) == features
    assert numbers(names, "classifier.") == [0, 3, 6]
    assert flattened == {"dense_0": (7, 7, 512)}


def test_alexnet_and_lenet():
    alexnet, lenet = models.AlexNet.preset("torchvision"), models.LeNet()
    names, flattened = models.torch_names(alexnet, shapes(alexnet, 224))
    assert (numbers(names), numbers(names, "classifier.")) == ([0, 3, 6, 8, 10], [1, 4, 6])
    assert flattened == {"dense_0": (6, 6, 256)}
    names, flattened = models.torch_names(lenet, shapes(lenet, 28, 1))
    assert names == {"conv_0": "0", "conv_1": "3", "dense_0": "7", "dense_1": "9", "output": "11"}
    assert flattened == {"dense_0": (5, 5, 16)}


def test_densenet():
    model = models.DenseNet.preset("densenet121", outputs=1000)
    names, flattened = models.torch_names(model, shapes(model, 224))
    # 121 layers with weights and, but for the last, a norm each and one at the end
    assert len(set(names.values())) == len(names) == 121 + 121
    assert names["block_3/bottleneck_conv_15"] == "features.denseblock4.denselayer16.conv1"
    assert names["block_0/norm_5"] == "features.denseblock1.denselayer6.norm2"
    assert names["transition_2/conv_0"] == "features.transition3.conv"
    assert (names["final_norm"], names["output"], flattened) == ("features.norm5", "classifier", {})
    plain = models.DenseNet(blocks=(2, 2))
    names, _ = models.torch_names(plain, shapes(plain, 32))
    assert names["block_1/conv_1"] == "features.denseblock2.denselayer2.conv1"


@pytest.mark.parametrize("options", [{"bottleneck": True}, {"bottleneck": False}])
def test_resnet_from_a_file_equals_pytorch(options, rng, tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from tests.reference import torch_resnets

    torch.manual_seed(0)
    theirs = torch_resnets.ResNet(3, 5, (1, 2), 4, stem="cifar", **options)
    torch_resnets.scatter(theirs, rng)
    theirs = theirs.double().eval()
    save_file(theirs.state_dict(), tmp_path / "w")
    with jax.enable_x64(True):
        model = models.ResNet(outputs=5, blocks=(1, 2), channels=4, stem="cifar", param_dtype=np.float64, **options)
        wanted = shapes(model, 8, dtype=np.float64)
        assert models.torch_names(model, wanted).names == torch_resnets.resnet_names(theirs)
        images = rng.normal(size=(2, 8, 8, 3))
        ours = model.apply(models.load_named_weights(tmp_path / "w", model, wanted), images)
        by_hand = models.load_torch_weights(tmp_path / "w", wanted, torch_resnets.resnet_names(theirs))
        mirrored = model.clone(mirrored=True).apply(by_hand, images)
    with torch.no_grad():
        planes = torch.tensor(images.transpose(0, 3, 1, 2).copy())
        both = theirs(planes).numpy(), theirs(planes.flip(-1)).numpy()
    assert_network_close(ours, both[0])
    assert_network_close(mirrored, (both[0] + both[1]) / 2)


def test_lenet_after_a_flatten_equals_pytorch(rng, tmp_path):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    from safetensors.torch import save_file

    torch = torch_models.torch
    torch.manual_seed(0)
    theirs = torch_models.lenet(pad=2, pool=torch.nn.MaxPool2d, features=400).double()
    save_file(theirs.state_dict(), tmp_path / "w")
    images = rng.normal(size=(2, 28, 28, 1))
    with jax.enable_x64(True):
        model = models.LeNet(param_dtype=np.float64)
        wanted = shapes(model, 28, 1, np.float64)
        ours = model.apply(models.load_named_weights(tmp_path / "w", model, wanted), images)
    with torch.no_grad():
        assert_network_close(ours, theirs(torch.tensor(images.transpose(0, 3, 1, 2).copy())).numpy())


def test_own_names(tmp_path):
    model = models.LeNet()
    variables = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.5, leaf.dtype), shapes(model, 28, 1))
    models.save_weights(tmp_path / "w", variables)
    got = models.load_named_weights(tmp_path / "w", model, shapes(model, 28, 1))
    jax.tree.map(np.testing.assert_array_equal, got, variables)


def test_names_that_do_not_fit(tmp_path):
    from safetensors.numpy import save_file

    lenet, other = models.LeNet(), models.GoogLeNet()
    wanted = shapes(lenet, 28, 1)
    save_file({"0.weight": np.zeros((6, 1, 5, 5), np.float32), "fc.bias": np.zeros(2, np.float32)}, tmp_path / "w")
    with pytest.raises(CheckpointError, match=r"another architecture: 9 missing: .*conv_0/bias \(0\.bias\).*fc\.bias"):
        models.load_named_weights(tmp_path / "w", lenet, wanted)
    with pytest.raises(CheckpointError, match=r"is no name of dlx, and GoogLeNet has none in PyTorch"):
        models.load_named_weights(tmp_path / "w", other, {"params": {}})
    with pytest.raises(TypeError, match="model: got GoogLeNet, wanted one whose names PyTorch has: LeNet, AlexNet"):
        models.torch_names(other, {"params": {}})
    with pytest.raises(ValueError, match="layers without a name: conv_0"):
        models.load_torch_weights(tmp_path / "w", wanted, {})
