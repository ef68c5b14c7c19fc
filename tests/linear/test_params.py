"""dlx.linear: outputs and decisions of a linear model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import linear
from tests.proof import configurations, prove
from tests.tolerances import assert_close


@pytest.mark.row(57)
@configurations()
@pytest.mark.parametrize("outputs", [(), (2,)])
def test_decision_function(rng, outputs):
    w, b, x = rng.standard_normal((3, *outputs)), rng.standard_normal(outputs), rng.standard_normal((5, 3))
    letters = "u" if outputs else ""

    def function(w, b, x):
        return linear.decision_function(linear.LinearParams(w, b), x)

    def by_numpy(w, b, x):
        return np.einsum(f"bf,f{letters}->b{letters}", x, w) + b

    prove(function, [w, b, x], reference=by_numpy, kind="contraction")


@pytest.mark.row(344)
def test_points_above_below_and_on_the_plane():
    plane = linear.LinearParams(jnp.array([3.0, 4.0]), jnp.array(-5.0))
    points = jnp.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 2.0]])
    assert linear.hyperplane_side(plane, points).tolist() == [1, -1, 0]
    assert_close(linear.signed_distance(plane, points), [4.0, -1.0, 0.0])
    assert linear.classify(plane, points).tolist() == [1, 0, 0]


@pytest.mark.row(344)
@configurations()
def test_signed_distance_is_that_of_the_nearest_point_on_the_plane(rng):
    w, b, x = rng.standard_normal(3), rng.standard_normal(()), rng.standard_normal((5, 3))

    def by_projection(w, b, x):
        nearest = x - ((x @ w + b) / (w @ w))[:, None] * w
        np.testing.assert_allclose(nearest @ w + b, 0, atol=1e-12)
        return np.linalg.norm(x - nearest, axis=1) * np.sign(x @ w + b)

    def function(w, b, x):
        return linear.signed_distance(linear.LinearParams(w, b), x)

    prove(function, [w, b, x], reference=by_projection, kind="contraction", dtypes=("float64", "float32"))


@pytest.mark.row(344)
def test_classify_takes_the_largest_output_and_the_first_of_equals():
    params = linear.LinearParams(jnp.eye(3), jnp.array([0.0, 0.0, 0.5]))
    points = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    assert linear.classify(params, points).tolist() == [0, 2, 0]
    assert jax.jit(linear.classify)(params, points).tolist() == [0, 2, 0]
