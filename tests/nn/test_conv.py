"""dlx.nn: convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import foundations, nn
from tests.nn.windows import draw
from tests.proof import configurations, prove
from tests.reference import convolution as reference
from tests.tolerances import assert_close


def torch_options(options):
    """PyTorch pads alike on both sides."""
    return {**options, "padding": tuple(top for top, _ in options["padding"])}


@pytest.mark.row(92, 95, 96, 97, 98, 99)
@pytest.mark.erratum("E19", "E20")
@configurations()
def test_conv2d(rng):
    case = draw(rng)
    options = case["options"]

    def by_hand(x, k, b):
        return reference.conv2d(x, k, b, options["stride"], options["padding"], options["dilation"], options["groups"])

    arrays = [case["images"], case["kernel"], case["bias"]]
    prove(lambda x, k, b: nn.conv2d(x, k, b, **options), arrays, reference=by_hand, kind="contraction", modes=("rev",))


@pytest.mark.row(92, 95, 96, 97, 98, 99)
@configurations()
def test_conv2d_and_its_gradients_equal_pytorch(x64, rng):
    torch = pytest.importorskip("torch")
    case = draw(rng, symmetric=True)
    options, arrays = case["options"], [jnp.asarray(case[name]) for name in ("images", "kernel", "bias")]
    x, k, b = (torch.tensor(case[name], requires_grad=True) for name in ("images", "kernel", "bias"))
    want = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), k.permute(3, 2, 0, 1), b, **torch_options(options))
    want = want.permute(0, 2, 3, 1)
    got, pull = jax.vjp(jax.jit(lambda *a: nn.conv2d(*a, **options)), *arrays)
    assert_close(got, want.detach().numpy(), kind="contraction")
    gradient = rng.standard_normal(got.shape)
    want.backward(torch.tensor(gradient))
    for ours, theirs in zip(pull(jnp.asarray(gradient)), (x, k, b), strict=True):
        assert_close(ours, theirs.grad.numpy(), kind="contraction", factor=10)  # sums of up to 200 terms


@pytest.mark.row(91)
def test_cross_correlation_of_the_textbook():
    # d2l.ai, section 7.2: 0..8 in rows of three, with the window [[0, 1], [2, 3]]
    image, window = jnp.arange(9.0).reshape(3, 3, 1), jnp.arange(4.0).reshape(2, 2, 1, 1)
    np.testing.assert_array_equal(nn.conv2d(image, window)[..., 0], [[19, 25], [37, 43]])


@pytest.mark.row(91)
@pytest.mark.erratum("E7")
def test_cross_correlation_and_convolution_equal_scipy(x64, rng):
    signal = pytest.importorskip("scipy.signal")
    image, window = rng.standard_normal((6, 7)), rng.standard_normal((3, 2))
    x, k = jnp.asarray(image)[..., None], jnp.asarray(window)[..., None, None]
    assert_close(nn.conv2d(x, k)[..., 0], signal.correlate2d(image, window, "valid"), kind="contraction")
    full = nn.conv2d(x, k, padding=(2, 1))[..., 0]
    assert_close(full, signal.correlate2d(image, window), kind="contraction")
    # a convolution flips the kernel, a convolutional layer does not
    flipped = nn.conv2d(x, jnp.flip(k, (0, 1)), padding=(2, 1))[..., 0]
    assert_close(flipped, signal.convolve2d(image, window), kind="contraction")
    assert_close(flipped, foundations.convolve(jnp.asarray(image), jnp.asarray(window)), kind="contraction")


@pytest.mark.row(92)
def test_a_bias_is_added_to_every_pixel_and_any_batch_goes(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((2, 3, 5, 6, 2))), jnp.asarray(rng.standard_normal((2, 2, 2, 4)))
    bias = jnp.arange(4.0)
    want = nn.conv2d(x.reshape(6, 5, 6, 2), k)
    assert_close(nn.conv2d(x, k, bias).reshape(want.shape) - want, np.broadcast_to(np.arange(4.0), want.shape))
    assert_close(nn.conv2d(x[1, 2], k), want[5], kind="contraction")
    for kernel in (k, jnp.ones((1, 1, 2, 4)), jnp.ones((2, 2, 1, 4))):
        groups = 2 // kernel.shape[2]
        assert nn.conv2d(x[:, :0], kernel, groups=groups).shape == (
            2,
            0,
            *nn.conv2d(x[0, 0], kernel, groups=groups).shape,
        )


@pytest.mark.row(93)
def test_a_kernel_is_learned_from_data():
    # an edge detector from images and their edges, by gradient descent
    edge = jnp.array([1.0, -1.0]).reshape(1, 2, 1, 1)
    images = jnp.asarray(np.random.default_rng(0).standard_normal((4, 6, 8, 1)), jnp.float32)
    targets = nn.conv2d(images, edge)

    @jax.jit
    def descend(kernel):
        loss = jax.grad(lambda k: jnp.mean((nn.conv2d(images, k) - targets) ** 2))
        return jax.lax.fori_loop(0, 100, lambda _, k: k - 0.1 * loss(k), kernel)

    kernel = descend(jnp.zeros_like(edge))
    assert jnp.max(jnp.abs(kernel - edge)) < 1e-2


@pytest.mark.row(95, 96)
@pytest.mark.erratum("E19")
@pytest.mark.parametrize("size", [5, 8])
def test_sizes(size):
    def rows(k, **options):
        return jax.eval_shape(lambda x: nn.conv2d(x, jnp.ones((k, k, 1, 1)), **options), jnp.ones((size, 9, 1))).shape[
            0
        ]

    for k in (1, 2, 3, 5):
        for p in (0, 1, 2):
            for s in (1, 2, 3):
                assert rows(k, padding=p, stride=s) == (size + 2 * p - k) // s + 1
        for s in (1, 2, 3):
            assert rows(k, padding="same", stride=s) == -(-size // s)
        assert rows(k, padding="valid") == size - k + 1
    for k in (1, 3, 5):
        assert rows(k, padding=k // 2) == size


@pytest.mark.row(96)
@pytest.mark.erratum("E19")
def test_a_stride_skips_outputs_to_the_right_and_down(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((7, 8, 2))), jnp.asarray(rng.standard_normal((3, 2, 2, 3)))
    assert_close(nn.conv2d(x, k, stride=(2, 3)), nn.conv2d(x, k)[::2, ::3], kind="contraction")


@pytest.mark.row(97)
def test_dilation_is_a_kernel_with_zeros_between(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((9, 9, 2))), rng.standard_normal((3, 2, 2, 3))
    stuffed = np.zeros((5, 4, 2, 3))
    stuffed[::2, ::3] = k
    assert_close(nn.conv2d(x, jnp.asarray(k), dilation=(2, 3)), nn.conv2d(x, jnp.asarray(stuffed)), kind="contraction")


@pytest.mark.row(98, 99)
@pytest.mark.erratum("E20")
def test_channels_are_sums_and_stacks_of_single_ones(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((6, 6, 3))), jnp.asarray(rng.standard_normal((2, 3, 3, 4)))
    single = jax.vmap(jax.vmap(lambda image, window: nn.conv2d(image[..., None], window[..., None, None])[..., 0]))
    images = jnp.broadcast_to(jnp.moveaxis(x, -1, 0)[None], (4, 3, 6, 6))
    maps = single(images, jnp.transpose(k, (3, 2, 0, 1)))
    assert_close(nn.conv2d(x, k), jnp.moveaxis(maps.sum(1), 0, -1), kind="contraction")
    # one group a channel keeps the sums apart
    depthwise = nn.conv2d(x, k[..., 0].reshape(2, 3, 1, 3), groups=3)
    assert_close(depthwise, jnp.moveaxis(maps[0], 0, -1), kind="contraction")


@pytest.mark.row(100)
def test_a_pointwise_kernel_is_a_dense_layer_for_each_pixel(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((2, 4, 5, 3))), jnp.asarray(rng.standard_normal((1, 1, 3, 6)))
    want = np.asarray(x).reshape(-1, 3) @ np.asarray(k)[0, 0]
    assert_close(nn.conv2d(x, k).reshape(-1, 6), want, kind="contraction")
    assert_close(nn.conv2d(x, k, stride=2), want.reshape(2, 4, 5, 6)[:, ::2, ::2], kind="contraction")
    assert_close(nn.conv2d(x, k, padding=1)[:, 1:-1, 1:-1], want.reshape(2, 4, 5, 6), kind="contraction")


@pytest.mark.row(35, 375)
@pytest.mark.erratum("E8")
def test_a_circular_convolution_follows_shifts_and_a_dense_layer_does_not(x64, rng):
    x, k = jnp.asarray(rng.standard_normal((2, 8, 8, 2))), jnp.asarray(rng.standard_normal((3, 3, 2, 4)))

    def circular(stride):
        return jax.jit(lambda x: nn.conv2d(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "wrap"), k, stride=stride))

    deviation = foundations.equivariance_deviation
    for axis in (1, 2):
        assert_close(deviation(circular(1), x, offsets=(1, 3, -2), axis=axis), 0, factor=100)  # other order of sums
        assert_close(deviation(circular(2), x, offsets=(2, 4, -2), axis=axis, stride=2), 0, factor=100)
        assert deviation(circular(2), x, offsets=(1,), axis=axis, stride=2) > 0.1
        # zeros outside are no shift
        assert deviation(lambda x: nn.conv2d(x, k, padding=1), x, axis=axis) > 0.1
    dense = jnp.asarray(rng.standard_normal((128, 128)))
    assert deviation(lambda x: nn.affine(x.reshape(2, 128), dense).reshape(x.shape), x, axis=1) > 0.1


@pytest.mark.row(375)
def test_parameters_against_a_dense_layer():
    # 28x28 pixels to 6 maps of 28x28: 784 * 4704 weights and 4704 constants, or 6 kernels of 5x5 and 6 constants
    kernel = jnp.ones((5, 5, 1, 6))
    outputs = jax.eval_shape(lambda x: nn.conv2d(x, kernel, padding=2), jnp.ones((28, 28, 1)))
    assert outputs.size == 4704
    assert 784 * outputs.size + outputs.size == 3_692_640
    assert kernel.size + 6 == 156


@pytest.mark.row(110)
def test_flatten(rng):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    want = torch.flatten(torch.tensor(x).permute(0, 3, 1, 2), 1).numpy()
    np.testing.assert_array_equal(nn.flatten(jnp.asarray(x), order="nchw"), want)
    np.testing.assert_array_equal(nn.flatten(jnp.asarray(x)), x.reshape(2, -1))
    assert nn.flatten(jnp.zeros((0, 2, 2, 3))).shape == (0, 12)
