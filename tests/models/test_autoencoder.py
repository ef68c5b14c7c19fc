"""dlx.models: the convolutional autoencoder."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import models, train
from tests.models.test_resnet import KEY, count, shapes
from tests.tolerances import assert_close, assert_network_close

SMALL = {"shape": (8, 8, 2), "channels": (3, 4), "code": 5}


@pytest.mark.row(367)
def test_parameter_count_and_stages():
    model = models.ConvAutoencoder()
    variables, named = shapes(model, 28, 1)
    layers = [9 * 32 + 32, 9 * 32 * 64 + 64, 3136 * 32 + 32, 32 * 3136 + 3136, 9 * 64 * 32 + 32, 9 * 32 + 1]
    assert count(variables) == sum(layers) == 241_441
    assert named == {
        "activation_0": (28, 28, 32),
        "pool_0": (14, 14, 32),
        "activation_1": (14, 14, 64),
        "pool_1": (7, 7, 64),
        "expanded": (7, 7, 64),
        "unpool_1": (14, 14, 64),
        "deactivation_1": (14, 14, 32),
        "unpool_0": (28, 28, 32),
    }
    code, switches = jax.eval_shape(
        lambda v, x: model.apply(v, x, method="encode"), variables, jnp.ones((2, 28, 28, 1))
    )
    assert code.shape == (2, 32)
    # the docstring's information beside the code: one of four places each
    assert 2 * sum(np.prod(places.shape[1:]) for places in switches) == 18_816


@pytest.mark.row(367, 371)
@pytest.mark.gap("U21")
@pytest.mark.parametrize("unpool", ["nearest", "switches", pytest.param("nails", marks=pytest.mark.slow)])
def test_equals_pytorch(rng, x64, unpool):
    torch = pytest.importorskip("torch")
    from tests.reference import torch_resnets

    torch.manual_seed(0)
    theirs = torch_resnets.Autoencoder(8, 2, (3, 4), 5, unpool).double()
    model = models.ConvAutoencoder(unpool=unpool, param_dtype=jnp.float64, **SMALL)
    inputs = rng.standard_normal((3, 8, 8, 2))
    wanted = jax.eval_shape(model.init, KEY, jnp.asarray(inputs))
    params = models.from_torch(theirs.state_dict(), wanted, theirs.names)["params"]

    def cost(params, images):
        outputs = model.apply({"params": params}, images)
        return jnp.mean((outputs - images) ** 2), outputs

    (value, outputs), gradient = jax.jit(jax.value_and_grad(cost, has_aux=True))(params, jnp.asarray(inputs))
    planes = torch.tensor(inputs.transpose(0, 3, 1, 2).copy())
    out = theirs(planes)
    error = torch.nn.functional.mse_loss(out, planes)
    error.backward()
    assert_network_close(outputs, out.detach().numpy().transpose(0, 2, 3, 1))
    assert_network_close(value, error.item())
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    jax.tree.map(assert_network_close, gradient, models.from_torch(gradients, wanted, theirs.names)["params"])


@pytest.mark.row(367, 371)
@pytest.mark.gap("U21")
def test_what_passes_beside_the_code(rng):
    """With switches equal codes give different images; else the code is all that decides."""
    images = jnp.asarray(rng.standard_normal((2, 8, 8, 2)), jnp.float32)
    for unpool in ("nearest", "switches"):
        model = models.ConvAutoencoder(unpool=unpool, **SMALL)
        variables = jax.jit(model.init)(KEY, images)
        encode = jax.jit(lambda v, x, model=model: model.apply(v, x, method="encode"))
        decode = jax.jit(lambda v, c, s, model=model: model.apply(v, c, s, method="decode"))
        code, switches = encode(variables, images)
        assert_close(decode(variables, code, switches), jax.jit(model.apply)(variables, images), kind="contraction")
        equal = decode(variables, jnp.broadcast_to(code[:1], code.shape), switches)
        assert bool(jnp.allclose(equal[0], equal[1])) == (unpool == "nearest")


@pytest.mark.row(367)
def test_learns_beyond_principal_components(rng):
    """Bars at one of 8 places: 8 images, of which 2 components cannot tell more than a third; a code of 2 can."""
    place = rng.integers(0, 8, 64)
    images = np.zeros((64, 8, 8, 1), np.float32)
    images[np.arange(64), :, place] = 1
    flat = images.reshape(64, -1) - images.reshape(64, -1).mean(0)
    energies = np.linalg.svd(flat, compute_uv=False) ** 2
    by_components = energies[2:].sum() / flat.size
    model = models.ConvAutoencoder(shape=(8, 8, 1), channels=(8,), code=2, output_activation="sigmoid")

    def squared_error(outputs, labels):
        return jnp.mean((outputs - labels) ** 2, axis=(1, 2, 3))

    data = {"inputs": images, "labels": images}
    task = train.supervised(model, squared_error, optax.adam(0.01), example=data)
    state = jax.jit(task.init)(KEY)
    state = jax.jit(lambda s: jax.lax.fori_loop(0, 300, lambda _, s: task.step(s, data)[0], s))(state)
    outputs = jax.jit(model.apply)({"params": state.params}, jnp.asarray(images))
    assert float(jnp.mean(squared_error(outputs, images))) < by_components


@pytest.mark.row(367)
@pytest.mark.parametrize("unpool", ["nearest", "nails"])
def test_the_first_reconstructions_are_not_larger_than_images(rng, unpool):
    inputs = jnp.asarray(rng.standard_normal((16, 8, 8, 2)), jnp.float32)

    def spread(**options):
        model = models.ConvAutoencoder(unpool=unpool, shape=(8, 8, 2), channels=(8, 16), code=16, **options)
        return float(jnp.std(model.apply(model.init(KEY, inputs), inputs)))

    assert spread() < 0.5
    assert spread(kernel_init="he_normal") > 2 * spread()
