"""dlx.kernels: Gram matrices and features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx import kernels
from tests.proof import configurations, prove
from tests.reference import linear_models as reference
from tests.tolerances import assert_close

CASES = [
    pytest.param(kernels.linear, {}, reference.dot, "linear_kernel", {}, id="linear"),
    pytest.param(
        kernels.polynomial,
        {"degree": 3, "scale": 0.5, "offset": 2.0},
        lambda x, z: (0.5 * reference.dot(x, z) + 2) ** 3,
        "polynomial_kernel",
        {"degree": 3, "gamma": 0.5, "coef0": 2.0},
        id="polynomial",
    ),
    pytest.param(
        kernels.rbf,
        {"gamma": 0.7},
        lambda x, z: np.exp(-0.7 * reference.dot(x - z, x - z)),
        "rbf_kernel",
        {"gamma": 0.7},
        id="rbf",
    ),
]


@pytest.mark.row(345)
@configurations()
@pytest.mark.parametrize(("function", "options", "by_hand", "library", "theirs"), CASES)
def test_kernels(rng, function, options, by_hand, library, theirs):
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    x, z = rng.standard_normal((4, 3)), rng.standard_normal((2, 3))
    prove(
        lambda x, z: function(x, z, **options),
        [x, z],
        reference=lambda x, z: reference.gram(by_hand, x, z),
        kind="contraction",
        dtypes=("float64", "float32"),
    )
    with jax.enable_x64(True):
        want = getattr(pairwise, library)(x, z, **theirs)
        assert_close(function(jnp.asarray(x), jnp.asarray(z), **options), want, kind="contraction")


@pytest.mark.row(345)
@configurations()
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 1.0), (0.5, 2.0), (1.0, 0.0)])
def test_inner_products_of_quadratic_features_are_the_kernel(rng, scale, offset):
    x, z = rng.standard_normal((4, 3)), rng.standard_normal((2, 3))

    def products(x, z):
        features = [kernels.quadratic_features(a, scale=scale, offset=offset) for a in (x, z)]
        assert features[0].shape == (4, 10)
        return features[0] @ features[1].T

    def by_hand(x, z):
        return reference.gram(lambda a, b: (scale * reference.dot(a, b) + offset) ** 2, x, z)

    prove(products, [x, z], reference=by_hand, kind="contraction", dtypes=("float64", "float32"))
    with jax.enable_x64(True):
        x, z = jnp.asarray(x), jnp.asarray(z)
        assert_close(kernels.polynomial(x, z, scale=scale, offset=offset), products(x, z), kind="contraction")


@pytest.mark.row(345)
@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([kernels.linear, kernels.polynomial, kernels.rbf]))
def test_gram_matrices_are_symmetric_and_positive(seed, kernel):
    x = jnp.asarray(np.random.default_rng(seed).standard_normal((6, 2)), jnp.float32)
    gram = np.asarray(kernel(x, x, gamma=0.5) if kernel is kernels.rbf else kernel(x, x), np.float64)
    np.testing.assert_allclose(gram, gram.T, rtol=1e-6, atol=1e-6)
    assert np.linalg.eigvalsh(gram).min() > -1e-5 * max(1, np.abs(gram).max())


@pytest.mark.row(345)
def test_rbf_of_a_point_with_itself_far_from_the_origin(x64):
    x = jnp.array([[1e6, 1e6], [1e6 + 1, 1e6]])
    assert_close(kernels.rbf(x, x, gamma=0.5), [[1, np.exp(-0.5)], [np.exp(-0.5), 1]])
    gradient = jax.grad(lambda x: kernels.rbf(x, x, gamma=0.5).sum())(x)
    assert_close(gradient.sum(axis=0), [0.0, 0.0])


@pytest.mark.row(345)
@configurations()
def test_centre(rng):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x, z = rng.standard_normal((5, 3)), rng.standard_normal((2, 3))

    def function(x, z):
        gram = kernels.linear(x, x)
        return kernels.centre(gram), kernels.centre(gram, kernels.linear(z, x))

    def by_features(x, z):
        mean = x.mean(axis=0)
        return (x - mean) @ (x - mean).T, (z - mean) @ (x - mean).T

    prove(function, [x, z], reference=by_features, kind="contraction", dtypes=("float64", "float32"))
    with jax.enable_x64(True):
        theirs = preprocessing.KernelCenterer().fit(x @ x.T)
        got = function(jnp.asarray(x), jnp.asarray(z))
        assert_close(got[0], theirs.transform(x @ x.T), kind="contraction")
        assert_close(got[1], theirs.transform(z @ x.T), kind="contraction")
