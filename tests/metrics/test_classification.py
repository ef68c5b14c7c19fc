"""dlx.metrics: accuracies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import metrics
from tests.proof import configurations, prove
from tests.tolerances import assert_close


@pytest.mark.row(40)
@configurations()
@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_accuracy(rng, top_k):
    sklearn = pytest.importorskip("sklearn.metrics")
    # few distinct values, so that logits tie
    logits, labels = rng.integers(0, 3, (30, 4)).astype(float), rng.integers(0, 4, 30)

    def by_hand(logits, labels):
        # a stable sort keeps the lower class first among equals
        order = np.argsort(-logits, axis=-1, kind="stable")[:, :top_k]
        return np.array([float(label in row) for row, label in zip(order, labels, strict=True)])

    prove(
        lambda z, y: metrics.accuracy(z, y, top_k=top_k),
        [logits, labels],
        reference=by_hand,
        dtypes=("float32",),
        gradients=[],
    )
    distinct = rng.standard_normal((30, 4))
    got = metrics.accuracy(jnp.asarray(distinct), jnp.asarray(labels), top_k=top_k)
    want = sklearn.top_k_accuracy_score(labels, distinct, k=top_k, labels=range(4))
    assert_close(np.mean(np.asarray(got), dtype=np.float64), want)
    assert (metrics.accuracy(jnp.asarray(distinct), jnp.asarray(np.eye(4)[labels]), top_k=top_k) == got).all()


@pytest.mark.row(40)
def test_accuracy_of_nan_and_of_no_class():
    logits = jnp.array([[jnp.nan, 0.0], [0.0, jnp.nan], [1.0, 0.0], [1.0, 0.0]])
    # compiled: a label that can be looked at must be a class
    assert jax.jit(lambda z, y: metrics.accuracy(z, y, top_k=2))(logits, jnp.array([0, 0, -1, 2])).tolist() == [0] * 4
    wrong = jax.jit(metrics.binary_accuracy)(jnp.array([1.0, -1.0, 1.0]), jnp.array([2.0, -1.0, 1.0]))
    assert wrong.tolist() == [0, 0, 1]
    wrong = jax.jit(metrics.mean_label_probability)(jnp.ones((3, 1)), jnp.array([[2], [-1], [1]]), jnp.ones((3, 1)))
    assert np.isnan(wrong).tolist() == [True, True, False]
    assert metrics.accuracy(logits.astype(jnp.bfloat16), jnp.array([0, 0, 0, 1], jnp.uint8)).tolist() == [0, 0, 1, 0]
    assert metrics.accuracy(logits.astype(jnp.bfloat16), jnp.zeros(4, int)).dtype == jnp.float32


@pytest.mark.row(40)
@configurations()
def test_binary_accuracy(rng):
    logits, labels = rng.standard_normal((5, 3)), rng.integers(0, 2, (5, 3))

    def by_hand(threshold):
        return lambda x, y: np.array(
            [float((v > threshold) == (t == 1)) for v, t in zip(x.ravel(), y.ravel(), strict=True)]
        ).reshape(x.shape)

    prove(metrics.binary_accuracy, [logits, labels], reference=by_hand(0.0), dtypes=("float32",), gradients=[])
    got = metrics.binary_accuracy(jnp.asarray(logits), jnp.asarray(labels), threshold=0.5)
    np.testing.assert_array_equal(got, by_hand(0.5)(logits, labels))
    assert metrics.binary_accuracy(jnp.array([jnp.nan]), jnp.zeros(1)) == 0
    sklearn = pytest.importorskip("sklearn.metrics")
    got = metrics.binary_accuracy(jnp.asarray(logits), jnp.asarray(labels))
    want = sklearn.accuracy_score(labels.ravel(), logits.ravel() > 0)
    assert_close(np.mean(np.asarray(got), dtype=np.float64), want)


@pytest.mark.row(28)
@pytest.mark.erratum("E4")
@configurations()
def test_mean_label_probability(rng):
    size = (int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    x, y, mask = rng.standard_normal(size), rng.integers(0, 2, size), rng.integers(0, 2, size)
    mask[:, 0] = 1

    def by_hand(x, y, mask):
        rows = [
            [1 / (1 + np.exp(-a if b else a)) for a, b, m in zip(*row, strict=True) if m]
            for row in zip(x, y, mask, strict=True)
        ]
        return np.array([np.mean(row) for row in rows])

    prove(metrics.mean_label_probability, [x, y, mask], reference=by_hand, kind="contraction", dtypes=("float32",))
