"""dlx.optim: what the adaptive methods are for; state, dtype, transformations of every method."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.tolerances import assert_close

METHODS = {
    "sgd": optim.sgd,
    "momentum": optim.momentum,
    "nesterov": optim.nesterov,
    "adagrad": optim.adagrad,
    "rmsprop": optim.rmsprop,
    "rmsprop_momentum": lambda learning_rate: optim.rmsprop(learning_rate, momentum=0.9),
    "adadelta": lambda learning_rate: optim.adadelta(learning_rate=learning_rate),
    "adam": optim.adam,
    "amsgrad": lambda learning_rate: optim.adam(learning_rate, amsgrad=True),
    "adamw": lambda learning_rate: optim.adamw(learning_rate, weight_decay=0.0),
}
EVERY = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS.keys())


def bowl(point):
    return 0.1 * point[0] ** 2 + 2 * point[1] ** 2


def end(optimizer, steps=20):
    """Where 20 steps lead from (-5, -2)."""

    def body(_, carry):
        point, state = carry
        update, state = optimizer.update(jax.grad(bowl)(point), state, point)
        return point + update, state

    start = jnp.asarray([-5.0, -2.0])
    return jax.jit(lambda: jax.lax.fori_loop(0, steps, body, (start, optimizer.init(start)))[0])()


@pytest.mark.row(161, 172)
def test_one_rate_for_both_directions_is_too_small_or_too_large(x64):
    # the slopes are 0.2 x1 and 4 x2: factors 1 - 0.2 eta and 1 - 4 eta a step
    assert_close(end(optim.sgd(0.4)), [-5 * 0.92**20, -2 * (-0.6) ** 20])
    assert_close(end(optim.sgd(0.6)) / jnp.asarray([1.0, 1e3]), [-5 * 0.88**20, -2e-3 * (-1.4) ** 20])


# Six digits as Zhang et al. print them (Dive into Deep Learning, sections 12.6 to 12.9), same start, rates and 20 steps
@pytest.mark.parametrize(
    ("make", "want"),
    [
        pytest.param(lambda: optim.momentum(0.6, decay=0.5), [0.007188, 0.002553], marks=pytest.mark.row(164)),
        pytest.param(lambda: optim.momentum(0.6, decay=0.25), [-0.12634, -0.186632], marks=pytest.mark.row(164)),
        pytest.param(lambda: optim.adagrad(0.4), [-2.382563, -0.158591], id="adagrad", marks=pytest.mark.row(166)),
        pytest.param(lambda: optim.adagrad(2.0), [-0.002295, 0.0], id="faster", marks=pytest.mark.row(166)),
        pytest.param(lambda: optim.rmsprop(0.4), [-0.010599, 0.0], id="rmsprop", marks=pytest.mark.row(167)),
    ],
)  # fmt: skip
@pytest.mark.row(172)
def test_golden_ends(x64, make, want):
    np.testing.assert_allclose(end(make()), want, rtol=0, atol=5.1e-7)


@pytest.mark.row(166, 172)
def test_adagrad_walks_alike_along_both_directions_but_ever_slower(x64):
    # a constant gradient c: s_t = t c^2, so that the step is eta / sqrt(t) whatever c is
    g = jnp.asarray([1e-3, 1.0, 1e3])
    optimizer = optim.adagrad(0.5, eps=0.0)
    state = optimizer.init(g)
    for t in range(1, 6):
        update, state = optimizer.update(g, state)
        assert_close(update, np.full(3, -0.5 / np.sqrt(t)))


@pytest.mark.row(167, 168)
@pytest.mark.parametrize("momentum_of", ["step", "gradient"])
def test_rmsprop_keeps_its_step_where_adagrad_loses_it(x64, momentum_of):
    # a constant gradient: s -> g^2, v -> g or eta / (1 - mu), so that steps tend to eta or eta / (1 - mu)
    g = jnp.asarray([1e-3, 1e3])
    optimizer = optim.rmsprop(0.5, decay=0.5, eps=0.0, momentum=0.5, momentum_of=momentum_of)
    state = optimizer.init(g)
    for _ in range(60):
        update, state = optimizer.update(g, state)
    assert_close(update, np.full(2, -1.0 if momentum_of == "step" else -0.5))


@pytest.mark.row(168)
@pytest.mark.erratum("E39")
def test_the_notes_form_divides_the_velocity_entry_by_entry(x64):
    # r and v after two gradients, by hand: r = 0.1 g2^2 + 0.09 g1^2, v = 0.2 g2 + 0.16 g1
    first, second = np.asarray([1.0, -2.0]), np.asarray([0.5, 3.0])
    optimizer = optim.rmsprop(0.3, eps=0.0, momentum=0.8, momentum_of="gradient")
    state = optimizer.init(jnp.asarray(first))
    _, state = optimizer.update(jnp.asarray(first), state)
    update, _ = optimizer.update(jnp.asarray(second), state)
    r, v = 0.1 * second**2 + 0.09 * first**2, 0.2 * second + 0.16 * first
    assert_close(update, -0.3 / np.sqrt(r) * v)


@pytest.mark.row(169)
@pytest.mark.erratum("E40")
def test_adadelta_by_hand(x64):
    # g' of a step stands on the mean of squared changes of the step before, which begins at 0
    optimizer, eps, g = optim.adadelta(rho=0.9, eps=1e-2), 1e-2, 2.0
    state = optimizer.init(jnp.asarray([g]))
    one, state = optimizer.update(jnp.asarray([g]), state)
    first = np.sqrt(eps / (0.4 + eps)) * g
    assert_close(one, [-first])
    assert_close(state.change, [0.1 * first**2])
    two, _ = optimizer.update(jnp.asarray([g]), state)
    assert_close(two, [-np.sqrt((0.1 * first**2 + eps) / (0.9 * 0.4 + 0.4 + eps)) * g])


@pytest.mark.row(169)
def test_adadelta_has_the_units_of_the_parameters(x64):
    # a loss a thousand times as steep makes the same path, once the slopes have left eps behind
    ends = [end(optim.adadelta(eps=1e-6), 50)]
    scaled = optax.chain(optax.scale(1e3), optim.adadelta(eps=1e-6))
    np.testing.assert_allclose(end(scaled, 50), ends[0], rtol=1e-3)


@pytest.mark.row(166, 167, 168)
@pytest.mark.parametrize(
    "optimizer",
    [
        optim.adagrad(0.1, eps=0.0),
        optim.rmsprop(0.1, eps=0.0),
        optim.rmsprop(0.1, eps=0.0, momentum=0.9, momentum_of="gradient"),
        optim.rmsprop(0.1, eps=0.0, eps_in_sqrt=False),
    ],
)
def test_a_parameter_without_gradient_stands_without_epsilon(optimizer):
    g = jnp.asarray([0.0, 1.0])
    update, _ = optimizer.update(g, optimizer.init(g))
    assert update[0] == 0
    assert update[1] < 0


@pytest.mark.row(81, 163, 164, 166, 167, 169, 170)
@EVERY
def test_schedules_see_the_steps_done(x64, make):
    g = jnp.asarray([2.0])
    params = {"kernel": g}
    optimizer, first = make(lambda count: jnp.where(count < 2, 0.1, 0.0)), make(0.1)
    state, steps = optimizer.init(params), []
    for _ in range(3):
        update, state = optimizer.update(params, state, params)
        steps.append(float(update["kernel"][0]))
    assert state.count == 3
    assert steps[0] == pytest.approx(float(first.update(params, first.init(params), params)[0]["kernel"][0]))
    assert steps[1] < 0
    # with the rate inside the velocity v it rolls on, Nesterov's by one more factor; everything else stands
    rolls = {optim.momentum: 0.9 * steps[1], optim.nesterov: -(0.9**2) * (0.9 * 0.2 + 0.2)}
    rolls[METHODS["rmsprop_momentum"]] = 0.9 * steps[1]
    assert steps[2] == pytest.approx(rolls.get(make, 0.0))


@pytest.mark.row(163, 164, 166, 167, 169, 170)
@EVERY
def test_dtype_and_shapes_are_kept_and_nothing_compiles_twice(make):
    params = {"kernel": jnp.ones((2, 3), jnp.bfloat16), "bias": jnp.ones(3, jnp.float32)}
    optimizer = optax.inject_hyperparams(make, hyperparam_dtype=jnp.float32)(learning_rate=0.1)
    state = optimizer.init(params)
    traces = 0

    @jax.jit
    def update(gradient, state):
        nonlocal traces
        traces += 1
        return optimizer.update(gradient, state, params)

    updates, after = update(params, state)
    update(jax.tree.map(lambda g: 0.5 * g, params), after)
    assert traces == 1

    def kind(tree):
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)

    assert kind(updates) == kind(params)
    assert kind(after) == kind(state)
    inner = jax.tree.leaves(state.inner_state)
    assert sorted(leaf.shape for leaf in inner) == sorted([(), *[(2, 3), (3,)] * ((len(inner) - 1) // 2)])


@pytest.mark.row(163, 164, 166, 167, 169, 170)
@EVERY
def test_eager_is_jit_is_vmap_over_replicas(make, rng):
    optimizer = optax.inject_hyperparams(make)(learning_rate=0.1)
    rates, starts = jnp.asarray([0.1, 0.3, 0.0]), jnp.asarray(rng.standard_normal((3, 2)), jnp.float32)
    gradients = jnp.asarray(rng.standard_normal((2, 3, 2)), jnp.float32)

    def two_steps(rate, start, first, second):
        params = {"kernel": start}
        state = optimizer.init(params)
        state = state._replace(hyperparams={**state.hyperparams, "learning_rate": rate})
        one, state = optimizer.update({"kernel": first}, state, params)
        return one["kernel"], optimizer.update({"kernel": second}, state, params)[0]["kernel"]

    together = jax.jit(jax.vmap(two_steps))(rates, starts, *gradients)
    alone = two_steps(rates[1], starts[1], *gradients[:, 1])
    for one, many in zip(alone, together, strict=True):
        assert_close(many[1], one)
    assert not together[0][2].any()  # the replica of rate 0 stands
