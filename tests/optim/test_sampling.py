"""dlx.optim: gradients of random minibatches are unbiased, and vary as one over their size."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import optim
from tests.tolerances import assert_close


def loss(params, example):
    return 0.5 * (params["w"] @ example["x"] - example["y"]) ** 2


def data(rng, n=6):
    examples = {"x": jnp.asarray(rng.standard_normal((n, 2))), "y": jnp.asarray(rng.standard_normal(n))}
    return {"w": jnp.asarray(rng.standard_normal(2))}, examples


def one_by_one(params, examples):
    """grad J_j, (n, 2)."""
    x, y, w = (np.asarray(array, np.float64) for array in (examples["x"], examples["y"], params["w"]))
    return (x @ w - y)[:, None] * x


@pytest.mark.row(162, 163)
@pytest.mark.erratum("E98")
@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_mean_and_variance_over_all_batches(rng, replace, batch_size):
    """Every batch that can be drawn, each equally likely: no estimate, the expectation itself."""
    each = one_by_one(*data(rng))
    n = len(each)
    draw = itertools.product if replace else itertools.permutations
    chosen = draw(range(n), **({"repeat": batch_size} if replace else {"r": batch_size}))
    means = np.array([each[list(batch)].mean(axis=0) for batch in chosen])
    np.testing.assert_allclose(means.mean(axis=0), each.mean(axis=0), rtol=1e-12)
    correction = 1 if replace else (n - batch_size) / (n - 1)
    np.testing.assert_allclose(means.var(axis=0), each.var(axis=0) / batch_size * correction, rtol=1e-12)


@pytest.mark.row(162, 163)
@pytest.mark.erratum("E98")
@pytest.mark.parametrize("replace", [True, False])
def test_minibatch_gradient_has_them(x64, rng, replace):
    params, examples = data(rng)
    each, count, size = one_by_one(params, examples), 4000, 3
    keys = jax.random.split(jax.random.key(0), count)
    draws = jax.jit(
        jax.vmap(lambda k: optim.minibatch_gradient(k, loss, params, examples, batch_size=size, replace=replace)["w"])
    )(keys)
    variance = each.var(axis=0) / size * (1 if replace else (6 - size) / 5)
    # five standard deviations of the mean of 4000, and of a variance (relative sqrt(2 / 4000) for a Gaussian)
    assert (np.abs(draws.mean(axis=0) - each.mean(axis=0)) < 5 * np.sqrt(variance / count)).all()
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=5 * np.sqrt(2 / count))


@pytest.mark.row(161, 162, 163)
def test_all_examples_without_replacement_are_the_full_gradient(x64, rng):
    params, examples = data(rng)
    full = optim.minibatch_gradient(jax.random.key(1), loss, params, examples, batch_size=6)["w"]
    assert_close(full, one_by_one(params, examples).mean(axis=0))
    one = optim.minibatch_gradient(jax.random.key(1), loss, params, examples)["w"]
    assert min(np.abs(one_by_one(params, examples) - np.asarray(one)).max(axis=1)) < 1e-12


@pytest.mark.row(162, 163)
def test_sample_minibatch_draws_every_example_equally_often():
    keys = jax.random.split(jax.random.key(2), 3000)
    for replace in (True, False):
        drawn = np.asarray(jax.jit(jax.vmap(lambda k, r=replace: optim.sample_minibatch(k, 5, 3, replace=r)))(keys))
        assert drawn.shape == (3000, 3)
        shares = np.bincount(drawn.ravel(), minlength=5) / drawn.size
        np.testing.assert_allclose(shares, 0.2, atol=5 * np.sqrt(0.2 * 0.8 / 9000))
        repeated = np.mean([len(set(batch)) < 3 for batch in drawn.tolist()])
        # 1 - 4/5 * 3/5 of the batches drawn with replacement have an example twice
        assert repeated == pytest.approx(0.52 if replace else 0.0, abs=5 * np.sqrt(0.52 * 0.48 / 3000) * replace)
