"""What augmentation and explanation say when they are called wrongly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import explain
from dlx.data import augment

KEY = jax.random.key(0)
X, LABELS = jnp.ones((2, 4, 5, 3)), jnp.array([0, 1])
LEVELS = np.ones((2, 4, 5, 3), np.int32)
BOXES = jnp.ones((2, 3, 4))
RANDOM = [
    augment.random_flip_left_right,
    augment.random_flip_up_down,
    augment.random_resized_crop,
    augment.pad_and_crop,
    augment.random_brightness,
    augment.random_contrast,
    augment.random_saturation,
    augment.random_hue,
    augment.colour_jitter,
]
COLOURS = [augment.random_saturation, augment.random_hue, augment.colour_jitter]


AXES = [
    (f, jnp.moveaxis(jnp.ones((2, 8, 9, 3)), -1, 1), r"looks like NCHW: jnp\.moveaxis\(images, 1, -1\)") for f in RANDOM
] + [(f, jnp.ones((8, 9, 3)), r"looks like one image: images\[None\]") for f in RANDOM]


def forward(x):
    return jnp.sum(x, axis=(1, 2))


def tapped(x, perturbation):
    return forward(x), x


CASES = [(lambda f=f: f(KEY, X[0, 0]), ValueError, r"images: got shape \(5, 3\)") for f in RANDOM]
CASES += [(lambda f=f: f(KEY, [1, 2]), TypeError, r"images: got \[1, 2\] of type list") for f in RANDOM]
CASES += [(lambda f=f: f(jax.random.split(KEY, 3), X), ValueError, r"key: got shape \(3,\).* \(2,\)") for f in RANDOM]
CASES += [(lambda f=f: f(0, X), TypeError, "key: got 0, wanted a key") for f in RANDOM]
CASES += [(lambda f=f: f(KEY, X[..., :1]), ValueError, r"\(2, 4, 5, 1\), wanted .* width, 3\)") for f in COLOURS]
CASES += [(lambda f=f: f(KEY, LEVELS), TypeError, "image: got dtype int32, wanted uint8") for f in RANDOM[4:]]
CASES += [
    (lambda: augment.random_flip_left_right(KEY, X, probability=1.5), ValueError, "probability: got 1.5"),
    (lambda: augment.random_flip_boxes_up_down(KEY, BOXES[0]), ValueError, r"boxes: got shape \(3, 4\)"),
    (lambda: augment.random_contrast(KEY, X[..., :2]), ValueError, "width, 1 or 3"),
    (lambda: augment.random_brightness(KEY, X, strength=-1.0), ValueError, "strength: got -1.0"),
    (lambda: augment.random_hue(KEY, X, strength=0.6), ValueError, r"strength: got 0.6, wanted a number in \[0, 0.5\]"),
    (lambda: augment.colour_jitter(KEY, X, hue=0.6), ValueError, "hue: got 0.6"),
    (lambda: augment.colour_jitter(KEY, X, saturation=-0.6), ValueError, "saturation: got -0.6"),
    (lambda: augment.adjust_brightness(X, -0.1), ValueError, "factor: got -0.1"),
    (lambda: augment.adjust_hue(X, 0.7), ValueError, "shift: got 0.7"),
    (lambda: augment.adjust_contrast(X, jnp.ones(3)), ValueError, r"factor: got shape \(3,\), wanted \(\) or \(2,\)"),
    (lambda: augment.random_resized_crop(KEY, X, shape=(0, 3)), ValueError, r"shape\[0\]: got 0"),
    (lambda: augment.random_resized_crop(KEY, X, scale=(0.0, 1.0)), ValueError, r"scale: got 0.0, .* \(0, 1\]"),
    (lambda: augment.random_resized_crop(KEY, X, ratio=(2.0, 0.5)), ValueError, "ratio: .* wanted .least, largest"),
    (lambda: augment.random_crop_window(KEY, size=(3,)), ValueError, r"size: got \(3,\), wanted \(rows, columns\)"),
    (lambda: augment.crop_and_resize(X, jnp.ones((2, 3), int)), ValueError, r"windows: .* wanted \(2, 4\)"),
    (lambda: augment.pad_and_crop(KEY, X, padding=4, mode="reflect"), ValueError, "padding: got 4, wanted less than 4"),
    (lambda: augment.pad_and_crop(KEY, X, mode="wrap"), ValueError, "mode: got 'wrap'"),
    (lambda: augment.compose(), ValueError, "functions: got none"),
    (lambda: augment.compose(3), TypeError, "functions: got 3"),
    (lambda: augment.on_batch("flip"), TypeError, "function: got 'flip'"),
    (
        lambda: augment.on_batch(augment.pad_and_crop)(jax.random.split(KEY, 2), {"images": X}),
        ValueError,
        "batch: got images, wanted 'inputs'",
    ),
    (lambda: explain.input_gradient(forward, LEVELS, LABELS), TypeError, "inputs: got dtype int32"),
    (lambda: explain.input_gradient(forward, X, LABELS[:1]), ValueError, r"labels: got shape \(1,\), wanted \(2,\)"),
    (lambda: explain.input_gradient(forward, X, LABELS + 2), ValueError, r"labels: got 3 .* 0\.\.2"),
    (lambda: explain.input_gradient(jnp.sum, X, LABELS), ValueError, r"forward: got logits of shape \(\)"),
    (lambda: explain.saliency(forward, X[0], LABELS), ValueError, r"inputs: got shape \(4, 5, 3\)"),
    (lambda: explain.saliency(forward, X, LABELS, reduce="mean"), ValueError, "reduce: got 'mean'"),
    (lambda: explain.smooth_grad(0, forward, X, LABELS), TypeError, "key: got 0"),
    (lambda: explain.smooth_grad(KEY, forward, X, LABELS, noise=-1.0), ValueError, "noise: got -1.0"),
    (lambda: explain.smooth_grad(KEY, forward, X, LABELS, samples=0), ValueError, "samples: got 0"),
    (lambda: explain.integrated_gradients(forward, X, LABELS, X[0]), ValueError, r"baseline: .* \(4, 5, 3\)"),
    (lambda: explain.guided_backpropagation(forward, X, LABELS, rule="x"), ValueError, "rule: got 'x'"),
    (lambda: explain.occlusion(forward, X, LABELS, window=2), ValueError, "stride: got 4 for a window of 2"),
    (lambda: explain.occlusion(forward, X, LABELS, window=0), ValueError, "window: got 0"),
    (lambda: explain.grad_cam(lambda x, p: (forward(x), x[:, 0]), X, LABELS), ValueError, "activations: got shape"),
    (lambda: explain.occlusion(forward, X, LABELS), ValueError, "window: got 8, wanted at most 5, the image's size"),
    (
        lambda: explain.occlusion(3, X, LABELS),
        TypeError,
        r"forward: got 3 of type int, wanted a function \(inputs\) ->",
    ),
    (
        lambda: explain.guided_backpropagation(forward, X, LABELS),
        TypeError,
        r"forward: got a function of \(x\), wanted \(inputs, activation\) -> logits",
    ),
    (
        lambda: explain.grad_cam(forward, X, LABELS),
        TypeError,
        r"forward: got a function of \(x\), wanted \(inputs, perturbation\) -> \(logits, activations\)",
    ),
    (lambda: explain.saliency(lambda x, y: x, X, LABELS), TypeError, r"got a function of \(x, y\), wanted \(inputs\)"),
    (lambda: explain.class_activation_map(X, jnp.ones((4, 2)), LABELS), ValueError, r"kernel: .* wanted \(3, classes"),
    (lambda: explain.class_activation_map(X, jnp.ones((3, 1)), LABELS), ValueError, r"labels: got 1 at \[1\]"),
    (lambda: explain.pointing_game(X[..., 0], jnp.ones((2, 3))), ValueError, r"boxes: .* wanted \(2, 4\)"),
    (lambda: explain.pointing_game(X, BOXES[:, 0]), ValueError, "maps: got shape"),
    (lambda: explain.rank_correlation(X, X[:1]), ValueError, "second: got shape"),
    (lambda: explain.randomised(KEY, {"a": {"b": X}}, "b"), ValueError, "prefix: got 'b', .* there are a/b"),
    (lambda: explain.weight_randomisation(KEY, forward, {"a": X}, layers="a"), ValueError, "layers: got 'a'"),
    (lambda: explain.overlay(X, X[:, :2, :, 0]), ValueError, r"maps: got shape \(2, 2, 5\), .*resize_maps"),
    (lambda: explain.resize_maps(X[..., 0], shape=(3,)), ValueError, "shape: got"),
    (lambda: explain.filter_view(X[0]), ValueError, "kernel: got shape"),
    (lambda: explain.activation_view(LEVELS), TypeError, "activations: got dtype int32"),
    (lambda: explain.guided_relu(LEVELS), TypeError, "inputs: got dtype int32"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's


@pytest.mark.parametrize(("function", "images", "message"), AXES)
def test_axes_in_another_order(function, images, message):
    with pytest.raises(ValueError, match=message):
        function(KEY, images)


@pytest.mark.parametrize("shape", [(2, 8, 9, 1), (2, 3, 8, 4), (2, 8, 9, 7), (3, 8, 9), (2, 4, 3)])
def test_images_and_masks_that_are_flipped(shape):
    assert augment.flip_left_right(np.ones(shape)).shape == shape
