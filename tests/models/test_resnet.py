"""dlx.models: ResNet and its block."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, models, train
from tests.tolerances import assert_close, assert_network_close

KEY = jax.random.key(0)
SMALL = {"blocks": (1, 1), "channels": 4, "outputs": 3}


def shapes(model, size, channels):
    """Variables and named activations, nothing computed."""
    image = jax.ShapeDtypeStruct((2, size, size, channels), jnp.float32)
    variables = jax.eval_shape(model.init, KEY, image)
    state = jax.eval_shape(lambda v, x: model.apply(v, x, mutable=["intermediates"])[1], variables, image)
    return variables, {name: value[0].shape[1:] for name, value in state["intermediates"].items()}


def count(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.row(131)
@pytest.mark.gap("U26")
@pytest.mark.parametrize(
    ("preset", "changes", "channels", "parameters"),
    [
        # the notes' network, counted by hand from its layers: see test_count_of_the_notes
        ("notes", {}, 1, 11_178_378),
        # torchvision's documentation
        ("resnet18", {"outputs": 1000}, 3, 11_689_512),
        ("resnet34", {"outputs": 1000}, 3, 21_797_672),
        ("resnet50", {"outputs": 1000}, 3, 25_557_032),
        ("resnet18", {"outputs": 1000, "remat": True}, 3, 11_689_512),
        # 11,689,512 less 990 (512 + 1) of the head and 64 (7 * 7 - 3 * 3) 3 of the stem
        ("resnet18", {"stem": "cifar"}, 3, 11_173_962),
    ],
)
def test_parameter_counts(preset, changes, channels, parameters):
    variables = jax.eval_shape(models.ResNet.preset(preset, **changes).init, KEY, jnp.ones((1, 32, 32, channels)))
    assert count(variables) == parameters


@pytest.mark.row(131)
def test_count_of_the_notes():
    convolutions = 7 * 7 * 64 + 64 + 4 * (9 * 64 * 64 + 64)
    norms = 2 * 64 * 5
    for c in (128, 256, 512):
        convolutions += 9 * c // 2 * c + 3 * 9 * c * c + 4 * c + c // 2 * c + c
        norms += 4 * 2 * c
    assert convolutions + norms + 512 * 10 + 10 == 11_178_378


@pytest.mark.row(131)
@pytest.mark.erratum("E27")
def test_eighteen_layers_are_17_convolutions_and_a_dense_one():
    for preset, layers in (("resnet18", 18), ("resnet34", 34), ("resnet50", 50)):
        variables = jax.eval_shape(models.ResNet.preset(preset).init, KEY, jnp.ones((1, 32, 32, 3)))
        kernels = [
            (jax.tree_util.keystr(path), leaf)
            for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"])
            if "kernel" in jax.tree_util.keystr(path)
        ]
        convolutions = [name for name, leaf in kernels if leaf.ndim == 4 and "shortcut" not in name]
        assert (len(convolutions), sum(leaf.ndim == 2 for _, leaf in kernels)) == (layers - 1, 1)


@pytest.mark.row(131)
def test_stages():
    _, notes = shapes(models.ResNet.preset("notes"), 96, 1)
    assert notes == {
        "activation_0": (48, 48, 64),
        "pool_0": (24, 24, 64),
        "group_0": (24, 24, 64),
        "group_1": (12, 12, 128),
        "group_2": (6, 6, 256),
        "group_3": (3, 3, 512),
        "pooled": (512,),
    }
    variables, deep = shapes(models.ResNet.preset("resnet50"), 224, 3)
    assert [deep[f"group_{i}"] for i in range(4)] == [(56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 2048)]
    assert variables["params"]["group_3_block_0"]["conv_1"]["kernel"].shape == (3, 3, 512, 512)
    _, small = shapes(models.ResNet.preset("resnet18", stem="cifar"), 32, 3)
    assert "pool_0" not in small
    assert [small[f"group_{i}"][0] for i in range(4)] == [32, 16, 8, 4]
    _, narrow = shapes(models.ResNet(width=1 / 8), 32, 3)
    assert [narrow[f"group_{i}"][-1] for i in range(4)] == [8, 16, 32, 64]


@pytest.mark.row(130)
@pytest.mark.erratum("E96")
def test_block_with_zero_weights_is_relu(rng):
    """f(x) = 0, and what stays is the shortcut: a deep network starts from what a shallow one can do."""
    x = jnp.asarray(rng.standard_normal((2, 6, 6, 4)), jnp.float32)
    block = models.ResidualBlock(channels=4, conv_bias=True)
    zero = jax.tree.map(jnp.zeros_like, jax.eval_shape(block.init, KEY, x)["params"])
    ones = {name: {**layer, "scale": jnp.ones(4)} if "norm" in name else layer for name, layer in zero.items()}
    stats = {f"norm_{i}": {"mean": jnp.zeros(4), "var": jnp.ones(4)} for i in (0, 1)}
    for params in (zero, ones):
        apply = jax.jit(lambda p, x: block.apply({"params": p, "batch_stats": stats}, x, True, mutable=True)[0])
        assert_close(apply(params, x), np.maximum(x, 0))
    start = models.ResidualBlock(channels=4, zero_residual=True)
    variables = jax.jit(start.init)(KEY, x)
    assert_close(jax.jit(start.apply)(variables, x), np.maximum(x, 0))
    # the shapes change with the stride: the shortcut is a 1x1 convolution
    down = jax.eval_shape(models.ResidualBlock(channels=8, stride=2).init_with_output, KEY, x)
    assert down[0].shape == (2, 3, 3, 8)
    assert down[1]["params"]["shortcut_conv"]["kernel"].shape == (1, 1, 4, 8)


TORCH = [
    pytest.param({"stem": "imagenet", "conv_bias": True, "shortcut_norm": False}, False, id="notes"),
    pytest.param({"stem": "cifar"}, True, id="cifar"),
    # before a stem's maxima and two norms a shift has gradient zero in training: nothing to compare with
    pytest.param({"stem": "imagenet", "bottleneck": True}, False, id="bottleneck", marks=pytest.mark.slow),
    pytest.param({"stem": "imagenet", "blocks": (2, 2, 2, 2)}, True, id="18", marks=pytest.mark.slow),
]


@pytest.mark.row(130, 131)
@pytest.mark.parametrize(("options", "in_training"), TORCH)
def test_equals_pytorch(rng, options, in_training):
    torch = pytest.importorskip("torch")
    from tests.reference import torch_models, torch_resnets

    options = {**SMALL, **options}
    large = options["stem"] == "imagenet" and in_training
    # planes large enough that each channel has numbers on both sides of the ReLU: else a shift has gradient zero
    size, shift = (65, (-1, 1)) if large else (9, (0, 2))
    torch.manual_seed(0)
    theirs = torch_resnets.ResNet(
        2,
        options["outputs"],
        options["blocks"],
        options["channels"],
        stem=options["stem"],
        bottleneck=options.get("bottleneck", False),
        bias=options.get("conv_bias", False),
        shortcut_norm=options.get("shortcut_norm", True),
    )
    torch_models.check_equal(
        torch_resnets.scatter(theirs, rng, shift=shift),
        models.ResNet(unbiased_running=True, **options),
        torch_resnets.resnet_names(theirs),
        rng.standard_normal((3, size, size, 2)),
        rng.integers(0, 3, 3),
        train=in_training,
    )


@pytest.mark.row(131)
def test_remat_and_perturbations(x64, rng):
    """Checkpointing changes no number; a perturbation of zeros has the gradient by the activation."""
    x = jnp.asarray(rng.standard_normal((2, 8, 8, 1)))
    plain, again = (models.ResNet(stem="cifar", remat=r, param_dtype=jnp.float64, **SMALL) for r in (False, True))
    variables = jax.jit(plain.init)(KEY, x)
    shape = (2, 4, 4, 8)

    def cost(model):
        def value(params, perturbation):
            parts = {"params": params, "batch_stats": variables["batch_stats"]}
            parts["perturbations"] = {"group_1": perturbation}
            out, changed = model.apply(parts, x, train=True, mutable=["batch_stats", "intermediates"])
            return jnp.sum(out**2), (out, changed)

        return jax.jit(jax.grad(value, argnums=(0, 1), has_aux=True))

    (want, by_group), (out, changed) = cost(plain)(variables["params"], jnp.zeros(shape))
    (got, _), (_, moved) = cost(again)(variables["params"], jnp.zeros(shape))
    jax.tree.map(assert_network_close, got, want)
    jax.tree.map(assert_network_close, moved["batch_stats"], changed["batch_stats"])
    # behind group_1 stand a mean over 4x4 and a dense layer
    by_pooled = 2 * out @ variables["params"]["output"]["kernel"].T
    assert_close(by_group, np.broadcast_to(by_pooled[:, None, None] / 16, shape), kind="contraction")


@pytest.mark.row(131)
def test_remat_computes_blocks_again():
    """Seen before XLA optimises: for a CPU it merges what is computed twice."""
    x = jnp.ones((2, 8, 8, 1))

    def text(remat):
        model = models.ResNet(stem="cifar", remat=remat, **SMALL)
        variables = jax.eval_shape(model.init, KEY, x)

        def value(params, stats):
            out, _ = model.apply({"params": params, "batch_stats": stats}, x, train=True, mutable=["batch_stats"])
            return jnp.sum(out)

        return jax.jit(jax.grad(value)).lower(variables["params"], variables["batch_stats"]).as_text()

    plain, again = text(False), text(True)
    # one for each of the two blocks, and what stands behind it
    assert again.count("optimization_barrier") == plain.count("optimization_barrier") + 2
    assert again.count("call @") > plain.count("call @")


@pytest.mark.row(131)
def test_trains(rng):
    data = {"inputs": rng.standard_normal((8, 8, 8, 1)).astype(np.float32), "labels": rng.integers(0, 3, 8)}
    data["inputs"] += data["labels"][:, None, None, None]
    task = train.supervised(
        models.ResNet(stem="cifar", **SMALL | {"blocks": (1,)}),
        losses.softmax_cross_entropy,
        optax.sgd(0.1),
        example=data,
    )
    state, step = jax.jit(task.init)(KEY), jax.jit(task.step)
    values = []
    for _ in range(5):
        state, metrics = step(state, data)
        values.append(float(metrics["loss"][0]))
    assert values[-1] < 0.8 * values[0]
    assert np.abs(state.model_state["batch_stats"]["norm_0"]["mean"]).max() > 1e-3
