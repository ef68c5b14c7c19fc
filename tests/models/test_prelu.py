"""dlx.models: PReLU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import losses, models, nn, optim
from tests.tolerances import assert_close

KEY = jax.random.key(0)


@pytest.mark.row(9)
@pytest.mark.parametrize("per_channel", [False, True])
def test_prelu_equals_pytorch(x64, rng, per_channel):
    torch = pytest.importorskip("torch")
    x, target = rng.standard_normal((2, 5, 3))
    model = models.PReLU(per_channel=per_channel, param_dtype=jnp.float64)
    params = model.init(KEY, jnp.asarray(x))["params"]
    theirs = torch.nn.PReLU(3 if per_channel else 1, dtype=torch.float64)
    assert_close(params["alpha"], np.broadcast_to(0.25, (3,) if per_channel else ()))

    def loss(params):
        return losses.reduce(losses.squared_error(model.apply({"params": params}, jnp.asarray(x)), jnp.asarray(target)))

    value, gradient = jax.value_and_grad(loss)(params)
    want = ((theirs(torch.tensor(x)) - torch.tensor(target)) ** 2).sum(1).mean()
    want.backward()
    assert_close(value, want.item(), kind="contraction")
    slope_gradient = theirs.weight.grad.numpy()
    assert_close(gradient["alpha"], slope_gradient if per_channel else slope_gradient[0], kind="contraction")


@pytest.mark.row(9)
def test_prelu_finds_the_slope_of_the_data(rng):
    x = jnp.asarray(rng.standard_normal((64, 2)), jnp.float32)
    slopes = jnp.array([0.7, -0.4])
    model, optimizer = models.PReLU(), optim.sgd(0.5)
    params = model.init(KEY, x)["params"]

    @jax.jit
    def step(params):
        def loss(params):
            return losses.reduce(losses.squared_error(model.apply({"params": params}, x), nn.prelu(x, slopes)))

        return jax.tree.map(jnp.add, params, optimizer.update(jax.grad(loss)(params), optimizer.init(params))[0])

    for _ in range(60):
        params = step(params)
    np.testing.assert_allclose(params["alpha"], slopes, atol=1e-5)


@pytest.mark.row(9, 63)
def test_a_network_of_prelus(x64, rng):
    model = models.MLP(hidden=(4, 3), outputs=2, activation="prelu", param_dtype=jnp.float64)
    x = jnp.asarray(rng.standard_normal((5, 2)))
    params = model.init(KEY, x)["params"]
    assert {name: leaf["alpha"].shape for name, leaf in params.items() if name.startswith("slope")} == {
        "slope_0": (4,),
        "slope_1": (3,),
    }
    params = dict(params, slope_0={"alpha": jnp.array([0.1, -1.0, 0.0, 0.5])})
    out = nn.prelu(nn.affine(x, **params["hidden_0"]), params["slope_0"]["alpha"])
    out = nn.prelu(nn.affine(out, **params["hidden_1"]), jnp.full(3, 0.25))
    assert_close(model.apply({"params": params}, x), nn.affine(out, **params["output"]), kind="contraction")


def test_prelu_keeps_the_dtype_of_its_inputs():
    x = jnp.array([[-4.0, 2.0]], jnp.bfloat16)
    out, variables = models.PReLU(slope=0.5).init_with_output(KEY, x)
    assert out.tolist() == [[-2.0, 2.0]]
    assert out.dtype == jnp.bfloat16
    assert variables["params"]["alpha"].dtype == jnp.float32
