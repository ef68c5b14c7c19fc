"""Unpooling against PyTorch, loops and its own pooling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations, prove
from tests.reference import pooling as reference
from tests.tolerances import assert_close

pytestmark = [pytest.mark.row(371), pytest.mark.gap("U21")]
USED = [(2, None, 0, (6, 8)), (2, 2, 0, (7, 7)), (3, 3, 1, (7, 8)), (2, 3, 0, (8, 9)), ((1, 3), (2, 3), (0, 1), (6, 7))]


def options(window, stride, padding):
    return {"window": window, "stride": stride, "padding": padding}


@pytest.mark.parametrize(("window", "stride", "padding", "size"), USED)
def test_switches_and_unpooling_of_pytorch(rng, window, stride, padding, size):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x = np.maximum(rng.standard_normal((2, *size, 3)), 0).astype(np.float32)
    pooled, places = functional.max_pool2d(
        torch.tensor(x).permute(0, 3, 1, 2), window, stride, padding, return_indices=True
    )
    outputs, switches = nn.max_pool2d_with_switches(jnp.asarray(x), **options(window, stride, padding))
    assert switches.dtype == jnp.int32
    assert (np.asarray(outputs) == pooled.permute(0, 2, 3, 1).numpy()).all()
    assert (np.asarray(switches) == places.permute(0, 2, 3, 1).numpy()).all()

    values = rng.standard_normal(pooled.shape).astype(np.float32)
    tensor = torch.tensor(values, requires_grad=True)
    want = functional.max_unpool2d(tensor, places, window, stride, padding, output_size=size)
    gradient = rng.standard_normal(want.shape).astype(np.float32)
    want.backward(torch.tensor(gradient))
    got, pull = jax.vjp(
        lambda values: nn.max_unpool2d(values, switches, **options(window, stride, padding), size=size),
        jnp.asarray(values.transpose(0, 2, 3, 1)),
    )
    assert (np.asarray(got) == want.detach().permute(0, 2, 3, 1).numpy()).all()
    by_values = pull(jnp.asarray(gradient.transpose(0, 2, 3, 1)))[0]
    assert (np.asarray(by_values) == tensor.grad.permute(0, 2, 3, 1).numpy()).all()


@pytest.mark.parametrize(
    ("window", "stride", "padding", "ceil_mode"), [(2, None, 0, False), (3, 2, 1, False), (3, 2, 0, True)]
)
def test_pooling_again_gives_back_what_came(rng, window, stride, padding, ceil_mode):
    x = jnp.asarray(np.maximum(rng.standard_normal((2, 8, 9, 3)), 0), jnp.float32)
    how = options(window, stride, padding)

    @jax.jit
    def there_and_back(x):
        outputs, switches = nn.max_pool2d_with_switches(x, **how, ceil_mode=ceil_mode)
        plane = nn.max_unpool2d(outputs, switches, **how, size=(8, 9))
        return outputs, plane, nn.max_pool2d(plane, **how, ceil_mode=ceil_mode)

    outputs, plane, again = there_and_back(x)
    # where windows overlap, the mean of equal numbers is rounded
    assert_close(again, outputs)
    # each maximum at its own place, zeros elsewhere
    assert_close(plane, np.where(plane != 0, x, 0))
    if window == 2:
        assert (again == outputs).all()


def test_windows_that_name_one_place_share_it(rng):
    """The middle of three by three is the maximum of all four windows of two by two."""
    x = jnp.zeros((3, 3, 1)).at[1, 1].set(1)
    outputs, switches = nn.max_pool2d_with_switches(x, window=2, stride=1)
    assert (switches == 4).all()
    values = jnp.asarray([[1.0, 2], [3, 6]])[:, :, None]
    got = nn.max_unpool2d(values, switches, window=2, stride=1)
    assert (got == 3 * x).all()  # (1 + 2 + 3 + 6) / 4
    assert (nn.max_unpool2d(outputs, switches, window=2, stride=1) == x).all()


def test_switch_of_nan_is_inside_the_plane():
    x = jnp.full((3, 3, 1), -jnp.inf).at[2, 2].set(jnp.nan)
    outputs, switches = nn.max_pool2d_with_switches(x, window=2, padding=1)
    assert switches[:, :, 0].tolist() == [[0, 1], [3, 8]]
    assert np.isnan(outputs[1, 1, 0])


def test_a_switch_outside_of_its_window_is_left_out_under_jit():
    far = jnp.asarray([[15, 2], [8, 10]])[:, :, None]
    got = jax.jit(lambda values: nn.max_unpool2d(values, far))(jnp.ones((2, 2, 1)))
    assert got.sum() == 3
    assert got[3, 3, 0] == 0


@configurations(1)
def test_max_unpool2d(rng):
    x = rng.permutation(np.arange(96.0)).reshape(1, 6, 8, 2) / 8
    size = (1, 3, 4, 2)
    maxima, shares = reference.pool("max", x, (2, 2), (2, 2), ((0, 0), (0, 0)))
    switches = np.zeros(size, np.int32)
    for where, [((row, column), _)] in shares.items():
        switches[where] = row * 8 + column
    assert (nn.max_pool2d_with_switches(jnp.asarray(x))[1] == switches).all()
    prove(
        nn.max_unpool2d, [maxima, switches], reference=lambda m, s: reference.backward(m, x.shape, shares), vmap=False
    )


@pytest.mark.parametrize("window", [2, (3, 1)])
def test_nearest_unpool2d_and_bed_of_nails(rng, window):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((2, 3, 2, 4))
    k = (window, window) if isinstance(window, int) else window

    def nails(x):
        out = np.zeros((2, 3 * k[0], 2 * k[1], 4))
        for n, i, j, c in np.ndindex(*x.shape):
            out[n, i * k[0], j * k[1], c] = x[n, i, j, c]
        return out

    def nearest(x):
        return torch.nn.Upsample(scale_factor=k)(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()

    prove(lambda x: nn.nearest_unpool2d(x, window=window), [x], reference=nearest, dtypes=("float64", "float32"))
    prove(lambda x: nn.bed_of_nails(x, window=window), [x], reference=nails, dtypes=("float64", "float32"))
    # pooled again: nearest by the mean as by the maximum, nails by the maximum if nothing is negative
    x = jnp.asarray(np.abs(x), jnp.float32)
    assert (nn.max_pool2d(nn.nearest_unpool2d(x, window=window), window=window) == x).all()
    assert_close(nn.avg_pool2d(nn.nearest_unpool2d(x, window=window), window=window), x)
    assert (nn.max_pool2d(nn.bed_of_nails(x, window=window), window=window) == x).all()
