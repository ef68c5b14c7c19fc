"""dlx.nn: whitening of windows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from tests.proof import configurations
from tests.tolerances import assert_close


def images(rng, shape=(6, 7, 8, 3)):
    """Correlated colours, and rows that follow each other."""
    colours = rng.standard_normal((shape[-1], shape[-1]))
    return np.cumsum(rng.standard_normal(shape), 1) @ colours + 2


def windows(x, rows, columns):
    """Every window as (rows, columns, channels) in one row."""
    out = []
    for image in x:
        for i in range(x.shape[1] - rows + 1):
            out += [image[i : i + rows, j : j + columns].ravel() for j in range(x.shape[2] - columns + 1)]
    return np.array(out)


def reference(x, window, eps):
    """NumPy's covariance and eigenvectors in float64."""
    rows, columns = window
    found = windows(x, rows, columns)
    values, vectors = np.linalg.eigh(np.cov(found, rowvar=False, bias=True))
    filters = []
    for value, vector in sorted(zip(values, vectors.T, strict=True), key=lambda pair: -pair[0]):
        filters.append(vector * np.sign(vector[np.argmax(np.abs(vector))]) / np.sqrt(value + eps))
    kernel = np.array(filters).T.reshape(rows, columns, x.shape[-1], -1)
    return kernel, -np.array(filters) @ found.mean(0)


@pytest.mark.row(364)
@configurations()
@pytest.mark.parametrize("window", [(2, 2), (1, 3)])
def test_numpy(rng, x64, window):
    x = images(rng)
    kernel, bias = nn.whitening_kernel(jnp.asarray(x), window=window, eps=0.01)
    want_kernel, want_bias = reference(x, window, 0.01)
    # eigenvectors: off by rounding over the gap between eigenvalues
    assert_close(kernel, want_kernel, kind="contraction", factor=1e3)
    assert_close(bias, want_bias, kind="contraction", factor=1e3)


@pytest.mark.row(364)
def test_outputs_are_white(rng, x64):
    x, eps = jnp.asarray(images(rng)), 1e-9
    out = np.asarray(nn.conv2d(x, *nn.whitening_kernel(x, eps=eps))).reshape(-1, 12)
    assert_close(out.mean(0), np.zeros(12), factor=10)
    # off by eps / l_i, the smallest l_i being 1e-3
    np.testing.assert_allclose(np.cov(out, rowvar=False, bias=True), np.eye(12), atol=1e-5)


def test_options(rng):
    x = jnp.asarray(images(rng), jnp.float32)
    kernel, bias = nn.whitening_kernel(x)
    assert kernel.shape == (2, 2, 3, 12)
    both, biases = jax.jit(lambda x: nn.whitening_kernel(x, both_signs=True))(x)
    out = np.asarray(nn.conv2d(x, both, biases))
    assert_close(out[..., 12:], -out[..., :12], kind="contraction")
    assert_close(both[..., :12], kernel, kind="contraction", factor=100)  # a compiled covariance is summed otherwise
    assert_close(biases[:12], bias, kind="contraction", factor=100)
    # a pixel that never changes has no variance: eps alone keeps its filter finite
    flat = nn.whitening_kernel(jnp.ones((2, 4, 4, 1)))
    assert np.isfinite(flat[0]).all()
    half = nn.whitening_kernel(x.astype(jnp.bfloat16))
    assert half[0].dtype == half[1].dtype == jnp.bfloat16
