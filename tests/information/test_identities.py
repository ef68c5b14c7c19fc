"""dlx.information: what holds for every distribution."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from dlx import information
from tests.information.strategies import distributions, properties, transitions

SLACK = 1e-12
X, Y = 3, 4


def measure(compiled, *arrays):
    """A compiled function in float64, so that an example costs a call."""
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, compiled(*(jnp.asarray(a) for a in arrays)))


@jax.jit
def everything(joint):
    return {
        "x": information.entropy(joint.sum(1)),
        "y": information.entropy(joint.sum(0)),
        "xy": information.joint_entropy(joint),
        "y|x": information.conditional_entropy(joint),
        "x|y": information.conditional_entropy(joint, given="y"),
        "i": information.mutual_information(joint),
        "i'": information.mutual_information(joint.T),
        "parts": jnp.stack(
            [
                information.mutual_information(joint, form=form)
                for form in ("expected_divergence", "entropies", "conditional", "remainder")
            ]
        ),
        "kl": information.kl_divergence(joint.ravel(), jnp.outer(joint.sum(1), joint.sum(0)).ravel()),
        "columns": information.entropy(joint / jnp.sum(joint, axis=1, keepdims=True)),
    }


@jax.jit
def of_two(p, q):
    return information.kl_divergence(p, q), information.cross_entropy(p, q), information.entropy(p)


@jax.jit
def of_one(p):
    return information.entropy(p), information.perplexity(p)


@jax.jit
def of_a_channel(joint, channel):
    return information.mutual_information(joint), information.mutual_information(joint @ channel)


@jax.jit
def of_independent(p, q):
    joint = jnp.outer(p, q)
    return (
        information.joint_entropy(joint),
        information.entropy(p),
        information.entropy(q),
        information.mutual_information(joint),
    )


@jax.jit
def of_a_mixture(p, q):
    return information.entropy((p + q) / 2), (information.entropy(p) + information.entropy(q)) / 2


@pytest.mark.row(284, 291)
@properties
@given(distributions(5), distributions(5))
def test_gibbs(p, q):
    divergence, cross, own = measure(of_two, p, q)
    assert divergence >= -SLACK
    assert cross >= own - SLACK
    if np.any((p > 0) & (q == 0)):
        assert divergence == cross == math.inf
    else:
        assert abs(cross - own - divergence) <= SLACK
        # Pinsker's inequality: only equal distributions have no divergence
        assert divergence >= np.abs(p - q).sum() ** 2 / 2 - SLACK


@pytest.mark.row(282, 285)
@pytest.mark.erratum("E67")
@properties
@given(distributions(6))
def test_entropy_lies_between_zero_and_log_k(p):
    nats, number = measure(of_one, p)
    assert -SLACK <= nats <= math.log(np.count_nonzero(p)) + SLACK
    assert abs(number - math.exp(nats)) <= 1e-11
    assert abs(nats - math.log(6)) >= ((p - 1 / 6) ** 2).sum() / 2 - SLACK


@pytest.mark.row(286, 287, 288, 289, 292)
@pytest.mark.erratum("E68", "E69")
@properties
@given(distributions(X, Y))
def test_identities_of_two_variables(joint):
    m = measure(everything, joint)
    assert max(m["x"], m["y"]) - SLACK <= m["xy"] <= m["x"] + m["y"] + SLACK
    # the chain rule, both ways
    assert abs(m["x"] + m["y|x"] - m["xy"]) <= SLACK
    assert abs(m["y"] + m["x|y"] - m["xy"]) <= SLACK
    assert m["y|x"] >= -SLACK
    assert m["y|x"] <= m["y"] + SLACK
    assert m["i"] >= -SLACK
    assert m["i"] <= min(m["x"], m["y"]) + SLACK
    assert abs(m["i"] - m["i'"]) <= SLACK
    assert np.all(np.abs(m["parts"] - m["i"]) <= SLACK)
    assert abs(m["kl"] - m["i"]) <= SLACK


@pytest.mark.row(289)
@properties
@given(distributions(X, Y), transitions(Y, 3))
def test_data_processing_inequality(joint, channel):
    """X -> Y -> Z: what is made of Y tells no more about X than Y."""
    before, after = measure(of_a_channel, joint, channel)
    assert after <= before + SLACK


@pytest.mark.row(293)
@pytest.mark.erratum("E65")
@pytest.mark.gap("U30")
@properties
@given(distributions(3), distributions(4))
def test_entropies_of_independent_variables_add(p, q):
    both, first, second, shared = measure(of_independent, p, q)
    assert abs(both - first - second) <= SLACK
    assert abs(shared) <= SLACK


@pytest.mark.row(293)
@pytest.mark.gap("U30")
@properties
@given(distributions(2, 5))
def test_entropy_is_concave_and_divergence_convex(pair):
    p, q = pair[0] + 1e-3, pair[1] + 1e-3
    p, q = p / p.sum(), q / q.sum()
    mixed, separate = measure(of_a_mixture, p, q)
    assert mixed >= separate - SLACK
