"""dlx.losses: cross entropies."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, nn
from tests.proof import configurations, prove, shape
from tests.reference import losses as reference
from tests.tolerances import assert_close


def distributions(rng, size):
    weights = rng.uniform(0.1, 1, size)
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.row(18)
@configurations()
def test_softmax_cross_entropy_of_integers(rng):
    torch = pytest.importorskip("torch")
    logits = 3 * rng.standard_normal(shape(rng))
    labels = rng.integers(0, logits.shape[-1], logits.shape[:-1])
    prove(losses.softmax_cross_entropy, [logits, labels], reference=reference.softmax_cross_entropy, kind="contraction")
    with jax.enable_x64(True):
        got = losses.softmax_cross_entropy(jnp.asarray(logits), jnp.asarray(labels))
        assert_close(got, optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), jnp.asarray(labels)))
        theirs = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels), reduction="none")
        assert_close(got, theirs.numpy())


@pytest.mark.row(17, 18)
@pytest.mark.erratum("E2")
@configurations()
def test_softmax_cross_entropy_of_distributions(rng):
    logits = 3 * rng.standard_normal(shape(rng))
    labels = distributions(rng, logits.shape)
    prove(losses.softmax_cross_entropy, [logits, labels], reference=reference.softmax_cross_entropy, kind="contraction")
    with jax.enable_x64(True):
        got = losses.softmax_cross_entropy(jnp.asarray(logits), jnp.asarray(labels))
        assert_close(got, optax.softmax_cross_entropy(jnp.asarray(logits), jnp.asarray(labels)))


@pytest.mark.row(18)
def test_the_gradient_is_softmax_minus_one_hot(x64, rng):
    logits, labels = jnp.asarray(rng.standard_normal((4, 5))), jnp.array([0, 4, 2, 2], jnp.uint8)
    want = nn.softmax(logits) - nn.one_hot(labels, 5, dtype=jnp.float64)
    for given in (labels, nn.one_hot(labels, 5, dtype=jnp.float64)):
        assert_close(jax.grad(lambda z, given=given: losses.softmax_cross_entropy(z, given).sum())(logits), want)


@pytest.mark.row(18)
@configurations()
def test_label_smoothing(rng):
    torch = pytest.importorskip("torch")
    alpha = float(rng.uniform(0.05, 0.5))
    logits = rng.standard_normal((4, 6))
    labels = rng.integers(0, 6, 4)
    want = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(labels), reduction="none", label_smoothing=alpha
    )
    with jax.enable_x64(True):
        for given in (jnp.asarray(labels), jnp.asarray(np.eye(6)[labels])):
            got = losses.softmax_cross_entropy(jnp.asarray(logits), given, label_smoothing=alpha)
            assert_close(got, want.numpy())


@pytest.mark.row(18, 38)
def test_large_and_masked_logits():
    logits = jnp.array([[1e4, 0.0, -1e4], [-jnp.inf, 0.0, 0.0]], jnp.float32)
    labels = jnp.array([2, 1])
    value, gradient = jax.value_and_grad(lambda z: losses.softmax_cross_entropy(z, labels).sum())(logits)
    assert_close(value, 2e4 + np.log(2))
    assert np.isfinite(gradient).all()
    assert_close(losses.softmax_cross_entropy(logits, jax.nn.one_hot(labels, 3)), [2e4, np.log(2)])


@pytest.mark.row(18)
def test_a_label_that_is_no_class_gives_nan():
    got = losses.softmax_cross_entropy(jnp.zeros((3, 4)), jnp.array([-1, 3, 4]))
    assert np.isnan(got).tolist() == [True, False, True]


@pytest.mark.row(17)
@pytest.mark.erratum("E2")
@configurations()
def test_categorical_cross_entropy(rng):
    batch, classes = shape(rng)
    probabilities, labels = distributions(rng, (batch, classes)), distributions(rng, (batch, classes))
    prove(
        losses.categorical_cross_entropy,
        [probabilities, labels],
        reference=reference.categorical_cross_entropy,
        kind="contraction",
    )
    with jax.enable_x64(True):
        uniform, labels = jnp.full((batch, classes), 1 / classes), jnp.asarray(labels)
        assert_close(losses.categorical_cross_entropy(uniform, labels), np.full(batch, np.log(classes)))
        mean = losses.categorical_cross_entropy(uniform, labels, class_mean=True)
        assert_close(mean, np.full(batch, np.log(classes) / classes))


@pytest.mark.row(19)
@pytest.mark.erratum("E3")
@configurations()
def test_binary_cross_entropy(rng):
    torch = pytest.importorskip("torch")
    size = shape(rng)
    p, y = rng.uniform(0.05, 0.95, size), rng.uniform(0, 1, size)
    prove(losses.binary_cross_entropy, [p, y], reference=reference.binary_cross_entropy, kind="contraction")
    with jax.enable_x64(True):
        got = losses.binary_cross_entropy(jnp.asarray(p), jnp.asarray(y), features="mean")
        theirs = torch.nn.functional.binary_cross_entropy(torch.tensor(p), torch.tensor(y), reduction="none")
        assert_close(got, theirs.numpy().mean(1))


@pytest.mark.row(19)
@pytest.mark.erratum("E3")
def test_binary_cross_entropy_is_positive_and_clipped():
    y = jnp.array([0.0, 1.0, 0.0, 1.0])
    p = jnp.array([0.9, 0.9, 1.0, 0.0])
    got = losses.binary_cross_entropy(p, y, eps=1e-3)
    assert_close(got, -np.log([0.1, 0.9, 1e-3, 1e-3]), factor=30)  # 1 - p is rounded: relative error 6e-8 / 1e-3
    assert np.isfinite(losses.binary_cross_entropy(p, y)).all()


@pytest.mark.row(19)
@configurations()
def test_sigmoid_binary_cross_entropy(rng):
    torch = pytest.importorskip("torch")
    size = shape(rng)
    x, y = 3 * rng.standard_normal(size), rng.uniform(0, 1, size)

    def by_hand(x, y):
        return reference.binary_cross_entropy(1 / (1 + np.exp(-x)), y)

    prove(losses.sigmoid_binary_cross_entropy, [x, y], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        x, y = jnp.asarray(x), jnp.asarray(y)
        got = losses.sigmoid_binary_cross_entropy(x, y)
        theirs = torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(np.array(x)), torch.tensor(np.array(y)), reduction="none"
        )
        assert_close(got, theirs.numpy().sum(1))
        gradient = jax.grad(lambda x: losses.sigmoid_binary_cross_entropy(x, y).sum())(x)
        assert_close(gradient, nn.sigmoid(x) - y)


@pytest.mark.row(19, 38)
def test_sigmoid_binary_cross_entropy_of_large_logits():
    x, y = jnp.array([1e4, -1e4, 1e4, 20.0], jnp.float32), jnp.array([1.0, 0.0, 0.0, 1.0])
    value, pull = jax.vjp(lambda x: losses.sigmoid_binary_cross_entropy(x, y), x)
    np.testing.assert_allclose(value, [0, 0, 1e4, np.log1p(np.exp(-20))], rtol=1e-6)
    assert np.isfinite(pull(jnp.ones(4))[0]).all()
