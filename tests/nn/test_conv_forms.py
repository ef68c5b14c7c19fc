"""dlx.nn._conv_forms: every form of conv2d has the values and gradients of the built-in operation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dlx import nn
from dlx.nn import _conv_forms as forms
from dlx.nn import _conv_products as products
from tests.nn.windows import draw
from tests.proof import configurations
from tests.tolerances import assert_close


def value_and_pull(form, images, kernel, gradient):
    def both(images, kernel, gradient):
        outputs, pull = jax.vjp(form, images, kernel)
        return outputs, *pull(gradient)

    return jax.jit(both)(images, kernel, gradient)


def assert_equal_forms(rng, form, images, kernel, geometry):
    images, kernel = jnp.asarray(images), jnp.asarray(kernel)
    shape = jax.eval_shape(lambda x, k: forms.plain(x, k, geometry), images, kernel).shape
    gradient = jnp.asarray(rng.standard_normal(shape))
    got = value_and_pull(lambda x, k: form(x, k, geometry), images, kernel, gradient)
    want = value_and_pull(lambda x, k: forms.plain(x, k, geometry), images, kernel, gradient)
    for ours, theirs in zip(got, want, strict=True):
        assert_close(ours, theirs, kind="contraction", factor=10)  # sums of up to 200 terms, in another order


@pytest.mark.row(92)
@configurations()
def test_forward_forms(x64, rng):
    case = draw(rng)
    geometry = forms.Geometry(*(case["options"][name] for name in ("stride", "padding", "dilation", "groups")))
    assert_equal_forms(rng, forms.by_forward_forms, case["images"], case["kernel"], geometry)


@pytest.mark.row(92)
@configurations()
def test_blocks(x64, rng):
    window = tuple(int(n) for n in rng.integers(1, 6, 2))
    channels, features, height, width = (int(n) for n in rng.integers((1, 1, 5, 5), (5, 4, 9, 9)))
    pads = tuple(tuple(int(n) for n in rng.integers(0, 3, 2)) for _ in "hw")
    images, kernel = (
        rng.standard_normal((2, height, width, channels)),
        rng.standard_normal((*window, channels, features)),
    )
    assert_equal_forms(rng, products.by_blocks, images, kernel, forms.Geometry(pads=pads))


@pytest.mark.row(100)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_matmul(x64, rng, stride):
    images, kernel = rng.standard_normal((2, 5, 7, 3)), rng.standard_normal((1, 1, 3, 4))
    assert_equal_forms(rng, products.by_matmul, images, kernel, forms.Geometry(stride=stride))


# (plane, window, stride, pads, dilation): all entries meet a pixel, one does, corners do, none does
SMALL_PLANES = [
    ((2, 2), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    ((1, 1), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    ((2, 1), (3, 2), (2, 1), ((1, 2), (0, 2)), (1, 1)),
    ((2, 2), (3, 3), (1, 1), ((2, 2), (3, 2)), (2, 3)),
    ((4, 3), (4, 3), (1, 1), ((0, 0), (0, 0)), (1, 1)),
]


@pytest.mark.row(92)
@pytest.mark.parametrize(("plane", "window", "stride", "pads", "dilation"), SMALL_PLANES)
def test_small_planes(x64, rng, plane, window, stride, pads, dilation):
    images, kernel = rng.standard_normal((3, *plane, 2)), rng.standard_normal((*window, 2, 3))
    geometry = forms.Geometry(stride, pads, dilation)
    assert_equal_forms(rng, products.by_pixels, images, kernel, geometry)
    # and so chosen, its adjoint with it
    assert forms._is_small_plane(jnp.asarray(images), jnp.asarray(kernel), geometry)
    assert_equal_adjoints(rng, images, kernel, geometry)


@pytest.mark.row(92)
@pytest.mark.parametrize("chunks", [1, 2, 3, 9])
@configurations(1)
def test_kernel_gradient_in_chunks(x64, rng, chunks, monkeypatch):
    """Five images at once, three and two, two and two and one, one by one; more channels on either side; strides."""
    monkeypatch.setattr(products, "_count_chunks", lambda *shapes: chunks)
    case = draw(rng, groups=False)
    options = case["options"]
    for channels, outputs, stride in ((3, 2, (1, 1)), (2, 3, (1, 1)), (3, 2, (2, 1))):
        geometry = forms.Geometry(stride, options["padding"], options["dilation"])
        images, kernel = (
            rng.standard_normal((5, 6, 7, channels)),
            rng.standard_normal((*case["kernel"].shape[:2], channels, outputs)),
        )
        assert_equal_forms(rng, forms.by_forward_forms, images, kernel, geometry)


def test_chunks_by_size():
    """So many that the columns fit the cache, unless the sums do not; images of many megabytes are none for columns."""

    def shapes(batch, size, channels, outputs):
        plane = (batch, size, size)
        images, gradient = (jnp.zeros((*plane, n), np.float32) for n in (channels, outputs))
        return images, gradient, (3, 3), forms.Geometry(pads=((1, 1), (1, 1)))

    # 2 MiB is 524,288 floats: 14.2 images of 32 x 32 x 9 x 4 columns, whichever side has the 4 channels
    assert products._count_chunks(*shapes(128, 32, 4, 16)) == products._count_chunks(*shapes(128, 32, 16, 4)) == 9
    # 8 x 9 x 256 x 256 floats of sums are more than the columns of 64 images of 4 x 4
    assert products._count_chunks(*shapes(64, 4, 256, 256)) == 1
    assert products.fits_columns(*shapes(1, 56, 64, 64))
    assert not products.fits_columns(*shapes(1, 112, 64, 64))
    assert not products.fits_columns(*shapes(1, 8, 64, 64)[:3], forms.Geometry(groups=2))


@pytest.mark.row(107)
@configurations()
def test_transpose(x64, rng):
    case = draw(rng)
    geometry = forms.Geometry(*(case["options"][name] for name in ("stride", "padding", "dilation", "groups")))
    assert_equal_adjoints(rng, case["images"], case["kernel"], geometry)


def assert_equal_adjoints(rng, images, kernel, geometry):
    x, k = jnp.asarray(images), jnp.asarray(kernel)
    shape = jax.eval_shape(lambda x: forms.plain(x, k, geometry), x).shape
    maps = jnp.asarray(rng.standard_normal(shape))

    def built_in(maps, k):
        return jax.linear_transpose(lambda x: forms.plain(x, k, geometry), x)(maps)[0]

    got = value_and_pull(lambda maps, k: forms.transpose(maps, k, x.shape[1:3], geometry), maps, k, x)
    want = value_and_pull(built_in, maps, k, x)
    for ours, theirs in zip(got, want, strict=True):
        assert_close(ours, theirs, kind="contraction", factor=10)


def test_the_form_is_chosen_by_shape(monkeypatch):
    chosen = []
    for name in ("by_blocks", "by_matmul", "by_pixels", "by_forward_forms", "plain"):
        monkeypatch.setattr(forms, name, lambda x, k, g, name=name: chosen.append(name) or x)

    def choose(channels, window, geometry=forms.Geometry(), plane=(9, 9)):  # noqa: B008
        images = jnp.ones((1, *plane, channels))
        forms.convolve(images, jnp.ones((*window, channels // geometry.groups, 2)), geometry)
        return chosen[-1]

    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert choose(3, (3, 3)) == choose(8, (5, 5)) == "by_blocks"
    assert choose(9, (3, 3)) == choose(3, (8, 8)) == "by_forward_forms"
    for geometry in (forms.Geometry((2, 2)), forms.Geometry(dilation=(2, 1)), forms.Geometry(groups=2)):
        assert choose(4, (3, 3), geometry) == "by_forward_forms"
    assert choose(64, (1, 1)) == choose(64, (1, 1), forms.Geometry((2, 2))) == "by_matmul"
    assert choose(64, (1, 1), forms.Geometry(pads=((1, 1), (1, 1)))) == "by_forward_forms"
    padded = forms.Geometry(pads=((1, 1), (1, 1)))
    assert choose(64, (3, 3), padded, (2, 2)) == choose(3, (9, 9)) == choose(3, (5, 5), padded, (1, 5)) == "by_pixels"
    assert (
        choose(64, (3, 3), padded, (3, 3))
        == choose(64, (3, 3), padded._replace(groups=2), (2, 2))
        == "by_forward_forms"
    )
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert {choose(3, (3, 3)), choose(64, (1, 1)), choose(64, (3, 3))} == {"plain"}


@pytest.mark.row(92)
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_and_a_loop(x64, rng, axes):
    geometry = forms.Geometry((2, 1), ((1, 1), (0, 1)), (1, 2), 2)
    x, k = jnp.asarray(rng.standard_normal((3, 2, 6, 6, 4))), jnp.asarray(rng.standard_normal((3, 3, 2, 2, 6)))
    chosen = [a if axis == 0 else a[0] for a, axis in zip((x, k), axes, strict=True)]

    def gradients(form):
        def one(x, k):
            return jax.grad(lambda x, k: jnp.sum(jnp.sin(form(x, k, geometry))), (0, 1))(x, k)

        def loop(x, k):
            return lax.fori_loop(0, 1, lambda _, carry: jax.vmap(one, axes)(x, k), jax.vmap(one, axes)(x, k))

        return jax.jit(loop)(*chosen)

    for ours, theirs in zip(gradients(forms.by_forward_forms), gradients(forms.plain), strict=True):
        assert_close(ours, theirs, kind="contraction", factor=10)


@pytest.mark.row(92)
def test_second_derivatives_but_no_forward_mode(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((1, 4, 4, 9))), jnp.asarray(rng.standard_normal((3, 3, 9, 1)))
    forward = [lambda k: jnp.sum(jnp.sin(nn.conv2d(x, k))), lambda k: jnp.sum(jnp.sin(_plain(x, k)))]
    direction = jnp.asarray(rng.standard_normal(k.shape))
    for product in (
        lambda f: jax.jvp(jax.grad(f), (k,), (direction,))[1],
        lambda f: jax.grad(lambda k: jnp.sum(jax.grad(f)(k) * direction))(k),
    ):
        got, want = (jax.jit(lambda f=f, product=product: product(f))() for f in forward)
        assert_close(got, want, kind="contraction", factor=10)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(forward[0], (k,), (direction,))


def _plain(x, k):
    return forms.plain(x, k, forms.Geometry())


def test_gradients_keep_the_dtype(rng):
    x, k = jnp.asarray(rng.standard_normal((2, 6, 6, 9)), jnp.bfloat16), jnp.ones((3, 3, 9, 4), jnp.bfloat16)
    got = jax.grad(lambda x, k: jnp.sum(nn.conv2d(x, k) ** 2), (0, 1))(x, k)
    assert [g.dtype for g in got] == [jnp.bfloat16] * 2
    want = jax.grad(lambda x, k: jnp.sum(_plain(x, k) ** 2), (0, 1))(x.astype(jnp.float32), k.astype(jnp.float32))
    for ours, theirs in zip(got, want, strict=True):
        # outputs of tens are rounded, then cancel: to three hundredths of the largest entry
        error = jnp.max(jnp.abs(ours.astype(jnp.float32) - theirs))
        assert error <= 3e-2 * jnp.max(jnp.abs(theirs))
    mixed = nn.conv2d(x, k.astype(jnp.float32))
    assert mixed.dtype == np.float32
