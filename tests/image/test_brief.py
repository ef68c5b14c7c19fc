"""dlx.image: BRIEF."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import image
from tests.reference import image_descriptors as reference

PAIRS = image.brief_pairs(jax.random.key(0))
DESCRIBE = jax.jit(image.brief_descriptor)


def smoothed(rng, shape=(100, 120)):
    return np.asarray(image.gaussian_filter(rng.random(shape).astype(np.float32), sigma=1.5))


def grid(low, high_x, high_y, step=8):
    x, y = np.meshgrid(np.arange(low, high_x, step), np.arange(low, high_y, step))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


@pytest.mark.row(336)
@pytest.mark.erratum("E81")
def test_brief_descriptor_is_the_reference(rng):
    picture = smoothed(rng)
    points = np.array([[50.2, 40.8], [3.0, 97.0], [119.0, 0.0]], np.float32)
    # no smoothing: the comparisons alone
    words = image.brief_descriptor(picture, points, PAIRS, sigma=0.0)
    bits = reference.brief(picture, points, np.asarray(PAIRS))
    want = np.packbits(bits, axis=1, bitorder="little").view(np.uint32)
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(words, want)
    np.testing.assert_array_equal(image.pack_bits(bits), want)
    # h(p) > h(q) as the notes have it, the paper's h(p) < h(q) with the pairs exchanged; ties are 0 in both
    exchanged = image.brief_descriptor(picture, points[:1], PAIRS[:, ::-1], sigma=0.0)
    assert (image.hamming_distances(words[:1], exchanged) == 256).all()


@pytest.mark.row(336)
def test_brief_is_that_of_scikit_image(rng):
    feature = pytest.importorskip("skimage.feature")
    picture = rng.random((90, 90)).astype(np.float32)
    points = grid(30, 60, 60)
    extractor = feature.BRIEF(descriptor_size=256, patch_size=31, sigma=0.0001, mode="normal", rng=5)
    extractor.extract(picture, points[:, ::-1])
    # its pairs, drawn as it draws them: rows and columns of p, then of q; its test is h(p) < h(q)
    drawn = (31 / 5 * np.random.default_rng(5).standard_normal(256 * 8)).astype(np.int32)
    drawn = drawn[(drawn < 15) & (drawn > -(31 - 2) // 2)]
    p, q = drawn[:512].reshape(256, 2)[:, ::-1], drawn[512:1024].reshape(256, 2)[:, ::-1]
    words = np.asarray(image.brief_descriptor(picture, points, np.stack([q, p], axis=1), sigma=0.0))
    np.testing.assert_array_equal(np.unpackbits(words.view(np.uint8), axis=1, bitorder="little"), extractor.descriptors)


@pytest.mark.row(336)
def test_translation_is_followed_and_rotation_is_not(rng):
    picture = smoothed(rng, (101, 101))
    points = grid(30, 70, 70)
    first = DESCRIBE(picture, points, PAIRS)
    shifted = DESCRIBE(np.roll(picture, (4, 3), (0, 1)), points + np.array([[3, 4]], np.float32), PAIRS)
    matches = image.match_descriptors(first, shifted, metric="hamming")
    assert (matches.partner == np.arange(len(points))).all()
    assert (matches.distance <= 2).all()
    # (x, y) goes to (100 - y, x)
    turned = np.stack([100 - points[:, 1], points[:, 0]], axis=1)
    rotated = image.match_descriptors(first, DESCRIBE(np.rot90(picture, -1).copy(), turned, PAIRS), metric="hamming")
    assert (rotated.partner == np.arange(len(points))).mean() < 0.3
    # brighter and with more contrast: the same comparisons
    assert (image.hamming_distances(DESCRIBE(0.5 * picture + 0.25, points, PAIRS), first).diagonal() <= 2).all()


@pytest.mark.row(336)
def test_brief_pairs_are_fixed_by_the_key_and_inside_the_patch():
    many = np.asarray(image.brief_pairs(jax.random.key(1), bits=4096))
    assert np.abs(many).max() == 15
    assert (many[:, 0] != many[:, 1]).any(axis=1).all()
    # a normal distribution of 31 / 5 = 6.2 pixels, cut at 15; five standard errors of 16384 draws
    assert abs(many.mean()) < 5 * 6.2 / 128
    assert abs(many.std() - 6.1) < 0.2
    assert (image.brief_pairs(jax.random.key(0)) == PAIRS).all()
    assert not (image.brief_pairs(jax.random.key(2)) == PAIRS).all()


@pytest.mark.row(336)
def test_hamming_distances_are_the_bits_of_xor(rng):
    first, second = rng.integers(0, 2**32, (5, 8), np.uint32), rng.integers(0, 2**32, (3, 8), np.uint32)
    want = [[reference.popcount_distance(a, b) for b in second] for a in first]
    np.testing.assert_array_equal(jax.jit(image.hamming_distances)(first, second), want)
    ends = np.array([[0], [2**32 - 1]], np.uint32)
    np.testing.assert_array_equal(image.hamming_distances(ends, ends), [[0, 32], [32, 0]])


@pytest.mark.row(336)
def test_brief_vmaps_over_images(rng):
    pictures = np.stack([smoothed(rng, (40, 40)), smoothed(rng, (40, 40))])
    points = jnp.asarray(grid(16, 24, 24, 4))
    both = jax.vmap(lambda i: image.brief_descriptor(i, points, PAIRS))(pictures)
    for picture, words in zip(pictures, both, strict=True):
        assert (image.hamming_distances(words, image.brief_descriptor(picture, points, PAIRS)).diagonal() <= 1).all()
