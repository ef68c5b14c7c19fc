"""Pooling against loops, PyTorch, Flax and XLA's own gradient; what it does to shifts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dlx import nn
from tests.proof import check_gradients, configurations, prove
from tests.reference import pooling as reference
from tests.tolerances import assert_close

NOTES = [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]]
# what networks use: VGG, AlexNet, ResNet, an inception block, GoogLeNet's rounding up, a window larger than its stride
USED = [
    (2, 2, 0, False),
    (3, 2, 0, False),
    (3, 2, 1, False),
    (3, 1, 1, False),
    (3, 2, 0, True),
    ((5, 3), 2, (2, 1), True),
]


def pair(value):
    return (value, value) if isinstance(value, int) else value


def drawn(rng):
    """Random options that fit into planes of 4 to 8, and the padding as pairs."""
    window = tuple(int(n) for n in rng.integers(1, 5, 2))
    stride = tuple(int(n) for n in rng.integers(1, 4, 2))
    padding = tuple(tuple(int(n) for n in rng.integers(0, k, 2)) for k in window)
    return {"window": window, "stride": stride, "padding": padding, "ceil_mode": bool(rng.integers(2))}


def with_ties(rng, shape):
    """Half of it zeros, as behind a ReLU."""
    return np.maximum(rng.standard_normal(shape), 0)


def planes(rng):
    return (2, int(rng.integers(4, 9)), int(rng.integers(4, 9)), 3)


@pytest.mark.row(101)
def test_example_of_the_notes():
    x = jnp.asarray(NOTES, jnp.float32)[:, :, None]
    assert (nn.max_pool2d(x, window=2)[:, :, 0] == jnp.asarray([[20, 30], [112, 37]])).all()


@pytest.mark.row(101)
@configurations()
def test_max_pool2d(rng):
    options, shape = drawn(rng), planes(rng)
    # distinct numbers: finite differences of a maximum know no ties
    x = rng.permutation(np.arange(np.prod(shape), dtype=np.float64)).reshape(shape) / 64
    order = options["window"], options["stride"], options["padding"], options["ceil_mode"]
    prove(
        lambda x: nn.max_pool2d(x, **options),
        [x],
        reference=lambda x: reference.pool("max", x, *order)[0],
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(102)
@configurations()
def test_avg_pool2d(rng):
    options, x = drawn(rng), rng.standard_normal(planes(rng))
    order = options["window"], options["stride"], options["padding"], options["ceil_mode"]
    include = bool(rng.integers(2))
    prove(
        lambda x: nn.avg_pool2d(x, **options, count_include_pad=include),
        [x],
        reference=lambda x: reference.pool("avg", x, *order, count_include_pad=include)[0],
        kind="contraction",
    )


@pytest.mark.row(101, 102)
@pytest.mark.parametrize(("window", "stride", "padding", "ceil_mode"), USED)
def test_pytorch(rng, window, stride, padding, ceil_mode):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x = with_ties(rng, (2, 8, 9, 2))
    options = {"window": window, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    cases = [(nn.max_pool2d, functional.max_pool2d, {})]
    cases += [(nn.avg_pool2d, functional.avg_pool2d, {"count_include_pad": flag}) for flag in (True, False)]
    for ours, theirs, more in cases:
        tensor = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
        want = theirs(tensor, window, stride, padding, ceil_mode=ceil_mode, **more)
        gradient = rng.standard_normal(want.shape)
        want.backward(torch.tensor(gradient))
        with jax.enable_x64(True):
            function = jax.jit(lambda x, g, o=ours, m=more: pulled(lambda x: o(x, **options, **m), x, g))
            got, by_inputs = function(jnp.asarray(x), jnp.asarray(gradient.transpose(0, 2, 3, 1)))
        assert_close(got, want.detach().permute(0, 2, 3, 1).numpy())
        # PyTorch too takes the first of equal maxima
        assert_close(by_inputs, tensor.grad.permute(0, 2, 3, 1).numpy())


def pulled(function, x, gradient):
    out, pull = jax.vjp(function, x)
    return out, pull(gradient)[0]


@pytest.mark.row(101, 102)
def test_flax(rng):
    linen = pytest.importorskip("flax.linen")
    x = jnp.asarray(rng.standard_normal((2, 7, 8, 3)), jnp.float32)
    sides = ((1, 0), (1, 1))
    options = {"window": (3, 2), "stride": (2, 1), "padding": sides}
    assert (nn.max_pool2d(x, **options) == linen.max_pool(x, (3, 2), (2, 1), sides)).all()
    for flag in (True, False):
        want = linen.avg_pool(x, (3, 2), (2, 1), sides, count_include_pad=flag)
        assert_close(nn.avg_pool2d(x, **options, count_include_pad=flag), want)
    for padding in ("same", "valid"):
        want = linen.max_pool(x, (3, 3), (2, 2), padding.upper())
        assert (nn.max_pool2d(x, window=3, stride=2, padding=padding) == want).all()


def built_in(x, window, stride, padding, ceil_mode):
    """XLA's windowed maximum; `ceil_mode` by padding up to the end of the last window."""
    k, s, p = pair(window), pair(stride), pair(padding)
    begins = [reference.starts(n, *of, ceil_mode) for n, *of in zip(x.shape[1:3], k, s, p, p, strict=True)]
    ends = [max(0, found[-1] + a - n) for found, a, n in zip(begins, k, x.shape[1:3], strict=True)]
    sides = ((0, 0), (p[0], ends[0]), (p[1], ends[1]), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *k, 1), (1, *s, 1), sides)


