"""dlx.models: LeNet and its versions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models
from tests.models.networks import KEY, losses_of_two_steps, parameters, stages
from tests.tolerances import assert_network_close


@pytest.mark.row(111, 112)
@pytest.mark.erratum("E21")
@pytest.mark.parametrize(
    ("name", "size", "want"), [("seed001", 28, 61_706), ("seed000", 28, 44_426), ("lecun98", 32, 60_000)]
)
def test_parameters(name, size, want):
    assert parameters(models.LeNet.preset(name), size, 1) == want


@pytest.mark.row(111, 112)
@pytest.mark.erratum("E21")
def test_shapes_of_the_stages():
    assert stages(models.LeNet(), 28, 1) == {
        "": (10,),
        "activation_0": (28, 28, 6),
        "pool_0": (14, 14, 6),
        "activation_1": (10, 10, 16),
        "pool_1": (5, 5, 16),
        "activation_2": (120,),
        "activation_3": (84,),
    }
    plain = stages(models.LeNet.preset("seed000"), 28, 1)
    assert [plain[name][0] for name in ("activation_0", "pool_0", "activation_1", "pool_1")] == [24, 12, 8, 4]
    assert models.LeNet.preset("seed001") == models.LeNet()


@pytest.mark.row(110, 111, 112)
@pytest.mark.erratum("E21")
@pytest.mark.parametrize(
    ("name", "pool", "features"),
    [("seed001", "MaxPool2d", 64), ("seed000", "MaxPool2d", 16), ("d2l-v2", "AvgPool2d", 64)],
)
def test_equals_pytorch(rng, name, pool, features):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    model = models.LeNet.preset(name)
    theirs = torch_models.lenet(pad=model.pad, pool=getattr(torch_models.nn, pool), features=features)
    rows = int((features / 16) ** 0.5)
    inputs, labels = rng.standard_normal((3, 16, 16, 1)), rng.integers(0, 10, 3)
    flattened = {"dense_0": (rows, rows, 16)}
    torch_models.check_equal(theirs, model, torch_models.LENET, inputs, labels, flattened=flattened)


@pytest.mark.row(111)
@pytest.mark.erratum("E21")
def test_the_papers_version_equals_pytorch(rng):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    torch = torch_models.torch
    # rows 1 to 10 of Sylvester's matrix of order 128
    hadamard = np.ones((1, 1))
    for _ in range(7):
        hadamard = np.kron(hadamard, [[1, 1], [1, -1]])
    codes = hadamard[1:11, :84]
    differences = (codes[:, None] != codes[None]).sum(-1)
    assert set(differences[~np.eye(10, dtype=bool)]) == {40, 42}
    net = torch_models.LeNet5(codes).double()
    state = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    table = np.array([[c == "X" for c in row] for row in net.TABLE])
    assert table.sum() == 60
    pairs = [(source, number) for number in range(16) for source in range(6) if table[source, number]]

    def layer(kernel, bias):
        return {"kernel": kernel, "bias": state[bias]}

    order = state["c5.weight"].reshape(120, 16, 5, 5).transpose(2, 3, 1, 0).reshape(400, 120)
    params = {
        "conv_0": layer(state["c1.weight"].transpose(2, 3, 1, 0), "c1.bias"),
        "conv_1": layer(np.stack([state["c3.weight"][o, i] for i, o in pairs], axis=-1), "c3.bias"),
        "dense_0": layer(order, "c5.bias"),
        "dense_1": layer(state["f6.weight"].T, "f6.bias"),
        **{f"subsampling_{i}": dict(zip(("scale", "bias"), state[s], strict=True)) for i, s in enumerate(("s2", "s4"))},
    }
    inputs = rng.standard_normal((2, 32, 32, 1))
    model = models.LeNet.preset("lecun98", param_dtype=jnp.float64)
    with jax.enable_x64(True):
        both = jax.jit(jax.value_and_grad(lambda p, x: model.apply({"params": p}, x)[:, 3].sum()))
        value, gradient = both(jax.tree.map(jnp.asarray, params), jnp.asarray(inputs))
    out = net(torch.tensor(np.moveaxis(inputs, -1, 1).copy()))[:, 3].sum()
    out.backward()
    assert_network_close(value, out.item())
    assert_network_close(gradient["conv_0"]["kernel"], net.c1.weight.grad.numpy().transpose(2, 3, 1, 0))
    theirs = net.c3.weight.grad.numpy()
    assert_network_close(gradient["conv_1"]["kernel"], np.stack([theirs[o, i] for i, o in pairs], axis=-1))
    for number, sums in enumerate((net.s2, net.s4)):
        for place, name in enumerate(("scale", "bias")):
            assert_network_close(gradient[f"subsampling_{number}"][name], sums.grad[place].numpy())


@pytest.mark.row(111)
def test_a_step_of_training_lowers_the_loss(rng):
    first, second = losses_of_two_steps(models.LeNet(activation="relu"), 12, 1, rng)
    assert second < first


@pytest.mark.row(111)
def test_width_dtype_and_activation():
    model = models.LeNet(width=0.5, dtype=jnp.bfloat16, activation=jnp.tanh)
    weights = jax.eval_shape(model.init, KEY, jnp.zeros((1, 28, 28, 1)))["params"]
    assert {name: layer["bias"].shape[0] for name, layer in weights.items()} == {
        "conv_0": 3, "conv_1": 8, "dense_0": 60, "dense_1": 42, "output": 10,
    }  # fmt: skip
    assert {leaf.dtype.name for leaf in jax.tree.leaves(weights)} == {"float32"}
    assert jax.eval_shape(model.apply, {"params": weights}, jnp.zeros((1, 28, 28, 1))).dtype == jnp.bfloat16
    tiny = jax.eval_shape(models.LeNet(width=0.01).init, KEY, jnp.zeros((1, 28, 28, 1)))["params"]
    assert tiny["conv_0"]["bias"].shape == (1,)
