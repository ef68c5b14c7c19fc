"""Batch normalisation against loops, PyTorch and Flax, cut over devices, and where the mean is large."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, nn
from tests.proof import configurations, prove
from tests.reference import batch_norm as reference
from tests.tolerances import assert_close

SHAPES = [(6, 3), (2, 3, 4, 3)]


def drawn(rng, shape):
    return 2 + 3 * rng.standard_normal(shape), rng.uniform(0.5, 2, shape[-1]), rng.standard_normal(shape[-1])


@pytest.mark.row(122, 123, 124)
@pytest.mark.erratum("E26")
@pytest.mark.parametrize("shape", SHAPES, ids=["dense", "convolution"])
@configurations(1)
def test_batch_norm(rng, shape):
    eps = float(rng.choice([1e-5, 0.1]))
    prove(
        lambda *args: nn.batch_norm(*args, eps=eps),
        drawn(rng, shape),
        reference=lambda *args: reference.batch_norm(*args, eps),
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(125)
@configurations(1)
def test_batch_norm_inference(rng):
    x, scale, bias = drawn(rng, (2, 3, 2, 3))
    mean, variance = rng.standard_normal(3), rng.uniform(0.5, 2, 3)
    prove(
        nn.batch_norm_inference,
        [x, mean, variance, scale, bias],
        reference=lambda *args: reference.normalise(*args, 1e-5),
        kind="contraction",
    )


@pytest.mark.row(122, 123, 124, 125, 126)
@pytest.mark.erratum("E25", "E26")
@pytest.mark.parametrize("shape", SHAPES, ids=["dense", "convolution"])
@configurations(1)
def test_pytorch_and_the_closed_form(rng, shape, x64):
    """Outputs, running statistics of two batches, and gradients by jax.grad, closed form, tape and PyTorch."""
    torch = pytest.importorskip("torch")
    x, scale, bias = drawn(rng, shape)
    gradient = rng.standard_normal(shape)
    layer = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(3, momentum=0.2, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(scale))
        layer.bias.copy_(torch.tensor(bias))
    to_torch = (0, 3, 1, 2) if len(shape) == 4 else (0, 1)
    back = (0, 2, 3, 1) if len(shape) == 4 else (0, 1)
    tensor = torch.tensor(x.transpose(to_torch), requires_grad=True)
    want = layer(tensor)
    want.backward(torch.tensor(gradient.transpose(to_torch)))
    layer(torch.tensor(2 * x.transpose(to_torch)))

    args = [jnp.asarray(a) for a in (x, scale, bias)]
    function = jax.jit(lambda *args: nn.batch_norm(*args))
    (outputs, mean, variance), pull = jax.vjp(function, *args)
    assert_close(outputs, want.detach().numpy().transpose(back), kind="contraction")
    zeros = jnp.zeros(3)
    by_all = pull((jnp.asarray(gradient), zeros, zeros))
    theirs = tensor.grad.numpy().transpose(back), layer.weight.grad.numpy(), layer.bias.grad.numpy()
    closed = backprop.batch_norm_backward(jnp.asarray(gradient), *args[:2])
    tape = backprop.batch_norm_backward_by_graph(jnp.asarray(gradient), *args[:2])
    for automatic, *others in zip(by_all, theirs, closed, tape, strict=True):
        for other in others:
            np.testing.assert_allclose(automatic, other, rtol=1e-10, atol=1e-10)
            assert_close(automatic, other, kind="contraction", factor=10)  # sums of 24 cancelling terms

    running, count = (jnp.zeros(3), jnp.ones(3)), x.size // 3
    for moments in ((mean, variance), function(2 * args[0], *args[1:])[1:]):
        running = nn.update_running_statistics(*running, *moments, momentum=0.8, unbiased_count=count)
    assert_close(running[0], layer.running_mean.numpy())
    assert_close(running[1], layer.running_var.numpy())
    layer.eval()
    predicted = layer(tensor).detach().numpy().transpose(back)
    assert_close(nn.batch_norm_inference(args[0], *running, *args[1:]), predicted, kind="contraction")


@pytest.mark.row(122)
def test_outputs_have_mean_0_and_variance_1(rng, x64):
    outputs, mean, variance = nn.batch_norm(jnp.asarray(5 + 2 * rng.standard_normal((40, 4))), eps=1e-12)
    assert_close(outputs.mean(0), np.zeros(4))
    assert_close(outputs.var(0), np.ones(4), factor=10)  # eps of the size of the tolerance
    assert mean.shape == variance.shape == (4,)


@pytest.mark.row(125)
@pytest.mark.erratum("E25")
def test_update_running_statistics_keeps_the_share_of_the_old_in_both(x64):
    """0.75 old + 0.25 new, by hand; the notes' swapped line would give 0.25 * 8 + 0.75 * 4 = 5."""
    old, new = jnp.asarray([4.0]), jnp.asarray([8.0])
    mean, variance = nn.update_running_statistics(old, jnp.asarray([8.0]), new, jnp.asarray([4.0]), momentum=0.75)
    assert (mean[0], variance[0]) == (5, 7)
    _, unbiased = nn.update_running_statistics(old, old, new, jnp.asarray([6.0]), momentum=0.5, unbiased_count=3)
    assert unbiased[0] == 0.5 * 4 + 0.5 * 9  # 6 * 3 / 2
    assert nn.update_running_statistics(old, old, new, new, momentum=1.0)[0][0] == 4


