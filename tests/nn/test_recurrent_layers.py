"""Recurrent layers against loops and PyTorch, in both directions, with lengths, by hand and automatically."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dlx import nn
from tests.proof import CountedJit, configurations
from tests.reference import recurrent as reference
from tests.tolerances import assert_close, assert_network_close

B, T, F, U = 3, 5, 2, 3
LENGTHS = np.array([5, 1, 3])
KINDS = ["rnn", "gru", "lstm", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gru_after", "peephole"))]


def layer(kind, **options):
    """(params, inputs, initial tuple, lengths) -> (outputs, final tuple)."""

    def run(params, inputs, initial=None, lengths=None, **more):
        if kind in ("lstm", "peephole"):
            state = None if initial is None else nn.LSTMState(*initial)
            outputs, final = nn.lstm(params, inputs, state, lengths, **options, **more)
            return outputs, tuple(final)
        state = None if initial is None else initial[0]
        if kind == "rnn":
            outputs, final = nn.rnn(params, inputs, state, lengths, **options, **more)
        else:
            outputs, final = nn.gru(params, inputs, state, lengths, reset_after=kind == "gru_after", **options, **more)
        return outputs, (final,)

    return run


def drawn(rng, kind, features=F):
    params, inputs = reference.draw(rng, kind, features, U), rng.standard_normal((B, T, features))
    state = tuple(rng.standard_normal((B, U)) for _ in range(2 if kind in ("lstm", "peephole") else 1))
    return jax.tree.map(jnp.asarray, (params, inputs, state))


def weighted(outputs, final):
    """A loss in which every output and state has its own weight."""
    parts = [outputs, *final]
    return sum(
        jnp.sum(jnp.sin(part) * jnp.cos(jnp.arange(part.size, dtype=part.dtype).reshape(part.shape))) for part in parts
    )


@pytest.mark.row(145, function="dlx.nn.rnn")
@pytest.mark.row(154, function="dlx.nn.gru")
@pytest.mark.row(155, function="dlx.nn.lstm")
@pytest.mark.row(151, 152)
@pytest.mark.gap("U2", "U3")
@pytest.mark.parametrize("kind", KINDS)  # what is slow here stands in fast tests against PyTorch, or of the BPTT
@configurations(1, 3)
def test_rnn_gru_lstm(rng, kind, x64):
    """The loop, with and without lengths, both ways; gradients by hand = automatic ones, also truncated."""
    params, inputs, state = drawn(rng, kind)
    lengths = jnp.asarray(LENGTHS)

    @jax.jit
    def both(params, inputs, state, lengths):
        found = []
        for options, ends in (({"reverse": True}, lengths), ({"truncate": 2}, None), ({"truncate": 2}, lengths)):
            for backward in ("hand", "automatic"):
                run = layer(kind, backward=backward, **options)
                values = run(params, inputs, state, ends)
                gradient = jax.grad(lambda *args, run=run, ends=ends: weighted(*run(*args, ends)), (0, 1, 2))
                found.append((values, gradient(params, inputs, state)))
        return found

    found = both(params, inputs, state, lengths)
    arrays = jax.tree.map(np.asarray, (params, inputs, state))
    cases = [(LENGTHS, True), (None, False), (LENGTHS, False)]
    for (ends, reverse), hand, automatic in zip(cases, found[::2], found[1::2], strict=True):
        want = reference.layer(reference.STEPS[kind], *arrays, ends, reverse)
        jax.tree.map(functools.partial(assert_close, kind="contraction"), hand[0], want)
        jax.tree.map(
            functools.partial(assert_close, kind="contraction", factor=10), hand, automatic
        )  # sums of 100 terms


@pytest.mark.row(156, function="dlx.nn.stacked")
@pytest.mark.row(157, function="dlx.nn.bidirectional")
@pytest.mark.row(145, 154, 155)
@pytest.mark.erratum("E35", "E36")
@pytest.mark.parametrize("kind", [pytest.param("rnn", marks=pytest.mark.slow), "gru_after", "lstm"])
def test_stacked_bidirectional_pytorch(rng, kind, x64):
    """Two layers in both directions, packed sequences, the same weights: outputs, states and every gradient."""
    torch = pytest.importorskip("torch")
    module = {"rnn": torch.nn.RNN, "gru_after": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind]
    theirs = module(F, U, num_layers=2, bidirectional=True, batch_first=True, dtype=torch.float64)
    suffixes = ["l0", "l0_reverse", "l1", "l1_reverse"]
    params = [reference.draw(rng, kind, F if number < 2 else 2 * U, U) for number in range(4)]
    state = {}
    for suffix, one in zip(suffixes, params, strict=True):
        state |= reference.torch_parameters(kind, one, torch, suffix)
    theirs.load_state_dict(state)
    inputs, lengths = rng.standard_normal((B, T, F)), np.array([3, 5, 1])
    tensor = torch.tensor(inputs, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(tensor, torch.tensor(lengths), True, enforce_sorted=False)
    packed_outputs, final = theirs(packed)
    want = torch.nn.utils.rnn.pad_packed_sequence(packed_outputs, True, total_length=T)[0]
    finals = [part.detach().numpy() for part in (final if kind == "lstm" else [final])]
    parts = [want, *(final if kind == "lstm" else [final])]
    loss = sum((part.sin() * torch.arange(part.numel()).reshape(part.shape).double().cos()).sum() for part in parts)
    loss.backward()

    def run(params, inputs):
        one = {"rnn": nn.rnn, "gru_after": functools.partial(nn.gru, reset_after=True), "lstm": nn.lstm}[kind]
        layers = [functools.partial(one, p) for p in params]
        pairs = [functools.partial(nn.bidirectional, *layers[:2]), functools.partial(nn.bidirectional, *layers[2:])]
        outputs, states = nn.stacked(pairs, inputs, None, jnp.asarray(lengths))
        flat = [tuple(state) if kind == "lstm" else (state,) for pair in states for state in pair]
        stacked = tuple(jnp.stack(part) for part in zip(*flat, strict=True))
        return weighted(outputs, stacked), (outputs, stacked)

    arguments = jax.tree.map(jnp.asarray, (params, inputs))
    (_, (outputs, states)), gradient = jax.jit(jax.value_and_grad(run, (0, 1), has_aux=True))(*arguments)
    assert_network_close(outputs, want.detach().numpy())
    for got, other in zip(states, finals, strict=True):
        assert_network_close(got, other)
    assert_network_close(gradient[1], tensor.grad.numpy())
    for suffix, got in zip(suffixes, gradient[0], strict=True):
        expected = reference.from_torch_gradients(kind, theirs, suffix, U)
        jax.tree.map(assert_network_close, dict(got), expected)


@pytest.mark.row(152, function="dlx.nn.unroll")
@pytest.mark.row(139)
@pytest.mark.erratum("E31")
@pytest.mark.parametrize("kind", ["gru", pytest.param("lstm", marks=pytest.mark.slow)])
def test_truncated_is_stop_gradient_between_batches(rng, kind, x64):
    """Pieces of 2 steps, the state handed on through stop_gradient: the same values, the same gradients."""
    params, inputs, state = drawn(rng, kind)

    def pieces(params, inputs, state):
        outputs = []
        for start in range(0, T, 2):
            state = state if start == 0 else jax.tree.map(lax.stop_gradient, state)
            out, state = layer(kind, backward="automatic")(params, inputs[:, start : start + 2], state)
            outputs.append(out)
        return weighted(jnp.concatenate(outputs, 1), state)

    def truncated(params, inputs, state):
        return weighted(*layer(kind, truncate=2)(params, inputs, state))

    def any_cell(params, inputs, state):
        cell = nn.gru_cell if kind == "gru" else nn.lstm_cell
        first = state[0] if kind == "gru" else nn.LSTMState(*state)
        states, final = nn.unroll(functools.partial(cell, params), first, inputs, truncate=2)
        return weighted(states if kind == "gru" else states.hidden, (final,) if kind == "gru" else final)

    want, *others = (
        jax.jit(jax.value_and_grad(f, (0, 1, 2)))(params, inputs, state) for f in (pieces, truncated, any_cell)
    )
    for got in others:
        jax.tree.map(functools.partial(assert_close, kind="contraction", factor=10), got, want)
    whole = jax.jit(jax.grad(lambda p: weighted(*layer(kind)(p, inputs, state))))(params)
    assert jnp.max(jnp.abs(whole["hidden_kernel"] - want[1][0]["hidden_kernel"])) > 1e-3


@pytest.mark.row(157)
@pytest.mark.parametrize("reverse", [pytest.param(False, marks=pytest.mark.slow), True])
def test_padded_equals_unpadded(rng, reverse, x64):
    """Values and gradients of a short sequence in a padded batch and alone; the padding gets no gradient."""
    params, inputs, state = drawn(rng, "lstm")
    garbage = inputs.at[2, 3:].set(1e3)

    def loss(params, inputs, state, lengths):
        outputs, final = layer("lstm", reverse=reverse, truncate=2)(params, inputs, state, lengths)
        # only the third sequence
        return sum(jnp.sum(jnp.sin(part[-1])) for part in (outputs, *final)), (outputs[-1], *(p[-1] for p in final))

    gradient = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
    by_padded, values = gradient(params, garbage, state, jnp.asarray(LENGTHS))
    alone = params, inputs[2:, :3], tuple(part[2:] for part in state)
    by_alone, want = gradient(*alone, None)
    assert_close(values[0][:3], want[0], kind="contraction")
    assert (values[0][3:] == 0).all()
    jax.tree.map(functools.partial(assert_close, kind="contraction"), values[1:], want[1:])
    jax.tree.map(functools.partial(assert_close, kind="contraction"), by_padded[0], by_alone[0])
    assert_close(by_padded[1][2, :3], by_alone[1][0], kind="contraction")
    assert (by_padded[1][2, 3:] == 0).all()
    assert (by_padded[1][:2] == 0).all()


@pytest.mark.row(157, function="dlx.nn.bidirectional")
def test_reversed_inputs_swap_the_directions(rng, x64):
    first, inputs, _ = drawn(rng, "gru")
    second = drawn(rng, "gru")[0]
    one, other = functools.partial(nn.gru, first), functools.partial(nn.gru, second)
    outputs, (ahead, back) = jax.jit(lambda x: nn.bidirectional(one, other, x))(inputs)
    swapped, (there, here) = jax.jit(lambda x: nn.bidirectional(other, one, x))(inputs[:, ::-1])
    assert_close(swapped[:, ::-1, U:], outputs[..., :U])
    assert_close(swapped[:, ::-1, :U], outputs[..., U:])
    assert_close(here, ahead)
    assert_close(there, back)


@pytest.mark.row(156, function="dlx.nn.stacked")
def test_stacked_goes_from_layer_to_layer(rng, x64):
    first, inputs, state = drawn(rng, "gru")
    second, _, other = drawn(rng, "rnn", U)
    layers = [functools.partial(nn.gru, first), functools.partial(nn.rnn, second)]
    seen = []

    def between(number, outputs):
        seen.append(number)
        return 2 * outputs

    outputs, states = nn.stacked(layers, inputs, [state[0], other[0]], between=between)
    below, last = nn.gru(first, inputs, state[0])
    want, top = nn.rnn(second, 2 * below, other[0])
    assert seen == [0]
    jax.tree.map(assert_close, (outputs, states), (want, (last, top)))


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "bfloat16"])
def test_dtype_vmap_and_compiled_once(rng, dtype):
    params, inputs, state = jax.tree.map(lambda a: jnp.asarray(a, dtype), drawn(rng, "gru_after"))
    compiled = CountedJit(layer("gru_after"))
    outputs, final = compiled(params, inputs, state, jnp.asarray(LENGTHS))
    assert outputs.dtype == final[0].dtype == dtype
    compiled(params, 2 * inputs, state, jnp.asarray(LENGTHS[::-1]))
    assert compiled.traces == 1
    ends = jnp.asarray(LENGTHS)
    many = jax.jit(jax.vmap(layer("gru_after"), (None, 0, None, None)))(params, jnp.stack([inputs] * 2), state, ends)[0]
    assert_close(many[1], outputs, kind="contraction")


def test_sequence_mask():
    mask = nn.sequence_mask(jnp.array([[0, 2], [3, 1]]), 3)
    np.testing.assert_array_equal(mask[0], [[0, 0, 0], [1, 1, 0]])
    np.testing.assert_array_equal(mask[1], [[1, 1, 1], [1, 0, 0]])
    assert mask.dtype == bool


@pytest.mark.row(152, function="dlx.nn.unroll")
def test_unroll_freezes_and_reverses(x64):
    """Running sums, by hand."""
    inputs = jnp.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    ends = jnp.array([3, 2])
    states, final = nn.unroll(jnp.add, jnp.zeros(2), inputs, ends)
    np.testing.assert_array_equal(states, [[1, 3, 7], [1, 3, 3]])
    np.testing.assert_array_equal(final, [7, 3])
    states, final = nn.unroll(jnp.add, jnp.zeros(2), inputs, ends, reverse=True)
    np.testing.assert_array_equal(states, [[7, 6, 4], [3, 2, 0]])
    # truncated after 2 steps, counted from where each sequence begins
    for reverse, want in ((False, [[0, 0, 1], [1, 1, 0]]), (True, [[1, 0, 0], [1, 1, 0]])):
        gradient = jax.grad(
            lambda x, r=reverse: jnp.sum(nn.unroll(jnp.add, jnp.zeros(2), x, ends, reverse=r, truncate=2)[1])
        )
        np.testing.assert_array_equal(gradient(inputs), want)
