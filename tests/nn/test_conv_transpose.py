"""dlx.nn: transposed convolution and bilinear upsampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.nn.windows import draw
from tests.proof import configurations, prove
from tests.reference import convolution as reference
from tests.tolerances import assert_close


def transposed(rng):
    """Feature maps, kernel, bias and options: what a random convolution gives goes in."""
    case = draw(rng, symmetric=True)
    options = {**case["options"], "padding": tuple(min(p[0], 1) for p in case["options"]["padding"])}
    extra = tuple(int(rng.integers(0, s)) for s in options["stride"])
    maps = rng.standard_normal((2, 3, 4, case["kernel"].shape[3]))
    bias = rng.standard_normal(case["kernel"].shape[2] * options["groups"])
    return maps, case["kernel"], bias, {**options, "output_padding": extra}


@pytest.mark.row(107)
@configurations()
def test_conv_transpose2d(rng):
    torch = pytest.importorskip("torch")
    maps, kernel, bias, options = transposed(rng)
    pads = tuple((p, p) for p in options["padding"])

    def by_hand(x, k, b):
        extra, dilation = options["output_padding"], options["dilation"]
        return reference.conv_transpose2d(x, k, b, options["stride"], pads, extra, dilation, options["groups"])

    def ours(x, k, b):
        return nn.conv_transpose2d(x, k, b, **options)

    prove(ours, [maps, kernel, bias], reference=by_hand, kind="contraction", modes=("rev",), dtypes=("float64",))
    x, k, b = (torch.tensor(array, requires_grad=True) for array in (maps, kernel, bias))
    want = torch.nn.functional.conv_transpose2d(x.permute(0, 3, 1, 2), k.permute(3, 2, 0, 1), b, **options)
    want = want.permute(0, 2, 3, 1)
    with jax.enable_x64(True):
        got, pull = jax.vjp(jax.jit(ours), *(jnp.asarray(array) for array in (maps, kernel, bias)))
        assert_close(got, want.detach().numpy(), kind="contraction")
        gradient = rng.standard_normal(got.shape)
        want.backward(torch.tensor(gradient))
        for mine, theirs in zip(pull(jnp.asarray(gradient)), (x, k, b), strict=True):
            assert_close(mine, theirs.grad.numpy(), kind="contraction", factor=10)  # sums of up to 200 terms


@pytest.mark.row(107)
@configurations()
def test_it_is_the_adjoint(x64, rng):
    case = draw(rng)
    x, k, options = jnp.asarray(case["images"]), jnp.asarray(case["kernel"]), case["options"]
    y = nn.conv2d(x, k, **options)
    maps = jnp.asarray(rng.standard_normal(y.shape))
    # of the sizes that the stride takes to one, this one
    reach = [d * (w - 1) + 1 for d, w in zip(options["dilation"], k.shape[:2], strict=True)]
    extra = tuple(
        (n + sum(p) - r) % s
        for n, p, r, s in zip(x.shape[1:3], options["padding"], reach, options["stride"], strict=True)
    )
    back = nn.conv_transpose2d(maps, k, **options, output_padding=extra)
    assert back.shape == x.shape
    assert_close(jnp.vdot(y, maps), jnp.vdot(x, back), kind="contraction", factor=10)  # sums of 500 terms


@pytest.mark.row(108)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bilinear_kernel_is_a_bilinear_resize_inside(x64, rng, factor):
    size = 2 * factor - factor % 2
    # d2l.ai 14.10 takes k = 64, s = 32, p = 16
    padding = factor // 2 if factor % 2 == 0 else (factor - 1) // 2
    x = jnp.asarray(rng.standard_normal((2, 6, 5, 3)))
    kernel = nn.bilinear_kernel(size, 3, dtype=jnp.float64)
    got = nn.conv_transpose2d(x, kernel, stride=factor, padding=padding)
    want = jax.image.resize(x, (2, 6 * factor, 5 * factor, 3), "bilinear")
    assert got.shape == want.shape
    inner = slice(factor, -factor)
    assert_close(got[:, inner, inner], want[:, inner, inner], kind="contraction")
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.interpolate(
        torch.tensor(np.asarray(x)).permute(0, 3, 1, 2), scale_factor=factor, mode="bilinear"
    )
    assert_close(got[:, inner, inner], theirs.permute(0, 2, 3, 1).numpy()[:, inner, inner], kind="contraction")


@pytest.mark.row(108)
def test_bilinear_kernel_of_three():
    # by hand: 1 - |u - 1| / 2
    got = nn.bilinear_kernel(3, 2)
    assert got.dtype == jnp.float32
    np.testing.assert_array_equal(got[..., 1, 1], np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]))
    assert not np.any(got[..., 0, 1])
