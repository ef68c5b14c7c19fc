"""dlx.models: network in network and its block."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models, nn
from tests.models.networks import KEY, losses_of_two_steps, parameters, stages
from tests.tolerances import assert_close


@pytest.mark.row(118)
@pytest.mark.parametrize(("channels", "want"), [(1, 1_992_166), (3, 2_015_398)])
def test_parameters(channels, want):
    assert parameters(models.NiN(), 224, channels) == want


@pytest.mark.row(117, 118)
@pytest.mark.erratum("E22")
def test_shapes_of_the_stages():
    found = stages(models.NiN(), 224)
    sizes = {0: (54, 54, 96), 1: (26, 26, 256), 2: (12, 12, 384), 3: (5, 5, 10)}
    assert {name: found[name] for name in found if name.startswith("block")} == {
        f"block_{block}/activation_{i}": size for block, size in sizes.items() for i in range(3)
    }
    pooled = {name: size for name, size in found.items() if name.startswith("pool")}
    # none after the last block
    assert pooled == {"pool_0": (26, 26, 96), "pool_1": (12, 12, 256), "pool_2": (5, 5, 384)}
    assert found[""] == (10,)
    small = stages(models.NiN(stem="cifar", width=0.5), 32)
    assert [small[f"pool_{i}"] for i in range(3)] == [(15, 15, 48), (7, 7, 128), (3, 3, 192)]


@pytest.mark.row(117)
def test_a_block_is_a_perceptron_on_each_pixel(rng):
    block = models.NiNBlock(4, 3, 2, 1)
    x = jnp.asarray(rng.standard_normal((2, 5, 7, 3)), jnp.float32)
    weights = jax.jit(block.init)(KEY, x)
    # biases start at zero
    weights = jax.tree.map(lambda leaf: leaf + 0.1, weights)
    got, kept = jax.jit(lambda w, x: block.apply(w, x, mutable=["intermediates"]))(weights, x)
    params = weights["params"]
    wide = nn.relu(nn.conv2d(x, params["conv_0"]["kernel"], params["conv_0"]["bias"], stride=2, padding=1))
    assert_close(kept["intermediates"]["activation_0"][0], wide, kind="contraction")
    hidden = np.asarray(wide, np.float64)
    assert hidden.shape == (2, 3, 4, 4)
    for layer in ("conv_1", "conv_2"):
        kernel, bias = (np.asarray(params[layer][name]) for name in ("kernel", "bias"))
        hidden = np.maximum(hidden @ kernel[0, 0] + bias, 0)
    assert_close(got, hidden, kind="contraction", dtype="float32")


@pytest.mark.row(117, 118)
@pytest.mark.slow
def test_equals_pytorch(rng):
    torch_models = pytest.importorskip("tests.reference.torch_models")
    theirs = torch_models.nin(2, (4, 6, 8), 10)
    inputs, labels = rng.standard_normal((2, 99, 99, 2)), rng.integers(0, 10, 2)
    model = models.NiN(channels=(4, 6, 8), dropout=0.0)
    torch_models.check_equal(theirs, model, torch_models.NIN, inputs, labels)


@pytest.mark.row(118)
@pytest.mark.slow
def test_a_step_of_training_lowers_the_loss(rng):
    model = models.NiN(channels=(8, 8, 8), stem="cifar", dropout=0.0, remat=True)
    first, second = losses_of_two_steps(model, 28, 1, rng)
    assert second < first
