"""dlx.data.augment: flips, crops and colours against their formulas, and their statistics."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx.data import augment
from dlx.nn import example_keys
from tests.proof import CountedJit
from tests.reference import augment as reference
from tests.tolerances import assert_close

KEY = jax.random.key(3)
KEYS, OTHERS = (example_keys(key, 6) for key in (KEY, jax.random.key(9)))
SHAPE = (6, 7, 5, 3)
COLOURS = {
    "brightness": (augment.adjust_brightness, reference.brightness),
    "contrast": (augment.adjust_contrast, reference.contrast),
    "saturation": (augment.adjust_saturation, reference.saturation),
    "hue": (augment.adjust_hue, reference.hue),
}
RANDOM = {
    "flip_left_right": augment.random_flip_left_right,
    "flip_up_down": augment.random_flip_up_down,
    "resized_crop": augment.random_resized_crop,
    "pad_and_crop": functools.partial(augment.pad_and_crop, padding=2),
    "brightness": augment.random_brightness,
    "contrast": augment.random_contrast,
    "saturation": augment.random_saturation,
    "hue": augment.random_hue,
    "jitter": augment.colour_jitter,
}

VMAPPED = ("flip_left_right", "resized_crop", "pad_and_crop", "jitter")
"""The others are built as one of these is."""


def stored(rng, shape=SHAPE):
    return rng.integers(0, 256, shape, np.uint8)


@pytest.mark.row(176)
def test_flips_are_numpy_reversals_and_involutions(rng):
    images = stored(rng)
    boxes = np.array([[[1.0, 2.0, 4.0, 3.0], [0.0, 0.0, 5.0, 7.0]]] * 6)
    flips = [
        (augment.flip_left_right, images[:, :, ::-1], augment.flip_boxes_left_right, {"width": 5.0}, [1, 2, 4, 3]),
        (augment.flip_up_down, images[:, ::-1], augment.flip_boxes_up_down, {"height": 7.0}, [1, 4, 4, 5]),
    ]
    for flip, want, flip_boxes, size, box in flips:
        out = flip(images)
        assert out.dtype == images.dtype
        np.testing.assert_array_equal(out, want)
        np.testing.assert_array_equal(flip(out), images)
        moved = flip_boxes(boxes, **size)
        np.testing.assert_array_equal(moved[0, 0], box)
        np.testing.assert_array_equal(moved[:, 1], boxes[:, 1])  # the box of the whole image stays
        np.testing.assert_array_equal(flip_boxes(moved, **size), boxes)


@pytest.mark.row(176)
@pytest.mark.parametrize("direction", ["left_right", "up_down"])
def test_images_masks_and_boxes_turn_together(rng, direction):
    size = {"left_right": {"width": 9.0}, "up_down": {"height": 8.0}}[direction]
    flip, flip_boxes = (getattr(augment, f"random_flip_{kind}{direction}") for kind in ("", "boxes_"))
    boxes = np.stack([[x, y, x + 3, y + 2] for x, y in rng.integers(0, 6, (40, 2))])
    mask = np.zeros((40, 8, 9), bool)
    for plane, (x, y, right, bottom) in zip(mask, boxes, strict=True):
        plane[y:bottom, x:right] = True
    images = np.where(mask[..., None], stored(rng, (40, 8, 9, 1)) // 2 + 128, 0).astype(np.uint8)
    out, planes = flip(KEY, images), np.asarray(flip(KEY, mask))
    np.testing.assert_array_equal(np.asarray(out)[..., 0] > 0, planes)
    for plane, box in zip(planes, np.asarray(flip_boxes(KEY, boxes[:, None], **size))[:, 0], strict=True):
        rows, columns = np.nonzero(plane)
        np.testing.assert_array_equal(box, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    turned = (np.asarray(out) != images).any((1, 2, 3))
    assert 0 < turned.sum() < 40


@pytest.mark.row(176)
def test_the_rate_of_flips(rng):
    images = np.arange(2, dtype=np.int32).reshape(1, 1, 2).repeat(20_000, 0)
    for probability in (0.5, 0.1):
        rate = float(np.mean(augment.random_flip_left_right(KEY, images, probability=probability)[:, 0, 0]))
        # four standard deviations of a mean of 20,000 coins
        assert abs(rate - probability) < 4 * np.sqrt(probability * (1 - probability) / 20_000)
    for probability in (0.0, 1.0):
        assert (augment.random_flip_left_right(KEY, images, probability=probability)[:, 0, 0] == probability).all()


@functools.cache
def uniform_numbers():
    """Keys of 4000 examples, and what they draw."""
    keys = example_keys(KEY, 4000)
    return keys, np.asarray(jax.vmap(lambda key: jax.random.uniform(key, (4, 10)))(keys), np.float64)


def drawn_windows(count=400, **options):
    """Windows, and the reference's of the first `count` from the same uniform numbers."""
    keys, uniform = uniform_numbers()
    # not compiled as a whole: its operations are compiled once for all sizes
    windows = np.asarray(augment.random_crop_window(keys, **options))
    return windows, np.array([reference.crop_window(*u, **options) for u in uniform[:count]])


