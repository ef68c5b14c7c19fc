"""dlx.foundations: how many dimensions data have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations
from tests.proof import configurations, prove
from tests.tolerances import assert_close


@pytest.mark.row(346)
@configurations()
@pytest.mark.parametrize("sizes", [(8, 3), (3, 5)])
def test_principal_variances(rng, sizes):
    decomposition = pytest.importorskip("sklearn.decomposition")
    data = rng.standard_normal(sizes)

    def by_hand(data):
        centred = data - data.mean(0)
        covariance = centred.T @ centred / (len(data) - 1)
        return np.sort(np.linalg.eigvalsh(covariance))[::-1][: min(sizes)]

    prove(
        foundations.principal_variances,
        [data],
        reference=by_hand,
        kind="contraction",
        # bfloat16 has no decomposition; a variance of 0, as 3 samples have one, has no gradient
        dtypes=("float64", "float32"),
        gradients=None if sizes[0] > sizes[1] else [],
    )
    with jax.enable_x64(True):
        want = decomposition.PCA().fit(data).explained_variance_
        assert_close(foundations.principal_variances(jnp.asarray(data)), want)


@pytest.mark.row(346)
@configurations()
def test_participation_ratio(rng):
    variances = rng.uniform(0.1, 2, (3, 5))
    prove(
        foundations.participation_ratio,
        [variances],
        reference=lambda v: v.sum(-1) ** 2 / (v**2).sum(-1),
        kind="contraction",
    )
    assert_close(foundations.participation_ratio(jnp.array([2.0, 2.0, 2.0, 0.0, 0.0])), 3)
    assert_close(foundations.participation_ratio(jnp.array([1e-30, 1e-30])), 2)


@pytest.mark.row(346)
@configurations()
def test_components_for_fraction(rng):
    variances = np.sort(rng.uniform(0, 1, (4, 6)))[:, ::-1].copy()

    def by_hand(variances):
        return np.array([next(k for k in range(1, 7) if v[:k].sum() >= 0.8 * v.sum()) for v in variances])

    got = jax.jit(lambda v: foundations.components_for_fraction(v, fraction=0.8))(jnp.asarray(variances))
    assert np.array_equal(got, by_hand(variances))
    assert np.array_equal(got, jax.vmap(lambda v: foundations.components_for_fraction(v, fraction=0.8))(variances))
    assert foundations.components_for_fraction(jnp.array([8.0, 1.0, 1.0, 0.0]), fraction=1.0) == 3
    assert foundations.components_for_fraction(jnp.array([0.95, 0.05])) == 1


@pytest.mark.row(346)
def test_digits_lie_near_few_dimensions_and_noise_does_not(x64, rng):
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits().data
    # the same pixels, each shuffled among the images: equal histograms, no images
    noise = rng.permuted(digits, axis=0)
    dimensions, components = {}, {}
    for name, data in (("digits", digits), ("noise", noise)):
        variances = foundations.principal_variances(jnp.asarray(data))
        dimensions[name] = float(foundations.participation_ratio(variances))
        components[name] = int(foundations.components_for_fraction(variances))
    assert components["digits"] == 29
    assert components["noise"] > 1.3 * components["digits"]
    assert dimensions["noise"] > 2 * dimensions["digits"]


@pytest.mark.row(346)
def test_a_plane_in_many_dimensions(x64, rng):
    plane = rng.standard_normal((500, 2)) @ rng.standard_normal((2, 40))
    variances = foundations.principal_variances(jnp.asarray(plane))
    assert foundations.components_for_fraction(variances, fraction=0.999999) == 2
    assert variances[2] < 1e-12 * variances[0]
    assert 1 <= foundations.participation_ratio(variances) <= 2
