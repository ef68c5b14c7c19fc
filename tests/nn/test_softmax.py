"""dlx.nn: softmax, its logarithm, logsumexp, one-hot vectors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations, prove, shape
from tests.reference import activations as reference
from tests.tolerances import assert_close


@pytest.mark.row(6, 7)
@configurations()
@pytest.mark.parametrize(
    ("function", "by_hand", "library"),
    [
        (nn.softmax, reference.softmax, jax.nn.softmax),
        (nn.log_softmax, lambda x: x - reference.logsumexp(x)[..., None], jax.nn.log_softmax),
        (nn.logsumexp, reference.logsumexp, lambda x: jax.nn.logsumexp(x, axis=-1)),
    ],
    ids=["softmax", "log_softmax", "logsumexp"],
)
def test_softmax_family(rng, function, by_hand, library):
    x = 3 * rng.standard_normal(shape(rng))
    # sums of up to six terms, and values to ten, in one rounding more than an elementwise function
    prove(function, [x], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        assert_close(function(jnp.asarray(x)), library(jnp.asarray(x)))


@pytest.mark.row(6)
def test_softmax_is_the_gradient_of_logsumexp_and_ignores_a_shift(x64, rng):
    x = jnp.asarray(rng.standard_normal(6))
    assert_close(jax.grad(nn.logsumexp)(x), nn.softmax(x))
    assert_close(nn.softmax(x + 50), nn.softmax(x))
    assert_close(jnp.sum(nn.softmax(x)), 1)


@pytest.mark.row(6, 49)
def test_the_jacobian_of_softmax(x64, rng):
    x = jnp.asarray(rng.standard_normal(5))
    p = np.asarray(nn.softmax(x))
    assert_close(jax.jacobian(nn.softmax)(x), np.diag(p) - np.outer(p, p))


@pytest.mark.row(6, 7)
def test_axis(x64, rng):
    x = jnp.asarray(rng.standard_normal((3, 4, 2)))
    for function in (nn.softmax, nn.log_softmax):
        assert_close(function(x, axis=1), jnp.swapaxes(function(jnp.swapaxes(x, 1, -1)), 1, -1))
    assert_close(nn.logsumexp(x, axis=1), nn.logsumexp(jnp.swapaxes(x, 1, -1)))


@pytest.mark.row(7, 38)
@pytest.mark.parametrize("function", [nn.softmax, nn.log_softmax, nn.logsumexp])
def test_large_logits(function):
    x = jnp.array([-1e4, 0.0, 1e4], jnp.float32)
    value, pull = jax.vjp(function, x)
    assert np.isfinite(value).all()
    assert np.isfinite(pull(jnp.ones_like(value))[0]).all()


@pytest.mark.row(7, 38)
def test_minus_infinity_masks():
    x = jnp.array([-jnp.inf, 0.0, 0.0])
    assert nn.softmax(x).tolist() == [0, 0.5, 0.5]
    assert nn.log_softmax(x)[0] == -jnp.inf
    assert nn.logsumexp(jnp.full(3, -jnp.inf)) == -jnp.inf


@pytest.mark.row(39)
@configurations()
def test_one_hot(rng):
    classes = int(rng.integers(2, 6))
    labels = rng.integers(0, classes, shape(rng), dtype=np.int32)

    def by_hand(labels):
        return np.array([[float(c == label) for c in range(classes)] for label in labels.ravel()]).reshape(
            *labels.shape, classes
        )

    prove(lambda labels: nn.one_hot(labels, classes), [labels], reference=by_hand, dtypes=("float32",), gradients=[])
    with jax.enable_x64(True):
        got = nn.one_hot(jnp.asarray(labels), classes, dtype=jnp.float64)
        assert_close(got, jax.nn.one_hot(labels, classes, dtype=jnp.float64))
        assert_close(jnp.sum(got, -1), np.ones(labels.shape))


@pytest.mark.row(39)
def test_one_hot_of_small_integers_and_outside():
    labels = jnp.array([255, 0], jnp.uint8)
    assert jnp.argmax(nn.one_hot(labels, 300), -1).tolist() == [255, 0]
    # as jax.nn.one_hot, where labels cannot be looked at
    assert jax.jit(lambda labels: nn.one_hot(labels, 3))(jnp.array([-1, 3])).sum() == 0
    assert nn.one_hot(labels, 300, dtype=jnp.bfloat16).dtype == jnp.bfloat16
