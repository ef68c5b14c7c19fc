"""dlx.data: generators."""

import inspect

import numpy as np
import pytest

from dlx.data import blobs, circles, linear_data, moons, periodic_series, spirals, windows

PLANE = [moons, circles, spirals, blobs]


@pytest.mark.parametrize("function", PLANE)
def test_shapes_dtypes_and_seeds(function):
    data = function(examples=31, seed=3)
    assert (data["inputs"].shape, data["inputs"].dtype) == ((31, 2), np.float32)
    assert (data["labels"].shape, data["labels"].dtype) == ((31,), np.int32)
    same, other = function(examples=31, seed=3), function(examples=31, seed=4)
    np.testing.assert_array_equal(same["inputs"], data["inputs"])
    assert (other["inputs"] != data["inputs"]).any()
    counts = np.bincount(data["labels"])
    assert counts.max() - counts.min() <= 1
    assert all(p.kind is p.KEYWORD_ONLY for p in inspect.signature(function).parameters.values())


def by_angle(data):
    """Rows of inputs and labels in a fixed order, to compare sets of points."""
    rows = np.column_stack([data[1], np.round(data[0], 5) + 0.0])
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize(
    ("function", "library", "options"),
    [(moons, "make_moons", {}), (circles, "make_circles", {"factor": 0.3})],
)
def test_equals_scikit_learn_without_noise(function, library, options):
    datasets = pytest.importorskip("sklearn.datasets")
    for examples in (50, 51):
        got = function(examples=examples, noise=0, **options)
        want = getattr(datasets, library)(examples, shuffle=False, noise=None, **options)
        np.testing.assert_allclose(by_angle((got["inputs"], got["labels"])), by_angle(want), atol=2e-5)


def test_spirals_follow_their_formula():
    data = spirals(examples=30, classes=3, turns=1.5, noise=0)
    for point, label in zip(data["inputs"].astype(float), data["labels"], strict=True):
        radius = np.hypot(*point)
        angle = 2 * np.pi * (1.5 * radius + label / 3)
        np.testing.assert_allclose(point, [radius * np.cos(angle), radius * np.sin(angle)], atol=1e-5)
    assert np.isclose(np.hypot(*data["inputs"].T).max(), 1)


def test_blobs_have_their_moments():
    centers = [[0.0, 1.0, 2.0], [5.0, -5.0, 0.0]]
    data = blobs(examples=20_000, centers=centers, noise=0.5, seed=1)
    for number, center in enumerate(centers):
        cloud = data["inputs"][data["labels"] == number]
        # five standard errors of 10,000 draws
        np.testing.assert_allclose(cloud.mean(0), center, atol=5 * 0.5 / 100)
        np.testing.assert_allclose(cloud.std(0), 0.5, atol=5 * 0.5 / np.sqrt(20_000))


def test_noise_of_the_plane_sets():
    for function in PLANE:
        clean, noisy = (function(examples=4000, noise=noise, seed=2)["inputs"] for noise in (0.0, 0.3))
        # equal seeds: equal order, so that the difference is the noise itself
        np.testing.assert_allclose((noisy - clean).std(), 0.3, rtol=0.05)


def test_linear_data_are_recovered_by_least_squares():
    data = linear_data([2.0, -3.4], 4.2, noise=0.01, examples=4000, seed=5)
    assert data["labels"].dtype == data["inputs"].dtype == np.float32
    design = np.column_stack([data["inputs"], np.ones(4000)]).astype(float)
    solution, residual, *_ = np.linalg.lstsq(design, data["labels"].astype(float), rcond=None)
    np.testing.assert_allclose(solution, [2.0, -3.4, 4.2], atol=5 * 0.01 / np.sqrt(4000))
    np.testing.assert_allclose(np.sqrt(residual[0] / 4000), 0.01, rtol=0.06)
    np.testing.assert_allclose(data["inputs"].std(0), 1, atol=0.06)
    exact = linear_data([2.0], 1.0, noise=0, examples=5)
    np.testing.assert_allclose(exact["labels"], 2 * exact["inputs"][:, 0] + 1, rtol=1e-6)


def test_periodic_series():
    series = periodic_series(length=400, periods=(40.0, 25.0), amplitudes=(1.0, 0.5), noise=0)
    want = [np.sin(2 * np.pi * t / 40) + 0.5 * np.sin(2 * np.pi * t / 25) for t in range(400)]
    np.testing.assert_allclose(series, want, atol=1e-6)
    spectrum = np.abs(np.fft.rfft(series)) / 200
    assert set(np.flatnonzero(spectrum > 0.01)) == {10, 16}
    np.testing.assert_allclose(spectrum[[10, 16]], [1.0, 0.5], rtol=1e-5)
    noisy = periodic_series(length=4000, noise=0.2) - periodic_series(length=4000, noise=0)
    np.testing.assert_allclose(noisy.std(), 0.2, rtol=0.06)


def test_windows_by_hand():
    data = windows(np.arange(6.0), 3, horizon=2)
    np.testing.assert_array_equal(data["inputs"][..., 0], [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(data["labels"], [4, 5])
    assert windows(np.arange(4), 3)["inputs"].shape == (1, 3, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moons(examples=1), "examples must be at least 2, not 1"),
        (lambda: moons(noise=-1), "noise must not be negative, not -1"),
        (lambda: moons(noise=float("nan")), "noise must not be negative, not nan"),
        (lambda: circles(factor=1), r"factor must lie in \(0, 1\), not 1"),
        (lambda: spirals(classes=0), "classes must be at least 1, not 0"),
        (lambda: spirals(examples=2), "examples must be at least 3, not 2"),
        (lambda: blobs(centers=[1, 2]), r"centers must be \(classes, features\), not of shape \(2,\)"),
        (lambda: linear_data([[1.0]], 0), r"weights must be a vector, not of shape \(1, 1\)"),
        (lambda: linear_data([1.0], 0, examples=0), "examples must be at least 1, not 0"),
        (lambda: periodic_series(periods=(1, 2), amplitudes=(1,)), "equally many, not 2 and 1"),
        (lambda: periodic_series(periods=(0,), amplitudes=(1,)), "periods must be positive"),
        (lambda: windows(np.arange(3), 3), "3 values has no window of 3 steps with horizon 1"),
        (lambda: windows(np.zeros((3, 1)), 1), r"a vector, not of shape \(3, 1\)"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
