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
    prove(
        losses.softmax_cross_entropy,
        [logits, labels],
        reference=reference.softmax_cross_entropy,
        kind="contraction",
        another=lambda rows: rows[:, ::-1],  # distributions still
    )
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


@pytest.mark.row(18, 23)
@pytest.mark.parametrize("weights", [None, jnp.ones(4)])
@pytest.mark.parametrize("function", [losses.softmax_cross_entropy, losses.negative_log_likelihood])
def test_a_label_that_is_no_class_gives_nan_where_it_cannot_be_looked_at(function, weights):
    got = jax.jit(lambda z, y: function(z, y, class_weights=weights))(jnp.zeros((3, 4)), jnp.array([-1, 3, 4]))
    assert np.isnan(got).tolist() == [True, False, True]


@pytest.mark.row(18, 23)
@configurations()
def test_class_weights(rng):
    torch = pytest.importorskip("torch").nn.functional
    from torch import tensor

    alpha = float(rng.uniform(0.05, 0.5))
    logits, labels, weights = rng.standard_normal((5, 4)), rng.integers(0, 4, 5), rng.uniform(0.2, 2, 4)
    soft = distributions(rng, (5, 4))
    with jax.enable_x64(True):
        z, y, w = jnp.asarray(logits), jnp.asarray(labels), jnp.asarray(weights)
        for ours, theirs in ((y, labels), (jnp.asarray(soft), soft)):
            got = losses.softmax_cross_entropy(z, ours, class_weights=w, label_smoothing=alpha)
            want = torch.cross_entropy(
                tensor(logits), tensor(theirs), tensor(weights), reduction="none", label_smoothing=alpha
            )
            assert_close(got, want.numpy())
        got = losses.softmax_cross_entropy(z, y, class_weights=w)
        assert_close(got, w[y] * losses.softmax_cross_entropy(z, y))
        want = torch.cross_entropy(tensor(logits), tensor(labels), tensor(weights))
        assert_close(got.sum() / w[y].sum(), want.numpy())


@pytest.mark.row(23)
@configurations()
def test_negative_log_likelihood(rng):
    torch = pytest.importorskip("torch")
    logs = np.log(distributions(rng, shape(rng)))
    labels, weights = rng.integers(0, logs.shape[1], len(logs)), rng.uniform(0.2, 2, logs.shape[1])

    def by_hand(logs, labels):
        return np.array([-weights[c] * row[c] for row, c in zip(logs, labels, strict=True)])

    def weighted(logs, labels):
        return losses.negative_log_likelihood(logs, labels, class_weights=jnp.asarray(weights, logs.dtype))

    # the weights are rounded to the dtype, the reference's are not
    prove(
        weighted,
        [logs, labels],
        reference=by_hand,
        kind="contraction",
        dtypes=("float64", "float32"),
        another=lambda rows: rows[:, ::-1],  # distributions still
    )
    with jax.enable_x64(True):
        ours, w = (jnp.asarray(logs), jnp.asarray(labels)), jnp.asarray(weights)
        for how in ("sum", "mean"):
            want = torch.nn.functional.nll_loss(
                torch.tensor(logs), torch.tensor(labels), torch.tensor(weights), reduction=how
            )
            plain = losses.negative_log_likelihood(*ours)
            assert_close(losses.reduce(plain, w[ours[1]], how=how), want.numpy())
        assert_close(
            losses.reduce(weighted(*ours), how="sum"), -np.sum(weights[labels] * logs[range(len(logs)), labels])
        )
        assert_close(
            losses.negative_log_likelihood(nn.log_softmax(ours[0]), ours[1]), losses.softmax_cross_entropy(*ours)
        )


@pytest.mark.row(23)
def test_a_class_of_weight_zero_counts_nothing():
    logs, weights = jnp.log(jnp.array([[0.0, 1.0], [0.5, 0.5]])), jnp.array([0.0, 2.0])
    got = losses.negative_log_likelihood(logs, jnp.array([0, 1]), class_weights=weights)
    assert_close(got, [0, 2 * np.log(2)])
    assert_close(losses.softmax_cross_entropy(logs, jnp.array([0, 1]), class_weights=weights), [0, 2 * np.log(2)])


@pytest.mark.row(17)
@pytest.mark.erratum("E2")
@configurations()
def test_categorical_cross_entropy(rng):
    batch, classes = shape(rng)
    probabilities, labels = distributions(rng, (batch, classes)), distributions(rng, (batch, classes))
    prove(
        losses.categorical_cross_entropy,
        # far enough from 0 for finite differences, whose error grows as 1 / p^3
        [(probabilities + 1 / classes) / 2, labels],
        reference=reference.categorical_cross_entropy,
        kind="contraction",
        another=lambda rows: rows[:, ::-1],  # distributions still
    )
    with jax.enable_x64(True):
        uniform, labels = jnp.full((batch, classes), 1 / classes), jnp.asarray(labels)
        assert_close(losses.categorical_cross_entropy(uniform, labels), np.full(batch, np.log(classes)))
        mean = losses.categorical_cross_entropy(uniform, labels, class_mean=True)
        assert_close(mean, np.full(batch, np.log(classes) / classes))


@pytest.mark.row(16)
@configurations()
def test_cross_entropy_is_entropy_and_divergence(rng):
    stats = pytest.importorskip("scipy.stats")
    p, q = distributions(rng, (2, *shape(rng)))
    with jax.enable_x64(True):
        got = losses.categorical_cross_entropy(jnp.asarray(q), jnp.asarray(p))
        assert_close(got, stats.entropy(p, axis=-1) + stats.entropy(p, q, axis=-1))


@pytest.mark.row(16, 17)
def test_what_never_happens_costs_nothing(x64):
    labels, q = jnp.array([[0.0, 1.0]]), jnp.array([[0.0, 0.5]])
    value, pull = jax.vjp(lambda q: losses.categorical_cross_entropy(q, labels, eps=0.0), q)
    assert_close(value, [np.log(2)])
    assert_close(pull(jnp.ones(1))[0], [[0.0, -2.0]])


@pytest.mark.row(17)
def test_the_mean_is_the_log_loss_of_scikit_learn(x64, rng):
    metrics = pytest.importorskip("sklearn.metrics")
    p, labels, weights = distributions(rng, (12, 3)), rng.integers(0, 3, 12), rng.uniform(0.1, 1, 12)
    values = losses.categorical_cross_entropy(jnp.asarray(p), jnp.eye(3)[labels])
    want = metrics.log_loss(labels, p, sample_weight=weights, labels=range(3))
    assert_close(losses.reduce(values, jnp.asarray(weights)), want)
