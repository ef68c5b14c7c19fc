"""dlx.models: PlainCNN and CIFARNet."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, models, nn, train
from tests.models.test_resnet import KEY, count, shapes
from tests.tolerances import assert_close


@pytest.mark.row(364)
def test_parameter_counts():
    image = jnp.ones((1, 32, 32, 3))
    counts = [count(jax.eval_shape(models.PlainCNN(use_norm=norm).init, KEY, image)) for norm in (True, False)]
    kernels, head = 27 * 32 + 9 * 32 * 64 + 9 * 64 * 128, 128 * 10 + 10
    assert counts == [kernels + 2 * 224 + head, kernels + 224 + head] == [94_762, 94_538]
    for whitening in (None, (np.ones((2, 2, 3, 24)), np.ones(24))):
        variables = jax.eval_shape(models.CIFARNet(whitening=whitening).init, KEY, image)
        # 24 -> 64 -> 64 -> 256 -> 256 -> 256 -> 256
        kernels = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
        fixed = 0 if whitening else 288
        assert count(variables) == fixed + 24 + kernels + 2 * (2 * 64 + 4 * 256) + 2560 == 1_972_504 + fixed
        assert ("constants" in variables) == (whitening is not None)


@pytest.mark.row(364)
def test_stages():
    _, plain = shapes(models.PlainCNN(), 32, 3)
    assert [plain[f"pool_{i}"] for i in range(3)] == [(16, 16, 32), (8, 8, 64), (4, 4, 128)]
    for size, planes in ((32, [31, 15, 7, 3]), (24, [23, 11, 5, 2]), (9, [8, 4, 2, 1])):
        _, fast = shapes(models.CIFARNet(width=0.5), size, 3)
        names = ["activation_0", "activation_2", "activation_4", "features"]
        assert [fast[name][:2] for name in names] == [(n, n) for n in planes]
        assert [fast[name][2] for name in names] == [24, 32, 128, 128]
        assert fast["pooled"] == (128,)


@pytest.mark.row(121, 364)
def test_plain_equals_pytorch(rng):
    torch = pytest.importorskip("torch")
    from tests.reference import torch_models, torch_resnets

    torch.manual_seed(0)
    theirs = torch_resnets.PlainCNN(3, 4, (3, 5))
    torch_models.check_equal(
        torch_resnets.scatter(theirs, rng),
        models.PlainCNN(channels=(3, 5), outputs=4, unbiased_running=True),
        theirs.names(),
        rng.standard_normal((3, 9, 8, 3)),
        rng.integers(0, 4, 3),
        train=True,
    )


@pytest.mark.row(364)
def test_cifar_net_equals_pytorch(rng):
    torch = pytest.importorskip("torch")
    from tests.reference import torch_models, torch_resnets

    torch.manual_seed(0)
    kernel, bias = rng.standard_normal((2, 2, 3, 5)), rng.standard_normal(5)
    theirs = torch_resnets.CIFARNet(
        torch.tensor(kernel.transpose(3, 2, 0, 1).copy()), torch.tensor(bias), 4, (6, 7), 0.25
    )
    torch_models.check_equal(
        torch_resnets.scatter(theirs, rng),
        models.CIFARNet(
            channels=(6, 7),
            outputs=4,
            # a kernel of zeros: the weights are PyTorch's
            whitening=(np.zeros_like(kernel), np.zeros_like(bias)),
            output_scale=0.25,
            activation=lambda x: jax.nn.gelu(x, approximate=False),
            unbiased_running=True,
        ),
        theirs.names(),
        rng.standard_normal((2, 10, 12, 3)),
        rng.integers(0, 4, 2),
        train=True,
    )


@pytest.mark.row(364)
def test_first_values(rng):
    """The whitening layer gives what it was given, convolutions begin as the identity, predictions are symmetric."""
    x = jnp.asarray(rng.standard_normal((4, 9, 9, 3)), jnp.float32)
    kernel, bias = nn.whitening_kernel(x, both_signs=True)
    model = models.CIFARNet(channels=(30, 8), whitening=(kernel, bias), mirrored=True)
    variables = jax.jit(model.init)(KEY, x)
    assert_close(variables["constants"]["whitening"]["kernel"], kernel)
    assert_close(variables["params"]["whitening"]["bias"], bias)
    first = variables["params"]["conv_0"]["kernel"]
    np.testing.assert_array_equal(first[1, 1, :, :24], np.eye(24))
    assert (jnp.abs(first[..., :24]).sum(), bool(jnp.all(first[..., 24:] != 0))) == (24, True)
    last = variables["params"]["conv_2"]["kernel"]  # 30 channels to 8
    np.testing.assert_array_equal(last[1, 1], np.eye(30, 8))
    predict = jax.jit(lambda v, x: model.apply(v, x))
    assert_close(predict(variables, x), predict(variables, x[:, :, ::-1]), kind="contraction")
    once = jax.jit(lambda v, x: model.clone(mirrored=False).apply(v, x))
    both = once(variables, x), once(variables, x[:, :, ::-1])
    assert_close(predict(variables, x), (both[0] + both[1]) / 2, kind="contraction")
    assert jnp.abs(both[0] - both[1]).max() > 1e-3
    drawn = jax.jit(models.CIFARNet(channels=(4,), identity_init=False).init)(KEY, x)["params"]["conv_0"]["kernel"]
    assert bool(jnp.all(drawn != 0))


@pytest.mark.row(364)
def test_trains_and_leaves_the_whitening_alone(rng):
    data = {"inputs": rng.standard_normal((8, 6, 6, 3)).astype(np.float32), "labels": rng.integers(0, 3, 8)}
    data["inputs"][..., 0] += data["labels"][:, None, None]
    kernel, bias = nn.whitening_kernel(jnp.asarray(data["inputs"]))
    model = models.CIFARNet(channels=(8,), outputs=3, whitening=(kernel, bias), output_scale=1.0)
    task = train.supervised(model, losses.softmax_cross_entropy, optax.sgd(0.1), example=data)
    state, step = jax.jit(task.init)(KEY), jax.jit(task.step)
    values = []
    for _ in range(5):
        state, metrics = step(state, data)
        values.append(float(metrics["loss"][0]))
    assert values[-1] < 0.8 * values[0]
    assert_close(state.model_state["constants"]["whitening"]["kernel"], kernel)
    assert jnp.abs(state.params["whitening"]["bias"] - bias).max() > 1e-6


@pytest.mark.row(128, 364)
@pytest.mark.gap("U15")
def test_dropout_and_norm_are_independent_options(rng):
    x = jnp.asarray(rng.standard_normal((4, 8, 8, 3)), jnp.float32)
    model = models.PlainCNN(channels=(4, 6), dropout=0.5, use_norm=False)
    variables = jax.jit(model.init)(KEY, x)
    assert set(variables) == {"params"}
    assert "bias" in variables["params"]["conv_0"]
    apply = jax.jit(lambda x, key: model.apply(variables, x, train=True, rngs={"dropout": key}))
    same = apply(jnp.broadcast_to(x[:1], x.shape), KEY)
    assert len(np.unique(np.asarray(same), axis=0)) == 4  # every example has its own mask
    assert_close(apply(x, KEY), apply(x, KEY))
    assert set(jax.eval_shape(models.PlainCNN(dropout=0.5).init, KEY, x)) == {"params", "batch_stats"}
