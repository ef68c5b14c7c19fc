"""Second grade of agreement: equal to rounding over 3 steps on the whole state, and what must not be equal."""

import importlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import PartitionSpec as P

from dlx import train
from tests.train import tiny

TOLERANCE = 2e-6
"""Of a leaf's largest entry; measured: 3e-7."""

CUTS = [(parallel, devices) for parallel in ("jit", "pmap", "shard_map") for devices in (1, 2, 8)]


def assert_agree(state, other):
    distance, name = tiny.furthest(state, other)
    assert distance < TOLERANCE, name


@pytest.mark.parametrize(("parallel", "devices"), CUTS)
def test_devices_agree_with_one(parallel, devices):
    assert_agree(tiny.trained(devices=devices, parallel=parallel), tiny.trained())


@pytest.mark.parametrize("parallel", ["jit", "pmap", "shard_map"])
def test_seeds_and_data_on_one_mesh(parallel):
    """Eight devices: 2 seeds x 4 pieces of a batch; under pmap 8 pieces."""
    layout = train.make_layout(2, devices=8, parallel=parallel)
    assert dict(layout.mesh.shape) == ({"data": 8} if parallel == "pmap" else {"seed": 2, "data": 4})
    both = tiny.trained(devices=8, parallel=parallel, seeds=(0, 1))
    for k in (0, 1):
        assert_agree(tiny.replica(both, k), tiny.trained(seeds=(k,)))


@pytest.mark.parametrize("parallel", ["jit", pytest.param("shard_map", marks=pytest.mark.slow)])
def test_vmapped_seeds_agree_with_mapped(parallel):
    devices = 1 if parallel == "jit" else 2  # three seeds on two devices: the data are cut
    vmapped = tiny.trained(seeds=(0, 1, 2), each="vmap", devices=devices, parallel=parallel)
    assert_agree(vmapped, tiny.trained(seeds=(0, 1, 2), each="map"))


class Careless(tiny.Network):
    """Takes its part of the batch for the whole: statistics and dropout masks of its own on each device."""

    def __call__(self, inputs, *, train):
        object.__setattr__(self, "axis_name", None)
        return super().__call__(inputs, train=train)


def test_a_model_that_ignores_the_cut_is_noticed():
    task = tiny.task(Careless(), ema=0.9)
    assert tiny.furthest(tiny.run(task, steps=3, devices=2, parallel="shard_map"), tiny.trained())[0] > 1e-3


@pytest.mark.parametrize("leaf", ["moments", "params"])
def test_n_times_gradient_shows_in_the_moments_and_hardly_in_params(leaf, monkeypatch):
    """psum for pmean, eight devices: Adam divides a common factor of the gradient out again."""
    wrong = types.SimpleNamespace(**{**vars(lax), "pmean": lax.psum})
    monkeypatch.setattr(importlib.import_module("dlx.train.supervised"), "lax", wrong)
    distances = tiny.distance(eight_times(), tiny.trained())
    if leaf == "moments":
        first = {name: value for name, value in distances.items() if ".mu" in name}
        assert first
        assert all(6.0 < value < 8.0 for value in first.values())  # 8 - 1, as a fraction of the right one
    else:
        assert max(value for name, value in distances.items() if name.startswith(".params")) < 1e-3


_EIGHT = []


def eight_times():
    if not _EIGHT:  # both tests above look at one run
        _EIGHT.append(tiny.run(tiny.task(ema=0.9), steps=3, devices=8, parallel="shard_map"))
    return _EIGHT[0]


def test_checked_shard_map_adds_the_gradients_of_replicated_params():
    """Why `Layout.spread` turns check_vma off: with it a replicated parameter's gradient is summed over devices."""
    devices = 8
    mesh = jax.make_mesh((devices,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x, w = jnp.arange(16.0).reshape(16, 1) / 8, jnp.array([0.5])

    def loss(w, x):
        return jnp.mean((x @ w - 1.0) ** 2)

    def over_devices(gradient, *, check_vma):
        spread = jax.shard_map(gradient, mesh=mesh, in_specs=(P(), P("data")), out_specs=P(), check_vma=check_vma)
        return np.asarray(jax.jit(spread)(w, x))

    def naive(w, x):
        return lax.pmean(jax.grad(loss)(w, x), "data")

    def varying(w, x):
        return naive(lax.pcast(w, "data", to="varying"), x)

    right = np.asarray(jax.grad(loss)(w, x))
    np.testing.assert_allclose(over_devices(naive, check_vma=True), devices * right, rtol=1e-5)
    np.testing.assert_allclose(over_devices(varying, check_vma=True), right, rtol=1e-5)
    np.testing.assert_allclose(over_devices(naive, check_vma=False), right, rtol=1e-5)


@pytest.mark.parametrize(("parallel", "devices"), [("jit", 8), ("pmap", 8), ("shard_map", 8)])
def test_gradient_on_eight_devices_is_not_eight_times(parallel, devices):
    mu, one = (s.opt_state[0].mu["kernel"] for s in (tiny.trained(devices=devices, parallel=parallel), tiny.trained()))
    assert abs(np.linalg.norm(mu) / np.linalg.norm(one) - 1) < 1e-5
