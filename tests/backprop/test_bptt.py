"""Back-propagation through time by hand against jax.grad, and the notes' printed form, which the check refuses."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, nn
from tests.proof import configurations
from tests.reference import recurrent as reference
from tests.tolerances import assert_close

B, T, F, U, Q = 2, 6, 3, 4, 2


def drawn(rng, kind):
    params, inputs = reference.draw(rng, kind, F, U), rng.standard_normal((B, T, F))
    initial, gradient = rng.standard_normal((B, U)), rng.standard_normal((B, T, U))
    return jax.tree.map(jnp.asarray, (params, inputs, initial, gradient))


def compare(got, want):
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
        assert_close(one, other, kind="contraction", factor=10)  # sums of a hundred terms


@pytest.mark.row(150, function="dlx.backprop.linear_rnn_bptt")
@pytest.mark.erratum("E37")
@pytest.mark.gap("U3")
@configurations(1, 5)
def test_linear_rnn_bptt(rng, x64):
    """Mean over time of squared errors; the recursion, the closed sum and jax.grad."""
    params, inputs, initial, _ = drawn(rng, "rnn")
    params["output_kernel"] = jnp.asarray(rng.standard_normal((U, Q)))
    targets = jnp.asarray(rng.standard_normal((B, T, Q)))

    def outputs(params, inputs, initial):
        inner = {name: params[name] for name in ("input_kernel", "hidden_kernel", "bias")}
        hidden, _ = nn.rnn(inner, inputs, initial, activation=lambda a: a, backward="automatic")
        return hidden @ params["output_kernel"]

    def loss(*args):
        return 0.5 * jnp.sum(jnp.square(outputs(*args) - targets)) / T

    want = jax.jit(jax.grad(loss, (0, 1, 2)))(params, inputs, initial)
    by_outputs = (outputs(params, inputs, initial) - targets) / T
    for form in ("recursive", "closed"):
        got = jax.jit(functools.partial(backprop.linear_rnn_bptt, form=form))(by_outputs, params, inputs, initial)
        compare(got, want)


@pytest.mark.row(151, function="dlx.backprop.tanh_rnn_bptt")
@pytest.mark.erratum("E34")
@configurations(1, 5)
def test_tanh_rnn_bptt_and_the_printed_form(rng, x64):
    params, inputs, initial, gradient = drawn(rng, "rnn")

    @jax.jit
    def loss(params, inputs, initial):
        return jnp.sum(gradient * nn.rnn(params, inputs, initial, backward="automatic")[0])

    want = jax.grad(loss, (0, 1, 2))(params, inputs, initial)
    got = jax.jit(backprop.tanh_rnn_bptt)(gradient, params, inputs, initial)
    compare(got, want)
    of_params = lambda p: loss(p, inputs, initial)  # noqa: E731
    assert backprop.gradient_check(of_params, params, gradient=got[0]).passed
    arrays = jax.tree.map(np.asarray, (gradient, params, inputs, initial))
    printed = jax.tree.map(jnp.asarray, reference.tanh_bptt_as_printed(*arrays))
    assert not backprop.gradient_check(of_params, params, gradient=printed).passed


@pytest.mark.row(154, function="dlx.backprop.gru_bptt")
@pytest.mark.erratum("E35")
@pytest.mark.gap("U3")
@pytest.mark.parametrize("reset_after", [False, True])
@configurations(1, 5)
def test_gru_bptt(rng, reset_after, x64):
    params, inputs, initial, gradient = drawn(rng, "gru_after" if reset_after else "gru")

    def loss(params, inputs, initial):
        outputs, _ = nn.gru(params, inputs, initial, reset_after=reset_after, backward="automatic")
        return jnp.sum(gradient * outputs)

    want = jax.jit(jax.grad(loss, (0, 1, 2)))(params, inputs, initial)
    by_hand = jax.jit(functools.partial(backprop.gru_bptt, reset_after=reset_after))
    compare(by_hand(gradient, params, inputs, initial), want)


@pytest.mark.row(155, function="dlx.backprop.lstm_bptt")
@pytest.mark.gap("U2")
@pytest.mark.parametrize("kind", ["lstm", "peephole"])
@configurations(1, 5)
def test_lstm_bptt(rng, kind, x64):
    params, inputs, initial, gradient = drawn(rng, kind)
    state = nn.LSTMState(initial, 0.5 * initial)

    def loss(params, inputs, state):
        return jnp.sum(gradient * nn.lstm(params, inputs, state, backward="automatic")[0])

    want = jax.jit(jax.grad(loss, (0, 1, 2)))(params, inputs, state)
    compare(jax.jit(backprop.lstm_bptt)(gradient, params, inputs, state), want)


@pytest.mark.row(151, 155)
def test_initial_states_may_be_left_out(rng, x64):
    for kind, rule in (("rnn", backprop.tanh_rnn_bptt), ("lstm", backprop.lstm_bptt)):
        params, inputs, initial, gradient = drawn(rng, kind)
        zeros = jnp.zeros_like(initial)
        state = nn.LSTMState(zeros, zeros) if kind == "lstm" else zeros
        rule = jax.jit(rule)
        compare(rule(gradient, params, inputs), rule(gradient, params, inputs, state))