@pytest.mark.row(101)
@pytest.mark.parametrize(("window", "stride", "padding", "ceil_mode"), USED)
def test_gradient_is_that_of_xla_bit_for_bit(rng, window, stride, padding, ceil_mode):
    """Values, gradients and tangents with half of all entries tied, alone, in a loop, under vmap."""
    options = {"window": window, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    x = jnp.asarray(with_ties(rng, (2, 2, 8, 9, 3)), jnp.float32)
    tangent = jnp.asarray(rng.standard_normal(x.shape), jnp.float32)

    shape = jax.eval_shape(lambda x: nn.max_pool2d(x, **options), x[0]).shape
    gradient = np.asarray(rng.standard_normal(shape), np.float32)

    def run(function, x, tangent):
        out, moved = jax.jvp(function, (x,), (tangent,))

        def step(_, x):
            pull = jax.vjp(function, x)[1]
            return x - 0.125 * pull(gradient)[0]  # an exact product, fused or not

        return out, moved, jax.vjp(function, x)[1](gradient)[0], lax.fori_loop(0, 2, step, x)

    got = jax.jit(jax.vmap(lambda *a: run(lambda x: nn.max_pool2d(x, **options), *a)))(x, tangent)
    alone = jax.jit(lambda *a: run(lambda x: built_in(x, window, stride, padding, ceil_mode), *a))
    for k in range(len(x)):
        for ours, theirs in zip(got, alone(x[k], tangent[k]), strict=True):
            assert (np.asarray(ours[k]) == np.asarray(theirs)).all()


def test_first_of_equal_maxima_takes_the_gradient():
    x = jnp.zeros((2, 2, 1))
    assert (jax.grad(lambda x: nn.max_pool2d(x).sum())(x)[:, :, 0] == jnp.asarray([[1.0, 0], [0, 0]])).all()
    assert (jax.grad(lambda x: nn.global_max_pool2d(x).sum())(x)[:, :, 0] == jnp.asarray([[1.0, 0], [0, 0]])).all()


@pytest.mark.row(101, 102)
def test_large_windows(rng):
    """Above 64 entries the built-in forms are taken; the same numbers come out."""
    x = jnp.asarray(rng.standard_normal((2, 9, 9, 2)), jnp.float32)
    assert (nn.max_pool2d(x, window=9)[:, 0, 0] == nn.global_max_pool2d(x)).all()
    assert_close(nn.avg_pool2d(x, window=9)[:, 0, 0], nn.global_avg_pool2d(x), kind="contraction")


@pytest.mark.row(101)
def test_nan_and_infinity():
    """As in PyTorch, a NaN is the maximum of every window that holds it; padding is never a maximum."""
    x = jnp.full((4, 4, 1), -jnp.inf).at[0, 0].set(jnp.nan).at[3, 3].set(jnp.inf)
    got = nn.max_pool2d(x)[:, :, 0]
    assert np.isnan(got[0, 0])
    assert got.tolist()[1] == [-np.inf, np.inf]
    assert np.isnan(nn.global_max_pool2d(x)).all()
    low = nn.max_pool2d(jnp.full((3, 3, 1), -5.0), window=3, stride=2, padding=1)
    assert (low == -5).all()
    # the gradient too stays inside the plane
    by_inputs = jax.grad(lambda x: nn.max_pool2d(x, window=2, padding=1).sum())(jnp.full((2, 2, 1), -jnp.inf))
    assert by_inputs.sum() == 4


@pytest.mark.row(103)
@configurations()
def test_global_pooling(rng):
    x = rng.standard_normal(planes(rng))
    prove(nn.global_avg_pool2d, [x], reference=lambda x: x.mean((1, 2)), kind="contraction")
    prove(nn.global_max_pool2d, [x], reference=lambda x: x.max((1, 2)))


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_any_batch(rng, leading):
    x = jnp.asarray(rng.standard_normal((*leading, 4, 6, 2)), jnp.bfloat16)
    for function in (nn.max_pool2d, nn.avg_pool2d):
        out = function(x)
        assert (out.shape, out.dtype) == ((*leading, 2, 3, 2), jnp.bfloat16)
        assert (out.reshape(-1, 2, 3, 2)[0] == function(x.reshape(-1, 4, 6, 2)[0])).all()
    assert nn.global_avg_pool2d(x).shape == nn.global_max_pool2d(x).shape == (*leading, 2)


@pytest.mark.row(103)
@pytest.mark.erratum("E8")
def test_global_pooling_does_not_see_shifts_and_strided_pooling_does(rng):
    # eighths add exactly, in any order
    x = jnp.asarray(rng.integers(-64, 64, (1, 8, 8, 3)) / 8, jnp.float32)
    for shift in [(1, 0), (0, 3), (5, 2)]:
        moved = jnp.roll(x, shift, (1, 2))
        assert (nn.global_avg_pool2d(moved) == nn.global_avg_pool2d(x)).all()
        assert (nn.global_max_pool2d(moved) == nn.global_max_pool2d(x)).all()
        assert (nn.max_pool2d(moved) != nn.max_pool2d(x)).any()
    # by the stride the windows move along; by one pixel they hold other numbers
    assert (nn.max_pool2d(jnp.roll(x, 2, 1)) == jnp.roll(nn.max_pool2d(x), 1, 1)).all()
    assert not any((nn.max_pool2d(jnp.roll(x, 1, 1)) == jnp.roll(nn.max_pool2d(x), n, 1)).all() for n in range(4))


def relative_change(function, x):
    """|f(shifted by a pixel) - f(x)| / |f(x)|, without the edge that came round."""
    moved = jnp.roll(x, 1, 2)
    return float(jnp.linalg.norm(function(moved) - function(x)) / jnp.linalg.norm(function(x)))


@pytest.mark.row(104)
@pytest.mark.erratum("E8")
def test_pooling_softens_a_shift_of_one_pixel():
    """Blobs: the wider the window the less changes, a third less at least, and some does (E8)."""
    u, v = np.mgrid[:32, :32]
    centres = np.random.default_rng(0).uniform(6, 26, (64, 2))
    blobs = np.stack([np.exp(-((u - a) ** 2 + (v - b) ** 2) / (2 * 1.5**2)) for a, b in centres])[..., None]
    blobs = jnp.asarray(blobs, jnp.float32)
    changes = [relative_change(lambda x: x, blobs)]
    changes += [relative_change(lambda x, k=k: nn.max_pool2d(x, window=k), blobs) for k in (2, 4, 8)]
    assert changes == sorted(changes, reverse=True)
    assert 0 < changes[-1] < changes[0] * 2 / 3
    assert 0 < relative_change(lambda x: nn.avg_pool2d(x, window=8), blobs) < changes[0] * 2 / 3
    assert relative_change(nn.global_max_pool2d, blobs) < 1e-6


@pytest.mark.slow
def test_second_derivatives(rng):
    x = rng.permutation(np.arange(50.0)).reshape(1, 5, 5, 2) / 16
    check_gradients(lambda x: nn.max_pool2d(x, window=3, stride=2, padding=1) ** 3, [x], [0], order=2)
