"""dlx.optim: every method walks the paths of optax, PyTorch and its paper's formula for 100 steps."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.optim.problems import network, numpy_walk, together, torch_walk, walk
from tests.reference import optimizers as reference
from tests.tolerances import assert_close

RATE = 0.05
row = pytest.mark.row


def polyak(nesterov=False):
    return optax.sgd(RATE, momentum=0.9, nesterov=nesterov)


def averaged(nesterov=False):
    # the mean of gradients is the trace of (1 - decay) times the gradients
    return optax.chain(optax.scale(0.2), optax.sgd(RATE, momentum=0.8, nesterov=nesterov))


def optax_outside(initial):
    # eps_in_sqrt=False with a sum is a mean of decay 1 without its weight, which optax lacks: eps = 0 says as much
    return optax.adagrad(RATE, initial_accumulator_value=initial, eps=0.0)


def rmsprop_outside(momentum=None):
    return optax.rmsprop(RATE, decay=0.8, eps=0.2, eps_in_sqrt=False, momentum=momentum)


def amsgrad_uncorrected():
    return optax.chain(
        optax.scale_by_amsgrad(b2=0.9, bias_correction_mu=False, bias_correction_nu=False),
        optax.scale_by_learning_rate(RATE),
    )


# ours, optax's, PyTorch's, from the paper; None where a library has another convention or nothing
CASES = {
    "sgd": (
        lambda: optim.sgd(RATE),
        lambda: optax.sgd(RATE),
        lambda t, p: t.SGD(p, lr=RATE),
        reference.momentum(RATE, 0.0),
    ),
    "heavy_ball": (
        lambda: optim.momentum(RATE),
        polyak,
        lambda t, p: t.SGD(p, lr=RATE, momentum=0.9),
        reference.momentum(RATE),
    ),
    "heavy_ball_nesterov": (
        lambda: optim.nesterov(RATE),
        lambda: polyak(nesterov=True),
        lambda t, p: t.SGD(p, lr=RATE, momentum=0.9, nesterov=True),
        reference.momentum(RATE, nesterov=True),
    ),
    "ema": (
        lambda: optim.momentum(RATE, decay=0.8, kind="ema"),
        averaged,
        None,
        reference.momentum(RATE, 0.8, "ema"),
    ),
    "ema_nesterov": (
        lambda: optim.nesterov(RATE, decay=0.8, kind="ema"),
        lambda: averaged(nesterov=True),
        None,
        reference.momentum(RATE, 0.8, "ema", nesterov=True),
    ),
    "adagrad": (
        lambda: optim.adagrad(RATE, eps=1e-2),
        lambda: optax.adagrad(RATE, initial_accumulator_value=0.0, eps=1e-2),
        None,
        reference.adagrad(RATE, 1e-2),
    ),
    "adagrad_initial": (
        lambda: optim.adagrad(RATE, eps=0.0, initial=0.1),
        lambda: optax_outside(0.1),
        lambda t, p: t.Adagrad(p, lr=RATE, initial_accumulator_value=0.1, eps=0.0),
        reference.adagrad(RATE, 0.0, 0.1),
    ),
    "adagrad_outside": (
        lambda: optim.adagrad(RATE, eps=1e-2, eps_in_sqrt=False),
        None,
        lambda t, p: t.Adagrad(p, lr=RATE, eps=1e-2),
        reference.adagrad(RATE, 1e-2, inside=False),
    ),
    "rmsprop": (
        lambda: optim.rmsprop(RATE, decay=0.8, eps=1e-2),
        lambda: optax.rmsprop(RATE, decay=0.8, eps=1e-2),
        None,
        reference.rmsprop(RATE, 0.8, 1e-2),
    ),
    "rmsprop_momentum": (
        lambda: optim.rmsprop(RATE, decay=0.8, eps=1e-2, momentum=0.7),
        lambda: optax.rmsprop(RATE, decay=0.8, eps=1e-2, momentum=0.7),
        None,
        reference.rmsprop(RATE, 0.8, 1e-2, mu=0.7),
    ),
    "rmsprop_outside": (
        lambda: optim.rmsprop(RATE, decay=0.8, eps=0.2, eps_in_sqrt=False),
        rmsprop_outside,
        lambda t, p: t.RMSprop(p, lr=RATE, alpha=0.8, eps=0.2),
        reference.rmsprop(RATE, 0.8, 0.2, inside=False),
    ),
    "rmsprop_outside_momentum": (
        lambda: optim.rmsprop(RATE, decay=0.8, eps=0.2, eps_in_sqrt=False, momentum=0.7),
        lambda: rmsprop_outside(0.7),
        lambda t, p: t.RMSprop(p, lr=RATE, alpha=0.8, eps=0.2, momentum=0.7),
        reference.rmsprop(RATE, 0.8, 0.2, inside=False, mu=0.7),
    ),
    "rmsprop_of_velocity": (
        lambda: optim.rmsprop(RATE, decay=0.99, eps=0.0, momentum=0.8, momentum_of="gradient"),
        None,
        None,
        reference.rmsprop(RATE, 0.99, 0.0, mu=0.8, of="gradient"),
    ),
    "adadelta": (
        lambda: optim.adadelta(),
        lambda: optax.adadelta(1.0, rho=0.9, eps=1e-6),
        lambda t, p: t.Adadelta(p),
        reference.adadelta(),
    ),
    "adadelta_rate": (
        lambda: optim.adadelta(learning_rate=0.5, rho=0.8, eps=1e-2),
        lambda: optax.adadelta(0.5, rho=0.8, eps=1e-2),
        lambda t, p: t.Adadelta(p, lr=0.5, rho=0.8, eps=1e-2),
        reference.adadelta(0.8, 1e-2, 0.5),
    ),
    "adam": (
        lambda: optim.adam(RATE),
        lambda: optax.adam(RATE),
        lambda t, p: t.Adam(p, lr=RATE),
        reference.adam(RATE),
    ),
    "adam_options": (
        lambda: optim.adam(RATE, b1=0.8, b2=0.99, eps=1e-3),
        lambda: optax.adam(RATE, b1=0.8, b2=0.99, eps=1e-3),
        lambda t, p: t.Adam(p, lr=RATE, betas=(0.8, 0.99), eps=1e-3),
        reference.adam(RATE, 0.8, 0.99, 1e-3),
    ),
    "adam_uncorrected": (
        lambda: optim.adam(RATE, b2=0.9, bias_correction=False),
        None,
        None,
        reference.adam(RATE, b2=0.9, correct=False),
    ),
    "amsgrad": (
        lambda: optim.adam(RATE, b2=0.9, amsgrad=True),
        lambda: optax.amsgrad(RATE, b2=0.9),
        None,
        reference.adam(RATE, b2=0.9, amsgrad="corrected"),
    ),
    "amsgrad_uncorrected": (
        lambda: optim.adam(RATE, b2=0.9, bias_correction=False, amsgrad=True),
        amsgrad_uncorrected,
        None,
        reference.adam(RATE, b2=0.9, correct=False, amsgrad="raw"),
    ),
    "adamw": (
        lambda: optim.adamw(RATE, weight_decay=0.1, mask="all"),
        lambda: optax.adamw(RATE, weight_decay=0.1),
        lambda t, p: t.AdamW(p, lr=RATE, weight_decay=0.1),
        reference.adam(RATE, decay=0.1),
    ),
}
NAMES = [
    pytest.param("sgd", marks=row(163)),
    pytest.param("heavy_ball", marks=row(164)),
    pytest.param("heavy_ball_nesterov", marks=row(164)),
    pytest.param("ema", marks=row(165)),
    pytest.param("ema_nesterov", marks=row(165)),
    pytest.param("adagrad", marks=row(166)),
    pytest.param("adagrad_initial", marks=row(166)),
    pytest.param("adagrad_outside", marks=row(166)),
    pytest.param("rmsprop", marks=row(167)),
    pytest.param("rmsprop_momentum", marks=row(167)),
    pytest.param("rmsprop_outside", marks=row(167)),
    pytest.param("rmsprop_outside_momentum", marks=row(167)),
    pytest.param("rmsprop_of_velocity", marks=row(168)),
    pytest.param("adadelta", marks=row(169)),
    pytest.param("adadelta_rate", marks=row(169)),
    pytest.param("adam", marks=row(170)),
    pytest.param("adam_options", marks=row(170)),
    pytest.param("adam_uncorrected", marks=row(171)),
    pytest.param("amsgrad", marks=row(170)),
    pytest.param("amsgrad_uncorrected", marks=row(170)),
    pytest.param("adamw", marks=row(170)),
]


def agree(got, want):
    jax.tree.map(lambda a, b: assert_close(a, b, kind="path"), got, want)


@pytest.mark.erratum("E38", "E39", "E40", "E41")
@pytest.mark.gap("U7")
@pytest.mark.parametrize("name", NAMES)
def test_path(x64, name):
    ours, theirs, in_torch, from_paper = CASES[name]
    loss, gradient, start = together("float64")
    path = walk(ours(), loss, start)
    moved = jax.tree.map(lambda a, b: float(jnp.max(jnp.abs(a - b))), path, start)
    for problem in moved.values():
        assert max(jax.tree.leaves(problem)) > 0.1  # somewhere has been gone to
    agree(path, numpy_walk(from_paper, gradient, start))
    if theirs is not None:
        agree(path, walk(theirs(), loss, start))
    if in_torch is not None:
        torch = pytest.importorskip("torch")
        agree(path, torch_walk(lambda parameters: in_torch(torch.optim, parameters), gradient, start))


@pytest.mark.parametrize("name", [case for case in NAMES if CASES[case.values[0]][1] is not None])
def test_path_in_float32(name):
    ours, theirs, *_ = CASES[name]
    loss, _, start = together("float32")
    path = walk(ours(), loss, start)
    assert {leaf.dtype for leaf in jax.tree.leaves(path)} == {jnp.dtype("float32")}
    # optax takes 1 - b2^t literally, which at b2 = 0.999 leaves five digits: its path is 4e-6 from the float64 one
    factor = 8.0 if name in ("adam", "adamw") else 1.0
    jax.tree.map(lambda a, b: assert_close(a, b, kind="path", factor=factor), path, walk(theirs(), loss, start))


@pytest.mark.row(170)
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_in_float32_only_the_correction_parts_ours_from_optax(name, monkeypatch):
    """With 1 - b2^t taken literally, ours is within the table's 1e-6 of theirs too."""
    ours, theirs, *_ = CASES[name]
    monkeypatch.setattr(sys.modules["dlx.optim.adam"], "weight", lambda decay, count: 1 - jnp.float32(decay) ** count)
    loss, _, start = together("float32")
    agree(walk(ours(), loss, start), walk(theirs(), loss, start))


@pytest.mark.row(170)
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_float32_walks_as_float64(name):
    loss, _, start = together("float32")
    path = walk(CASES[name][0](), loss, start)
    with jax.enable_x64(True):
        loss, _, start = together("float64")
        want = walk(CASES[name][0](), loss, start)
    agree(path, want)


@pytest.mark.row(165)
@pytest.mark.erratum("E38")
def test_the_mean_is_a_heavy_ball_of_a_smaller_rate(x64, rng):
    loss, start = network(rng)
    start = jax.tree.map(jnp.asarray, start)
    mean = walk(optim.momentum(0.5, decay=0.9, kind="ema"), loss, start)
    agree(mean, walk(optim.momentum(0.05, decay=0.9), loss, start))


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
