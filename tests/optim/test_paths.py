"""dlx.optim: sgd, momentum and adam walk the paths of optax and PyTorch for 100 steps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.optim.problems import PROBLEMS, network, quadratic, torch_walk, walk
from tests.tolerances import assert_close

RATE = 0.05


def polyak(nesterov=False):
    return optax.sgd(RATE, momentum=0.9, nesterov=nesterov)


def averaged(nesterov=False):
    # the mean of gradients is the trace of (1 - decay) times the gradients
    return optax.chain(optax.scale(0.2), optax.sgd(RATE, momentum=0.8, nesterov=nesterov))


def uncorrected():
    """From the paper's algorithm 1 with lines 9 and 10 left out."""

    def init(params):
        return jax.tree.map(lambda p: (jnp.zeros_like(p), jnp.zeros_like(p)), params)

    def update(g, state, params=None):
        moments = jax.tree.map(lambda g, vs: (0.9 * vs[0] + 0.1 * g, 0.999 * vs[1] + 0.001 * g**2), g, state)
        steps = jax.tree.map(lambda g, vs: -RATE * vs[0] / (jnp.sqrt(vs[1]) + 1e-8), g, moments)
        return steps, moments

    return optax.GradientTransformation(init, update)


CASES = {
    "sgd": (lambda: optim.sgd(RATE), lambda: optax.sgd(RATE), lambda t, p: t.SGD(p, lr=RATE)),
    "heavy_ball": (lambda: optim.momentum(RATE), polyak, lambda t, p: t.SGD(p, lr=RATE, momentum=0.9)),
    "heavy_ball_nesterov": (
        lambda: optim.momentum(RATE, nesterov=True),
        lambda: polyak(nesterov=True),
        lambda t, p: t.SGD(p, lr=RATE, momentum=0.9, nesterov=True),
    ),
    "ema": (lambda: optim.momentum(RATE, decay=0.8, kind="ema"), averaged, None),
    "ema_nesterov": (
        lambda: optim.momentum(RATE, decay=0.8, kind="ema", nesterov=True),
        lambda: averaged(nesterov=True),
        None,
    ),
    "adam": (lambda: optim.adam(RATE), lambda: optax.adam(RATE), lambda t, p: t.Adam(p, lr=RATE)),
    "adam_options": (
        lambda: optim.adam(RATE, b1=0.8, b2=0.99, eps=1e-3),
        lambda: optax.adam(RATE, b1=0.8, b2=0.99, eps=1e-3),
        lambda t, p: t.Adam(p, lr=RATE, betas=(0.8, 0.99), eps=1e-3),
    ),
    "adam_uncorrected": (lambda: optim.adam(RATE, bias_correction=False), uncorrected, None),
}
ROWS = {"sgd": 163, "heavy_ball": 164, "heavy_ball_nesterov": 164, "ema": 165, "ema_nesterov": 165}
NAMED = [
    pytest.param(*case, id=name, marks=[pytest.mark.row(ROWS.get(name, 171 if "uncorrected" in name else 170))])
    for name, case in CASES.items()
]


@pytest.mark.erratum("E38", "E41")
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("ours", "theirs", "in_torch"), NAMED)
def test_path(rng, problem, ours, theirs, in_torch):
    loss, start = problem(rng)
    with jax.enable_x64(True):
        start64 = jax.tree.map(jnp.asarray, start)
        path = walk(ours(), loss, start64)
        moved = jax.tree.map(lambda a, b: float(jnp.max(jnp.abs(a - b))), path, start64)
        assert max(jax.tree.leaves(moved)) > 0.1  # somewhere has been gone to
        jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), path, walk(theirs(), loss, start64))
        if in_torch is not None:
            torch = pytest.importorskip("torch")
            want = torch_walk(lambda parameters: in_torch(torch.optim, parameters), loss, start64)
            jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), path, want)


