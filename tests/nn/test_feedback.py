"""Recurrences that read their own predictions: against loops, and between teacher forcing and free running."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations
from tests.tolerances import assert_close

B, T, V, U = 2, 6, 5, 4


def model(rng):
    """A recurrent model of tokens: step(state, tokens) -> (logits, state), in JAX and in NumPy."""
    inner, out = rng.standard_normal((U, U)), rng.standard_normal((U, V))
    table = rng.standard_normal((V, U))

    def step(state, tokens, xp=jnp):
        state = xp.tanh(xp.asarray(table)[tokens] + state @ xp.asarray(inner))
        return state @ xp.asarray(out), state

    return step


@pytest.mark.row(144, 148, function="dlx.nn.feedback_unroll")
@pytest.mark.gap("U32")
@configurations()
def test_feedback_unroll_equals_the_loop(rng, x64):
    step, tokens = model(rng), rng.integers(0, V, (B, T))
    forced = rng.random((B, T)) < 0.5
    forced[:, 0] = True
    outputs, state = nn.feedback_unroll(step, jnp.zeros((B, U)), jnp.asarray(tokens), jnp.asarray(forced))
    hidden, guess, want = np.zeros((B, U)), tokens[:, 0], []
    for t in range(T):
        logits, hidden = step(hidden, np.where(forced[:, t], tokens[:, t], guess), np)
        guess = logits.argmax(-1)
        want.append(logits)
    assert_close(outputs, np.stack(want, 1), kind="contraction")
    assert_close(state, hidden, kind="contraction")


@pytest.mark.row(144)
def test_ratio_one_is_teacher_forcing(x64):
    """The same outputs, and gradients, as a recurrence over the true tokens."""
    rng = np.random.default_rng(0)
    step, tokens = model(rng), jnp.asarray(rng.integers(0, V, (B, T)))
    forced = nn.scheduled_sampling(jax.random.key(0), (B, T), ratio=1.0)
    assert forced.all()

    def by_feedback(start):
        return nn.feedback_unroll(step, start, tokens, forced)[0]

    def by_scan(start):
        states, _ = nn.unroll(lambda state, now: step(state, now)[1], start, tokens)
        first = [step(s, tokens[:, t])[0] for t, s in enumerate([start, *(states[:, t] for t in range(T - 1))])]
        return jnp.stack(first, 1)

    start = jnp.asarray(rng.standard_normal((B, U)))

    def both(function):
        return jax.jit(jax.value_and_grad(lambda s: (lambda o: (jnp.sum(jnp.sin(o)), o))(function(s)), has_aux=True))

    for got, want in zip(jax.tree.leaves(both(by_feedback)(start)), jax.tree.leaves(both(by_scan)(start)), strict=True):
        assert_close(got, want, kind="contraction")


@pytest.mark.row(148, function="dlx.nn.prefix_forcing")
def test_prefix_warms_up_and_predictions_follow(x64):
    """Outputs inside the prefix do not depend on predictions; what stands behind it is not looked at."""
    rng = np.random.default_rng(1)
    step, tokens = model(rng), rng.integers(0, V, (B, T))
    forced = nn.prefix_forcing((B, T), 3)
    np.testing.assert_array_equal(forced, [[1, 1, 1, 0, 0, 0]] * B)
    outputs, _ = nn.feedback_unroll(step, jnp.zeros((B, U)), jnp.asarray(tokens), forced)
    other = tokens.copy()
    other[:, 3:] = (other[:, 3:] + 1) % V
    again, _ = nn.feedback_unroll(step, jnp.zeros((B, U)), jnp.asarray(other), forced)
    np.testing.assert_array_equal(outputs, again)
    free, _ = nn.feedback_unroll(step, jnp.zeros((B, U)), jnp.asarray(tokens), nn.prefix_forcing((B, T), T))
    np.testing.assert_array_equal(outputs[:, :3], free[:, :3])


@pytest.mark.row(136)
def test_free_running_error_grows(x64):
    """A rotation learnt with an angle wrong by e: one step is off by about e, the k-th of a free run by about k e."""
    angle, wrong = 0.3, 0.31

    def rotate(point, by):
        c, s = np.cos(by), np.sin(by)
        return point @ jnp.array([[c, s], [-s, c]])

    series = jnp.stack([jnp.array([[np.cos(angle * t), np.sin(angle * t)]]) for t in range(20)], 1)
    step = lambda state, now: (rotate(now, wrong), state)  # noqa: E731
    errors = {}
    for name, prefix in (("one step", 19), ("free", 1)):
        outputs, _ = nn.feedback_unroll(step, 0.0, series[:, :-1], nn.prefix_forcing((1, 19), prefix))
        errors[name] = np.linalg.norm(outputs[0] - series[0, 1:], axis=-1)
    k = np.arange(1, 20)
    # a chord of the circle between the two angles
    assert_close(errors["one step"], np.full(19, 2 * np.sin(0.005)), kind="contraction")
    assert_close(errors["free"], 2 * np.sin(0.005 * k), kind="contraction")


@pytest.mark.gap("U32")
def test_scheduled_sampling():
    """The first place always, the others with the ratio: 40,000 draws, five standard deviations of 0.0023."""
    draw = jax.jit(lambda ratio: nn.scheduled_sampling(jax.random.key(3), (200, 201), ratio=ratio))
    forced = draw(jnp.float32(0.3))
    assert forced[:, 0].all()
    assert abs(float(forced[:, 1:].mean()) - 0.3) < 0.0115
    assert not draw(jnp.float32(0.0))[:, 1:].any()
