"""dlx.backprop: numerical gradients and the report on a derived one."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop
from tests.backprop.networks import random_network
from tests.proof import configurations
from tests.tolerances import assert_close


def network_cost(rng):
    """(compiled cost of the parameters, parameters, gradient by the delta recursion)."""
    params, inputs, targets = jax.tree.map(jnp.asarray, random_network(rng))
    options = {"activation": "tanh", "weight_decay": 0.1}
    gradient = backprop.delta_gradients(params, inputs, targets, **options)
    return jax.jit(lambda params: backprop.cost(params, inputs, targets, **options)), params, gradient


@pytest.mark.row(54)
@pytest.mark.erratum("E16")
def test_central_difference_one_coordinate_at_a_time():
    seen = []

    def function(t):
        seen.append(np.array(t))
        return t[0] ** 3 + 10 * t[1]

    got = backprop.numerical_gradient(function, np.array([2.0, 1.0]), eps=0.5)
    # (2.5^3 - 1.5^3) / 1: a forward difference would give 15.25 instead
    assert got.tolist() == [12.25, 10]
    assert [point.tolist() for point in seen] == [[2.5, 1], [1.5, 1], [2, 1.5], [2, 0.5]]


@pytest.mark.row(54)
@pytest.mark.erratum("E16")
@configurations()
def test_the_central_difference_of_a_quadratic_is_its_gradient(rng):
    """Whatever the step: the third derivative is 0. A one-sided difference is off by eps a_ii."""
    matrix, x = rng.standard_normal((5, 5)), rng.standard_normal(5)
    matrix = matrix + matrix.T

    def function(t):
        return 0.5 * sum(t[i] * matrix[i, j] * t[j] for i in range(5) for j in range(5))

    want = [sum(matrix[i, j] * x[j] for j in range(5)) for i in range(5)]
    for eps in (0.25, 2.0):
        assert_close(backprop.numerical_gradient(function, x, eps=eps), want, kind="contraction")
    assert_close(backprop.numerical_jacobian(lambda t: matrix @ t, x, eps=0.25), matrix, kind="contraction")
    coordinate = backprop.gradient_check(function, x, np.array(want), eps=0.25).worst
    assert_close(coordinate.numeric, want[coordinate.entry[0]], kind="contraction")


@pytest.mark.row(54)
@pytest.mark.erratum("E16")
@configurations()
def test_numerical_gradient_of_a_network(rng):
    with jax.enable_x64(True):
        function, params, gradient = network_cost(rng)
        # the truncation falls with eps^2: 2e-7 of some networks' gradients at the notes' 1e-4, 2e-9 here
        got = backprop.numerical_gradient(function, params, eps=1e-5)
        coarse = backprop.numerical_gradient(function, params)
        want = jax.grad(function)(params)
        assert jax.tree.structure(got) == jax.tree.structure(want)
        largest = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(want))
        for ours, rough, theirs, derived in zip(*map(jax.tree.leaves, (got, coarse, want, gradient)), strict=True):
            assert ours.shape == theirs.shape
            # the row's bound: 1e-7 relative, float64
            assert np.max(np.abs(ours - theirs)) < 1e-7 * largest
            assert np.max(np.abs(ours - derived)) < 1e-7 * largest
            # what 003 expects of its step
            assert np.max(np.abs(rough - theirs)) < 1e-4


@pytest.mark.row(54)
def test_the_step_of_the_notes_agrees_to_their_four_digits_in_float32(rng):
    """eps = 1e-4 and float32 numbers: what 003 expects needs a function that computes in float64."""
    x = rng.standard_normal(4).astype(np.float32)
    got = backprop.numerical_gradient(lambda t: math.fsum(math.sin(v) for v in t), x)
    np.testing.assert_allclose(got, np.cos(x.astype(np.float64)), atol=1e-4)


@pytest.mark.row(54)
def test_arrays_stay_of_their_kind_and_unchanged():
    params = {"a": np.ones((2, 1)), "b": (jnp.ones(()), np.zeros((0, 3)))}
    kinds = []

    def function(p):
        kinds.append((type(p["a"]), isinstance(p["b"][0], jax.Array)))
        return float(p["a"].sum() * 2 + p["b"][0])

    got = backprop.numerical_gradient(function, params, eps=0.25)
    assert set(kinds) == {(np.ndarray, True)}
    assert got["a"].tolist() == [[2], [2]]
    assert (float(got["b"][0]), got["b"][1].shape) == (1, (0, 3))
    assert (params["a"] == 1).all()


@pytest.mark.row(54)
@configurations()
def test_a_right_gradient_passes(rng):
    with jax.enable_x64(True):
        function, params, gradient = network_cost(rng)
        report = backprop.gradient_check(function, params, gradient)
    assert report.passed
    assert report.checked == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert len(report.leaves) == len(jax.tree.leaves(params))
    assert report.worst.error == max(leaf.error for leaf in report.leaves) < report.tolerance
    assert str(report).startswith(f"gradient check passed: {report.checked} entries")
    assert "<-" not in str(report)


@pytest.mark.row(54)
def test_a_wrong_entry_is_found_and_printed(x64, rng):
    function, params, gradient = network_cost(rng)
    entry = tuple(int(n) - 1 for n in gradient[-1]["weights"].shape)
    right = float(gradient[-1]["weights"][entry])
    gradient[-1]["weights"] = gradient[-1]["weights"].at[entry].set(-right)
    report = backprop.gradient_check(function, params, gradient)
    assert not report.passed
    assert (report.worst.leaf, report.worst.entry) == (f"{len(params) - 1}/weights", entry)
    assert report.worst.analytic == -right
    assert abs(report.worst.numeric - right) < 1e-7
    lines = str(report).splitlines()
    assert lines[0].startswith("gradient check FAILED")
    assert [line.endswith("<-") for line in lines[2:]] == [True] + [False] * (len(lines) - 3)
    assert f"{len(params) - 1}/weights" in lines[2]
    assert len(lines) == 2 + len(report.leaves)


@pytest.mark.row(54)
def test_the_relative_error():
    numeric = np.array([3.0, 4.0, 0.0])

    def function(t):
        return float(numeric @ t)

    def error(gradient, **options):
        return backprop.gradient_check(function, np.zeros(3), np.array(gradient), eps=0.5, **options).worst

    assert error([3.0, 4.5, 0.0])[2:] == ((1,), 4.5, 4.0, 0.5 / 4.5)
    # a small entry is measured against the root mean square of all
    assert math.isclose(error([3.0, 4.0, 0.1]).error, 0.1 / math.sqrt(25 / 3))
    tiny = backprop.gradient_check(lambda t: 0.0, np.zeros(2), np.array([1e-12, 0]))
    assert tiny.passed
    assert math.isclose(tiny.worst.error, 1e-7)
    assert not backprop.gradient_check(lambda t: 0.0, np.zeros(2), np.array([1e-12, 0]), floor=1e-9).passed


@pytest.mark.row(54)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_is_not_finite_does_not_pass(bad):
    report = backprop.gradient_check(lambda t: float(t.sum()), np.zeros(2), np.array([1.0, bad]))
    assert not report.passed
    assert (report.worst.entry, report.worst.error) == ((1,), math.inf)
    broken = backprop.gradient_check(lambda t: bad, np.zeros(2), np.zeros(2))
    assert not broken.passed


@pytest.mark.row(54)
def test_some_entries_of_each_leaf():
    calls = []

    def function(p):
        calls.append(1)
        return float((p["a"] ** 2).sum() + p["b"].sum())

    params = {"a": np.arange(100.0).reshape(10, 10), "b": np.zeros(2), "c": np.zeros(0)}
    gradient = {"a": 2 * params["a"], "b": np.ones(2), "c": np.zeros(0)}
    report = backprop.gradient_check(function, params, gradient, max_entries=4)
    assert (report.checked, len(calls), report.passed) == (6, 12, True)
    wrong = {**gradient, "a": gradient["a"] + np.eye(10)[9] * np.eye(10)[:, 9:]}
    # the last entry is always among them
    assert backprop.gradient_check(function, params, wrong, max_entries=4).worst.entry == (9, 9)


@pytest.mark.row(54)
def test_one_array_has_no_name():
    report = backprop.gradient_check(lambda t: float(t**2), np.array(3.0), np.array(6.0))
    assert isinstance(report, backprop.GradientReport)
    assert isinstance(report.worst, backprop.Coordinate)
    assert str(report).splitlines()[2].startswith("-     ()")


@pytest.mark.row(54)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_right_gradient_passes_in_float32_and_the_report_tells_of_rounding(rng, compiled):
    weights = jnp.asarray(rng.standard_normal((5, 3)), jnp.float32)
    x = jnp.asarray(rng.standard_normal(3), jnp.float32)

    def function(t):
        return jnp.sum(jnp.tanh(weights @ t))

    gradient = jax.grad(function)(x)
    report = backprop.gradient_check(jax.jit(function) if compiled else function, x, gradient)
    assert report.passed
    # 2^-23 / 1e-4
    assert math.isclose(report.rounding, 1.1920929e-3, rel_tol=1e-6)
    assert math.isclose(report.tolerance, 10 * report.rounding)
    assert "Rounding alone makes errors of about 1e-03" in str(report).splitlines()[-1]
    assert not backprop.gradient_check(function, x, gradient.at[1].mul(-1)).passed
    strict = backprop.gradient_check(function, x, gradient, tolerance=1e-9)
    assert (strict.passed, strict.tolerance) == (False, 1e-9)


@pytest.mark.row(54)
def test_in_float64_the_tolerance_is_a_millionth():
    report = backprop.gradient_check(lambda t: float(t @ t), np.ones(2), np.full(2, 2.0))
    assert (report.passed, report.tolerance) == (True, 1e-6)
    assert "Rounding" not in str(report)