@pytest.mark.row(163, 164, 170)
@pytest.mark.parametrize("name", ["sgd", "heavy_ball", "adam"])
def test_path_in_float32(rng, name):
    loss, start = quadratic(rng)
    start = {"kernel": jnp.asarray(start["kernel"], jnp.float32)}
    loss32 = _in_float32(loss)
    ours, theirs, _ = CASES[name]
    got = walk(ours(), loss32, start)["kernel"]
    assert got.dtype == jnp.float32
    assert_close(got, walk(theirs(), loss32, start)["kernel"], kind="path")


def _in_float32(loss):
    return lambda params: loss(params).astype(jnp.float32)


@pytest.mark.row(165)
@pytest.mark.erratum("E38")
def test_the_mean_is_a_heavy_ball_of_a_smaller_rate(x64, rng):
    loss, start = network(rng)
    start = jax.tree.map(jnp.asarray, start)
    mean = walk(optim.momentum(0.5, decay=0.9, kind="ema"), loss, start)
    ball = walk(optim.momentum(0.05, decay=0.9), loss, start)
    jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), mean, ball)


@pytest.mark.row(162, 163)
def test_minibatch_gradients_are_unbiased_and_vary_as_one_over_the_size(rng):
    examples = rng.standard_normal(6)
    every_pair = np.array([(a + b) / 2 for a in examples for b in examples])  # drawn with replacement
    assert every_pair.mean() == pytest.approx(examples.mean())
    assert every_pair.var() == pytest.approx(examples.var() / 2)
    update, _ = optim.sgd(0.5).update({"w": jnp.asarray(examples[0])}, optim.sgd(0.5).init({}))
    assert_close(update["w"], -0.5 * examples[0])


@pytest.mark.row(170, 171)
@pytest.mark.erratum("E41")
def test_first_step_of_adam(x64, rng):
    g = jnp.asarray(rng.standard_normal(5))
    corrected = optim.adam(0.1, eps=0.0)
    update, state = corrected.update(g, corrected.init(g))
    assert_close(update, -0.1 * np.sign(g))
    assert_close(state.mean, 0.1 * g)
    plain = optim.adam(0.1, eps=0.0, bias_correction=False)
    assert_close(plain.update(g, plain.init(g))[0], -0.1 * 0.1 / np.sqrt(0.001) * np.sign(g))


@pytest.mark.row(171)
def test_corrected_moments_of_a_constant_gradient_are_that_gradient(x64):
    optimizer, g = optim.adam(0.1, eps=0.0), jnp.asarray([3.0])
    state = optimizer.init(g)
    for t in range(1, 6):
        update, state = optimizer.update(g, state)
        assert_close(state.mean / (1 - 0.9**t), g)
        assert_close(state.square / (1 - 0.999**t), g**2)
        assert_close(update, [-0.1])


@pytest.mark.row(163, 164, 170)
@pytest.mark.parametrize("make", [optim.sgd, optim.momentum, optim.adam])
def test_schedules(x64, make):
    g = jnp.asarray([2.0])
    optimizer = make(lambda count: jnp.where(count < 2, 0.1, 0.0))
    state, updates = optimizer.init(g), []
    for _ in range(3):
        update, state = optimizer.update(g, state)
        updates.append(float(update[0]))
    assert state.count == 3
    assert updates[1] < 0  # the schedule sees the steps done: 0, 1, 2
    first = make(0.1)
    assert updates[0] == pytest.approx(float(first.update(g, first.init(g))[0][0]))
    # a heavy ball rolls on with what it has, everything else stands
    if make is optim.momentum:
        assert updates[2] == pytest.approx(0.9 * updates[1])
    else:
        assert updates[2] == 0


@pytest.mark.row(163, 164, 170)
@pytest.mark.parametrize("make", [optim.sgd, optim.momentum, optim.adam])
def test_dtype_is_kept(make):
    params = {"kernel": jnp.ones(3, jnp.bfloat16)}
    optimizer = optax.inject_hyperparams(make, hyperparam_dtype=jnp.float32)(learning_rate=0.1)
    state = optimizer.init(params)
    updates, after = jax.jit(optimizer.update)(params, state, params)
    assert updates["kernel"].dtype == jnp.bfloat16
    assert jax.tree.map(lambda a: a.dtype, after) == jax.tree.map(lambda a: a.dtype, state)
