"""dlx.metrics: the confusion matrix, precision, recall, F1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import metrics
from tests.proof import configurations
from tests.tolerances import assert_close

SCORES = ["precision", "recall", "f1_score"]


@configurations()
def test_confusion_matrix_and_scores(rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, predictions = rng.integers(0, 4, (2, 5, 8))
    labels[labels == 3], predictions[predictions == 3] = 0, 1  # class 3 is nowhere
    labels[0, 0] = predictions[0, 0] = 2
    counts = metrics.confusion_matrix(jnp.asarray(predictions), jnp.asarray(labels), 4)
    want = np.zeros((4, 4))
    for label, prediction in zip(labels.ravel(), predictions.ravel(), strict=True):
        want[label, prediction] += 1
    assert counts.dtype == jnp.int32
    np.testing.assert_array_equal(counts, want)
    np.testing.assert_array_equal(
        counts, sklearn.confusion_matrix(labels.ravel(), predictions.ravel(), labels=range(4))
    )
    compiled = jax.jit(metrics.confusion_matrix, static_argnums=2)(jnp.asarray(predictions), jnp.asarray(labels), 4)
    np.testing.assert_array_equal(compiled, counts)
    for name in SCORES:
        for value in (0.0, 1.0):
            theirs = getattr(sklearn, name if name == "f1_score" else f"{name}_score")(
                labels.ravel(), predictions.ravel(), labels=range(4), average=None, zero_division=value
            )
            assert_close(getattr(metrics, name)(counts, zero_division=value), theirs, dtype=np.float32)


def test_weighted_counts(x64, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, predictions = rng.integers(0, 3, (2, 20))
    weights = rng.uniform(0, 1, 20)
    got = metrics.confusion_matrix(jnp.asarray(predictions), jnp.asarray(labels), 3, jnp.asarray(weights))
    assert_close(got, sklearn.confusion_matrix(labels, predictions, sample_weight=weights))
    theirs = sklearn.f1_score(labels, predictions, average=None, sample_weight=weights)
    assert_close(metrics.f1_score(got), theirs)
    p, r = metrics.precision(got), metrics.recall(got)
    assert_close(metrics.f1_score(got), 2 * p * r / (p + r))
    assert_close(jnp.mean(r), sklearn.balanced_accuracy_score(labels, predictions, sample_weight=weights))


def test_numbers_that_are_no_class_are_left_out_where_they_cannot_be_looked_at():
    labels, predictions = jnp.array([0, -1, 1, 2, 1, 0]), jnp.array([0, 0, 1, 1, -1, 2])
    got = jax.jit(lambda p, y: metrics.confusion_matrix(p, y, 2))(predictions, labels)
    assert got.tolist() == [[1, 0], [0, 1]]
    small = metrics.confusion_matrix(jnp.array([199], jnp.uint8), jnp.array([198], jnp.uint8), 200)
    assert small[198, 199] == 1
    assert small.sum() == 1


def test_a_class_that_is_never_predicted():
    counts = jnp.array([[2, 0], [1, 0]])
    assert_close(metrics.precision(counts), [2 / 3, 0], dtype=np.float32)
    assert_close(metrics.recall(counts), [1, 0], dtype=np.float32)
    assert_close(metrics.f1_score(counts), [0.8, 0], dtype=np.float32)
