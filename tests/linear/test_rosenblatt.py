"""dlx.linear: the perceptron."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx import linear
from tests.proof import configurations
from tests.reference import linear_models as reference
from tests.tolerances import assert_close

CORNERS = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "nand": [1, 1, 1, 0]}


def separable(seed, examples=30, features=3, margin=0.1):
    """Points off a random plane, the plane and their classes."""
    rng = np.random.default_rng(seed)
    kernel, bias = rng.standard_normal(features), rng.standard_normal()
    x = rng.standard_normal((examples, features))
    side = np.where(x @ kernel + bias > 0, 1, -1)
    x = x + margin * side[:, None] * kernel / np.linalg.norm(kernel)
    params = linear.LinearParams(jnp.asarray(kernel, jnp.float32), jnp.float32(bias))
    return params, jnp.asarray(x, jnp.float32), jnp.asarray(side > 0, jnp.int32)


@pytest.mark.row(41)
@pytest.mark.parametrize(
    ("kernel", "bias", "table"), [([1, 1], -1.5, "and"), ([1, 1], -0.5, "or"), ([-1, -1], 1.5, "nand")]
)
def test_perceptron_output_of_gates(kernel, bias, table):
    params = linear.LinearParams(jnp.array(kernel, jnp.float32), jnp.float32(bias))
    assert linear.perceptron_output(params, CORNERS).tolist() == GATES[table]


@pytest.mark.row(41)
def test_perceptron_output_of_not_and_at_zero():
    params = linear.LinearParams(jnp.array([-1.0]), jnp.array(0.5))
    assert linear.perceptron_output(params, jnp.array([[0.0], [1.0]])).tolist() == [1, 0]
    assert linear.perceptron_output(params, jnp.array([0.5])) == 0
    assert linear.perceptron_output(params, jnp.zeros((2, 1), jnp.float32)).dtype == jnp.float32


@pytest.mark.row(41)
@configurations()
def test_perceptron_output_is_scikit_learns(rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    kernel, bias, x = rng.standard_normal(4), rng.standard_normal(), rng.standard_normal((30, 4))
    model = linear_model.Perceptron()
    model.coef_, model.intercept_, model.classes_ = kernel[None], np.array([bias]), np.array([0, 1])
    with jax.enable_x64(True):
        got = linear.perceptron_output(linear.LinearParams(jnp.asarray(kernel), jnp.asarray(bias)), jnp.asarray(x))
        assert_close(got, model.predict(x))
        assert_close(got, [float(sum(w * v for w, v in zip(kernel, row, strict=True)) + bias > 0) for row in x])


@pytest.mark.row(42)
def test_perceptron_step():
    params = linear.LinearParams(jnp.array([1.0, -2.0]), jnp.array(0.5))
    x = jnp.array([2.0, 1.0])  # output 1
    assert jax.tree.all(jax.tree.map(jnp.array_equal, linear.perceptron_step(params, x, jnp.array(1)), params))
    for other in (0, -1):
        moved = linear.perceptron_step(params, x, jnp.array(other), learning_rate=0.5)
        assert moved.kernel.tolist() == [0, -2.5]
        assert moved.bias == 0
    raised = linear.perceptron_step(params, jnp.array([-2.0, 1.0]), jnp.array(1), learning_rate=0.5)
    assert raised.kernel.tolist() == [0, -1.5]
    assert raised.bias == 1


@pytest.mark.row(42)
@pytest.mark.gap("U1")
@pytest.mark.erratum("E97")
@pytest.mark.parametrize("gate", GATES)
def test_perceptron_learns_gates(gate):
    fit = linear.perceptron(CORNERS, jnp.array(GATES[gate]))
    assert fit.converged
    assert linear.perceptron_output(fit.params, CORNERS).tolist() == GATES[gate]


@pytest.mark.row(42)
@configurations()
def test_perceptron_step_by_step(rng):
    x, y = rng.standard_normal((12, 3)), rng.integers(0, 2, 12)
    want = reference.perceptron(x, y, 0.5, 6)
    with jax.enable_x64(True):
        fit = jax.jit(lambda x, y: linear.perceptron(x, y, learning_rate=0.5, max_epochs=6))(jnp.asarray(x), y)
        assert_close(fit.params.kernel, want[0])
        assert_close(fit.params.bias, want[1])
    assert (int(fit.mistakes), int(fit.epochs), bool(fit.converged)) == want[2:]


@pytest.mark.row(42)
@configurations()
def test_perceptron_is_scikit_learns(rng):
    """Theirs counts an output of exactly 0 as wrong for both classes; with the first example positive none is 0."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    y[0] = 1
    model = linear_model.Perceptron(shuffle=False, tol=None, max_iter=7).fit(x, y)
    with jax.enable_x64(True):
        fit = linear.perceptron(jnp.asarray(x), jnp.asarray(y), max_epochs=7)
        assert_close(fit.params.kernel, model.coef_[0])
        assert_close(fit.params.bias, model.intercept_[0])


@pytest.mark.row(42)
@pytest.mark.gap("U1")
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.3, 1.0]), st.sampled_from([0.1, 1.0, 3.0]))
def test_mistakes_are_at_most_novikoffs_bound(seed, margin, learning_rate):
    plane, x, y = separable(seed, margin=margin)
    bound = linear.novikoff_bound(plane, x, y)
    assert jnp.isfinite(bound)
    fit = linear.perceptron(x, y, learning_rate=learning_rate, max_epochs=5000)
    assert fit.converged
    assert fit.mistakes <= bound
    # by the plane that it found, too
    assert fit.mistakes <= linear.novikoff_bound(fit.params, x, y)


@pytest.mark.row(42)
def test_novikoff_bound_of_two_points(x64):
    """[x, 1] = (3, 1) and (-3, 1), plane w = 1: R^2 = 10, margin 3."""
    plane = linear.LinearParams(jnp.array([1.0]), jnp.array(0.0))
    x = jnp.array([[3.0], [-3.0]])
    assert_close(linear.novikoff_bound(plane, x, jnp.array([1, -1])), 10 / 9)
    assert linear.novikoff_bound(plane, x, jnp.array([0, 1])) == np.inf


@pytest.mark.row(42)
@pytest.mark.gap("U1")
def test_xor_is_never_learnt():
    fit = linear.perceptron(CORNERS, jnp.array([0, 1, 1, 0]), max_epochs=500)
    assert not fit.converged
    assert fit.epochs == 500
    assert fit.mistakes >= 500  # at least one in every pass
