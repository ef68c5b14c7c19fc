"""dlx.image: distances of descriptors and their nearest neighbours."""

import jax
import numpy as np
import pytest

from dlx import image
from tests.proof import configurations, prove
from tests.tolerances import assert_close


@pytest.mark.row(333)
@configurations()
def test_squared_distances(rng):
    first, second = rng.standard_normal((6, 5)), rng.standard_normal((4, 5))
    prove(
        image.squared_distances,
        [first, second],
        reference=lambda a, b: ((a[:, None] - b[None]) ** 2).sum(-1),
        kind="contraction",
        dtypes=("float64", "float32"),
    )


@pytest.mark.row(333)
def test_squared_distances_are_not_negative(rng):
    same = (100 + rng.standard_normal((50, 8))).astype(np.float32)
    assert (np.asarray(image.squared_distances(same, same)) >= 0).all()


@pytest.mark.row(333)
@pytest.mark.parametrize("options", [{}, {"mutual": True}, {"ratio": 0.8}, {"max_distance": 2.4}])
def test_beside_scikit_image(options, rng):
    feature = pytest.importorskip("skimage.feature")
    first, second = rng.standard_normal((40, 8)), rng.standard_normal((30, 8))
    first[:10] = second[5:15] + 0.1 * rng.standard_normal((10, 8))
    theirs = {"cross_check": options.get("mutual", False), "max_ratio": options.get("ratio", 1.0)}
    want = feature.match_descriptors(first, second, max_distance=options.get("max_distance", np.inf), **theirs)
    got = image.match_descriptors(first.astype(np.float32), second.astype(np.float32), **options)
    kept = np.flatnonzero(got.valid)
    np.testing.assert_array_equal(np.stack([kept, got.partner[kept]], axis=1), want[np.argsort(want[:, 0])])
    distances = np.sort(np.linalg.norm(first[:, None] - second[None], axis=-1), axis=1)
    assert_close(got.distance, distances[:, 0], kind="contraction")
    assert_close(got.second_distance, distances[:, 1], kind="contraction")


@pytest.mark.row(333, 336)
def test_hamming_beside_opencv(rng):
    cv2 = pytest.importorskip("cv2")
    first, second = rng.integers(0, 256, (20, 32), np.uint8), rng.integers(0, 256, (25, 32), np.uint8)
    second[:8] = first[4:12]
    want = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(first, second)
    got = image.match_descriptors(first.view(np.uint32), second.view(np.uint32), metric="hamming", mutual=True)
    kept = np.flatnonzero(got.valid)
    pairs = [(m.queryIdx, m.trainIdx, m.distance) for m in want]
    assert [(i, got.partner[i], got.distance[i]) for i in kept] == sorted(pairs)


@pytest.mark.row(333)
def test_masks_ties_and_empty_rows():
    distances = np.array([[3.0, 1.0, 1.0], [2.0, 5.0, 0.5], [1.0, 1.5, 4.0]], np.float32)
    got = image.nearest_matches(distances, np.array([True, True, False]), np.array([True, True, False]))
    assert got.valid.tolist() == [True, True, False]
    assert got.partner[:2].tolist() == [1, 0]
    assert got.second_distance[:2].tolist() == [3, 5]
    # of two equal distances the first counts, and no ratio below 1 lets it pass
    tie = image.nearest_matches(distances, ratio=0.99)
    assert tie.partner.tolist() == [1, 2, 0]
    assert tie.valid.tolist() == [False, True, True]
    # the third's nearest is the first column, whose nearest it is; the first and the second column lose theirs
    assert image.nearest_matches(distances, mutual=True).valid.tolist() == [True, True, True]
    # one column only: nothing to compare with
    alone = image.nearest_matches(distances, None, np.array([True, False, False]), ratio=0.5)
    assert alone.valid.all()
    assert np.isinf(alone.second_distance).all()
    assert not image.nearest_matches(distances * np.nan).valid.any()


@pytest.mark.row(333)
def test_matching_jits_vmaps_and_differentiates(rng):
    first, second = rng.standard_normal((2, 6, 4)).astype(np.float32), rng.standard_normal((2, 5, 4)).astype(np.float32)

    def match(a, b):
        return image.match_descriptors(a, b, ratio=0.9, mutual=True)

    stacked = jax.jit(jax.vmap(match))(first, second)
    for i in range(2):
        jax.tree.map(lambda a, b, i=i: assert_close(a[i], b, kind="contraction", dtype=np.float32), stacked,
                     match(first[i], second[i]))  # fmt: skip
    slope = jax.grad(lambda a: match(a, second[0]).distance[0])(first[0])
    difference = first[0, 0] - second[0, int(match(first[0], second[0]).partner[0])]
    assert_close(slope[0], difference / np.linalg.norm(difference), kind="contraction")
    zero = jax.grad(lambda a: match(a, first[0]).distance.sum())(first[0])
    assert np.isfinite(zero).all()
