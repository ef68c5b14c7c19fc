"""dlx.nn: the matrix of windows."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.nn.windows import draw
from tests.proof import configurations, prove
from tests.reference import convolution as reference
from tests.tolerances import assert_close


def windowed(rng, *, symmetric=False):
    case = draw(rng, groups=False, symmetric=symmetric)
    options = {name: case["options"][name] for name in ("stride", "padding", "dilation")}
    return case, case["kernel"].shape[:2], options


@pytest.mark.row(105)
@configurations()
def test_im2col(rng):
    torch = pytest.importorskip("torch")
    case, window, options = windowed(rng, symmetric=True)

    def by_hand(x):
        return reference.im2col(x, window, options["stride"], options["padding"], options["dilation"])

    prove(lambda x: nn.im2col(x, window, **options), [case["images"]], reference=by_hand, dtypes=("float64",))
    options["padding"] = tuple(p[0] for p in options["padding"])
    images = case["images"].astype(np.float32)
    columns = torch.nn.functional.unfold(torch.tensor(images).permute(0, 3, 1, 2), window, **options)
    want = columns.transpose(1, 2).reshape(-1, columns.shape[1]).numpy()
    np.testing.assert_array_equal(nn.im2col(jnp.asarray(images), window, **options), want)


@pytest.mark.row(106)
@configurations()
def test_col2im(x64, rng):
    torch = pytest.importorskip("torch")
    case, window, options = windowed(rng, symmetric=True)
    x = jnp.asarray(case["images"])
    rows = nn.im2col(x, window, **options)
    c = jnp.asarray(rng.standard_normal(rows.shape))
    back = nn.col2im(c, x.shape, window, **options)
    assert_close(jnp.vdot(rows, c), jnp.vdot(x, back), kind="contraction", factor=10)  # sums of 1,000 terms
    options["padding"] = tuple(p[0] for p in options["padding"])
    columns = torch.tensor(np.asarray(c)).reshape(len(x), -1, c.shape[1]).transpose(1, 2)
    want = torch.nn.functional.fold(columns, x.shape[1:3], window, **options).permute(0, 2, 3, 1).numpy()
    assert_close(back, want, kind="contraction")


@pytest.mark.row(105)
@configurations()
def test_conv2d_im2col(x64, rng):
    case, _, options = windowed(rng)
    x, k, b = (jnp.asarray(case[name]) for name in ("images", "kernel", "bias"))
    got = nn.conv2d_im2col(x, k, b, **options)
    assert_close(got, nn.conv2d(x, k, b, **options), kind="contraction")
    want = reference.conv2d(case["images"], case["kernel"], case["bias"], *options.values(), 1)
    assert_close(got, want, kind="contraction")


@pytest.mark.row(105, 106)
def test_one_image_by_hand():
    x = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    rows = nn.im2col(x, 2)
    np.testing.assert_array_equal(rows, [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]])
    # the corner lies in one window, an edge in two, the middle in four
    counts = nn.col2im(jnp.ones((4, 4)), (1, 3, 3, 1), 2)
    np.testing.assert_array_equal(counts[0, ..., 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
