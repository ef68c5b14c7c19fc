"""dlx.image: Horn-Schunck against loops, the sparse linear system, and from coarse to fine."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as images
from tests.image.scenes import rotated, shifted
from tests.proof import configurations, prove
from tests.reference import optical_flow as reference
from tests.tolerances import assert_close

SHAPE = (9, 11)


@pytest.mark.row(341, function="dlx.image.horn_schunck")
@pytest.mark.erratum("E83")
@pytest.mark.parametrize(("neighbours", "derivatives"), [(8, "both"), pytest.param(4, "first", marks=pytest.mark.slow)])
@configurations(1)
def test_iteration(rng, neighbours, derivatives):
    first, second = rng.random(SHAPE), rng.random(SHAPE)
    prove(
        lambda first, second: images.horn_schunck(
            first, second, alpha=0.05, iterations=4, neighbours=neighbours, derivatives=derivatives
        ),
        [first, second],
        reference=lambda *two: reference.horn_schunck(*two, 0.05, 4, neighbours, derivatives),
        dtypes=("float64", "float32"), kind="contraction", another=lambda array: array**2,
    )  # fmt: skip


@pytest.mark.row(341, function="dlx.image.flow_energy")
@pytest.mark.parametrize("neighbours", [8, pytest.param(4, marks=pytest.mark.slow)])
@configurations(1)
def test_energy(rng, neighbours):
    first, second, flow = rng.random(SHAPE), rng.random(SHAPE), rng.standard_normal((*SHAPE, 2))
    prove(
        lambda *arrays: images.flow_energy(*arrays, alpha=0.3, neighbours=neighbours), [first, second, flow],
        reference=lambda *three: np.array(reference.flow_energy(*three, 0.3, neighbours)),
        dtypes=("float64", "float32"), kind="contraction",
    )  # fmt: skip
    with jax.enable_x64(True):
        assert_close(images.neighbour_mean(flow, neighbours=neighbours), reference.neighbour_mean(flow, neighbours))


@pytest.mark.row(341, function="dlx.image.horn_schunck")
@pytest.mark.gap("U29")
@pytest.mark.parametrize("neighbours", [8, pytest.param(4, marks=pytest.mark.slow)])
def test_the_fixed_point_solves_the_euler_lagrange_equations(x64, rng, neighbours):
    sparse = pytest.importorskip("scipy.sparse.linalg")
    first, second = shifted(SHAPE, (0.5, -0.3), scale=2.0)
    alpha = 0.01
    want = sparse.spsolve(*map(_as_csc, reference.euler_lagrange_system(first, second, alpha, neighbours)))
    want = want.reshape(*SHAPE, 2)
    got = images.horn_schunck(first, second, alpha=alpha, iterations=5000, neighbours=neighbours)
    assert_close(got, want, factor=100)  # what a linear iteration leaves
    # half the gradient of the energy is the residual of these equations
    matrix, right = reference.euler_lagrange_system(first, second, alpha, neighbours)
    flow = rng.standard_normal((*SHAPE, 2))
    slope = jax.grad(lambda f: images.flow_energy(first, second, f, alpha=alpha, neighbours=neighbours))(flow)
    assert_close(slope / 2, (matrix @ flow.ravel() - right).reshape(flow.shape))


def _as_csc(thing):
    return thing.tocsc() if hasattr(thing, "tocsc") else thing


@pytest.mark.row(341, function="dlx.image.horn_schunck")
def test_the_energy_decreases_at_every_iteration(x64, rng):
    first, second = rng.random((2, *SHAPE))
    flow, energies = jnp.zeros((*SHAPE, 2)), []
    step = jax.jit(lambda flow: images.horn_schunck(first, second, alpha=0.02, iterations=1, initial=flow))
    for _ in range(40):
        energies.append(float(images.flow_energy(first, second, flow, alpha=0.02)))
        flow = step(flow)
    assert all(later < earlier for earlier, later in itertools.pairwise(energies))
    # so many at once are the same
    assert_close(images.horn_schunck(first, second, alpha=0.02, iterations=40), flow)


@pytest.mark.row(341, function="dlx.image.horn_schunck")
def test_angle_of_a_shift_and_of_a_rotation():
    shape = (48, 56)
    solve = jax.jit(lambda first, second: images.horn_schunck(first, second, alpha=1e-4, iterations=400))
    for first, second, flow in ((*shifted(shape, (0.6, -0.4)), None), rotated(shape, 0.02)):
        truth = np.float32(np.broadcast_to([0.6, -0.4], (*shape, 2)) if flow is None else flow)
        found = solve(np.float32(first), np.float32(second))
        assert float(images.angular_error(found, truth)) < 5
        assert float(images.angular_error(np.zeros_like(truth), truth)) > 10


@pytest.mark.row(341, function="dlx.image.pyramid_horn_schunck")
@pytest.mark.erratum("E82", "E83")
@pytest.mark.parametrize("shift", [(8.0, -6.0), (-12.5, 9.0)])
def test_a_large_shift(shift):
    first, second = np.float32(shifted((128, 144), shift, scale=0.4))
    found = LARGE(first, second)
    error = np.linalg.norm(np.asarray(found) - np.float32(shift), axis=-1)
    assert error[24:-24, 24:-24].max() < 0.3
    assert float(images.angular_error(found, np.broadcast_to(np.float32(shift), found.shape))) < 5


LARGE = jax.jit(lambda first, second: images.pyramid_horn_schunck(first, second, alpha=3e-4))


@pytest.mark.row(341, function="dlx.image.pyramid_horn_schunck")
def test_one_level_and_one_warp_is_horn_schunck_to_a_pixel(x64, rng):
    first, second = rng.random((2, *SHAPE))
    got = images.pyramid_horn_schunck(first, second, alpha=0.02, levels=1, warps=1, iterations=5)
    want = images.horn_schunck(first, second, alpha=0.02, iterations=5)
    assert 0.5 < float((jnp.abs(want) <= 1).mean()) < 1
    # a warp changes u and v by a pixel at most
    assert_close(got, jnp.clip(want, -1, 1))


def test_flat_images_stand_still():
    flat = np.full((20, 20), 0.4, np.float32)
    assert (jax.jit(lambda *two: images.horn_schunck(*two, iterations=3))(flat, flat) == 0).all()
    assert (jax.jit(lambda *two: images.pyramid_horn_schunck(*two, levels=2))(flat, flat) == 0).all()


@pytest.mark.row(341, function="dlx.image.pyramid_horn_schunck")
@pytest.mark.parametrize("warps", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_small_shift_of_fine_waves_with_little_smoothness(warps, rng):
    # waves of 8 to 40 pixels; a warp that flattens their crests errs by 0.1 to 0.3, and by more with more warps
    angles, phases = rng.uniform(0, 2 * np.pi, (2, 8))
    waves = 2 * np.pi / np.geomspace(8, 40, 8) * np.stack([np.cos(angles), np.sin(angles)])
    x, y = np.meshgrid(np.arange(112.0), np.arange(96.0))
    first, second = (
        np.float32(
            0.5 + 0.05 * sum(np.sin(a * (x - u) + b * (y - v) + c) for a, b, c in zip(*waves, phases, strict=True))
        )
        for u, v in ((0, 0), (0.6, 0.36))
    )
    flow = jax.jit(lambda *two: images.pyramid_horn_schunck(*two, alpha=3e-4, warps=warps))(first, second)
    error = np.linalg.norm(np.asarray(flow) - np.float32([0.6, 0.36]), axis=-1)
    assert error[12:-12, 12:-12].mean() < 0.03
