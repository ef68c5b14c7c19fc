"""dlx.optim: learning rates of their own for parts of the parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.optim.problems import network, walk
from tests.tolerances import assert_close


def start(rng):
    loss, params = network(rng)
    return loss, jax.tree.map(jnp.asarray, params)


def agree(got, want):
    jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), got, want)


@pytest.mark.row(173)
@pytest.mark.parametrize("factor", [0.001, 0.5])
def test_factors_are_optax_multi_transform(x64, rng, factor):
    loss, params = start(rng)
    ours = optax.chain(optim.adam(0.05), optim.groups({"^first/": factor}))
    labels = {"first": "slow", "second": "fast"}
    theirs = optax.multi_transform({"slow": optax.adam(0.05 * factor), "fast": optax.adam(0.05)}, labels)
    agree(walk(ours, loss, params), walk(theirs, loss, params))


@pytest.mark.row(173)
def test_optimizers_of_their_own(x64, rng):
    loss, params = start(rng)
    ours = optim.groups({"bias$": optim.sgd(0.1), "^first": optim.momentum(0.05)}, default=optim.adamw(0.02))
    labels = {"first": {"kernel": "m", "bias": "s"}, "second": {"kernel": "a", "bias": "s"}}
    theirs = optax.multi_transform(
        {"s": optax.sgd(0.1), "m": optax.sgd(0.05, momentum=0.9), "a": optax.adamw(0.02, weight_decay=0.01)}, labels
    )
    agree(walk(ours, loss, params), walk(theirs, loss, params))
    # the moments of a group are shaped as its own parameters alone
    shapes = [[leaf.shape for leaf in jax.tree.leaves(state)] for state in ours.init(params).inner]
    assert shapes == [[()], [(), (3, 4)], [(), (4, 2), (4, 2)]]


@pytest.mark.row(173)
def test_ratio_of_a_thousand(x64, rng):
    _, params = start(rng)
    optimizer = optax.chain(optim.sgd(1.0), optim.groups({"^second/": 1.0}, default=1e-3))
    update = optimizer.update(params, optimizer.init(params), params)[0]
    assert_close(update["first"]["kernel"], -1e-3 * params["first"]["kernel"])
    assert_close(update["second"]["kernel"], -params["second"]["kernel"])


@pytest.mark.row(173)
def test_zero_freezes_even_against_nan(x64, rng):
    loss, params = start(rng)
    frozen = walk(optax.chain(optim.adam(0.05), optim.groups({"^first/": 0.0})), loss, params, 20)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), frozen["first"], params["first"]))
    assert not np.allclose(frozen["second"]["kernel"], params["second"]["kernel"])
    optimizer = optim.groups({"^first/": 0.0})
    broken = {**params, "first": jax.tree.map(lambda p: jnp.nan * p, params["first"])}
    update = optimizer.update(broken, optimizer.init(params))[0]
    assert not any(leaf.any() for leaf in jax.tree.leaves(update["first"]))


@pytest.mark.row(173)
def test_the_first_pattern_counts_and_factors_may_be_traced(rng):
    params = {"a": {"kernel": jnp.ones(2), "bias": jnp.ones(2)}, "b": [jnp.ones(2, jnp.bfloat16)]}

    @jax.jit
    def update(factor, params):
        optimizer = optim.groups({"^a/bias$": factor, "^a/": 2.0, "^b/0$": 3.0})
        return optimizer.update(params, optimizer.init(params))[0]

    got = update(jnp.asarray(5.0), params)
    assert (got["a"]["bias"][0], got["a"]["kernel"][0], got["b"][0][0]) == (5, 2, 3)
    assert got["b"][0].dtype == jnp.bfloat16
    many = jax.vmap(update, (0, None))(jnp.asarray([0.0, 1.0]), params)
    assert_close(many["a"]["bias"], [[0, 0], [1, 1]])


def test_groups_nest_and_hand_on_what_an_optimizer_needs(x64):
    params = {"a": {"kernel": jnp.ones(2), "bias": jnp.ones(2)}, "b": jnp.ones(1)}
    inner = optim.groups({"bias": 0.5})
    outer = optim.groups({"^a/": inner, "^b": optax.scale_by_polyak()})

    state = outer.init(params)
    update, _ = outer.update(params, state, params, value=0.25)
    assert (update["a"]["bias"][0], update["a"]["kernel"][0]) == (0.5, 1)
    assert_close(update["b"], [0.25])  # Polyak's step, value / ||g||^2