@pytest.mark.row(177)
@pytest.mark.parametrize("size", [(32, 32), (40, 12), (9, 90)])
def test_windows_are_torchvisions(size):
    windows, want = drawn_windows(size=size, scale=(0.1, 1.0), ratio=(0.5, 2.0))
    np.testing.assert_array_equal(windows[: len(want)], want)
    assert (windows[:, :2] >= 0).all()
    assert (windows[:, :2] + windows[:, 2:] <= size).all()


@pytest.mark.row(177)
def test_ten_tries_without_a_fit_take_the_central_crop():
    # area 1 of a 10x40 image at aspects up to 2 never fits: full height, width 2 * 10, in the middle
    for size, want in (((10, 40), (0, 10, 10, 20)), ((40, 10), (10, 0, 20, 10))):
        windows, reference_windows = drawn_windows(5, size=size, scale=(1.0, 1.0), ratio=(0.5, 2.0))
        np.testing.assert_array_equal(windows, [want] * 4000)
        np.testing.assert_array_equal(reference_windows, [want] * 5)
    assert augment.random_crop_window(KEY, size=(8, 8), scale=(1.0, 1.0), ratio=(1.0, 1.0)).tolist() == [0, 0, 8, 8]


@pytest.mark.row(177)
def test_the_distribution_of_area_aspect_and_place():
    stats = pytest.importorskip("scipy.stats")
    # of a large image, so that rounding to pixels does not show; small enough areas that the first try always fits
    size, scale, ratio = (2000, 2000), (0.1, 0.45), (0.5, 2.0)
    top, left, height, width = np.float64(drawn_windows(size=size, scale=scale, ratio=ratio)[0]).T
    uniform = [
        (height * width / 4e6 - 0.1) / 0.35,
        (np.log2(width / height) + 1) / 2,
        (top + 0.5) / (2001 - height),
        (left + 0.5) / (2001 - width),
    ]
    for values in uniform:
        assert stats.kstest(values, "uniform").pvalue > 1e-3
    for one, other in itertools.combinations(uniform, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(4000)


@pytest.mark.row(177)
@pytest.mark.parametrize("antialias", [True, False])
def test_crop_and_resize_is_pytorchs_bilinear(x64, rng, antialias):
    images = rng.random((4, 11, 9, 2))
    windows = np.array([[0, 0, 11, 9], [2, 3, 7, 5], [4, 1, 1, 8], [9, 8, 2, 1]], np.int32)
    resize = functools.partial(augment.crop_and_resize, shape=(5, 6), antialias=antialias)
    out = jax.jit(resize)(images, windows)
    assert out.dtype == np.float64
    want = [reference.resize_window(*pair, (5, 6), antialias) for pair in zip(images, windows, strict=True)]
    assert_close(out, want)
    torch = pytest.importorskip("torch")
    for got, image, (top, left, height, width) in zip(np.asarray(out), images, windows, strict=True):
        part = torch.tensor(image[top : top + height, left : left + width].transpose(2, 0, 1)[None].copy())
        theirs = torch.nn.functional.interpolate(part, (5, 6), mode="bilinear", antialias=antialias)
        # PyTorch's antialiased weights are of single precision inside
        np.testing.assert_allclose(got, theirs.numpy()[0].transpose(1, 2, 0), atol=1e-6 if antialias else 1e-12)


@pytest.mark.row(177)
def test_resized_crops_are_those_of_their_windows(rng):
    images = stored(rng)
    whole = np.tile([0, 0, 7, 5], (6, 1))
    np.testing.assert_array_equal(augment.crop_and_resize(images, whole), images)
    out = CountedJit(augment.random_resized_crop)(KEYS, images)
    windows = augment.random_crop_window(KEYS, size=(7, 5))
    assert len(np.unique(windows, axis=0)) > 4
    pairs = zip(images, windows.tolist(), strict=True)
    want = [reference.resize_window(image / 255, window, (7, 5), True) for image, window in pairs]
    assert np.abs(out - 255 * np.stack(want)).max() <= 0.5 + 1e-3  # rounded to the nearest
    assert jax.eval_shape(functools.partial(augment.random_resized_crop, shape=(4, 3)), KEY, images).shape == (
        6,
        4,
        3,
        3,
    )


@pytest.mark.row(177)
@pytest.mark.parametrize(("mode", "numpy_mode"), [("constant", "constant"), ("reflect", "reflect"), ("edge", "edge")])
def test_pad_and_crop_moves_each_image_by_its_own_steps(rng, mode, numpy_mode):
    images = stored(rng, (200, 4, 6, 1))
    out = np.asarray(augment.pad_and_crop(KEY, images, padding=2, mode=mode))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode=numpy_mode)
    moves = []
    for image, wide in zip(out, padded, strict=True):
        found = [(i, j) for i in range(5) for j in range(5) if (wide[i : i + 4, j : j + 6] == image).all()]
        assert len(found) == 1
        moves += found
    counts = np.bincount([5 * i + j for i, j in moves], minlength=25)
    # chi-squared of 25 equally likely moves: 24 degrees of freedom, the one in a thousand quantile is 51
    assert ((counts - 8) ** 2 / 8).sum() < 51


