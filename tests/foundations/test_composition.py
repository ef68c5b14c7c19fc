"""dlx.foundations: networks as compositions, a layer for one example and for a batch, outputs, hidden units."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations, nn
from tests.proof import configurations, prove
from tests.reference import foundations as reference
from tests.tolerances import assert_close

WIDTHS = (3, 4, 4, 2)


def some_layers(rng):
    return [
        {"kernel": rng.standard_normal((a, b)), "bias": rng.standard_normal(b)} for a, b in itertools.pairwise(WIDTHS)
    ]


@pytest.mark.row(347)
def test_compose_applies_in_order_and_is_associative():
    f, g, h = (lambda x: x + 1), (lambda x: 2 * x), (lambda x: x**2)
    compose, x = foundations.compose, jnp.asarray(3.0)
    assert compose(f, g, h)(x) == 64
    assert compose(compose(f, g), h)(x) == compose(f, compose(g, h))(x)
    assert compose()(x) == 3


@pytest.mark.row(347)
@configurations()
def test_mlp(rng):
    x, layers = rng.standard_normal((5, 3)), some_layers(rng)
    flat = [array for part in layers for array in (part["kernel"], part["bias"])]

    def unflatten(flat):
        return [{"kernel": k, "bias": b} for k, b in zip(flat[::2], flat[1::2], strict=True)]

    def by_hand(x, *flat):
        parts = unflatten(flat)
        for part in parts[:-1]:
            x = reference.layer(x, part["kernel"], part["bias"])
        return x @ parts[-1]["kernel"] + parts[-1]["bias"]

    prove(
        lambda x, *flat: foundations.mlp(x, unflatten(flat)),
        [x, *flat],
        reference=by_hand,
        kind="contraction",
        dtypes=("float64", "float32"),
    )
    with jax.enable_x64(True):
        arrays = jax.tree.map(jnp.asarray, layers)
        last = functools.partial(foundations.layer, **arrays[-1], activation=nn.tanh)
        hidden = [functools.partial(foundations.layer, **part, activation=nn.relu) for part in arrays[:-1]]
        got = foundations.mlp(jnp.asarray(x), arrays, activation=nn.relu, output_activation=nn.tanh)
        assert_close(got, foundations.compose(*hidden, last)(jnp.asarray(x)))


@pytest.mark.row(348)
@configurations()
def test_layer_of_one_example_and_of_a_batch(rng):
    x, kernel, bias = rng.standard_normal((5, 3)), rng.standard_normal((3, 4)), rng.standard_normal(4)
    prove(foundations.layer, [x, kernel, bias], reference=reference.layer, kind="contraction")
    with jax.enable_x64(True):
        x, kernel, bias = (jnp.asarray(a) for a in (x, kernel, bias))
        rows = [nn.sigmoid(kernel.T @ row + bias) for row in x]
        assert_close(foundations.layer(x, kernel, bias), rows)
        assert_close(foundations.layer(x[0], kernel, bias), rows[0])


@pytest.mark.row(351)
@pytest.mark.erratum("E87")
@pytest.mark.parametrize("activation", [nn.relu, nn.abs_rectifier, nn.leaky_relu, nn.softplus, nn.sigmoid, nn.tanh])
def test_hidden_units_are_continuous_and_learn_where_they_are_active(x64, rng, activation):
    x, layers = jnp.asarray(rng.standard_normal((20, 3))), jax.tree.map(jnp.asarray, some_layers(rng))
    hidden = foundations.layer(x, **layers[0], activation=activation)
    # more values than 0 and 1
    assert len(np.unique(np.asarray(hidden))) > 10
    logits = nn.affine(x, layers[0]["kernel"], layers[0]["bias"])
    slopes = jax.grad(lambda z: jnp.sum(activation(z)))(logits)
    if activation is nn.relu:
        # no gradient where, and only where, a unit is inactive
        assert np.array_equal(slopes != 0, logits > 0)
    else:
        assert (slopes != 0).all()
    gradients = jax.grad(lambda layers: jnp.sum(foundations.mlp(x, layers, activation=activation)))(layers)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(gradients))
