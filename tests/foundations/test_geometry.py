"""dlx.foundations: vectors, angles, projections, rotations, mirrors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlx import foundations
from tests.information.strategies import properties
from tests.proof import configurations, prove
from tests.reference import foundations as reference
from tests.tolerances import assert_close

VECTORS = hnp.arrays(np.float64, (2, 3), elements=st.floats(-10, 10, width=32)).filter(
    lambda pair: np.linalg.norm(pair, axis=1).min() > 1e-3
)


def pair(rng, *shape):
    return rng.standard_normal(shape), rng.standard_normal(shape)


@pytest.mark.row(36, 353)
@pytest.mark.erratum("E9")
@configurations()
def test_cosines(rng):
    metrics = pytest.importorskip("sklearn.metrics.pairwise")
    x, y = pair(rng, 3, 4)

    def ours(x, y):
        return (
            foundations.dot_product(x, y),
            foundations.cosine_similarity(x, y),
            foundations.cosine_distance(x, y),
        )

    def by_hand(x, y):
        cosines = reference.rows(reference.cosine)(x, y)
        return reference.rows(reference.dot)(x, y), cosines, 1 - cosines

    prove(ours, [x, y], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        dot, similarity, distance = ours(jnp.asarray(x), jnp.asarray(y))
        assert_close(similarity, np.diag(metrics.cosine_similarity(x, y)))
        assert_close(distance, metrics.paired_cosine_distances(x, y))
        lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        assert_close(dot, lengths * np.cos(foundations.angle(jnp.asarray(x), jnp.asarray(y))))


@pytest.mark.row(36, 353)
@pytest.mark.erratum("E9")
@configurations()
def test_angle(rng):
    x, y = pair(rng, 3, 4)
    # the sums and differences of unit vectors keep few of bfloat16's digits near 0 and pi
    prove(
        foundations.angle,
        [x, y],
        reference=reference.rows(lambda x, y: math.acos(reference.cosine(x, y))),
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(36)
@pytest.mark.erratum("E9")
def test_small_angles_and_distances_and_extreme_lengths(x64):
    x = jnp.array([[1.0, 0.0]] * 3)
    y = jnp.array([[1.0, 1e-9], [1e-200, 1e-209], [1e200, 1e191]])
    assert_close(foundations.angle(x, y) / 1e-9, np.ones(3))
    assert_close(foundations.cosine_distance(x, y) / 5e-19, np.ones(3))
    assert_close(foundations.cosine_similarity(x, y), np.ones(3))
    assert_close(foundations.angle(x, -y), np.full(3, math.pi - 1e-9))


@pytest.mark.row(36)
def test_vectors_of_length_zero():
    x, zero = jnp.array([3.0, 4.0]), jnp.zeros(2)
    assert foundations.cosine_similarity(x, zero) == 0
    assert foundations.cosine_distance(zero, x) == 1
    assert_close(foundations.angle(x, zero), math.pi / 2)
    assert foundations.projection(x, zero).tolist() == [0, 0]
    functions = (
        foundations.cosine_similarity,
        foundations.cosine_distance,
        foundations.angle,
    )
    for function in functions:
        for number in (0, 1):
            assert np.isfinite(jax.grad(function, number)(x, zero)).all()
            assert np.isfinite(jax.grad(function, number)(x, x)).all()


@pytest.mark.row(36)
def test_the_distance_is_no_metric_but_the_angle_is_one(x64):
    a, b, c = jnp.array([1.0, 0.0]), jnp.array([1.0, 1.0]), jnp.array([0.0, 1.0])
    distance = foundations.cosine_distance
    assert distance(a, c) > distance(a, b) + distance(b, c)
    assert_close(foundations.angle(a, c), foundations.angle(a, b) + foundations.angle(b, c))


@pytest.mark.row(354)
@pytest.mark.erratum("E88")
@configurations()
def test_cross_product(rng):
    x, y = pair(rng, 2, 3)

    def one(x, y):
        return [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]

    prove(foundations.cross_product, [x, y], reference=reference.rows(one), kind="contraction")
    with jax.enable_x64(True):
        assert_close(foundations.cross_product(jnp.asarray(x), jnp.asarray(y)), np.cross(x, y))


@pytest.mark.row(352, 353, 354, 36)
@pytest.mark.erratum("E88", "E9")
@properties
@given(VECTORS)
def test_geometry_of_two_vectors(vectors):
    x, y = vectors
    lengths = np.linalg.norm(x) * np.linalg.norm(y)
    with jax.enable_x64(True):
        m = jax.tree.map(np.asarray, _measure(jnp.asarray(x), jnp.asarray(y)))
    slack = 1e-13 * max(lengths, 1)
    # |x x y| = |x| |y| sin t, orthogonal to both, right-handed, alternating
    assert abs(np.linalg.norm(m["cross"]) - lengths * math.sin(m["angle"])) <= 10 * slack
    assert abs(m["cross"] @ x) <= slack * np.linalg.norm(x)
    assert abs(m["cross"] @ y) <= slack * np.linalg.norm(y)
    assert np.linalg.det(np.stack([x, y, m["cross"]])) >= -10 * slack * lengths
    assert np.array_equal(m["cross"], -m["swapped"])
    assert abs(m["dot"] - lengths * math.cos(m["angle"])) <= 10 * slack
    assert abs(m["distance"] + m["similarity"] - 1) <= 1e-14
    # Pythagoras: the projection and the rest; Cauchy-Schwarz; the parallelogram law
    rest = x - m["projection"]
    assert abs(rest @ y) <= 10 * slack
    assert abs(rest @ rest + m["projection"] @ m["projection"] - x @ x) <= 1e-12 * (1 + x @ x)
    assert abs(m["dot"]) <= lengths + slack
    assert abs(m["sum"] @ m["sum"] + m["difference"] @ m["difference"] - 2 * (x @ x + y @ y)) <= 1e-12 * (x @ x + y @ y)


@jax.jit
def _measure(x, y):
    return {
        "dot": foundations.dot_product(x, y),
        "cross": foundations.cross_product(x, y),
        "swapped": foundations.cross_product(y, x),
        "angle": foundations.angle(x, y),
        "similarity": foundations.cosine_similarity(x, y),
        "distance": foundations.cosine_distance(x, y),
        "projection": foundations.projection(x, y),
        "sum": foundations.linear_combination(jnp.array([1.0, 1.0]), jnp.stack([x, y])),
        "difference": foundations.linear_combination(jnp.array([1.0, -1.0]), jnp.stack([x, y])),
    }


@pytest.mark.row(352)
@configurations()
def test_linear_combination_and_projection(rng):
    coefficients, vectors = rng.standard_normal(3), rng.standard_normal((3, 2))
    prove(
        foundations.linear_combination,
        [coefficients, vectors],
        reference=lambda c, v: c[0] * v[0] + c[1] * v[1] + c[2] * v[2],
        kind="contraction",
    )
    prove(
        foundations.projection,
        pair(rng, 2, 3),
        reference=reference.rows(reference.project),
        kind="contraction",
    )


@pytest.mark.row(356)
@configurations()
def test_rotation_scaling_mirror(rng):
    angles, factors, normal = rng.uniform(-3, 3, 2), rng.uniform(0.5, 2, 2), rng.standard_normal(2)

    def ours(angles, factors, normal):
        return (
            foundations.rotation_matrix(angles),
            foundations.scaling_matrix(factors),
            foundations.mirror_matrix(normal),
        )

    def by_hand(angles, factors, normal):
        rotations = [[[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]] for t in angles]
        unit = normal / math.hypot(*normal)
        mirror = [[float(i == j) - 2 * unit[i] * unit[j] for j in range(2)] for i in range(2)]
        return np.array(rotations), np.array([[factors[0], 0], [0, factors[1]]]), np.array(mirror)

    prove(ours, [angles, factors, normal], reference=by_hand, kind="contraction")


@pytest.mark.row(356)
@configurations()
def test_matrix_products_compose_transformations(x64, rng):
    s, t = rng.uniform(-3, 3, 2)
    rotation = foundations.rotation_matrix
    first, second = rotation(jnp.asarray(s)), rotation(jnp.asarray(t))
    assert_close(first @ second, rotation(jnp.asarray(s + t)))
    assert_close(first @ first.T, np.eye(2))
    factors = jnp.asarray(rng.uniform(0.5, 2, 2))
    scaling = foundations.scaling_matrix(factors)
    mirrors = [foundations.mirror_matrix(jnp.asarray(rng.standard_normal(2))) for _ in range(2)]
    # determinants are factors of areas, negative where orientation turns
    for matrix, area in ((first, 1), (scaling, factors[0] * factors[1]), (mirrors[0], -1)):
        assert_close(jnp.linalg.det(matrix), area)
    assert_close(mirrors[0] @ mirrors[0], np.eye(2))
    # two mirrors turn the plane; a rotation keeps lengths and angles
    assert_close(jnp.linalg.det(mirrors[0] @ mirrors[1]), 1)
    x, y = (jnp.asarray(v) for v in rng.standard_normal((2, 2)))
    assert_close(foundations.angle(first @ x, first @ y), foundations.angle(x, y), factor=10)
    assert_close(foundations.angle(x, rotation(jnp.asarray(0.7)) @ x), 0.7)
    normal = jnp.array([0.0, 2.0])
    assert_close(foundations.mirror_matrix(normal) @ jnp.array([3.0, 4.0]), [3, -4])
