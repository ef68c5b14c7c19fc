"""dlx.optim: schedules against optax's and PyTorch's, and the sums that Robbins and Monro ask for."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.tolerances import assert_close

STEPS = np.arange(60)


def exponential(t):
    return 0.3 * 0.9 ** (t / 7)


def in_torch(make):
    """Rates of a scheduler of torch.optim.lr_scheduler."""

    def rates():
        torch = pytest.importorskip("torch")
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        scheduler, found = make(torch.optim.lr_scheduler, optimizer), []
        for _ in STEPS:
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    return rates


def of(schedule):
    return lambda: [float(schedule(int(t))) for t in STEPS]


CASES = {
    "constant": (optim.constant_schedule(0.3), [of(optax.constant_schedule(0.3))]),
    "inverse_time": (
        optim.inverse_time_schedule(0.3, decay=0.1),
        [in_torch(lambda s, o: s.LambdaLR(o, lambda t: 1 / (1 + 0.1 * t)))],
    ),
    "inverse_root": (optim.inverse_time_schedule(0.3, power=0.5), [lambda: [0.3 / math.sqrt(1 + t) for t in STEPS]]),
    "exponential": (
        optim.exponential_schedule(0.3, decay=0.9, steps=7),
        [
            of(optax.exponential_decay(0.3, transition_steps=7, decay_rate=0.9)),
            in_torch(lambda s, o: s.ExponentialLR(o, 0.9 ** (1 / 7))),
        ],
    ),
    "step": (
        optim.step_schedule(0.3, every=7, decay=0.5),
        [
            of(optax.exponential_decay(0.3, transition_steps=7, decay_rate=0.5, staircase=True)),
            in_torch(lambda s, o: s.StepLR(o, 7, 0.5)),
        ],
    ),
    "linear": (
        optim.polynomial_schedule(0.3, steps=40, end=0.03),
        [
            of(optax.linear_schedule(0.3, 0.03, 40)),
            in_torch(lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=40)),
        ],
    ),
    "polynomial": (
        optim.polynomial_schedule(0.3, steps=40, power=2.5),
        [
            of(optax.polynomial_schedule(0.3, 0.0, 2.5, 40)),
            in_torch(lambda s, o: s.PolynomialLR(o, total_iters=40, power=2.5)),
        ],
    ),
    "cosine": (
        optim.cosine_schedule(0.3, steps=59, end=0.03),
        [
            of(optax.cosine_decay_schedule(0.3, 59, alpha=0.1)),
            in_torch(lambda s, o: s.CosineAnnealingLR(o, T_max=59, eta_min=0.03)),
        ],
    ),
    "warmup": (
        optim.warmup_schedule(optim.cosine_schedule(0.3, steps=30), steps=10, start=0.01),
        [of(optax.warmup_cosine_decay_schedule(0.01, 0.3, 10, 40))],
    ),
    "join": (
        optim.join_schedules(
            [optim.constant_schedule(0.3), optim.step_schedule(0.2, every=3), optim.constant_schedule(0.1)], [5, 20]
        ),
        [
            of(
                optax.join_schedules(
                    [
                        optax.constant_schedule(0.3),
                        optax.exponential_decay(0.2, 3, 0.1, staircase=True),
                        optax.constant_schedule(0.1),
                    ],
                    [5, 20],
                )
            )
        ],
    ),
    "one_cycle": (
        optim.one_cycle_schedule(0.3, steps=50),
        [of(optax.cosine_onecycle_schedule(50, 0.3))],
    ),
}


@pytest.mark.row(81)
@pytest.mark.parametrize("name", CASES)
def test_schedule(x64, name):
    schedule, references = CASES[name]
    together = jax.jit(jax.vmap(schedule))(jnp.asarray(STEPS))
    for reference in references:
        assert_close(together, reference())
    for count in (0, 7, 55):
        assert_close(schedule(count), together[count])  # a Python int, or an array
        assert jnp.shape(schedule(jnp.asarray(count))) == ()


@pytest.mark.row(81)
def test_schedules_in_float32_keep_the_dtype():
    for schedule, _ in CASES.values():
        assert jnp.asarray(schedule(jnp.asarray(3))).dtype == jnp.float32
    # a boundary late in training: t / every would be 3 - 2e-8 in float32
    step = optim.step_schedule(1.0, every=7_777_777, decay=0.5)
    assert_close(
        [step(jnp.asarray(3 * 7_777_777 - 1)), step(jnp.asarray(3 * 7_777_777))], [0.25, 0.125], dtype="float32"
    )


@pytest.mark.row(81)
def test_pytorchs_one_cycle_is_one_step_ahead(x64):
    torch_rates = in_torch(lambda s, o: s.OneCycleLR(o, 0.3, total_steps=60, cycle_momentum=False, pct_start=0.3))()
    ours = of(optim.one_cycle_schedule(0.3, steps=60))()
    assert_close(max(torch_rates), max(ours))
    assert np.argmax(torch_rates) == np.argmax(ours) - 1


@pytest.mark.row(81)
def test_sums_of_robbins_and_monro(x64):
    """sum eta_t = infinity for p <= 1, sum eta_t^2 finite for p > 1/2: doubling T adds a constant, or ever less."""
    ends = 2 ** np.arange(6, 15)

    def growth(power, exponent):
        rates = np.asarray(jax.vmap(optim.inverse_time_schedule(1.0, power=power))(jnp.arange(ends[-1]))) ** exponent
        return np.diff([rates[:end].sum() for end in ends])

    np.testing.assert_allclose(growth(1.0, 1)[-1], math.log(2), rtol=1e-3)  # 1 + 1/2 + 1/3 + ... ~ log T
    assert (np.diff(growth(0.75, 1)) > 0).all()
    assert (growth(1.0, 2)[1:] < 0.51 * growth(1.0, 2)[:-1]).all()
    assert (growth(0.75, 2)[1:] < 0.75 * growth(0.75, 2)[:-1]).all()
    np.testing.assert_allclose(growth(0.5, 2)[-1], math.log(2), rtol=1e-3)  # the limit case is out


@pytest.mark.row(81, 162)
def test_a_rate_that_falls_as_one_over_t_averages_the_noise_away(x64, rng):
    """SGD on (x - y_j)^2 / 2 with eta_t = 1 / (t + 1) is the running mean of the examples, exactly."""
    examples = jnp.asarray(rng.standard_normal(50))
    optimizer = optim.sgd(optim.inverse_time_schedule(1.0))

    def step(carry, y):
        x, state = carry
        update, state = optimizer.update(x - y, state)
        return (x + update, state), x + update

    means = jax.lax.scan(step, (jnp.zeros(()), optimizer.init(jnp.zeros(()))), examples)[1]
    assert_close(means, np.cumsum(examples) / np.arange(1, 51))
