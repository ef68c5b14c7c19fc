"""dlx.information: entropy and mutual information from samples."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import information
from tests.proof import configurations, prove
from tests.reference import information as reference
from tests.tolerances import assert_close

# what is computed from integers has the default dtype, float32
PLAIN = {"dtypes": ("float32",), "gradients": [], "kind": "contraction"}


@pytest.mark.row(282)
@configurations()
def test_empirical_distribution(rng):
    samples = rng.integers(0, 5, 40, dtype=np.int32)

    def by_hand(samples):
        return np.array([sum(s == k for s in samples.tolist()) / len(samples) for k in range(6)])

    prove(lambda s: information.empirical_distribution(s, outcomes=6), [samples], reference=by_hand, **PLAIN)
    small = information.empirical_distribution(jnp.asarray(samples, jnp.uint8), outcomes=300)
    assert_close(small[:6], by_hand(samples))


@pytest.mark.row(286)
@configurations()
def test_empirical_joint(rng):
    x, y = rng.integers(0, 3, 40, dtype=np.int32), rng.integers(0, 4, 40, dtype=np.int32)
    want, _, _ = np.histogram2d(x, y, bins=(np.arange(4), np.arange(5)))
    prove(
        lambda x, y: information.empirical_joint(x, y, outcomes=(3, 4)),
        [x, y],
        reference=lambda x, y: np.histogram2d(x, y, bins=(np.arange(4), np.arange(5)))[0] / 40,
        **PLAIN,
    )
    assert want.sum() == 40


@pytest.mark.row(282)
@pytest.mark.gap("U30")
@configurations()
@pytest.mark.parametrize("correction", ["none", "miller_madow"])
def test_entropy_from_samples(rng, correction):
    samples = rng.integers(0, 5, 30, dtype=np.int32)

    def by_hand(samples):
        counts = [samples.tolist().count(k) for k in set(samples.tolist())]
        plug_in = reference.entropy([c / len(samples) for c in counts])
        return np.float64(plug_in + (correction == "miller_madow") * (len(counts) - 1) / (2 * len(samples)))

    prove(
        lambda s: information.entropy_from_samples(s, outcomes=7, correction=correction),
        [samples],
        reference=by_hand,
        **PLAIN,
    )
    with jax.enable_x64(True):
        got = information.entropy_from_samples(jnp.asarray(samples), outcomes=7, correction=correction, base=2)
        assert_close(got, by_hand(samples) / math.log(2))


@pytest.mark.row(288)
@pytest.mark.gap("U30")
@configurations()
def test_mutual_information_from_samples(x64, rng):
    cluster = pytest.importorskip("sklearn.metrics")
    x = rng.integers(0, 3, 50, dtype=np.int32)
    y = (x + rng.integers(0, 2, 50, dtype=np.int32)) % 4
    ours = jax.jit(information.mutual_information_from_samples, static_argnames=("outcomes", "correction", "base"))
    want = cluster.mutual_info_score(x, y)
    got = ours(jnp.asarray(x), jnp.asarray(y), outcomes=(3, 4))
    assert_close(got, want)
    assert_close(ours(jnp.asarray(x), jnp.asarray(y), outcomes=(3, 4), base=2), want / math.log(2))
    pairs = len(set(zip(x.tolist(), y.tolist(), strict=True)))
    bias = (len(set(x.tolist())) + len(set(y.tolist())) - pairs - 1) / (2 * 50)
    assert_close(ours(jnp.asarray(x), jnp.asarray(y), outcomes=(3, 4), correction="miller_madow"), want + bias)


@pytest.mark.row(282, 288)
@pytest.mark.gap("U30")
def test_the_correction_takes_most_of_the_bias(rng):
    p = rng.dirichlet(np.ones(8))
    samples = jnp.asarray(rng.choice(8, (4000, 60), p=p).astype(np.int32))

    def error(correction):
        one = jax.vmap(lambda s: information.entropy_from_samples(s, outcomes=8, correction=correction))
        return float(jnp.mean(jax.jit(one)(samples))) - reference.entropy(p.tolist())

    # the expected bias is -(8 - 1) / (2 * 60) to first order
    assert error("none") == pytest.approx(-7 / 120, rel=0.2)
    assert abs(error("miller_madow")) < abs(error("none")) / 4


@pytest.mark.row(288)
@pytest.mark.gap("U30")
@configurations()
def test_knn_mutual_information(x64, rng):
    x = rng.standard_normal((25, 2))
    y = x[:, :1] + rng.standard_normal((25, 1))
    for neighbors in (1, 3):
        got = jax.jit(information.knn_mutual_information, static_argnames="neighbors")(
            jnp.asarray(x), jnp.asarray(y), neighbors=neighbors
        )
        assert_close(got, reference.knn_mutual_information(x, y, neighbors))
    got = information.knn_mutual_information(jnp.asarray(x), jnp.asarray(y), neighbors=3, base=2)
    assert_close(got, reference.knn_mutual_information(x, y, 3) / math.log(2))


@pytest.mark.row(288)
@pytest.mark.gap("U30")
def test_knn_mutual_information_against_scikit_learn_and_the_closed_form(x64, rng):
    selection = pytest.importorskip("sklearn.feature_selection")
    rho = 0.8
    x = rng.standard_normal(1000)
    y = rho * x + math.sqrt(1 - rho * rho) * rng.standard_normal(1000)
    # scikit-learn scales each variable first, and adds noise of 1e-10 of it
    x, y = x / x.std(), y / y.std()
    got = information.knn_mutual_information(jnp.asarray(x)[:, None], jnp.asarray(y)[:, None])
    want = selection.mutual_info_regression(x[:, None], y, n_neighbors=3, random_state=0)[0]
    assert abs(got - want) < 1e-6
    assert abs(got - information.gaussian_mutual_information(jnp.asarray(rho))) < 0.06


@pytest.mark.row(288)
def test_knn_mutual_information_transformations(rng):
    x, y = rng.standard_normal((20, 1)), rng.standard_normal((20, 2))
    prove(lambda x, y: information.knn_mutual_information(x, y), [x, y], gradients=[])
