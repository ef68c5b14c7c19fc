"""dlx.information: divergence, mutual information, pointwise mutual information."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import information
from tests.information.test_entropy import normalised, weights
from tests.proof import configurations, prove
from tests.reference import information as reference
from tests.tolerances import assert_close

FORMS = ["divergence", "expected_divergence", "entropies", "conditional", "remainder"]


@pytest.mark.row(291)
@configurations()
def test_kl_divergence(rng):
    special = pytest.importorskip("scipy.special")
    p, q = weights(rng, 3, 4), weights(rng, 3, 4)
    prove(
        normalised(information.kl_divergence),
        [p, q],
        reference=normalised(reference.rows(reference.kl_divergence)),
        kind="contraction",
    )
    p, q = (w / w.sum(-1, keepdims=True) for w in (p, q))
    with jax.enable_x64(True):
        got = information.kl_divergence(jnp.asarray(p), jnp.asarray(q))
        assert_close(got, special.rel_entr(p, q).sum(-1))
        assert_close(information.kl_divergence(jnp.asarray(p), jnp.asarray(q), base=2), got / math.log(2))


@pytest.mark.row(291)
def test_kl_divergence_where_a_probability_vanishes():
    sure, fair = jnp.array([1.0, 0.0]), jnp.array([0.5, 0.5])
    assert information.kl_divergence(fair, sure) == math.inf
    assert_close(information.kl_divergence(sure, fair), math.log(2))
    for number in (0, 1):
        assert np.isfinite(jax.grad(information.kl_divergence, number)(sure, fair)).all()
        assert np.isfinite(jax.grad(information.kl_divergence, number)(sure, sure)).all()


@pytest.mark.row(288, 292)
@pytest.mark.erratum("E69")
@configurations()
def test_mutual_information(rng):
    def in_every_form(joint):
        return tuple(information.mutual_information(joint, form=form) for form in FORMS)

    w = weights(rng, 3, 4)
    prove(
        normalised(in_every_form, (-2, -1)),
        [w],
        reference=lambda w: (np.float64(reference.mutual_information(w / w.sum())),) * len(FORMS),
        kind="contraction",
    )


@pytest.mark.row(288)
@configurations()
@pytest.mark.parametrize("form", FORMS)
def test_mutual_information_against_scikit_learn(x64, rng, form):
    cluster = pytest.importorskip("sklearn.metrics")
    # counts as a contingency table, with outcomes that never happen
    counts = rng.integers(0, 9, (4, 3)) * np.array([[1], [0], [1], [1]])
    want = cluster.mutual_info_score(None, None, contingency=counts)
    joint = jnp.asarray(counts / counts.sum())
    assert_close(information.mutual_information(joint, form=form), want)
    assert_close(information.mutual_information(joint, form=form, base=2), want / math.log(2))
    assert np.isfinite(jax.grad(lambda j: information.mutual_information(j, form=form))(joint)).all()


@pytest.mark.row(288)
def test_mutual_information_survives_probabilities_whose_product_underflows():
    tiny = 1e-30
    joint = jnp.array([[1 - tiny, 0.0], [0.0, tiny]], jnp.float32)
    assert np.isfinite(information.mutual_information(joint))
    assert_close(information.pointwise_mutual_information(joint)[1, 1], -math.log(tiny))


@pytest.mark.row(289)
@pytest.mark.erratum("E69")
def test_independent_and_bijective_variables(x64, rng):
    p = rng.dirichlet(np.ones(4))
    independent = jnp.asarray(np.outer(p, rng.dirichlet(np.ones(3))))
    bijection = jnp.asarray(np.diag(p)[:, rng.permutation(4)])
    for form in FORMS:
        assert_close(information.mutual_information(independent, form=form), 0)
        assert_close(information.mutual_information(bijection, form=form), information.entropy(jnp.asarray(p)))


@pytest.mark.row(290)
@configurations()
def test_pointwise_mutual_information(rng):
    w = weights(rng, 3, 4)
    prove(
        normalised(information.pointwise_mutual_information, (-2, -1)),
        [w],
        reference=lambda w: reference.pointwise_mutual_information(w / w.sum()),
        kind="contraction",
    )
    with jax.enable_x64(True):
        joint = jnp.asarray(w / w.sum())
        pmi = information.pointwise_mutual_information(joint)
        assert_close(jnp.sum(joint * pmi), information.mutual_information(joint))
        positive = information.pointwise_mutual_information(joint, positive=True, base=2)
        assert_close(positive, np.maximum(pmi, 0) / math.log(2))


@pytest.mark.row(290)
def test_pointwise_mutual_information_of_what_never_meets():
    joint = jnp.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]])
    log2 = math.log(2)
    never = [[log2, -math.inf, math.nan], [-math.inf, log2, math.nan]]
    assert_close(information.pointwise_mutual_information(joint), never)
    positive = information.pointwise_mutual_information(joint, positive=True)
    assert_close(positive, [[log2, 0, 0], [0, log2, 0]])
    gradient = jax.grad(lambda j: information.pointwise_mutual_information(j, positive=True).sum())(joint)
    assert np.isfinite(gradient).all()
