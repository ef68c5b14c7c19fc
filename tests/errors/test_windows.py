"""What flattening, windows as matrices and receptive fields say when they are called wrongly."""

import jax.numpy as jnp
import pytest

from dlx import nn

IMAGES, KERNEL, MATRIX = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 2)), jnp.ones((3, 2))
CASES = [
    (lambda: nn.flatten([1.0]), TypeError, r"inputs: got \[1.0\] of type list, wanted an array"),
    (lambda: nn.flatten(MATRIX), ValueError, r"inputs: got shape \(3, 2\), wanted \(batch, height, width, channels\)"),
    (lambda: nn.flatten(IMAGES, order="hwc"), ValueError, "order: got 'hwc', .* nearest: nhwc"),
    (lambda: nn.receptive_field(3), TypeError, "layers: got 3 of type int, wanted a list of layers"),
    (lambda: nn.receptive_field([3, 2]), TypeError, r"layers: got 3 of type int, wanted \(size, stride, padding, dil"),
    (lambda: nn.receptive_field([[3.5]]), TypeError, "size: got 3.5 of type float, wanted a positive int"),
    (lambda: nn.col2im(MATRIX, 3, 3), TypeError, r"input_shape: got 3, wanted ints \(batch, height, width, channels\)"),
    (lambda: nn.col2im(MATRIX, (1, 4.0, 4, 1), 3), TypeError, r"input_shape: got \(1, 4.0, 4, 1\), wanted ints"),
    (lambda: nn.col2im(MATRIX, (4, 4, 1), 3), ValueError, r"input_shape: got \(4, 4, 1\), wanted \(batch, height"),
    (lambda: nn.col2im([1.0], (1, 4, 4, 1), 3), TypeError, r"windows: got \[1.0\] of type list, wanted an array"),
    (lambda: nn.im2col(3.0, 3), TypeError, "inputs: got 3.0 of type float, wanted an array"),
    (lambda: nn.conv2d_im2col([1.0], KERNEL), TypeError, r"inputs: got \[1.0\] of type list, wanted an array"),
    (lambda: nn.conv2d_im2col(IMAGES, [1.0]), TypeError, r"kernel: got \[1.0\] of type list, wanted an array"),
    (lambda: nn.conv2d_im2col(IMAGES, KERNEL, [0.0, 0.0]), TypeError, "bias: got .* of type list, wanted an array"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error
