"""dlx.linear: gradient descent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import linear, losses
from tests.proof import configurations, prove
from tests.reference import linear_models as reference
from tests.tolerances import assert_close


@pytest.mark.row(59)
@configurations()
def test_squared_error_gradient(rng):
    w, b, x, y = (rng.standard_normal(shape) for shape in ((3,), (), (3,), ()))

    def function(w, b, x, y):
        return linear.squared_error_gradient(linear.LinearParams(w, b), x, y)

    def by_hand(w, b, x, y):
        return linear.LinearParams(*np.split((reference.dot(w, x) + b - y) * np.append(x, 1.0), [3]))

    def flat(w, b, x, y):
        return function(w, b, x, y)._replace(bias=function(w, b, x, y).bias[None])

    prove(flat, [w, b, x, y], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        params = linear.LinearParams(jnp.asarray(w), jnp.asarray(b))

        def half(params):
            return 0.5 * (linear.decision_function(params, jnp.asarray(x)) - y) ** 2

        want, got = jax.grad(half)(params), linear.squared_error_gradient(params, jnp.asarray(x), jnp.asarray(y))
        jax.tree.map(lambda g, w: assert_close(g, w, kind="contraction"), got, want)


@pytest.mark.row(58)
@pytest.mark.erratum("E18")
@pytest.mark.gap("U34")
@configurations()
def test_gradient_step(rng):
    w, b, x, y = (rng.standard_normal(shape) for shape in ((3,), (), (5, 3), (5,)))

    def function(w, b, x, y):
        return linear.gradient_step(linear.LinearParams(w, b), x, y, learning_rate=0.1, l2=0.2)

    def by_hand(w, b, x, y):
        return linear.LinearParams(*reference.gradient_step(w, b, x, y, 0.1, 0.2))

    prove(function, [w, b, x, y], reference=by_hand, kind="contraction", dtypes=("float64", "float32"))


@pytest.mark.row(58, 64)
def test_gradient_steps_end_at_the_closed_form(x64, rng):
    x, y = jnp.asarray(rng.standard_normal((20, 3))), jnp.asarray(rng.standard_normal(20))
    start = linear.LinearParams(jnp.zeros(3), jnp.zeros(()))

    def step(_, params):
        return linear.gradient_step(params, x, y, learning_rate=0.3, l2=0.1)

    got = jax.lax.fori_loop(0, 1000, step, start)
    jax.tree.map(assert_close, got, linear.ridge(x, y, l2=0.1))


@pytest.mark.row(58)
def test_minibatch_sgd_recovers_the_line_that_made_the_data(x64, rng):
    x = jnp.asarray(rng.standard_normal((1000, 2)))
    y = x @ jnp.array([2, -3.4]) + 4.2 + 0.01 * rng.standard_normal(1000)
    start = linear.LinearParams(jnp.zeros(2), jnp.zeros(()))
    options = {"learning_rate": 0.03, "batch_size": 10, "epochs": 3}
    got = linear.minibatch_sgd(jax.random.key(0), start, x, y, loss=half_squared_error, **options)
    np.testing.assert_allclose(got.kernel, [2, -3.4], atol=0.01)  # the noise of the minibatches
    np.testing.assert_allclose(got.bias, 4.2, atol=0.01)
    same = linear.minibatch_sgd(jax.random.key(0), start, x, y, loss=half_squared_error, **options)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, got, same))


@pytest.mark.row(58)
def test_minibatch_sgd_on_the_whole_batch_is_the_gradient_step(x64, rng):
    x, y = jnp.asarray(rng.standard_normal((6, 2))), jnp.asarray(rng.standard_normal(6))
    start = want = linear.LinearParams(jnp.asarray(rng.standard_normal(2)), jnp.asarray(0.5))
    for _ in range(4):
        want = linear.gradient_step(want, x, y, learning_rate=0.1, l2=0.2)
    options = {"learning_rate": 0.1, "batch_size": 6, "epochs": 4, "l2": 0.2}
    got = linear.minibatch_sgd(jax.random.key(1), start, x, y, loss=half_squared_error, **options)
    jax.tree.map(lambda g, w: assert_close(g, w, kind="contraction"), got, want)


@pytest.mark.row(60)
def test_minibatch_sgd_with_cross_entropy_comes_near_softmax_regression(x64, rng):
    x = jnp.asarray(rng.standard_normal((64, 2)))
    labels = jnp.asarray(np.argmax(np.asarray(x) @ rng.standard_normal((2, 3)), axis=1))
    start = linear.LinearParams(jnp.zeros((2, 3)), jnp.zeros(3))
    options = {"learning_rate": 0.5, "batch_size": 64, "epochs": 500, "l2": 0.05}
    got = linear.minibatch_sgd(jax.random.key(0), start, x, labels, loss=losses.softmax_cross_entropy, **options)
    want = linear.softmax_regression(x, labels, classes=3, l2=0.05, tolerance=1e-12).params
    jax.tree.map(lambda g, w: np.testing.assert_allclose(g, w, atol=1e-8), got, want)


def half_squared_error(outputs, targets):
    return losses.squared_error(outputs, targets, half=True)
