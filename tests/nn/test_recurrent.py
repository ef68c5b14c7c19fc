"""One step of the recurrent cells against loops, Flax and the notes' second form."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from dlx import nn
from tests.proof import configurations, prove
from tests.reference import recurrent as reference
from tests.tolerances import assert_close

B, F, U = 2, 3, 4


def flat(kind, params):
    return [params[name] for name in names(kind)]


def names(kind):
    extra = {"gru_after": ["hidden_bias"], "peephole": ["peephole"]}
    return ["input_kernel", "hidden_kernel", "bias", *extra.get(kind, [])]


def ours(kind, *args):
    """The cell of a kind: arrays of the parameters, the state and the inputs -> a tuple of arrays."""
    count = len(names(kind))
    params, (*state, inputs) = dict(zip(names(kind), args[:count], strict=True)), args[count:]
    if kind == "rnn":
        return (nn.rnn_cell(params, *state, inputs),)
    if kind in ("gru", "gru_after"):
        return (nn.gru_cell(params, *state, inputs, reset_after=kind == "gru_after"),)
    return tuple(nn.lstm_cell(params, nn.LSTMState(*state), inputs))


def theirs(kind, *args):
    count = len(names(kind))
    params, (*state, inputs) = dict(zip(names(kind), args[:count], strict=True)), args[count:]
    rows = [reference.STEPS[kind](params, tuple(part[b] for part in state), inputs[b]) for b in range(len(inputs))]
    return tuple(np.array(part) for part in zip(*rows, strict=True))


def states(rng, kind, batch=B):
    return [rng.standard_normal((batch, U)) for _ in range(2 if kind in ("lstm", "peephole") else 1)]


@pytest.mark.row(145, function="dlx.nn.rnn_cell")
@pytest.mark.row(154, function="dlx.nn.gru_cell")
@pytest.mark.row(155, function="dlx.nn.lstm_cell")
@pytest.mark.erratum("E35", "E36")
@pytest.mark.gap("U2")
@pytest.mark.parametrize("kind", reference.STEPS)
@configurations(1)
def test_rnn_cell_gru_cell_lstm_cell(rng, kind):
    args = [*flat(kind, reference.draw(rng, kind, F, U)), *states(rng, kind), rng.standard_normal((B, F))]
    prove(
        functools.partial(ours, kind), args, reference=functools.partial(theirs, kind), kind="contraction",
        dtypes=("float64", "float32"), modes=("rev",),
    )  # fmt: skip


@pytest.mark.row(145, 154, 155)
def test_flax_cells(rng, x64):
    """Flax's SimpleCell, GRUCell (reset after the product) and LSTMCell, our kernels cut into its gates."""
    x = jnp.asarray(rng.standard_normal((B, F)))
    for kind, cell in (("rnn", linen.SimpleCell), ("gru_after", linen.GRUCell), ("lstm", linen.LSTMCell)):
        params = reference.draw(rng, kind, F, U)
        gates = {"rnn": "", "gru_after": "rzn", "lstm": "ifgo"}[kind]
        cut = {
            name: np.split(params[name], max(1, len(gates)), -1) for name in ("input_kernel", "hidden_kernel", "bias")
        }
        tree = {}
        for number, gate in enumerate(gates or "_"):
            read, kept = ("i", "h") if kind == "rnn" else (f"i{gate}", f"h{gate}")
            tree[read] = {"kernel": cut["input_kernel"][number]}
            tree[kept] = {"kernel": cut["hidden_kernel"][number]}
            # in an LSTM Flax puts the bias to the hidden state's kernel
            tree[kept if kind == "lstm" else read]["bias"] = cut["bias"][number]
        if kind == "gru_after":
            tree["hn"]["bias"] = params["hidden_bias"]
        state = [jnp.asarray(part) for part in states(rng, kind)]
        carry = (state[1], state[0]) if kind == "lstm" else state[0]
        module = cell(features=U, dtype=jnp.float64, param_dtype=jnp.float64)
        want, _ = module.apply({"params": jax.tree.map(jnp.asarray, tree)}, carry, x)
        got = ours(kind, *(jnp.asarray(a) for a in flat(kind, params)), *state, x)
        for one, other in zip(got, want[::-1] if kind == "lstm" else [want], strict=True):
            assert_close(one, other, kind="contraction")


