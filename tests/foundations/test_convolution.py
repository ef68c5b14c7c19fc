"""dlx.foundations: convolution of functions on a grid, and its algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlx import foundations
from tests.information.strategies import properties
from tests.proof import configurations, prove, shape
from tests.reference import foundations as reference
from tests.tolerances import assert_close

MODES = ("full", "same", "valid")
LINES = hnp.arrays(np.float64, (3, 4), elements=st.floats(-10, 10))


def in_every_mode(f, g):
    return tuple(foundations.convolve(f, g, mode=mode) for mode in MODES)


@pytest.mark.row(33)
@pytest.mark.erratum("E7")
@configurations()
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_convolve(rng, ndim):
    scipy = pytest.importorskip("scipy.signal")
    kernel = rng.standard_normal(shape(rng, ndim, 1, 3))
    signal = rng.standard_normal([n + int(rng.integers(0, 3)) for n in kernel.shape])
    if ndim == 2:
        prove(
            in_every_mode,
            [signal, kernel],
            reference=lambda f, g: tuple(reference.convolve(f, g, mode) for mode in MODES),
            kind="contraction",
        )
    with jax.enable_x64(True):
        f, g = jnp.asarray(signal), jnp.asarray(kernel)
        # the longer one first, and second
        in_order, swapped = jax.jit(lambda f, g: (in_every_mode(f, g), in_every_mode(g, f)))(f, g)
        for mode, got, other in zip(MODES, in_order, swapped, strict=True):
            assert_close(got, reference.convolve(signal, kernel, mode), kind="contraction")
            assert_close(got, scipy.convolve(signal, kernel, mode, method="direct"), kind="contraction")
            assert_close(other, scipy.convolve(kernel, signal, mode, method="direct"), kind="contraction")
        if ndim == 1:
            assert_close(in_order[0], np.convolve(signal, kernel), kind="contraction")


@pytest.mark.row(33)
@pytest.mark.erratum("E7")
def test_the_kernel_is_flipped():
    impulse = jnp.array([0.0, 1.0, 0.0])
    kernel = jnp.array([1.0, 2.0, 3.0])
    # an impulse is the neutral element, shifted to where it stands; a correlation would give 3, 2, 1
    assert foundations.convolve(impulse, kernel).tolist() == [0, 1, 2, 3, 0]
    assert foundations.convolve(impulse, kernel, mode="same").tolist() == [1, 2, 3]
    assert foundations.convolve(jnp.ones(1), kernel).tolist() == [1, 2, 3]


@jax.jit
def _algebra(f, g, h):
    convolve = foundations.convolve
    difference = jnp.array([1.0, -1.0])
    return {
        "commutative": (convolve(f, g), convolve(g, f)),
        "associative": (convolve(f, convolve(g, h)), convolve(convolve(f, g), h)),
        "distributive": (convolve(f, g + h), convolve(f, g) + convolve(f, h)),
        "homogeneous": (3 * convolve(f, g), convolve(3 * f, g)),
        "derivative of f": (convolve(difference, convolve(f, g)), convolve(convolve(difference, f), g)),
        "derivative of g": (convolve(difference, convolve(f, g)), convolve(f, convolve(difference, g))),
        "sum": (jnp.sum(convolve(f, g)), jnp.sum(f) * jnp.sum(g)),
        "diff": (convolve(difference, f)[1:-1], jnp.diff(f)),
    }


@pytest.mark.row(33)
@properties
@given(LINES)
def test_algebra(lines):
    with jax.enable_x64(True):
        pairs = _algebra(*(jnp.asarray(line) for line in lines))
    for name, (left, right) in pairs.items():
        # sums of products of up to three numbers to 10, each rounded
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.row(33)
def test_derivative_of_a_convolution_of_functions(x64):
    """On a fine grid: (f * g)' = f' * g, for Gaussians, whose convolution is a Gaussian."""
    h = 0.05
    x = jnp.arange(-200, 201) * h

    def gaussian(x, variance):
        return jnp.exp(-x * x / (2 * variance)) / jnp.sqrt(2 * jnp.pi * variance)

    f, g = gaussian(x, 0.5), gaussian(x, 1.5)
    slope = -x / 0.5 * f
    assert_close(foundations.convolve(f, g, mode="same") * h, gaussian(x, 2.0))
    assert_close(foundations.convolve(slope, g, mode="same") * h, -x / 2.0 * gaussian(x, 2.0))