@pytest.mark.row(178)
@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_torchvisions_formulas(x64, rng, name):
    function, formula = COLOURS[name]
    amounts = np.array([0.0, 0.3, -0.5, 0.5, -0.25, 0.01]) if name == "hue" else np.array([0, 0.5, 1, 1.5, 3, 0.9])
    images = rng.random(SHAPE)
    images[0, 0, 0], images[1, 0, 0], images[2, 0, 0] = 0.0, 1.0, 0.5  # black, white and grey have no hue
    out = function(images, amounts)
    assert out.dtype == np.float64
    assert_close(out, [formula(image, amount) for image, amount in zip(images, amounts, strict=True)])
    assert_close(function(images, 0.25), [formula(image, 0.25) for image in images])
    # floats and the unit of uint8 agree, to the nearest level
    levels = stored(rng)
    want = np.stack([formula(image / 255, amount) for image, amount in zip(levels, amounts, strict=True)])
    rounded = function(levels, amounts)
    assert rounded.dtype == np.uint8
    assert np.abs(rounded - 255 * want).max() <= 0.5 + 1e-3


@pytest.mark.row(178)
def test_nothing_changes_at_strength_zero_and_hues_turn_back(x64, rng):
    images, levels = rng.random(SHAPE), stored(rng)
    for name in COLOURS:
        function = getattr(augment, f"random_{name}")
        assert_close(function(KEY, images, strength=0.0), images)
        np.testing.assert_array_equal(function(KEY, levels, strength=0.0), levels)
    still = functools.partial(augment.colour_jitter, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    assert_close(still(KEY, images), images)
    np.testing.assert_array_equal(still(KEY, levels), levels)
    turned = augment.adjust_hue(images, 0.3)
    assert np.abs(turned - images).max() > 0.1
    assert_close(augment.adjust_hue(turned, -0.3), images)
    assert_close(augment.adjust_hue(augment.adjust_hue(images, 0.5), 0.5), images)


@pytest.mark.row(178)
def test_amounts_are_uniform(x64):
    stats = pytest.importorskip("scipy.stats")
    grey = np.full((4000, 1, 1, 3), 0.25)
    factor = np.asarray(augment.random_brightness(KEY, grey, strength=0.5))[:, 0, 0, 0] / 0.25
    assert stats.kstest(factor - 0.5, "uniform").pvalue > 1e-3
    # not below 0, however strong
    factor = np.asarray(augment.random_brightness(KEY, grey, strength=2.0))[:, 0, 0, 0] / 0.25
    assert stats.kstest(factor / 3, "uniform").pvalue > 1e-3
    red = np.concatenate([np.ones((4000, 1, 1, 1)), np.zeros((4000, 1, 1, 2))], -1)
    red, green, blue = np.asarray(augment.random_hue(KEY, red, strength=1 / 6)).reshape(4000, 3).T
    # within a sixth of red: green grows with the angle on one side, blue on the other
    assert (red == 1).all()
    assert stats.kstest((green - blue + 1) / 2, "uniform").pvalue > 1e-3


@pytest.mark.row(178)
def test_jitter_is_one_of_all_orders_of_the_four(x64, rng):
    images = np.repeat(rng.random((1, 2, 2, 3)), 400, 0)
    keys = example_keys(KEY, 400)
    out = np.asarray(jax.jit(functools.partial(augment.colour_jitter, hue=0.3))(keys, images))
    uniform = np.asarray(jax.vmap(lambda key: jax.random.uniform(key, (8,), jnp.float32))(keys), np.float64)
    formulas = [reference.brightness, reference.contrast, reference.saturation, reference.hue]
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for image, got, u in zip(images, out, uniform, strict=True):
        amounts = [*(0.5 + u[:3]), 0.3 * (2 * u[3] - 1)]
        found = []
        for order in counts:
            value = image
            for number in order:
                value = formulas[number](value, amounts[number])
            if np.abs(value - got).max() < 1e-6:
                found.append(order)
        assert found  # the amounts are drawn in float32
        for order in found:
            counts[order] += 1 / len(found)
    # chi-squared of 24 equally likely orders: 23 degrees of freedom, the one in a thousand quantile is 50; orders
    # that give the same image share it, which only lowers the sum
    assert sum((n - 400 / 24) ** 2 / (400 / 24) for n in counts.values()) < 50
    assert min(counts.values()) > 0


@pytest.mark.row(176, 177, 178)
@pytest.mark.parametrize("name", RANDOM)
def test_jit_vmap_dtype_and_no_second_compilation(rng, name):
    function = RANDOM[name]
    keys, levels = KEYS, stored(rng)
    compiled = CountedJit(function)
    out = np.asarray(compiled(keys, levels))
    # an example gets the same in another place of another batch
    np.testing.assert_array_equal(compiled(keys[::-1], levels[::-1]), out[::-1])
    other = np.asarray(compiled(OTHERS, levels))
    assert compiled.traces == 1
    assert (other != out).any()
    if name in VMAPPED:
        both = jax.jit(jax.vmap(function, (0, None)))(jnp.stack([KEY, jax.random.key(9)]), levels)
        np.testing.assert_array_equal(both, [out, other])
    for dtype in ("uint8", "uint16", "bfloat16", "float16", "float32"):
        shape = jax.eval_shape(function, keys, jax.ShapeDtypeStruct(SHAPE, dtype))
        assert (shape.shape, shape.dtype) == (SHAPE, dtype)


@pytest.mark.row(176)
def test_compose_draws_anew_for_each_function():
    images = np.arange(2, dtype=np.int32).reshape(1, 1, 2).repeat(400, 0)
    twice = augment.compose(augment.random_flip_left_right, augment.random_flip_left_right)(KEY, images)
    rate = float(np.mean(twice[:, 0, 0]))
    assert abs(rate - 0.5) < 4 * np.sqrt(0.25 / 400)  # 0 if both had the same coin
    first = jax.vmap(lambda key: jax.random.fold_in(key, 0))(example_keys(KEY, 400))
    second = jax.vmap(lambda key: jax.random.fold_in(key, 1))(example_keys(KEY, 400))
    want = augment.random_flip_left_right(second, augment.random_flip_left_right(first, images))
    np.testing.assert_array_equal(twice, want)
    batch = {"inputs": images, "labels": np.arange(400)}
    out = augment.on_batch(augment.random_flip_left_right)(first, batch)
    np.testing.assert_array_equal(out["inputs"], augment.random_flip_left_right(first, images))
    assert out["labels"] is batch["labels"]
