"""dlx.foundations: universal approximation, with the weights written down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations, nn
from tests.proof import configurations
from tests.tolerances import assert_close


def staircase_error(function, width, *, activation=nn.sigmoid, steepness=4.0):
    """Largest error on a fine grid of [0, 1], sigmoids as steep as the steps are fine."""

    @jax.jit
    def error():
        points = jnp.linspace(0, 1, width + 1)
        layers = foundations.staircase_network(points, function(points), sharpness=steepness * width)
        grid = jnp.linspace(0, 1, 997)
        got = foundations.mlp(grid[:, None], layers, activation=activation)[:, 0]
        return jnp.max(jnp.abs(got - function(grid)))

    return float(error())


FUNCTIONS = {
    "sine": (lambda x: jnp.sin(6 * x), 6.0),
    "kink": (lambda x: jnp.abs(x - 0.4), 1.0),
    "polynomial": (lambda x: 2 * x**3 - x, 5.0),
}


@pytest.mark.row(358)
@pytest.mark.erratum("E89")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_largest_error_falls_with_the_width(x64, name):
    function, slope = FUNCTIONS[name]
    errors = [staircase_error(function, width) for width in (8, 32, 128, 512)]
    for wide, narrow in zip(errors[1:], errors, strict=False):
        assert wide < narrow / 2.5
    # hard steps miss by at most half a step
    for width in (8, 128):
        assert staircase_error(function, width, activation=nn.heaviside) <= slope / (2 * width) + 1e-12


@pytest.mark.row(358)
@configurations()
def test_staircase_network(x64, rng):
    points = np.sort(rng.uniform(-2, 2, 6))
    values = rng.standard_normal(6)
    layers = foundations.staircase_network(jnp.asarray(points), jnp.asarray(values), sharpness=7.0)
    x = rng.uniform(-3, 3, 9)
    want = np.full(9, values[0])
    for i in range(1, 6):
        middle = (points[i] + points[i - 1]) / 2
        want += (values[i] - values[i - 1]) / (1 + np.exp(-7.0 * (x - middle)))
    assert_close(foundations.mlp(jnp.asarray(x)[:, None], layers)[:, 0], want, kind="contraction", factor=10)
    hard = foundations.mlp(jnp.asarray(points)[:, None], layers, activation=nn.heaviside)[:, 0]
    assert_close(hard, values)


@pytest.mark.row(358)
def test_a_step_of_one_sigmoid(x64):
    """sigmoid(s (x - m)): within exp(-s d) of the step at distance d from it."""
    layers = foundations.staircase_network(jnp.array([-1.0, 1.0]), jnp.array([0.0, 1.0]), sharpness=50.0)
    x = jnp.array([-0.4, -0.1, 0.1, 0.4])
    got = foundations.mlp(x[:, None], layers)[:, 0]
    error, bound = np.abs(got - nn.heaviside(x)), np.exp(-50 * np.abs(x))
    # 1 - sigmoid is rounded as a difference from 1
    assert (error <= bound + 1e-15).all()
    assert (error >= bound / 2).all()


@pytest.mark.row(359)
@configurations()
@pytest.mark.parametrize("features", [1, 2, 3])
def test_bumps_of_threshold_units_are_exact(rng, features):
    low = rng.integers(-3, 2, (4, features)).astype(float)
    high = low + rng.integers(1, 3, (4, features))
    heights = rng.integers(1, 9, 4).astype(float)
    # halves: on every edge and in every middle
    x = rng.integers(-8, 8, (200, features)) / 2

    @jax.jit
    def evaluate(x, low, high, heights):
        layers = foundations.bump_network(low, high, heights, sharpness=2.0)
        return foundations.mlp(x, layers, activation=nn.heaviside)[:, 0]

    with jax.enable_x64(True):
        got = evaluate(x, low, high, heights)
    want = [sum(h for a, b, h in zip(low, high, heights, strict=True) if np.all((a < p) & (p <= b))) for p in x]
    assert_close(got, want, factor=0)  # to the last bit


@pytest.mark.row(359)
def test_a_bump_of_two_sigmoid_layers(x64, rng):
    """In the plane, at distance d from every edge: within sigmoid(-t (1/2 - 4 exp(-s d))) of its indicator."""
    s, t, d = 60.0, 40.0, 0.1
    low, high = jnp.array([[-1.0, 0.0]]), jnp.array([[0.5, 1.0]])
    layers = foundations.bump_network(low, high, jnp.ones(1), sharpness=s, second_sharpness=t)
    x = jnp.asarray(rng.uniform(-2, 2, (3000, 2)))
    place, corner, other = np.asarray(x), np.asarray(low), np.asarray(high)
    clear = np.min(np.minimum(np.abs(place - corner), np.abs(place - other)), axis=1) >= d
    inside = np.all((place > corner) & (place < other), axis=1)
    got = jax.jit(foundations.mlp)(x, layers)[:, 0]
    bound = nn.sigmoid(jnp.asarray(-t * (0.5 - 4 * np.exp(-s * d))))
    assert 300 < clear.sum() < 3000
    assert inside.sum() > 100
    assert bound < 1e-8
    assert np.max(np.abs(got - inside)[clear]) <= bound
    # one layer cannot: u_1 - v_1 + u_2 - v_2 stands on a cross
    assert layers[0]["kernel"].shape == (2, 4)
    assert layers[1]["kernel"].shape == (4, 1)


@pytest.mark.row(359)
def test_bumps_approximate_a_function_of_the_plane(x64):
    def function(x):
        return jnp.sin(3 * x[..., 0]) * jnp.cos(2 * x[..., 1])

    def plane(line):
        return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)

    grid = jnp.asarray(plane(np.linspace(0.01, 0.99, 23)))

    @jax.jit
    def error(corners, size):
        layers = foundations.bump_network(corners, corners + size, function(corners + size / 2))
        got = foundations.mlp(grid, layers, activation=nn.heaviside)[:, 0]
        return jnp.max(jnp.abs(got - function(grid)))

    errors = []
    for cells in (4, 8, 16):
        corners = plane(np.arange(cells) / cells)
        errors.append(float(error(jnp.asarray(corners), 1 / cells)))
        # half a cell along both axes, times the largest slopes
        assert errors[-1] <= (3 + 2) * 0.5 / cells
    assert errors[2] < errors[0] / 3


@pytest.mark.row(358, 359)
def test_constructed_weights_keep_the_dtype_and_compile(rng):
    points = jnp.linspace(0, 1, 4)

    @jax.jit
    def through(points):
        layers = foundations.staircase_network(points, points.astype(jnp.bfloat16))
        boxes = foundations.bump_network(points[:, None], points[:, None] + 1, points.astype(jnp.bfloat16))
        return layers, boxes

    assert {leaf.dtype for leaf in jax.tree.leaves(through(points))} == {jnp.dtype("bfloat16")}
    gradient = jax.grad(lambda v: foundations.mlp(jnp.ones(1), foundations.staircase_network(points, v))[0])(points)
    assert_close(gradient.sum(), 1)