def halves(x, scale, bias, *, each):
    """The batch in two parts, moments over both or of each part."""
    parts = x.reshape(2, -1, *x.shape[1:])
    axis = None if each else "data"
    out = jax.vmap(lambda part: nn.batch_norm(part, scale, bias, axis_name=axis), axis_name="data")(parts)
    return out[0].reshape(x.shape), out[1][0], out[2][0]


@pytest.mark.row(124)
def test_cut_batch_has_the_moments_of_the_whole(rng, x64):
    args = [jnp.asarray(a) for a in drawn(rng, (4, 3, 2, 3))]
    gradient = jnp.asarray(rng.standard_normal((4, 3, 2, 3)))
    cotangent = (gradient, jnp.ones(3), 2 * jnp.ones(3))

    def both(function):
        out, pull = jax.vjp(function, *args)
        return out, pull(cotangent)

    want, got = jax.jit(lambda: both(nn.batch_norm))(), jax.jit(lambda: both(lambda *a: halves(*a, each=False)))()
    jax.tree.map(lambda g, w: assert_close(g, w, kind="contraction"), got, want)
    assert np.abs(halves(*args, each=True)[0] - want[0][0]).max() > 1e-2  # parts have moments of their own


def plain(x, scale, bias):
    """The formula, which JAX differentiates as it stands."""
    mean = jnp.mean(x, range(x.ndim - 1), keepdims=True)
    variance = jnp.mean((x - mean) ** 2, range(x.ndim - 1), keepdims=True)
    scale, bias = (a.reshape((1,) * (x.ndim - 1) + (-1,)) for a in (scale, bias))
    return scale * (x - mean) / jnp.sqrt(variance + 1e-5) + bias, mean.ravel(), variance.ravel()


@pytest.mark.row(126)
@pytest.mark.parametrize("devices", [None, "pmap", "shard_map"])
def test_derivatives_are_those_of_the_formula(rng, x64, devices):
    """Reverse, forward and forward over reverse mode, of outputs and of moments."""
    args, along = ([jnp.asarray(a) for a in drawn(rng, (4, 3, 2, 3))] for _ in range(2))
    weights = [jnp.asarray(rng.standard_normal(shape)) for shape in ((4, 3, 2, 3), (3,), (3,))]

    def cost(function, args):
        return sum(jnp.vdot(w, jnp.sin(out)) for w, out in zip(weights, function(*args), strict=True))

    def on_devices(x, scale, bias):
        function = lambda x, *others: nn.batch_norm(x, *others, axis_name="data")  # noqa: E731
        if devices == "pmap":
            one = jax.pmap(function, "data", in_axes=(0, None, None), devices=jax.devices()[:2])
            y, mean, variance = one(x.reshape(2, 2, *x.shape[1:]), scale, bias)
            return y.reshape(x.shape), mean[0], variance[0]
        mesh, split, same = jax.sharding.Mesh(jax.devices()[:2], ("data",)), jax.P("data"), jax.P()
        one = jax.shard_map(function, mesh=mesh, in_specs=(split, same, same), out_specs=(split, same, same))
        return one(x, scale, bias)

    def derivatives(function, args, along):
        gradient = jax.grad(lambda args: cost(function, args))
        forward = jax.jvp(lambda *args: function(*args), args, along)
        return forward, gradient(args), jax.jvp(gradient, (args,), (along,))[1]

    ours = nn.batch_norm if devices is None else on_devices
    got, want = (jax.jit(lambda f=f: derivatives(f, args, along))() for f in (ours, plain))
    jax.tree.map(lambda g, w: assert_close(g, w, kind="contraction", factor=10), got, want)


@pytest.mark.parametrize("cut", [False, True])
def test_a_large_mean_costs_no_digits(rng, cut):
    """Mean 1000, deviation 1: in float32 E[x^2] - E[x]^2 would be off by about 0.1."""
    x = np.asarray(1000 + rng.standard_normal((64, 2)) * 1.0, np.float32)
    ones, zeros = jnp.ones(2), jnp.zeros(2)
    variance = halves(jnp.asarray(x), ones, zeros, each=False)[2] if cut else nn.batch_norm(jnp.asarray(x))[2]
    np.testing.assert_allclose(variance, reference.moments(x)[1], rtol=1e-5)


def test_batch_norm_below_float32(rng):
    x, scale, bias = (jnp.asarray(a, jnp.bfloat16) for a in drawn(rng, (32, 4)))
    outputs, mean, variance = nn.batch_norm(x, scale, bias)
    assert (outputs.dtype, mean.dtype, variance.dtype) == (jnp.bfloat16, jnp.float32, jnp.float32)
    want = reference.batch_norm(*(np.asarray(a, np.float64) for a in (x, scale, bias)), 1e-5)
    assert_close(outputs, want[0])
    assert_close(mean, want[1])
    assert_close(variance, want[2], kind="contraction")
