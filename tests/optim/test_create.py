"""dlx.optim: optimizers by name, with their learning rate in the state; weight decay."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, nn, optim
from dlx.optim.create import optax_names
from tests.optim.problems import network, walk
from tests.tolerances import assert_close


def start(rng):
    loss, params = network(rng)
    return loss, jax.tree.map(jnp.asarray, params)


@pytest.mark.row(163, 164, 170)
@pytest.mark.parametrize(
    ("name", "options", "direct"),
    [
        ("sgd", {}, optim.sgd(0.1)),
        ("momentum", {"decay": 0.8, "kind": "ema"}, optim.momentum(0.1, decay=0.8, kind="ema")),
        ("adam", {"bias_correction": False, "inject": ("b1",)}, optim.adam(0.1, bias_correction=False)),
        ("nesterov", {"decay": 0.8}, optim.nesterov(0.1, decay=0.8)),
        ("adagrad", {"initial": 0.1}, optim.adagrad(0.1, initial=0.1)),
        (
            "rmsprop",
            {"momentum": 0.5, "momentum_of": "gradient"},
            optim.rmsprop(0.1, momentum=0.5, momentum_of="gradient"),
        ),
        ("adadelta", {"rho": 0.8, "inject": ("rho",)}, optim.adadelta(learning_rate=0.1, rho=0.8)),
        ("adamw", {"weight_decay": 0.1}, optim.adamw(0.1, weight_decay=0.1)),
        ("optax.adamw", {"weight_decay": 0.1}, optax.adamw(0.1, weight_decay=0.1)),
        ("sgd", {"l2": 0.3}, optax.chain(optim.weight_decay(0.3), optim.sgd(0.1))),
    ],
)
def test_created_optimizers_walk_as_the_direct_ones(x64, rng, name, options, direct):
    loss, params = start(rng)
    created = optim.create(name, 0.1, **options)
    got, want = walk(created, loss, params, 20), walk(direct, loss, params, 20)
    jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), got, want)


@pytest.mark.row(163)
def test_the_learning_rate_lies_in_the_state_and_can_be_replaced(rng):
    params = {"kernel": jnp.ones(2)}
    optimizer = optim.create("adam", 0.1, inject=("b1",))
    state = optimizer.init(params)
    assert_close(state.hyperparams["learning_rate"], 0.1)
    assert state.hyperparams.keys() == {"learning_rate", "b1"}

    @jax.vmap
    def first_step(rate):
        own = state._replace(hyperparams={**state.hyperparams, "learning_rate": rate})
        return optimizer.update(params, own, params)[0]["kernel"][0]

    # g / (sqrt(g^2) + eps) of Adam is 1 - 1e-8, and float32 rounds the two corrections: some units in the last place
    assert_close(first_step(jnp.array([0.1, 0.2, 0.0])), [-0.1, -0.2, 0.0])


@pytest.mark.row(163)
def test_a_schedule_is_shown_in_the_state():
    optimizer = optim.create("sgd", lambda count: 0.5 ** (count + 1))
    state = optimizer.init(jnp.ones(1))
    rates = []
    for _ in range(3):
        update, state = optimizer.update(jnp.ones(1), state)
        rates.append(-float(update[0]))
        assert float(state.hyperparams["learning_rate"]) == rates[-1]
    assert rates == [0.5, 0.25, 0.125]


@pytest.mark.parametrize("name", ["optax.adafactor", "optax.lamb", "optax.lion", "optax.rmsprop", "optax.radam"])
def test_optax_by_name(name):
    params = {"kernel": jnp.ones((2, 2))}
    optimizer = optim.create(name, 0.1)
    updates, state = jax.jit(optimizer.update)(params, optimizer.init(params), params)
    assert_close(state.hyperparams["learning_rate"], 0.1)
    assert (updates["kernel"] < 0).all()


def test_what_needs_more_than_gradients_is_not_offered():
    assert {"optax.adamw", "optax.sgd", "optax.rmsprop", "optax.lars"} <= set(optax_names())
    assert "optax.lbfgs" not in optax_names()


@pytest.mark.row(64)
def test_weight_decay_is_the_gradient_of_the_penalty_without_biases(x64, rng):
    _, params = start(rng)

    def penalty(params):
        return 0.15 * sum(jnp.sum(layer["kernel"] ** 2) for layer in params.values())

    decay, zero = optim.weight_decay(0.3), jax.tree.map(jnp.zeros_like, params)
    got, _ = decay.update(zero, decay.init(params), params)
    jax.tree.map(assert_close, got, jax.grad(penalty)(params))
    everything = optim.weight_decay(0.3, mask="all").update(zero, None, params)[0]
    jax.tree.map(lambda a, w: assert_close(a, 0.3 * w), everything, params)
    biases = optim.weight_decay(0.3, mask=lambda p: jax.tree.map(lambda w: w.ndim == 1, p))
    assert_close(biases.update(zero, None, params)[0]["first"]["bias"], 0.3 * params["first"]["bias"])
    assert not biases.update(zero, None, params)[0]["first"]["kernel"].any()


@pytest.mark.row(64)
def test_descent_with_weight_decay_ends_in_ridge_regression(x64, rng):
    x, y, rate = jnp.asarray(rng.standard_normal((20, 3))), jnp.asarray(rng.standard_normal(20)), 0.4

    def loss(params):
        return losses.reduce(losses.squared_error(nn.affine(x, params["kernel"])[:, 0], y, half=True))

    got = walk(optim.create("sgd", 0.3, l2=rate), loss, {"kernel": jnp.zeros((3, 1))}, 500)["kernel"][:, 0]
    # the mean over n examples: (X^T X + n lambda I)^-1 X^T y
    assert_close(got, np.linalg.solve(x.T @ x + 20 * rate * np.eye(3), x.T @ y))
