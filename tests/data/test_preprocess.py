"""dlx.data: standardisation, min-max, one-hot, and `prepare`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx.data
from dlx.data import (
    inverse_min_max,
    min_max,
    min_max_scale,
    one_hot,
    one_hot_columns,
    one_hot_encode,
    prepare,
    standardization,
    standardize,
    unstandardize,
)
from tests.data import tiny
from tests.proof import configurations
from tests.tolerances import assert_close


def table(rng, examples=40, features=5):
    """A table with a constant column, and columns of other units."""
    x = rng.normal(size=(examples, features)) * 10.0 ** rng.integers(-3, 4, features) + rng.normal(size=features)
    x[:, 2] = 0.1
    return x


@configurations()
@pytest.mark.row(73)
def test_standardization_equals_scikit_learn(rng):
    library = pytest.importorskip("sklearn.preprocessing")
    train, test = table(rng), table(rng, 7)
    test[:, 2] = 3.0
    scaler, statistics = library.StandardScaler().fit(train), standardization(train)
    for x in (train, test):
        z = standardize(x, statistics)
        assert_close(z, scaler.transform(x))
        np.testing.assert_allclose(unstandardize(z, statistics), x, rtol=1e-12, atol=1e-12)
        assert_close(unstandardize(x, statistics), scaler.inverse_transform(x))


@configurations()
@pytest.mark.row(73)
def test_standardization_by_hand(rng):
    train = table(rng)
    mean = [sum(column) / len(column) for column in train.T]
    variance = [
        sum((value - m) ** 2 for value in column) / len(column) for column, m in zip(train.T, mean, strict=True)
    ]
    z = standardize(train, standardization(train))
    for j in (0, 1, 3, 4):
        assert_close(z[:, j], (train[:, j] - mean[j]) / np.sqrt(variance[j]))
    np.testing.assert_array_equal(z[:, 2], 0)


@configurations()
@pytest.mark.row(75)
def test_min_max_equals_scikit_learn(rng):
    library = pytest.importorskip("sklearn.preprocessing")
    a, b = sorted(rng.normal(size=2) * 3)
    train, test = table(rng), table(rng, 7)
    test[:, 2] = 3.0
    scaler, statistics = library.MinMaxScaler((a, b)).fit(train), min_max(train, a=a, b=b)
    for x in (train, test):
        scaled = min_max_scale(x, statistics)
        assert_close(scaled, scaler.transform(x))
        np.testing.assert_allclose(inverse_min_max(scaled, statistics), x, rtol=1e-11, atol=1e-11)
        assert_close(inverse_min_max(scaled, statistics), scaler.inverse_transform(scaled))


@pytest.mark.row(75)
def test_min_max_by_hand():
    statistics = min_max(np.array([[0.0, 7.0], [5.0, 7.0], [10.0, 7.0]]), a=-1, b=1)
    np.testing.assert_array_equal(min_max_scale(np.array([[0.0, 7], [2.5, 7], [20, 8]]), statistics), [
        [-1, -1], [-0.5, -1], [3, 1],
    ])  # fmt: skip
    float32 = np.float32([[1, 7], [9, 7]])
    # row 75 asks for a round trip to 1e-6
    np.testing.assert_allclose(
        inverse_min_max(min_max_scale(float32, statistics), statistics), float32, rtol=1e-6, atol=1e-6
    )


TRANSFORMS = [
    pytest.param(standardization, standardize, marks=pytest.mark.row(73)),
    pytest.param(standardization, unstandardize, marks=pytest.mark.row(73)),
    pytest.param(min_max, min_max_scale, marks=pytest.mark.row(75)),
    pytest.param(min_max, inverse_min_max, marks=pytest.mark.row(75)),
]


@pytest.mark.parametrize(("fit", "apply"), TRANSFORMS)
def test_numpy_eager_jit_and_vmap_agree_and_keep_the_dtype(rng, fit, apply):
    statistics = fit(table(rng))
    x = table(rng, 6)
    want = apply(x, statistics)
    assert want.dtype == np.float64
    for dtype in ("float32", "bfloat16", "float16"):
        got = apply(jnp.asarray(x, dtype), statistics)
        assert got.dtype == dtype
    x32 = jnp.asarray(x, jnp.float32)
    close = {"rtol": 1e-5, "atol": 1e-4 * np.abs(want).max()}
    np.testing.assert_allclose(apply(np.float32(x), statistics), want, **close)
    np.testing.assert_allclose(apply(x32, statistics), want, **close)
    np.testing.assert_allclose(jax.jit(apply)(x32, statistics), apply(x32, statistics), rtol=1e-5, atol=1e-5)
    rows = jax.vmap(lambda row: apply(row, statistics))(x32)
    np.testing.assert_allclose(rows, apply(x32, statistics), rtol=1e-5, atol=1e-5)
    integers = apply(np.array([[1, 2, 3, 4, 5]]), statistics)
    assert integers.dtype == np.float32


@pytest.mark.row(73)
def test_statistics_of_images_are_per_channel(rng):
    images = rng.normal(size=(6, 4, 4, 3))
    statistics = standardization(images)
    np.testing.assert_allclose(statistics.mean, images.mean((0, 1, 2)))
    np.testing.assert_allclose(statistics.std, images.std((0, 1, 2)))
    assert standardize(jnp.asarray(images, jnp.float32), statistics).shape == images.shape


@pytest.mark.row(39)
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_one_hot_equals_jax(rng, shape):
    labels = np.asarray(rng.integers(-1, 6, shape))
    want = jax.nn.one_hot(labels, 5)
    for got in (one_hot(labels, 5), one_hot(jnp.asarray(labels), 5), jax.jit(lambda x: one_hot(x, 5))(labels)):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, want)
    assert one_hot(labels, 5, dtype=np.int8).dtype == np.int8


@pytest.mark.row(74)
@pytest.mark.parametrize("unknown", ["error", "zeros"])
def test_one_hot_columns_equal_scikit_learn(rng, unknown):
    library = pytest.importorskip("sklearn.preprocessing")
    words, numbers = rng.choice(["A", "B", "C"], 30), rng.integers(5, 9, 30)
    frame = np.array([words, numbers], object).T
    scaler = library.OneHotEncoder(handle_unknown={"error": "error", "zeros": "ignore"}[unknown], sparse_output=False)
    encoding = one_hot_columns([words, numbers], unknown=unknown, missing="zeros")
    # zeros and ones: the float32 are exact
    assert_close(one_hot_encode([words, numbers], encoding), scaler.fit_transform(frame), dtype=np.float64)
    if unknown == "zeros":
        new = [np.array(["D", "A"]), np.array([5, 77])]
        want = scaler.transform(np.array(new, object).T)
        assert_close(one_hot_encode(new, encoding), want, dtype=np.float64)


@pytest.mark.row(74)
def test_one_hot_columns_by_hand():
    words = np.array(["B", None, "A", float("nan")], object)
    numbers = np.array([1.0, np.nan, 2.0, 1.0])
    encoding = one_hot_columns([words, numbers], unknown="column", missing="column")
    assert encoding.categories == (("A", "B"), (1.0, 2.0))
    new = [np.array(["A", "B", None, "Z"], object), np.array([2.0, np.nan, 3.0, 1.0])]
    # A B missing unknown | 1 2 missing unknown
    np.testing.assert_array_equal(one_hot_encode(new, encoding), [
        [1, 0, 0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 0, 0, 0],
    ])  # fmt: skip
    every_example = one_hot_encode([words, numbers], encoding).reshape(4, 2, 4).sum(-1)
    np.testing.assert_array_equal(every_example, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: standardization(np.zeros((0, 3))), r"at least one example, not of shape \(0, 3\)"),
        (lambda: standardization(np.zeros(3)), r"not of shape \(3,\)"),
        (lambda: standardization(np.array([[1.0], [np.nan]])), "train has nan in example 1"),
        (lambda: min_max(np.array([[1.0], [2.0], [np.inf]])), "train has inf in example 2"),
        (lambda: min_max(np.ones((2, 2)), a=1, b=1), "a must be less than b, not a=1, b=1"),
        (lambda: one_hot(np.array([1]), 0), "classes must be at least 1, not 0"),
        (
            lambda: one_hot_columns([["a"]], unknown="ignore"),
            "unknown must be 'error', 'column' or 'zeros', not 'ignore'",
        ),
        (lambda: one_hot_columns([[1.0, np.nan]], missing="error"), "column 0: example 1 is missing"),
        (lambda: one_hot_columns([[np.nan]]), "column 0 has no values"),
        (lambda: one_hot_encode([["a", "b"]], one_hot_columns([["a"]])), "column 0: example 1 is unknown: .*'b'"),
        (lambda: one_hot_encode([], one_hot_columns([["a"]])), "the encoding has 1 columns, not 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_hot_refuses_real_labels():
    with pytest.raises(TypeError, match="labels must be integers, not float64"):
        one_hot(np.array([1.0]), 3)


@pytest.mark.parametrize("name", ["digits", "wine", "periodic"])
def test_prepare_standardises_a_training_split(name):
    data = dlx.data.load(name)
    got = jax.jit(prepare(data.card))({**data.train, "more": jnp.ones(2)})
    assert set(got) == {"inputs", "labels", "more"}
    assert got["inputs"].dtype == jnp.float32
    assert got["labels"].dtype == data.train["labels"].dtype
    axes = tuple(range(got["inputs"].ndim - 1))
    # the card's seven digits, and float32 sums
    np.testing.assert_allclose(np.asarray(got["inputs"], np.float64).mean(axes), 0, atol=2e-5)
    np.testing.assert_allclose(np.asarray(got["inputs"], np.float64).std(axes), 1, rtol=2e-5)


def test_prepare_by_hand():
    card = tiny.entry().card._replace(mean=(0.5, 0.25), std=(0.25, 0.0), scale=10.0)
    batch = {"inputs": np.array([[0, 5], [10, 2]], np.uint8)}
    np.testing.assert_allclose(prepare(card)(batch)["inputs"], [[-2, 0.25], [2, -0.05]], rtol=1e-6)
    assert prepare(card, dtype=jnp.bfloat16)(batch)["inputs"].dtype == jnp.bfloat16
    assert batch["inputs"].dtype == np.uint8