@pytest.mark.row(146, function="dlx.nn.rnn_cell")
@pytest.mark.erratum("E36")
@configurations(1)
def test_concatenated_form(rng, x64):
    """[x, h] times the kernels stacked by rows; stacked by columns, as printed, the shapes do not fit."""
    params = {name: jnp.asarray(value) for name, value in reference.draw(rng, "rnn", F, U).items()}
    x, h = jnp.asarray(rng.standard_normal((B, F))), jnp.asarray(rng.standard_normal((B, U)))
    kernel = jnp.concatenate([params["input_kernel"], params["hidden_kernel"]])
    want = jnp.tanh(nn.affine(jnp.concatenate([x, h], -1), kernel, params["bias"]))
    assert_close(nn.rnn_cell(params, h, x), want, kind="contraction")


@pytest.mark.row(154)
def test_gates_at_their_ends(x64):
    """z = 1 copies the state; r = 0 leaves tanh(x W + b); z = 0 takes the candidate: by biases of +-800."""
    rng = np.random.default_rng(0)
    params = {name: jnp.asarray(value) for name, value in reference.draw(rng, "gru", F, U).items()}
    x, h = jnp.asarray(rng.standard_normal((B, F))), jnp.asarray(rng.standard_normal((B, U)))
    copied = {**params, "bias": params["bias"].at[U : 2 * U].set(800)}
    np.testing.assert_array_equal(nn.gru_cell(copied, h, x), h)
    forgetful = {**params, "bias": params["bias"].at[: 2 * U].set(-800)}
    want = jnp.tanh(x @ params["input_kernel"][:, 2 * U :] + params["bias"][None, 2 * U :])
    assert_close(nn.gru_cell(forgetful, h, x), want, kind="contraction")


@pytest.mark.row(155)
def test_memory_is_kept_for_ever_with_open_forget_gate_and_closed_input_gate(x64):
    rng = np.random.default_rng(1)
    params = {name: jnp.asarray(value) for name, value in reference.draw(rng, "lstm", F, U).items()}
    bias = params["bias"].at[:U].set(-800)
    state = nn.LSTMState(*(jnp.asarray(part) for part in states(rng, "lstm")))
    x = jnp.asarray(rng.standard_normal((B, F)))
    # the forget gate opens by the option, the input gate is closed by its bias
    found = nn.lstm_cell({**params, "bias": bias}, state, x, forget_bias=800.0)
    np.testing.assert_array_equal(found.cell, state.cell)


def test_forget_bias_and_activation(x64):
    rng = np.random.default_rng(2)
    params = reference.draw(rng, "lstm", F, U)
    (h, c), x = states(rng, "lstm", 1), rng.standard_normal(F)
    got = nn.lstm_cell(jax.tree.map(jnp.asarray, params), nn.LSTMState(*jnp.asarray([h[0], c[0]])), jnp.asarray(x),
                       forget_bias=1.5)  # fmt: skip
    for one, other in zip(got, reference.lstm_step(params, h[0], c[0], x, forget_bias=1.5), strict=True):
        assert_close(one, other, kind="contraction")
    params = reference.draw(rng, "rnn", F, U)
    for activation, function in (("relu", lambda a: max(a, 0.0)), (jnp.sin, math.sin)):
        got = nn.rnn_cell(jax.tree.map(jnp.asarray, params), jnp.asarray(h[0]), jnp.asarray(x), activation=activation)
        assert_close(got, reference.rnn_step(params, h[0], x, function), kind="contraction")
