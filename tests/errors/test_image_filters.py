"""What the filters, edges and Hough transforms of dlx.image say when they are called wrongly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image as im

G, C = jnp.ones((8, 9)), jnp.ones((8, 9, 3))
CASES = [
    (lambda: im.gaussian_filter(C, sigma=1.0), ValueError, r"image: got shape \(8, 9, 3\), wanted \(height, width\)"),
    (lambda: im.gaussian_filter(jnp.ones((0, 3)), sigma=1.0), ValueError, "not empty"),
    (lambda: im.gaussian_filter(G, sigma=0), ValueError, r"sigma: got 0, wanted a number in \(0, inf\)"),
    (lambda: im.gaussian_filter(G, sigma=-1.0), ValueError, "sigma: got -1.0"),
    (lambda: im.gaussian_filter(G, sigma=float("nan")), ValueError, "sigma: got nan"),
    (lambda: im.gaussian_filter(G, sigma=2.0), ValueError, r"at least that of the kernel, \(17, 17\) \(SciPy goes on"),
    (lambda: im.gaussian_filter(G, sigma=jnp.asarray(1.0)), TypeError, "radius: got None for a sigma"),
    (lambda: im.gaussian_filter(G, sigma=1.0, order=4), ValueError, "order: got 4"),
    (lambda: im.gaussian_filter(G, sigma=1.0, mode="edge"), ValueError, "mode: got 'edge', wanted one of reflect"),
    (lambda: im.gaussian_filter(G.astype(int), sigma=0.5), TypeError, "image: got dtype int32, wanted uint8, uint16"),
    (lambda: im.to_float(G > 0), TypeError, "image: got dtype bool"),
    (lambda: im.average_filter(G, size=4), ValueError, "size: got 4, wanted an odd number"),
    (lambda: im.average_filter(G, size=3.0), TypeError, "size: got 3.0"),
    (lambda: im.median_filter(G, size=2), ValueError, "size: got 2"),
    (lambda: im.median_filter(G, size=9), ValueError, r"image: got shape \(8, 9\)"),
    (lambda: im.sharpen(G, size=1), ValueError, "size: got 1, wanted at least 3"),
    (lambda: im.filter2d(G, np.ones((3, 2))), ValueError, "kernel columns: got 2"),
    (lambda: im.filter2d(G, np.ones(3)), ValueError, r"kernel: got shape \(3,\)"),
    (lambda: im.filter2d(G, np.ones((9, 3))), ValueError, "wanted at least that of the kernel"),
    (lambda: im.average_kernel(size=0), ValueError, "size: got 0"),
    (lambda: im.high_frequency_kernel(size=1), ValueError, "size: got 1"),
    (lambda: im.high_frequency_kernel(form="unit"), ValueError, "form: got 'unit'"),
    (lambda: im.gaussian_kernel(sigma=0.0), ValueError, "sigma: got 0.0"),
    (lambda: im.forward_difference(G, axis="z"), ValueError, "axis: got 'z'"),
    (lambda: im.sobel_x(jnp.ones((2, 9))), ValueError, r"the kernel, \(3, 3\)"),
    (lambda: im.gradient(G, operator="scharr"), ValueError, "operator: got 'scharr'"),
    (lambda: im.gradient_magnitude(G, G[:, 1:]), ValueError, r"gy: got shape \(8, 8\), wanted that of gx, \(8, 9\)"),
    (lambda: im.impulse_response(lambda x: x, size=4), ValueError, "size: got 4"),
    (lambda: im.linearity_deviation(lambda x: x, G, G.T), ValueError, "second: got shape"),
    (lambda: im.canny(G, sigma=0.5, low=0.3, high=0.2), ValueError, "low: got 0.3 with high 0.2, wanted low <= high"),
    (lambda: im.canny(G, sigma=0.0), ValueError, "sigma: got 0.0"),
    (lambda: im.canny(G, sigma=0.5, operator="central"), ValueError, "operator: got 'central'"),
    (lambda: im.canny(C), ValueError, "`rgb_to_grey` makes one channel of three"),
    (lambda: im.hysteresis_threshold(G, low=0.1, high=0.2, connectivity=6), ValueError, "connectivity: got 6"),
    (lambda: im.double_threshold(G, low=1, high=0), ValueError, "low: got 1 with high 0"),
    (lambda: im.non_maximum_suppression(G, G, method="linear"), ValueError, "method: got 'linear'"),
    (lambda: im.non_maximum_suppression(G, G, ties="all"), ValueError, "ties: got 'all'"),
    (lambda: im.hough_lines(C), ValueError, r"edges: got shape \(8, 9, 3\)"),
    (lambda: im.hough_lines(G, thetas=0), ValueError, "thetas: got 0"),
    (lambda: im.hough_lines(G, thetas=jnp.ones((2, 2))), ValueError, r"thetas: got shape \(2, 2\)"),
    (lambda: im.hough_lines(G, resolution=0.0), ValueError, "resolution: got 0.0"),
    (lambda: im.hough_lines_slope(G, np.ones(3), np.array([0.0, 1, 3])), ValueError, "intercepts: got uneven steps"),
    (lambda: im.hough_lines_slope(G, np.ones(3), np.zeros(1)), ValueError, r"intercepts: got shape \(1,\)"),
    (lambda: im.hough_circles(G, radii=[]), ValueError, "radii: got none"),
    (lambda: im.hough_circles(G, radii=[3, 0]), ValueError, "radii: got 0"),
    (lambda: im.hough_circles_gradient(G, G.T, radii=[3]), ValueError, "angle: got shape"),
    (lambda: im.hough_circles_gradient(G, G, radii=[3], polarity="up"), ValueError, "polarity: got 'up'"),
    (lambda: im.hough_circle_peaks(jnp.ones((2, 8, 9)), radii=[3]), ValueError, "votes: got shape"),
    (lambda: im.slope_intercept_to_normal(G, C), ValueError, "intercept: got shape"),
    (lambda: im.rgb_to_hsv(G), ValueError, r"image: got shape \(8, 9\), wanted \(height, width, 3\)"),
    (lambda: im.rgb_to_grey(jnp.ones((8, 9, 4))), ValueError, r"wanted \(height, width, 3\)"),
    (lambda: im.rgb_to_grey(C, weights="601"), ValueError, "weights: got '601'"),
    (lambda: im.cmyk_to_rgb(C), ValueError, r"wanted \(height, width, 4\)"),
    (lambda: im.alpha_over(jnp.ones((8, 9, 4)), jnp.ones((1, 9, 4))), ValueError, "back: got shape"),
    (lambda: im.alpha_blend(jnp.ones((8, 9, 4)), jnp.ones((8, 1, 3))), ValueError, "background: got shape"),
    (lambda: im.demosaic(jnp.ones((1, 8))), ValueError, r"mosaic: got shape \(1, 8\)"),
    (lambda: im.demosaic(G, pattern="RGBG"), ValueError, "pattern: got 'RGBG'"),
    (lambda: im.quantise(G, bits=17), ValueError, "bits: got 17"),
    (lambda: im.quantise(G, low=1.0, high=1.0), ValueError, "low: got 1.0 with high 1.0"),
    (lambda: im.quantise(G.at[1, 2].set(np.nan)), ValueError, "values: got NaN, wanted numbers"),
    (
        lambda: im.gaussian_filter(C, sigma=1.0),
        ValueError,
        r"jax.vmap\(f, in_axes=-1, out_axes=-1\)` takes the channels",
    ),
    (lambda: jax.jit(im.canny)(G, sigma=2.0), TypeError, r"sigma: got an array.*static_argnames='sigma'"),
    (lambda: im.canny(G, sigma=jnp.float32(2)), TypeError, "sigma: got an array, wanted a Python number"),
    (lambda: jax.jit(im.gaussian_filter)(G, sigma=2.0), TypeError, "radius: got None for a sigma .* make sigma static"),
    (lambda: im.dequantise(G), TypeError, "codes: got dtype float32"),
    (lambda: im.lens_image_distance(jnp.ones(2), jnp.ones(3)), ValueError, "object_distance: got shape"),
    (lambda: im.lens_magnification(2.0, jnp.ones(3)), ValueError, r"object_distance: got shape \(3,\), wanted \(\)"),
]


@pytest.mark.row(299)
@pytest.mark.parametrize("number", range(len(CASES)))
def test_error(number):
    call, kind, message = CASES[number]
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.row(310)
def test_thresholds_that_are_traced_pass():
    compiled = jax.jit(lambda low, high: im.canny(G, sigma=0.5, low=low, high=high))
    assert not compiled(0.3, 0.2).any()
