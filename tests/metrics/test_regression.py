"""dlx.metrics: R squared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import metrics
from tests.proof import configurations, prove, shape
from tests.tolerances import assert_close


@configurations()
def test_r_squared(rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    size = shape(rng, low=3)
    targets, weights = rng.standard_normal(size), rng.uniform(0.1, 1, size[:1])
    predictions = targets + 0.5 * rng.standard_normal(size)

    def by_hand(h, y, w):
        columns = []
        for j in range(y.shape[1]):
            mean = sum(w * y[:, j]) / sum(w)
            columns.append(1 - sum(w * (h[:, j] - y[:, j]) ** 2) / sum(w * (y[:, j] - mean) ** 2))
        return np.array(columns)

    # a quotient of two sums, in which the targets' rounding counts twice
    prove(
        metrics.r_squared,
        [predictions, targets, weights],
        reference=by_hand,
        kind="contraction",
        dtypes=("float64", "float32"),
    )
    with jax.enable_x64(True):
        h, y, w = (jnp.asarray(a) for a in (predictions, targets, weights))
        want = sklearn.r2_score(targets, predictions, sample_weight=weights, multioutput="raw_values")
        assert_close(metrics.r_squared(h, y, w), want)
        assert_close(metrics.r_squared(h, y), sklearn.r2_score(targets, predictions, multioutput="raw_values"))
        assert_close(metrics.r_squared(h[:, 0], y[:, 0]), sklearn.r2_score(targets[:, 0], predictions[:, 0]))
        # the mean explains nothing, the truth everything
        assert_close(metrics.r_squared(jnp.broadcast_to(y.mean(0), y.shape), y), np.zeros(size[1]))
        assert_close(metrics.r_squared(y, y), np.ones(size[1]))


def test_targets_that_are_all_equal():
    targets = jnp.full((3, 2), 2.0)
    assert metrics.r_squared(targets.at[0, 1].set(3.0), targets).tolist() == [1, 0]
