"""Recurrent modules: counts of the docstrings, PyTorch's networks, dropout, padding, dtypes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models, nn
from tests.reference import recurrent as reference
from tests.tolerances import assert_close, assert_network_close

KEY = jax.random.key(0)


def count(module, *args):
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(module.init, KEY, *args)["params"]))


@pytest.mark.row(145, 154, 155)
def test_parameter_counts_of_the_docstrings():
    inputs = jax.ShapeDtypeStruct((2, 3, 64), jnp.float32)
    assert count(models.RNN(), inputs) == 82_176
    assert count(models.GRU(), inputs) == 246_528
    assert count(models.GRU(reset_after=True), inputs) == 246_784
    assert count(models.LSTM(), inputs) == 328_704
    deep = models.LSTM(units=8, num_layers=2, bidirectional=True)
    assert count(deep, inputs) == 2 * 4 * 8 * (64 + 8 + 1) + 2 * 4 * 8 * (16 + 8 + 1)
    outputs, states = jax.eval_shape(lambda x: deep.init_with_output(KEY, x)[0], inputs)
    assert outputs.shape == (2, 3, 16)
    assert [state.cell.shape for layer in states for state in layer] == [(2, 8)] * 4


def test_kernels_start_gate_by_gate():
    """Every recurrent block is orthogonal, every input block has the bound of its own fans."""
    params = jax.jit(models.GRU(units=8).init)(KEY, jnp.ones((1, 2, 4)))["params"]["layer_0"]
    for block in jnp.split(params["hidden_kernel"], 3, -1):
        np.testing.assert_allclose(block.T @ block, np.eye(8), atol=1e-6)
    bound = (6 / 12) ** 0.5
    assert 0.8 * bound < float(jnp.max(jnp.abs(params["input_kernel"]))) <= bound
    assert (params["bias"] == 0).all()


@pytest.mark.row(155, 156, 157)
@pytest.mark.parametrize("cell", [pytest.param("rnn", marks=pytest.mark.slow), "lstm"])
def test_pytorch(rng, cell, x64):
    """The module with PyTorch's weights, two layers in both directions (gradients: tests/nn/test_recurrent_layers)."""
    torch = pytest.importorskip("torch")
    theirs = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[cell](3, 4, 2, batch_first=True, bidirectional=True).double()
    ours = {"rnn": models.RNN, "lstm": models.LSTM}[cell](
        units=4, num_layers=2, bidirectional=True, **({"forget_bias": 0.0} if cell == "lstm" else {})
    )
    params = {}
    for suffix, name in (("l0", "layer_0"), ("l0_reverse", "layer_0_reverse"), ("l1", "layer_1"),
                         ("l1_reverse", "layer_1_reverse")):  # fmt: skip
        weights = {k: getattr(theirs, f"{k}_{suffix}").detach().numpy() for k in ("weight_ih", "weight_hh")}
        bias = sum(getattr(theirs, f"{k}_{suffix}").detach().numpy() for k in ("bias_ih", "bias_hh"))
        params[name] = {"input_kernel": weights["weight_ih"].T, "hidden_kernel": weights["weight_hh"].T, "bias": bias}
    x = rng.standard_normal((2, 5, 3))
    want, final = theirs(torch.tensor(x))
    outputs, states = jax.jit(ours.apply)({"params": jax.tree.map(jnp.asarray, params)}, jnp.asarray(x))
    assert_network_close(outputs, want.detach().numpy())
    hidden = [state.hidden if cell == "lstm" else state for layer in states for state in layer]
    assert_network_close(jnp.stack(hidden), (final[0] if cell == "lstm" else final).detach().numpy())


def test_dropout_between_layers_by_example(rng):
    """None without training; a mask an example, the same whatever batch it stands in; none after the last layer."""
    model = models.RNN(units=6, num_layers=2, dropout=0.5)
    x = jnp.asarray(rng.standard_normal((4, 3, 2)), jnp.float32)
    variables = jax.jit(model.init)(KEY, x)
    plain = jax.jit(model.apply)(variables, x)[0]
    dropped = jax.jit(lambda x: model.apply(variables, x, train=True, rngs={"dropout": jax.random.key(1)})[0])
    again = dropped(x)
    assert jnp.max(jnp.abs(plain - again)) > 1e-3
    assert (again != 0).all()
    other = dropped(x.at[2:].set(7.0))
    assert_close(other[:2], again[:2], kind="contraction")
    first = models.RNN(units=6, dropout=0.5)
    one = {"params": {"layer_0": variables["params"]["layer_0"]}}
    # with one layer no key is asked for
    assert first.apply(one, x, train=True)[0].shape == (4, 3, 6)


@pytest.mark.parametrize("cell", [pytest.param("rnn", marks=pytest.mark.slow), "gru", "lstm"])
def test_dtype_and_layer_1(rng, cell):
    """The module is its function: the same numbers; computed in bfloat16 from float32 parameters."""
    params = reference.draw(rng, cell, 3, 4)
    params = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params)
    x, lengths = jnp.asarray(rng.standard_normal((2, 5, 3)), jnp.float32), jnp.array([5, 2])
    ours = {"rnn": models.RNN, "gru": models.GRU, "lstm": models.LSTM}[cell]
    outputs, _ = jax.jit(ours(units=4).apply)({"params": {"layer_0": params}}, x, None, lengths)
    function = {"rnn": nn.rnn, "gru": nn.gru, "lstm": nn.lstm}[cell]
    function = functools.partial(function, **({"forget_bias": 1.0} if cell == "lstm" else {}))
    want, _ = jax.jit(function)(params, x, None, lengths)
    assert_close(outputs, want)
    low, _ = jax.jit(ours(units=4, dtype=jnp.bfloat16).apply)({"params": {"layer_0": params}}, x, None, lengths)
    assert low.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(low, np.float32), want, atol=0.1)
