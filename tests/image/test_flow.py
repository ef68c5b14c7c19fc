"""dlx.image: the optical-flow constraint, errors of a flow, its colours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as images
from tests.image.scenes import rotated, shifted
from tests.proof import configurations, prove
from tests.reference import optical_flow as reference
from tests.tolerances import assert_close

SHAPE = (12, 14)


@pytest.mark.row(338, function="dlx.image.flow_constraint")
@pytest.mark.parametrize("derivatives", ["both", pytest.param("first", marks=pytest.mark.slow)])
@configurations(1)
def test_flow_constraint(rng, derivatives):
    first, second, flow = rng.random(SHAPE), rng.random(SHAPE), rng.standard_normal((*SHAPE, 2))

    def loop(first, second, flow):
        x, y, t = reference.derivatives(first, second, derivatives)
        return x * flow[..., 0] + y * flow[..., 1] + t

    prove(
        lambda *arrays: images.flow_constraint(*arrays, derivatives=derivatives), [first, second, flow],
        reference=loop, dtypes=("float64", "float32"),
    )  # fmt: skip
    for got, want in zip(
        images.flow_derivatives(*np.float32([first, second]), derivatives=derivatives),
        reference.derivatives(first, second, derivatives),
        strict=True,
    ):
        assert_close(got, want)


@pytest.mark.row(338, function="dlx.image.flow_constraint")
def test_the_residual_of_the_true_flow_vanishes_with_the_shift(x64):
    def residual(shift, derivatives):
        first, second = shifted((30, 32), (shift, -0.5 * shift), scale=0.4)
        flow = np.broadcast_to([shift, -0.5 * shift], (30, 32, 2))
        inner = images.flow_constraint(first, second, flow, derivatives=derivatives)[3:-3, 3:-3]
        return float(jnp.max(jnp.abs(inner)))

    # the order of what is left, from the Taylor series: shift^3 / 12 f''' and shift^2 / 2 f''
    for derivatives, order in (("both", 3), ("first", 2)):
        ratio = residual(0.8, derivatives) / residual(0.4, derivatives)
        assert 0.9 * 2**order < ratio < 1.1 * 2**order
    # and without motion nothing is left of 0.02 to 0.1 that the shift makes
    first, second = shifted((30, 32), (0.8, -0.4))
    assert float(jnp.max(jnp.abs(images.flow_constraint(first, second, np.zeros((30, 32, 2)))))) > 0.02


@pytest.mark.row(338, function="dlx.image.end_point_error, dlx.image.angular_error")
@pytest.mark.parametrize("name", ["end_point_error", "angular_error"])
@configurations(1)
def test_errors_of_a_flow(rng, name):
    function, loop = getattr(images, name), getattr(reference, name)
    flow, truth = rng.standard_normal((2, 3, 4, 2))
    prove(
        lambda flow, truth: function(flow, truth, reduction="none"), [flow, truth],
        reference=lambda *both: loop(*both).reshape(3, 4), dtypes=("float64",), kind="contraction",
    )  # fmt: skip
    known = rng.random((3, 4)) < 0.6
    dirty = np.where(known[..., None], truth, rng.choice([np.nan, 1e10], (3, 4, 1)))
    want = loop(flow, truth).reshape(3, 4)
    with jax.enable_x64(True):
        assert_close(function(flow, dirty, known), want[known].mean())
        assert_close(function(flow, dirty, known, reduction="none"), np.where(known, want, 0))
        assert_close(function(flow, truth), want.mean())
    assert np.isnan(function(np.float32(flow), np.float32(truth), np.zeros((3, 4), bool)))


@pytest.mark.row(338, function="dlx.image.end_point_error, dlx.image.angular_error")
def test_a_right_flow_has_no_error_and_a_derivative(rng):
    flow = jnp.asarray(rng.standard_normal((3, 4, 2)), jnp.float32)
    for function in (images.end_point_error, images.angular_error):
        value, slope = jax.value_and_grad(function)(flow, flow)
        assert value == 0
        assert (slope == 0).all()
    # 45 degrees between (1, 0, 1) and (0, 0, 1); Barron's formula in float32 loses what follows
    assert_close(images.angular_error(np.float32([1, 0]), np.float32([0, 0])), 45.0)
    small = images.angular_error(np.float32([1e-5, 0]), np.float32([0, 0]))
    np.testing.assert_allclose(small, np.rad2deg(1e-5), rtol=1e-6)


@pytest.mark.row(338, function="dlx.image.flow_colours")
def test_flow_colours():
    # 55 colours from red by yellow, green, cyan, blue, magenta; angle(-u, -v) from -pi to pi
    flow = np.float32([[1, 0], [0, 0], [np.cos(np.pi * 19 / 27), np.sin(np.pi * 19 / 27)], [np.nan, 0], [2, 0]])
    got = np.asarray(images.flow_colours(flow, max_length=1.0))
    # to the right: -u < 0 and -v = -0, the first colour
    assert_close(got[0], np.float32([1, 0, 0]))
    assert_close(got[1], np.float32([1, 1, 1]))
    assert_close(got[3], np.float32([0, 0, 0]))
    assert_close(got[4], np.float32([0.75, 0, 0]))
    # every 54th part of the circle is one step; the corners of the cube lie after 15, 21, 25, 36 and 49 steps
    for steps, corner in ((15, [1, 1, 0]), (21, [0, 1, 0]), (25, [0, 1, 1]), (36, [0, 0, 1]), (49, [1, 0, 1])):
        angle = -np.pi + 2 * np.pi * steps / 54
        flow = np.float32([-np.cos(angle), -np.sin(angle)])
        np.testing.assert_allclose(images.flow_colours(flow, max_length=1.0), corner, atol=2e-6)
        np.testing.assert_allclose(images.flow_colours(flow, max_length=2.0), (1 + np.array(corner)) / 2, atol=2e-6)


def test_flow_colours_scale_to_the_longest_known(rng):
    flow = rng.standard_normal((4, 5, 2)).astype(np.float32)
    known = np.ones((4, 5), bool)
    known[1, 2] = False
    flow[1, 2] = 1e9
    got = jax.jit(images.flow_colours)(flow, known)
    assert (got[1, 2] == 0).all()
    longest = np.sqrt((flow**2).sum(-1))[known].max()
    assert_close(got, images.flow_colours(flow, known, max_length=float(longest)), factor=4.0)  # of its root
    assert ((got >= 0) & (got <= 1 + 1e-6)).all()
    assert (images.flow_colours(np.zeros((2, 2, 2), np.float32)) == 1).all()


def test_the_rotation_of_the_scenes_obeys_the_constraint(x64):
    first, second, flow = rotated((30, 32), 0.01)
    assert float(jnp.max(jnp.abs(images.flow_constraint(first, second, flow)[3:-3, 3:-3]))) < 1e-3


def test_an_estimate_that_is_not_a_number_has_no_error_of_0():
    flow, truth = np.float32([[1, 2], [np.nan, 2], [3, 4]]), np.zeros((3, 2), np.float32)
    for measure in (images.end_point_error, images.angular_error):
        got = measure(flow, truth, reduction="none")
        assert np.isnan(got).tolist() == [False, True, False]
        assert np.isnan(measure(flow, truth))
        assert np.isfinite(measure(flow, truth, np.array([True, False, True])))
