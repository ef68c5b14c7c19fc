"""What pooling, unpooling and batch normalisation say when they are called wrongly."""

import jax.numpy as jnp
import pytest

from dlx import backprop, models, nn

X, V = jnp.ones((2, 4, 6, 3)), jnp.ones(3)
P, S = jnp.ones((2, 2, 3, 3)), jnp.zeros((2, 2, 3, 3), int)
INTEGERS = jnp.ones((2, 4, 6, 3), int)
WINDOWED = [nn.max_pool2d, nn.avg_pool2d, nn.max_pool2d_with_switches]
PLANES = [*WINDOWED, nn.global_avg_pool2d, nn.global_max_pool2d, nn.nearest_unpool2d, nn.bed_of_nails]

CASES = [(lambda f=f: f(INTEGERS), TypeError, "inputs: got dtype int32, wanted a floating dtype") for f in PLANES]
CASES += [(lambda f=f: f(X[0, 0]), ValueError, r"inputs: got shape \(6, 3\), wanted \(\.\.\., height") for f in PLANES]
CASES += [(lambda f=f: f(X, window=5), ValueError, r"window: .*\(5, 5\).*\(4, 6\)") for f in WINDOWED]
CASES += [(lambda f=f: f(X, window=0), ValueError, "window: got 0, wanted at least 1") for f in WINDOWED]
CASES += [(lambda f=f: f(X, padding=2), ValueError, "padding: got 2 for a window of 2, wanted 0..1") for f in WINDOWED]
CASES += [
    (lambda: nn.max_pool2d(X, window=(1, 2, 3)), TypeError, "window: got .* wanted an int or a pair"),
    (lambda: nn.max_pool2d(X, window=2.0), TypeError, "window: got 2.0, wanted an int"),
    (lambda: nn.max_pool2d(X, stride=0), ValueError, "stride: got 0"),
    (lambda: nn.max_pool2d(X, padding=-1), ValueError, "padding: got -1"),
    (lambda: nn.max_pool2d(X, padding="full"), ValueError, "padding: got 'full', wanted .*, 'same' or 'valid'$"),
    (lambda: nn.max_pool2d(X[:, :0]), ValueError, r"inputs: got shape \(2, 0, 6, 3\), .* none of them 0"),
    (lambda: nn.nearest_unpool2d(X, window=0), ValueError, "window: got 0"),
    (lambda: nn.max_unpool2d(P, S, size=(9, 6)), ValueError, r"size: got \(9, 6\), .* wanted planes with \(2, 3\)"),
    (lambda: nn.max_unpool2d(P, S), ValueError, r"switches: got 0 outside of its window"),
    (lambda: nn.max_unpool2d(P, S[:1]), ValueError, r"switches: got shape \(1, 2, 3, 3\), wanted \(2, 2, 3, 3\)"),
    (lambda: nn.max_unpool2d(P, P), TypeError, "switches: got dtype float32, wanted integers"),
    (lambda: backprop.max_pool2d_backward(X, X), ValueError, r"output_gradient: .* wanted \(2, 2, 3, 3\)"),
    (lambda: backprop.avg_pool2d_backward(S, X), TypeError, "output_gradient: got dtype int32"),
    (lambda: backprop.global_avg_pool2d_backward(X, X), ValueError, r"output_gradient: .* wanted \(2, 3\)"),
    (lambda: backprop.global_max_pool2d_backward(V, X), ValueError, r"output_gradient: .* wanted \(2, 3\)"),
    (lambda: nn.batch_norm(INTEGERS), TypeError, "inputs: got dtype int32"),
    (lambda: nn.batch_norm(V[0]), ValueError, r"inputs: got a scalar, wanted \(\.\.\., channels\)"),
    (
        lambda: nn.batch_norm(X[:1, 0, 0]),
        ValueError,
        r"got shape \(1, 3\), one value for each channel, .* at least two",
    ),
    (lambda: nn.batch_norm(V), ValueError, "one value for each channel"),
    (lambda: nn.batch_norm(X, V[:2]), ValueError, r"scale: got shape \(2,\) for inputs .* wanted \(3,\)"),
    (lambda: nn.batch_norm(X, V, X), ValueError, r"bias: got shape \(2, 4, 6, 3\)"),
    (lambda: nn.batch_norm(X, eps=0.0), ValueError, r"eps: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: nn.batch_norm_inference(X, V[:2], V), ValueError, r"mean: got shape \(2,\)"),
    (lambda: nn.batch_norm_inference(X, V, X), ValueError, "variance: got shape"),
    (lambda: nn.update_running_statistics(V, V, V[:2], V), ValueError, "mean: got shape"),
    (lambda: nn.update_running_statistics(V, V, V, V, momentum=1.5), ValueError, "momentum: got 1.5"),
    (lambda: nn.update_running_statistics(V, V, V, V, unbiased_count=1), ValueError, "unbiased_count: got 1"),
    (lambda: models.BatchNorm(momentum=-0.1), ValueError, "momentum: got -0.1"),
    (lambda: models.BatchNorm(eps=-1.0), ValueError, "eps: got -1.0"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
