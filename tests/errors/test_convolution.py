"""What convolution says when it is called wrongly."""

import jax
import jax.numpy as jnp
import pytest

from dlx import backprop, models, nn

X, K, KEY = jnp.ones((2, 8, 9, 4)), jnp.ones((3, 3, 4, 6)), jax.random.key(0)
CASES = [
    (lambda: nn.conv2d(X[..., :3], K), ValueError, r"inputs: got 3 channels in shape \(2, 8, 9, 3\), wanted 4 "),
    (lambda: nn.conv2d(jnp.moveaxis(X, -1, 1), K), ValueError, "inputs: got 9 channels .* looks like NCHW"),
    (lambda: nn.conv2d(X, K.transpose(3, 2, 0, 1)), ValueError, "the kernel looks like OIHW"),
    (lambda: nn.conv2d(X, K.transpose(0, 1, 3, 2)), ValueError, r"axes swapped .* kernel\.transpose\(0, 1, 3, 2\)$"),
    (lambda: nn.conv2d(X[..., :3], jnp.ones((3, 3, 5, 4))), ValueError, r"\(3, 3, 5, 4\) and groups=1$"),
    (lambda: nn.conv2d(X, jnp.ones((6, 4, 9, 9))), ValueError, r"\(6, 4, 9, 9\) and groups=1$"),  # higher than X
    (lambda: nn.conv_transpose2d(X, jnp.ones((4, 6, 3, 3))), ValueError, "the kernel looks like OIHW"),
    (lambda: nn.conv_transpose2d(X, K), ValueError, r"axes swapped .* kernel\.transpose\(0, 1, 3, 2\)$"),
    (lambda: nn.conv_transpose2d(X[..., :3], jnp.ones((3, 3, 5, 4))), ValueError, r"\(3, 3, 5, 4\)$"),
    (lambda: nn.conv2d(X[0, 0], K), ValueError, r"inputs: got shape \(9, 4\), wanted \(..., height, width, channels"),
    (lambda: nn.conv2d(X, K[0]), ValueError, r"kernel: got shape \(3, 4, 6\)"),
    (lambda: nn.conv2d(X, jnp.ones((9, 3, 4, 6))), ValueError, r"kernel: got a window of \(9, 3\), larger than the"),
    (lambda: nn.conv2d(X, K, dilation=5), ValueError, r"kernel: .* reaches over \(11, 11\) with its dilation, larger"),
    (lambda: nn.conv2d(X.astype(jnp.uint8), K), TypeError, "inputs: got dtype uint8, wanted a floating dtype"),
    (lambda: nn.conv2d(X, K.astype(int)), TypeError, "kernel: got dtype int32"),
    (lambda: nn.conv2d(X, jnp.ones((3, 3, 2, 3)), groups=2), ValueError, "groups: got 2, wanted a divisor of the 3"),
    (lambda: nn.conv2d(X, K, groups=0), ValueError, "groups: got 0"),
    (lambda: nn.conv2d(X, K, jnp.ones(4)), ValueError, r"bias: got shape \(4,\), wanted \(6,\)"),
    (lambda: nn.conv2d(X, K, stride=0), ValueError, "stride: got 0, wanted at least 1$"),
    (lambda: nn.conv2d(X, K, stride=1.5), TypeError, "stride: got 1.5, wanted an int or a pair"),
    (lambda: nn.conv2d(X, K, padding="full"), ValueError, "padding: got 'full', wanted .*, 'same' or 'valid'$"),
    (lambda: nn.conv2d(X, K, padding="SAME"), ValueError, r"'same' or 'valid'; did you mean 'same'\?$"),
    (lambda: nn.conv2d(X, K, stride=(0, 1)), ValueError, r"stride: got \(0, 1\), wanted at least 1$"),
    (lambda: nn.conv2d(X, K, padding=-1), ValueError, "padding: got -1"),
    (lambda: nn.conv2d(X, K, dilation=(1, 2, 3)), TypeError, r"dilation: got \(1, 2, 3\)"),
    (lambda: nn.conv_transpose2d(X, K), ValueError, "inputs: got 4 channels .* wanted 6, the last axis"),
    (lambda: nn.conv_transpose2d(X, K[..., :4], output_padding=1), ValueError, "output_padding: got 1, wanted less"),
    (lambda: nn.conv_transpose2d(X, K[..., :4], padding="same"), TypeError, "padding: got 'same'"),
    (lambda: nn.conv_transpose2d(X, K[..., :4], padding=5), ValueError, r"padding: got 5, which leaves an output of"),
    (lambda: nn.conv_transpose2d(X, K[..., :4], groups=3), ValueError, "groups: got 3, wanted a divisor of the 4"),
    (lambda: nn.bilinear_kernel(0, 3), ValueError, "kernel_size: got 0"),
    (lambda: nn.im2col(X[0], 2), ValueError, r"inputs: got shape \(8, 9, 4\), wanted \(batch, height"),
    (lambda: nn.im2col(X, 9), ValueError, r"kernel_size: got a window of \(9, 9\), larger than the input"),
    (lambda: nn.col2im(X[0, 0], (2, 8, 9, 4), 2), ValueError, r"windows: got shape \(9, 4\), wanted \(112, 16\)"),
    (lambda: nn.col2im(X[0, 0], (8, 9, 4), 2), ValueError, "input_shape: got"),
    (lambda: nn.conv2d_im2col(X, K[:, :, :2]), ValueError, r"kernel: got shape \(3, 3, 2, 6\)"),
    (lambda: nn.flatten(X[0]), ValueError, r"inputs: got shape \(8, 9, 4\)"),
    (lambda: nn.flatten(X, order="chw"), ValueError, "order: got 'chw', .* nearest: nchw"),
    (lambda: nn.receptive_field([(0,)]), ValueError, "size: got 0"),
    (lambda: nn.receptive_field([(3, 1, -1)]), ValueError, "padding: got -1"),
    (lambda: nn.receptive_field([(3, 1, 1, 1, 1)]), ValueError, "layers: got"),
    (lambda: backprop.conv2d_backward(X, X, K), ValueError, r"output_gradient: got shape .* with 84 windows"),
    (lambda: backprop.conv_transpose2d_backward(X, X, K[..., :4]), ValueError, "output_gradient: got shape .* to "),
    (lambda: models.Conv(0), ValueError, "features: got 0"),
    (lambda: models.Conv(4, groups=3), ValueError, "groups: got 3, wanted a divisor of features=4"),
    (lambda: models.Conv(6, groups=3).init(KEY, X), ValueError, "groups: got 3, wanted a divisor of the 4 channels"),
    (lambda: models.Conv(6).init(KEY, X.astype(jnp.uint8)), TypeError, "inputs: got dtype uint8"),
    (lambda: models.ConvTranspose(6, kernel_size=0), ValueError, "kernel_size: got 0"),
    (lambda: models.ConvTranspose(6, kernel_init="he"), ValueError, "initializer: got 'he'"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's


def test_before_compilation():
    with pytest.raises(ValueError, match="looks like NCHW"):
        jax.jit(nn.conv2d).lower(jnp.ones((2, 4, 8, 9)), K)
