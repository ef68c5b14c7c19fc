"""dlx.models: Linear and MLP."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from dlx import losses, models, nn, optim
from tests.proof import configurations
from tests.tolerances import assert_close, assert_network_close

KEY = jax.random.key(0)


def count(variables) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def double(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)


def torch_network(torch, params, activation):
    layers = []
    for name in sorted(params, key=lambda name: (name == "output", name)):
        kernel = np.array(params[name]["kernel"])
        layer = torch.nn.Linear(*kernel.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(kernel.T.copy()), torch.tensor(np.array(params[name]["bias"]))
        layers += [layer] if name == "output" else [layer, activation()]
    return torch.nn.Sequential(*layers)


@pytest.mark.row(2, 18, 63)
@configurations()
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_forward_and_gradients_equal_pytorch(rng, activation):
    torch = pytest.importorskip("torch")
    hidden = tuple(int(w) for w in rng.integers(2, 7, rng.integers(1, 4)))
    model = models.MLP(hidden=hidden, outputs=3, activation=activation)
    inputs, labels = rng.standard_normal((5, 2, 2)), rng.integers(0, 3, 5)
    with jax.enable_x64(True):
        params = double(jax.jit(model.init)(KEY, jnp.zeros((1, 2, 2)))["params"])
        # biases away from zero, so that they count
        params = jax.tree.map(lambda leaf: leaf + jnp.asarray(0.1 * rng.standard_normal(leaf.shape)), params)
        theirs = torch_network(torch, params, {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}[activation])

        def loss(params):
            logits = model.apply({"params": params}, jnp.asarray(inputs))
            return losses.reduce(losses.softmax_cross_entropy(logits, jnp.asarray(labels))), logits

        (value, logits), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
        out = theirs(torch.tensor(inputs.reshape(5, -1)))
        torch_loss = torch.nn.functional.cross_entropy(out, torch.tensor(labels))
        torch_loss.backward()
        assert_network_close(logits, out.detach().numpy())
        assert_network_close(value, torch_loss.item())
        linear = [layer for layer in theirs if isinstance(layer, torch.nn.Linear)]
        for layer, name in zip(linear, [*(f"hidden_{i}" for i in range(len(hidden))), "output"], strict=True):
            assert_network_close(gradient[name]["kernel"], layer.weight.grad.numpy().T)
            assert_network_close(gradient[name]["bias"], layer.bias.grad.numpy())


@pytest.mark.row(63)
def test_parameter_counts_of_the_docstrings():
    image = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)
    assert count(jax.eval_shape(models.MLP().init, KEY, image)) == 203_530
    assert count(jax.eval_shape(models.Linear().init, KEY, image)) == 7_850
    assert count(jax.eval_shape(models.Linear(use_bias=False).init, KEY, image)) == 7_840


@pytest.mark.row(2, 60)
def test_linear_is_affine_of_flattened_examples(x64, rng):
    model = models.Linear(4, kernel_init=nn.he_normal, bias_init="constant")
    inputs = jnp.asarray(rng.standard_normal((3, 2, 5)))
    variables = double(model.init(KEY, inputs))
    params = {"kernel": variables["params"]["kernel"], "bias": jnp.arange(4.0)}
    want = np.asarray(inputs).reshape(3, 10) @ np.asarray(params["kernel"]) + np.arange(4)
    assert_close(model.apply({"params": params}, inputs), want, kind="contraction")
    np.testing.assert_allclose(params["kernel"].std(), np.sqrt(2 / 10), rtol=0.5)


@pytest.mark.row(60, 64)
def test_softmax_regression_ends_where_scikit_learn_does(x64, rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = rng.standard_normal((30, 2)), rng.integers(0, 3, 30)
    model, decay = models.Linear(3, kernel_init="zeros", param_dtype=jnp.float64), 0.1
    params = model.init(KEY, jnp.asarray(x))["params"]
    optimizer = optim.create("momentum", 0.3, decay=0.8, l2=decay)

    def loss(params):
        return losses.reduce(
            losses.softmax_cross_entropy(model.apply({"params": params}, jnp.asarray(x)), jnp.asarray(y))
        )

    @jax.jit
    def fit(params):
        def body(_, carry):
            updates, state = optimizer.update(jax.grad(loss)(carry[0]), carry[1], carry[0])
            return jax.tree.map(jnp.add, carry[0], updates), state

        return jax.lax.fori_loop(0, 1000, body, (params, optimizer.init(params)))[0]

    # its C weighs the sum of losses against half the squared norm, biases left out: C = 1 / (n lambda)
    theirs = linear_model.LogisticRegression(C=1 / (30 * decay), tol=1e-10, max_iter=1000).fit(x, y)
    np.testing.assert_allclose(fit(params)["kernel"], theirs.coef_.T, atol=1e-6)  # its stopping rule


@pytest.mark.row(67)
def test_dropout_is_on_in_training_only():
    model = models.MLP(hidden=(64,), dropout=0.5)
    x = jnp.ones((4, 3))
    variables = jax.jit(model.init)(KEY, x)
    plain = models.MLP(hidden=(64,)).apply(variables, x)
    assert_close(model.apply(variables, x), plain)
    assert_close(model.apply(variables, x, rngs={"dropout": KEY}), plain)
    train = model.apply(variables, x, train=True, rngs={"dropout": KEY})
    assert_close(train, model.apply(variables, x, train=True, rngs={"dropout": KEY}))
    assert len(np.unique(np.asarray(train), axis=0)) == 4  # every example has its own mask
    assert_close(models.MLP(hidden=(64,)).apply(variables, x, train=True), plain)


@pytest.mark.row(67)
def test_dropout_does_not_depend_on_the_cut():
    x = jnp.arange(24.0).reshape(8, 3) / 24
    whole, cut = (models.MLP(hidden=(16, 16), dropout=0.5, axis_name=axis) for axis in (None, "data"))
    variables = jax.jit(whole.init)(KEY, x)

    def apply(model):
        return lambda variables, x: model.apply(variables, x, train=True, rngs={"dropout": KEY})

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    specs = (PartitionSpec(), PartitionSpec("data"))
    split = jax.shard_map(apply(cut), mesh=mesh, in_specs=specs, out_specs=PartitionSpec("data"))
    assert_close(jax.jit(split)(variables, x), jax.jit(apply(whole))(variables, x), kind="contraction")


@pytest.mark.row(63)
def test_intermediates_and_compute_dtype():
    model = models.MLP(hidden=[5, 4], activation="tanh", dtype=jnp.bfloat16)
    x = jnp.ones((2, 3))
    variables = jax.jit(model.init)(KEY, x)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(variables["params"])} == {"float32"}
    out, kept = model.apply(variables, x, mutable=["intermediates"])
    assert out.dtype == jnp.bfloat16
    (first,), (second,) = (kept["intermediates"][f"activation_{i}"] for i in range(2))
    assert (first.shape, second.shape) == ((2, 5), (2, 4))
    want = nn.tanh(nn.affine(x, **variables["params"]["hidden_0"]))
    assert_close(first, want, kind="contraction")


@pytest.mark.row(72)
def test_equal_units_move_as_one(x64, rng):
    """Four equal units by the program, one of them by hand: it is seen by the output as four times its weight."""
    x, y, value, units = rng.standard_normal((8, 3)), rng.integers(0, 2, 8), 0.1, 4
    model = models.MLP(hidden=(units,), outputs=2, activation="tanh", param_dtype=jnp.float64)
    first = model.init(KEY, jnp.asarray(x))["params"]
    params = jax.tree.map(lambda leaf: value * jnp.ones_like(leaf), first)

    @jax.jit
    def gradient(params):
        return jax.grad(
            lambda p: losses.reduce(
                losses.softmax_cross_entropy(model.apply({"params": p}, jnp.asarray(x)), jnp.asarray(y))
            )
        )(params)

    w, b, v, c = np.full(3, value), value, np.full(2, value), np.full(2, value)
    for _ in range(5):
        params = jax.tree.map(lambda p, g: p - 0.5 * g, params, gradient(params))
        h = np.tanh(x @ w + b)
        scores = np.exp(units * h[:, None] * v + c)
        error = (scores / scores.sum(1, keepdims=True) - np.eye(2)[y]) / 8
        back = (error @ v) * (1 - h**2)
        w, b, v, c = w - 0.5 * back @ x, b - 0.5 * back.sum(), v - 0.5 * h @ error, c - 0.5 * error.sum(0)
    assert_close(params["hidden_0"]["kernel"], np.repeat(w[:, None], units, 1), kind="path")
    assert_close(params["hidden_0"]["bias"], np.full(units, b), kind="path")
    assert_close(params["output"]["kernel"], np.repeat(v[None], units, 0), kind="path")
    assert_close(params["output"]["bias"], c, kind="path")


@pytest.mark.row(72)
def test_equal_initial_weights_leave_hidden_units_equal(rng):
    x, y = jnp.asarray(rng.standard_normal((8, 3)), jnp.float32), jnp.asarray(rng.integers(0, 2, 8))

    def spread(init):
        model, optimizer = models.MLP(hidden=(4,), outputs=2, activation="tanh", kernel_init=init), optim.sgd(0.5)
        params = jax.jit(model.init)(KEY, x)["params"]

        @jax.jit
        def step(params):
            gradient = jax.grad(lambda p: losses.reduce(losses.softmax_cross_entropy(model.apply({"params": p}, x), y)))
            return jax.tree.map(jnp.add, params, optimizer.update(gradient(params), optimizer.init(params))[0])

        for _ in range(5):
            params = step(params)
        return float(jnp.ptp(params["hidden_0"]["kernel"], axis=1).max())

    assert spread(lambda key, shape, dtype: nn.constant(key, shape, dtype, value=0.1)) < 1e-6
    assert spread("zeros") == 0
    assert spread(nn.normal) > 1e-3
