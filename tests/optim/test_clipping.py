"""dlx.optim: clipping by value and by global norm."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import optim
from tests.proof import cast, check_transformations, configurations, prove
from tests.tolerances import assert_close


def flat_norm(*arrays):
    return np.sqrt(np.sum(np.concatenate([np.ravel(array) for array in arrays]) ** 2))


def clipped(optimizer):
    return lambda *arrays: optimizer.update(list(arrays), optimizer.init(list(arrays)))[0]


def gradient(rng):
    return [rng.standard_normal((2, 3)), rng.standard_normal(4)]


@configurations()
def test_global_norm(rng):
    arrays = gradient(rng)
    # bfloat16 arrays have their norm in float32
    prove(lambda *leaves: optim.global_norm(leaves), arrays, reference=flat_norm, dtypes=("float64", "float32"))
    assert optim.global_norm(cast(arrays, "bfloat16")).dtype == jnp.float32
    assert_close(optim.global_norm(cast(arrays, "float32")), optax.tree.norm(cast(arrays, "float32")))
    assert optim.global_norm({}) == 0


@pytest.mark.row(142)
@pytest.mark.erratum("E99")
@configurations()
def test_clip_by_global_norm(rng):
    arrays = gradient(rng)
    length = flat_norm(*arrays)
    for bound in (0.5, float(length) * 2):
        ours, theirs = clipped(optim.clip_by_global_norm(bound)), clipped(optax.clip_by_global_norm(bound))
        check_transformations(ours, arrays)
        with jax.enable_x64(True):
            got = ours(*cast(arrays, "float64"))
            jax.tree.map(assert_close, got, theirs(*cast(arrays, "float64")))
            assert_close(flat_norm(*got), min(bound, length), dtype="float64")
    assert [leaf.dtype for leaf in ours(*cast(arrays, "bfloat16"))] == [jnp.bfloat16] * 2


def test_pytorch_clips_a_little_more(x64, rng):
    torch = pytest.importorskip("torch")
    arrays = gradient(rng)
    tensors = [torch.zeros(array.shape, dtype=torch.float64, requires_grad=True) for array in arrays]
    for tensor, array in zip(tensors, arrays, strict=True):
        tensor.grad = torch.tensor(array)
    torch.nn.utils.clip_grad_norm_(tensors, 0.5)
    length = flat_norm(*arrays)
    for got, tensor in zip(clipped(optim.clip_by_global_norm(0.5))(*cast(arrays, "float64")), tensors, strict=True):
        assert_close(got, tensor.grad.numpy() * (length + 1e-6) / length)


@pytest.mark.row(141)
@configurations()
def test_clip_by_value(rng):
    arrays = gradient(rng)
    ours = clipped(optim.clip_by_value(0.5))
    prove(lambda *leaves: tuple(ours(*leaves)), arrays, reference=lambda *x: tuple(np.clip(a, -0.5, 0.5) for a in x))
    jax.tree.map(assert_close, ours(*cast(arrays, "float32")), clipped(optax.clip(0.5))(*cast(arrays, "float32")))


def test_extreme_gradients():
    norm, value = clipped(optim.clip_by_global_norm(1.0)), clipped(optim.clip_by_value(1.0))
    assert not norm(jnp.zeros(3))[0].any()
    short = jnp.asarray([0.1, 0.3], jnp.float32)
    assert (norm(short)[0] == short).all()  # to the last bit
    # what is not finite is not hidden: the run's guard shall see it
    assert jnp.isnan(norm(jnp.asarray([jnp.nan, 1.0]))[0]).all()
    assert jnp.isnan(norm(jnp.asarray([jnp.inf, 1.0]))[0]).any()
    assert jnp.isnan(value(jnp.asarray([jnp.nan, 1.0]))[0][0])
    assert value(jnp.asarray([-jnp.inf, jnp.inf]))[0].tolist() == [-1, 1]


@pytest.mark.row(170)
def test_in_a_chain_under_injected_bounds(x64, rng):
    g = {"kernel": jnp.asarray(rng.standard_normal(4))}
    chain = optax.inject_hyperparams(
        lambda learning_rate, max_norm: optax.chain(optim.clip_by_global_norm(max_norm), optim.sgd(learning_rate))
    )(learning_rate=0.1, max_norm=0.5)
    state = chain.init(g)
    wanted = -0.1 * np.asarray(g["kernel"]) * 0.5 / np.linalg.norm(g["kernel"])
    # the hyperparameters are float32
    assert_close(chain.update(g, state)[0]["kernel"], wanted, dtype="float32")
